"""Where the sources' files are: a folder of the user's own, or this checkout's."""

import os
from pathlib import Path
from typing import Final

from hubsync_local.checkout import SOURCES
from hubsync_local.stack_file import running_stack

VARIABLE: Final = "HUBSYNC_SOURCES"


def sources_folder() -> Path:
    """Return the folder that HUBSYNC_SOURCES names, or the local stack's that runs, or our own."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    ready = running_stack() or {}
    return Path(ready.get("sources_folder") or SOURCES)
