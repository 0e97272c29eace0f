"""What the batch operations share: the portal, its records, its rules, and the shape of answers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from hubspot_emulator import error_bodies
from hubspot_emulator.http_messages import Body, iso
from hubspot_emulator.portal import ObjectType, Portal
from hubspot_emulator.property_values import Rules, rules
from hubspot_emulator.request_body import Batch, Input
from hubspot_emulator.store import Record, Store, unique_key
from hubspot_emulator.switches import Switches

INPUTS_MAX = 100  # Documented: object API guide, "limited to 100 inputs per request".


@dataclass(slots=True)
class Crm:
    """One account's records, with the rules they obey."""

    portal: Portal
    switches: Switches
    random: Random
    store: Store = field(init=False)
    rules: Mapping[str, Rules] = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.portal)
        self.turn(self.switches)

    def turn(self, switches: Switches) -> None:
        kinds = self.portal.types.values()
        self.switches = switches
        self.rules = {kind.type_id: rules(kind, switches) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Operation:
    """One batch request that got past authentication and limits."""

    name: str
    kind: ObjectType
    batch: Batch
    now: float

    strict: bool  # 2026-09 validates required properties and normalises dates


@dataclass(frozen=True, slots=True)
class Done:
    """What an operation answers, before it is put into words: a status and a body, maybe none."""

    status: int
    body: Body | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a partial answer's `errors`."""

    category: str
    message: str
    context: Mapping[str, list[str]]

    def body(self) -> Body:
        # Observed: real entries leave out `errors` and `links`, and their status is a word.
        return {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": dict(self.context),
        }


def multi_status(
    crm: Crm, operation: Operation, status: int, results: list[Body], errors: Iterable[Entry]
) -> Done:
    """Answer for each input: in no order, and with 207 where some failed."""
    crm.random.shuffle(results)
    moment = iso(operation.now)
    body: dict[str, object] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": moment,
        "completedAt": moment,
    }
    entries = [entry.body() for entry in errors]
    if not entries:
        return Done(200 if crm.switches.success_code == "200" else status, body)
    body |= {"numErrors": len(entries), "errors": entries}
    drifted = operation.strict and crm.switches.partial_code_2026_09 == "200"
    return Done(200 if drifted else 207, body)


def nothing(now: float) -> Done:
    """Observed: valid JSON without `inputs` is answered as if all went well."""
    return Done(200, progress(now, "COMPLETE"))


def progress(now: float, status: str) -> Body:
    moment = iso(now)
    return {"status": status, "results": [], "startedAt": moment, "completedAt": moment}


def not_found(kind: ObjectType, ids: list[str], traces: Sequence[str] = ()) -> Entry:
    """Observed: one entry lists all missing ids, so entries do not count the failed inputs."""
    context = {"ids": ids}
    if traces:
        context["objectWriteTraceId"] = list(traces)
    return Entry("OBJECT_NOT_FOUND", error_bodies.not_found(kind), context)


def result(crm: Crm, record: Record, properties: Mapping[str, str | None]) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": record.id,
        "properties": properties,
        "createdAt": iso(record.created_at),
        "updatedAt": iso(record.updated_at),
        "archived": record.archived_at is not None,
    }
    if record.archived_at is not None:
        shown["archivedAt"] = iso(record.archived_at)
    if record.kind.url:
        shown["url"] = (
            f"https://app.hubspot.com/contacts/{crm.portal.portal_id}"
            f"/record/{record.kind.type_id}/{record.id}"
        )
    return shown


def guard_size(crm: Crm, operation: Operation, limit: int = INPUTS_MAX, subject: str = "") -> None:
    if len(operation.batch.inputs) > limit:
        raise error_bodies.too_many(limit, crm.switches, subject)


def guard_unique(crm: Crm, kind: ObjectType, name: str) -> None:
    """Observed: an idProperty must be unique, and the record id is none for writes."""
    definition = kind.properties.get(name)
    if definition is None or not definition.unique:
        raise error_bodies.not_unique(kind, name, crm.portal)


def guard_duplicates(crm: Crm, operation: Operation) -> None:
    """Observed: refused with and without trace ids; the ids are compared as they were sent."""
    inputs = operation.batch.inputs
    keys = [_duplicate_key(crm, operation.kind, item) for item in inputs]
    if len(set(keys)) == len(keys):
        return
    times = Counter(keys)
    twice = {key: item.id for key, item in zip(keys, inputs, strict=True) if times[key] > 1}
    raise error_bodies.duplicates(list(twice.values()))


def _duplicate_key(crm: Crm, kind: ObjectType, item: Input) -> str:
    name = item.id_property
    if name is None:
        return item.id
    if crm.switches.upsert_duplicate_key == "record":
        owner = crm.store.owner(kind, name, item.id)
        if owner is not None:
            return owner.id
    if crm.switches.email_case_duplicates == "one record":
        return item.id
    return unique_key(kind, name, item.id)


def traced(crm: Crm, operation: Operation) -> bool:
    """Say whether inputs fail one by one: every input carries a trace id of its own."""
    ids = [item.trace_id for item in operation.batch.inputs]
    given = {trace for trace in ids if trace is not None}
    if crm.switches.trace_ids_duplicated_or_partial == "207":
        return bool(given)
    return len(given) == len(ids)
