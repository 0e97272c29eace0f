"""Visits every state a scenario can reach, breadth first, so that what it finds is short.

States that differ only in which consumer is which are one state.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from tests.model import checks
from tests.model.progress import Progress
from tests.model.state import IDLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.model.checks import StepCheck
    from tests.model.state import State, Step
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


def explore(world: World, *step_checks: StepCheck, progress: bool = False) -> Explored:
    """Search until something is wrong or every state has been seen."""
    graph = Graph(world.starts())
    finding = _unsafe(world, graph, step_checks) or _stuck(world, graph)
    if progress and finding is None:
        finding = _endless(world, graph)
    return Explored(len(graph.states), graph.steps, finding)


def _unsafe(world: World, graph: Graph, step_checks: Sequence[StepCheck]) -> Finding | None:
    """Fill the graph, and check every step and every state at rest."""
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
                    return _found(world, graph, wrong, number, after)
            if not step.is_fault:
                at_rest = False
                graph.sources.append(number)
                graph.targets.append(target)
        if at_rest:
            graph.resting[number] = 1
            if wrong := checks.rest(world.protocol, state):
                return _found(world, graph, wrong, number)
        number += 1
    return None


def _stuck(world: World, graph: Graph) -> Finding | None:
    restless = _first_without_rest(graph)
    return None if restless is None else _found(world, graph, checks.STUCK, restless)


def _endless(world: World, graph: Graph) -> Finding | None:
    made = Progress(world)
    for number, start in enumerate(world.starts()):
        if world.scenario.only_bad_values and made.is_slow(start):
            return _found(world, graph, checks.SLOW, number)
    for number, state in enumerate(graph.states):
        if _is_idle(state) and made.is_endless(state):
            return _found(world, graph, checks.ENDLESS, number)
    return None


def _is_idle(state: State) -> bool:
    """Whether nothing is under way. What is under way elsewhere ends in such a state."""
    return not state.late and all(consumer == IDLE for consumer in state.consumers)


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


def _found(
    world: World, graph: Graph, wrong: str, number: int, after: State | None = None
) -> Finding:
    path = [] if after is None else [after]
    while number >= 0:
        path.append(graph.states[number])
        number = graph.parents[number]
    path.reverse()
    return Finding(wrong, path[0], tuple(_walk(world, path)))


def _walk(world: World, path: list[State]) -> Iterable[Step]:
    """Go the way again, every consumer keeping its place from step to step."""
    state = path[0]
    for wanted in path[1:]:
        step = next(step for step in world.steps(state) if canonical(step.state) == wanted)
        yield step
        state = step.state
