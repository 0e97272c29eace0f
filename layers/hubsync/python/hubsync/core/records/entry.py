"""What HubSpot was told and is being told of one record, and what may be done given that.

An entry is written whole, on the condition that the one read before still stands (`rev`). Acquiring
writes the intent and takes the lease; each later write of the holder settles some of it; the last
one releases. docs/write-protocol.md says why each part is there.
"""

from collections.abc import Collection, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, NewType

from hubsync.core.change import ARCHIVED, YES, Change, Reading, Readings, Version, merged
from hubsync.core.compact import text_bytes
from hubsync.core.limits import (
    DOUBTS_APART_MIN,
    DOUBTS_MAX,
    PENDING_BYTES_MAX,
    PENDING_READINGS_MAX,
    WATCH_SECONDS,
    WATCHED_BYTES_MAX,
    WATCHED_SECONDS_MAX,
)

Rev = NewType("Rev", str)  # Random and new at each write: who knows it knows the entry.

ABSENT: Final = Rev("")
NO_LEASE: Final = 0


class Watched(NamedTuple):
    """A reading that HubSpot took while an older write may still have been on its way."""

    reading: Reading
    shown: str  # as HubSpot's own reply showed the value


class LeftOut(NamedTuple):
    """The input that finished answers left out last, by its trace id, and how often in a row."""

    trace_id: str
    times: int


_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Entry(NamedTuple):
    """One record's item; the default is that of a record never written. Times are ms since 1970."""

    rev: Rev = ABSENT
    lease_until: int = NO_LEASE
    synced: Mapping[str, Version] = _NOTHING
    pending: Readings = _NOTHING
    archived: bool = False  # the synced reading of ARCHIVED is "true"
    apart: bool = False  # events are tried one by one, since a refusal named no property
    split: int = 0  # how often a batch was halved that was refused whole, with this record in it
    left_out: LeftOut | None = None
    doubts: int = 0  # ambiguous outcomes in a row
    doubted_at: int = 0  # when the first of them was found
    others_written: bool = False  # HubSpot took other writes of the account since then
    hubspot_id: str | None = None
    trace_id: str | None = None  # of the last write that HubSpot vouched for
    due_at: int = 0  # from when on the sweep may have to finish what was left; 0: nothing was
    watched: Mapping[str, Watched] = _NOTHING
    watched_until: int = 0  # when the audit reads back what is watched; 0: nothing is

    @property
    def clean(self) -> bool:
        return self.lease_until == NO_LEASE and not self.pending

    def dominates(self, name: str, reading: Reading) -> bool:
        """Whether HubSpot was told this reading, or a newer one, and vouched for it."""
        synced = self.synced.get(name)
        if synced is not None and reading.version <= synced:
            return True
        # The newest archive took along all that was set before it.
        return self.archived and reading.version < self.synced[ARCHIVED]


class Triage(Enum):
    """How a change stands to the ledger."""

    SUPERSEDED = "nothing of it is new, and nothing is left to do for the record"
    LEASED = "somebody else is writing the record"
    DUE = "it has to be written"


def triage(entry: Entry, change: Change, *, now: int) -> Triage:
    """Say what a change needs; `now` in ms since 1970.

    Only a clean record lets its dominated events go: while somebody else holds the lease, or left
    readings behind, those events are what brings the record back if that somebody dies.
    """
    if entry.clean and all(
        entry.dominates(name, reading)
        for name, readings in change.readings.items()
        for reading in readings[:1]
    ):
        return Triage.SUPERSEDED
    return Triage.LEASED if entry.lease_until > now else Triage.DUE


def acquired(
    entry: Entry, change: Change, *, rev: Rev, lease_until: int, written_at: int = 0
) -> Entry:
    """Return the entry that takes the lease and commits the newest readings in hand as pending.

    They are laid on top of what is pending, never in its place: that may be in HubSpot already, and
    it is what stands if the newer reading is refused. `written_at` is when HubSpot was last seen to
    take any write of the account.
    """
    pending = dict(entry.pending)
    for name, readings in undominated(entry, change.readings).items():
        newest, known = readings[0], pending.get(name, ())
        if not known or newest > known[0]:
            pending[name] = (newest, *known)
    doubted_at = entry.doubted_at or entry.lease_until
    doubts = _doubts(entry)
    return entry._replace(
        rev=rev,
        lease_until=lease_until,
        due_at=lease_until,
        pending=pending,
        # Of events that were in doubt together so often, the good ones get out by themselves.
        apart=entry.apart or doubts >= DOUBTS_APART_MIN,
        doubts=doubts,
        doubted_at=doubted_at,
        others_written=entry.others_written or 0 < doubted_at < written_at,
    )


def _doubts(entry: Entry) -> int:
    """Count an expired lease, too: nobody knows what came of what was sent under it."""
    return entry.doubts + (entry.lease_until != NO_LEASE)


def unanswerable(entry: Entry) -> bool:
    """Whether what is pending was in doubt once too often, and not for an outage's sake.

    Between its doubts other writes were taken, and it was sent once more after that. In an outage
    nothing is taken, and whatever was sent before its end is still to have its chance.
    """
    return bool(entry.pending) and _doubts(entry) >= DOUBTS_MAX and entry.others_written


def crowded(entry: Entry) -> bool:
    """Whether what is pending must be settled before anything is laid on top of it."""
    if any(len(readings) > PENDING_READINGS_MAX for readings in entry.pending.values()):
        return True
    values = [reading.value for readings in entry.pending.values() for reading in readings]
    # At most 4 bytes a character; the exact sum is taken only where this one is above the limit.
    return (
        4 * sum(map(len, values)) > PENDING_BYTES_MAX
        and sum(map(text_bytes, values)) > PENDING_BYTES_MAX
    )


def laid_on_top(entry: Entry, readings: Mapping[str, Reading], *, rev: Rev) -> Entry:
    """Return the entry that commits readings of a further round before they are sent."""
    pending = dict(entry.pending)
    for name, reading in readings.items():
        pending[name] = merged(pending.get(name, ()), (reading,))
    return entry._replace(rev=rev, pending=pending)


def watching(entry: Entry, told: Mapping[str, Watched], *, doubted: bool, now: int) -> Entry:
    """Return the entry that watches what HubSpot vouched for after a doubt.

    A write that was given up may land later than Delta allows, and the audit will see it.
    """
    watched = _fitting({**entry.watched, **told})
    until = now + WATCH_SECONDS * 1000 if doubted else entry.watched_until
    # An entry with nothing to look at would stay in the audit's index for ever.
    return entry._replace(watched=watched, watched_until=until if watched else 0)


def released(entry: Entry, *, rev: Rev, now: int) -> Entry:
    """Return the entry without its lease. A record with nothing pending starts afresh."""
    if entry.pending:
        return entry._replace(rev=rev, lease_until=NO_LEASE, due_at=now)
    return entry._replace(
        rev=rev,
        lease_until=NO_LEASE,
        due_at=0,
        apart=False,
        split=0,
        left_out=None,
        doubts=0,
        doubted_at=0,
        others_written=False,
    )


def _fitting(watched: Mapping[str, Watched]) -> dict[str, Watched]:
    fitting: dict[str, Watched] = {}
    size = 0
    for name in sorted(watched, key=lambda name: len(watched[name].reading.value)):
        size += text_bytes(watched[name].reading.value) + text_bytes(watched[name].shown)
        if size > WATCHED_BYTES_MAX:
            break
        fitting[name] = watched[name]
    return fitting


def watched_in_vain(entry: Entry, *, now: int) -> bool:
    """Whether values have been kept for so long that they go, though nobody has looked at them."""
    return now - entry.watched_until >= (WATCHED_SECONDS_MAX - WATCH_SECONDS) * 1000


def audited(entry: Entry, landed: Mapping[str, Reading], *, rev: Rev, now: int) -> Entry:
    """Return the entry after the audit has seen it.

    Readings over which an older write of ours has landed are pending once more, so that whoever
    takes the lease next writes them back.
    """
    pending = {name: (reading,) for name, reading in landed.items() if name not in entry.pending}
    return entry._replace(
        rev=rev,
        synced={name: v for name, v in entry.synced.items() if name not in pending},
        pending={**entry.pending, **pending},
        due_at=now if pending or entry.pending else 0,
        watched={},
        watched_until=0,
    )


def confirmed(
    entry: Entry, readings: Mapping[str, Reading], *, hubspot_id: str | None, trace_id: str
) -> Entry:
    """Return the entry after HubSpot took these readings; they and all older ones are settled."""
    existence = readings.get(ARCHIVED)
    archived = entry.archived if existence is None else existence.value == YES
    settled = entry._replace(
        synced={**entry.synced, **{name: reading.version for name, reading in readings.items()}},
        archived=archived,
        # A revived record is a new one, so an archived one's id would archive nobody.
        hubspot_id=None if archived else hubspot_id or entry.hubspot_id,
        trace_id=trace_id,
        split=0,
    )
    return settled._replace(pending=undominated(settled, entry.pending))


def undominated(entry: Entry, readings: Readings) -> dict[str, tuple[Reading, ...]]:
    """Return the readings that HubSpot was told neither themselves nor a newer one of."""
    if not entry.synced:
        return dict(readings)
    left: dict[str, tuple[Reading, ...]] = {}
    for name, some in readings.items():
        if entry.dominates(name, some[0]):
            continue  # And so are all the older ones.
        alone = len(some) == 1
        left[name] = some if alone else tuple(r for r in some if not entry.dominates(name, r))
    return left


def refused(entry: Entry, given_up: Collection[tuple[str, Version]]) -> Entry:
    """Return the entry without readings that HubSpot refused for good; they leave no mark."""
    kept = {
        name: tuple(r for r in pending if (name, r.version) not in given_up)
        for name, pending in entry.pending.items()
    }
    return entry._replace(pending={name: some for name, some in kept.items() if some})
