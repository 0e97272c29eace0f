"""What the shell completes: names that the project itself knows."""

from hubsync.core.object_types import STANDARD
from hubsync_local.checkout import EXAMPLES
from hubsync_local.sources_folder import sources_folder
from hubsync_operations.dead_letter import OWN_REASONS


def sources() -> list[str]:
    return sorted(path.stem for path in sources_folder().glob("*.toml"))


def examples() -> list[str]:
    return sorted(path.stem for path in EXAMPLES.glob("*.toml"))


def object_types() -> list[str]:
    return sorted(STANDARD)


def reasons() -> list[str]:
    """Return our own reason codes; HubSpot's are too many and not all known."""
    return sorted(OWN_REASONS)
