"""What is explored: small enough for every test run, and larger before a release."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from tests.model.scenario import Budget, Doubts, Event, Fault, Scenario

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

QUEUE = frozenset({Fault.DUPLICATE, Fault.GIVEN_UP, Fault.REDRIVE})
DOUBT = frozenset({Fault.CRASH, Fault.LOST, Fault.LATE})
REFUSAL = frozenset({Fault.BAD, Fault.BAD_PROPERTY, Fault.BAD_EVENT})
ANY = QUEUE | DOUBT | {Fault.THROTTLED, Fault.SILENT, Fault.WHIM, Fault.BAD, Fault.EXPIRY}
HARDEST = frozenset({Fault.LOST, Fault.LATE, Fault.BAD, Fault.THROTTLED, Fault.DUPLICATE})
NONE: frozenset[Fault] = frozenset()


def scenario(
    events: str,
    most: int = 0,
    faults: Collection[Fault] = NONE,
    *,
    consumers: int = 1,
    freely: frozenset[Fault] = NONE,
    **more: Any,
) -> Scenario:
    """Build a scenario with `most` of these faults, and any number of those that come freely.

    Events go from the oldest on: "archive, upsert p, update pq".
    """
    budgets = (Budget(most, frozenset(faults) - freely), Budget(None, freely))
    parsed = tuple(map(Event.parse, events.split(", ")))
    name = _name(events, most, budgets, {"consumers": consumers, **more})
    return Scenario(name, parsed, consumers, budgets, **more)


def _name(events: str, most: int, budgets: tuple[Budget, Budget], more: dict[str, Any]) -> str:
    some, freely = (
        {ANY: "any", HARDEST: "the hardest"}.get(budget.faults, ", ".join(sorted(budget.faults)))
        for budget in budgets
    )
    told = [events, f"{most} of: {some}" if most else "", f"freely: {freely}" if freely else ""]
    told += [
        name if value is True else f"{name}={value}"
        for name, value in more.items()
        if (name, value) != ("consumers", 1)
    ]
    return "; ".join(filter(None, told))


def triples(values: tuple[str, str, str], *, kinds: str = "ASU") -> Iterator[str]:
    """Yield all threes of archive, upsert and update, the first one the oldest."""
    for triple in product(kinds, repeat=3):
        yield ", ".join(_event(kind, names) for kind, names in zip(triple, values, strict=True))


def _event(kind: str, names: str) -> str:
    return {"A": "archive", "S": f"upsert {names}", "U": f"update {names}"}[kind]


# Every three events, in every order and batching, with a record before them and without, and with
# a value, a property, an event or the key that is always refused.
EXISTENCE = tuple(
    scenario(events, 1, REFUSAL | {Fault.BAD_KEY}, there=there)
    for events in triples(("p", "q", "p"))
    for there in (True, False)
)

# Any two faults are every pair of faults, any four also those that need a dead letter first.
VALUES = (
    scenario("update p, update p", 3, ANY, consumers=2),
    scenario("update pq, update pq", 2, ANY, consumers=2),
    scenario("update p, update p, update p", 2, ANY, consumers=2),
    scenario("update p, update p", 1, ANY - QUEUE, freely=QUEUE, consumers=2),
)

ARCHIVES = (
    scenario("archive, upsert p, update q", 1, DOUBT | {Fault.BAD}, consumers=2),
    scenario("upsert p, archive, upsert p", 2, DOUBT | {Fault.BAD}, there=False),
    scenario("update p, archive", 2, DOUBT | {Fault.MERGED, Fault.DUPLICATE}, consumers=2),
    scenario("archive, upsert p", 1, DOUBT | {Fault.BAD}, foreign=True),
)

LITTLE_TIME = (
    scenario("update pq, update pq", 2, REFUSAL | {Fault.LOST}, calls=1),
    scenario("upsert pq, update p, upsert q", 1, REFUSAL, calls=1, there=False),
    scenario("update pq, update pq, update p", 2, {Fault.BAD}, calls=2),
    scenario("archive, upsert p, update q", 1, REFUSAL | DOUBT, calls=2),
    scenario("upsert p, update q", 1, {Fault.BAD_KEY}, calls=2, there=False),
)

SILENCE = (
    scenario("update pq, update pq", 1, {Fault.MUTE, Fault.SILENT, Fault.LOST}, calls=1),
    scenario("upsert pq, update pq", 2, {Fault.MUTE, Fault.SILENT, Fault.LOST}, there=False),
)

DOUBTS = (
    scenario("update pq, update q", 2, DOUBT | {Fault.POISON, Fault.BAD}, doubts=Doubts(1, 2)),
    scenario("upsert p, archive, upsert p", 1, {Fault.POISON, Fault.BAD}, doubts=Doubts()),
    scenario("update p, archive", 2, DOUBT, doubts=Doubts(1, 2)),
    scenario("upsert p, update q", 2, {Fault.POISON, Fault.BAD}, doubts=Doubts(), there=False),
)

MISSING = (
    scenario("upsert q, update p", 1, REFUSAL | DOUBT, required=1, there=False, consumers=2),
    scenario("archive, upsert q, update p", 1, REFUSAL, required=1),
    scenario("update p, update q, upsert p", 1, {Fault.LOST}, later=0b1100, there=False),
)

AUDITED = (scenario("update p, archive", 2, DOUBT, audit=True, consumers=2),)

SMALL = VALUES + ARCHIVES + LITTLE_TIME + SILENCE + DOUBTS + MISSING + AUDITED


def _large() -> Iterator[Scenario]:
    for values in (("p", "q", "pq"), ("pq", "p", "q"), ("pq", "pq", "pq")):
        for events in triples(values):
            for there in (True, False):
                yield scenario(events, 1, REFUSAL | {Fault.BAD_KEY}, there=there)
                yield scenario(events, 2, REFUSAL, there=there, calls=2)
    for events in triples(("p", "q", "p")):
        for there in (True, False):
            yield scenario(events, 2, DOUBT | REFUSAL, there=there, calls=2)
            yield scenario(events, 2, DOUBT | {Fault.POISON}, there=there, doubts=Doubts(1, 2))
            yield scenario(
                events, 2, DOUBT | {Fault.BAD, Fault.THROTTLED}, there=there, consumers=2
            )
    for events in triples(("pq", "p", "q"), kinds="SU"):
        for there in (True, False):
            yield scenario(events, 1, REFUSAL, there=there, calls=1)
            yield scenario(events, 2, {Fault.MUTE, Fault.SILENT, Fault.LOST}, there=there, calls=1)
    for events in triples(("p", "q", "p")):
        yield scenario(events, 1, REFUSAL | DOUBT, required=1, there=False)
        yield scenario(events, 2, DOUBT | {Fault.MERGED}, consumers=2)
    yield scenario("update pq, update p, update q", 2, ANY, consumers=2)
    yield scenario("update pq, update p, update q", 3, HARDEST, consumers=2)
    yield scenario("update p, update p", 4, ANY, consumers=2)
    yield scenario("update p, update p", 3, ANY, consumers=3)
    yield scenario("update pq, update pq", 3, ANY, consumers=2)
    yield scenario("update p, update p, update p", 3, ANY, consumers=2)
    yield scenario("update p, update p, update p, update p", 2, ANY, consumers=2)
    yield scenario("update pq, update pq, update pq", 2, ANY, consumers=2)
    yield scenario("update p, update p", 2, ANY - QUEUE, freely=QUEUE, consumers=2)


LARGE = tuple(_large())
