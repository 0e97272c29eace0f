"""A ledger entry as bytes: JSON with each event written once, however many readings it has."""

from itertools import starmap
from typing import Any

from pydantic_core import from_json

from hubsync.core.change import Reading, Version, merged
from hubsync.core.compact import compact
from hubsync.core.limits import ENTRY_BYTES_MAX, PENDING_BYTES_MAX, SYNCED_ROOMY_MAX
from hubsync.core.records.entry import NO_LEASE, Entry, LeftOut, Rev, Watched

_FORMAT = 1


def encode(entry: Entry) -> bytes:
    """Return all of an entry but `rev`, which conditions look at, and what queries look at."""
    numbers: dict[Version, int] = {}
    synced = {name: numbers.setdefault(v, len(numbers)) for name, v in entry.synced.items()}
    # By event, of which each says one value of a property at most.
    said: dict[tuple[int, bool], dict[str, str]] = {}
    for name, readings in entry.pending.items():
        for version, value, upsert in readings:
            number = numbers.setdefault(version, len(numbers))
            said.setdefault((number, upsert), {})[name] = value
    watched = {
        name: (numbers.setdefault(reading.version, len(numbers)), *reading[1:], shown)
        for name, (reading, shown) in entry.watched.items()
    }
    fields: dict[str, Any] = {
        "f": _FORMAT,
        "e": [*map(tuple, numbers)],  # Named ones take the serialiser longer.
        "s": synced,
        "p": [(number, int(upsert), values) for (number, upsert), values in said.items()],
        "a": int(entry.archived),
        "x": int(entry.apart),
        "h": entry.split,
        "u": entry.left_out and tuple(entry.left_out),
        "d": entry.doubts,
        "i": entry.hubspot_id,
        "l": entry.lease_until,
        "t": entry.trace_id,
        "w": watched,
        "q": entry.doubted_at,
        "o": int(entry.others_written),
    }
    return compact({name: value for name, value in fields.items() if value})


def fits(entry: Entry) -> bool:
    """Whether the ledger can hold the entry.

    Values alone seldom fill it, so an entry with few versions and nothing watched is not measured.
    """
    if not entry.watched and len(entry.synced) + len(entry.pending) <= SYNCED_ROOMY_MAX:
        values = [reading.value for some in entry.pending.values() for reading in some]
        if 4 * sum(map(len, values)) <= PENDING_BYTES_MAX:
            return True
    return len(encode(entry)) <= ENTRY_BYTES_MAX


def decode(packed: bytes, *, rev: Rev, due_at: int = 0, watched_until: int = 0) -> Entry:
    fields = from_json(packed)
    versions = list(starmap(Version, fields.get("e", ())))
    pending: dict[str, tuple[Reading, ...]] = {}
    for number, upsert, values in fields.get("p", ()):
        for name, value in values.items():
            reading = Reading(versions[number], value, bool(upsert))
            known = pending.get(name)
            pending[name] = merged(known, (reading,)) if known else (reading,)
    return Entry(
        rev=rev,
        lease_until=fields.get("l", NO_LEASE),
        synced={name: versions[number] for name, number in fields.get("s", {}).items()},
        pending=pending,
        archived="a" in fields,
        apart="x" in fields,
        split=fields.get("h", 0),
        left_out=LeftOut(*fields["u"]) if "u" in fields else None,
        doubts=fields.get("d", 0),
        doubted_at=fields.get("q", 0),
        others_written="o" in fields,
        hubspot_id=fields.get("i"),
        trace_id=fields.get("t"),
        due_at=due_at,
        watched={
            name: Watched(Reading(versions[number], value, upsert), shown)
            for name, (number, value, upsert, shown) in fields.get("w", {}).items()
        },
        watched_until=watched_until,
    )
