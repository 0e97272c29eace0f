"""What the consumer would send for change events, were HubSpot to know nothing and take everything.

It decides as the consumer does, by the same core, but asks neither the ledger nor HubSpot. So one
window of events is assumed, that nothing of them was written before, and that nothing is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hubsync.core.change import (
    ARCHIVED,
    YES,
    Reading,
    RecordKey,
    Version,
    change_of,
    coalesce,
    readings,
    record_key,
)
from hubsync.core.event import HUBSPOT_ID, ChangeEvent
from hubsync.core.hubspot.batch import (
    Batch,
    Input,
    Route,
    archive_input,
    by_route,
    cut,
    write_input,
)
from hubsync.core.hubspot.batch_api import encode_read, path
from hubsync.core.hubspot.reply import Confirmed
from hubsync.core.records import entry as ledger
from hubsync.core.records.entry import ABSENT, NO_LEASE, Entry
from hubsync.core.records.leased_record import LeasedRecord
from hubsync.core.records.outcome import Superseded, outcome_of

METHOD = "POST"


@dataclass(frozen=True, slots=True)
class Call:
    """One call to HubSpot. Without a body it names HubSpot's own ids, which a call before finds."""

    path: str
    inputs: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Passed:
    """A reading that is not sent, and the version that is there in its place."""

    record: RecordKey
    name: str
    version: Version
    by: Version


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls in their order. `split` are records with more than one invocation takes at once."""

    events: int
    records: int
    calls: tuple[Call, ...]
    passed: tuple[Passed, ...]
    superseded: tuple[tuple[str, str], ...]  # source and id of events of which nothing is sent
    split: tuple[RecordKey, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """What one event says of its record."""

    record: RecordKey
    readings: Mapping[str, Reading]
    event: tuple[str, str]


def plan(
    events: Iterable[ChangeEvent], *, account: str, source: str, versions: Mapping[str, str]
) -> Plan:
    """Plan for events of a source; `versions` are API versions by type id, with the default."""
    said = [
        _Said(record_key(account, event), readings(source, event), (source, event.event_id))
        for event in events
    ]
    changes = coalesce(change_of(each.record, each.readings) for each in said)
    leased_records = {
        record: LeasedRecord.begin(change, Entry()) for record, change in changes.items()
    }
    split = [
        record
        for record, change in changes.items()
        if ledger.crowded(ledger.acquired(Entry(), change, rev=ABSENT, lease_until=NO_LEASE))
    ]
    calls = tuple(
        call for some in _batches(leased_records.values()) for call in _rounds(some, versions)
    )
    outcomes = {
        each.event: outcome_of(each.readings, leased_records[each.record], lease_seconds=0)
        for each in said
    }
    return Plan(
        events=len(said),
        records=len(changes),
        calls=calls,
        passed=tuple(_passed(said, leased_records)),
        superseded=tuple(event for event, came in outcomes.items() if isinstance(came, Superseded)),
        split=tuple(split),
    )


def _batches(leased_records: Iterable[LeasedRecord]) -> Iterator[list[LeasedRecord]]:
    routed = by_route((leased.route(leased.due()), leased) for leased in leased_records)
    for same in routed.values():
        made = [(leased, write_input(leased.record, leased.due())) for leased in same]
        for some in cut(made, size=lambda pair: pair[1].size):
            yield [leased for leased, _ in some]


def _rounds(leased_records: Sequence[LeasedRecord], versions: Mapping[str, str]) -> Iterator[Call]:
    """Yield a batch's calls: the first, and those for what is newer than an archive."""
    left = list(leased_records)
    while left:
        for route, same in by_route((a.route(a.due()), a) for a in left).items():
            yield from _calls(route, same, versions)
        for leased in left:
            due = leased.due()
            leased.confirm(due, Confirmed(None), "")
        left = [leased for leased in left if not leased.over]


def _calls(
    route: Route, leased_records: Sequence[LeasedRecord], versions: Mapping[str, str]
) -> Iterator[Call]:
    address = path(route.object_type, route.operation, versions)
    inputs = tuple(map(_input, leased_records))
    body = Batch(route, inputs).encode()
    if route.operation != "archive":
        yield Call(address, len(inputs), body)
        return
    # Records are read by key before they are archived, which tells their ids, and after it.
    ids = [leased.record.id for leased in leased_records]
    by_own_id = route.id_property == HUBSPOT_ID
    read = Call(path(route.object_type, "read", versions), len(ids), encode_read(route, ids, []))
    yield from (read, Call(address, len(ids), body if by_own_id else None), read)


def _input(leased: LeasedRecord) -> Input:
    due = leased.due()
    if ARCHIVED in due and due[ARCHIVED].value == YES:
        return archive_input(leased.record, due, leased.record.id)
    return write_input(leased.record, due)


def _passed(
    said: Iterable[_Said], leased_records: Mapping[RecordKey, LeasedRecord]
) -> Iterator[Passed]:
    """Yield the readings that are not sent, each once; existence only where it was an archive."""
    seen: set[tuple[RecordKey, str, Version]] = set()
    for each in said:
        leased = leased_records[each.record]
        for name, reading in each.readings.items():
            place = (each.record, name, reading.version)
            told = leased.has_written(name, reading.version)
            if told or place in seen or (name == ARCHIVED and reading.value != YES):
                continue
            seen.add(place)
            synced = leased.entry.synced
            newer = [synced[key] for key in (name, ARCHIVED) if key in synced]
            by = next(version for version in newer if version >= reading.version)
            yield Passed(each.record, name, reading.version, by)
