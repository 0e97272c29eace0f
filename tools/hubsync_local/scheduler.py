"""EventBridge Scheduler's rate schedules: a function is invoked again and again."""

import contextlib
import json
import threading
from collections.abc import Iterator

from hubsync_local.api_gateway import Invokes
from hubsync_local.processes import LocalError
from hubsync_local.template.model import Schedule


@contextlib.contextmanager
def scheduling(schedule: Schedule, function: Invokes) -> Iterator[threading.Event]:
    """Invoke while the context lasts, first after one period; yields what stops it earlier."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.wait(schedule.every_seconds):
            with contextlib.suppress(LocalError):  # the stack is stopping
                function.invoke(json.loads(schedule.input))

    thread = threading.Thread(target=run, name="scheduler")
    thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        thread.join()
