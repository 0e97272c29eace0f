"""The words of the model: one CRM record, its ledger item, its messages and its consumers.

Everything is a small int or a tuple of them, so that states are hashed and compared fast:

- an event is its rank, 1 the oldest; its readings carry that rank as their version, 0 is none;
- a set of events is a bit mask, bit `1 << event`;
- a set of readings is a bit mask, see `reading`;
- values are versions, one place for each property.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

type Events = int
type Readings = int
type Values = tuple[int, ...]
type Pending = tuple[tuple[int, ...], ...]

RANKS = 8  # Versions of one property stay below this; more events are never explored.


class Place(IntEnum):
    """Where SQS has an event's message. Copies share one identity: deleting one deletes all."""

    QUEUED = 0
    IN_FLIGHT = 1
    DELETED = 2


class Lease(IntEnum):
    """Left means that the holder has stopped; when such a lease is over, the protocol says."""

    FREE = 0
    HELD = 1
    LEFT = 2


class Phase(IntEnum):
    """What a consumer is about to do, or waits for."""

    IDLE = 0
    REPLY = 1
    NEXT_ROUND = 2
    RELEASE_VOUCHED = 3
    RELEASE_NOT_APPLIED = 4
    DEAD_LETTER = 5
    DELETE = 6
    READ_BACK = 7


class Consumer(NamedTuple):
    """One invocation. When it ends, its place is free for the next one."""

    phase: int = Phase.IDLE
    hand: Events = 0
    sent: Values = ()
    refused: Readings = 0  # What HubSpot refused in this invocation.
    holds: int = 0  # Whether a ledger write conditional on "the lease is mine" would succeed.
    settled: Events = 0  # Written or superseded, known after the release.
    rejected: Events = 0  # Dead letters to be, known after the release.
    silences: int = 0  # Finished answers that left the input out, in this round.
    stale: Events = 0  # In hand, but the message is gone: a redriven event is a new message.


IDLE = Consumer()


class State(NamedTuple):
    queue: tuple[int, ...]  # A Place for each event; index 0 is unused.
    dead: Events  # Events with a dead letter.
    expired: Events  # Events whose dead letter SQS has deleted.
    done: Events  # Events reported written or superseded.
    synced: Values
    pending: Pending  # What HubSpot is being told: per property, newest first.
    lease: int
    crm: Values
    late: tuple[Values, ...]  # Requests nobody waits for any more; each lands once or never.
    refused: Readings  # Readings of which HubSpot's last word was a refusal.
    bad: Readings  # Readings that HubSpot always refuses.
    consumers: tuple[Consumer, ...]
    left: tuple[int, ...]  # How many faults may still happen, per budget of the scenario.
    unseen: Events = 0  # Messages with a receive count of 0; kept only if the protocol asks for it.


class Fault(StrEnum):
    CRASH = "crash"
    LOST = "lost reply"
    LATE = "late write"
    THROTTLED = "refusal for now"
    SILENT = "input left out of the answer"
    BAD = "bad value"
    WHIM = "good value refused"
    DUPLICATE = "duplicate"
    GIVEN_UP = "message given up"
    REDRIVE = "redrive"
    EXPIRY = "dead letter expires"


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `most` faults out of `faults`, in any mixture; None: any number."""

    most: int | None
    faults: frozenset[Fault]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is explored: events from the oldest on (the properties of each), consumers, faults."""

    name: str
    events: tuple[frozenset[int], ...]
    consumers: int
    budgets: tuple[Budget, ...]
    sweep: bool = True

    @property
    def properties(self) -> range:
        return range(max(prop for event in self.events for prop in event) + 1)

    @property
    def ranks(self) -> range:
        return range(1, len(self.events) + 1)

    def versions(self, prop: int) -> tuple[int, ...]:
        """The readings there are of a property, newest first."""
        return tuple(rank for rank in reversed(self.ranks) if prop in self.events[rank - 1])


def reading(prop: int, version: int) -> Readings:
    return 1 << (prop * RANKS + version)


def each(events: Events) -> Iterator[int]:
    """The events of a set, oldest first."""
    while events:
        lowest = events & -events
        yield lowest.bit_length() - 1
        events ^= lowest


def is_clean(state: State) -> bool:
    return state.lease == Lease.FREE and not any(state.pending)


def put(consumers: tuple[Consumer, ...], me: int, consumer: Consumer) -> tuple[Consumer, ...]:
    return (*consumers[:me], consumer, *consumers[me + 1 :])
