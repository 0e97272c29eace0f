"""Where commands find the stack that is running here: a file with its ready line and more.

It holds the signing secrets of the local stack, so nobody else may read it. HUBSYNC_LOCAL names
another file, so that each of several stacks can be found.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hubsync_local.checkout import PROJECT

FOLDER = PROJECT / ".hubsync"


def announcement() -> Path:
    """Return the file that announces a stack, here and now."""
    return Path(os.environ.get("HUBSYNC_LOCAL") or FOLDER / "local.json")


@contextlib.contextmanager
def announced(ready: Mapping[str, Any], path: Path | None = None) -> Iterator[None]:
    """Announce a stack while the context lasts; of several, the last one started is found."""
    path = path or announcement()
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


def running_stack(path: Path | None = None) -> dict[str, Any] | None:
    """Return what announces the stack that was started last, if any."""
    try:
        ready: dict[str, Any] = json.loads((path or announcement()).read_text())
    except FileNotFoundError:
        return None
    return ready
