"""The checker convicts the protocol as soon as any one of its parts is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.model import checks
from tests.model.explorer import explore
from tests.model.mutants import MUTANTS
from tests.model.parts import ReceiveCountTrusted
from tests.model.protocol import Protocol
from tests.model.scenario import Fault
from tests.model.scenarios import ANY, scenario
from tests.model.trace import told
from tests.model.world import World

STEPS_MOST = 24  # A counterexample that a reader can follow.
DOCUMENT = Path(__file__).parents[2] / "docs" / "write-protocol.md"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.without)
def test_without_any_part_the_promise_is_broken(mutant):
    world = World(mutant.scenario, mutant.protocol(mutant.scenario))
    found = explore(world, *mutant.step_checks, progress=True).finding
    assert found is not None
    assert found.wrong == mutant.wrong, told(found)
    assert len(found.way) <= STEPS_MOST, told(found)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.without)
def test_with_every_part_the_same_scenario_is_harmless(mutant):
    swept = replace(mutant.scenario, sweep=True)
    found = explore(World(swept, Protocol(swept)), checks.promise, progress=True).finding
    assert found is None, told(found)


def test_trusting_the_receive_count_goes_well_until_something_is_redriven():
    faults = ANY - {Fault.REDRIVE}
    never_redriven = scenario("update p, update p", 2, faults, consumers=2)
    world = World(never_redriven, ReceiveCountTrusted(never_redriven))
    assert explore(world, checks.promise).finding is None


def test_every_part_has_its_row_in_the_document():
    rows = DOCUMENT.read_text().splitlines()
    missing = [
        mutant.without
        for mutant in MUTANTS
        if not any(row.startswith(f"| {mutant.without} |") for row in rows)
    ]
    assert missing == []
