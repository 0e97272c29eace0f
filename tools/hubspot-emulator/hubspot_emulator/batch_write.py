"""Create, update and upsert: judge every input first, then write all of them or the good ones."""

from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

from hubspot_emulator import error_bodies
from hubspot_emulator.batch_operation import (
    Crm,
    Done,
    Entry,
    Operation,
    guard_duplicates,
    guard_size,
    guard_unique,
    multi_status,
    not_found,
    result,
    traced,
)
from hubspot_emulator.http_messages import Body, Refusal
from hubspot_emulator.portal import ObjectType
from hubspot_emulator.request_body import Input
from hubspot_emulator.store import ADDITIONAL, Record, unique_key
from hubspot_emulator.validation import Judge, Rejected, Target, Write


def create(crm: Crm, operation: Operation) -> Done:
    guard_size(crm, operation)
    judge = Judge(crm, operation)
    verdicts = [judge.judge(i, Target(), i.properties) for i in operation.batch.inputs]
    return _settle(crm, operation, verdicts, missing=[])


def upsert(crm: Crm, operation: Operation) -> Done:
    guard_size(crm, operation)
    _guard_id_properties(crm, operation)
    guard_duplicates(crm, operation)
    bare = any(not item.properties for item in operation.batch.inputs)
    if bare and crm.switches.upsert_without_properties == "400":
        raise error_bodies.missing_field(1, 1, "properties", crm.switches)
    judge = Judge(crm, operation)
    verdicts: list[Write | Rejected] = []
    missing: list[Input] = []
    for item in operation.batch.inputs:
        if item.id_property is None:  # only where a switch lets it pass
            record = crm.store.live(operation.kind, item.id)
            if record is None:
                missing.append(item)
            else:
                verdicts.append(judge.judge(item, judge.existing(record), item.properties))
            continue
        target = judge.target(item.id_property, item.id)
        properties = _upserted(crm, operation.kind, item, target)
        verdicts.append(judge.judge(item, target, properties))
    return _settle(crm, operation, verdicts, missing)


def update(crm: Crm, operation: Operation) -> Done:
    guard_size(crm, operation)
    _guard_id_properties(crm, operation)
    guard_duplicates(crm, operation)
    judge = Judge(crm, operation)
    verdicts: list[Write | Rejected] = []
    missing: list[Input] = []
    for item in operation.batch.inputs:
        record = _addressed(crm, operation.kind, item)
        if record is not None:
            verdicts.append(judge.judge(item, judge.existing(record), item.properties))
        elif not _left_out(crm, operation.kind, item):
            missing.append(item)
    unknown = [(item.id_property, item.id) for item in missing if item.id_property is not None]
    if unknown and crm.switches.update_key_not_found != "207":
        status = int(crm.switches.update_key_not_found)
        raise error_bodies.missing_keys(status, operation.kind, unknown)
    return _settle(crm, operation, verdicts, missing)


def _guard_id_properties(crm: Crm, operation: Operation) -> None:
    kind, inputs = operation.kind, operation.batch.inputs
    names = dict.fromkeys(item.id_property for item in inputs)
    if len(names) > 1 and crm.switches.mixed_id_property == "400":
        raise error_bodies.mixed_id_properties()
    for name in names:
        if name is not None:
            guard_unique(crm, kind, name)
            _guard_update_by_email(crm, operation, name)
        elif operation.name == "upsert" and crm.switches.upsert_without_id_property == "400":
            # Assumed: the status; the sentence is that of other missing fields.
            raise error_bodies.missing_field(1, 1, "idProperty", crm.switches)
    if operation.name == "upsert" and any(i.id_property and not i.id.strip() for i in inputs):
        # Assumed: no record has a blank unique value, so there is none to look for or to make.
        raise error_bodies.missing_field(1, 1, "id", crm.switches)


def _guard_update_by_email(crm: Crm, operation: Operation, name: str) -> None:
    """Observed: contacts are not updated by e-mail, though the schema allows for it."""
    refused = crm.switches.update_by_email == "400" and operation.name == "update"
    if refused and operation.kind.is_contact and name == "email":
        raise error_bodies.not_unique(operation.kind, name, crm.portal)


def _upserted(crm: Crm, kind: ObjectType, item: Input, target: Target) -> Mapping[str, str]:
    """List what an upsert sets: on a new record also the value it was looked for by."""
    assert item.id_property is not None
    name, given = item.id_property, item.properties
    if target.record is None:
        return {name: item.id, **given}
    same = name in given and unique_key(kind, name, given[name]) == unique_key(kind, name, item.id)
    kept = {key: value for key, value in given.items() if key != name} if same else given
    by_email = kind.is_contact and name == "email"
    if by_email and crm.switches.email_upsert_omitted_properties == "reset":
        return _omitted(target.record) | dict(kept)
    return kept


def _omitted(record: Record) -> dict[str, str]:
    definitions = record.kind.properties
    identifying = {"email", ADDITIONAL}
    return {
        name: ""
        for name, value in record.values.items()
        if value and definitions[name].settable and name not in identifying
    }


def _addressed(crm: Crm, kind: ObjectType, item: Input) -> Record | None:
    if item.id_property is not None:
        return crm.store.owner(kind, item.id_property, item.id)
    survives = crm.switches.merged_away_id_on_update == "survivor"
    record = crm.store.live(kind, item.id)
    return crm.store.survivor(kind, item.id) if record is None and survives else record


def _left_out(crm: Crm, kind: ObjectType, item: Input) -> bool:
    """Observed, by weak evidence: some inputs are neither written nor mentioned."""
    if item.id_property is not None:
        return False
    merged = crm.store.survivor(kind, item.id) is not None
    if merged and crm.switches.merged_away_id_on_update == "left out":
        return True
    mail = kind.is_contact and "@" in item.id
    return mail and crm.switches.update_email_as_plain_id == "empty 2xx"


def _settle(
    crm: Crm, operation: Operation, verdicts: Sequence[Write | Rejected], missing: list[Input]
) -> Done:
    """Write the good inputs, unless a bad one spoils them all."""
    rejected = [verdict for verdict in verdicts if isinstance(verdict, Rejected)]
    singly = traced(crm, operation)
    if rejected and (not singly or _spoils(crm, operation, rejected)):
        raise _refusal(crm, operation, rejected)
    spoiling = next((each for each in rejected if _form(crm, each) not in _SINGLE), None)
    if spoiling is not None:
        raise _taken_refusal(crm, operation, spoiling)
    results = [_written(crm, operation, v) for v in verdicts if isinstance(v, Write)]
    errors = [_entry(crm, operation, each) for each in rejected]
    if missing:
        if not results and not errors and crm.switches.update_all_ids_missing == "no errors":
            return Done(207, multi_status(crm, operation, 200, [], []).body)
        both = crm.switches.update_not_found_with_trace_ids == "ids and trace ids"
        traces = [item.trace_id for item in missing if item.trace_id] if singly and both else []
        errors.append(not_found(operation.kind, [item.id for item in missing], traces))
    status = 201 if operation.name == "create" else 200
    return multi_status(crm, operation, status, results, errors)


_SINGLE = ("judgement", "item")
_FORMS = ("item", "coordinates", "tokens", "in")


def _form(crm: Crm, rejected: Rejected) -> str:
    """Say in which form a taken value is answered; `mixed` is each in turn, by the value."""
    form = crm.switches.taken_value_form
    if rejected.taken is None or form == "judgement":
        return "judgement"
    return _FORMS[crc32(rejected.taken[1].encode()) % 4] if form == "mixed" else form


def _taken_refusal(crm: Crm, operation: Operation, rejected: Rejected) -> Refusal:
    assert rejected.taken is not None
    form = _form(crm, rejected)
    return error_bodies.taken_refusal(
        "coordinates" if form in _SINGLE else form,
        crm.portal,
        operation.kind,
        rejected.taken,
        written_to=_written_to(crm, operation, rejected),
        owner=_owner(rejected) or "0",
    )


def _written_to(crm: Crm, operation: Operation, rejected: Rejected) -> str | None:
    item = rejected.item
    if item.id_property is None:
        return item.id
    record = crm.store.owner(operation.kind, item.id_property, item.id)
    return None if record is None else record.id


def _spoils(crm: Crm, operation: Operation, rejected: Iterable[Rejected]) -> bool:
    """Say whether trace ids do not help: a setting has it that the whole batch fails."""
    switches = crm.switches
    clashing = (each for each in rejected if each.taken is None and each.holder is not None)
    if operation.name == "upsert" and any(clashing):
        return switches.upsert_conflict_with_trace_ids == "409"
    return operation.name == "update" and switches.update_bad_value_with_trace_ids == "400"


def _refusal(crm: Crm, operation: Operation, rejected: Sequence[Rejected]) -> Refusal:
    flaws = [flaw for each in rejected for flaw in each.flaws]
    if flaws:
        required = [flaw for flaw in flaws if flaw.code.startswith("MISSING_")]
        if required:
            return error_bodies.required_refusal(required)
        return error_bodies.values_refusal(flaws, crm.switches)
    taken = next((each for each in rejected if each.taken is not None), None)
    if taken is not None:
        return _taken_refusal(crm, operation, taken)
    alone = len(operation.batch.inputs) == 1
    return error_bodies.conflict(operation.kind, _owner(rejected[0]) if alone else None)


def _entry(crm: Crm, operation: Operation, rejected: Rejected) -> Entry:
    trace = rejected.item.trace_id
    context = {} if trace is None else {"objectWriteTraceId": [trace]}
    owner = _owner(rejected)
    if rejected.taken is not None:
        text = error_bodies.taken_text(
            crm.portal,
            operation.kind,
            rejected.taken,
            written_to=_written_to(crm, operation, rejected),
            owner=owner or "0",
        )
        return Entry("VALIDATION_ERROR", text, context)
    if owner is not None:
        if crm.switches.conflict_existing_id_context == "present":
            context["existingId"] = [owner]
        return Entry("CONFLICT", error_bodies.exists(operation.kind, owner), context)
    if rejected.flaws[0].code.startswith("MISSING_"):
        return Entry("VALIDATION_ERROR", rejected.flaws[0].message, context)
    message = error_bodies.values_entry(rejected.flaws, crm.portal, crm.switches)
    return Entry("VALIDATION_ERROR", message, context)


def _owner(rejected: Rejected) -> str | None:
    """Name the record that clashes; one of this batch has its id once the good are written."""
    holder = rejected.holder
    return None if holder is None or holder.record is None else holder.record.id


def _written(crm: Crm, operation: Operation, write: Write) -> Body:
    record, target = write.target.record, write.target
    created = record is None
    if record is None:
        record = target.record = crm.store.create(operation.kind, write.values, operation.now)
    else:
        crm.store.write(record, _merged(crm, record, write.values), operation.now)
    return _result(crm, operation, write, record, created=created)


def _merged(crm: Crm, record: Record, values: Mapping[str, str]) -> Mapping[str, str]:
    """Lay values on those that are there, for the few properties that do not just replace."""
    merges = crm.rules[record.kind.type_id].merges
    if merges.keys().isdisjoint(values):
        return values
    return {
        name: merges[name](record.value(name) or "", value) if name in merges else value
        for name, value in values.items()
    }


def _result(crm: Crm, operation: Operation, write: Write, record: Record, *, created: bool) -> Body:
    """Observed: a result shows the changed properties and some of HubSpot's own, not all."""
    item = write.item
    properties = {name: record.values.get(name) for name in item.properties}
    properties |= {name: record.value(name) for name in _also_shown(operation)}
    if item.id_property is not None and operation.name == "upsert":
        _show_id_property(crm, properties, item, record)
    body = result(crm, record, properties)
    if operation.name == "upsert":
        body["new"] = created
    if write.warnings:
        body["warnings"] = list(write.warnings)
    if crm.switches.trace_id_in_results == "echoed" and item.trace_id is not None:
        body["objectWriteTraceId"] = item.trace_id
    return body


def _also_shown(operation: Operation) -> tuple[str, ...]:
    kind = operation.kind
    match operation.name:
        case "create":
            shown = kind.shown.create
        case "update":
            shown = kind.shown.update
        case _:
            shown = kind.shown.upsert
    return kind.system_shown if shown is None else shown


def _show_id_property(
    crm: Crm, properties: dict[str, str | None], item: Input, record: Record
) -> None:
    """Show what the record was found by; a contact found by an additional e-mail has two."""
    assert item.id_property is not None
    name, switches = item.id_property, crm.switches
    if name in properties or switches.upsert_shows_id_property == "always":
        properties[name] = record.value(name)
    if name in properties and switches.upsert_by_additional_email_shows == "sent":
        properties[name] = unique_key(record.kind, name, item.id)
