"""Workloads with what goes wrong upstream, and what the CRM must hold at their end.

The truth is told another way than by the code under test: each event overwrites what was before it
in time, and bad values are passed over.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from math import ceil
from random import Random

from hubsync.core.event import format_timestamp
from hubsync_bench.events import ANEW, Wire

EVENTS = 10_000
START = 1_795_255_200_000_000  # 2026-11-21T10:00:00Z in microseconds
NAMES = ("firstname", "lastname", "phone", "city", "company", "jobtitle")
NUMBER = "seats"
BAD = "many"  # which is no number, so HubSpot refuses it
PLACES_LATE_MAX = 60
DISPLACED_SHARE, NULL_SHARE, MIXED_CASE_SHARE, BAD_SHARE = 0.2, 0.1, 0.3, 0.002
INPUTS_MAX = 100

IN_ORDER, DISPLACED, NULLS = "in order", "20 % displaced", "10 % nulls"
MIXED_CASE, BAD_VALUES = "30 % mixed-case e-mail", "0.2 % bad values"
KINDS = (IN_ORDER, DISPLACED, NULLS, MIXED_CASE, BAD_VALUES)

type Cell = tuple[str, str]  # a contact's e-mail address, and a property


@dataclass(frozen=True, slots=True)
class Workload:
    """Events in the order they come; `event_ids` in the order of time."""

    kind: str
    records: int
    wires: Sequence[Wire]
    facts: Sequence[Wire]

    def optimum(self, size: int) -> int:
        """Count the fewest calls that write each window's records, in windows of so many events."""
        windows = batched(self.wires, size, strict=False)
        return sum(ceil(len({_email(wire) for wire in some}) / INPUTS_MAX) for some in windows)

    def truth(self) -> dict[Cell, str]:
        """Return what each cell must hold at the end; empty where it is cleared."""
        return {cell: value for cell, value, _ in self._told() if not value.startswith(BAD)}

    def wrong(self, shown: Mapping[Cell, str]) -> int:
        """Count the cells that do not hold the truth."""
        return sum(shown.get(cell, "") != value for cell, value in self.truth().items())

    def falsely_reported(self, shown: Mapping[Cell, str], reported: Iterable[str]) -> int:
        """Count the events reported as written that are not.

        Either HubSpot refused a value of theirs that nothing newer covers, or their value is the
        truth and is not there.
        """
        last = {cell: event for cell, _, event in self._told()}
        good = {c: event for c, value, event in self._told() if not value.startswith(BAD)}
        lost = {good[cell] for cell, value in self.truth().items() if shown.get(cell, "") != value}
        refused = {event for cell, event in last.items() if good.get(cell) != event}
        return len(set(reported) & (lost | refused))

    def _told(self) -> Iterator[tuple[Cell, str, str]]:
        """Yield each reading, oldest first, with the event it is of."""
        for wire in self.facts:
            for name, value in wire["properties"].items():
                yield (_email(wire), name), value or "", wire["eventId"]


def workload(kind: str, records: int, seed: int) -> Workload:
    """Make a workload on so many records, each named by as many events as any other."""
    random = Random(seed)  # noqa: S311 - repeatable, not secret
    keys = [number % records for number in range(EVENTS)]
    random.shuffle(keys)
    facts = [_fact(number, key, kind, random) for number, key in enumerate(keys)]
    if kind == BAD_VALUES:
        for number in random.sample(range(EVENTS), round(EVENTS * BAD_SHARE)):
            facts[number]["properties"][NUMBER] = f"{BAD}-{number}"
    return Workload(kind, records, _arrived(facts, random) if kind == DISPLACED else facts, facts)


def _fact(number: int, key: int, kind: str, random: Random) -> Wire:
    properties: dict[str, str | None] = {
        name: f"{name}-{number}" for name in random.sample(NAMES, 3)
    }
    if kind == NULLS and random.random() < NULL_SHARE:
        properties[random.choice(list(properties))] = None
    if kind == BAD_VALUES:
        properties[NUMBER] = str(number)
    spelled_otherwise = kind == MIXED_CASE and random.random() < MIXED_CASE_SHARE
    return {
        "eventId": f"evt-{ANEW}-{number}",
        "occurredAt": format_timestamp(START + number * 1_000),
        "objectType": "contacts",
        "idProperty": "email",
        "id": f"{'Person' if spelled_otherwise else 'person'}-{ANEW}-{key}@example.com",
        "properties": properties,
    }


def _arrived(facts: Sequence[Wire], random: Random) -> list[Wire]:
    """Let a fifth of the events come some places late."""
    late = set(random.sample(range(EVENTS), round(EVENTS * DISPLACED_SHARE)))
    places = [
        number + (random.randint(1, PLACES_LATE_MAX) if number in late else 0)
        for number in range(EVENTS)
    ]
    return [facts[number] for number in sorted(range(EVENTS), key=places.__getitem__)]


def _email(wire: Wire) -> str:
    return str(wire["id"]).lower()
