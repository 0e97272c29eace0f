"""Moments as upstreams write them: RFC 3339, or numbers of days, seconds, milliseconds and so on.

They are read more leniently than those of canonical events: an offset may lack its colon, and a
number may be negative, for a time before 1970.
"""

import re
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Final

from hubsync.core.event import format_timestamp, parse_timestamp
from hubsync.core.limits import JSON_NUMBER_CHARACTERS_MAX

# Units, in microseconds.
DAY: Final = Decimal(86_400_000_000)
SECOND: Final = Decimal(1_000_000)
MILLISECOND: Final = Decimal(1_000)
MICROSECOND: Final = Decimal(1)
NANOSECOND: Final = Decimal("0.001")

_DIGITS: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)
_WITHOUT_COLON: Final = re.compile(r".{19,}[+-]\d\d(?=\d\d\Z)", re.ASCII | re.DOTALL)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Below it seconds (until the year 5138), and with each further three digits a unit finer. What is
# misread is so far ahead that it is refused, unless it lies in the first years after 1970.
_SECONDS_MAX: Final = 10**11
_MAGNITUDE_MAX: Final = _SECONDS_MAX * 1_000**3
# The years that can be written, in microseconds.
_YEAR_1: Final = -62_135_596_800_000_000
_YEAR_10000: Final = 253_402_300_800_000_000
_EXACT: Final = Context(prec=2 * JSON_NUMBER_CHARACTERS_MAX)


def read_moment(value: object) -> int:
    """Return microseconds since 1970 of RFC 3339 or a number, whose magnitude tells its unit.

    A number may be spelt as text. Digits beyond microseconds are cut.
    """
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        return read_text(value)
    number = _number(value)
    if number is None:
        raise ValueError("is neither RFC 3339 nor a number of a time since 1970")
    for power, unit in enumerate((SECOND, MILLISECOND, MICROSECOND)):
        if abs(number) < _SECONDS_MAX * 1_000**power:
            return _microseconds(number, unit)
    return _microseconds(number, NANOSECOND)


def read_text(text: object) -> int:
    """Return microseconds since 1970 of RFC 3339, whose offset may lack its colon."""
    if not isinstance(text, str):
        raise ValueError("is no text")  # noqa: TRY004 - a fault
    if _WITHOUT_COLON.match(text):
        text = f"{text[:-2]}:{text[-2:]}"
    return parse_timestamp(text)


def read_day(value: object) -> int:
    """Return microseconds since 1970 of the midnight, in UTC, at which a day begins.

    The day is a date's, or that of an RFC 3339 text as it is written: its offset does not move it.
    """
    if isinstance(value, str) and not _DATE.fullmatch(value):
        read_text(value)
        value = value[: len("2026-11-21")]
    return read_text(f"{value}T00:00:00Z")


def from_unit(value: object, unit: Decimal) -> str:
    """Return the RFC 3339 text of a number of units since 1970."""
    number = _number(value)
    if number is None:
        raise ValueError("is no number")
    return format_timestamp(_microseconds(number, unit))


def _number(value: object) -> Decimal | None:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    return None


def _microseconds(number: Decimal, unit: Decimal) -> int:
    # Compared before it is computed with, since 1e999999 is a short number.
    if abs(number) < _MAGNITUDE_MAX:
        exact = _EXACT.multiply(number, unit).to_integral_value(ROUND_FLOOR, _EXACT)
        if _YEAR_1 <= exact < _YEAR_10000:
            return int(exact)
    raise ValueError("is no time between the years 1 and 9999")
