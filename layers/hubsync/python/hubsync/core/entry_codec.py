"""A ledger entry as bytes: JSON with each event written once, however many readings it has."""

import json
from collections.abc import Iterable
from typing import Any

from hubsync.core.change import Reading, Version
from hubsync.core.ledger import Entry, Rev

_FORMAT = 1


def encode(entry: Entry) -> bytes:
    """Return all of an entry but `rev` and `lease_until`, which conditions and scans look at."""
    events: dict[Version, int] = {}

    def number(version: Version) -> int:
        return events.setdefault(version, len(events))

    synced = {name: number(version) for name, version in entry.synced.items()}
    pending = {
        name: [[number(r.version), r.value, int(r.upsert)] for r in readings]
        for name, readings in entry.pending.items()
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
    }
    kept = {name: value for name, value in fields.items() if value}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def decode(packed: bytes, *, rev: Rev, lease_until: int) -> Entry:
    fields = json.loads(packed)
    versions = [Version(*event) for event in fields.get("e", ())]

    def readings(packed: Iterable[tuple[int, str, int]]) -> tuple[Reading, ...]:
        return tuple(Reading(versions[n], value, bool(upsert)) for n, value, upsert in packed)

    return Entry(
        rev=rev,
        lease_until=lease_until,
        synced={name: versions[number] for name, number in fields.get("s", {}).items()},
        pending={name: readings(some) for name, some in fields.get("p", {}).items()},
        archived=bool(fields.get("a")),
        doubts=fields.get("d", 0),
        hubspot_id=fields.get("i"),
        trace_id=fields.get("t"),
    )
