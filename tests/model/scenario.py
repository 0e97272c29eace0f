"""What is explored: the events, the record before them, the consumers, and what may go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from tests.model.state import EXISTENCE, Events, Kind, Readings, reading

NAMES = ":pqrs"  # The names of properties by number; existence is ":".


class Fault(StrEnum):
    CRASH = "crash"
    LOST = "lost reply"
    LATE = "late write"
    THROTTLED = "refusal for now"
    SILENT = "input left out of the answer"
    WHIM = "good value refused"
    DUPLICATE = "duplicate"
    GIVEN_UP = "message given up"
    REDRIVE = "redrive"
    EXPIRY = "dead letter expires"
    MERGED = "merge by a person"
    # These are there from the start, and last.
    BAD = "bad value"
    BAD_PROPERTY = "bad property"
    BAD_EVENT = "bad event"
    BAD_KEY = "bad key"
    MUTE = "value never mentioned"
    POISON = "value never answered"


LASTING = frozenset(
    {Fault.BAD, Fault.BAD_PROPERTY, Fault.BAD_EVENT, Fault.BAD_KEY, Fault.MUTE, Fault.POISON}
)


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `most` faults out of `faults`, in any mixture; None: any number."""

    most: int | None
    faults: frozenset[Fault]


@dataclass(frozen=True, slots=True)
class Doubts:
    """From how many doubts on events go apart, and a record is looked for instead of sent.

    hubsync has 4 and 5. Fewer show the same within fewer steps.
    """

    apart: int = 2
    most: int = 3

    def __str__(self) -> str:
        return f"{self.apart} and {self.most}"


@dataclass(frozen=True, slots=True)
class Event:
    kind: Kind
    properties: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Event:
        """Read "update pq", "upsert p" or "archive"."""
        kind, _, names = text.partition(" ")
        return cls(Kind[kind.upper()], frozenset(map(NAMES.index, names)))

    @property
    def lanes(self) -> list[int]:
        """The properties of its readings; whether the record exists is one of them."""
        words = set() if self.kind == Kind.UPDATE else {EXISTENCE}
        return sorted(words | self.properties)


@dataclass(frozen=True)
class Scenario:
    name: str
    events: tuple[Event, ...]  # from the oldest on
    consumers: int = 1
    budgets: tuple[Budget, ...] = ()
    sweep: bool = True
    there: bool = True  # The record is there before, without any value of ours.
    foreign: bool = False  # The key is an additional address of somebody else's record.
    required: int = 0  # The property without which HubSpot makes no record; 0: none.
    later: Events = 0  # Events that happen when others may have been settled already.
    calls: int = 0  # How many calls an invocation has time for; 0: any number.
    doubts: Doubts | None = None  # None: they are not counted.
    audit: bool = False  # What was written after a doubt is watched; its values are too large.
    faults: frozenset[Fault] = field(init=False)

    def __post_init__(self) -> None:
        faults = frozenset().union(*(budget.faults for budget in self.budgets))
        object.__setattr__(self, "faults", faults)

    @cached_property
    def properties(self) -> range:
        """All properties, existence first."""
        return range(
            max((prop for event in self.events for prop in event.properties), default=0) + 1
        )

    @property
    def only_bad_values(self) -> bool:
        """Whether nothing goes wrong but refused values, at two calls an invocation."""
        return self.calls == 2 and self.there and self.faults == {Fault.BAD} and not self.archives

    @cached_property
    def ranks(self) -> range:
        return range(1, len(self.events) + 1)

    @cached_property
    def readings(self) -> tuple[Readings, ...]:
        """What each event says, by rank."""
        return (
            0,
            *(
                sum(reading(prop, rank) for prop in self.events[rank - 1].lanes)
                for rank in self.ranks
            ),
        )

    @cached_property
    def archives(self) -> Events:
        return sum(1 << rank for rank in self.ranks if self.events[rank - 1].kind == Kind.ARCHIVE)
