"""Everything around the consumers, as transitions: the queue, HubSpot, time, and what goes wrong.

- SQS delivers any messages together, in any order; sometimes one that another consumer has in hand,
  or one already deleted. All copies are one message: whoever deletes it, deletes it for all. It may
  give a message up (a dead letter); a dead letter may be redriven, or expire.
- HubSpot handles a request at any time after it was sent: applies it, refuses a reading, or refuses
  it for now. It compares no versions. It refuses an input whole, naming one reading.
- A request whose sender has stopped may still land; how late is for the lease to outlive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.protocol import Protocol, Step, ended
from tests.model.state import (
    IDLE,
    Consumer,
    Events,
    Fault,
    Lease,
    Phase,
    Place,
    Readings,
    Scenario,
    State,
    Values,
    reading,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HUBSPOT = -1
SQS = -2


class World:
    def __init__(self, scenario: Scenario, protocol: Protocol) -> None:
        self.scenario = scenario
        self.protocol = protocol
        self.budget_of = {
            fault: place for place, budget in enumerate(scenario.budgets) for fault in budget.faults
        }
        self.phases: dict[int, Callable[[State, int], Step]] = {
            Phase.READ_BACK: protocol.read_back,
            Phase.NEXT_ROUND: protocol.next_round,
            Phase.RELEASE_VOUCHED: protocol.release,
            Phase.RELEASE_NOT_APPLIED: protocol.release,
            Phase.DEAD_LETTER: protocol.dead_letter,
            Phase.DELETE: protocol.delete,
        }

    def starts(self) -> Iterator[State]:
        """Every event in the queue, nothing written; one start for each set of bad values."""
        nothing = self.protocol.nothing
        everything = sum(1 << rank for rank in self.scenario.ranks)
        start = State(
            queue=(Place.DELETED, *(Place.QUEUED for _ in self.scenario.ranks)),
            dead=0,
            expired=0,
            done=0,
            synced=nothing,
            pending=tuple(() for _ in nothing),
            lease=Lease.FREE,
            crm=nothing,
            late=(),
            refused=0,
            bad=0,
            consumers=(IDLE,) * self.scenario.consumers,
            left=tuple(budget.most or 0 for budget in self.scenario.budgets),
            unseen=everything if self.protocol.counts_receives else 0,
        )
        return self._with_bad_values(start, self._readings())

    def _readings(self) -> list[Readings]:
        return [
            reading(prop, version)
            for prop in self.scenario.properties
            for version in self.scenario.versions(prop)
        ]

    def _with_bad_values(self, state: State, readings: list[Readings]) -> Iterator[State]:
        yield state
        for place, which in enumerate(readings):
            if spent := self.spend(state, Fault.BAD):
                worse = spent._replace(bad=state.bad | which, refused=state.refused | which)
                yield from self._with_bad_values(worse, readings[place + 1 :])

    def spend(self, state: State, fault: Fault) -> State | None:
        """Return the state with one fault less to come, or None if it may not happen any more."""
        place = self.budget_of.get(fault)
        if place is None:
            return None
        if self.scenario.budgets[place].most is None:
            return state
        left = state.left
        if not left[place]:
            return None
        return state._replace(left=(*left[:place], left[place] - 1, *left[place + 1 :]))

    def steps(self, state: State) -> Iterator[Step]:
        """Everything that can happen next."""
        seen: set[Consumer] = set()
        for me, consumer in enumerate(state.consumers):
            if consumer in seen:
                continue  # Consumers in the same situation are interchangeable.
            seen.add(consumer)
            if consumer.phase == Phase.IDLE:
                yield from self._beginnings(state, me)
                continue
            if consumer.phase == Phase.REPLY:
                yield from self._replies(state, me)
            else:
                yield self.phases[consumer.phase](state, me)
            if consumer.phase == Phase.NEXT_ROUND:
                yield from self._no_permit(state, me)
            yield from self._crash(state, me)
        yield from self._late_requests(state)
        yield from self._dead_letters(state)

    def _beginnings(self, state: State, me: int) -> Iterator[Step]:
        queued = sum(1 << e for e in self.scenario.ranks if state.queue[e] == Place.QUEUED)
        for hand, paid in self._deliveries(state):
            if step := self.protocol.begin(paid, me, hand):
                yield step._replace(is_fault=True) if hand & ~queued else step
        if self.scenario.sweep and (step := self.protocol.sweep(state, me)):
            yield step

    def _deliveries(self, state: State) -> Iterator[tuple[Events, State]]:
        """Every set of messages that may be delivered together, its duplicates paid for."""
        sets = [(0, state)]
        for event in self.scenario.ranks:
            if state.queue[event] == Place.QUEUED:
                sets += [(hand | 1 << event, paid) for hand, paid in sets]
            else:
                sets += [
                    (hand | 1 << event, again)
                    for hand, paid in sets
                    if (again := self.spend(paid, Fault.DUPLICATE))
                ]
        yield from sets[1:]

    def _crash(self, state: State, me: int) -> Iterator[Step]:
        if spent := self.spend(state, Fault.CRASH):
            yield Step(ended(spent, me), me, "crashes", is_fault=True)

    def _replies(self, state: State, me: int) -> Iterator[Step]:
        sent = state.consumers[me].sent
        guilty = [p for p, version in enumerate(sent) if state.bad & reading(p, version)]
        if guilty:
            yield from (self._refusal(state, me, prop) for prop in guilty)
        else:
            yield from self._good_request(state, me, sent)
        if spent := self.spend(state, Fault.THROTTLED):
            after = self.protocol.not_applied(spent, me)
            yield Step(after, me, "is refused for now", is_fault=True)
        if spent := self.spend(state, Fault.SILENT):
            after = self.protocol.unmentioned(spent, me)
            yield Step(after, me, "finds nothing of its input in the answer", is_fault=True)

    def _good_request(self, state: State, me: int, sent: Values) -> Iterator[Step]:
        after = self.protocol.vouched(applied(state, sent), me)
        yield Step(after, me, "has {values} applied and vouched for", 0, sent)
        if spent := self.spend(state, Fault.LOST):
            after = self.protocol.no_answer(applied(spent, sent), me)
            yield Step(after, me, "has {values} applied but gets no answer", 0, sent, is_fault=True)
        if spent := self.spend(state, Fault.LATE):
            after = self.protocol.no_answer(spent, me)
            after = after._replace(late=tuple(sorted((*after.late, sent))))
            yield Step(after, me, "gives {values} up, still under way", 0, sent, is_fault=True)
        if spent := self.spend(state, Fault.SILENT):
            after = self.protocol.unmentioned(applied(spent, sent), me)
            words = "has {values} applied, but the answer leaves it out"
            yield Step(after, me, words, 0, sent, is_fault=True)
        if spent := self.spend(state, Fault.WHIM):
            for prop in (prop for prop, version in enumerate(sent) if version):
                yield self._refusal(spent, me, prop, is_fault=True)

    def _refusal(self, state: State, me: int, prop: int, *, is_fault: bool = False) -> Step:
        version = state.consumers[me].sent[prop]
        which = reading(prop, version)
        after = self.protocol.refuse(state._replace(refused=state.refused | which), me, which)
        named = tuple(version if prop == p else 0 for p in self.scenario.properties)
        return Step(after, me, "has {values} refused for good", 0, named, is_fault=is_fault)

    def _no_permit(self, state: State, me: int) -> Iterator[Step]:
        """A further round does not wait for leave to call."""
        if spent := self.spend(state, Fault.THROTTLED):
            after = self.protocol.not_applied(spent, me)
            yield Step(after, me, "gets no permit for a further round", is_fault=True)

    def _late_requests(self, state: State) -> Iterator[Step]:
        for sent in set(state.late):
            late = list(state.late)
            late.remove(sent)
            rest = state._replace(late=tuple(late))
            yield Step(rest, HUBSPOT, "never sees the late {values}", 0, sent)
            yield Step(applied(rest, sent), HUBSPOT, "applies the late {values}", 0, sent)

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
                after = moved(spent, event, Place.QUEUED)
                after = after._replace(
                    consumers=tuple(
                        c._replace(stale=c.stale | this) if c.hand & this else c
                        for c in after.consumers
                    )
                )
                if self.protocol.counts_receives:
                    after = after._replace(unseen=after.unseen | this)
                yield Step(
                    after, SQS, "gets {events} back from the dead letters", this, is_fault=True
                )
            if spent := self.spend(buried, Fault.EXPIRY):
                after = spent._replace(expired=state.expired | this)
                yield Step(
                    after, SQS, "lets the dead letter of {events} expire", this, is_fault=True
                )


def applied(state: State, sent: Values) -> State:
    """HubSpot writes unconditionally; a reading it applies is not refused (any more)."""
    refused = state.refused
    if refused:
        for prop, version in enumerate(sent):
            refused &= ~reading(prop, version)
    crm = tuple([new or old for old, new in zip(state.crm, sent, strict=True)])
    return state._replace(crm=crm, refused=refused)


def moved(state: State, event: int, place: Place) -> State:
    return state._replace(queue=(*state.queue[:event], place, *state.queue[event + 1 :]))
