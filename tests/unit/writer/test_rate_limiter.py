"""Permits of one account in one process, on the virtual clock."""

import asyncio
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from hubsync.core.hubspot.rate_budget import Budget
from hubsync.core.hubspot.reply import Ambiguous, Answered, NotApplied, Scope, Usage
from hubsync.ports import PermitDenied
from hubsync.writer.rate_limiter import AccountPermits
from hubsync_local.in_memory import MemoryBudgets
from hubsync_local.virtual.clock import run_virtually

NOON = 1_795_262_400  # 2026-11-21T12:00:00Z
INTERVAL = 10 / 97  # seconds between two calls under the limit of 100


def now():
    return NOON + asyncio.get_running_loop().time()


def permits(budgets=None, account="main", *, limit=100, ahead=0.0, seed=0):
    """Permits of one process, whose clock may be ahead by some seconds."""
    return AccountPermits(
        budgets or MemoryBudgets(), account, limit=limit, time_zone=ZoneInfo("UTC"),
        now=lambda: now() + ahead, random=Random(seed),
    )  # fmt: skip


class DistantBudgets:
    """One process's view of a store that takes some milliseconds, compared and swapped."""

    def __init__(self, store, seed):
        self._store, self._random, self._seen = store, Random(seed), Budget()

    async def update(self, account, change):
        while True:
            after, answer = change(self._seen)
            if after == self._seen:
                await self._wait()
                self._seen = self._store.of(account)
                after, answer = change(self._seen)
                if after == self._seen:
                    return answer
            await self._wait()
            seen, self._seen = self._seen, self._store.of(account)
            won = seen == self._seen
            if won:
                self._store.budgets[account] = self._seen = after
            await self._wait()
            if won:
                return answer
            await asyncio.sleep(self._random.uniform(0, 0.05))

    async def _wait(self):
        await asyncio.sleep(self._random.uniform(0.002, 0.005))


def processes(ahead, *, limit=100):
    """Return the permits of a process for each clock, which share one distant store."""
    store = MemoryBudgets()
    return [
        permits(DistantBudgets(store, n), limit=limit, ahead=by, seed=n)
        for n, by in enumerate(ahead)
    ]


async def saturated(these, *, seconds, at_once=16):
    """Let each process take permits all the time; return when each got one."""
    loop = asyncio.get_running_loop()
    times = [[] for _ in these]

    async def acquire(number, each):
        while loop.time() < seconds:
            if await each.acquire(seconds=60) is None:
                times[number].append(loop.time())

    async with asyncio.TaskGroup() as group:
        for number, each in enumerate(these):
            for _ in range(at_once):
                group.create_task(acquire(number, each))
    return [[time for time in some if time < seconds] for some in times]


def most_in_ten_seconds(times):
    every = sorted(times)
    return max(sum(start <= time < start + 10 for time in every) for start in every)


async def taken(these, count, **how):
    """Take so many permits at once; return when each was there, in the order of time."""

    async def acquire():
        refused = await these.acquire(**({"seconds": 60} | how))
        return refused or asyncio.get_running_loop().time()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(acquire()) for _ in range(count)]
    return sorted((task.result() for task in tasks), key=str)


def test_each_call_has_a_slot_of_its_own():
    times = run_virtually(taken(permits(), 12))
    expected = [number * INTERVAL for number in range(12)]
    assert sorted(times) == pytest.approx(expected, abs=0.003)


def test_whoever_cannot_be_served_in_time_is_told_so():
    times = run_virtually(taken(permits(), 30, seconds=1))
    served = [time for time in times if isinstance(time, float | int)]
    refused = [why for why in times if isinstance(why, PermitDenied)]
    assert max(served) <= 1
    assert {why.reason for why in refused} == {"OUT_OF_TIME"}
    assert len(served) + len(refused) == 30


def test_a_further_round_goes_before_batches_that_have_not_begun():
    async def story():
        these = permits()
        async with asyncio.TaskGroup() as group:
            queue = group.create_task(taken(these, 100))
            await asyncio.sleep(2)
            assert await these.acquire(seconds=60, urgent=True) is None
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
        await these.observe(Answered({}))
        await taken(these, 1)
        assert await these.acquire(seconds=60, urgent=True) is None
        return asyncio.get_running_loop().time()

    # The next slot, and a little more, for who is denied looks again at a moment of its own.
    assert 10 / 1.94 - 0.001 <= run_virtually(story()) < 1.2 * 10 / 1.94


def test_three_calls_without_an_answer_pause_the_account_and_one_probe_mends_it():
    async def story():
        these = permits()
        for _ in range(3):
            assert await these.acquire(seconds=60) is None
            await these.observe(Ambiguous("HTTP_503"))
        paused = await these.acquire(seconds=60)
        await asyncio.sleep(paused.seconds + 1)
        probes = await taken(these, 3)
        await these.observe(Answered({}))
        return paused, probes, await these.acquire(seconds=60)

    paused, probes, after = run_virtually(story())
    assert paused.reason == "PAUSED"
    assert 75 <= paused.seconds <= 83
    assert [isinstance(each, PermitDenied) for each in probes].count(False) == 1
    assert after is None


def test_a_record_in_doubt_says_nothing_of_its_account():
    async def story():
        these = permits()
        for _ in range(5):
            await these.observe(Ambiguous("HTTP_500"), in_doubt=True)
        return await these.acquire(seconds=60)

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
        await permits(budgets).observe(reply)
        return await permits(budgets).acquire(seconds=60), await permits(budgets, "other").acquire(
            seconds=60
        )

    paused, other = run_virtually(story())
    assert paused == PermitDenied("PAUSED", pytest.approx(seconds))
    assert other is None


def test_a_throttle_holds_the_next_calls_for_a_moment():
    async def story():
        these = permits()
        await these.observe(NotApplied("THROTTLED_TEN_SECONDLY_ROLLING", None, Scope.ACCOUNT))
        await these.acquire(seconds=60)
        return asyncio.get_running_loop().time()

    assert 1 <= run_virtually(story()) <= 2


def test_calls_that_we_could_not_have_made_show_that_others_use_the_limit():
    async def story():
        these = permits()
        for remaining in (99, 70):  # 29 calls in two seconds, of which 19.4 may be ours
            these.note(Usage(100, remaining))
            await these.observe(Answered({}))
            await asyncio.sleep(2)
        return await taken(these, 4)

    *_, earlier, last = run_virtually(story())
    assert last - earlier == pytest.approx(INTERVAL / (1 - 9.6 / 19.4), abs=0.003)


def test_hubspots_own_limit_lowers_ours():
    async def story():
        these = permits()
        these.note(Usage(limit=10, remaining=9))
        await these.observe(Answered({}))
        return await taken(these, 4)

    assert sorted(run_virtually(story())) == pytest.approx(
        [number * 10 / 9.7 for number in range(4)], abs=0.01
    )


def test_somebody_cancelled_while_waiting_costs_nobody_else_his_permit():
    async def story():
        these = permits()
        waiting = asyncio.create_task(these.acquire(seconds=60))
        await asyncio.sleep(0)
        waiting.cancel()
        return await taken(these, 2)

    assert len(run_virtually(story())) == 2


@pytest.mark.parametrize("limit", [10, 100])
def test_no_permit_takes_longer_than_it_may(limit):
    async def story():
        started = asyncio.get_running_loop().time()
        [these] = processes([0], limit=limit)
        await taken(these, 100, seconds=2)
        return asyncio.get_running_loop().time() - started

    assert run_virtually(story()) <= 2.001


def test_a_budget_that_answers_late_makes_no_permit_take_longer_than_it_may():
    class LateBudgets(MemoryBudgets):
        async def update(self, account, change):
            await asyncio.sleep(5)
            return await super().update(account, change)

    async def story():
        refused = await permits(LateBudgets()).acquire(seconds=2)
        return refused, asyncio.get_running_loop().time()

    assert run_virtually(story()) == (PermitDenied("OUT_OF_TIME", 0.0), pytest.approx(2))


def test_a_process_whose_clock_is_behind_gets_its_share():
    times = run_virtually(saturated(processes([0] * 7 + [-0.01]), seconds=60))
    fair = sum(map(len, times)) / len(times)
    assert min(map(len, times)) > 0.8 * fair


@pytest.mark.parametrize("count", [1, 2, 5, 8, 16])
@pytest.mark.parametrize("limit", [10, 100])
def test_the_limit_is_used_and_kept_where_clocks_differ(count, limit):
    ahead = [0.2 * (number % 2) for number in range(count)]
    times = run_virtually(saturated(processes(ahead, limit=limit), seconds=60))
    every = [time for some in times for time in some]
    assert most_in_ten_seconds(every) <= limit
    assert len([time for time in every if time >= 10]) >= 0.95 * 5 * limit


def test_a_probe_that_is_not_made_leaves_no_mark():
    async def story():
        budgets = MemoryBudgets()
        these, others = permits(budgets), permits(budgets)
        await these.observe(NotApplied("HTTP_401", None, Scope.ACCOUNT))
        await asyncio.sleep(76)
        assert await these.acquire(seconds=60) is None
        await these.give_back()
        assert await others.acquire(seconds=60) is None
        await others.observe(Answered({}))
        await these.observe(Ambiguous("HTTP_503"))
        return await these.acquire(seconds=60)

    assert run_virtually(story()) is None


def test_a_permit_that_is_not_used_is_given_to_the_next():
    async def story():
        these = permits()
        await taken(these, 3)
        await these.give_back()
        times = await taken(these, 1)
        return times[0]

    assert run_virtually(story()) == pytest.approx(2 * INTERVAL, abs=0.003)


def test_a_permit_that_is_not_used_goes_to_who_waits_here():
    async def story():
        [these] = processes([0])
        async with asyncio.TaskGroup() as group:
            queue = group.create_task(taken(these, 20))
            await asyncio.sleep(0.75)
            await these.give_back()
        return queue.result()[-1]

    assert run_virtually(story()) == pytest.approx(18 * INTERVAL, abs=0.02)


def test_a_schedule_that_a_wrong_clock_left_far_ahead_heals():
    async def story():
        budgets = MemoryBudgets()
        await permits(budgets, ahead=86_400).acquire(seconds=60)
        return await permits(budgets).acquire(seconds=60)

    assert run_virtually(story()) is None


def test_a_pause_that_a_wrong_clock_left_far_ahead_heals():
    async def story():
        budgets = MemoryBudgets()
        await permits(budgets, ahead=1e6).observe(NotApplied("HTTP_401", None, Scope.ACCOUNT))
        return await permits(budgets).acquire(seconds=60)

    assert run_virtually(story()) is None


@pytest.mark.parametrize(("retry_after", "wait"), [(5.0, 5), (10.0, 10)])
def test_a_throttle_is_obeyed_that_says_for_how_long(retry_after, wait):
    async def story():
        these = permits()
        await these.observe(NotApplied("THROTTLED_SECONDLY", retry_after, Scope.ACCOUNT))
        await these.acquire(seconds=60)
        return asyncio.get_running_loop().time()

    assert wait - 0.001 <= run_virtually(story()) <= wait + 0.1


def test_a_throttle_for_minutes_pauses_the_account():
    async def story():
        these = permits()
        await these.observe(NotApplied("THROTTLED_SECONDLY", 120.0, Scope.ACCOUNT))
        return await these.acquire(seconds=60)

    assert run_virtually(story()) == PermitDenied("PAUSED", pytest.approx(120))


def test_where_the_limit_is_small_nothing_left_is_no_crowd():
    async def story():
        these = permits(limit=10)
        for _ in range(20):
            await these.acquire(seconds=60)
            these.note(Usage(limit=10, remaining=0))
            await these.observe(Answered({}))
        return asyncio.get_running_loop().time()

    assert run_virtually(story()) == pytest.approx(19 * 10 / 9.7, abs=0.1)


def test_the_pace_grows_back_when_the_others_are_gone():
    async def story():
        these = permits()
        for remaining in (99, 70):
            these.note(Usage(100, remaining))
            await these.observe(Answered({}))
            await asyncio.sleep(2)
        await asyncio.sleep(60)
        for _ in range(800):
            await these.acquire(seconds=60)
            these.note(Usage(100, 50))
            await these.observe(Answered({}))
        *_, earlier, last = await taken(these, 4)
        return last - earlier

    assert run_virtually(story()) == pytest.approx(INTERVAL, abs=0.003)
