"""The pipeline in one process: the shipped consumer; queue, ledger and HubSpot in memory.

Time is the event loop's, whose clock is virtual: waiting costs nothing.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

import httpx

from hubspot_emulator import DEFAULT, UNLIMITED, Fault, HubSpot, Limits, Portal, Switches, Token
from hubspot_emulator.httpx_transport import EmulatorTransport
from hubsync.consume import QueueMessage, ReceivedEvent, consume
from hubsync.core.change import RecordKey
from hubsync.core.event import Rules
from hubsync.core.hubspot.rate_budget import Budget
from hubsync.core.records.entry import Entry
from hubsync.core.records.outcome import Outcome, Rejected, Retryable, Superseded, Written
from hubsync.edge.hubspot import TIMEOUT
from hubsync.edge.hubspot import HubSpot as Client
from hubsync.errors import Misconfigured
from hubsync.ports import DeadLetter, LedgerWrite, Ports, Resend, WritePolicy
from hubsync.writer.rate_limiter import AccountPermits
from hubsync_local.in_memory import MemoryBudgets, MemoryLedger, Unlimited
from hubsync_local.virtual.clock import run_virtually
from hubsync_local.virtual.messages import message_body
from hubsync_local.virtual.sqs import SimulatedSqs

INVOCATION_SECONDS = 120
RECEIVES_MAX = 400  # As in the template.
PATIENCE_SECONDS = 5 * 24 * 3600  # What is not settled by then never will be.
POLICY = WritePolicy(late_write_seconds=300, not_found_retry_seconds=600)
DEFAULT_VERSION = {"default": "2026-03"}
DONE = (Written, Superseded, Rejected)
NOON = 1_795_262_400  # 2026-11-21T12:00:00Z

type Permitting = Callable[[str], AccountPermits | Unlimited]  # by account


class Pipeline:
    """Deliver messages with `put`, then `run` until every event has a fate that stands."""

    def __init__(
        self,
        *,
        switches: Switches | None = None,
        faults: Sequence[Fault] = (),
        limits: Limits = UNLIMITED,
        versions: Mapping[str, str] = DEFAULT_VERSION,
        portal: Portal = DEFAULT,
        scopes: frozenset[str] | None = None,
        window: int = 1000,
        seed: int = 0,
        limit: int | None = None,
        time_zone: str = "UTC",
        consumers: int = 1,
        jitter: float = 0.0,
        starts: float = NOON,
        during: "Callable[[Pipeline], Awaitable[None]] | None" = None,
    ) -> None:
        """Make a pipeline; calls are limited by a budget only if a limit is given.

        `during` runs beside the rest. A call takes up to `jitter` seconds to get to HubSpot.
        """
        self.slow = Slow()
        self._starts = starts
        self.hubspot = HubSpot(
            portal.model_copy(update={"time_zone": time_zone}),
            now=self.now,
            switches=switches or Switches(),
            faults=faults,
            limits=limits,
            tokens={} if scopes is None else {"main": Token(scopes=scopes)},
            seed=seed,
        )
        # By account; one that is not there has no token.
        self.portals = {"main": self.hubspot}
        self.random = Random(seed)  # noqa: S311 - seeded, so that a run repeats
        self.sqs = SimulatedSqs(self.random, duplicates=0.0, receives_max=RECEIVES_MAX)
        self.ledger = MemoryLedger()
        self.deliveries = 0
        self.outcomes: Counter[str] = Counter()  # of deliveries, by the name of their fate
        self.ends: defaultdict[str, list[Outcome]] = defaultdict(
            list
        )  # by event id: the fates that stand
        self.invocations: list[Invocation] = []
        self.budgets = MemoryBudgets()
        self._seconds: Callable[[], float] = lambda: 0.0
        self._versions = versions
        self._window = window
        self._limit = limit
        self._time_zone = ZoneInfo(time_zone)
        self._consumers = consumers
        self._jitter = jitter
        self._during = during
        self.settled_at = 0.0

    def now(self) -> float:
        return self._starts + self._seconds()

    def put(self, *events: dict[str, Any], after: float = 0, **head: object) -> None:
        self.sqs.put(message_body(*events, **head), visible_at=self.now() + after)

    def run(self) -> Self:
        run_virtually(self._run())
        return self

    @property
    def unclean(self) -> list[RecordKey]:
        """The records that still have a lease or something pending."""
        return [r for r in self.ledger.items if not self.ledger.entry(r).clean]

    @property
    def letters(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """What was given up: by event id the code, and the properties if not the whole event."""
        found: dict[str, tuple[str, tuple[str, ...]]] = {}
        for letter in self.sqs.letters:
            (event,) = json.loads(letter.body)["events"]
            assert event["eventId"] not in found, "a dead letter came twice"
            found[event["eventId"]] = letter.rejected.code, letter.rejected.properties
        return found

    async def _run(self) -> None:
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
        await asyncio.sleep(POLICY.late_write_seconds)  # until nothing can land any more

    def _ports(self, http: httpx.AsyncClient) -> Ports:
        """Return the ports of one consumer; some are its own, some all consumers share."""
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

    async def _consumer(self, ports: Ports, during: asyncio.Future[None] | None) -> None:
        loop = asyncio.get_running_loop()
        while self.sqs.stored or (during and not during.done()):
            assert loop.time() < PATIENCE_SECONDS, f"stuck with {len(self.sqs.stored)} messages"
            received = self.sqs.receive(self.now(), most=self._window)
            if received:
                await self._invoke(received, ports)
            await asyncio.sleep(self.sqs.seconds_until_visible(self.now()))

    async def _token(self, account: str, _fresh: bool) -> str:  # noqa: FBT001 - the port's own signature
        await self.slow.token(account)
        if account not in self.portals:
            raise Misconfigured(f"account {account} has no secret")
        return account

    def _permits(self) -> Permitting:
        """Permits as one consumer has them; without a limit they note nothing."""
        limit = self._limit
        if limit is None:
            return lambda _account: Unlimited()
        known: dict[str, AccountPermits] = {}

        def permits(account: str) -> AccountPermits:
            if account not in known:
                known[account] = AccountPermits(
                    _Budgets(self), account, limit=limit, time_zone=self._time_zone,
                    now=self.now, random=self.random,
                )  # fmt: skip
            return known[account]

        return permits

    async def _invoke(self, received: Sequence[QueueMessage], ports: Ports) -> None:
        began = asyncio.get_running_loop().time()
        consumed = await consume(
            received,
            queue=_Queue(self),
            ports=ports,
            policy=POLICY,
            rules=Rules(),
            deadline=began + INVOCATION_SECONDS,
        )
        self.invocations.append(
            Invocation(began, asyncio.get_running_loop().time(), consumed.outcomes)
        )
        for message in received:
            if message.message_id not in consumed.returned:
                self.sqs.delete(message.message_id)
        given = [event for message in received for event in json.loads(message.body)["events"]]
        self.deliveries += len(given)
        for event, (_, outcome) in zip(given, consumed.outcomes, strict=True):
            self.outcomes[type(outcome).__name__] += 1
            if isinstance(outcome, DONE):
                self.ends[event["eventId"]].append(outcome)


class Invocation(NamedTuple):
    """When it ran, in seconds since the start, and what became of its events."""

    began: float
    ended: float
    outcomes: tuple[tuple[ReceivedEvent, Outcome], ...]


async def at_once(*_given: object) -> None:
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

    def __init__(self, pipeline: Pipeline, jitter: float) -> None:
        self._pipeline = pipeline
        self._jitter = jitter

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
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

    def __init__(self, pipeline: Pipeline) -> None:
        self._sqs = pipeline.sqs
        self._now = pipeline.now
        self._slow = pipeline.slow

    async def dead_letter(self, letters: Sequence[DeadLetter], *, seconds: float) -> frozenset[int]:
        in_time = await self._in_time(seconds)
        return self._sqs.dead_letter(letters) if in_time else frozenset()

    async def resend(self, messages: Sequence[Resend], *, seconds: float) -> frozenset[int]:
        in_time = await self._in_time(seconds)
        return self._sqs.resend(messages, self._now()) if in_time else frozenset()

    async def postpone(self, delays: Mapping[str, int], *, seconds: float) -> None:
        if await self._in_time(seconds):
            self._sqs.postpone(delays, self._now())

    async def _in_time(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._slow.queue()
        except TimeoutError:
            return False
        return True


class _Ledger:
    """The ledger, reached slowly."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        await self._pipeline.slow.ledger()
        return await self._pipeline.ledger.read(records)

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:
        await self._pipeline.slow.ledger()
        return await self._pipeline.ledger.write(writes)


class _Budgets:
    """The budgets, reached slowly."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def update[T](self, account: str, change: Callable[[Budget], tuple[Budget, T]]) -> T:
        await self._pipeline.slow.budgets()
        return await self._pipeline.budgets.update(account, change)


def assert_accounted_for(pipeline: Pipeline, event_ids: Collection[str]) -> None:
    """Every delivery has one fate, every event one that stands: nothing is lost."""
    assert sum(pipeline.outcomes.values()) == pipeline.deliveries
    assert set(pipeline.outcomes) <= {kind.__name__ for kind in (*DONE, Retryable)}
    assert set(pipeline.ends) == set(event_ids)
    refused = {name for name, ends in pipeline.ends.items() if isinstance(ends[-1], Rejected)}
    assert refused == set(pipeline.letters)
