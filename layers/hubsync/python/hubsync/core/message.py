"""The queue's messages: the change events of one request, in order, packed.

Lambda hands a consumer at most 6 MB, of which each message costs some 0.8 KB before its body
(documented), so packing is what makes windows of 10,000 events possible.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import repeat
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from hubsync.core.compact import compact
from hubsync.core.event import (
    ChangeEvent,
    Rules,
    encode_event,
    format_timestamp,
    parse_events,
    parse_timestamp,
)
from hubsync.core.limits import EVENT_BYTES_MAX, MESSAGE_BYTES_MAX
from hubsync.errors import Fault, InvalidEvents

FORMAT: Final = 1
_MARKS: Final = frozenset({"refused", "missingSince"})
_SURROGATE: Final = re.compile(r"\\u[dD]")


INVALID_VALUE: Final = "INVALID_VALUE"  # The reason of what was refused at the door.
NO_MARKS: Final[Mapping[str, str]] = MappingProxyType({})


def _moment(text: str) -> str:
    parse_timestamp(text)
    return text


class Envelope(BaseModel):
    """What a message says about its events."""

    model_config = ConfigDict(
        frozen=True, strict=True, alias_generator=to_camel, hide_input_in_errors=True
    )

    v: int = Field(ge=FORMAT, le=FORMAT)
    account: str = Field(min_length=1)
    source: str = Field(min_length=1)
    received_at: Annotated[str, AfterValidator(_moment)]
    request_id: str
    tries: int = Field(default=0, ge=0)


class Marks(NamedTuple):
    """What is known of an event from earlier tries, beside what upstream said.

    `refused` has a code for each property that was refused already, at the door or by HubSpot.
    `missing_since` is when HubSpot first lacked what the event waits for, in microseconds since
    1970.
    """

    refused: Mapping[str, str] = NO_MARKS
    missing_since: int | None = None


UNMARKED: Final = Marks()


class Delivered(NamedTuple):
    """An event of a message: as it stands there, and what it means; `event` is None if nothing."""

    wire: dict[str, Any]
    event: ChangeEvent | None
    fault: str = ""
    marks: Marks = UNMARKED


class Contents(NamedTuple):
    """A message's content, parsed."""

    envelope: Envelope
    events: tuple[Delivered, ...]


def encode_events(
    events: Iterable[ChangeEvent], marks: Iterable[Marks] = repeat(UNMARKED)
) -> list[bytes]:
    """Return each event as it stands in its message; refuse those above the limit."""
    encoded = [
        _dumps(marked(encode_event(event), own))
        for event, own in zip(events, marks, strict=False)  # The marks may be endless.
    ]
    faults = [
        Fault(
            f"/{index}",
            f"has {size} bytes in its message; the limit is {EVENT_BYTES_MAX}",
        )
        for index, each in enumerate(encoded)
        if (size := len(each)) > EVENT_BYTES_MAX
    ]
    if faults:
        raise InvalidEvents(faults)
    return encoded


def pack(events: Sequence[bytes], *, head: dict[str, Any]) -> Iterator[str]:
    """Yield bodies with the events, in order: up to 64 KB each, or one larger event alone."""
    start = _dumps({"v": FORMAT, "tries": 0, **head})[:-1] + b',"events":['
    packed: list[bytes] = []
    size = empty = len(start) + len(b"]}")
    for event in events:
        length = len(event) + len(b",")
        if packed and size + length > MESSAGE_BYTES_MAX:
            yield (start + b",".join(packed) + b"]}").decode()
            packed, size = [], empty
        packed.append(event)
        size += length
    if packed:
        yield (start + b",".join(packed) + b"]}").decode()


def repack(envelope: Envelope, events: Iterable[dict[str, Any]], *, tries: int) -> Iterator[str]:
    """Yield message bodies with some of a message's events, unchanged."""
    head = envelope.model_dump(by_alias=True) | {"tries": tries}
    return pack([_dumps(event) for event in events], head=head)


def marked(wire: dict[str, Any], marks: Marks) -> dict[str, Any]:
    """Return an event as it stands in a message, with these marks and no others."""
    if marks is UNMARKED and not wire.keys() & _MARKS:
        return wire
    bare = {name: value for name, value in wire.items() if name not in _MARKS}
    if marks.refused:
        bare["refused"] = dict(marks.refused)
    if marks.missing_since is not None:
        bare["missingSince"] = format_timestamp(marks.missing_since)
    return bare


def afresh(wire: dict[str, Any]) -> dict[str, Any]:
    """Return an event as it begins another life: all that HubSpot refused of it is tried again.

    A value that was refused at the door is not in the event, so that mark stays.
    """
    refused = _marks(wire).refused.items()
    return marked(wire, Marks({name: code for name, code in refused if code == INVALID_VALUE}))


def _marks(wire: Mapping[str, Any]) -> Marks:
    """Return an event's marks; one that is not in the format says nothing."""
    if not wire.keys() & _MARKS:
        return UNMARKED
    refused, since = wire.get("refused"), wire.get("missingSince")
    codes = refused.items() if isinstance(refused, dict) else ()
    try:
        missing_since = parse_timestamp(since) if isinstance(since, str) else None
    except ValueError:
        missing_since = None
    return Marks({name: code for name, code in codes if isinstance(code, str)}, missing_since)


def parse_message(body: str, rules: Rules) -> Contents | None:
    """Return what a message holds; None if it is no message of ours. Its events may be invalid."""
    try:
        value = _loads(body)
        if _SURROGATE.search(body):
            _dumps(value)  # Half a pair would pass no wire that follows; it raises here.
        envelope = Envelope.model_validate(value)
    except (ValidationError, ValueError, InvalidOperation, RecursionError):
        return None  # InvalidOperation is for an exponent that no Decimal holds.
    events = value.get("events")
    if not isinstance(events, list) or not all(isinstance(each, dict) for each in events):
        return None
    return Contents(envelope, tuple(_delivered(events, rules._replace(empty_updates=True))))


def raw_events(body: str) -> list[dict[str, Any]]:
    """Return the events of a message of ours as they stand there, in order."""
    return list(_loads(body)["events"])


def _loads(body: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    return json.loads(body, parse_float=Decimal)


def _delivered(raw_events: list[dict[str, Any]], rules: Rules) -> list[Delivered]:
    alone = len(raw_events) == 1
    try:
        events = parse_events(raw_events[0] if alone else [*raw_events], rules)
    except InvalidEvents as error:
        if not alone:  # Together is quicker; alone tells which.
            return [delivered for wire in raw_events for delivered in _delivered([wire], rules)]
        fault = error.faults[0]
        return [Delivered(raw_events[0], None, f"{fault.pointer} {fault.message}")]
    return [_valid(wire, event) for wire, event in zip(raw_events, events, strict=True)]


def _valid(wire: dict[str, Any], event: ChangeEvent) -> Delivered:
    marks = _marks(wire)
    if event.operation == "update" and not event.properties and not marks.refused:
        return Delivered(wire, None, "/properties is empty, so there is nothing to update")
    return Delivered(wire, event, marks=marks)


def _dumps(value: object) -> bytes:
    # SQS refuses U+FFFE and U+FFFF (documented); as JSON escapes they pass. Control characters are
    # escaped already.
    return compact(value).replace(b"\xef\xbf\xbe", rb"\ufffe").replace(b"\xef\xbf\xbf", rb"\uffff")
