"""Moments as upstreams write them: RFC 3339, or a number of seconds, milliseconds and so on."""

import re
from decimal import Decimal
from typing import Final

from hubsync.core.event import moment, moment_text

_DIGITS: Final = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)
# Below it seconds (until the year 5138), and with each further three digits a unit finer. What is
# misread is so far ahead that it is refused, unless it lies in the first years after 1970.
_SECONDS_MAX: Final = 10**11
_YEAR_10000: Final = 253_402_300_800  # seconds


def read_moment(value: object) -> int:
    """Return microseconds since 1970 of RFC 3339 or a number, whose magnitude tells its unit.

    A number may be spelt as text. Digits beyond microseconds are cut.
    """
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        return moment(value)
    number = _number(value)
    if number is None or not 0 <= number < _SECONDS_MAX * 1_000**3:
        raise ValueError("is neither RFC 3339 nor a time since 1970")
    factor = 1_000_000
    while number >= _SECONDS_MAX:
        number /= 1_000
    return int(number * factor)


def from_unit(value: object, *, per_second: int) -> str:
    """Return the RFC 3339 text of a number of units since 1970."""
    number = _number(value)
    if number is None or not 0 <= number < _YEAR_10000 * per_second:
        raise ValueError("is no time since 1970")
    return moment_text(int(number * 1_000_000 / per_second))


def _number(value: object) -> Decimal | None:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    return None
