"""The protocol in wordings that failed: those of the first shipped code, and of its first repair.

mutants.py says what each must do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from tests.model.attempt import WORDS
from tests.model.protocol import Protocol
from tests.model.state import (
    EXISTENCE,
    Phase,
    Watch,
    put,
)

if TYPE_CHECKING:
    from tests.model.state import (
        Consumer,
        Events,
        HubSpot,
        Lanes,
        Ledger,
        Readings,
        State,
        Step,
        Values,
    )


# The first shipped code.


class WordGoesWithTheEvent(Protocol):
    """A refused value takes the word on existence along that its event had said."""

    @override
    def drop(self, consumer: Consumer, gone: Readings) -> Consumer:
        events = {event for event in self.scenario.ranks if gone & self.scenario.readings[event]}
        words = sum(self.scenario.readings[event] & WORDS for event in events)
        return super().drop(consumer, gone | words & self.open(consumer))


class KnownIdTrusted(Protocol):
    """An archive goes to the id that the ledger knows, and HubSpot's 204 counts."""

    @override
    def is_vouched(self, state: State, me: int, sent: Values) -> State:
        after = super().is_vouched(state, me, sent)
        consumer = after.consumers[me]
        assert consumer.entry is not None
        entry = consumer.entry._replace(known_id=after.crm.id if after.crm.alive else 0)
        return put(after, me, consumer._replace(entry=entry))

    @override
    def read(self, state: State, me: int) -> Step:
        step = super().read(state, me)
        before = state.consumers[me]
        if before.entry is None or not before.entry.known_id:
            return step
        consumer = before._replace(phase=Phase.ARCHIVE_REPLY, target=before.entry.known_id)
        return step._replace(
            state=put(state, me, consumer), words="archives by the id that the ledger knows"
        )

    @override
    def archive_answered(self, state: State, me: int) -> State:
        return self.is_vouched(state, me, state.consumers[me].sent)


class OlderAtOnce(Protocol):
    """An older value takes the place of a refused one at once, before all the rest is settled."""

    @override
    def uncovered(self, consumer: Consumer, gone: Readings) -> Lanes:
        return 0


class VerdictsForgotten(Protocol):
    """Where the time ends, nothing that was learnt is kept."""

    @override
    def not_applied(self, state: State, me: int) -> State:
        after = super().not_applied(state, me)
        consumer = after.consumers[me]
        return put(after, me, consumer._replace(entry=state.ledger, refused=0))


class DoubtsUntilNothingIsPending(Protocol):
    """Doubts are counted until the record has nothing pending, whatever HubSpot answers."""

    @override
    def answered(self, consumer: Consumer) -> Consumer:
        assert consumer.entry is not None
        answered = super().answered(consumer)
        assert answered.entry is not None
        doubts = consumer.entry.doubts
        return answered._replace(entry=answered.entry._replace(doubts=doubts))


class AllThatIsOpenRefused(Protocol):
    """A refusal without a name refuses all that is open of the event, its word included."""

    @override
    def values_of(self, event: int) -> Readings:
        return self.scenario.readings[event]


class UnmatchedReadOnce(Protocol):
    """What a read leaves unmatched is tried again later, in the same way."""

    @override
    def unmatched(self, state: State, me: int) -> Step:
        step = super().unmatched(state, me)
        return step._replace(state=self.not_applied(state, me), words="finds no such key")


class WatchedInVain(Protocol):
    """A record stays in the audit's index though no value of it is kept."""

    @override
    def watch(self, entry: Ledger) -> int:
        return super().watch(entry) or Watch.IN_VAIN


class ReleasedWithTheBatch(Protocol):
    """A record that is settled keeps its lease until the last round of its batch."""

    @override
    def go_on(self, consumer: Consumer) -> Consumer:
        after = super().go_on(consumer)
        settled = after.phase == Phase.RELEASE and consumer.phase != Phase.NEIGHBOUR
        return after._replace(phase=Phase.NEIGHBOUR) if settled else after


# The first wording of what mends it.


class OwnUpsertVouches(Protocol):
    """A word on existence is vouched for only by an upsert with a value of the same event."""

    @override
    def vouch(self, consumer: Consumer, sent: Values) -> Consumer:
        own = sent[EXISTENCE] in sent[1:] or self.is_archive(sent[EXISTENCE])
        return super().vouch(consumer, sent if own else (0, *sent[1:]))


class WordGoesWithTheLastProperty(Protocol):
    """Where the last value of an event is refused, so is its word on existence."""

    @override
    def drop(self, consumer: Consumer, gone: Readings) -> Consumer:
        left = self.open(consumer) & ~gone
        words = 0
        for event in self.scenario.ranks:
            values = self.scenario.readings[event] & ~WORDS
            if values & gone and not values & left:
                words |= self.scenario.readings[event] & WORDS & left
        return super().drop(consumer, gone | words)


class RejectedAtFirstRefusal(Protocol):
    """An event becomes a dead letter as soon as one reading of it is refused."""

    @override
    def is_rejected(self, readings: Readings, refused: Readings, dominated: Readings) -> bool:
        return bool(readings & refused)


class MarksEmptyPending(Protocol):
    """What a message marks as refused is taken out of `pending`, too."""

    @override
    def acquire(self, state: State, me: int, hand: Events, said: Readings) -> Step | None:
        pending = state.ledger.pending & ~(state.marks & self.said_by(hand))
        emptied = state._replace(ledger=state.ledger._replace(pending=pending))
        return super().acquire(emptied, me, hand, said)


class ApartForgotten(Protocol):
    """That events are tried apart is forgotten at the end of the time."""

    @override
    def released(self, consumer: Consumer) -> Ledger:
        return super().released(consumer)._replace(apart=0)


class DoubtsEndedByRelease(Protocol):
    """Doubts end with the release; a verdict before a further round is not recorded."""

    @override
    def is_behind(self, state: State, consumer: Consumer) -> bool:
        return super().is_behind(state, consumer._replace(unrecorded=0))


class AnswerVouches(Protocol):
    """HubSpot's 204 vouches for an archive."""

    @override
    def archive_answered(self, state: State, me: int) -> State:
        return self.is_vouched(state, me, state.consumers[me].sent)


class ArchiveAtOnce(Protocol):
    """An archive does not wait, though a value is written that is newer."""

    @override
    def hold_archive(self, consumer: Consumer, expired: Events) -> Consumer:
        return consumer


class MissingIsRefused(Protocol):
    """A required property that was not sent is a refusal without a name."""

    @override
    def lacks_required(self, state: State, me: int) -> State:
        return self.is_refused(state, me, 0)


class GivenUpUnseen(Protocol):
    """What HubSpot never answers for is given up, whoever has its event in hand."""

    @override
    def given_up(self, lost: Readings, consumer: Consumer) -> Readings:
        return lost


class WholeEventGivenUp(Protocol):
    """An event is given up whole where one reading of it is."""

    @override
    def given_up(self, lost: Readings, consumer: Consumer) -> Readings:
        events = {event for event in self.scenario.ranks if lost & self.scenario.readings[event]}
        whole = sum(self.scenario.readings[event] for event in events)
        return super().given_up(lost | whole & self.open(consumer), consumer)


class WaitsFromReceipt(Protocol):
    """The wait for something missing begins with the receipt, and a backlog uses it up."""

    @override
    def expired(self, state: State, hand: Events) -> Events:
        return hand or self.everything


class ArchivesMissToo(Protocol):
    """An archive that has waited is refused with the upsert that lacks a required property."""

    @override
    def missing(self, events: Events) -> Events:
        return events


class WaitsInTheLedger(Protocol):
    """The wait for something missing is the record's: it is over for all events at once."""

    @override
    def expired(self, state: State, hand: Events) -> Events:
        return hand if hand and state.waited else super().expired(state, hand)


class RefusedUnseen(Protocol):
    """What HubSpot refuses after a doubt is refused at once."""

    @override
    def is_refused(self, state: State, me: int, blamed: Readings) -> State:
        certain = state.consumers[me]._replace(uncertain=0)
        return super().is_refused(put(state, me, certain), me, blamed)


class AnybodysArchived(Protocol):
    """Whatever record the key finds is archived."""

    @override
    def is_own(self, crm: HubSpot) -> bool:
        return True


class BlameByWhatIsLeft(Protocol):
    """After a look, who is to blame is judged by what was not there."""

    @override
    def look_refused(self, state: State, me: int, there: Values) -> State:
        before = state.consumers[me]
        left = tuple(v if v != held else 0 for v, held in zip(before.sent, there, strict=True))
        return super().look_refused(put(state, me, before._replace(sent=left)), me, there)
