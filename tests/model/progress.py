"""Progress: from every state, a bounded number of invocations without a fault settles everything.

Two ways to deliver are tried: all messages together, and each alone, one after the other. In a
round each message is delivered once; waits are over where nothing else is left to happen. What is
under way when a round begins, ends first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.state import IDLE, Place, newest, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.model.state import State, Step
    from tests.model.world import World

    type Round = Callable[[State], State]

ROUNDS_MOST = 12
CALLS_MOST = 200


class Endless(Exception):
    """Consumers do not end by themselves."""


class Progress:
    def __init__(self, world: World) -> None:
        self.world = world
        self._known: dict[tuple[str, State], int] = {}

    def is_endless(self, state: State) -> bool:
        """Tell whether so many rounds do not lead from here to rest."""
        try:
            idle = self._until_idle(state)
            return any(
                self._rounds(name, deliver, idle) > ROUNDS_MOST
                for name, deliver in (("together", self._together), ("alone", self._alone))
            )
        except Endless:
            return True

    def is_slow(self, start: State) -> bool:
        """Tell whether refusals of other values hold back a good one, at two calls an invocation.

        The first gets a bad property out of the way, and the second writes all the rest.
        """
        state, scenario = start, self.world.scenario
        for _ in scenario.properties[2:]:
            state = self._together(state)
        ills = start.ills.values
        everything = self.world.protocol.said_by(self.world.protocol.everything)
        newest_of = {prop: newest(prop, everything) for prop in scenario.properties[1:]}
        return any(
            state.crm.values[prop] != version and not ills & reading(prop, version)
            for prop, version in newest_of.items()
        )

    def _rounds(self, name: str, deliver: Round, state: State) -> int:
        """Count the rounds until rest. What was counted once is known."""
        passed: list[State] = []
        while (name, state) not in self._known and len(passed) <= ROUNDS_MOST:
            after = deliver(state)
            if after == state and state.waiting:  # All else has had its chance.
                after = state._replace(waiting=0, waited=state.waited | state.waiting)
            passed.append(state)
            if after == state:
                self._known[name, state] = 0 if self._is_rest(state) else ROUNDS_MOST + 1
                passed.pop()
            state = after
        rounds = self._known.get((name, state), ROUNDS_MOST + 1)
        for earlier in reversed(passed):
            rounds += 1
            self._known[name, earlier] = rounds
        return rounds

    def _is_rest(self, state: State) -> bool:
        return all(step.is_fault for step in self.world.steps(state))

    def _until_idle(self, state: State) -> State:
        """Let everything end that is under way, and late requests land."""
        for _ in range(CALLS_MOST):
            if not state.late and all(consumer == IDLE for consumer in state.consumers):
                return state
            step = next(step for step in self.world.steps(state) if not step.is_fault)
            state = step.state
        raise Endless

    def _together(self, state: State) -> State:
        queued = _queued(state)
        return self._after(self._delivered(state, queued))

    def _alone(self, state: State) -> State:
        for event in self.world.scenario.ranks:
            if state.queue[event] == Place.QUEUED:
                state = self._delivered(state, 1 << event)
        return self._after(state)

    def _delivered(self, state: State, hand: int) -> State:
        protocol = self.world.protocol
        step = protocol.begin(state, 0, hand) if hand else protocol.sweep(state, 0)
        return self._until_idle(step.state) if step else state

    def _after(self, state: State) -> State:
        """End all waits that may end, and let the sweep and the audit pass by."""
        while step := next(self.world.waits_over(state), None):
            state = step.state
        for step in self.world.comes(state):
            state = step.state
        if not _queued(state):
            steps: list[Callable[[State, int], Step | None]] = []
            steps = [self.world.protocol.sweep, self.world.protocol.audit]
            for passes in steps:
                step = passes(state, 0)
                state = self._until_idle(step.state) if step else state
        return state


def _queued(state: State) -> int:
    return sum(1 << event for event, place in enumerate(state.queue) if place == Place.QUEUED)
