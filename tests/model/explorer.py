"""Visits every state a scenario can reach, breadth first, so that what it finds is short.

States that differ only in which consumer is which are one state.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from tests.model import checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.model.checks import StepCheck
    from tests.model.protocol import Step
    from tests.model.state import State
    from tests.model.world import World


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and the way there: a start, then steps."""

    wrong: str
    start: State
    way: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Explored:
    states: int
    steps: int
    finding: Finding | None


def canonical(state: State) -> State:
    consumers = state.consumers
    ordered = tuple(sorted(consumers))
    return state if ordered == consumers else state._replace(consumers=ordered)


class Graph:
    """The states seen, numbered in the order they were found, and how each was found."""

    def __init__(self, starts: Iterable[State]) -> None:
        self.states = [canonical(state) for state in starts]
        self.numbers = {state: number for number, state in enumerate(self.states)}
        self.parents = array("l", [-1] * len(self.states))
        self.sources = array("l")
        self.targets = array("l")
        self.resting = bytearray(len(self.states))
        self.steps = 0

    def add(self, state: State, parent: int) -> int:
        number = self.numbers.setdefault(state, len(self.states))
        if number == len(self.states):
            self.states.append(state)
            self.parents.append(parent)
            self.resting.append(0)
        return number


def explore(world: World, *step_checks: StepCheck) -> Explored:
    """Search until something is wrong or every state has been seen."""
    graph = Graph(world.starts())
    number = 0
    while number < len(graph.states):
        state = graph.states[number]
        at_rest = True
        for step in world.steps(state):
            graph.steps += 1
            after = canonical(step.state)
            target = graph.add(after, number)
            for check in step_checks:
                if wrong := check(world.protocol, state, after):
                    return _stopped(world, graph, wrong, number, after)
            if not step.is_fault:
                at_rest = False
                graph.sources.append(number)
                graph.targets.append(target)
        if at_rest:
            graph.resting[number] = 1
            if wrong := checks.rest(world.protocol, state):
                return _stopped(world, graph, wrong, number)
        number += 1
    restless = _first_without_rest(graph)
    if restless is None:
        return Explored(len(graph.states), graph.steps, None)
    return _stopped(world, graph, checks.STUCK, restless)


def _first_without_rest(graph: Graph) -> int | None:
    """Go backward from the states at rest; return the first state that is not met."""
    size = len(graph.states)
    counts = array("l", bytes(8 * (size + 1)))
    for target in graph.targets:
        counts[target + 1] += 1
    begins = array("l", accumulate(counts))
    nexts = array("l", begins)
    before = array("l", bytes(8 * len(graph.sources)))
    for source, target in zip(graph.sources, graph.targets, strict=True):
        before[nexts[target]] = source
        nexts[target] += 1
    met = bytearray(graph.resting)
    todo = [number for number in range(size) if met[number]]
    while todo:
        number = todo.pop()
        for source in before[begins[number] : begins[number + 1]]:
            if not met[source]:
                met[source] = 1
                todo.append(source)
    missed = met.find(0)
    return None if missed < 0 else missed


def _stopped(
    world: World, graph: Graph, wrong: str, number: int, after: State | None = None
) -> Explored:
    path = [] if after is None else [after]
    while number >= 0:
        path.append(graph.states[number])
        number = graph.parents[number]
    path.reverse()
    finding = Finding(wrong, path[0], tuple(_walk(world, path)))
    return Explored(len(graph.states), graph.steps, finding)


def _walk(world: World, path: list[State]) -> Iterable[Step]:
    """Go the way again, every consumer keeping its place from step to step."""
    state = path[0]
    for wanted in path[1:]:
        step = next(step for step in world.steps(state) if canonical(step.state) == wanted)
        yield step
        state = step.state
