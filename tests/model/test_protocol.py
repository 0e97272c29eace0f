"""The write protocol keeps its promise in every state that a scenario can reach."""

from __future__ import annotations

import pytest

from tests.model import checks
from tests.model.explorer import explore
from tests.model.protocol import Protocol
from tests.model.scenario import Fault
from tests.model.scenarios import ANY, EXISTENCE, LARGE, QUEUE, SMALL, scenario
from tests.model.trace import told
from tests.model.variants import VARIANTS
from tests.model.world import World


def finding(scenario, protocol=Protocol):
    """Explore, and tell what is wrong; empty if nothing is."""
    world = World(scenario, protocol(scenario))
    found = explore(world, checks.promise, checks.lemmas, progress=True).finding
    return told(found) if found else ""


@pytest.mark.parametrize("scenario", SMALL, ids=lambda scenario: scenario.name)
def test_the_newest_value_wins_in_every_reachable_state(scenario):
    assert finding(scenario) == ""


@pytest.mark.parametrize("scenario", EXISTENCE, ids=lambda scenario: scenario.name)
def test_no_order_or_refusal_decides_whether_a_record_exists(scenario):
    assert finding(scenario) == ""


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_the_protocol_leaves_open_may_be_done_either_way(variant):
    assert finding(scenario("update pq, update pq", 2, ANY, consumers=2), variant) == ""
    assert finding(scenario("archive, upsert p, update q", 1, ANY), variant) == ""


def test_without_faults_the_sweep_has_nothing_to_do():
    calm = scenario("upsert pq, archive, update p, upsert q", consumers=2, sweep=False)
    assert finding(calm) == ""


def test_without_messages_given_up_nothing_rests_on_the_sweep():
    faults = ANY - {Fault.GIVEN_UP, Fault.EXPIRY, Fault.DUPLICATE, Fault.REDRIVE}
    assert finding(scenario("update p, update pq", 3, faults, sweep=False)) == ""


def test_a_dead_holder_of_a_rejected_events_copy_leaves_it_to_the_sweep():
    faults = {Fault.BAD, Fault.DUPLICATE, Fault.CRASH}
    unswept = scenario("update p", 3, faults, consumers=2, sweep=False)
    assert finding(unswept).endswith(checks.LEFT)


def test_a_message_given_up_leaves_what_is_pending_to_the_sweep():
    unswept = scenario("update p", 2, {Fault.CRASH, Fault.GIVEN_UP}, sweep=False)
    assert finding(unswept).endswith(checks.LEFT)


def test_scenarios_of_one_name_are_the_same():
    every = set(SMALL + EXISTENCE + LARGE)
    assert len({scenario.name for scenario in every}) == len(every)


def test_exploring_twice_finds_the_same():
    small = scenario("upsert pq, update p", 1, ANY - QUEUE)
    world = World(small, Protocol(small))
    assert explore(world, checks.promise) == explore(world, checks.promise)
