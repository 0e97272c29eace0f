"""The write protocol keeps its promise in every state that a scenario can reach."""

from __future__ import annotations

import pytest

from tests.model import checks
from tests.model.explorer import explore
from tests.model.protocol import Protocol
from tests.model.scenarios import PQ, SMALL, P, Q, scenario
from tests.model.state import Budget, Fault, Scenario
from tests.model.trace import told
from tests.model.variants import VARIANTS
from tests.model.world import World


def finding(scenario: Scenario, protocol: type[Protocol] = Protocol) -> str:
    """Explore, and tell what is wrong; empty if nothing is."""
    found = explore(World(scenario, protocol(scenario)), checks.promise, checks.lemmas).finding
    return told(found) if found else ""


@pytest.mark.parametrize("scenario", SMALL, ids=lambda scenario: scenario.name)
def test_the_newest_value_wins_in_every_reachable_state(scenario):
    assert finding(scenario) == ""


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_protocol_leaves_open_may_be_done_either_way(variant):
    assert finding(scenario(PQ, PQ, most=2), variant) == ""
    assert finding(scenario(P, P, P, most=2), variant) == ""


def test_without_faults_the_sweep_has_nothing_to_do():
    calm = Scenario("calm", (PQ, P, Q), consumers=3, budgets=(), sweep=False)
    assert finding(calm) == ""


def test_an_event_rejected_for_one_property_leaves_another_to_the_sweep():
    faults = Budget(2, frozenset({Fault.BAD, Fault.THROTTLED}))
    unswept = Scenario("one bad value, one 429", (PQ,), 1, (faults,), sweep=False)
    assert finding(unswept).endswith(checks.LEFT)


def test_a_dead_holder_of_a_rejected_events_copy_leaves_it_to_the_sweep():
    faults = Budget(3, frozenset({Fault.BAD, Fault.DUPLICATE, Fault.CRASH}))
    unswept = Scenario("one bad value, one copy, one crash", (P,), 2, (faults,), sweep=False)
    assert finding(unswept).endswith(checks.LEFT)


def test_without_refusals_and_given_up_messages_nothing_rests_on_the_sweep():
    refusing = {Fault.BAD, Fault.WHIM, Fault.GIVEN_UP, Fault.EXPIRY}
    budgets = (Budget(3, frozenset(Fault) - refusing),)
    assert finding(Scenario("unswept", (P, PQ), 2, budgets, sweep=False)) == ""


def test_exploring_twice_finds_the_same():
    small = scenario(PQ, P, most=2)
    world = World(small, Protocol(small))
    assert explore(world, checks.promise) == explore(world, checks.promise)
