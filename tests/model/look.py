"""Step 6, where an answer alone does not say enough: reads, and archives between two of them.

A read shows what HubSpot holds. The leases of whoever sent before have run out, so nothing of
theirs can land after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.attempt import Attempt
from tests.model.crm import known_archived, known_true
from tests.model.state import (
    EXISTENCE,
    Halt,
    Phase,
    Readings,
    Step,
    put,
    reading,
    readings_of,
)

if TYPE_CHECKING:
    from tests.model.state import Consumer, Events, HubSpot, State, Values


class Looks(Attempt):
    # Three looks for what was sent.

    def look(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        judge = {
            Phase.LOOK_SILENT: self.look_silent,
            Phase.LOOK_REFUSED: self.look_refused,
            Phase.LOOK_UNANSWERED: self.look_unanswered,
        }[Phase(before.phase)]
        there = self.there(state.crm, before.sent)
        state = state._replace(
            crm=known_true(state.crm, there[EXISTENCE]),
            refused=state.refused & ~readings_of(there),
        )
        return Step(judge(state, me, there), me, "looks, and finds {values}", 0, there)

    def there(self, crm: HubSpot, sent: Values) -> Values:
        """Return what is there of an input. A record that is there holds the word that it is."""
        if not crm.alive:
            return self.nothing
        values = (v if v == held else 0 for v, held in zip(sent[1:], crm.values[1:], strict=True))
        return (sent[EXISTENCE], *values)

    def look_silent(self, state: State, me: int, there: Values) -> State:
        """Settle what two answers left out: what is not there was refused."""
        if not state.crm.alive:
            return self.is_missing(state, me)
        before = state.consumers[me]
        lost = readings_of(before.sent) & ~readings_of(there)
        consumer = self.vouch(before, there) if any(there) else before
        if lost:
            consumer = self.refuse(consumer, lost)
        after = state._replace(refused=state.refused | lost)
        return put(after, me, self.go_on(consumer))

    def look_refused(self, state: State, me: int, there: Values) -> State:
        """Refuse what is not there of an input that was in doubt before; the rest was taken.

        Who is to blame is judged by all that was sent: HubSpot may have refused what it has taken.
        """
        before = state.consumers[me]._replace(uncertain=0)
        consumer = self.vouch(before, there) if any(there) else before
        left = readings_of(before.sent) & ~readings_of(there)
        if left and (not before.blamed or before.blamed & left):
            consumer = self.refuse(consumer, before.blamed)
        return put(state, me, self.go_on(consumer))

    def look_unanswered(self, state: State, me: int, there: Values) -> State:
        """Give up what is not there of an input that was in doubt once too often.

        Only of events in hand, which become the dead letters that say so. The sweep gives up all.
        """
        before = state.consumers[me]._replace(unanswerable=0)
        lost = readings_of(before.sent) & ~readings_of(there)
        if lost & ~reading(EXISTENCE, before.sent[EXISTENCE]):
            lost &= ~reading(EXISTENCE, before.sent[EXISTENCE])
        given_up = self.given_up(lost, before)
        consumer = self.vouch(before, there) if any(there) else before
        if given_up:
            consumer = self.give_up(consumer, given_up)
        elif lost:
            consumer = consumer._replace(halted=Halt.NOT_NOW)
        return put(self.excused(state, lost), me, self.go_on(consumer))

    def excused(self, state: State, lost: Readings) -> State:
        """Let readings be given up, if an onlooker has counted as many ambiguous outcomes."""
        assert self.scenario.doubts is not None
        excused = lost if state.row >= self.scenario.doubts.most else 0
        return state._replace(refused=state.refused | excused)

    def given_up(self, lost: Readings, consumer: Consumer) -> Readings:
        return lost & self.said_by(consumer.hand) if consumer.hand else lost

    # Read by key, archive by the id that the read shows, read by key again.

    def read(self, state: State, me: int) -> Step:
        """Read what is to be archived. The ledger's record id is never used for that."""
        before = state.consumers[me]
        if state.crm.foreign and state.crm.alive and before.phase == Phase.READ:
            return self.unmatched(state, me)
        if not state.crm.alive:
            return self.finds_none(state, me)
        if not self.is_own(state.crm):
            return self.finds_foreign(state, me)
        if before.unanswerable:
            return self.archive_unanswered(state, me)
        if self.is_out_of_time(before):
            return Step(self.not_applied(state, me), me, "has no time to archive")
        consumer = self.call(before._replace(phase=Phase.ARCHIVE_REPLY, target=state.crm.id))
        return Step(put(state, me, consumer), me, "finds the record and archives it by its id")

    def archive_unanswered(self, state: State, me: int) -> Step:
        """Give up archives that were in doubt once too often: the record is there."""
        before = state.consumers[me]._replace(unanswerable=0)
        lost = self.open(before) & self.said_by(self.scenario.archives)
        if self.given_up(readings_of(before.sent), before):
            consumer = self.refuse(before, 0)
        else:
            consumer = before._replace(halted=Halt.NOT_NOW)
        after = put(self.excused(state, lost), me, self.go_on(consumer))
        return Step(after, me, "finds the record, and gives the archive up")

    def unmatched(self, state: State, me: int) -> Step:
        """A record found by an additional address shows another key: read once more, alone."""
        before = state.consumers[me]
        if self.is_out_of_time(before):
            return Step(self.not_applied(state, me), me, "has no time to read once more")
        consumer = self.call(before._replace(phase=Phase.READ_ALONE))
        return Step(put(state, me, consumer), me, "finds no record with that key, and reads alone")

    def is_own(self, crm: HubSpot) -> bool:
        """Whether the record's own id or primary value is the key."""
        return not crm.foreign

    def finds_none(self, state: State, me: int) -> Step:
        """Vouch for the archive: only a read that finds nothing does."""
        word = state.consumers[me].sent[EXISTENCE]
        after = state._replace(
            crm=known_archived(state.crm, word), refused=state.refused & ~reading(EXISTENCE, word)
        )
        return Step(self.is_vouched(after, me, self.word(word)), me, "finds no record")

    def finds_foreign(self, state: State, me: int) -> Step:
        """Delete nothing: the record is somebody else's as well."""
        before = state.consumers[me]
        excused = self.open(before) & self.said_by(self.scenario.archives)
        after = state._replace(refused=state.refused | excused)
        consumer = self.go_on(self.refuse(before, 0))
        return Step(put(after, me, consumer), me, "finds somebody else's record: archive refused")

    def archive_answered(self, state: State, me: int) -> State:
        """Read again: a person may have merged the record in between."""
        before = state.consumers[me]
        if self.is_out_of_time(before):
            return self.not_applied(state, me)
        return put(state, me, self.call(before._replace(phase=Phase.READ_AGAIN)))

    def read_again(self, state: State, me: int) -> Step:
        before = state.consumers[me]
        if not state.crm.alive:
            return self.finds_none(state, me)
        if not self.is_own(state.crm):
            return self.finds_foreign(state, me)
        return Step(self.still_there(state, me, before), me, "finds the record all the same")

    def still_there(self, state: State, me: int, before: Consumer) -> State:
        """What is there all the same may be gone a little later: the archive waits for that."""
        if self.expired(state, before.hand) >> before.sent[EXISTENCE] & 1:
            return put(state, me, self.go_on(self.refuse(before, 0)))
        return put(state, me, self.go_on(before._replace(halted=Halt.MISSING)))

    def word(self, version: int) -> Values:
        return (version, *self.nothing[1:])

    # What the protocol adds to this.

    def is_out_of_time(self, consumer: Consumer) -> bool:
        raise NotImplementedError

    def call(self, consumer: Consumer) -> Consumer:
        raise NotImplementedError

    def go_on(self, consumer: Consumer) -> Consumer:
        raise NotImplementedError

    def is_vouched(self, state: State, me: int, sent: Values) -> State:
        raise NotImplementedError

    def is_missing(self, state: State, me: int) -> State:
        raise NotImplementedError

    def not_applied(self, state: State, me: int) -> State:
        raise NotImplementedError

    def expired(self, state: State, hand: Events) -> Events:
        raise NotImplementedError
