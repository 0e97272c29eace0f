"""The write protocol, as transitions of the model: what a consumer does with one record.

1. Take messages and read the ledger item.
2. Everything in hand is dominated by `synced` and the record is clean: superseded, delete.
3. A lease is held and not over: hand the messages back.
4. Acquire: lay the newest reading in hand on top of `pending` and take the lease, in one write.
5. Send the newest pending reading of every property.
6. Settle by the reply. Vouched for: release. Refused: a further round with the next older
   reading, committed before it is sent. Not applied: release with `pending` as it is. Left out of
   a finished answer: send again; left out again: read back, and what is not there is refused.
7. Release: record all this and give the lease back, in one write. Then send dead letters, then
   delete the messages; what is neither settled nor rejected becomes visible again.
8. No answer: touch nothing. The lease runs out by itself and the messages come back.
9. The sweep is a consumer with nothing in hand.

Some steps are one transition, because nothing can come between them that anyone could see: 1 to 5
(a message in idle hands is like one still in the queue, `rev` makes reading and acquiring one
step, a request not yet sent is like one not yet arrived), and a further round with its sending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.model.state import (
    IDLE,
    Consumer,
    Events,
    Lease,
    Pending,
    Phase,
    Place,
    Readings,
    State,
    Values,
    each,
    is_clean,
    put,
    reading,
)

if TYPE_CHECKING:
    from tests.model.state import Scenario


class Step(NamedTuple):
    """A transition: who did what (words to be filled in if anyone asks), and the state after it."""

    state: State
    actor: int
    words: str
    events: Events = 0
    values: Values = ()
    is_fault: bool = False


class Protocol:
    counts_receives = False

    def __init__(self, scenario: Scenario) -> None:
        self.nothing: Values = (0,) * len(scenario.properties)
        self.versions = tuple(scenario.versions(prop) for prop in scenario.properties)
        self.properties_of = {rank: sorted(scenario.events[rank - 1]) for rank in scenario.ranks}

    # Steps 1 to 5.

    def begin(self, state: State, me: int, hand: Events) -> Step | None:
        """Take these messages. None: the lease is another's, which changes nothing (step 3)."""
        if hand and self.is_superseded(state, hand):
            consumer = Consumer(Phase.DELETE, hand, settled=hand)
            after = received(state, hand)._replace(consumers=put(state.consumers, me, consumer))
            return Step(after, me, "finds {events} superseded", hand)
        if state.lease != Lease.FREE and not self.is_over(state, hand):
            return None
        return self.acquire(state, me, hand)

    def sweep(self, state: State, me: int) -> Step | None:
        return None if is_clean(state) else self.begin(state, me, 0)

    def is_superseded(self, state: State, hand: Events) -> bool:
        return is_clean(state) and self.dominates(state.synced, hand)

    def is_over(self, state: State, _hand: Events) -> bool:
        """Hold until the holder's deadline + Delta: what it sent has landed or never will."""
        return state.lease == Lease.LEFT and not state.late

    def acquire(self, state: State, me: int, hand: Events) -> Step:
        laid = self.lay(state, hand, 0)
        sent = self.newest(laid, state, hand)
        phase = Phase.REPLY if any(sent) else Phase.RELEASE_VOUCHED
        others = tuple(
            other._replace(holds=0) if other.holds else other for other in state.consumers
        )
        after = received(state, hand)._replace(
            pending=self.intent(state, laid),
            lease=Lease.HELD,
            consumers=put(others, me, Consumer(phase, hand, sent, holds=1)),
        )
        words = "takes {events} and the lease, commits its intent and sends {values}"
        return Step(after, me, words, hand, sent)

    def lay(self, state: State, hand: Events, refused: Readings) -> Pending:
        """Take what was refused away; lay the newest reading in hand on top of the rest."""
        return tuple(self.lay_one(prop, state, hand, refused) for prop in range(len(self.versions)))

    def lay_one(self, prop: int, state: State, hand: Events, refused: Readings) -> Values:
        rest = state.pending[prop]
        if refused:
            rest = tuple(v for v in rest if not refused & reading(prop, v))
        dominated = max(state.synced[prop], rest[0] if rest else 0)
        for version in self.versions[prop]:
            if version <= dominated:
                break
            if hand >> version & 1 and not refused & reading(prop, version):
                return self.on_top(version, rest)
        return rest

    def on_top(self, version: int, rest: Values) -> Values:
        return (version, *rest)

    def intent(self, _state: State, laid: Pending) -> Pending:
        """Return what acquiring writes into the ledger before anything is sent."""
        return laid

    def newest(self, pending: Pending, _state: State, _hand: Events) -> Values:
        """Return what is sent: the newest pending reading of every property."""
        return tuple([versions[0] if versions else 0 for versions in pending])

    # Step 6.

    def vouched(self, state: State, me: int) -> State:
        consumer = state.consumers[me]._replace(phase=Phase.RELEASE_VOUCHED)
        return state._replace(consumers=put(state.consumers, me, consumer))

    def not_applied(self, state: State, me: int) -> State:
        consumer = state.consumers[me]._replace(phase=Phase.RELEASE_NOT_APPLIED)
        return state._replace(consumers=put(state.consumers, me, consumer))

    def unmentioned(self, state: State, me: int) -> State:
        """Send once more: a finished answer ends its request, so nothing of it lands later."""
        before = state.consumers[me]
        phase = Phase.READ_BACK if before.silences else Phase.REPLY
        consumer = before._replace(phase=phase, silences=before.silences + 1)
        return state._replace(consumers=put(state.consumers, me, consumer))

    def read_back(self, state: State, me: int) -> Step:
        missing = sum(
            reading(prop, version)
            for prop, version in enumerate(state.consumers[me].sent)
            if version and state.crm[prop] != version
        )
        if not missing:
            return Step(self.vouched(state, me), me, "reads its values back")
        after = state._replace(refused=state.refused | missing)
        return Step(self.refuse(after, me, missing), me, "reads back, its values are not there")

    def refuse(self, state: State, me: int, which: Readings) -> State:
        """Note what was refused. What stands below it takes its place in a further round."""
        before = state.consumers[me]
        refused = before.refused | which
        laid = self.lay(state, before.hand, refused)
        if any(self.newest(laid, state, before.hand)):
            consumer = before._replace(phase=Phase.NEXT_ROUND, refused=refused, silences=0)
        else:
            consumer = before._replace(
                phase=Phase.RELEASE_VOUCHED, refused=refused, sent=self.nothing
            )
        return state._replace(consumers=put(state.consumers, me, consumer))

    def next_round(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        if not before.holds:
            return self.condition_failed(state, me)
        laid = self.lay(state, before.hand, before.refused)
        sent = self.newest(laid, state, before.hand)
        after = state._replace(
            pending=self.further_intent(state, laid),
            consumers=put(state.consumers, me, before._replace(phase=Phase.REPLY, sent=sent)),
        )
        return Step(after, me, "commits a further round and sends {values}", 0, sent)

    def further_intent(self, _state: State, laid: Pending) -> Pending:
        """Return what a further round writes into the ledger before anything is sent."""
        return laid

    # Step 7.

    def release(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        if not before.holds:
            return self.condition_failed(state, me)
        synced = state.synced
        if before.phase == Phase.RELEASE_VOUCHED:
            synced = tuple(map(max, synced, before.sent))
        after = state._replace(
            synced=synced,
            pending=self.still_pending(state, before, synced),
            lease=Lease.FREE,
            consumers=put(state.consumers, me, self.judge(before, synced)),
        )
        return Step(after, me, "settles and releases the lease")

    def still_pending(self, state: State, consumer: Consumer, synced: Values) -> Pending:
        """Drop what was refused, and what the settlement dominates."""
        return tuple(
            tuple(v for v in versions if v > synced[p] and not consumer.refused & reading(p, v))
            for p, versions in enumerate(state.pending)
        )

    def judge(self, consumer: Consumer, synced: Values) -> Consumer:
        """Part what is in hand: settled, rejected, or (the rest) to be handed back."""
        settled = rejected = 0
        for event in each(consumer.hand):
            if self.dominates(synced, 1 << event):
                settled |= 1 << event
            elif self.is_rejected(event, consumer.refused, synced):
                rejected |= 1 << event
        phase = Phase.DEAD_LETTER if rejected else Phase.DELETE
        return Consumer(
            phase, consumer.hand, settled=settled, rejected=rejected, stale=consumer.stale
        )

    def is_rejected(self, event: int, refused: Readings, _synced: Values) -> bool:
        return any(refused & reading(prop, event) for prop in self.properties_of[event])

    def dead_letter(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        after = state._replace(
            dead=state.dead | before.rejected,
            consumers=put(state.consumers, me, before._replace(phase=Phase.DELETE)),
        )
        return Step(after, me, "sends {events} to the dead letters", before.rejected)

    def delete(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        gone = before.settled | before.rejected
        messages = gone & ~before.stale
        queue = tuple(
            Place.DELETED if messages >> event & 1 else place
            for event, place in enumerate(state.queue)
        )
        after = ended(state._replace(queue=queue, done=state.done | before.settled), me)
        if not gone:
            return Step(after, me, "hands {events} back", before.hand)
        rest = before.hand & ~gone
        return Step(after, me, "deletes {events}" + (", hands the rest back" if rest else ""), gone)

    # Step 8.

    def no_answer(self, state: State, me: int) -> State:
        """Touch nothing: what a consumer in doubt does is what a dead one does."""
        return ended(state, me)

    def condition_failed(self, state: State, me: int) -> Step:
        """Hand everything back: the lease is another's now. Never reached by the protocol."""
        hand = state.consumers[me].hand
        return Step(ended(state, me), me, "has lost the record, hands {events} back", hand)

    def dominates(self, synced: Values, events: Events) -> bool:
        return all(
            synced[prop] >= event for event in each(events) for prop in self.properties_of[event]
        )


def received(state: State, hand: Events) -> State:
    if not hand:
        return state
    queue = tuple(
        Place.IN_FLIGHT if hand >> event & 1 else place for event, place in enumerate(state.queue)
    )
    return state._replace(queue=queue, unseen=state.unseen & ~hand)


def ended(state: State, me: int) -> State:
    """End an invocation: messages not deleted come back, a lease not released is left behind."""
    consumer = state.consumers[me]
    messages = consumer.hand & ~consumer.stale
    queue = tuple(
        Place.QUEUED if messages >> event & 1 and place == Place.IN_FLIGHT else place
        for event, place in enumerate(state.queue)
    )
    left = consumer.holds and state.lease == Lease.HELD
    return state._replace(
        queue=queue,
        lease=Lease.LEFT if left else state.lease,
        consumers=put(state.consumers, me, IDLE),
    )
