"""Everything around the consumers, as transitions: the queue, time, people, and what goes wrong.

- SQS delivers any messages together, in any order; sometimes one that another consumer has in hand,
  or one already deleted. All copies are one message: whoever deletes it, deletes it for all. It may
  give a message up (a dead letter); a dead letter may be redriven, or expire.
- HubSpot is in crm.py. A request whose sender has stopped may still land; how late is for the lease
  to outlive.
- An event's wait for something missing is over when all else that has happened is done or
  waits too: "what brings it arrives in time" is a condition of the promise.
- A person may merge the record into somebody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.crm import CRM
from tests.model.protocol import Protocol, ended
from tests.model.scenario import LASTING, Fault, Scenario
from tests.model.state import (
    IDLE,
    Consumer,
    Events,
    HubSpot,
    Ills,
    Kind,
    Ledger,
    Phase,
    Place,
    State,
    Step,
    reading,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HUBSPOT = -1
SQS = -2
TIME = -3
PERSON = -4


class World:
    def __init__(self, scenario: Scenario, protocol: Protocol) -> None:
        self.scenario = scenario
        self.protocol = protocol
        self.crm = CRM(scenario, protocol, self.spend)
        self.budget_of = {
            fault: place for place, budget in enumerate(scenario.budgets) for fault in budget.faults
        }
        self.phases: dict[int, Callable[[State, int], Step]] = {
            Phase.LOOK_SILENT: protocol.look,
            Phase.LOOK_REFUSED: protocol.look,
            Phase.LOOK_UNANSWERED: protocol.look,
            Phase.READ: protocol.read,
            Phase.READ_ALONE: protocol.read,
            Phase.READ_AGAIN: protocol.read_again,
            Phase.NEXT_ROUND: protocol.next_round,
            Phase.NEIGHBOUR: protocol.next_round,
            Phase.RELEASE: protocol.release,
            Phase.DEAD_LETTER: protocol.dead_letter,
            Phase.DELETE: protocol.delete,
        }

    # How it begins.

    def starts(self) -> Iterator[State]:
        """Every event in the queue, nothing written; one start for each set of lasting ills."""
        scenario, protocol = self.scenario, self.protocol
        everything = protocol.everything
        start = State(
            queue=(
                Place.DELETED,
                *(
                    Place.TO_COME if scenario.later >> rank & 1 else Place.QUEUED
                    for rank in scenario.ranks
                ),
            ),
            ledger=Ledger(protocol.nothing),
            crm=HubSpot(
                protocol.nothing,
                int(scenario.there),
                int(scenario.there),
                int(scenario.foreign),
                told=protocol.nothing,
            ),
            consumers=(IDLE,) * scenario.consumers,
            left=tuple(budget.most or 0 for budget in scenario.budgets),
            ills=Ills(),
            unseen=everything if protocol.counts_receives else 0,
        )
        return self._with_ills(start, list(self._ills()))

    def _ills(self) -> Iterator[tuple[Fault, str, int]]:
        scenario = self.scenario
        for rank, event in zip(scenario.ranks, scenario.events, strict=True):
            for prop in sorted(event.properties):
                yield Fault.BAD, "values", reading(prop, rank)
                yield Fault.MUTE, "mute", reading(prop, rank)
                yield Fault.POISON, "poison", reading(prop, rank)
            if event.properties:
                yield Fault.BAD_EVENT, "events", 1 << rank
        for prop in scenario.properties[1:]:
            yield Fault.BAD_PROPERTY, "properties", 1 << prop
        if not scenario.there:
            yield Fault.BAD_KEY, "key", 1

    def _with_ills(self, state: State, ills: list[tuple[Fault, str, int]]) -> Iterator[State]:
        yield state
        for place, (fault, where, which) in enumerate(ills):
            if spent := self.spend(state, fault):
                worse = state.ills._replace(**{where: getattr(state.ills, where) | which})
                yield from self._with_ills(spent._replace(ills=worse), ills[place + 1 :])

    def spend(self, state: State, fault: Fault) -> State | None:
        """Return the state with one fault less to come, or None if it may not happen any more."""
        place = self.budget_of.get(fault)
        if place is None:
            return None
        if self.scenario.budgets[place].most is None:
            return None if fault in LASTING else state
        left = state.left
        if not left[place]:
            return None
        return state._replace(left=(*left[:place], left[place] - 1, *left[place + 1 :]))

    # What can happen next. What needs no luck comes first.

    def steps(self, state: State) -> Iterator[Step]:
        seen: set[Consumer] = set()
        idle = None
        for me, consumer in enumerate(state.consumers):
            if consumer.phase == Phase.IDLE:
                idle = me
            elif consumer not in seen:  # Consumers in the same situation are interchangeable.
                seen.add(consumer)
                yield from self._goes_on(state, me, consumer)
        yield from self._late_requests(state)
        if idle is not None:
            yield from self._beginnings(state, idle)
        yield from self._time_passes(state)
        yield from self._dead_letters(state)
        if state.crm.alive and not state.crm.foreign and (spent := self.spend(state, Fault.MERGED)):
            crm = spent.crm._replace(id=spent.crm.id + 1, foreign=1)
            words = "merges the record into somebody else's"
            yield Step(spent._replace(crm=crm), PERSON, words, is_fault=True)

    def _goes_on(self, state: State, me: int, consumer: Consumer) -> Iterator[Step]:
        if consumer.phase == Phase.REPLY:
            yield from self.crm.answers(state, me)
        elif consumer.phase == Phase.ARCHIVE_REPLY:
            yield from self.crm.archive_answers(state, me)
        else:
            yield self.phases[consumer.phase](state, me)
        if consumer.phase in WAITS_FOR_A_CALL and (spent := self.spend(state, Fault.THROTTLED)):
            after = self.protocol.not_applied(spent, me)
            yield Step(after, me, "gets no permit", is_fault=True)
        if spent := self.spend(state, Fault.CRASH):
            after = spent
            if consumer.holds and self.scenario.doubts:  # Who knows what had been answered.
                after = spent._replace(row=self.scenario.doubts.most)
            yield Step(ended(after, me), me, "crashes", is_fault=True)

    def _beginnings(self, state: State, me: int) -> Iterator[Step]:
        queued = self._queued(state)
        for hand, paid in self._deliveries(state):
            if step := self.protocol.begin(paid, me, hand):
                yield step._replace(is_fault=True) if hand & ~queued else step
        if self.scenario.sweep and (step := self.protocol.sweep(state, me)):
            yield step
        if self.scenario.audit and (step := self.protocol.audit(state, me)):
            yield step

    def _queued(self, state: State) -> Events:
        return sum(1 << e for e in self.scenario.ranks if state.queue[e] == Place.QUEUED)

    def _deliveries(self, state: State) -> Iterator[tuple[Events, State]]:
        """Every set of messages that may be delivered together, its duplicates paid for.

        All that are queued come first.
        """
        sets = [(0, state)]
        for event in self.scenario.ranks:
            if state.queue[event] == Place.QUEUED:
                sets += [(hand | 1 << event, paid) for hand, paid in sets]
            elif state.queue[event] != Place.TO_COME:
                sets += [
                    (hand | 1 << event, again)
                    for hand, paid in sets
                    if (again := self.spend(paid, Fault.DUPLICATE))
                ]
        queued = self._queued(state)
        yield from sorted(sets[1:], key=lambda each: each[0] != queued)

    def _late_requests(self, state: State) -> Iterator[Step]:
        for request in set(state.late):
            late = list(state.late)
            late.remove(request)
            rest = state._replace(late=tuple(late))
            what = "the late archive" if request.kind == Kind.ARCHIVE else "the late {values}"
            yield Step(rest, HUBSPOT, f"never sees {what}", 0, request.sent)
            after = self.crm.applied(rest, request)
            yield Step(after, HUBSPOT, f"applies {what}", 0, request.sent)

    def _time_passes(self, state: State) -> Iterator[Step]:
        yield from self.waits_over(state)
        yield from self.comes(state)

    def comes(self, state: State) -> Iterator[Step]:
        if Place.TO_COME in state.queue:
            queue = [Place.QUEUED if place == Place.TO_COME else place for place in state.queue]
            after = state._replace(queue=tuple(queue))
            yield Step(after, TIME, "brings {events}", self.scenario.later)

    def waits_over(self, state: State) -> Iterator[Step]:
        """End waits, each alone: all else that has happened is done or waits as well."""
        if not state.waiting:
            return
        open_ = sum(1 << e for e in self.scenario.ranks if state.queue[e] < Place.DELETED)
        if open_ & ~state.waiting & ~state.waited:
            return
        for event in self.scenario.ranks:
            this = 1 << event
            if state.queue[event] == Place.QUEUED and state.waiting & this:
                after = state._replace(waiting=state.waiting & ~this, waited=state.waited | this)
                yield Step(after, TIME, "ends the wait of {events}", this)

    def _dead_letters(self, state: State) -> Iterator[Step]:
        for event in self.scenario.ranks:
            this = 1 << event
            if state.queue[event] == Place.QUEUED and (spent := self.spend(state, Fault.GIVEN_UP)):
                after = moved(spent, event, Place.DELETED)._replace(dead=state.dead | this)
                yield Step(after, SQS, "gives {events} up: a dead letter", this, is_fault=True)
            if not state.dead & this:
                continue
            buried = state._replace(dead=state.dead & ~this)
            if state.queue[event] == Place.DELETED and (spent := self.spend(buried, Fault.REDRIVE)):
                after = self._redriven(spent, event)
                words = "gets {events} back from the dead letters"
                yield Step(after, SQS, words, this, is_fault=True)
            if spent := self.spend(buried, Fault.EXPIRY):
                after = spent._replace(expired=state.expired | this)
                words = "lets the dead letter of {events} expire"
                yield Step(after, SQS, words, this, is_fault=True)

    def _redriven(self, state: State, event: int) -> State:
        """Make a new message of a dead letter: without marks, and no wait begun."""
        this = 1 << event
        return moved(state, event, Place.QUEUED)._replace(
            consumers=tuple(
                c._replace(stale=c.stale | this) if c.hand & this else c for c in state.consumers
            ),
            marks=state.marks & ~self.scenario.readings[event],
            waiting=state.waiting & ~this,
            waited=state.waited & ~this,
            rejected=state.rejected & ~this,
            unseen=state.unseen | this if self.protocol.counts_receives else 0,
        )


WAITS_FOR_A_CALL = frozenset(
    {
        Phase.NEXT_ROUND,
        Phase.READ,
        Phase.READ_AGAIN,
        Phase.LOOK_SILENT,
        Phase.LOOK_REFUSED,
        Phase.LOOK_UNANSWERED,
    }
)


def moved(state: State, event: int, place: Place) -> State:
    return state._replace(queue=(*state.queue[:event], place, *state.queue[event + 1 :]))
