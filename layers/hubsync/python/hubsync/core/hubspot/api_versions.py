"""When HubSpot ends a version of its API, so that a year before operators can hear of it."""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

NOTICE: Final = timedelta(days=365)
ENDS: Final[Mapping[str, date]] = MappingProxyType(
    {
        "v3": date(2027, 9, 1),  # Documented: unsupported from September 2027.
        # Inferred: a dated version lives for 18 months.
        "2025-09": date(2027, 3, 31),
        "2026-03": date(2027, 9, 30),
        "2026-09": date(2028, 3, 31),
    }
)


def ending(versions: Mapping[str, str], *, today: date) -> dict[str, date]:
    """Return the configured versions that end within a year, or have ended, and when."""
    configured = sorted({*versions.values()} & ENDS.keys())
    return {version: ENDS[version] for version in configured if ENDS[version] - today <= NOTICE}
