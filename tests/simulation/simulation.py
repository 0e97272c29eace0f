"""The shipped consumer under everything that can go wrong, drawn from one seed.

Real: `consume`, `write`, the HubSpot client, the wire format. Stand-ins: clock, queue, ledger's
store, HubSpot. Traffic and perils go on for a while; then the perils stop, time goes on until
nothing is left to do, and the oracle looks at what the CRM has become.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random
from zoneinfo import ZoneInfo

import httpx

from hubspot_emulator import UNLIMITED, Fault, Limits, Switches
from hubspot_emulator import HubSpot as Emulator
from hubspot_emulator.httpx_transport import EmulatorTransport
from hubspot_emulator.switches import SETTINGS
from hubsync.audit import audit
from hubsync.consume import Consumed, QueueMessage, consume
from hubsync.core.event import HUBSPOT_ID, Rules
from hubsync.edge.hubspot import HubSpot
from hubsync.errors import Unanswered
from hubsync.ports import Permits, Ports, WritePolicy
from hubsync.sweep import sweep
from hubsync.writer.rate_limiter import AccountPermits
from hubsync_local.in_memory import MemoryBudgets, MemoryLedger, Unlimited
from hubsync_local.virtual.clock import run_virtually
from hubsync_local.virtual.sqs import SimulatedSqs
from tests.simulation.chaos import (
    Chaos,
    Crash,
    PerilousBudgets,
    PerilousQueue,
    perilous_ports,
)
from tests.simulation.oracle import Evidence, complaints
from tests.simulation.traffic import (
    BASE,
    BY_HUBSPOT_ID,
    RECORDS,
    REFUSED_KEY,
    TAKEN,
    UNNAMED,
    Record,
    facts,
    messages,
    values_before,
)
from tests.simulation.witness import Witness, ended

INVOCATION_SECONDS_MIN, INVOCATION_SECONDS_MAX = 50, 120
LATE_WRITE_SECONDS = 300
TROUBLE_SECONDS = 900  # how long things go wrong
SURVEY_SECONDS = 2 * 3600  # longer than the sweep's grace and the watch
SURVEYS_MAX = 14  # enough to come to a midnight, when a daily limit is reset
EXPIRY = 0.5  # the chance that a dead letter expires, instead of being redriven
# After the trouble: a record that HubSpot answers for needs few tries, one with many refused values
# some more.
DELIVERIES_MAX = 40
MANY_FLAWED = 0.02  # the chance that there are many events, most with a value that is refused
RECEIVES_MAX = 400
UNKNOWN_TURNED = 0.1  # the chance for each of these
UNKNOWN = (
    "archive_missing_id", "correlation_id_header", "merged_away_id_on_update", "number_error_code",
    "success_code", "trace_id_in_results", "update_all_ids_missing",
    "update_bad_value_with_trace_ids", "update_key_not_found", "update_not_found_with_trace_ids",
    "upsert_by_additional_email_shows", "upsert_conflict_with_trace_ids",
    "upsert_shows_id_property", "value_error_shape",
)  # fmt: skip
PATIENCE_SECONDS = 4 * 24 * 3600  # a run that is not settled by then is stuck
LIMITS = (Limits(2, 0), Limits(5, 0), Limits(5, 10))
FAULT_KINDS = (
    "lost_reply", "late_write", "hang", "slow", "cut", "silent", "left_out", "pending",
    "locked", "migrating", "expired_token", "refused", "reset", "status",
)  # fmt: skip


@dataclass(slots=True)
class Report:
    """What a run came to."""

    seed: int
    complaints: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    calls: int = 0

    @property
    def digest(self) -> str:
        return sha256("\n".join(self.trace).encode()).hexdigest()


def simulate(seed: int) -> Report:
    return run_virtually(Run(seed).run())


@dataclass(slots=True)
class Process:
    """What a consumer keeps from one invocation to the next, until it crashes."""

    hubspot: HubSpot
    permits: Permits
    budgets: PerilousBudgets


class Run:
    def __init__(self, seed: int) -> None:
        self.report = Report(seed)
        self.random = random = Random(f"run {seed}")
        # What came to be drawn later has a source of its own, so that seeds keep their traffic.
        more = Random(f"more {seed}")
        by_id = [BY_HUBSPOT_ID] if more.random() < 0.15 else []
        self.facts = facts(random, random.randint(3, 14), also=by_id)
        if more.random() < MANY_FLAWED:
            self.facts = facts(more, more.randint(25, 40), flawed=0.8, also=by_id)
        self.before: dict[Record, dict[str, str]] = {
            record: values_before(more)
            for record in (*by_id, *RECORDS)
            if record in by_id or more.random() < 0.2
        }
        self.additional: set[Record] = {RECORDS[-1]} if more.random() < 0.1 else set()
        for record in self.additional:
            self.before.pop(record, None)
        duplicates = random.choice([0.0, 0.02, 0.1])
        self.receives_max = random.choice([RECEIVES_MAX, RECEIVES_MAX, 4])
        self.sqs = SimulatedSqs(random, duplicates=duplicates, receives_max=self.receives_max)
        self.ledger = MemoryLedger()
        self.crashes = random.choice([0.0, 0.1, 0.3])
        self.unanswered = random.choice([0.0, 0.0, 0.03])
        self.calls_lost = bool(self.crashes or self.unanswered)
        self.witness = Witness(self.now)
        # What HubSpot refuses it refuses always; whole batches that hold it, and names nobody.
        self.lasting = [
            Fault(kind="unnamed", property="company", value=UNNAMED),
            Fault(kind="conflict", property="company", value=TAKEN),
            Fault(kind="unnamed", id=REFUSED_KEY[1]),
        ]
        faults = [*self.lasting, *self._faults()]
        self.fault_kinds = {fault.kind for fault in faults}
        # Half of the runs have a rate limit, seldom that of a day too, and the budget to match.
        limits = Random(f"limits {seed}").choice([None, None, None, *LIMITS])
        self.limit = limits and limits.per_10_seconds
        self.budgets = MemoryBudgets()
        self.processes: dict[str, Process] = {}
        self.call_seconds_max = random.choice([0, 0, 5, 20])
        self.invocation_seconds_min = random.choice(
            [INVOCATION_SECONDS_MIN, INVOCATION_SECONDS_MAX]
        )
        self.version = random.choice(["2026-03", "2026-03", "2026-09"])
        self.switches = Switches(
            upsert_without_properties=random.choice(["taken", "taken", "400"]),
            archive_merged_away_id=random.choice(["nothing", "survivor"]),
        ).turned(_switches(more))
        self.emulator = Emulator(
            now=self.now,
            faults=faults,
            limits=limits or UNLIMITED,
            switches=self.switches,
            seed=seed,
        )
        self.merges = random.random() < 0.15
        self.merged: set[tuple[str, str]] = set()
        self.bystanders: set[str] = set()
        self.traffic: set[asyncio.Task[None]] = set()

    def _faults(self) -> Iterable[Fault]:
        random = self.random
        chance = random.choice([0.05, 0.2, 0.4])
        late = {"seconds": random.uniform(1, LATE_WRITE_SECONDS - 1)}
        details = {
            "status": {"status": random.choice([408, 429, 500, 502, 503, 504])},
            "late_write": late,
            "pending": late,
            "left_out": {"operation": random.choice(["upsert", "update", "archive", "read"])},
        }
        for kind in random.sample(FAULT_KINDS, random.randint(0, 3)):
            fields = {"kind": kind, "probability": chance, **details.get(kind, {})}
            yield Fault.model_validate(fields)

    def now(self) -> float:
        return BASE + 1000 + asyncio.get_running_loop().time()

    def note(self, text: str) -> None:
        self.report.trace.append(f"{asyncio.get_running_loop().time():.3f} {text}")

    async def run(self) -> Report:
        http = httpx.AsyncClient(
            base_url="http://hubspot", transport=EmulatorTransport(self.emulator), timeout=30
        )
        self.http = http
        self._make_what_was_before()
        async with asyncio.TaskGroup() as group:
            self.traffic = {
                group.create_task(self._arrive()),
                group.create_task(self._redrive()),
                group.create_task(self._merge()),
            }
            for task in self.traffic:
                task.add_done_callback(self.traffic.discard)
            for number in range(self.random.randint(1, 3)):
                group.create_task(self._consumer(number))
            group.create_task(self._sweeper())
            group.create_task(self._calm_down())
        # The sweep for what was left, then the audit for what that wrote; limits put them off, and
        # many refused values of one record take several sweeps.
        for number in range(SURVEYS_MAX):
            if number < 2 or self._left_behind():
                await asyncio.sleep(SURVEY_SECONDS)
                await self._survey()
        self.report.calls = self.emulator.calls_count
        self.report.complaints += complaints(self._evidence())
        self.report.complaints += self._deleted_by_mistake()
        if self.limit is None:
            self.report.complaints += [
                f"{event} took {count} deliveries"
                for event, count in self.witness.deliveries.items()
                if count > DELIVERIES_MAX
            ]
        self.report.complaints += [f"{id_} is left behind" for id_ in self._left_behind()]
        self.report.trace += [f"{r.id} {sorted(r.properties.items())}" for r in self._crm()]
        return self.report

    def _make_what_was_before(self) -> None:
        for (name, id_), values in self.before.items():
            key = {} if name == HUBSPOT_ID else {name: id_}
            self.emulator.create("contacts", key | values)
        for name, id_ in self.additional:
            owner = self.emulator.create("contacts", {"email": "owner@example.com"})
            away = self.emulator.create("contacts", {name: id_})
            self.emulator.merge("contacts", owner, away)
            self.bystanders.add(owner)

    def _evidence(self) -> Evidence:
        left = [*self.sqs.letters, *self.sqs.expired]
        return Evidence(
            facts=self.facts,
            before=self.before,
            additional=frozenset(self.additional),
            merged=frozenset(self.merged),
            witness=self.witness,
            letters=[ended(letter, self.now(), Counter()) for letter in left],
            hubspot=self.emulator,
            bare_upserts_refused=self.switches.upsert_without_properties == "400",
            names_required=self.version == "2026-09",
            errors_name_properties=self.switches.value_error_shape == "full",
            receives_few=self.receives_max < RECEIVES_MAX,
            limited=self.limit is not None,
            answers_silent=bool(self.fault_kinds & {"silent", "left_out"}),
            calls_lost=self.calls_lost,
        )

    def _left_behind(self) -> list[str]:
        entries = {record.id: self.ledger.entry(record) for record in self.ledger.items}
        return [id_ for id_, entry in entries.items() if not entry.clean or entry.watched_until]

    def _crm(self) -> Iterable[object]:
        return self.emulator.records("contacts")

    async def _arrive(self) -> None:
        for body in messages(self.random, self.facts):
            await asyncio.sleep(self.random.choice([0, 0, 1, 30]))
            self.sqs.put(body, visible_at=self.now())

    async def _redrive(self) -> None:
        """Now and then send a dead letter back, at any age, or let it expire."""
        for _ in range(self.random.randint(0, 6)):
            await asyncio.sleep(self.random.uniform(10, TROUBLE_SECONDS))
            if self.sqs.letters:
                number = self.random.randrange(len(self.sqs.letters))
                if self.random.random() < EXPIRY:
                    self.sqs.expire(number)
                    self.note("dead letter expires")
                else:
                    self.sqs.redrive(number, self.now())
                    self.note("redrive")

    async def _merge(self) -> None:
        """Let a person merge contacts that are written to with others, in either direction."""
        for number in range(self.random.randint(1, 3) if self.merges else 0):
            await asyncio.sleep(self.random.uniform(1, 90))
            known = BY_HUBSPOT_ID in self.before
            key = self.random.choice([*RECORDS, BY_HUBSPOT_ID] if known else RECORDS)
            found = self.emulator.find("contacts", key[1], by=key[0])
            if found is None or key not in ((key[0], found.id), *found.properties.items()):
                continue  # It is not there, or was merged into another one already.
            other = self.emulator.create("contacts", {"email": f"bystander{number}@example.com"})
            if self.random.random() < 0.5:
                self.emulator.merge("contacts", found.id, other)
            else:
                self.emulator.merge("contacts", other, found.id)
                self.merged.add(key)
                self.bystanders.add(other)
            self.note(f"merge of {key[1]}")

    def _deleted_by_mistake(self) -> list[str]:
        """Say which contacts that nothing was said of were archived all the same.

        Where archiving a merged-away id archives the survivor, a merge between our read and our
        archive does so, and no client can help it.
        """
        if self.switches.archive_merged_away_id == "survivor":
            return []
        return [
            f"{record.id} was archived by mistake"
            for record in self.emulator.records("contacts")
            if record.id in self.bystanders and record.archived_at is not None
        ]

    async def _calm_down(self) -> None:
        await asyncio.sleep(TROUBLE_SECONDS)
        self.crashes = self.unanswered = 0.0
        self.emulator.faults.clear()
        self.emulator.faults.extend(self.lasting)
        self.note("calm")

    async def _consumer(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        while self.traffic or self.sqs.stored:
            if loop.time() > PATIENCE_SECONDS:
                self.report.complaints.append(f"stuck with {len(self.sqs.stored)} messages")
                return
            received = self.sqs.receive(self.now(), most=self.random.randint(1, 5))
            if received:
                await self._invoke(number, received)
            pause = self.random.uniform(0.1, 20)
            await asyncio.sleep(max(pause, self.sqs.seconds_until_visible(self.now())))

    async def _invoke(self, number: int, received: list[QueueMessage]) -> None:
        crash_at = self.random.randint(1, 12) if self.random.random() < self.crashes else None
        perils = Chaos(self.random, crash_at, self.unanswered, self.note)
        self.note(f"consumer {number} takes {[message.message_id for message in received]}")
        self.witness.hands_over(message.body for message in received)
        try:
            consumed = await self._consume(self._process(f"consumer {number}"), received, perils)
        except BaseExceptionGroup as error:
            if error.split(Crash)[1] is not None:
                raise
            del self.processes[f"consumer {number}"]
            return
        except Crash:
            del self.processes[f"consumer {number}"]
            return
        self._finish(number, received, consumed)

    async def _consume(
        self, process: Process, received: list[QueueMessage], perils: Chaos
    ) -> Consumed:
        return await consume(
            received,
            queue=PerilousQueue(self.sqs, perils, self.now, self.witness.dead_letters),
            ports=self._ports(process, perils),
            policy=WritePolicy(LATE_WRITE_SECONDS, not_found_retry_seconds=600),
            rules=Rules(),
            deadline=asyncio.get_running_loop().time() + self._invocation_seconds(),
        )

    def _invocation_seconds(self) -> float:
        return self.random.uniform(self.invocation_seconds_min, INVOCATION_SECONDS_MAX)

    def _process(self, name: str) -> Process:
        if name not in self.processes:
            budgets = PerilousBudgets(self.budgets)
            permits = self._permits(budgets)
            hubspot = HubSpot(
                self.http,
                token_of=_token,
                versions={"default": self.version},
                note=lambda _account, usage: permits.note(usage),
            )
            self.processes[name] = Process(hubspot, permits, budgets)
        return self.processes[name]

    def _permits(self, budgets: PerilousBudgets) -> AccountPermits | Unlimited:
        if self.limit is None:
            return Unlimited()
        return AccountPermits(
            budgets, "main", limit=self.limit, time_zone=ZoneInfo("UTC"), now=self.now,
            random=self.random,
        )  # fmt: skip

    def _ports(self, process: Process, perils: Chaos) -> Ports:
        process.budgets.perils = perils
        return perilous_ports(
            perils,
            hubspot=process.hubspot,
            ledger=self.ledger,
            permits=lambda _account: process.permits,
            now=self.now,
            random=self.random,
            answers=self.witness.answers,
            call_seconds_max=self.call_seconds_max,
        )

    async def _sweeper(self) -> None:
        """Sweep and audit now and then, as their schedules do."""
        while self.traffic or self.sqs.stored:
            await asyncio.sleep(self.random.uniform(600, 1800))
            await self._survey()

    async def _survey(self) -> None:
        crash_at = self.random.randint(1, 12) if self.random.random() < self.crashes else None
        perils = Chaos(self.random, crash_at, self.unanswered, self.note)
        process = self._process("survey")
        ports = self._ports(process, perils)
        policy = WritePolicy(LATE_WRITE_SECONDS, not_found_retry_seconds=600)
        deadline = asyncio.get_running_loop().time() + self._invocation_seconds()
        try:
            swept = await sweep(
                self.ledger, start=None, pages=1, ports=ports, policy=policy, deadline=deadline
            )
            audited = await audit(
                self.ledger,
                process.hubspot.read_histories,
                records_max=50,
                ports=ports,
                policy=policy,
                deadline=deadline,
            )
        except (Crash, Unanswered) as error:
            del self.processes["survey"]
            self.note(f"survey: {error!r}")
            return
        except BaseExceptionGroup as error:
            if error.split((Crash, Unanswered))[1] is not None:
                raise
            del self.processes["survey"]
            return
        self.note(f"survey: {swept} {audited}")
        self.report.complaints += [f"late write: {late}" for late in audited.landed_late]

    def _finish(self, number: int, received: list[QueueMessage], consumed: Consumed) -> None:
        """Do what Lambda does: delete what was not reported as failed."""
        for message in received:
            if message.message_id not in consumed.returned:
                self.sqs.delete(message.message_id)
        calm = asyncio.get_running_loop().time() > TROUBLE_SECONDS
        for delivery, outcome in consumed.outcomes:
            self.note(f"consumer {number}: {delivery.event_id} {outcome}")
            self.witness.comes_back(delivery, outcome, calm=calm)


def _switches(random: Random) -> dict[str, str]:
    """Turn some of what is not known for sure, of which no client may depend on either."""
    return {
        name: random.choice(SETTINGS[name]) for name in UNKNOWN if random.random() < UNKNOWN_TURNED
    }


async def _token(_account: str, _fresh: bool) -> str:  # noqa: FBT001 - a port
    return "token"
