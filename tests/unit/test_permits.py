"""Permits of one account in one process, on the virtual clock."""

import asyncio
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from hubsync.core.reply import Ambiguous, Answered, NotApplied, Scope, Usage
from hubsync.permits import AccountPermits
from hubsync.ports import NoPermit
from hubsync_local.in_memory import MemoryBudgets
from hubsync_local.virtual.clock import run_virtually

NOON = 1_795_262_400  # 2026-11-21T12:00:00Z
INTERVAL = 10 / 97  # seconds between two calls under the limit of 100


def now():
    return NOON + asyncio.get_running_loop().time()


def permits(budgets=None, account="main"):
    return AccountPermits(
        budgets or MemoryBudgets(), account, limit=100, time_zone=ZoneInfo("UTC"), now=now,
        random=Random(0),
    )  # fmt: skip


async def taken(these, count, **how):
    """Take so many permits at once; return when each was there, in the order of time."""

    async def take():
        refused = await these.take(**({"seconds": 60} | how))
        return refused or asyncio.get_running_loop().time()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(take()) for _ in range(count)]
    return sorted((task.result() for task in tasks), key=str)


def test_after_a_burst_of_two_each_call_has_a_slot_of_its_own():
    times = run_virtually(taken(permits(), 12))
    expected = [0, *(number * INTERVAL for number in range(11))]
    assert sorted(times) == pytest.approx(expected, abs=0.003)


def test_whoever_cannot_be_served_in_time_is_told_so():
    times = run_virtually(taken(permits(), 30, seconds=1))
    served = [time for time in times if isinstance(time, float | int)]
    refused = [why for why in times if isinstance(why, NoPermit)]
    assert max(served) <= 1
    assert {why.reason for why in refused} == {"OUT_OF_TIME"}
    assert len(served) + len(refused) == 30


def test_a_further_round_goes_before_batches_that_have_not_begun():
    async def story():
        these = permits()
        async with asyncio.TaskGroup() as group:
            queue = group.create_task(taken(these, 100))
            await asyncio.sleep(2)
            assert await these.take(seconds=60, urgent=True) is None
            urgent = asyncio.get_running_loop().time()
        return urgent, queue.result()

    urgent, times = run_virtually(story())
    assert urgent < 3
    every = sorted([urgent, *times])
    assert min(later - sooner for sooner, later in pairwise(every[1:])) > INTERVAL - 0.003


def test_on_a_slow_pace_a_further_round_waits_for_its_slot():
    async def story():
        these = permits()
        these.note(Usage(limit=2, remaining=1))
        await these.heard(Answered({}))
        await taken(these, 2)
        assert await these.take(seconds=60, urgent=True) is None
        return asyncio.get_running_loop().time()

    # The next slot, and a little more, for who is denied looks again at a moment of its own.
    assert 10 / 1.94 <= run_virtually(story()) < 1.2 * 10 / 1.94


def test_three_calls_without_an_answer_pause_the_account_and_one_probe_mends_it():
    async def story():
        these = permits()
        for _ in range(3):
            assert await these.take(seconds=60) is None
            await these.heard(Ambiguous("HTTP_503"))
        paused = await these.take(seconds=60)
        await asyncio.sleep(paused.seconds + 1)
        probes = await taken(these, 3)
        await these.heard(Answered({}))
        return paused, probes, await these.take(seconds=60)

    paused, probes, after = run_virtually(story())
    assert paused.reason == "PAUSED"
    assert 75 <= paused.seconds <= 83
    assert [isinstance(each, NoPermit) for each in probes].count(False) == 1
    assert after is None


def test_a_record_in_doubt_says_nothing_of_its_account():
    async def story():
        these = permits()
        for _ in range(5):
            await these.heard(Ambiguous("HTTP_500"), in_doubt=True)
        return await these.take(seconds=60)

    assert run_virtually(story()) is None


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (NotApplied("HTTP_401", None, Scope.ACCOUNT), 75),
        (NotApplied("HTTP_477", 3600.0, Scope.ACCOUNT), 3600),
        (NotApplied("THROTTLED_DAILY", None, Scope.ACCOUNT), 900),
    ],
)
def test_what_stops_the_account_pauses_it_for_all_consumers(reply, seconds):
    async def story():
        budgets = MemoryBudgets()
        await permits(budgets).heard(reply)
        return await permits(budgets).take(seconds=60), await permits(budgets, "other").take(
            seconds=60
        )

    paused, other = run_virtually(story())
    assert paused == NoPermit("PAUSED", pytest.approx(seconds))
    assert other is None


def test_a_throttle_holds_the_next_calls_for_a_moment():
    async def story():
        these = permits()
        await these.heard(NotApplied("THROTTLED_TEN_SECONDLY_ROLLING", None, Scope.ACCOUNT))
        await these.take(seconds=60)
        return asyncio.get_running_loop().time()

    assert 1 <= run_virtually(story()) <= 2


def test_calls_that_we_could_not_have_made_show_that_others_use_the_limit():
    async def story():
        these = permits()
        for remaining in (99, 70):  # 29 calls in two seconds, of which 19.4 may be ours
            these.note(Usage(100, remaining))
            await these.heard(Answered({}))
            await asyncio.sleep(2)
        return await taken(these, 4)

    *_, earlier, last = run_virtually(story())
    assert last - earlier == pytest.approx(INTERVAL / (1 - 9.6 / 19.4), abs=0.003)


def test_hubspots_own_limit_lowers_ours():
    async def story():
        these = permits()
        these.note(Usage(limit=10, remaining=9))
        await these.heard(Answered({}))
        return await taken(these, 4)

    assert sorted(run_virtually(story())) == pytest.approx([0, 0, 10 / 9.7, 20 / 9.7], abs=0.01)


def test_somebody_cancelled_while_waiting_costs_nobody_else_his_permit():
    async def story():
        these = permits()
        waiting = asyncio.create_task(these.take(seconds=60))
        await asyncio.sleep(0)
        waiting.cancel()
        return await taken(these, 2)

    assert len(run_virtually(story())) == 2
