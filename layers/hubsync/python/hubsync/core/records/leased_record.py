"""One record while we hold its lease: what to send next, and what each verdict leaves to send."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from hubsync.core.change import ARCHIVED, YES, Change, Reading, RecordKey, Version, merged
from hubsync.core.hubspot.batch import Route, route_of
from hubsync.core.hubspot.reply import (
    PROPERTY_FAULTS,
    REQUEST_FAULTS,
    Confirmed,
    Reason,
    shown_text,
)
from hubsync.core.limits import REFUSAL_ROUNDS_MAX, SILENCES_MAX
from hubsync.core.records import entry as ledger
from hubsync.core.records.entry import Entry, LeftOut, Rev, Watched
from hubsync.core.records.entry_codec import fits
from hubsync.core.records.kept_values import kept_otherwise

type EventId = tuple[str, str]  # source and event id
type Named = tuple[str, Version]  # one reading: its property and its version

NOT_FOUND: Final = "NOT_FOUND"
MORE_REFUSED: Final = "MORE_REFUSED"
RECORD_FULL: Final = "RECORD_FULL"


@dataclass(slots=True)
class LeasedRecord:
    """A record's change under our lease.

    `entry` is the ledger's entry as it is, or as it will be at the next write; `open` holds the
    readings that are not yet settled, pending or in hand, newest first. The attempt is always in
    one of these states, and only its own methods lead from one to another:

    | state    | when                             | what follows                               |
    |----------|----------------------------------|--------------------------------------------|
    | sending  | something is due                 | `due` is sent, and a verdict is applied    |
    | settled  | nothing is open                  | release; the events are done               |
    | halted   | the rest waits: `halted` is why  | release; the events come back              |
    | in doubt | an answer was ambiguous          | no release: the lease runs out by itself   |

    A refusal moves a property to `held`: its older readings wait until all else of the record is
    settled. An archive that waits for an upsert is left out of `due` too.
    """

    record: RecordKey
    entry: Entry
    open: dict[str, tuple[Reading, ...]]
    confirmed: list[Mapping[str, Reading]] = field(default_factory=list)  # what each time
    refused: dict[Named, Reason] = field(default_factory=dict)
    kept: list[Named] = field(default_factory=list)  # HubSpot shows another value than was sent
    held: set[str] = field(default_factory=set)
    archive_waits: bool = False
    unanswerable: bool = False  # what is pending is looked for, rather than sent once more
    halted: str | None = None
    retry_after_seconds: float | None = None
    in_doubt: bool = False
    _told: dict[str, Watched] = field(default_factory=dict)  # what was vouched for after a doubt
    _covered: Collection[EventId] = ()  # events in hand with a value that a written one had covered
    _uncertain: set[Named] = field(default_factory=set)  # perhaps written when no answer came
    _doubted: bool = False
    _unrecorded: bool = False  # a verdict after a doubt, which the ledger does not know yet
    _recorded: tuple[Entry, Sequence[Mapping[str, Reading]]] = (Entry(), ())
    _refusal_rounds: int = 0

    @classmethod
    def begin(
        cls, change: Change, entry: Entry, *, expired: Callable[[EventId], bool] | None = None
    ) -> "LeasedRecord":
        """Start from the entry as it was acquired.

        `expired` says whether an event has waited long enough for what may still be on its way.
        """
        if change.readings == entry.pending:  # As for most records: nothing else was left to do.
            leased = cls(change.record, entry, dict(entry.pending))
        else:
            names = {**entry.pending, **change.readings}
            found = {name: _candidates(name, entry, change) for name in names}
            leased = cls(change.record, entry, {name: some for name, some in found.items() if some})
            if ARCHIVED in leased.open and entry.synced and not entry.archived:
                leased._covered = _covered(entry, change)
        if entry.doubts:
            leased._doubted = True
            leased._uncertain = {
                (name, reading.version)
                for name, readings in entry.pending.items()
                for reading in readings
            }
        if ARCHIVED in leased.open and expired is not None:
            leased._hold_archive(expired)
        return leased

    @property
    def waits_anew(self) -> bool:
        """Whether what is missing is waited for from now on, whatever was waited before.

        So it is where a doubt has just ended, since its lease kept out what was waited for.
        """
        return self._doubted and not self.entry.doubts and self.halted == NOT_FOUND

    @property
    def over(self) -> bool:
        """Whether there is nothing more to send under this lease."""
        return not self.open or self.halted is not None or self.in_doubt

    def due(self) -> dict[str, Reading]:
        """Return what to send next: the newest open reading of every property that is not held.

        An archive goes alone. Where events are tried apart, the due readings are one event's, the
        oldest first, and with them the newest word that the record exists.
        """
        newest = {name: some[0] for name, some in self.open.items() if name not in self.held}
        existence = newest.get(ARCHIVED)
        if existence is not None and existence.value == YES:
            if not self.archive_waits:
                return {ARCHIVED: existence}
            del newest[ARCHIVED]
        if not self.entry.apart:
            return newest
        properties = {name: reading for name, reading in newest.items() if name != ARCHIVED}
        if not properties:
            return newest
        event = min(properties.values()).version.event
        return {
            name: reading
            for name, reading in newest.items()
            if name == ARCHIVED or reading.version.event == event
        }

    @property
    def certain(self) -> tuple[Entry, Sequence[Mapping[str, Reading]]]:
        """What is settled for good: the entry, and what HubSpot vouched for under this lease.

        Of a record in doubt, that is only what the ledger holds: the rest was not recorded.
        """
        return self._recorded if self.in_doubt else (self.entry, self.confirmed)

    def has_written(self, name: str, version: Version) -> bool:
        """Whether HubSpot vouched for this very reading, under this lease."""
        _, confirmed = self.certain
        return version in [told[name].version for told in confirmed if name in told]

    def route(self, due: Mapping[str, Reading]) -> Route:
        return route_of(self.record, due)

    def is_behind(self) -> bool:
        """Whether the ledger lacks what must be there before the next round is sent.

        That is what it sends; and after a doubt all verdicts so far, since what it sends may be in
        doubt again.
        """
        return self._unrecorded or bool(self._uncommitted())

    def commit(self, *, rev: Rev, now: int) -> None:
        """Take what the next round sends into the entry, and all verdicts so far with it.

        Where the entry cannot hold that, it waits for another invocation.
        """
        self._watch(now)
        after = ledger.laid_on_top(self.entry, self._uncommitted(), rev=rev)
        if not fits(after):
            self.halt(RECORD_FULL)
            return
        self._unrecorded = False
        self.entry = after

    def recorded(self) -> None:
        """Take note that the ledger holds the entry, and with it all verdicts so far."""
        self._recorded = (self.entry, tuple(self.confirmed))

    def confirm(self, sent: Mapping[str, Reading], verdict: Confirmed, trace_id: str) -> None:
        """Settle what HubSpot vouched for, and with it all that is older.

        An upsert carries the newest word that the record exists, so any upsert that was written
        settles it, whatever event it came from.
        """
        if self._doubted or self.entry.watched:
            self._told |= {
                name: Watched(reading, shown_text(verdict.shown.get(name)) or reading.value)
                for name, reading in sent.items()
                if name != ARCHIVED or reading.value == YES
            }
        self.entry = ledger.confirmed(
            self.entry, sent, hubspot_id=verdict.hubspot_id, trace_id=trace_id
        )
        self.confirmed.append(sent)
        if different := kept_otherwise(sent, verdict.shown):
            self.kept += [(name, sent[name].version) for name in different]
        self._drop_settled()
        self._answered()

    def refuse(self, sent: Mapping[str, Reading], reason: Reason) -> None:
        """Drop what HubSpot refused, and nothing else: of the input, what the reason is about.

        That is the properties it names; else all of the record, if it names the key, or is about
        any input of this kind; else the one event that the properties came from; and where only the
        key was sent, the word that the record exists. Where several events are in the input, they
        are tried apart from now on, so the same input is never sent again unchanged.
        """
        named = {name: sent[name] for name in reason.properties if name in sent}
        properties = {name: reading for name, reading in sent.items() if name != ARCHIVED}
        if named:
            self._refuse(self._with_older(named, reason), reason)
        elif self.record.id_property in reason.properties or reason.code in REQUEST_FAULTS:
            self._refuse(self._all_due_like(sent), reason)
        elif not properties:
            self._refuse_key(sent, reason)
        elif not self.is_of_one_event(sent):
            self.entry = self.entry._replace(apart=True)
        else:
            events = {reading.version.event for reading in properties.values()}
            self._refuse(self._of_events(events, but=ARCHIVED), reason)
        self._answered()

    @staticmethod
    def is_of_one_event(sent: Mapping[str, Reading]) -> bool:
        """Whether all properties of an input came from one event, so that it alone is to blame."""
        events = {reading.version.event for name, reading in sent.items() if name != ARCHIVED}
        return len(events) < 2  # noqa: PLR2004 - one, or none where the key was sent alone

    def try_apart(self) -> None:
        """Send the events one by one from now on, since it is not clear which is to blame."""
        self.entry = self.entry._replace(apart=True)
        self._answered()

    def _refuse_key(self, word: Mapping[str, Reading], reason: Reason) -> None:
        """Refuse the word that a record exists, unless a value of such an event was merely covered.

        Then the record is there, since what covered the value was written to it. HubSpot refused
        no more than an input without properties. While older values are left to try, the word goes
        with them.
        """
        words = self._words_like(word[ARCHIVED])
        if any(each.version.event in self._covered for _, each in words):
            entry = self.entry
            self.confirm(word, Confirmed(entry.hubspot_id), entry.trace_id or "")
        elif self.held:
            self.held.add(ARCHIVED)
        else:
            self._refuse(words, reason)

    def give_up(self, readings: Mapping[str, Reading], reason: Reason) -> None:
        """Drop readings that HubSpot never answered for, whatever else came from their events.

        Where only a word on existence is left, its key alone is tried next, in doubt as before:
        else a record that HubSpot cannot answer at all would begin to be tried anew.
        """
        self._refuse(readings.items(), reason)
        if self.open.keys() == {ARCHIVED}:
            self._next_round()
        else:
            self._answered()

    def miss(self, reason: Reason, *, expired: Callable[[EventId], bool]) -> None:
        """Take note that HubSpot lacks what was written to: the record, or a required property.

        What brings it may be on its way, so only events that have waited long enough are refused,
        with all that they say; the others wait on. Archives miss nothing, and stay. While the
        record was in doubt, what brings it was kept out by the lease: then the wait begins anew
        for all of them.
        """
        if not self._doubted:
            events = {r.version.event for readings in self.open.values() for r in readings}
            archives = {r.version.event for r in self.open.get(ARCHIVED, ()) if r.value == YES}
            waited = {event for event in events - archives if expired(event)}
            self._refuse(self._of_events(waited), reason)
        self._answered()
        if self.open:
            self.halt(NOT_FOUND)

    def left_out(self, trace_id: str) -> None:
        """Count a finished answer that left this input out.

        The ledger keeps the count, so that an invocation which ends before the record is read back
        leaves that to the next one.
        """
        last = self.entry.left_out
        times = last.times + 1 if last and last.trace_id == trace_id else 1
        self.entry = self.entry._replace(left_out=LeftOut(trace_id, times))

    def is_silenced(self, trace_id: str) -> bool:
        """Whether two finished answers left this input out, so that only a look can tell."""
        last = self.entry.left_out
        return last is not None and last.trace_id == trace_id and last.times >= SILENCES_MAX

    def contradicts(self, sent: Mapping[str, Reading]) -> bool:
        """Whether some of it may have been written already, when no answer came."""
        return any((name, reading.version) in self._uncertain for name, reading in sent.items())

    def looked(self) -> None:
        """Take note that the record was read back, so that nothing of it is uncertain any more."""
        self._uncertain.clear()

    def halved(self) -> None:
        """Remember that a batch with this record was refused whole and is being halved."""
        self.entry = self.entry._replace(split=self.entry.split + 1)

    def halt(self, reason: str, retry_after_seconds: float | None = None) -> None:
        """Leave what is open to another invocation; nothing of what was sent last was applied."""
        self.halted = reason
        self.retry_after_seconds = retry_after_seconds

    def doubt(self, reason: str) -> None:
        """Leave the lease to run out, since what was sent last may still be applied."""
        self.halted = reason
        self.in_doubt = True

    def release(self, *, rev: Rev, now: int) -> None:
        self._watch(now)
        self.entry = ledger.released(self.entry, rev=rev, now=now)

    def _uncommitted(self) -> dict[str, Reading]:
        pending = self.entry.pending
        return {name: r for name, r in self.due().items() if r not in pending.get(name, ())}

    def _hold_archive(self, expired: Callable[[EventId], bool]) -> None:
        # Something newer than the archive is written. An upsert between the two may be on its way,
        # and would otherwise make a record without that value.
        newest = self.open[ARCHIVED][0]
        newer = (v for name, v in self.entry.synced.items() if name != ARCHIVED)
        if newest.value == YES and any(version > newest.version for version in newer):
            self.archive_waits = not expired(newest.version.event)
            self._next_round()

    def _answered(self) -> None:
        """Take note of a definite answer about the record: doubts count those in a row."""
        self._unrecorded = self._doubted
        if self.entry.left_out:
            self.entry = self.entry._replace(left_out=None)
        if self.entry.doubts:
            self.entry = self.entry._replace(doubts=0, doubted_at=0, others_written=False)
        self._next_round()

    def _next_round(self) -> None:
        """Let held properties go on once all else is settled, so many times an invocation."""
        if not self.open:
            return
        waiting = self.held | ({ARCHIVED} if self.archive_waits else set())
        if self.open.keys() - waiting:
            return
        if not self.held:
            self.halt(NOT_FOUND)
        elif self._refusal_rounds == REFUSAL_ROUNDS_MAX:
            self.halt(MORE_REFUSED)
        else:
            self._refusal_rounds += 1
            self.held.clear()

    def _with_older(
        self, named: Mapping[str, Reading], reason: Reason
    ) -> Iterator[tuple[str, Reading]]:
        """Yield the named readings, and all open ones of a property that is at fault itself."""
        for name, reading in named.items():
            whole = reason.properties[name] in PROPERTY_FAULTS
            yield from ((name, each) for each in (self.open[name] if whole else (reading,)))

    def _words_like(self, word: Reading) -> list[tuple[str, Reading]]:
        """Return the word itself, and all older ones to the same end that are open."""
        return [(ARCHIVED, each) for each in self.open[ARCHIVED] if each.value == word.value]

    def _all_due_like(self, sent: Mapping[str, Reading]) -> list[tuple[str, Reading]]:
        """Return every open reading of what was sent, older ones included."""
        words = self._words_like(sent[ARCHIVED]) if ARCHIVED in sent else []
        names = [name for name in sent if name != ARCHIVED]
        return [*words, *((name, each) for name in names for each in self.open[name])]

    def _of_events(
        self, events: Collection[EventId], *, but: str | None = None
    ) -> list[tuple[str, Reading]]:
        return [
            (name, reading)
            for name, readings in self.open.items()
            for reading in readings
            if name != but and reading.version.event in events
        ]

    def _refuse(self, readings: Iterable[tuple[str, Reading]], reason: Reason) -> None:
        self._unrecorded = self._doubted
        given_up = {(name, reading.version) for name, reading in readings}
        self.refused.update(dict.fromkeys(given_up, reason))
        self.entry = ledger.refused(self.entry, given_up)
        self._drop_settled()
        # In place of a refused value stands an older one; what is newer than it is not held.
        self.held |= {
            name
            for name, version in given_up
            if name != ARCHIVED and name in self.open and self.open[name][0].version < version
        }

    def _drop_settled(self) -> None:
        left = ledger.undominated(self.entry, self.open)
        if self.refused:
            kept = {
                name: tuple(r for r in readings if (name, r.version) not in self.refused)
                for name, readings in left.items()
            }
            left = {name: readings for name, readings in kept.items() if readings}
        self.open = left
        self.held &= left.keys()

    def _watch(self, now: int) -> None:
        if self._told:
            self.entry = ledger.watching(self.entry, self._told, doubted=self._doubted, now=now)


def _candidates(name: str, entry: Entry, change: Change) -> tuple[Reading, ...]:
    pending = entry.pending.get(name, ())
    in_hand = change.readings.get(name, ())
    return tuple(r for r in merged(chain(pending, in_hand)) if not entry.dominates(name, r))


def _covered(entry: Entry, change: Change) -> set[EventId]:
    return {
        reading.version.event
        for name, readings in change.readings.items()
        if name != ARCHIVED
        for reading in readings
        if entry.dominates(name, reading)
    }
