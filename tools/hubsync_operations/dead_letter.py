"""Dead letters as an operator sees them: event by event, chosen by filters, and planned anew.

A dead letter that the consumer wrote holds one event and says why. A message that SQS moved by
itself, since its consumer crashed too often, holds all its events and says nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

from hubsync.core.change import RecordKey, record_key
from hubsync.core.event import ChangeEvent, Rules, parse_timestamp
from hubsync.core.kept_payload import INVALID_PAYLOAD, Kept, read
from hubsync.core.message import INVALID_VALUE, Envelope, afresh, parse_message, repack

RECEIVES_EXHAUSTED: Final = "RECEIVES_EXHAUSTED"
OWN_REASONS: Final = frozenset(
    {
        "NOT_FOUND",
        "UNVOUCHED",
        "NO_ANSWER",
        "ARCHIVE_OF_MERGED",
        "RETRIES_EXHAUSTED",
        INVALID_VALUE,
        INVALID_PAYLOAD,
        RECEIVES_EXHAUSTED,
    }
    | {"MALFORMED_EVENT", "MALFORMED_MESSAGE"}
)
_GIVEN_UP_BY_SQS: Final = "SQS moved the message: its consumer ended without an answer each time"


@dataclass(frozen=True, slots=True)
class Held:
    """A message of the dead-letter queue, in hand. `sent_at` is in microseconds since 1970."""

    message_id: str
    receipt_handle: str
    body: str
    sent_at: int
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Letter:
    """One event given up, or one payload kept, and why. Times are in microseconds since 1970.

    `rejected_at` is None where SQS moved the message. Of what is no message or no event of ours,
    some is unknown; `wire` is the event as it stands in the message, or the message's own text. Two
    letters are never equal: even the same event twice is given up twice.
    """

    message_id: str
    sent_at: int
    code: str
    reason: str
    properties: tuple[str, ...]
    correlation_id: str | None
    rejected_at: int | None
    wire: dict[str, Any] | str
    account: str | None = None
    source: str | None = None
    received_at: int | None = None
    event: ChangeEvent | None = None
    request_id: str | None = None
    kept: Kept | None = None

    @property
    def at(self) -> int:
        """Return when it was given up; where that is not known, when it was first sent."""
        return self.sent_at if self.rejected_at is None else self.rejected_at

    @property
    def event_id(self) -> str | None:
        found = self.wire.get("eventId") if isinstance(self.wire, dict) else None
        return found if isinstance(found, str) else None

    @property
    def event_ids(self) -> frozenset[str]:
        """Return the ids of the event, or of those that could not be made of a payload."""
        if self.kept is not None:
            return self.kept.event_ids
        return frozenset() if self.event_id is None else frozenset({self.event_id})

    @property
    def is_gone(self) -> bool:
        """Whether another life would end the same way: what was refused is not in the letter."""
        return self.code == INVALID_VALUE or (self.kept is not None and self.kept.body is None)

    @property
    def record(self) -> RecordKey | None:
        if self.event is None or self.account is None:
            return None
        return record_key(self.account, self.event)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant; what is not said is any. Times are in microseconds since 1970."""

    reasons: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    since: int | None = None
    until: int | None = None

    @property
    def takes_all(self) -> bool:
        return self == Filter()

    def takes(self, letter: Letter) -> bool:
        return (
            (not self.reasons or letter.code in self.reasons)
            and (not self.sources or letter.source in self.sources)
            and (not self.events or not self.events.isdisjoint(letter.event_ids))
            and (not self.requests or letter.request_id in self.requests)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with its letters; one that is not ours has no envelope and is one letter."""

    held: Held
    envelope: Envelope | None
    letters: tuple[Letter, ...]


def opened(held: Held) -> Opened:
    """Open a message of the dead-letter queue; none makes this raise."""
    contents = parse_message(held.body, Rules())
    if contents is None and (kept := read(held.body)) is not None:
        return Opened(held, kept.envelope, (_of_payload(held, kept),))
    if contents is None:
        return Opened(held, None, (_letter(held, wire=held.body),))
    envelope = contents.envelope
    letters = tuple(
        _letter(
            held,
            wire=each.wire,
            account=envelope.account,
            source=envelope.source,
            received_at=parse_timestamp(envelope.received_at),
            event=each.event,
            request_id=envelope.request_id,
        )
        for each in contents.events
    )
    return Opened(held, envelope, letters)


def _of_payload(held: Held, kept: Kept) -> Letter:
    said = {"reason_code": INVALID_PAYLOAD, "reason_message": kept.reason}
    return replace(
        _letter(
            replace(held, attributes=said | dict(held.attributes)),
            wire=held.body,
            account=kept.envelope.account,
            source=kept.envelope.source,
            received_at=parse_timestamp(kept.envelope.received_at),
            request_id=kept.envelope.request_id,
        ),
        kept=kept,
    )


def _letter(
    held: Held,
    *,
    wire: dict[str, Any] | str,
    account: str | None = None,
    source: str | None = None,
    received_at: int | None = None,
    event: ChangeEvent | None = None,
    request_id: str | None = None,
) -> Letter:
    said = held.attributes
    return Letter(
        message_id=held.message_id,
        sent_at=held.sent_at,
        code=said.get("reason_code", RECEIVES_EXHAUSTED),
        reason=said.get("reason_message", "" if "reason_code" in said else _GIVEN_UP_BY_SQS),
        properties=tuple(filter(None, said.get("refused_properties", "").split(","))),
        correlation_id=said.get("correlation_id"),
        rejected_at=_moment(said.get("rejected_at")),
        wire=wire,
        account=account,
        source=source,
        received_at=received_at,
        event=event,
        request_id=request_id,
    )


def _moment(text: str | None) -> int | None:
    try:
        return parse_timestamp(text) if text else None
    except ValueError:
        return None  # Somebody else's attribute: it says nothing.


@dataclass(frozen=True, slots=True)
class Moves:
    """What redriving some of a message's events sends; then, and only then, it may be deleted.

    `again` goes to the change queue, `back` to the dead-letter queue: the events not chosen, and
    what of a payload failed once more, for that `reason`.
    """

    again: tuple[str, ...]
    back: tuple[str, ...]
    reason: str | None = None


def moves(message: Opened, chosen: Sequence[Letter]) -> Moves:
    """Return what gives the chosen letters of a message another life, and keeps the others."""
    envelope = message.envelope
    if envelope is None:
        return Moves((message.held.body,), ())
    rest = [letter for letter in message.letters if letter not in chosen]
    # Another life has its tries before it; what is put back is as it was.
    again = tuple(repack(envelope, map(afresh, _wires(chosen)), tries=0))
    return Moves(again, tuple(repack(envelope, _wires(rest), tries=envelope.tries)))


def identity(message: Opened, letter: Letter) -> bytes:
    """Return a digest of the dead letter that this one becomes if it is refused once more."""
    body = message.held.body
    if message.envelope is not None and letter.kept is None:
        (body,) = repack(message.envelope, map(afresh, _wires([letter])), tries=0)
    return digest(body)


def digest(body: str) -> bytes:
    return blake2b(body.encode(), digest_size=16).digest()


def _wires(letters: Sequence[Letter]) -> Iterator[dict[str, Any]]:
    for letter in letters:
        assert isinstance(letter.wire, dict)
        yield letter.wire
