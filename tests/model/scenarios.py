"""What is explored: small enough for every test run, and larger before a release."""

from __future__ import annotations

from tests.model.state import Budget, Fault, Scenario

ANY = frozenset(Fault)
HARDEST = frozenset({Fault.LOST, Fault.LATE, Fault.BAD, Fault.THROTTLED, Fault.DUPLICATE})
NONE: frozenset[Fault] = frozenset()
QUEUE = frozenset({Fault.DUPLICATE, Fault.GIVEN_UP, Fault.REDRIVE})

P, Q, PQ = frozenset({0}), frozenset({1}), frozenset({0, 1})


def scenario(
    *events: frozenset[int],
    consumers: int = 2,
    most: int,
    faults: frozenset[Fault] = ANY,
    freely: frozenset[Fault] = NONE,
) -> Scenario:
    """Build a scenario with `most` of these faults, and any number of those that come freely."""
    readings = " ".join("".join("pq"[prop] for prop in sorted(event)) for event in events)
    kind = {ANY: "any", HARDEST: "hardest"}.get(faults, "/".join(sorted(faults)))
    free = f" and any number of {'/'.join(sorted(freely))}" if freely else ""
    name = f"{readings}, {consumers} consumers, faults: {kind} {most}{free}"
    budgets = (Budget(most, faults - freely), Budget(None, freely))
    return Scenario(name, events, consumers, budgets)


# Any two faults are every pair of faults, any four also those that need a dead letter first.
SMALL = (
    scenario(P, P, most=4),
    scenario(PQ, PQ, most=2),
    scenario(P, P, P, most=2),
    scenario(PQ, P, Q, most=2),
    scenario(PQ, P, Q, most=3, faults=HARDEST),
    scenario(P, P, most=1, freely=QUEUE),
)

LARGE = (
    scenario(PQ, PQ, most=3),
    scenario(PQ, P, Q, most=2, consumers=3),
    scenario(PQ, PQ, PQ, most=2),
    scenario(P, PQ, PQ, most=3, faults=HARDEST),
    scenario(P, P, most=6),
    scenario(P, P, most=5, consumers=3),
    scenario(P, P, most=3, freely=QUEUE),
    scenario(P, P, most=1, freely=QUEUE | {Fault.CRASH, Fault.THROTTLED}),
    scenario(P, P, P, most=4),
    scenario(P, P, P, most=3, consumers=3),
    scenario(P, P, P, P, most=3),
    scenario(PQ, P, Q, most=3),
    scenario(PQ, PQ, PQ, most=3),
    scenario(PQ, PQ, PQ, most=2, consumers=3),
    scenario(P, PQ, PQ, most=2, consumers=3),
    scenario(PQ, P, Q, most=3, consumers=3),
)
