"""The functions that mapping expressions can call: JMESPath's own, and conversions.

JMESPath's own are those of its specification, made exact: payloads hold fractions as `Decimal`,
which the library does not know, and no digit of a number may be lost. `lower`, `upper`, `trim` and
`split` mean what they mean in JMESPath Community. All conversions make null of null, so that what a
payload leaves out stays out. None has a way to fail that would quote a value.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    Inexact,
    localcontext,
)
from functools import cache
from typing import Any, Final

from jmespath import functions
from jmespath.functions import signature

from hubsync.core import timestamps
from hubsync.core.limits import JSON_NUMBER_CHARACTERS_MAX, NUMBER_CHARACTERS_MAX

type Spend = Callable[[int], None]
"""Told of work beyond a step's, by its number of steps; raises when it is too much."""

_INTEGER: Final = re.compile(r"-?\d+", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,6})?", re.ASCII)
_EXACT: Final = Context(prec=2 * JSON_NUMBER_CHARACTERS_MAX)
_EVEN: Final = Context(prec=2 * JSON_NUMBER_CHARACTERS_MAX)
_EVEN.traps[Inexact] = True
# What a division that does not come out even is cut to; 1/3 then has as many characters as a value.
_ROUNDED: Final = Context(prec=NUMBER_CHARACTERS_MAX - len("0."))
_CHARACTERS_PER_STEP: Final = 64

# The library goes by the names of Python's types.
_DECIMAL: Final = Decimal.__name__

_ANY: Final[list[str]] = []
_TEXT: Final = ["string", "null"]
_NUMBER_OR_NULL: Final = ["number", "null"]
_UNITS: Final = ["string", "number", "null"]  # Some systems write numbers as text.


class Unusable(ValueError):
    """A function cannot make anything of what it was given. The message quotes no value."""


# ruff: noqa: ANN401 - arguments are whatever JSON can hold; the library calls methods
class Functions(functions.Functions):
    def __init__(self, spend: Spend) -> None:
        super().__init__()
        self._spend = spend

    def call_function(self, function_name: str, resolved_args: Iterable[Any]) -> Any:
        arguments = [*resolved_args]
        self._spend(sum(map(steps_of, arguments)))
        return super().call_function(function_name, arguments)

    # What the library thinks of types, with Decimal among the numbers.

    def _get_allowed_pytypes(self, types: list[str]) -> tuple[list[str], list[tuple[str, ...]]]:
        return _allowed(tuple(types))

    def _convert_to_jmespath_type(self, pyobject: str) -> str:
        return functions.TYPES_MAP.get("int" if pyobject == _DECIMAL else pyobject, "unknown")

    @signature({"types": _ANY})
    def _func_type(self, value: Any) -> str:
        return self._convert_to_jmespath_type(type(value).__name__)

    # What the library computes, without losing digits.

    @signature({"types": ["number"]})
    def _func_abs(self, number: int | Decimal) -> int | Decimal:
        return abs(number) if isinstance(number, int) else number.copy_abs()

    @signature({"types": ["number"]})
    def _func_ceil(self, number: int | Decimal) -> int | Decimal:
        return _whole(number, ROUND_CEILING)

    @signature({"types": ["number"]})
    def _func_floor(self, number: int | Decimal) -> int | Decimal:
        return _whole(number, ROUND_FLOOR)

    @signature({"types": ["array-number"]})
    def _func_sum(self, numbers: list[int | Decimal]) -> int | Decimal:
        with localcontext(_EXACT):
            return sum(numbers)

    @signature({"types": ["array-number"]})
    def _func_avg(self, numbers: list[int | Decimal]) -> Decimal | None:
        with localcontext(_EXACT):
            total = Decimal(sum(numbers))
        return total / len(numbers) if numbers else None

    @signature({"types": _ANY})
    def _func_to_number(self, value: Any) -> int | Decimal | None:
        if isinstance(value, int | Decimal):
            return None if isinstance(value, bool) else value
        if not isinstance(value, str) or len(value) > JSON_NUMBER_CHARACTERS_MAX:
            return None
        if _INTEGER.fullmatch(value):
            return int(value)
        return Decimal(value) if _NUMBER.fullmatch(value) else None

    @signature({"types": _ANY})
    def _func_to_string(self, value: Any) -> str:
        return value if isinstance(value, str) else self._json(value)

    def _json(self, value: Any) -> str:
        """Return compact JSON. The standard encoder cannot write a Decimal's own digits."""
        if isinstance(value, list):
            self._spend(len(value))
            return f"[{','.join(map(self._json, value))}]"
        if isinstance(value, dict):
            self._spend(len(value))
            members = (f"{self._json(name)}:{self._json(each)}" for name, each in value.items())
            return f"{{{','.join(members)}}}"
        if isinstance(value, Decimal):
            return str(value)
        return json.dumps(value, ensure_ascii=False)

    # Conversions.

    @signature({"types": _TEXT})
    def _func_trim(self, text: str | None) -> str | None:
        return None if text is None else text.strip()

    @signature({"types": _TEXT})
    def _func_lower(self, text: str | None) -> str | None:
        return None if text is None else text.lower()

    @signature({"types": _TEXT})
    def _func_upper(self, text: str | None) -> str | None:
        return None if text is None else text.upper()

    @signature({"types": _TEXT}, {"types": ["string"]})
    def _func_split(self, text: str | None, separator: str) -> list[str] | None:
        if not separator:
            raise Unusable("split() needs a separator")
        return None if text is None else text.split(separator)

    @signature({"types": _NUMBER_OR_NULL}, {"types": ["number"]})
    def _func_divide(self, number: int | Decimal | None, by: int | Decimal) -> Decimal | None:
        if number is None:
            return None
        if not by:
            raise Unusable("divide() was given nothing to divide by")
        try:
            return _EVEN.divide(Decimal(number), Decimal(by))
        except Inexact:
            return _ROUNDED.divide(Decimal(number), Decimal(by))

    @signature({"types": _NUMBER_OR_NULL}, {"types": ["number"]})
    def _func_round(self, number: int | Decimal | None, places: Any) -> int | Decimal | None:
        if isinstance(places, Decimal) or not 0 <= places <= NUMBER_CHARACTERS_MAX:
            raise Unusable(f"round() takes 0 to {NUMBER_CHARACTERS_MAX} places")
        if not isinstance(number, Decimal):
            return number
        return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _EXACT)

    @signature({"types": _UNITS})
    def _func_from_days(self, number: Any) -> str | None:
        return _moment("from_days", lambda: timestamps.from_unit(number, timestamps.DAY), number)

    @signature({"types": _UNITS})
    def _func_from_seconds(self, number: Any) -> str | None:
        return _moment(
            "from_seconds", lambda: timestamps.from_unit(number, timestamps.SECOND), number
        )

    @signature({"types": _UNITS})
    def _func_from_milliseconds(self, number: Any) -> str | None:
        unit = timestamps.MILLISECOND
        return _moment("from_milliseconds", lambda: timestamps.from_unit(number, unit), number)

    @signature({"types": _UNITS})
    def _func_from_microseconds(self, number: Any) -> str | None:
        unit = timestamps.MICROSECOND
        return _moment("from_microseconds", lambda: timestamps.from_unit(number, unit), number)

    @signature({"types": _UNITS})
    def _func_from_nanoseconds(self, number: Any) -> str | None:
        unit = timestamps.NANOSECOND
        return _moment("from_nanoseconds", lambda: timestamps.from_unit(number, unit), number)

    @signature({"types": _TEXT})
    def _func_to_milliseconds(self, text: str | None) -> int | None:
        return _moment("to_milliseconds", lambda: timestamps.read_text(text) // 1_000, text)

    @signature({"types": _TEXT})
    def _func_date(self, text: str | None) -> int | None:
        return _moment("date", lambda: timestamps.read_day(text) // 1_000, text)

    @signature({"types": ["array", "null"]}, {"types": ["string"]}, {"types": _ANY})
    def _func_find(self, given: list[Any] | None, name: str, value: Any) -> Any:
        """Return the first object of a list whose member has the value, which is no list or object.

        A filter of JMESPath cannot look for a value that is elsewhere in the payload.
        """
        if isinstance(value, list | dict):
            raise Unusable("find() looks for text, a number or a boolean")
        if given is None or value is None:
            return None
        is_boolean = isinstance(value, bool)
        for element in given:
            found = element.get(name) if isinstance(element, dict) else None
            # To Python 1 is True.
            if found == value and isinstance(found, bool) == is_boolean:
                return element
        return None

    @signature({"types": ["array", "null"]}, {"types": ["string"]})
    def _func_unwind(self, given: list[Any] | None, name: str) -> list[Any] | None:
        """Return an object for each element of the list that a member of each object is."""
        if given is None:
            return None
        made: list[Any] = []
        for each in given:
            elements = each.get(name) if isinstance(each, dict) else None
            if isinstance(elements, list):
                self._spend(len(elements) * len(each))
                made += ({**each, name: element} for element in elements)
        return made

    @signature({"types": ["object", "null"]}, {"types": ["string"]})
    def _func_member(self, given: dict[str, Any] | None, name: str) -> Any:
        """Return a member: `""`, which clears, where it is null; null where there is none."""
        if given is None or name not in given:
            return None
        return "" if given[name] is None else given[name]


def steps_of(value: Any) -> int:
    """Return how many steps it is worth to go through a value, without what lies deeper in it."""
    if isinstance(value, list | dict):
        return len(value)
    return len(value) // _CHARACTERS_PER_STEP if isinstance(value, str) else 0


@cache
def _allowed(types: tuple[str, ...]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the names of Python's types for some of JMESPath's, and for those of elements."""
    parts = [each.partition("-") for each in types]
    names = functions.REVERSE_TYPES_MAP
    return (
        [name for kind, _, _ in parts for name in _with_decimal(names[kind])],
        [tuple(_with_decimal(names[element])) for _, _, element in parts if element],
    )


def _with_decimal(names: Sequence[str]) -> list[str]:
    return [*names, _DECIMAL] if "int" in names else [*names]


def _whole(number: int | Decimal, rounding: str) -> int | Decimal:
    # Stays a Decimal: 1e999999 is a short number that no integer should be made of.
    return number if isinstance(number, int) else number.to_integral_value(rounding)


def _moment[T](name: str, convert: Callable[[], T], value: object) -> T | None:
    if value is None:
        return None
    try:
        return convert()
    except ValueError:
        raise Unusable(f"{name}() was given what is no moment") from None
