"""Property values in the one form HubSpot takes them: text.

Documented (properties guide): booleans are "true" and "false", numbers are text, the choices of a
multiple checkbox are joined with ";", and the empty string clears. A leading ";" appends to what is
there; a repeated or late append would change the outcome, so it is refused.
"""

import re
from decimal import Decimal
from typing import Any, Final

from pydantic_core import core_schema

from hubsync.core.json_codec import Json
from hubsync.core.limits import NUMBER_CHARACTERS_MAX, VALUE_CHARACTERS_MAX

# Unicode's control characters (category Cc) but tab, line feed and carriage return.
_CONTROLS: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_HALF: Final = re.compile("[\ud800-\udfff]")  # Of a surrogate pair, such as half an emoji.
# A value that is the text HubSpot is sent for it; checked by pydantic, outside of Python.
CANONICAL: Final = core_schema.str_schema(
    strict=True,
    max_length=VALUE_CHARACTERS_MAX,
    pattern=f"^([^;{_CONTROLS}][^{_CONTROLS}]*)?$",
)


def canonical_value(value: Any) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Return the text that HubSpot is sent for a JSON value; ValueError says what is wrong with it.

    Errors never quote the value: it may be personal.
    """
    text = _text(value)
    if len(text) > VALUE_CHARACTERS_MAX:
        raise ValueError(f"has {len(text)} characters; the limit is {VALUE_CHARACTERS_MAX}")
    if text.startswith(";"):
        raise ValueError("starts with ';', which HubSpot takes as an append; send the whole list")
    if CONTROL.search(text):
        raise ValueError("holds a control character other than tab and line ends")
    if not text.isascii() and _HALF.search(text):
        raise ValueError("holds half of a surrogate pair")
    return text


def mended(value: Json) -> Json:
    """Return a value of somebody else's without what no text can hold.

    Control characters are dropped, and half a surrogate pair becomes U+FFFD.
    """
    if isinstance(value, list):
        return [mended(element) for element in value]
    if not isinstance(value, str) or value.isprintable():  # Which no such character is.
        return value
    return _HALF.sub("\ufffd", CONTROL.sub("", value))


def _text(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        return ";".join(_element(element) for element in value)
    if isinstance(value, dict):
        raise ValueError("is an object; HubSpot's properties are flat")  # noqa: TRY004 - pydantic's
    return _scalar(value)


def _element(value: Any) -> str:  # noqa: ANN401
    if value is None or isinstance(value, list | dict):
        raise ValueError("has a list element that is no text, number or boolean")
    text = value if isinstance(value, str) else _scalar(value)
    if ";" in text:
        raise ValueError("has a list element with ';', which separates elements")
    return text


def _scalar(value: float | Decimal) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain_number(value)


def plain_number(value: float | Decimal) -> str:
    """Return a number's shortest plain form: no exponent, no trailing zeros, no negative zero.

    The length is checked before anything is written out, so 1e999999999 costs nothing.
    """
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    sign, digit_values, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("is not a finite number")  # noqa: TRY004 - NaN is a number to Python
    digits = "".join(map(str, digit_values))
    exponent += len(digits) - len(digits.rstrip("0"))
    digits = digits.strip("0")
    if not digits:
        return "0"
    point = len(digits) + exponent  # how many digits stand before it; 0 or less: none
    length = sign + max(point, 1) + (1 - exponent if exponent < 0 else 0)
    if length > NUMBER_CHARACTERS_MAX:
        raise ValueError(
            f"has {length} characters in plain form; the limit is {NUMBER_CHARACTERS_MAX}"
        )
    return "-" * sign + _with_point(digits, point)


def _with_point(digits: str, point: int) -> str:
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    if point > 0:
        return f"{digits[:point]}.{digits[point:]}"
    return "0." + "0" * -point + digits
