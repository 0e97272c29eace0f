"""A ledger entry as bytes: JSON with each event written once, however many readings it has."""

import json
from typing import Any

from hubsync.core.change import Reading, Version
from hubsync.core.compact import compact
from hubsync.core.ledger import Entry, Rev, Watched

_FORMAT = 1


def encode(entry: Entry) -> bytes:
    """Return all of an entry but `rev` and the times, which conditions and queries look at."""
    events: dict[Version, int] = {}
    # Written out, since calls for each reading would cost as much as all of the JSON.
    synced = {
        name: events.setdefault(version, len(events)) for name, version in entry.synced.items()
    }
    pending = {
        name: [
            (events.setdefault(r.version, len(events)), r.value, int(r.upsert)) for r in readings
        ]
        for name, readings in entry.pending.items()
    }
    watched = {
        name: [(events.setdefault(r.version, len(events)), r.value, int(r.upsert)), shown]
        for name, (r, shown) in entry.watched.items()
    }
    fields: dict[str, Any] = {
        "f": _FORMAT,
        "e": list(events),
        "s": synced,
        "p": pending,
        "a": int(entry.archived),
        "d": entry.doubts,
        "i": entry.hubspot_id,
        "t": entry.trace_id,
        "w": watched,
        "q": entry.doubted_at,
        "o": int(entry.others_written),
    }
    kept = {name: value for name, value in fields.items() if value}
    return compact(kept).encode()


def decode(
    packed: bytes, *, rev: Rev, lease_until: int, due_at: int = 0, watched_until: int = 0
) -> Entry:
    fields = json.loads(packed)
    versions = [Version(*event) for event in fields.get("e", ())]

    def reading(packed: tuple[int, str, int]) -> Reading:
        number, value, upsert = packed
        return Reading(versions[number], value, bool(upsert))

    watched = fields.get("w", {})
    return Entry(
        rev=rev,
        lease_until=lease_until,
        synced={name: versions[number] for name, number in fields.get("s", {}).items()},
        pending={name: tuple(map(reading, some)) for name, some in fields.get("p", {}).items()},
        archived=bool(fields.get("a")),
        doubts=fields.get("d", 0),
        doubted_at=fields.get("q", 0),
        others_written=bool(fields.get("o")),
        hubspot_id=fields.get("i"),
        trace_id=fields.get("t"),
        due_at=due_at,
        watched={name: Watched(reading(each), shown) for name, (each, shown) in watched.items()},
        watched_until=watched_until,
    )
