import json
import re
from itertools import batched

import pytest

from hubsync.core.limits import EVENT_BYTES_MAX, MESSAGE_BYTES_MAX, VALUE_CHARACTERS_MAX
from hubsync.core.message import (
    Contents,
    Marks,
    afresh,
    encode_events,
    marked,
    pack,
    parse_message,
    repack,
)
from hubsync.core.property_values import CONTROL
from hubsync.errors import Fault, InvalidEvents
from tests.builders import NO_RULES, NOON, a_message, an_event, raw_event

HEAD = {
    "account": "main",
    "source": "changes",
    "receivedAt": "2026-11-21T12:00:00Z",
    "requestId": "r-1",
}
# As text of their own, since the characters themselves are hard to see.
FORBIDDEN_BY_SQS = "\ufffe\uffff"
# Documented: SendMessage takes these characters and no others.
TAKEN_BY_SQS = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
CHARACTERS = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]


def opened(body) -> Contents:
    contents = parse_message(body, NO_RULES)
    assert contents is not None
    return contents


def texts(*lengths):
    """Encoded events of these lengths."""
    return [b'"%s"' % (b"x" * (length - 2)) for length in lengths]


def test_events_are_packed_in_order_with_the_envelope():
    (body,) = pack(encode_events([an_event(), an_event(eventId="e-2")]), head=HEAD)
    message = json.loads(body)
    assert message | {"events": None} == {"v": 1, "tries": 0, "events": None, **HEAD}
    assert [event["eventId"] for event in message["events"]] == ["e-1", "e-2"]


def test_no_events_make_no_message():
    assert list(pack([], head=HEAD)) == []


def test_messages_are_filled_up_to_64_kb_and_keep_the_order():
    events = texts(*[10_000] * 20)
    bodies = list(pack(events, head=HEAD))
    assert [len(json.loads(body)["events"]) for body in bodies] == [6, 6, 6, 2]
    assert all(len(body.encode()) <= MESSAGE_BYTES_MAX for body in bodies)
    assert [e for body in bodies for e in json.loads(body)["events"]] == [*map(json.loads, events)]


def test_an_event_too_large_for_64_kb_gets_a_message_of_its_own():
    bodies = list(pack(texts(100, MESSAGE_BYTES_MAX, 100), head=HEAD))
    assert [len(json.loads(body)["events"]) for body in bodies] == [1, 1, 1]


def test_sizes_are_bytes_as_sqs_counts_them():
    event = json.dumps("ü" * 15_000, ensure_ascii=False).encode()
    bodies = list(pack([event, event, event], head=HEAD))
    assert [len(json.loads(body)["events"]) for body in bodies] == [2, 1]


def test_a_size_of_exactly_64_kb_is_not_exceeded():
    overhead = len(next(pack(texts(2), head=HEAD)).encode()) - 2
    for spare in (-1, 0, 1, 2):
        half = (MESSAGE_BYTES_MAX - overhead) // 2 + spare
        assert all(
            len(body.encode()) <= MESSAGE_BYTES_MAX for body in pack(texts(half, half), head=HEAD)
        )


def test_an_event_may_have_240_kb_and_no_more():
    text = "\u754c" * VALUE_CHARACTERS_MAX  # Of three bytes each.
    room = EVENT_BYTES_MAX - len(encode_events([an_event(properties={"a": text, "b": ""})])[0])
    fits = an_event(properties={"a": text, "b": "x" * room})
    assert encode_events([fits])
    above = an_event(properties={"a": text, "b": "x" * (room + 1)})
    with pytest.raises(InvalidEvents) as caught:
        encode_events([fits, above])
    size = EVENT_BYTES_MAX + 1
    complaint = f"has {size} bytes in its message; the limit is {EVENT_BYTES_MAX}"
    assert caught.value.faults == [Fault("/1", complaint)]


def test_the_two_characters_sqs_refuses_travel_as_escapes():
    event = an_event(properties={"notes": FORBIDDEN_BY_SQS})
    (body,) = pack(encode_events([event]), head=HEAD)
    assert not set(FORBIDDEN_BY_SQS) & set(body)
    (delivered,) = opened(body).events
    assert delivered.event == event


def test_a_message_is_read_as_it_was_packed():
    event = an_event()
    (body,) = pack(encode_events([event]), head=HEAD)
    contents = opened(body)
    assert (contents.envelope.account, contents.envelope.source) == ("main", "changes")
    assert (contents.envelope.received_at, contents.envelope.tries) == (HEAD["receivedAt"], 0)
    assert [delivered.event for delivered in contents.events] == [event]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"v": 1}',
        '{"v": 1e99999999999999999999}',
        '{"v": ' + "9" * 5_000 + "}",
        "[" * 200_000,
        a_message(v=2),
        a_message(account=""),
        a_message(account=5),
        a_message(source=""),
        a_message(requestId=None),
        a_message(receivedAt="yesterday"),
        a_message(receivedAt="0001-01-01T00:00:00+10:00"),
        a_message(tries=-1),
        a_message(events={}),
        a_message(events=[5]),
        a_message(raw_event(properties={"a": "\ud800"})),
        a_message(raw_event(properties={"a": "\ud800"})).replace("\\ud", "\\uD"),
        a_message(account="\udfff"),
    ],
    ids=lambda body: body[:30],
)
def test_what_is_no_message_of_ours_is_none(body):
    assert parse_message(body, NO_RULES) is None


def test_a_message_from_before_tries_were_counted_has_none():
    body = json.loads(a_message(raw_event()))
    del body["tries"]
    assert opened(json.dumps(body)).envelope.tries == 0


def test_a_malformed_event_leaves_its_neighbours_alone():
    good, bad = raw_event(), raw_event(eventId="e-2", occurredAt="noon")
    first, second, third = opened(a_message(good, bad, good)).events
    assert (first.event, third.event) == (an_event(), an_event())
    assert (second.event, second.wire) == (None, bad)
    assert second.fault.startswith("/occurredAt must be RFC 3339")


def test_an_old_event_is_not_refused_for_lying_in_the_future():
    body = a_message(raw_event(occurredAt="9999-01-01T00:00:00Z"))
    assert opened(body).events[0].event is not None


def test_a_repacked_message_differs_in_its_events_and_tries_alone():
    events = [raw_event(eventId=f"e-{n}", properties={"a": "ü\ufffe"}) for n in range(3)]
    envelope = opened(a_message(*events, tries=4)).envelope
    (body,) = repack(envelope, events[1:], tries=5)
    assert json.loads(body) == json.loads(a_message(*events[1:], tries=5))


def test_every_character_that_a_value_may_hold_passes_sqs_and_arrives():
    for some in batched(CHARACTERS, 2**14, strict=False):
        value = "x" + CONTROL.sub("", "".join(some))
        event = an_event(properties={"notes": value})
        (body,) = pack(encode_events([event]), head=HEAD)
        assert TAKEN_BY_SQS.fullmatch(body)
        assert [delivered.event for delivered in opened(body).events] == [event]


@pytest.mark.parametrize("field", ["eventId", "id", "name", "value"])
def test_an_event_with_any_odd_character_is_refused_or_passes_sqs(field):
    for character in [*CHARACTERS[:256], *FORBIDDEN_BY_SQS]:
        name = f"n{character}" if field == "name" else "n"
        value = f"v{character}" if field == "value" else "v"
        fields = {field: f"x{character}"} if field in ("eventId", "id") else {}
        try:
            events = [an_event(**fields, idProperty="key", properties={name: value})]
        except InvalidEvents:
            continue
        assert all(map(TAKEN_BY_SQS.fullmatch, pack(encode_events(events), head=HEAD)))


def test_marks_travel_with_their_event():
    marks = Marks({"phone": "INVALID_PHONE"}, NOON)
    bare = raw_event(occurredAt="2026-11-21T12:00:00Z")
    contents = parse_message(a_message(marked(bare, marks), bare), NO_RULES)
    assert [each.marks for each in contents.events] == [marks, Marks()]
    assert marked(marked(bare, marks), Marks()) == bare


def test_marks_that_are_none_say_nothing():
    odd = raw_event(refused=["phone"], missingSince="yesterday"), raw_event(refused={"phone": 1})
    contents = parse_message(a_message(*odd), NO_RULES)
    assert [each.marks for each in contents.events] == [Marks(), Marks()]


def test_another_life_forgets_what_hubspot_refused_and_nothing_that_is_gone():
    refused = {"phone": "INVALID_PHONE", "city": "INVALID_VALUE"}
    event = raw_event(refused=refused, missingSince="2026-11-21T12:00:00Z")
    assert afresh(event) == raw_event(refused={"city": "INVALID_VALUE"})
