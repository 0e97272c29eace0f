"""What a record must become: readings of its properties, merged so that order does not matter."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from hubsync.core.event import HUBSPOT_ID, ChangeEvent
from hubsync.core.object_types import CONTACTS

# The property that says whether the record is archived. No HubSpot name holds a colon.
ARCHIVED: Final = ":archived"
YES, NO = "true", "false"


class RecordKey(NamedTuple):
    """A CRM record as upstream addresses it; `id_property` is hs_object_id for HubSpot's own id."""

    account: str
    object_type: str
    id_property: str
    id: str


class Version(NamedTuple):
    """What orders two readings of one property, totally.

    `occurred_at` is in microseconds since 1970. `digest` is of all that the event says, so that two
    events which share an identity by mistake are still ordered, the same way everywhere.
    """

    occurred_at: int
    sequence: int
    source: str
    event_id: str
    digest: str

    @property
    def event(self) -> tuple[str, str]:
        """Who said so: the identity of the change event."""
        return self.source, self.event_id


class Reading(NamedTuple):
    """A property's value with its version; the greater reading is the newer one."""

    version: Version
    value: str
    upsert: bool = False  # came from an upsert, so its record may be created


type Readings = Mapping[str, tuple[Reading, ...]]  # by property, newest first, each once


@dataclass(frozen=True, slots=True)
class Change:
    """What one record must become, as far as the change events in hand say.

    Older readings are kept behind the newest: one stands in if HubSpot refuses the newer.
    """

    record: RecordKey
    readings: Readings

    def __or__(self, other: "Change") -> "Change":
        assert self.record == other.record
        names = [*self.readings, *(name for name in other.readings if name not in self.readings)]
        return Change(
            self.record,
            {
                name: merged(self.readings.get(name, ()), other.readings.get(name, ()))
                for name in names
            },
        )


def merged(*readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return all readings of one property, newest first, each once."""
    return tuple(sorted({reading for some in readings for reading in some}, reverse=True))


def folded(object_type: str, id_property: str, key: str) -> str:
    """Return a key that HubSpot shows in the spelling of a record's `id`.

    Only e-mail addresses of contacts are folded, as ids are when events come in. Folding more
    would make one record of two.
    """
    return key.lower() if id_property == "email" and object_type == CONTACTS else key


def record_key(account: str, event: ChangeEvent) -> RecordKey:
    return RecordKey(account, event.object_type, event.id_property or HUBSPOT_ID, event.id)


def readings(source: str, event: ChangeEvent) -> dict[str, Reading]:
    """Return what the event says of each property, existence included.

    An archive event says that the record is archived, an upsert that it is not, an update neither.
    """
    version = Version(event.occurred_at, event.sequence, source, event.event_id, _digest(event))
    if event.operation == "archive":
        return {ARCHIVED: Reading(version, YES)}
    upsert = event.operation == "upsert"
    found = {name: Reading(version, value, upsert) for name, value in event.properties.items()}
    if upsert:
        found[ARCHIVED] = Reading(version, NO, upsert)
    return found


def _digest(event: ChangeEvent) -> str:
    properties = sorted(event.properties.items())
    text = "\0".join([event.operation, *(f"{name}\0{value}" for name, value in properties)])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def coalesce(changes: Iterable[Change]) -> dict[RecordKey, Change]:
    """Merge changes until no two concern the same record; their order does not matter.

    The result is in the order of ids: consumers with the same records in hand then cut like
    batches, of which one gets all leases, where each would get some of every batch.
    """
    by_record: defaultdict[RecordKey, list[Change]] = defaultdict(list)
    for change in changes:
        by_record[change.record].append(change)
    return {record: _merge(by_record[record]) for record in sorted(by_record, key=_id)}


def _id(record: RecordKey) -> str:
    return record.id


def _merge(changes: list[Change]) -> Change:
    # What folding `|` gives, but each property is sorted once instead of once per event.
    if len(changes) == 1:
        return changes[0]
    by_name: defaultdict[str, list[tuple[Reading, ...]]] = defaultdict(list)
    for change in changes:
        for name, some in change.readings.items():
            by_name[name].append(some)
    return Change(
        changes[0].record,
        {name: some[0] if len(some) == 1 else merged(*some) for name, some in by_name.items()},
    )


def change_of(record: RecordKey, found: Mapping[str, Reading]) -> Change:
    return Change(record, {name: (reading,) for name, reading in found.items()})
