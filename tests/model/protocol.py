"""The write protocol, as transitions of the model: what a consumer does with one record.

1. Take messages and read the ledger item. What a message marks as refused is not in hand.
2. Everything in hand is dominated by `synced` and the record is clean: superseded, delete.
3. A lease is held and not over: hand the messages back.
4. Acquire: lay the newest readings in hand on top of `pending` and take the lease, in one write.
5. Send the newest pending reading of every property: upsert, update, or an archive by itself.
6. Settle by the reply: attempt.py says what each verdict means, look.py what each look.
   A further round is committed before it is sent.
7. Release: record all this and give the lease back, in one write. Then send dead letters, then
   delete the messages; what is neither settled nor rejected becomes visible again, with its marks.
8. No answer: touch nothing. The lease runs out by itself and the messages come back.
9. The sweep is a consumer with nothing in hand. The audit takes what is watched out of its index.

Some steps are one transition, because nothing can come between them that anyone could see: 1 to 5
(a message in idle hands is like one still in the queue, `rev` makes reading and acquiring one
step, a request not yet sent is like one not yet arrived), and a further round with its sending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.look import Looks
from tests.model.state import (
    IDLE,
    Consumer,
    Events,
    Halt,
    Kind,
    Lease,
    Ledger,
    Phase,
    Place,
    Readings,
    State,
    Step,
    Watch,
    each,
    is_clean,
    put,
    readings_of,
)

if TYPE_CHECKING:
    from tests.model.state import Values


class Protocol(Looks):
    counts_receives = False

    # Steps 1 to 5.

    def begin(self, state: State, me: int, hand: Events) -> Step | None:
        """Take these messages. None: they are handed back, and nothing has changed."""
        said = self.in_hand(state, hand)
        if hand and self.is_superseded(state, said):
            consumer = self.judged(state, Consumer(hand=hand, entry=state.ledger))
            after = put(received(state, hand), me, consumer)
            return Step(after, me, "finds {events} superseded", hand)
        if state.ledger.lease != Lease.FREE and not self.is_over(state, hand):
            return None
        return self.acquire(state, me, hand, said)

    def sweep(self, state: State, me: int) -> Step | None:
        return None if is_clean(state.ledger) else self.begin(state, me, 0)

    def audit(self, state: State, me: int) -> Step | None:
        """Look at what is watched. What a record holds is compared, which is right in the model."""
        if state.ledger.watched != Watch.VALUES or not is_clean(state.ledger):
            return None
        after = state._replace(ledger=state.ledger._replace(watched=Watch.NOTHING))
        return Step(after, me, "audits the record")

    def in_hand(self, state: State, hand: Events) -> Readings:
        """Take what messages mark as refused out of the hand, and never out of `pending`."""
        return self.said_by(hand) & ~state.marks

    def is_superseded(self, state: State, said: Readings) -> bool:
        return is_clean(state.ledger) and not said & ~self.dominated(state.ledger.synced)

    def is_over(self, state: State, _hand: Events) -> bool:
        """Hold until the holder's deadline + Delta: what it sent has landed or never will."""
        return state.ledger.lease == Lease.LEFT and not state.late

    def acquire(self, state: State, me: int, hand: Events, said: Readings) -> Step | None:
        entry = self.after_doubt(state.ledger)
        doubted = int(state.ledger.lease == Lease.LEFT or entry.doubts > 0)
        looks = self.is_unanswerable(entry)
        said = 0 if looks else said  # What is in hand waits until that is settled.
        entry = entry._replace(lease=Lease.HELD, pending=self.laid(entry, said))
        consumer = Consumer(
            Phase.NEXT_ROUND,
            hand,
            said,
            entry=entry,
            uncertain=state.ledger.pending if doubted else 0,
            doubted=doubted,
            unanswerable=int(looks),
            holds=1,
        )
        consumer = self.hold_archive(consumer, self.expired(state, hand))
        if consumer.halted:  # Only an archive is open, and it waits.
            begun = self.begin_waiting(state, hand, anew=False)
            return None if begun == state else Step(begun, me, "lets {events} wait", hand)
        after = received(state, hand)
        others = [o._replace(holds=0) if o.holds else o for o in after.consumers]
        after = after._replace(ledger=self.intent(state, entry), consumers=tuple(others))
        words = "takes {events} and the lease, commits its intent and "
        return self.send(after, me, consumer, words)

    def after_doubt(self, entry: Ledger) -> Ledger:
        """Count an expired lease as a doubt: nobody knows what came of what was sent under it."""
        thresholds = self.scenario.doubts
        if thresholds is None or entry.lease != Lease.LEFT:
            return entry
        doubts = min(entry.doubts + 1, thresholds.most)
        return entry._replace(doubts=doubts, apart=entry.apart | (doubts >= thresholds.apart))

    def is_unanswerable(self, entry: Ledger) -> bool:
        """Tell whether to look for what is pending, instead of sending it once more.

        Other batches of the account succeed, in the model: else everything is sent again.
        """
        thresholds = self.scenario.doubts
        return thresholds is not None and bool(entry.pending) and entry.doubts >= thresholds.most

    def intent(self, _state: State, entry: Ledger) -> Ledger:
        """Return what acquiring writes into the ledger before anything is sent."""
        return entry

    def send(self, state: State, me: int, consumer: Consumer, words: str = "") -> Step:
        """Make the next call, whose kind the newest word on existence decides."""
        due = self.due(consumer)
        consumer = consumer._replace(sent=due)
        if not any(due):
            ready = self.go_on(consumer)
            return Step(put(state, me, ready), me, words + "has nothing to send", consumer.hand)
        if self.kind_of(due) == Kind.ARCHIVE:
            phase, call = Phase.READ, "reads the record by key, to archive it"
        elif consumer.unanswerable:
            phase, call = Phase.LOOK_UNANSWERED, "looks for {values}"
        elif self.is_silenced(consumer):
            phase, call = Phase.LOOK_SILENT, "looks for {values}, which answers left out"
        else:
            phase, call = Phase.REPLY, "sends {values}"
        after = put(state, me, self.call(consumer._replace(phase=phase)))
        return Step(after, me, words + call, consumer.hand, due)

    def call(self, consumer: Consumer) -> Consumer:
        """Count a call against the invocation's time."""
        return consumer._replace(calls=consumer.calls + 1) if self.scenario.calls else consumer

    # Step 6: what follows a verdict.

    def go_on(self, consumer: Consumer) -> Consumer:
        """Send what is due next, if there is anything, and time for it."""
        over = not self.open(consumer) or consumer.halted
        phase = Phase.RELEASE if over else Phase.NEXT_ROUND
        return consumer._replace(phase=phase, blamed=0)

    def next_round(self, state: State, me: int) -> Step:
        """Commit what a further round sends, and all verdicts so far, before it is sent."""
        before = state.consumers[me]
        if not before.holds:
            return self.condition_failed(state, me)
        if self.is_out_of_time(before):
            return Step(self.not_applied(state, me), me, "has no time for a further round")
        if not self.is_behind(state, before):
            return self.send(state, me, before)
        entry = self.watching(before)
        assert entry is not None
        pending = entry.pending | readings_of(self.due(before))
        entry = entry._replace(pending=pending)
        consumer = before._replace(entry=entry, unrecorded=0)
        after = state._replace(ledger=self.further_intent(state, entry))
        return self.send(after, me, consumer, "commits a further round and ")

    def is_out_of_time(self, consumer: Consumer) -> bool:
        return 0 < self.scenario.calls <= consumer.calls

    def is_behind(self, state: State, consumer: Consumer) -> bool:
        """Tell whether the ledger lacks what the next round sends, or a verdict after a doubt."""
        lacks = readings_of(self.due(consumer)) & ~state.ledger.pending
        return bool(lacks or consumer.unrecorded)

    def further_intent(self, _state: State, entry: Ledger) -> Ledger:
        """Return what a further round writes into the ledger before anything is sent."""
        return entry

    def is_vouched(self, state: State, me: int, sent: Values) -> State:
        return put(state, me, self.go_on(self.vouch(state.consumers[me], sent)))

    def is_refused(self, state: State, me: int, blamed: Readings) -> State:
        """What HubSpot refuses after a doubt it may have taken before: that is looked for first."""
        consumer = state.consumers[me]
        if readings_of(consumer.sent) & consumer.uncertain:
            if self.is_out_of_time(consumer):
                return self.not_applied(state, me)
            looking = consumer._replace(phase=Phase.LOOK_REFUSED, blamed=blamed)
            return put(state, me, self.call(looking))
        return put(state, me, self.go_on(self.refuse(consumer, blamed)))

    def is_missing(self, state: State, me: int) -> State:
        """HubSpot knows no such record."""
        before = state.consumers[me]
        expired = self.expired(state, before.hand)
        after = put(state, me, self.go_on(self.miss(before, expired)))
        if before.doubted or not before.hand:
            return after
        excused = self.said_by(before.hand & state.waited & ~self.scenario.archives)
        return after._replace(refused=after.refused | excused & self.open(before))

    def lacks_required(self, state: State, me: int) -> State:
        """The event that brings a missing required property may be on its way, like a record."""
        return self.is_missing(state, me)

    def expired(self, state: State, hand: Events) -> Events:
        """Return the events that have waited long enough, from their own first miss on.

        What the sweep finds was left long ago.
        """
        return hand & state.waited if hand else self.everything

    def not_applied(self, state: State, me: int) -> State:
        consumer = state.consumers[me]._replace(phase=Phase.RELEASE, halted=Halt.NOT_NOW)
        return put(state, me, consumer)

    def is_left_out(self, state: State, me: int) -> State:
        """Send once more: a finished answer ends its request, so nothing of it lands later."""
        before = state.consumers[me]
        entry = before.entry
        assert entry is not None
        silences = entry.silences + 1 if entry.left_out == before.sent else 1
        entry = entry._replace(left_out=before.sent, silences=silences)
        return put(state, me, self.go_on(before._replace(entry=entry)))

    def is_silenced(self, consumer: Consumer) -> bool:
        """Tell whether two finished answers left this input out, so that only a look can tell."""
        entry = consumer.entry
        return entry is not None and entry.left_out == consumer.sent and entry.silences == 2

    # Step 7.

    def release(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        if not before.holds:
            return self.condition_failed(state, me)
        after = state._replace(ledger=self.released(before))
        after = put(after, me, self.judged(after, before._replace(entry=after.ledger)))
        return Step(after, me, "settles and releases the lease")

    def judged(self, state: State, consumer: Consumer) -> Consumer:
        """Part what is in hand: settled, rejected, or (the rest) to be handed back."""
        assert consumer.entry is not None
        dominated = self.dominated(consumer.entry.synced)
        refused = consumer.refused | state.marks
        settled = rejected = 0
        for event in each(consumer.hand):
            readings = self.scenario.readings[event]
            if self.is_rejected(readings, refused, dominated):
                rejected |= 1 << event
            elif not readings & ~dominated:
                settled |= 1 << event
        return Consumer(
            Phase.DEAD_LETTER if rejected else Phase.DELETE,
            consumer.hand,
            refused=consumer.refused,
            doubted=consumer.doubted,
            halted=consumer.halted,
            settled=settled,
            rejected=rejected,
            stale=consumer.stale,
        )

    def is_rejected(self, readings: Readings, refused: Readings, dominated: Readings) -> bool:
        """An event with a refused reading is rejected once nothing of it is open."""
        return bool(readings & refused) and not readings & ~refused & ~dominated

    def dead_letter(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        after = state._replace(
            dead=state.dead | before.rejected, rejected=state.rejected | before.rejected
        )
        after = put(after, me, before._replace(phase=Phase.DELETE))
        return Step(after, me, "sends {events} to the dead letters", before.rejected)

    def delete(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        gone = before.settled | before.rejected
        messages = gone & ~before.stale
        queue = tuple(
            Place.DELETED if messages >> event & 1 else place
            for event, place in enumerate(state.queue)
        )
        rest = before.hand & ~gone & ~before.stale
        after = self.marked(state, rest, before.refused)
        if before.halted == Halt.MISSING:
            after = self.begin_waiting(after, rest, anew=bool(before.doubted))
        after = ended(after._replace(queue=queue, done=state.done | before.settled), me)
        if not gone:
            return Step(after, me, "hands {events} back", before.hand)
        return Step(after, me, "deletes {events}" + (", hands the rest back" if rest else ""), gone)

    def marked(self, state: State, hand: Events, refused: Readings) -> State:
        """Note in the messages that go back what of their events was refused."""
        return state._replace(marks=state.marks | refused & self.said_by(hand))

    def begin_waiting(self, state: State, hand: Events, *, anew: bool) -> State:
        """Note in messages when their wait for something missing began."""
        waited = state.waited & ~hand if anew else state.waited
        return state._replace(waiting=state.waiting | hand & ~waited, waited=waited)

    # Step 8.

    def no_answer(self, state: State, me: int) -> State:
        """Touch nothing: what a consumer in doubt does is what a dead one does.

        Only the marks of what it knows go along with the messages.
        """
        consumer = state.consumers[me]
        return ended(self.marked(state, consumer.hand & ~consumer.stale, consumer.refused), me)

    def condition_failed(self, state: State, me: int) -> Step:
        """Hand everything back: the lease is another's now. Never reached by the protocol."""
        hand = state.consumers[me].hand
        return Step(ended(state, me), me, "has lost the record, hands {events} back", hand)


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
    ledger = state.ledger
    if consumer.holds and ledger.lease == Lease.HELD:
        ledger = ledger._replace(lease=Lease.LEFT)
    return put(state._replace(queue=queue, ledger=ledger), me, IDLE)
