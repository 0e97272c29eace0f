"""The pipeline in one process: the shipped consumer; queue, ledger and HubSpot in memory.

Time is the event loop's; run it on a virtual clock and waiting costs nothing.
"""

import asyncio
import json
from collections import Counter, defaultdict
from random import Random
from zoneinfo import ZoneInfo

import httpx

from hubsync.consume import consume
from hubsync.core.outcome import Rejected, Retryable, Superseded, Written
from hubsync.edge.hubspot import TIMEOUT
from hubsync.edge.hubspot import HubSpot as Client
from hubsync.permits import AccountPermits
from hubsync.ports import Ports, Terms
from local.hubspot import UNLIMITED, HubSpot, Switches
from local.hubspot_transport import EmulatorTransport
from local.memory_ledger import MemoryLedger
from local.permits import MemoryBudgets, Unlimited
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
        window=1000,
        seed=0,
        limit=None,
        during=None,
    ):
        """Calls are limited by a budget only if a limit is given; `during` runs beside the rest."""
        self.hubspot = HubSpot(
            now=self.now, switches=switches or Switches(), faults=faults, limits=limits, seed=seed
        )
        self.random = Random(seed)
        self.sqs = SimulatedSqs(self.random, duplicates=0.0, receives_max=RECEIVES_MAX)
        self.ledger = MemoryLedger()
        self.deliveries = 0
        self.fates = Counter()  # of deliveries, by the name of their fate
        self.ends = defaultdict(list)  # by event id: the fates that stand
        self._seconds = lambda: 0.0
        self._versions = versions
        self._window = window
        self._limit = limit
        self._during = during
        self.settled_at = 0.0

    def now(self):
        return NOON / 1_000_000 + self._seconds()

    def put(self, *events, after=0):
        self.sqs.put(a_message(*events), visible_at=self.now() + after)

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
        transport = EmulatorTransport(self.hubspot)
        async with httpx.AsyncClient(
            base_url="http://hubspot", transport=transport, timeout=TIMEOUT
        ) as http:
            permits = self._permits()
            client = Client(
                http,
                token_of=_token,
                versions=self._versions,
                note=lambda account, usage: permits(account).note(usage),
            )
            during = asyncio.ensure_future(self._during(self)) if self._during else None
            ports = Ports(
                permits=permits,
                write=client.write,
                read=client.read,
                ledger=self.ledger,
                now=self.now,
                random=self.random,
            )
            while self.sqs.stored or (during and not during.done()):
                assert loop.time() < PATIENCE_SECONDS, f"stuck with {len(self.sqs.stored)} messages"
                received = self.sqs.receive(self.now(), most=self._window)
                if received:
                    await self._invoke(received, ports)
                await asyncio.sleep(self.sqs.seconds_until_visible(self.now()))
        self.settled_at = loop.time()
        await asyncio.sleep(TERMS.late_write_seconds)  # until nothing can land any more

    def _permits(self):
        """Permits as one consumer has them; without a limit they note nothing."""
        if self._limit is None:
            return lambda _account: Unlimited()
        budgets, known = MemoryBudgets(), {}

        def permits(account):
            if account not in known:
                known[account] = AccountPermits(
                    budgets, account, limit=self._limit, time_zone=ZoneInfo("UTC"), now=self.now,
                    random=self.random,
                )  # fmt: skip
            return known[account]

        return permits

    async def _invoke(self, received, ports):
        deadline = asyncio.get_running_loop().time() + INVOCATION_SECONDS
        consumed = await consume(
            received,
            queue=_Queue(self),
            ports=ports,
            terms=TERMS,
            rules=NO_RULES,
            deadline=deadline,
        )
        for message in received:
            self.deliveries += len(json.loads(message.body)["events"])
            if message.message_id not in consumed.returned:
                self.sqs.delete(message.message_id)
        for delivery, fate in consumed.fates:
            self.fates[type(fate).__name__] += 1
            if isinstance(fate, DONE):
                self.ends[delivery.wire["eventId"]].append(fate)


class _Queue:
    """Both queues as the consumer sees them; every call is confirmed."""

    def __init__(self, pipeline):
        self._sqs = pipeline.sqs
        self._now = pipeline.now

    async def dead_letter(self, letters):
        return self._sqs.dead_letter(letters)

    async def resend(self, messages):
        return self._sqs.resend(messages, self._now())

    async def postpone(self, delays):
        self._sqs.postpone(delays, self._now())


async def _token(_account, _fresh):
    return "token"


def assert_accounted_for(pipeline, event_ids):
    """Every delivery has one fate, every event one that stands: nothing is lost."""
    assert sum(pipeline.fates.values()) == pipeline.deliveries
    assert set(pipeline.fates) <= {kind.__name__ for kind in (*DONE, Retryable)}
    assert set(pipeline.ends) == set(event_ids)
    refused = {name for name, ends in pipeline.ends.items() if isinstance(ends[-1], Rejected)}
    assert refused == set(pipeline.letters)
