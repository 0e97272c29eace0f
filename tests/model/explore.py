"""Explore every scenario, the large ones too: python -m tests.model.explore [--small]."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from os import process_cpu_count
from time import monotonic
from typing import TYPE_CHECKING

from tests.model import checks
from tests.model.explorer import explore
from tests.model.protocol import Protocol
from tests.model.scenarios import LARGE, SMALL
from tests.model.trace import told
from tests.model.world import World

if TYPE_CHECKING:
    from tests.model.state import Scenario


def main() -> int:
    scenarios = SMALL if "--small" in sys.argv else SMALL + LARGE
    found = 0
    with ProcessPoolExecutor(process_cpu_count(), max_tasks_per_child=1) as pool:
        for line, wrong in pool.map(explored, scenarios):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            found += wrong
    return min(found, 1)


def explored(scenario: Scenario) -> tuple[str, bool]:
    """Explore one scenario; return a line about it, and whether something is wrong."""
    began = monotonic()
    result = explore(World(scenario, Protocol(scenario)), checks.promise, checks.lemmas)
    seconds = monotonic() - began
    line = (
        f"{scenario.name}: {result.states:,} states, {result.steps:,} steps, {seconds:.1f} s, "
        f"{'no violation' if result.finding is None else 'VIOLATION'}"
    )
    if result.finding is None:
        return line, False
    return f"{line}\n{told(result.finding)}", True


if __name__ == "__main__":
    sys.exit(main())
