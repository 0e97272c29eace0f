"""The state machine: a request and a moment in, an answer out; no socket, no clock of its own."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random

from hubspot_emulator.account import Account, Visit
from hubspot_emulator.batch_operation import Crm
from hubspot_emulator.fault_injection import FaultInjector
from hubspot_emulator.faults import Fault, Script
from hubspot_emulator.http_messages import Answer, Delivery, Request
from hubspot_emulator.portal import DEFAULT, ObjectType, Portal
from hubspot_emulator.rate_limits import UNLIMITED, Limits, Meter
from hubspot_emulator.store import Reading, Record
from hubspot_emulator.switches import STANDARD, Switches
from hubspot_emulator.tokens import OAuthApp, Token, Tokens

CALLS_KEPT_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request that came in, and what it was told."""

    time: float
    method: str
    path: str
    operation: str
    object_type: str | None
    inputs: int
    status: int
    delivery: Delivery
    fault: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A record as it is now."""

    id: str
    object_type: str
    properties: Mapping[str, str]
    created_at: float
    updated_at: float
    archived_at: float | None


class HubSpot:
    """One HubSpot account, with its faults."""

    def __init__(
        self,
        portal: Portal = DEFAULT,
        *,
        now: Callable[[], float],
        switches: Switches = STANDARD,
        faults: Iterable[Fault] = (),
        limits: Limits = UNLIMITED,
        tokens: Mapping[str, Token] | Iterable[str] = (),
        apps: Iterable[OAuthApp] = (),
        seed: int = 0,
    ) -> None:
        self.portal = portal
        self._clock = now
        self._skipped_seconds = 0.0
        self.calls_count = 0
        self.seed = seed
        self.faults = Script(faults, seed)
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT_MAX)
        self._limits = limits
        self._given = (tokens if isinstance(tokens, Mapping) else tuple(tokens), tuple(apps))
        self._start(switches)

    def _start(self, switches: Switches) -> None:
        random = Random(self.seed)  # noqa: S311 - repeatable, not secret
        self._crm = Crm(self.portal, switches, random)
        meter = Meter(self._limits, self.portal.time_zone)
        tokens = Tokens(*self._given, random)
        self._account = Account(self._crm, meter, tokens, random)
        self._mischief = FaultInjector(self._account)

    def now(self) -> float:
        """Tell the moment, in seconds since 1970, by the clock this account goes by."""
        return self._clock() + self._skipped_seconds

    def skip(self, seconds: float) -> None:
        """Let time pass at once: for limits, tokens and late writes."""
        self._skipped_seconds += seconds

    def handle(self, request: Request) -> Answer:
        self._land()
        visit = self._account.visit(request, self.now())
        struck = self.faults.strike(visit)
        if struck is None:
            answer = self._account.answer(visit)
        else:
            answer = self._mischief.answer(visit, *struck)
        self.calls_count += 1
        self.calls.append(_call(visit, answer, None if struck is None else struck[0]))
        return answer

    def find(self, object_type: str, value: str, *, by: str = "hs_object_id") -> Snapshot | None:
        """Look up a record by its id or by a unique property; an archived one is not found."""
        self._land()
        kind, store = self._kind(object_type), self._crm.store
        found = store.live(kind, value) if by == "hs_object_id" else store.owner(kind, by, value)
        return None if found is None else _snapshot(found)

    def records(self, object_type: str) -> list[Snapshot]:
        """All records of a type in the order they were made, the archived ones too."""
        self._land()
        return [_snapshot(record) for record in self._crm.store.all(self._kind(object_type))]

    def count(self, object_type: str) -> int:
        """Count the records of a type that are not archived."""
        self._land()
        records = self._crm.store.all(self._kind(object_type))
        return sum(record.archived_at is None for record in records)

    def history(self, record_id: str) -> list[Reading]:
        """Every value each property of a record took, oldest first."""
        self._land()
        record = self._crm.store.by_id(record_id)
        if record is None:
            msg = f"record {record_id}"
            raise KeyError(msg)
        return record.readings()

    def create(self, object_type: str, properties: Mapping[str, str]) -> str:
        """Make a record behind the API's back, unchecked; returns its id."""
        self._land()
        return self._crm.store.create(self._kind(object_type), properties, self.now()).id

    def edit(self, object_type: str, record_id: str, properties: Mapping[str, str]) -> None:
        """Change a record as a person in HubSpot would, unchecked."""
        self._land()
        self._crm.store.edit(self._live(object_type, record_id), properties, self.now())

    def merge(self, object_type: str, survivor_id: str, away_id: str) -> None:
        """Merge two records as a person in HubSpot would."""
        if survivor_id == away_id:
            msg = f"record {away_id} cannot be merged into itself"
            raise ValueError(msg)
        self._land()
        survivor, away = self._live(object_type, survivor_id), self._live(object_type, away_id)
        self._crm.store.merge(survivor, away, self.now())

    @property
    def switches(self) -> Switches:
        return self._crm.switches

    def turn(self, switches: Switches) -> None:
        self._crm.turn(switches)

    @property
    def limits(self) -> Limits:
        return self._account.meter.limits

    def limit(self, limits: Limits) -> None:
        self._limits = self._account.meter.limits = limits

    def expire(self, token: str) -> None:
        """Let a token be refused from now on."""
        self._account.tokens.expire(token, self.now())

    def reset(self) -> None:
        """Forget records, calls, faults, and what was still to land; switches and limits stay."""
        self.calls.clear()
        self.calls_count = 0
        self.faults.clear()
        self._start(self.switches)

    def _land(self) -> None:
        self._mischief.land(self.now())

    def _kind(self, object_type: str) -> ObjectType:
        kind = self.portal.by_path.get(object_type)
        if kind is None:
            msg = f"object type {object_type}"
            raise KeyError(msg)
        return kind

    def _live(self, object_type: str, record_id: str) -> Record:
        record = self._crm.store.live(self._kind(object_type), record_id)
        if record is None:
            msg = f"{object_type} record {record_id}"
            raise KeyError(msg)
        return record


def _snapshot(record: Record) -> Snapshot:
    return Snapshot(
        id=record.id,
        object_type=record.kind.name,
        properties={name: value for name, value in record.values.items() if value},
        created_at=record.created_at,
        updated_at=record.updated_at,
        archived_at=record.archived_at,
    )


def _call(visit: Visit, answer: Answer, fault: Fault | None) -> Call:
    return Call(
        time=visit.now,
        method=visit.request.method,
        path=visit.request.path,
        operation=visit.route.name,
        object_type=None if visit.kind is None else visit.kind.type_id,
        inputs=visit.size,
        status=answer.status,
        delivery=answer.delivery,
        fault=None if fault is None else fault.kind,
    )
