"""The shared rate budget against the emulator's own count, on the virtual clock."""

import asyncio
from datetime import UTC, datetime
from random import Random
from zoneinfo import ZoneInfo

from hubsync.core.protocol import usage_of
from hubsync.core.reply import Ambiguous, Answered, NotApplied, Scope
from hubsync.permits import AccountPermits
from local.hubspot import HubSpot, Limits, Request
from local.permits import MemoryBudgets
from tests.simulation.virtual import run_virtually

LIMIT = 190
ONE_LIMIT = Limits(per_10_seconds=LIMIT, daily=0)
START = datetime(2026, 11, 21, 18, 0, tzinfo=UTC).timestamp()
CALL = Request("POST", "/crm/objects/2026-03/contacts/batch/read", {"authorization": "Bearer t"})


def now():
    return START + asyncio.get_running_loop().time()


class Consumers:
    """Several consumers of one account that call HubSpot as often as they may."""

    def __init__(self, *, limits=ONE_LIMIT, seed=1, time_zone="UTC"):
        self.random = Random(seed)
        self.hubspot = HubSpot(now=now, limits=limits)
        self.budgets = MemoryBudgets()
        self.time_zone = ZoneInfo(time_zone)
        self.down = False
        self.times = []
        self.statuses = []

    def permits(self):
        return AccountPermits(
            self.budgets, "main", limit=LIMIT, time_zone=self.time_zone, now=now,
            random=self.random,
        )  # fmt: skip

    async def run(self, seconds, *, consumers=8, workers=16):
        async with asyncio.TaskGroup() as group:
            for _ in range(consumers):
                permits = self.permits()
                for _ in range(workers):
                    group.create_task(self._work(permits, seconds))

    async def _work(self, permits, seconds):
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            refused = await permits.take(seconds=75)
            if refused is not None:
                await asyncio.sleep(max(1, min(refused.seconds, 900)))
                continue
            await asyncio.sleep(self.random.uniform(0, 0.2))
            await permits.heard(self._call(permits))
            await asyncio.sleep(0.3)

    def _call(self, permits):
        self.times.append(asyncio.get_running_loop().time())
        if self.down:
            return Ambiguous("HTTP_503")
        answer = self.hubspot.handle(CALL)
        self.statuses.append(answer.status)
        usage = usage_of({name.lower(): value for name, value in answer.headers.items()})
        if usage is not None:
            permits.note(usage)
        if answer.status != 429:
            return Answered({})
        policy = "DAILY" if b'"DAILY"' in answer.body else "TEN_SECONDLY_ROLLING"
        return NotApplied(f"THROTTLED_{policy}", None, Scope.ACCOUNT)

    def between(self, start, end):
        return sum(start <= time < end for time in self.times)


def test_eight_consumers_use_the_limit_and_do_not_hit_it():
    consumers = Consumers()
    run_virtually(consumers.run(60))
    windows = [consumers.between(start, start + 10) for start in range(0, 60, 10)]
    assert min(windows) >= 0.95 * LIMIT
    assert consumers.statuses.count(429) == 0


def test_with_another_client_of_the_same_token_few_calls_are_throttled():
    consumers = Consumers()

    async def other():
        for _ in range(120 * LIMIT // 30):
            consumers.hubspot.handle(CALL)
            await asyncio.sleep(30 / LIMIT)

    async def both():
        async with asyncio.TaskGroup() as group:
            group.create_task(other())
            group.create_task(consumers.run(120))

    run_virtually(both())
    assert consumers.statuses.count(429) < 0.01 * len(consumers.statuses)


def test_an_outage_is_probed_less_than_once_a_minute_and_noticed_when_it_ends():
    consumers = Consumers()

    async def outage():
        async with asyncio.TaskGroup() as group:
            group.create_task(consumers.run(48 * 3600 + 1860, consumers=2, workers=2))
            await asyncio.sleep(600)
            consumers.down = True
            await asyncio.sleep(48 * 3600)
            consumers.down = False

    run_virtually(outage())
    assert consumers.between(700, 48 * 3600 + 600) < 48 * 60
    assert consumers.between(48 * 3600 + 600, 48 * 3600 + 600 + 1200) > 0


def test_a_daily_limit_is_probed_every_quarter_of_an_hour_until_midnight():
    limits = Limits(per_10_seconds=0, daily=1_000)
    consumers = Consumers(limits=limits)
    run_virtually(consumers.run(7 * 3600, consumers=2, workers=2))
    refused = [t for t, s in zip(consumers.times, consumers.statuses, strict=True) if s == 429]
    # The day ends 6 hours after the start; what was on its way at the limit is no probe.
    probes = [time for time in refused if refused[0] + 60 < time < 6 * 3600]
    assert 0 < len(probes) <= 6 * 4
    assert consumers.between(6 * 3600, 7 * 3600) > 0
