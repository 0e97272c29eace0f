"""An event has one canonical form, and travels in it unchanged."""

import json
from contextlib import suppress
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import SchemaValidator

from hubsync.core.event import encode_event, parse_events
from hubsync.core.json_codec import parse
from hubsync.core.limits import MESSAGE_BYTES_MAX
from hubsync.core.message import encode_events, pack, parse_message
from hubsync.core.property_values import CANONICAL, canonical_value
from hubsync.errors import InvalidEvents, NotJson
from tests.builders import NO_RULES
from tests.strategies import JSON, LAW, VALUES, raw_events

CANONICAL_VALUES = SchemaValidator(CANONICAL)


def taken(body):
    """The events of a body and no faults, or its faults and no events."""
    try:
        return parse_events(body, NO_RULES), []
    except InvalidEvents as error:
        return [], error.faults


def plain(value):
    """Text by which values of JSON can be compared, 1 and 1.0 and true being three."""
    return json.dumps(value, default=repr)


HEAD = {
    "account": "main",
    "source": "changes",
    "receivedAt": "2026-11-21T12:00:00Z",
    "requestId": "r-1",
}


@LAW
@given(raw_events())
def test_a_canonical_event_parses_to_itself(wire):
    (event,) = parse_events(wire, NO_RULES)
    assert parse_events(encode_event(event), NO_RULES) == [event]


@LAW
@given(st.lists(raw_events(), max_size=5))
def test_events_arrive_as_they_were_packed(events):
    parsed = parse_events(events, NO_RULES)
    bodies = list(pack(encode_events(parsed), head=HEAD))
    contents = [parse_message(body, NO_RULES) for body in bodies]
    assert [delivered.event for part in contents for delivered in part.events] == parsed
    assert all(len(body.encode()) <= MESSAGE_BYTES_MAX for body in bodies)


@LAW
@given(VALUES)
def test_a_canonical_value_is_canonical(value):
    text = canonical_value(value)
    assert canonical_value(text) == text
    assert CANONICAL_VALUES.isinstance_python(text)


@LAW
@given(JSON)
def test_any_json_is_either_events_or_faults(body):
    events, faults = taken(body)
    assert faults or len(events) == (len(body) if isinstance(body, list) else 1)


@LAW
@given(
    raw_events(), st.sampled_from(["eventId", "occurredAt", "id", "properties", "sequence"]), JSON
)
def test_any_json_in_any_field_is_an_event_or_a_fault_there(wire, field, value):
    events, faults = taken(wire | {field: value})
    assert bool(events) != bool(faults)
    assert all(pointer.startswith(f"/{field}") for pointer, _ in faults)
    assert [parse_events(encode_event(event), NO_RULES) for event in events] == [
        [event] for event in events
    ]


@LAW
@given(JSON.map(json.dumps) | st.text())
def test_any_text_is_a_message_or_none(body):
    assert parse_message(body, NO_RULES) is None


@LAW
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_json_or_refused(body):
    with suppress(NotJson):
        assert plain(parse(body)) == plain(json.loads(body, parse_float=Decimal))
