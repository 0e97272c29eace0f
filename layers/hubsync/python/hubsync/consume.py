"""Use case: give every change event of some queue messages its fate, and each message its end.

A message is done when none of its events is open. Where only some are settled, the open ones go
back in a new message before the old one is done; where none is, the message itself is returned. A
crash in between repeats events, which is harmless.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from hubsync.core.backoff import backoff_seconds
from hubsync.core.change import (
    Change,
    Reading,
    RecordKey,
    change_of,
    coalesce,
    readings,
    record_key,
)
from hubsync.core.compact import text_bytes
from hubsync.core.event import Rules, parse_timestamp
from hubsync.core.kept_payload import INVALID_PAYLOAD
from hubsync.core.kept_payload import read as read_kept
from hubsync.core.limits import PENDING_BYTES_MAX, TRIES_MAX, WRITE_SECONDS_LEFT_MIN
from hubsync.core.message import (
    UNMARKED,
    Envelope,
    Marks,
    afresh,
    marked,
    parse_message,
    raw_events,
    repack,
)
from hubsync.core.records.entry import Entry
from hubsync.core.records.leased_record import RECORD_FULL, EventId
from hubsync.core.records.outcome import (
    Outcome,
    Rejected,
    Retryable,
    outcome_of,
    reasons_of,
    rejection,
)
from hubsync.ports import DeadLetter, Ports, Queue, Resend, WritePolicy
from hubsync.writer.invocation import Invocation
from hubsync.writer.writer import Writer

_MALFORMED: Final = Rejected("MALFORMED_MESSAGE", "the message is not in hubsync's format")
# What each step at the end leaves of the invocation to those after it, in seconds.
_LEFT_BY_LETTERS, _LEFT_BY_RESENDS, _LEFT_BY_POSTPONING = 2.0, 1.25, 0.5
assert WRITE_SECONDS_LEFT_MIN > _LEFT_BY_LETTERS
_NO_ROOM: Final = Retryable(RECORD_FULL)
_UNCONFIRMED: Final = Retryable("DEAD_LETTER_UNCONFIRMED")


class QueueMessage(NamedTuple):
    """A message as the queue hands it over; `receives` counts this time, too."""

    message_id: str
    receipt_handle: str
    body: str
    receives: int


@dataclass(slots=True)
class ReceivedEvent:
    """One change event of a message, and what it says of which record."""

    position: int  # in its message
    record: RecordKey | None = None
    readings: Mapping[str, Reading] = field(default_factory=dict)
    event_id: str = ""
    occurred_at: int = 0
    source: str = ""
    outcome: Outcome | None = None
    entry: Entry | None = None  # of its record, as it was left
    marks: Marks = UNMARKED  # what earlier tries came to
    marked: Marks | None = None  # the same after this one, where that is more
    tries: int = 0  # before this one, and when the next one is, if it is still open
    again_in_seconds: int = 0


@dataclass(slots=True)
class OpenedMessage:
    """A message in hand, opened; one that is not ours has no envelope."""

    received: QueueMessage
    envelope: Envelope | None = None
    received_at: int = 0
    deliveries: list[ReceivedEvent] = field(default_factory=list)
    _wires: list[dict[str, Any]] = field(default_factory=list)

    @property
    def tries(self) -> int:
        """How often the events were tried before this time."""
        return (self.envelope.tries if self.envelope else 0) + self.received.receives - 1

    def wire(self, delivery: ReceivedEvent) -> dict[str, Any]:
        """Return an event as it stands in the message.

        It is read once more where it is needed, which is seldom: those of 10,000 events would be
        half of all that is kept of them.
        """
        if not self._wires:
            self._wires = raw_events(self.received.body)
        return self._wires[delivery.position]

    def wire_again(self, delivery: ReceivedEvent) -> dict[str, Any]:
        """Return an event as it goes back to the queue."""
        wire = self.wire(delivery)
        return wire if delivery.marked is None else marked(wire, delivery.marked)


class Consumed(NamedTuple):
    """What an invocation came to. `returned` are the ids of messages that are not done."""

    returned: tuple[str, ...]
    outcomes: tuple[tuple[ReceivedEvent, Outcome], ...]
    records_written: int
    lease_conflicts: int
    # By object type and property: the events of which HubSpot shows another value than was sent.
    values_kept: Mapping[tuple[str, str], Sequence[EventId]] = MappingProxyType({})


async def consume(
    received: Sequence[QueueMessage],
    *,
    queue: Queue,
    ports: Ports,
    policy: WritePolicy,
    rules: Rules,
    deadline: float,
) -> Consumed:
    """Write what the messages say and settle each of them.

    `deadline` is the invocation's end on the event loop's clock. No message and no answer makes
    this raise.
    """
    parcels = [_opened(message, rules) for message in received]
    writers = await _write(parcels, ports, policy, deadline)
    for parcel in parcels:
        _give_up_exhausted(parcel)
    await _dead_letter(parcels, queue, deadline)
    returned = await _send_back(parcels, queue, ports.random, deadline)
    return Consumed(
        tuple(returned),
        tuple((d, d.outcome) for parcel in parcels for d in parcel.deliveries if d.outcome),
        sum(1 for writer in writers for a in writer.leased_records.values() if a.confirmed),
        sum(writer.lease_conflicts for writer in writers),
        _values_kept(writers),
    )


def _values_kept(writers: Iterable[Writer]) -> dict[tuple[str, str], list[EventId]]:
    kept: defaultdict[tuple[str, str], list[EventId]] = defaultdict(list)
    for writer in writers:
        for leased in writer.leased_records.values():
            for name, version in leased.kept:
                kept[leased.record.object_type, name].append(version.event)
    return dict(kept)


def _opened(message: QueueMessage, rules: Rules) -> OpenedMessage:
    contents = parse_message(message.body, rules)
    if contents is None:
        kept = read_kept(message.body)
        outcome = _MALFORMED if kept is None else Rejected(INVALID_PAYLOAD, kept.reason)
        return OpenedMessage(message, deliveries=[ReceivedEvent(0, outcome=outcome)])
    envelope = contents.envelope
    parcel = OpenedMessage(message, envelope, parse_timestamp(envelope.received_at))
    for position, delivered in enumerate(contents.events):
        event = delivered.event
        if event is None:
            rejected = Rejected("MALFORMED_EVENT", f"not a change event: {delivered.fault}")
            parcel.deliveries.append(ReceivedEvent(position, outcome=rejected))
            continue
        said = readings(envelope.source, event)
        if refused := delivered.marks.refused:
            said = {name: reading for name, reading in said.items() if name not in refused}
        delivery = ReceivedEvent(
            position,
            record_key(envelope.account, event),
            said,
            event.event_id,
            event.occurred_at,
            envelope.source,
            marks=delivered.marks,
        )
        if not said:  # All of it was refused before.
            delivery.outcome = rejection(reasons_of(refused))
        parcel.deliveries.append(delivery)
    return parcel


async def _write(
    parcels: Sequence[OpenedMessage], ports: Ports, policy: WritePolicy, deadline: float
) -> list[Writer]:
    """Write the changes, each account apart from the others, and give the events their fate."""
    by_account: defaultdict[str, list[ReceivedEvent]] = defaultdict(list)
    for parcel in parcels:
        for delivery in parcel.deliveries:
            if delivery.record is not None and delivery.outcome is None:
                by_account[delivery.record.account].append(delivery)
    waits = _Waits(parcels, ports.now(), policy)
    invocation = Invocation.begin(
        ports, policy, deadline=deadline, expired=waits.expired, in_hand=waits.in_hand
    )
    writers = {account: Writer(invocation) for account in by_account}
    async with asyncio.TaskGroup() as group:
        for account, deliveries in by_account.items():
            group.create_task(writers[account].write(_coalesced(deliveries)))
    for account, deliveries in by_account.items():
        _judge(deliveries, writers[account], lease_seconds=invocation.lease_seconds_left())
    now = round(ports.now() * 1_000_000)
    for deliveries in by_account.values():
        for delivery in deliveries:
            _mark(delivery, now)
    return list(writers.values())


class _Waits:
    """How long the events in hand have waited for something that HubSpot lacks.

    It is asked about few events if any, so it looks at all of them at the first question only.
    """

    def __init__(self, parcels: Sequence[OpenedMessage], now: float, policy: WritePolicy) -> None:
        self._parcels = parcels
        self._now = round(now * 1_000_000)
        self._latest = self._now - round(policy.not_found_retry_seconds * 1_000_000)

    @cached_property
    def _since(self) -> dict[EventId, int]:
        return {
            (delivery.source, delivery.event_id): delivery.marks.missing_since or self._now
            for parcel in self._parcels
            for delivery in parcel.deliveries
        }

    def in_hand(self, event: EventId) -> bool:
        return event in self._since

    def expired(self, event: EventId) -> bool:
        """Whether an event in hand has waited long enough, counted from its own first miss."""
        return self._since.get(event, self._latest + 1) <= self._latest


def _coalesced(deliveries: Sequence[ReceivedEvent]) -> list[Change]:
    by_record: defaultdict[RecordKey, list[ReceivedEvent]] = defaultdict(list)
    for delivery in deliveries:
        assert delivery.record is not None
        by_record[delivery.record].append(delivery)
    fitting = (
        change_of(record, delivery.readings)
        for record, same in by_record.items()
        for delivery in _fitting(same)
    )
    return list(coalesce(fitting).values())


def _fitting(deliveries: Sequence[ReceivedEvent]) -> Iterator[ReceivedEvent]:
    """Yield as many of one record's events as its ledger entry can hold; the rest come back."""
    if sum(map(_value_bytes, deliveries)) <= PENDING_BYTES_MAX:
        yield from deliveries
        return
    held: dict[str, Reading] = {}
    for delivery in deliveries:
        merged = dict(held)
        for name, reading in delivery.readings.items():
            merged[name] = max(reading, merged.get(name, reading))
        if sum(text_bytes(reading.value) for reading in merged.values()) > PENDING_BYTES_MAX:
            delivery.outcome = _NO_ROOM
            continue
        held = merged
        yield delivery


def _value_bytes(delivery: ReceivedEvent) -> int:
    # At most 4 bytes a character; the exact sum is taken only where this one is above the limit.
    return 4 * sum([len(reading.value) for reading in delivery.readings.values()])


def _judge(deliveries: Iterable[ReceivedEvent], writer: Writer, *, lease_seconds: float) -> None:
    for delivery in deliveries:
        if delivery.outcome is not None:
            continue
        assert delivery.record is not None
        leased = writer.leased_records.get(delivery.record)
        if leased is None:
            delivery.outcome = writer.left[delivery.record]
        else:
            delivery.entry = leased.entry
            marks = delivery.marks.refused
            delivery.outcome = outcome_of(
                delivery.readings, leased, lease_seconds=lease_seconds, marks=marks
            )


def _mark(delivery: ReceivedEvent, now: int) -> None:
    """Note on an event that comes back what this time came to."""
    outcome = delivery.outcome
    if not isinstance(outcome, Retryable) or not (outcome.refused or outcome.missing):
        return
    refused = {**delivery.marks.refused, **outcome.refused}
    since = delivery.marks.missing_since
    if outcome.missing and (since is None or outcome.anew):
        since = now
    delivery.marked = Marks(refused, since)


def _give_up_exhausted(parcel: OpenedMessage) -> None:
    if parcel.tries + 1 < TRIES_MAX:
        return
    for delivery in parcel.deliveries:
        if isinstance(delivery.outcome, Retryable):
            reason = delivery.outcome.reason
            message = f"still not settled after {TRIES_MAX} tries, the last time {reason}"
            delivery.outcome = Rejected("RETRIES_EXHAUSTED", message)


def _seconds_until(deadline: float, leaving: float) -> float:
    return max(0.0, deadline - leaving - asyncio.get_running_loop().time())


async def _dead_letter(parcels: Sequence[OpenedMessage], queue: Queue, deadline: float) -> None:
    """Put refused events into the dead-letter queue, each once; without its answer none is done."""
    letters: dict[str, DeadLetter] = {}
    bodies = []
    for parcel in parcels:
        for delivery in parcel.deliveries:
            if isinstance(delivery.outcome, Rejected):
                letter = _letter(parcel, delivery, delivery.outcome)
                # Two deliveries of one event differ in nothing but when they came.
                said = (delivery.record, delivery.source, delivery.event_id, delivery.readings)
                name = repr(said) if delivery.record else letter.body
                letters.setdefault(name, letter)
                bodies.append((name, delivery))
    seconds = _seconds_until(deadline, _LEFT_BY_LETTERS)
    given = tuple(letters.values())
    confirmed = await queue.dead_letter(given, seconds=seconds) if letters else frozenset()
    sent = {name for position, name in enumerate(letters) if position in confirmed}
    for name, delivery in bodies:
        if name not in sent:
            delivery.outcome = _UNCONFIRMED


def _letter(parcel: OpenedMessage, delivery: ReceivedEvent, rejected: Rejected) -> DeadLetter:
    if parcel.envelope is None:
        return DeadLetter(parcel.received.body, "", rejected)
    # What HubSpot refused is tried again when the letter is redriven.
    (body,) = repack(parcel.envelope, [afresh(parcel.wire(delivery))], tries=0)
    return DeadLetter(body, parcel.envelope.account, rejected)


async def _send_back(
    parcels: Sequence[OpenedMessage], queue: Queue, random: Random, deadline: float
) -> list[str]:
    """Send open events back, in new messages where others of their message are settled.

    Where more is known of an event than its message says, it goes into a new message, too.

    Returns the ids of the messages that are not done.
    """
    returned: dict[str, tuple[str, int]] = {}
    resends: list[tuple[OpenedMessage, Resend]] = []
    for parcel in parcels:
        still_open = [d for d in parcel.deliveries if isinstance(d.outcome, Retryable)]
        if not still_open:
            continue
        delay = min(_delay(parcel, d.outcome, random) for d in still_open)
        for delivery in still_open:
            delivery.tries, delivery.again_in_seconds = parcel.tries, delay
        as_it_was = all(delivery.marked is None for delivery in still_open)
        if parcel.envelope is None or (as_it_was and len(still_open) == len(parcel.deliveries)):
            returned[parcel.received.message_id] = (parcel.received.receipt_handle, delay)
            continue
        left = [parcel.wire_again(delivery) for delivery in still_open]
        resends += [
            (parcel, Resend(body, parcel.envelope.account, delay))
            for body in repack(parcel.envelope, left, tries=parcel.tries + 1)
        ]
    seconds = _seconds_until(deadline, _LEFT_BY_RESENDS)
    given = [resend for _, resend in resends]
    confirmed = await queue.resend(given, seconds=seconds) if resends else ()
    for position, (parcel, resend) in enumerate(resends):
        if position not in confirmed:
            message = parcel.received
            returned[message.message_id] = (message.receipt_handle, resend.delay_seconds)
    if returned:
        seconds = _seconds_until(deadline, _LEFT_BY_POSTPONING)
        await queue.postpone(dict(returned.values()), seconds=seconds)
    return list(returned)


def _delay(parcel: OpenedMessage, why: Outcome | None, random: Random) -> int:
    assert isinstance(why, Retryable)
    seconds = backoff_seconds(parcel.tries, luck=random.random(), at_least=why.at_least)
    # Rather a moment too early than too late: what is left of a lease then is waited for.
    return seconds if why.at_most is None else max(1, min(seconds, int(why.at_most)))
