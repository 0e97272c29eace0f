"""An event loop whose clock we move: waiting takes no time, and nothing else moves the clock."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class VirtualClock(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "deadlock: every task waits for another"
        self.now += timeout
        return super().select(0)


def run_virtually[T](main: Coroutine[Any, Any, T]) -> T:
    clock = VirtualClock()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now  # type: ignore[method-assign] # the point of it
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)
