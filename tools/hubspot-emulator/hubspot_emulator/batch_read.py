"""Batch read, and batch archive."""

from collections.abc import Sequence

from hubspot_emulator import error_bodies
from hubspot_emulator.batch_operation import (
    Crm,
    Done,
    Operation,
    guard_size,
    guard_unique,
    multi_status,
    not_found,
    result,
)
from hubspot_emulator.http_messages import Body, iso
from hubspot_emulator.portal import ObjectType
from hubspot_emulator.store import Record, unique_key

# Invented ids, as in the examples.
BY_API = {"sourceType": "INTEGRATION", "sourceId": "10000002"}
BY_HAND = {"sourceType": "CRM_UI", "sourceId": "userId:10000003"}
READ_LAG_SECONDS_MAX = 2.0  # Assumed; HubSpot says nothing of it, and search lags by seconds.
HISTORY_INPUTS_MAX = 50  # Observed: with `propertiesWithHistory` a batch holds half as many.


def read(crm: Crm, operation: Operation, *, archived: bool) -> Done:
    batch, kind = operation.batch, operation.kind
    guard_size(crm, operation)
    if batch.with_history:
        guard_size(crm, operation, HISTORY_INPUTS_MAX, " for property histories")
    if batch.id_property not in {None, "hs_object_id"}:
        guard_unique(crm, kind, batch.id_property)
    found: dict[str, Record] = {}
    missing: dict[str, None] = {}
    for item in batch.inputs:
        record = _found(crm, kind, item.id, batch.id_property, archived=archived)
        if crm.switches.read_by_key_lags == "2 s" and not archived:
            record = _as_it_was(crm, operation, item.id, record)
        if record is None:
            missing[item.id] = None
        else:
            found[record.id] = record
    results = [_shown(crm, operation, record) for record in found.values()]
    errors = [not_found(kind, list(missing))] if missing else []
    return multi_status(crm, operation, 200, results, errors)


def archive(crm: Crm, operation: Operation) -> Done:
    """Assumed: an id that is not there is passed over, as the archiving of one record does."""
    guard_size(crm, operation)
    kind, inputs = operation.kind, operation.batch.inputs
    records = {item.id: crm.store.live(kind, item.id) for item in inputs}
    missing = [record_id for record_id, record in records.items() if record is None]
    if missing and crm.switches.archive_missing_id == "error":
        raise error_bodies.missing_ids(kind, missing)
    if crm.switches.archive_merged_away_id == "survivor":
        records |= {each: crm.store.survivor(kind, each) for each in missing}
    for record in {record.id: record for record in records.values() if record}.values():
        crm.store.archive(record, operation.now)
    return Done(200 if crm.switches.success_code == "200" else 204, None)


def _found(
    crm: Crm, kind: ObjectType, value: str, id_property: str | None, *, archived: bool
) -> Record | None:
    """Documented: the id of a record that was merged away leads to the one it became."""
    if archived:
        return crm.store.archived(kind, value)
    if id_property in {None, "hs_object_id"}:
        return crm.store.live(kind, value) or crm.store.survivor(kind, value)
    return crm.store.owner(kind, id_property, value)


def _as_it_was(crm: Crm, operation: Operation, value: str, record: Record | None) -> Record | None:
    """Find a record by a unique property as an index would that is behind by up to 2 s."""
    name, kind = operation.batch.id_property, operation.kind
    if name in {None, "hs_object_id"}:
        return record
    moment = operation.now - crm.random.uniform(0, READ_LAG_SECONDS_MAX)
    if record is not None:
        return record if record.created_at <= moment else None
    key = unique_key(kind, name, value)
    gone = (each for each in crm.store.all(kind) if (each.archived_at or moment) > moment)
    return next((r for r in gone if unique_key(kind, name, r.values.get(name, "")) == key), None)


def _shown(crm: Crm, operation: Operation, record: Record) -> Body:
    batch, kind = operation.batch, operation.kind
    # Assumed: an unknown property is passed over on a read.
    asked = tuple(name for name in batch.properties if name in kind.properties)
    names = asked + kind.system_shown if asked else (kind.shown.read or kind.system_shown)
    # Documented: a requested property that is empty is null.
    shown = {name: record.value(name) or None for name in names}
    body = result(crm, record, shown)
    if batch.with_history:
        body["propertiesWithHistory"] = {n: _history(record, n) for n in batch.with_history}
    return body


def _history(record: Record, name: str) -> Sequence[Body]:
    changes = [
        (position, reading)
        for position, reading in enumerate(record.readings())
        if reading.property == name
    ]
    return [
        {
            "value": reading.value,
            "timestamp": iso(reading.time),
            **(BY_HAND if position in record.by_hand else BY_API),
        }
        for position, reading in reversed(changes)
    ]
