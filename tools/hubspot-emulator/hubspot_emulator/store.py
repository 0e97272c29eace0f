"""The records of a portal: values, unique values, merges, and each property's history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hubspot_emulator.http_messages import iso
from hubspot_emulator.portal import ObjectType, Portal

FIRST_ID = 171_500_000_001
ADDITIONAL = "hs_additional_emails"
FOLDED = frozenset({"email", ADDITIONAL})


class Reading(NamedTuple):
    """From `time` on `property` had `value`; the empty text means none."""

    time: float
    property: str
    value: str


@dataclass(slots=True)
class Record:
    id: str
    kind: ObjectType
    created_at: float
    updated_at: float
    values: dict[str, str] = field(default_factory=dict)
    # Plain tuples, since a `Reading` takes several times as long to make.
    history: list[tuple[float, str, str]] = field(default_factory=list)
    by_hand: set[int] = field(default_factory=set)  # which of them a person made, by position
    archived_at: float | None = None

    def readings(self) -> list[Reading]:
        return [Reading._make(each) for each in self.history]

    def value(self, name: str) -> str | None:
        """Show a property: as it was set, as HubSpot fills it, or as a new record has it."""
        value = self.values.get(name)
        if value is not None:
            return value
        definition = self.kind.properties.get(name)
        if definition is None:
            return None
        match definition.filled:
            case "id":
                return self.id
            case "created":
                return iso(self.created_at)
            case "modified":
                return iso(self.updated_at)
            case None:
                return definition.default


class Store:
    def __init__(self, portal: Portal) -> None:
        kinds = portal.types.values()
        self._records: dict[str, dict[str, Record]] = {kind.type_id: {} for kind in kinds}
        self._owners: dict[str, dict[str, dict[str, Record]]] = {
            kind.type_id: {name: {} for name, d in kind.properties.items() if d.unique}
            for kind in kinds
        }
        self._merged: dict[str, Record] = {}
        self._next_id = FIRST_ID

    def live(self, kind: ObjectType, record_id: str) -> Record | None:
        record = self._records[kind.type_id].get(record_id)
        return None if record is None or record.archived_at is not None else record

    def archived(self, kind: ObjectType, record_id: str) -> Record | None:
        record = self._records[kind.type_id].get(record_id)
        return None if record is None or record.archived_at is None else record

    def by_id(self, record_id: str) -> Record | None:
        """Find a record of any type, also an archived one, or what a merged-away one became."""
        found = (records.get(record_id) for records in self._records.values())
        here = next((record for record in found if record is not None), None)
        return here or self._merged.get(record_id)

    def survivor(self, kind: ObjectType, record_id: str) -> Record | None:
        """Find what a merged-away record has become, unless that was archived since."""
        record = self._merged.get(record_id)
        return None if record is None else self.live(kind, record.id)

    def owner(self, kind: ObjectType, name: str, value: str) -> Record | None:
        """Find the record that holds a unique value, or has it as an additional e-mail."""
        return self.owner_by_key(kind, name, unique_key(kind, name, value))

    def owner_by_key(self, kind: ObjectType, name: str, key: str) -> Record | None:
        return self._owners[kind.type_id][name].get(key)

    def all(self, kind: ObjectType) -> list[Record]:
        return list(self._records[kind.type_id].values())

    def create(self, kind: ObjectType, values: Mapping[str, str], now: float) -> Record:
        history = [(now, name, value) for name, value in values.items() if value]
        record = Record(str(self._next_id), kind, now, now, dict(values), history)
        self._next_id += 1
        self._records[kind.type_id][record.id] = record
        for name in (*self._owners[kind.type_id], ADDITIONAL):
            if name in values:
                self._move(record, name, "", values[name])
        return record

    def edit(self, record: Record, values: Mapping[str, str], now: float) -> None:
        """Write as a person does, which a property's history tells apart."""
        before = len(record.history)
        self.write(record, values, now)
        record.by_hand.update(range(before, len(record.history)))

    def write(self, record: Record, values: Mapping[str, str], now: float) -> None:
        record.updated_at = now
        current, history = record.values, record.history
        owners = self._owners[record.kind.type_id]
        for name, value in values.items():
            before = current.get(name)
            if before == value:
                continue
            if name in owners or name == ADDITIONAL:
                self._move(record, name, before or "", value)
            current[name] = value
            if before or value:  # what never had a value is not cleared
                history.append((now, name, value))

    def archive(self, record: Record, now: float) -> None:
        """Hide a record and free its unique values, so that an upsert makes a new record."""
        record.archived_at = record.updated_at = now
        self._disown(record)

    def merge(self, survivor: Record, away: Record, now: float) -> None:
        """Let one contact take over another's id and e-mails; its own values stay."""
        self._disown(away)
        self._records[away.kind.type_id].pop(away.id)
        for record_id, merged_into in self._merged.items():
            if merged_into is away:
                self._merged[record_id] = survivor
        self._merged[away.id] = survivor
        if survivor.kind.is_contact:
            mails = [*_additional(survivor.values), away.values.get("email", "")]
            mails += _additional(away.values)
            self.write(survivor, {ADDITIONAL: ";".join(mail for mail in mails if mail)}, now)

    def _disown(self, record: Record) -> None:
        for name in (*self._owners[record.kind.type_id], ADDITIONAL):
            self._move(record, name, record.values.get(name, ""), "")

    def _move(self, record: Record, name: str, before: str, after: str) -> None:
        """Give up the identifiers in one text, take those in another that nobody else has."""
        kind = record.kind
        owned = self._owners[kind.type_id].get("email" if name == ADDITIONAL else name, {})
        for value in _identifiers(name, before):
            key = unique_key(kind, name, value)
            if owned.get(key) is record:
                del owned[key]
        for value in _identifiers(name, after):
            owned.setdefault(unique_key(kind, name, value), record)


def unique_key(kind: ObjectType, name: str, value: str) -> str:
    """Two values of a unique property are the same if their keys are."""
    folded = kind.is_contact and name in FOLDED
    return value.strip().lower() if folded else value


def _identifiers(name: str, text: str) -> Iterable[str]:
    if not text:
        return ()
    return [each for each in text.split(";") if each] if name == ADDITIONAL else (text,)


def _additional(values: Mapping[str, str]) -> list[str]:
    return values.get(ADDITIONAL, "").split(";")
