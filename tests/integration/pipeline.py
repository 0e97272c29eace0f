"""The pipeline in one process: the shipped consumer; queue, ledger and HubSpot in memory.

Time is the event loop's; run it on a virtual clock and waiting costs nothing.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import httpx

from hubspot_emulator import DEFAULT, UNLIMITED, HubSpot, Switches
from hubspot_emulator.httpx_transport import EmulatorTransport
from hubsync.consume import Delivery, consume
from hubsync.core.outcome import Fate, Rejected, Retryable, Superseded, Written
from hubsync.edge.hubspot import TIMEOUT
from hubsync.edge.hubspot import HubSpot as Client
from hubsync.errors import Misconfigured
from hubsync.permits import AccountPermits
from hubsync.ports import Ports, Terms
from hubsync_local.in_memory import MemoryLedger
from hubsync_local.in_memory_permits import MemoryBudgets, Unlimited
from tests.builders import NO_RULES, NOON, a_message
from tests.simulation.sqs import SimulatedSqs
from tests.simulation.virtual import run_virtually

INVOCATION_SECONDS = 120
RECEIVES_MAX = 400  # As in the template.
PATIENCE_SECONDS = 5 * 24 * 3600  # What is not settled by then never will be.
TERMS = Terms(late_write_seconds=300, not_found_retry_seconds=600)
DEFAULT_VERSION = {"default": "2026-03"}
DONE = (Written, Superseded, Rejected)


class Pipeline:
    """Deliver messages with `put`, then `run` until every event has a fate that stands."""

    def __init__(
        self,
        *,
        switches=None,
        faults=(),
        limits=UNLIMITED,
        versions=DEFAULT_VERSION,
        portal=DEFAULT,
        window=1000,
        seed=0,
        limit=None,
        time_zone="UTC",
        consumers=1,
        jitter=0.0,
        starts=NOON / 1_000_000,
        during=None,
    ):
        """Calls are limited by a budget only if a limit is given; `during` runs beside the rest.

        A call takes up to `jitter` seconds to get to HubSpot.
        """
        self.slow = Slow()
        self._starts = starts
        self.hubspot = HubSpot(
            portal.model_copy(update={"time_zone": time_zone}),
            now=self.now,
            switches=switches or Switches(),
            faults=faults,
            limits=limits,
            seed=seed,
        )
        # By account; one that is not there has no token.
        self.portals = {"main": self.hubspot}
        self.random = Random(seed)
        self.sqs = SimulatedSqs(self.random, duplicates=0.0, receives_max=RECEIVES_MAX)
        self.ledger = MemoryLedger()
        self.deliveries = 0
        self.fates = Counter()  # of deliveries, by the name of their fate
        self.ends = defaultdict(list)  # by event id: the fates that stand
        self.invocations = []
        self.budgets = MemoryBudgets()
        self._seconds = lambda: 0.0
        self._versions = versions
        self._window = window
        self._limit = limit
        self._time_zone = ZoneInfo(time_zone)
        self._consumers = consumers
        self._jitter = jitter
        self._during = during
        self.settled_at = 0.0

    def now(self):
        return self._starts + self._seconds()

    def put(self, *events, after=0, **head):
        self.sqs.put(a_message(*events, **head), visible_at=self.now() + after)

    def run(self):
        run_virtually(self._run())
        return self

    @property
    def unclean(self):
        """The records that still have a lease or something pending."""
        return [r for r in self.ledger.items if not self.ledger.entry(r).clean]

    @property
    def letters(self):
        """What was given up: by event id the code, and the properties if not the whole event."""
        found = {}
        for letter in self.sqs.letters:
            (event,) = json.loads(letter.body)["events"]
            assert event["eventId"] not in found, "a dead letter came twice"
            found[event["eventId"]] = letter.rejected.code, letter.rejected.properties
        return found

    async def _run(self):
        loop = asyncio.get_running_loop()
        self._seconds = loop.time
        network = _Network(self, self._jitter)
        async with httpx.AsyncClient(
            base_url="http://hubspot", transport=network, timeout=TIMEOUT
        ) as http:
            during = asyncio.ensure_future(self._during(self)) if self._during else None
            async with asyncio.TaskGroup() as group:
                for _ in range(self._consumers):
                    group.create_task(self._consumer(self._ports(http), during))
        self.settled_at = loop.time()
        await asyncio.sleep(TERMS.late_write_seconds)  # until nothing can land any more

    def _ports(self, http):
        """What one consumer has to itself, and what it shares with the others."""
        permits = self._permits()
        client = Client(
            http,
            token_of=self._token,
            versions=self._versions,
            note=lambda account, usage: permits(account).note(usage),
        )
        return Ports(
            permits=permits,
            write=client.write,
            read=client.read,
            ledger=_Ledger(self),
            now=self.now,
            random=self.random,
        )

    async def _consumer(self, ports, during):
        loop = asyncio.get_running_loop()
        while self.sqs.stored or (during and not during.done()):
            assert loop.time() < PATIENCE_SECONDS, f"stuck with {len(self.sqs.stored)} messages"
            received = self.sqs.receive(self.now(), most=self._window)
            if received:
                await self._invoke(received, ports)
            await asyncio.sleep(self.sqs.seconds_until_visible(self.now()))

    async def _token(self, account, _fresh):
        await self.slow.token(account)
        if account not in self.portals:
            raise Misconfigured(f"account {account} has no secret")
        return account

    def _permits(self):
        """Permits as one consumer has them; without a limit they note nothing."""
        if self._limit is None:
            return lambda _account: Unlimited()
        known = {}

        def permits(account):
            if account not in known:
                known[account] = AccountPermits(
                    _Budgets(self), account, limit=self._limit, time_zone=self._time_zone,
                    now=self.now, random=self.random,
                )  # fmt: skip
            return known[account]

        return permits

    async def _invoke(self, received, ports):
        began = asyncio.get_running_loop().time()
        consumed = await consume(
            received,
            queue=_Queue(self),
            ports=ports,
            terms=TERMS,
            rules=NO_RULES,
            deadline=began + INVOCATION_SECONDS,
        )
        self.invocations.append(
            Invocation(began, asyncio.get_running_loop().time(), consumed.fates)
        )
        for message in received:
            if message.message_id not in consumed.returned:
                self.sqs.delete(message.message_id)
        given = [event for message in received for event in json.loads(message.body)["events"]]
        self.deliveries += len(given)
        for event, (_, fate) in zip(given, consumed.fates, strict=True):
            self.fates[type(fate).__name__] += 1
            if isinstance(fate, DONE):
                self.ends[event["eventId"]].append(fate)


class Invocation(NamedTuple):
    """When it ran, in seconds since the start, and what became of its events."""

    began: float
    ended: float
    fates: tuple[tuple[Delivery, Fate], ...]


async def at_once(*_given):
    """Take no time."""


@dataclass
class Slow:
    """What takes its time: each is awaited before, or after, the thing is done."""

    token: Callable[..., Awaitable[None]] = at_once
    request: Callable[..., Awaitable[None]] = at_once
    reply: Callable[..., Awaitable[None]] = at_once
    ledger: Callable[..., Awaitable[None]] = at_once
    budgets: Callable[..., Awaitable[None]] = at_once
    queue: Callable[..., Awaitable[None]] = at_once


class _Network(httpx.AsyncBaseTransport):
    """Leads to each account's portal, by its token."""

    def __init__(self, pipeline, jitter):
        self._pipeline = pipeline
        self._jitter = jitter

    async def handle_async_request(self, request):
        if self._jitter:
            await asyncio.sleep(self._pipeline.random.uniform(0, self._jitter))
        await self._pipeline.slow.request(request)
        account = request.headers["authorization"].removeprefix("Bearer ")
        portal = EmulatorTransport(self._pipeline.portals[account])
        answer = await portal.handle_async_request(request)
        await self._pipeline.slow.reply(request)
        return answer


class _Queue:
    """Both queues as the consumer sees them; every call that is quick enough is confirmed."""

    def __init__(self, pipeline):
        self._sqs = pipeline.sqs
        self._now = pipeline.now
        self._slow = pipeline.slow

    async def dead_letter(self, letters, *, seconds):
        in_time = await self._in_time(seconds)
        return self._sqs.dead_letter(letters) if in_time else frozenset()

    async def resend(self, messages, *, seconds):
        in_time = await self._in_time(seconds)
        return self._sqs.resend(messages, self._now()) if in_time else frozenset()

    async def postpone(self, delays, *, seconds):
        if await self._in_time(seconds):
            self._sqs.postpone(delays, self._now())

    async def _in_time(self, seconds):
        try:
            async with asyncio.timeout(seconds):
                await self._slow.queue()
        except TimeoutError:
            return False
        return True


class _Ledger:
    """The ledger, reached slowly."""

    def __init__(self, pipeline):
        self._pipeline = pipeline

    async def read(self, records):
        await self._pipeline.slow.ledger()
        return await self._pipeline.ledger.read(records)

    async def write(self, writes):
        await self._pipeline.slow.ledger()
        return await self._pipeline.ledger.write(writes)


class _Budgets:
    """The budgets, reached slowly."""

    def __init__(self, pipeline):
        self._pipeline = pipeline

    async def update(self, account, change):
        await self._pipeline.slow.budgets()
        return await self._pipeline.budgets.update(account, change)


def assert_accounted_for(pipeline, event_ids):
    """Every delivery has one fate, every event one that stands: nothing is lost."""
    assert sum(pipeline.fates.values()) == pipeline.deliveries
    assert set(pipeline.fates) <= {kind.__name__ for kind in (*DONE, Retryable)}
    assert set(pipeline.ends) == set(event_ids)
    refused = {name for name, ends in pipeline.ends.items() if isinstance(ends[-1], Rejected)}
    assert refused == set(pipeline.letters)
