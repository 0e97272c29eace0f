"""Explore every scenario, the large ones too: python -m tests.model.explore [--small]."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from concurrent.futures import ProcessPoolExecutor
from os import process_cpu_count
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from tests.model import checks
from tests.model.explorer import explore
from tests.model.mutants import MUTANTS
from tests.model.protocol import Protocol
from tests.model.scenarios import EXISTENCE, LARGE, SMALL
from tests.model.trace import told
from tests.model.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.model.mutants import Mutant
    from tests.model.scenario import Scenario


class Report(NamedTuple):
    scenario: str
    states: int
    steps: int
    seconds: float
    finding: str

    def __str__(self) -> str:
        came = "no violation" if not self.finding else f"VIOLATION\n{self.finding}"
        return (
            f"{self.scenario}: {self.states:,} states, {self.steps:,} steps, "
            f"{self.seconds:.1f} s, {came}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = ArgumentParser("python -m tests.model.explore", description=__doc__)
    parser.add_argument("--small", action="store_true", help="only what `make test` explores")
    parser.add_argument("--only", default="", help="only scenarios with this text in their name")
    given = parser.parse_args(argv)
    known = SMALL + EXISTENCE + (() if given.small else LARGE)
    # Threes with archives, which have no values, come more than once.
    scenarios = [each for each in dict.fromkeys(known) if given.only in each.name]
    began = monotonic()
    caught = sum(map(is_caught, MUTANTS))
    _say(f"{caught} of {len(MUTANTS)} mutants caught, each by its kind of violation")
    states = violations = 0
    with ProcessPoolExecutor(process_cpu_count()) as pool:
        for number, report in enumerate(pool.map(explored, scenarios), 1):
            _say(f"[{number}/{len(scenarios)}, {monotonic() - began:.0f} s] {report}")
            states += report.states
            violations += bool(report.finding)
    _say(
        f"{len(scenarios)} scenarios, {states:,} states, {monotonic() - began:.0f} s, "
        f"{violations} violations"
    )
    return int(violations > 0 or caught < len(MUTANTS))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def is_caught(mutant: Mutant) -> bool:
    world = World(mutant.scenario, mutant.protocol(mutant.scenario))
    found = explore(world, *mutant.step_checks, progress=True).finding
    return found is not None and found.wrong == mutant.wrong


def explored(scenario: Scenario) -> Report:
    began = monotonic()
    world = World(scenario, Protocol(scenario))
    result = explore(world, checks.promise, checks.lemmas, progress=True)
    finding = told(result.finding) if result.finding else ""
    return Report(scenario.name, result.states, result.steps, monotonic() - began, finding)


if __name__ == "__main__":
    sys.exit(main())
