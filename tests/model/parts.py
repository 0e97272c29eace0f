"""The protocol without one of the parts that it always had; mutants.py says what each must do."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from tests.model.protocol import Protocol, received
from tests.model.state import (
    IDLE,
    Consumer,
    Lease,
    Phase,
    Step,
    is_clean,
    lane,
    newest,
    put,
    reading,
)

if TYPE_CHECKING:
    from tests.model.state import Events, Ledger, Readings, State, Values


class NoLease(Protocol):
    """Read, write HubSpot, then commit if `rev` is unchanged. `holds` says that it is."""

    @override
    def begin(self, state: State, me: int, hand: Events) -> Step | None:
        said = self.in_hand(state, hand)
        if hand and self.is_superseded(state, said):
            return super().begin(state, me, hand)
        entry = state.ledger._replace(pending=self.laid(state.ledger, said))
        consumer = Consumer(Phase.NEXT_ROUND, hand, said, entry=entry, holds=1)
        return self.send(received(state, hand), me, consumer, "takes {events} and ")

    @override
    def release(self, state: State, me: int) -> Step:
        step = super().release(state, me)
        if not state.consumers[me].holds:
            return step
        others = tuple(other._replace(holds=0) for other in step.state.consumers)
        return step._replace(
            state=step.state._replace(consumers=others), words="commits, rev being unchanged"
        )


class ReceiveCountTrusted(Protocol):
    """All that is pending is in hand, and received for the first time: none of it was sent."""

    counts_receives = True

    @override
    def is_over(self, state: State, hand: Events) -> bool:
        never_sent = not hand & ~state.unseen and not state.ledger.pending & ~self.said_by(hand)
        return super().is_over(state, hand) or never_sent


class IntentAfterwards(Protocol):
    """The lease is taken, but what is about to be sent is not written down."""

    @override
    def intent(self, state: State, entry: Ledger) -> Ledger:
        return entry._replace(pending=state.ledger.pending)


class OlderForgotten(Protocol):
    """A newer reading takes the place of the pending one, instead of lying on top of it."""

    @override
    def on_top(self, prop: int, version: int, pending: Readings) -> Readings:
        return pending & ~lane(prop) | reading(prop, version)


class FirstRoundOnly(Protocol):
    """A further round is sent without being committed first."""

    @override
    def further_intent(self, state: State, entry: Ledger) -> Ledger:
        return state.ledger


class ForgottenWhenNotApplied(Protocol):
    """A 429 takes what was not applied out of `pending`: the messages come back anyway."""

    @override
    def not_applied(self, state: State, me: int) -> State:
        after = super().not_applied(state, me)
        consumer = after.consumers[me]
        assert consumer.entry is not None
        return put(after, me, consumer._replace(entry=consumer.entry._replace(pending=0)))


class SkippedThoughUnclean(Protocol):
    """What is pending counts as dominating: another consumer will see to it."""

    @override
    def is_superseded(self, state: State, said: Readings) -> bool:
        told = tuple(
            max(synced, newest(prop, state.ledger.pending))
            for prop, synced in enumerate(state.ledger.synced)
        )
        return not said & ~self.dominated(told)

    @override
    def judged(self, state: State, consumer: Consumer) -> Consumer:
        judged = super().judged(state, consumer)
        superseded = consumer.hand if not consumer.holds else 0
        return judged._replace(settled=judged.settled | superseded & ~judged.rejected)


class ReleasedInDoubt(Protocol):
    """No answer came: the lease is given back, `pending` is kept."""

    @override
    def no_answer(self, state: State, me: int) -> State:
        after = super().no_answer(state, me)
        if not state.consumers[me].holds:
            return after
        return after._replace(ledger=after.ledger._replace(lease=Lease.FREE))


class LeaseWithoutDelta(Protocol):
    """The lease ends with its holder, not Delta later."""

    @override
    def is_over(self, state: State, hand: Events) -> bool:
        return state.ledger.lease == Lease.LEFT


class LeaseShorterThanHolder(Protocol):
    """The lease may end while its holder still waits for HubSpot."""

    @override
    def is_over(self, state: State, hand: Events) -> bool:
        return not state.late


class OwnReadingsOnly(Protocol):
    """Only what is in hand is sent, not what a crashed holder left pending."""

    @override
    def newest_due(self, consumer: Consumer) -> Values:
        readings = self.open(consumer) & consumer.said
        return tuple(newest(prop, readings) for prop in self.scenario.properties)


class ItemsExpire(Protocol):
    """An item at rest is deleted after a while."""

    @override
    def sweep(self, state: State, me: int) -> Step | None:
        if is_clean(state.ledger) and any(state.ledger.synced):
            after = state._replace(ledger=state.ledger._replace(synced=self.nothing))
            return Step(after, me, "deletes the old item")
        return super().sweep(state, me)


class NoSweep(Protocol):
    """Nobody looks after what lies pending without a message."""

    @override
    def sweep(self, state: State, me: int) -> Step | None:
        return None


class DoneBeforeRelease(Protocol):
    """Messages are deleted on HubSpot's reply, before the ledger knows of it."""

    @override
    def is_vouched(self, state: State, me: int, sent: Values) -> State:
        after = super().is_vouched(state, me, sent)
        consumer = after.consumers[me]
        judged = self.judged(after, consumer)
        early = self.delete(put(after, me, judged), me).state
        return put(early._replace(ledger=after.ledger), me, consumer)


class ReadBackInDoubt(Protocol):
    """No answer came: the consumer reads back at once, and gives up what is not there (yet)."""

    @override
    def no_answer(self, state: State, me: int) -> State:
        return put(state, me, state.consumers[me]._replace(phase=Phase.LOOK_SILENT))


class RejectedUnconfirmed(Protocol):
    """A message is deleted first, and its dead letter sent then."""

    @override
    def judged(self, state: State, consumer: Consumer) -> Consumer:
        return super().judged(state, consumer)._replace(phase=Phase.DELETE)

    @override
    def delete(self, state: State, me: int) -> Step:
        step = super().delete(state, me)
        rejected = state.consumers[me].rejected
        phase = Phase.DEAD_LETTER if rejected else Phase.IDLE
        return step._replace(state=put(step.state, me, Consumer(phase, rejected=rejected)))

    @override
    def dead_letter(self, state: State, me: int) -> Step:
        step = super().dead_letter(state, me)
        return step._replace(state=put(step.state, me, IDLE))
