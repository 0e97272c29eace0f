"""The words of the model: one CRM record, its ledger item, its messages and its consumers.

Everything is a small int or a tuple of them, so that states are hashed and compared fast:

- an event is its rank, 1 the oldest; its readings carry that rank as their version, 0 is none;
- a property is a number; number 0 is existence, of which archive and upsert events have readings;
- a set of events is a bit mask, bit `1 << event`;
- a set of readings is a bit mask with a lane of bits for each property, see `reading`;
- values are versions, one place for each property.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

type Events = int
type Lanes = int
type Readings = int
type Values = tuple[int, ...]

RANKS = 8  # Versions of one property stay below this; more events are never explored.
LANE: Readings = (1 << RANKS) - 1
EXISTENCE = 0


class Kind(IntEnum):
    """An event's operation, and the operation of a call."""

    UPDATE = 0
    UPSERT = 1
    ARCHIVE = 2


class Place(IntEnum):
    """Where SQS has an event's message. Copies share one identity: deleting one deletes all."""

    QUEUED = 0
    IN_FLIGHT = 1
    DELETED = 2
    TO_COME = 3


class Lease(IntEnum):
    """Left means that the holder has stopped; when such a lease is over, the protocol says."""

    FREE = 0
    HELD = 1
    LEFT = 2


class Ledger(NamedTuple):
    """The ledger's item of the record."""

    synced: Values
    pending: Readings = 0  # What HubSpot is being told, or may have been told.
    lease: int = Lease.FREE
    apart: int = 0  # Events are tried one by one.
    doubts: int = 0  # Ambiguous outcomes in a row; kept only if the scenario counts them.
    left_out: Values = ()  # The input that the last finished answers left out,
    silences: int = 0  # so often in a row.
    watched: int = 0  # A Watch; kept only if the scenario has the audit.
    known_id: int = 0  # Kept only by a mutant that archives by it.


class Watch(IntEnum):
    """Whether the record is in the audit's index, and whether there is anything to look at."""

    NOTHING = 0
    VALUES = 1
    IN_VAIN = 2


class Phase(IntEnum):
    """What a consumer is about to do, or waits for."""

    IDLE = 0
    REPLY = 1  # to an upsert or update
    LOOK_SILENT = 2  # two answers left the input out
    LOOK_REFUSED = 3  # refused after a doubt
    LOOK_UNANSWERED = 4  # in doubt once too often
    READ = 5  # by key, before an archive, together with other records
    READ_ALONE = 6
    ARCHIVE_REPLY = 7
    READ_AGAIN = 8
    NEXT_ROUND = 9
    RELEASE = 10
    DEAD_LETTER = 11
    DELETE = 12
    NEIGHBOUR = 13  # Only a mutant waits for the rounds of its batch's other records.


class Halt(IntEnum):
    """Why the rest of a record is left to another invocation."""

    NONE = 0
    NOT_NOW = 1  # nothing applied, no permit, no time, or rounds enough
    MISSING = 2  # HubSpot lacks what was written to; it may be on its way


class Consumer(NamedTuple):
    """One invocation. When it ends, its place is free for the next one.

    What was released is known by `settled` and `rejected`; the rest of `hand` goes back.
    """

    phase: int = Phase.IDLE
    hand: Events = 0
    said: Readings = 0  # What the hand says, without what its messages mark as refused.
    entry: Ledger | None = None  # The item as it is, or as it will be at the next write.
    sent: Values = ()
    refused: Readings = 0  # What HubSpot refused in this invocation.
    blamed: Readings = 0  # What the last refusal named, while it is looked for.
    held: Lanes = 0  # Properties of which an older reading waits for all the rest.
    uncertain: Readings = 0  # What may have been applied when no answer came.
    archive_waits: int = 0
    doubted: int = 0  # Began after an ambiguous outcome.
    unanswerable: int = 0  # What is pending is looked for, rather than sent once more.
    unrecorded: int = 0  # A verdict after a doubt, which the ledger does not know yet.
    rounds: int = 0  # For older readings, in this invocation.
    calls: int = 0  # Made in this invocation; counted only if time can run out.
    target: int = 0  # The record id that is archived.
    halted: int = Halt.NONE
    holds: int = 0  # Whether a ledger write conditional on "the lease is mine" would succeed.
    settled: Events = 0
    rejected: Events = 0
    stale: Events = 0  # In hand, but the message is gone: a redriven event is a new message.


IDLE = Consumer()


class Request(NamedTuple):
    """A call of one input, as HubSpot gets it."""

    kind: int
    sent: Values
    target: int = 0


class HubSpot(NamedTuple):
    """The record as its key finds it. Values are what was applied last; existence, the last word.

    An archived record is not found any more; whoever writes to its key then makes a new one.
    """

    values: Values
    id: int  # of the newest record that the key has named
    alive: int
    foreign: int = 0  # Found by an additional address, or merged: somebody else's as well.
    archived: int = 0  # The newest archive that was applied, or found to be true.
    told: Values = ()  # The newest value ever applied, of this record or one before it.


class State(NamedTuple):
    queue: tuple[int, ...]  # A Place for each event; index 0 is unused.
    ledger: Ledger
    crm: HubSpot
    consumers: tuple[Consumer, ...]
    left: tuple[int, ...]  # How many faults may still happen, per budget of the scenario.
    ills: Ills
    late: tuple[Request, ...] = ()  # Nobody waits for them any more; each lands once or never.
    marks: Readings = 0  # What messages say was refused, of events that still had others open.
    waiting: Events = 0  # Their wait for something missing has begun, and
    waited: Events = 0  # it is over.
    done: Events = 0  # Events reported written or superseded.
    dead: Events = 0  # Events with a dead letter.
    expired: Events = 0  # Events whose dead letter SQS has deleted.
    rejected: Events = 0  # Events whose dead letter a consumer has sent.
    refused: Readings = 0  # Readings of which HubSpot's last word was a refusal, or no word.
    row: int = 0  # Ambiguous outcomes in a row, as an onlooker counts them.
    unseen: Events = 0  # Messages with a receive count of 0; kept only if the protocol asks for it.


class Ills(NamedTuple):
    """What HubSpot always refuses, or never answers for."""

    values: Readings = 0  # Refused by the name of their property.
    properties: Lanes = 0  # At fault themselves, so that every reading of them is refused.
    events: Events = 0  # Their values are refused together, and no property is named.
    key: int = 0  # No record can be made with it.
    mute: Readings = 0  # A finished answer leaves the input out.
    poison: Readings = 0  # The input is never answered.


def reading(prop: int, version: int) -> Readings:
    return 1 << (prop * RANKS + version)


def lane(prop: int) -> Readings:
    return LANE << (prop * RANKS)


def up_to(prop: int, version: int) -> Readings:
    """Return a version of a property and all that are older."""
    return ((2 << version) - 2) << (prop * RANKS)


def newest(prop: int, readings: Readings) -> int:
    """Return the newest version of a property among some readings; 0: there is none."""
    return max(0, (readings >> (prop * RANKS) & LANE).bit_length() - 1)


def readings_of(values: Values) -> Readings:
    return sum(reading(prop, version) for prop, version in enumerate(values) if version)


def each(bits: int) -> Iterator[int]:
    """Yield the members of a set, the smallest first: events from the oldest on."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def is_clean(ledger: Ledger) -> bool:
    return ledger.lease == Lease.FREE and not ledger.pending


def put(state: State, me: int, consumer: Consumer) -> State:
    others = state.consumers
    return state._replace(consumers=(*others[:me], consumer, *others[me + 1 :]))


class Step(NamedTuple):
    """A transition: who did what (words to be filled in if anyone asks), and the state after it."""

    state: State
    actor: int
    words: str
    events: Events = 0
    values: Values = ()
    is_fault: bool = False
