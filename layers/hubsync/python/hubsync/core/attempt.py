"""One record while we hold its lease: what to send next, and what each verdict leaves to send."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import chain

from hubsync.core import ledger
from hubsync.core.batch import Route, route_of
from hubsync.core.change import ARCHIVED, YES, Change, Reading, Readings, RecordKey, Version, merged
from hubsync.core.ledger import Entry, Rev, Watched
from hubsync.core.reply import Reason, Vouched, shown_text

type EventId = tuple[str, str]  # source and event id


@dataclass(slots=True)
class Attempt:
    """A record's change under our lease.

    `entry` is the ledger's entry as it is, or as it will be at the next write; `open` holds the
    readings not yet settled, pending or in hand, newest first.
    """

    record: RecordKey
    entry: Entry
    open: dict[str, tuple[Reading, ...]]
    vouched: list[Mapping[str, Reading]] = field(default_factory=list)  # what each time
    told: dict[str, Watched] = field(default_factory=dict)  # the same after a doubt, as it is shown
    refused: dict[tuple[str, Version], Reason] = field(default_factory=dict)
    apart: bool = False  # events are tried one by one, since a refusal named none
    unanswerable: bool = False  # what is pending is looked for, rather than sent once more
    unmentioned: int = 0  # how many finished answers left the record out
    not_found: Reason | None = None
    halted: str | None = None  # why the rest waits for another invocation
    retry_after_seconds: float | None = None
    in_doubt: bool = False  # an answer was ambiguous: the lease is left to run out

    @classmethod
    def begin(cls, change: Change, entry: Entry) -> "Attempt":
        """Start from the entry as it was acquired."""
        if change.readings == entry.pending:  # As for most records: nothing else was left to do.
            return cls(change.record, entry, dict(entry.pending))
        names = {**entry.pending, **change.readings}
        found = {name: _candidates(name, entry, change) for name in names}
        return cls(change.record, entry, {name: some for name, some in found.items() if some})

    @property
    def over(self) -> bool:
        """Whether there is nothing more to send under this lease."""
        return not self.open or self.halted is not None or self.in_doubt

    def due(self) -> dict[str, Reading]:
        """Return what to send next: the newest open reading of every property.

        An archive goes alone. Where events are tried apart, the due readings are one event's, the
        oldest first.
        """
        newest = {name: readings[0] for name, readings in self.open.items()}
        existence = newest.get(ARCHIVED)
        if existence is not None and existence.value == YES:
            return {ARCHIVED: existence}
        if not self.apart:
            return newest
        oldest = min((r for name, r in newest.items() if name != ARCHIVED), default=existence)
        assert oldest is not None
        event = oldest.version.event
        return {name: r for name, r in newest.items() if r.version.event == event}

    def has_written(self, name: str, version: Version) -> bool:
        """Whether HubSpot vouched for this very reading, under this lease."""
        return version in [told[name].version for told in self.vouched if name in told]

    @property
    def create(self) -> bool:
        """Whether the record may be created: something still open came from an upsert."""
        return _creates(self.open)

    def route(self, due: Mapping[str, Reading]) -> Route:
        return route_of(self.record, due, create=self.create)

    def uncommitted(self, due: Mapping[str, Reading]) -> dict[str, Reading]:
        """Return the due readings that the ledger does not hold yet."""
        pending = self.entry.pending
        return {name: r for name, r in due.items() if r not in pending.get(name, ())}

    def commit(self, due: Mapping[str, Reading], *, rev: Rev) -> None:
        self.entry = ledger.laid_on_top(self.entry, self.uncommitted(due), rev=rev)

    def vouch(self, sent: Mapping[str, Reading], verdict: Vouched, trace_id: str) -> None:
        """Settle what HubSpot vouched for, and with it all that is older."""
        before = self.open
        self._settle(sent, verdict.hubspot_id, trace_id)
        if self.entry.doubts or self.entry.watched:
            self.told |= {
                name: Watched(reading, shown_text(verdict.shown.get(name)) or reading.value)
                for name, reading in sent.items()
                if name != ARCHIVED
            }
        existence = self.open.get(ARCHIVED, (None,))[0]
        if existence is None or existence.value == YES or not _creates(before):
            return
        # Any upsert makes the record exist. But while an event is still to be tried, HubSpot may
        # refuse it whole, and then its word on existence counts for nothing.
        if self._of_events({existence.version.event}).keys() == {ARCHIVED}:
            self._settle({ARCHIVED: existence}, verdict.hubspot_id, trace_id)

    def _settle(self, told: Mapping[str, Reading], hubspot_id: str | None, trace_id: str) -> None:
        self.entry = ledger.vouched(self.entry, told, hubspot_id=hubspot_id, trace_id=trace_id)
        self.vouched.append(told)
        self._drop_settled()

    def refuse(self, sent: Mapping[str, Reading], reason: Reason) -> None:
        """Drop what HubSpot refused: the properties it named, else the event it was about.

        Where it named none that we sent, and more than one event is in it, the events are tried
        apart from now on; the same input is never sent again unchanged.
        """
        named = {name: sent[name] for name in reason.properties if name in sent}
        events = {r.version.event for name, r in sent.items() if name != ARCHIVED}
        if not named and len(events) > 1:
            self.apart = True
            return
        self._refuse(named or self._of_events(events or {sent[ARCHIVED].version.event}), reason)
        self._let_go_of_existence()

    def refuse_events(self, events: Collection[EventId], reason: Reason) -> None:
        """Give up whole events."""
        for event in events:
            self._refuse(self._of_events({event}), reason)

    def halt(self, reason: str, retry_after_seconds: float | None = None) -> None:
        """Leave what is open to another invocation; nothing of what was sent last was applied."""
        self.halted = reason
        self.retry_after_seconds = retry_after_seconds

    def doubt(self, reason: str) -> None:
        """Leave the lease to run out, since what was sent last may still be applied."""
        self.halted = reason
        self.in_doubt = True

    def release(self, *, rev: Rev, now: int) -> None:
        self.entry = ledger.released(self.entry, self.told, rev=rev, now=now)

    def _of_events(self, events: Collection[EventId]) -> dict[str, Reading]:
        return {
            name: reading
            for name, readings in self.open.items()
            for reading in readings
            if reading.version.event in events
        }

    def _refuse(self, readings: Mapping[str, Reading], reason: Reason) -> None:
        for name, reading in readings.items():
            self.refused[name, reading.version] = reason
        self.entry = ledger.refused(self.entry, readings)
        self._drop_settled()

    def _let_go_of_existence(self) -> None:
        # An upsert all of whose properties were refused must not leave an empty record behind.
        existence = self.open.get(ARCHIVED, (None,))[0]
        if len(self.open) > 1 or existence is None or existence.value == YES:
            return
        event = existence.version.event
        reason = next(
            (why for (_, version), why in self.refused.items() if version.event == event), None
        )
        if reason is not None:
            self._refuse({ARCHIVED: existence}, reason)

    def _drop_settled(self) -> None:
        left = ledger.undominated(self.entry, self.open)
        if self.refused:
            kept = {
                name: tuple(r for r in readings if (name, r.version) not in self.refused)
                for name, readings in left.items()
            }
            left = {name: readings for name, readings in kept.items() if readings}
        self.open = left


def _creates(readings: Readings) -> bool:
    return any(reading.upsert for reading in chain.from_iterable(readings.values()))


def _candidates(name: str, entry: Entry, change: Change) -> tuple[Reading, ...]:
    pending = entry.pending.get(name, ())
    in_hand = change.readings.get(name, ())
    return tuple(r for r in merged(chain(pending, in_hand)) if not entry.dominates(name, r))
