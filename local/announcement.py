"""Where `hubsync send` finds the stack that is running here: a file with its ready line.

It holds the signing secrets of the local stack, so nobody else may read it.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.stack import PROJECT

FOLDER = PROJECT / ".hubsync"
ANNOUNCEMENT = FOLDER / "local.json"


@contextlib.contextmanager
def announced(ready: Mapping[str, Any], path: Path = ANNOUNCEMENT) -> Iterator[None]:
    """Announce a stack while the context lasts; of several, the last one started is found."""
    path.parent.mkdir(exist_ok=True)
    content = json.dumps(ready)
    path.unlink(missing_ok=True)  # so that the mode below is the file's from its first byte
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    try:
        yield
    finally:
        if path.exists() and path.read_text() == content:
            path.unlink()


def running_stack(path: Path = ANNOUNCEMENT) -> dict[str, Any] | None:
    """Return the ready line of the stack that was announced last, if any."""
    try:
        ready: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return ready
