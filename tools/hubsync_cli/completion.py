"""What the shell completes: names that the project itself knows."""

from hubsync.core.object_types import STANDARD
from hubsync_local.checkout import EXAMPLES, SOURCES
from hubsync_operations.dead_letter import OWN_REASONS


def sources() -> list[str]:
    return sorted(path.stem for path in SOURCES.glob("*.toml"))


def examples() -> list[str]:
    return sorted(path.stem for path in EXAMPLES.glob("*.toml"))


def object_types() -> list[str]:
    return sorted(STANDARD)


def reasons() -> list[str]:
    """Return our own reason codes; HubSpot's are too many and not all known."""
    return sorted(OWN_REASONS)
