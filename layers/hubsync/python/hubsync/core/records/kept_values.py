"""Whether HubSpot kept another value than it was sent: an answer that vouches shows what it has.

HubSpot writes some values in another way than they were sent, which is no loss (observed: numbers,
dates, booleans, e-mail addresses, phone numbers). Other differences are HubSpot's decision: a
lifecycle stage, for one, does not go backward (documented).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from hubsync.core.change import ARCHIVED, Reading

_PHONE: Final = re.compile(r"[+\d][\d\s()./-]{4,}", re.ASCII)
_NOT_DIGITS: Final = re.compile(r"\D+", re.ASCII)
_NUMBER_CHARACTERS_MAX: Final = 64  # Longer ones are texts: a number is read exactly, so it costs.
_BOOLEANS: Final = {"true": "true", "false": "false", "yes": "true", "no": "false"}


def kept_otherwise(sent: Mapping[str, Reading], shown: Mapping[str, object]) -> list[str]:
    """Return the properties of which HubSpot shows another value than was sent.

    A property that the answer does not show says nothing.
    """
    return [
        name
        for name, reading in sent.items()
        if name in shown
        and shown[name] != reading.value
        and name != ARCHIVED
        and not is_same(reading.value, shown[name])
    ]


def is_same(sent: str, shown: object) -> bool:
    """Whether a value that HubSpot shows is the one sent, written in another way."""
    text = "" if shown is None else str(shown)
    if text == sent or text.strip().lower() == sent.strip().lower():
        return True
    if _boolean(sent) is not None:
        return _boolean(sent) == _boolean(text)
    return any(
        (one := read(sent)) is not None and one == read(text) for read in (_number, _moment, _phone)
    ) or _set(sent) == _set(text)


def _boolean(text: str) -> str | None:
    return _BOOLEANS.get(text.strip().lower())


def _number(text: str) -> Decimal | None:
    if len(text) > _NUMBER_CHARACTERS_MAX:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    """Read a date, a time, or milliseconds since 1970, as HubSpot's dates are written."""
    try:
        if text.isascii() and text.lstrip("-").isdigit() and len(text) > len("99999999"):
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _phone(text: str) -> str | None:
    """Return the digits of what looks like a phone number, without the zeros of a prefix."""
    return _NOT_DIGITS.sub("", text).lstrip("0") if _PHONE.fullmatch(text.strip()) else None


def _set(text: str) -> frozenset[str]:
    # Observed: the options of a checkbox come back in another order.
    return frozenset(part.strip() for part in text.split(";"))
