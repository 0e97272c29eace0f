"""Waiting for something to become true, which is not the same as waiting for a time."""

import time
from collections.abc import Callable

LOOK_SECONDS = 0.02


def wait_until(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(LOOK_SECONDS)
