"""A stage for the consumer: HubSpot's emulator, a ledger in memory, a queue that keeps things.

Time is the event loop's own and virtual, so that waiting takes none.
"""

import asyncio
import json
from collections import Counter
from random import Random

import httpx

from hubspot_emulator import HubSpot as Emulator
from hubspot_emulator import Switches
from hubspot_emulator.httpx_transport import EmulatorTransport
from hubsync.audit import audit
from hubsync.consume import QueueMessage, consume
from hubsync.core.records.entry import ABSENT
from hubsync.edge.hubspot import HubSpot
from hubsync.ports import LedgerWrite, Ports, WritePolicy
from hubsync.sweep import sweep
from hubsync_local.in_memory import MemoryLedger, unlimited
from hubsync_local.virtual.clock import run_virtually
from tests.builders import NO_RULES, NOON

INVOCATION_SECONDS = 120
LATE_WRITE_SECONDS = 300
NOT_FOUND_RETRY_SECONDS = 600


class KeptQueue:
    """The way back to SQS; it confirms every call, or none."""

    def __init__(self):
        self.confirms = True
        self.letters = []
        self.resent = []
        self.postponed = {}

    async def dead_letter(self, letters, *, seconds):  # noqa: ARG002 - a port
        return self._kept(self.letters, letters)

    async def resend(self, messages, *, seconds):  # noqa: ARG002
        return self._kept(self.resent, messages)

    async def postpone(self, delays, *, seconds):  # noqa: ARG002
        self.postponed |= delays

    def _kept(self, kept, given):
        if not self.confirms:
            return frozenset()
        kept += given
        return frozenset(range(len(given)))


class ConsumerHarness:
    def __init__(self, *faults, **switches):
        self.hubspot = Emulator(now=self.now, faults=faults, switches=Switches(**switches))
        self.ledger = MemoryLedger()
        self.queue = KeptQueue()
        self.seconds_a_call = 0.0  # how long HubSpot takes
        self.before_call = lambda: None  # what a test looks at before each
        self.write = None  # stands in for HubSpot's client, where a test says what it answers
        self._written_at = {}  # what a process remembers from one invocation to the next
        self._before = 60.0  # seconds since noon, when messages are received

    def now(self):
        try:
            running = asyncio.get_running_loop().time()
        except RuntimeError:
            running = 0.0
        return NOON / 1_000_000 + self._before + running

    def remember(self, record, entry):
        """Let the ledger have an entry from before."""
        written = self.ledger.write([LedgerWrite(record, entry, expected=ABSENT)])
        assert run_virtually(written) == frozenset()

    def wait(self, seconds):
        self._before += seconds

    def consume(self, *bodies, receives=1, seconds=INVOCATION_SECONDS):
        """One invocation with a message for each body."""
        messages = [QueueMessage(f"m{n}", f"h{n}", body, receives) for n, body in enumerate(bodies)]

        def run(_client, **given):
            return consume(messages, queue=self.queue, rules=NO_RULES, **given)

        return run_virtually(self._invoke(run, seconds))

    def sweep(self, *, start=None, pages=1):
        """One run of the sweep."""

        def run(_client, **given):
            return sweep(self.ledger, start=start, pages=pages, **given)

        return run_virtually(self._invoke(run, INVOCATION_SECONDS))

    def audit(self, *, records_max=100, seconds=INVOCATION_SECONDS):
        """One run of the audit."""

        def run(client, **given):
            return audit(self.ledger, client.read_histories, records_max=records_max, **given)

        return run_virtually(self._invoke(run, seconds))

    async def _invoke(self, run, seconds):
        transport = EmulatorTransport(self.hubspot)
        async with httpx.AsyncClient(base_url="http://hubspot", transport=transport) as http:
            client = HubSpot(http, token_of=self._token, versions={"default": "2026-03"})
            ports = Ports(
                write=self.write or client.write,
                read=client.read,
                ledger=self.ledger,
                permits=unlimited,
                now=self.now,
                random=Random(0),
                written_at=self._written_at,
            )
            loop = asyncio.get_running_loop()
            policy = WritePolicy(LATE_WRITE_SECONDS, NOT_FOUND_RETRY_SECONDS)
            result = await run(client, ports=ports, policy=policy, deadline=loop.time() + seconds)
            self._before += loop.time()
            return result

    async def _token(self, _account, _fresh):
        self.before_call()
        await asyncio.sleep(self.seconds_a_call)
        return "token"

    @property
    def calls(self):
        """Each call so far as its operation, number of inputs and status."""
        return [(call.operation, call.inputs, call.status) for call in self.hubspot.calls]

    def contact(self, email="ada@example.com"):
        """A contact's properties but for HubSpot's own; None if there is no such contact."""
        found = self.hubspot.find("contacts", email, by="email")
        return found and {
            name: value for name, value in found.properties.items() if name in SET_BY_TESTS
        }

    @property
    def letters(self):
        """Each dead letter as its event's id, its code and the properties it names."""
        return [
            (json.loads(letter.body)["events"][0]["eventId"], letter.rejected.code,
             letter.rejected.properties)
            for letter in self.queue.letters
        ]  # fmt: skip


SET_BY_TESTS = frozenset(
    {"firstname", "lastname", "phone", "city", "company", "notes", "newsletter", "seats"}
    | {"interests", "external_id"}
)


def outcomes(consumed):
    """Each event's fate, in the order of the messages."""
    return [(delivery.event_id, outcome) for delivery, outcome in consumed.outcomes]


def tally(consumed):
    """How many events had which kind of fate."""
    return Counter(type(outcome).__name__ for _, outcome in consumed.outcomes)
