"""Moments as an operator writes them: RFC 3339, or how long ago."""

import re
from typing import Final

from hubsync.core.event import parse_timestamp

_AGO: Final = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SECOND: Final = 1_000_000


def parse_moment(text: str, *, now: int) -> int:
    """Return microseconds since 1970 of a moment, or of so long before now: 2h, 3d.

    Raises ValueError.
    """
    ago = _AGO.fullmatch(text)
    return now - int(ago[1]) * _SECONDS[ago[2]] * SECOND if ago else parse_timestamp(text)


def span_text(microseconds: int) -> str:
    """Return a span in its largest unit that it fills once: 45s, 3h, 12d."""
    seconds = max(0, microseconds) // SECOND
    unit = next((unit for unit in "dhm" if seconds >= _SECONDS[unit]), "s")
    return f"{seconds // _SECONDS[unit]}{unit}"
