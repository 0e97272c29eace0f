"""Dead letters opened, chosen, and planned to be sent again."""

import json

import pytest

from hubsync_operations.dead_letter import (
    RECEIVES_EXHAUSTED,
    Filter,
    Held,
    Moves,
    identity,
    moves,
    opened,
)
from tests.builders import ADA, NOON, a_message, raw_event

REFUSED = {
    "reason_code": "INVALID_INTEGER",
    "reason_message": "HubSpot refused seats",
    "refused_properties": "seats,size",
    "correlation_id": "c-1",
    "rejected_at": "2026-11-21T12:00:05Z",
}
SENT_AT = NOON - 60_000_000
FIVE_SECONDS = 5_000_000


def a_held(body=None, **attributes):
    return Held("m-1", "handle", body or a_message(raw_event()), SENT_AT, attributes)


def packed(count=3, **head):
    events = [raw_event(eventId=f"e-{n}", id=f"{n}@example.com") for n in range(count)]
    return opened(a_held(a_message(*events, **head)))


def content(body):
    message = json.loads(body)
    return message["tries"], [event["eventId"] for event in message["events"]]


def test_a_dead_letter_of_the_consumer_says_why():
    (letter,) = opened(a_held(**REFUSED)).letters
    assert (letter.event_id, letter.source, letter.record) == ("e-1", "changes", ADA)
    assert (letter.code, letter.properties) == ("INVALID_INTEGER", ("seats", "size"))
    assert (letter.reason, letter.correlation_id) == ("HubSpot refused seats", "c-1")
    assert (letter.rejected_at, letter.at) == (NOON + FIVE_SECONDS, NOON + FIVE_SECONDS)
    assert letter.wire == raw_event()


def test_a_message_that_sqs_moved_is_a_letter_for_each_event():
    letters = packed().letters
    assert [letter.event_id for letter in letters] == ["e-0", "e-1", "e-2"]
    assert {letter.code for letter in letters} == {RECEIVES_EXHAUSTED}
    assert {(letter.rejected_at, letter.at) for letter in letters} == {(None, SENT_AT)}


def test_an_event_that_is_none_is_told_as_it_stands():
    broken = raw_event(eventId="e-2", id=None)
    _, letter = opened(a_held(a_message(raw_event(), broken))).letters
    assert (letter.event_id, letter.event, letter.record) == ("e-2", None, None)
    assert letter.wire == broken


@pytest.mark.parametrize("body", ["no JSON", "[]", '{"v": 2}'])
def test_what_is_no_message_is_one_letter_without_an_event(body):
    message = opened(a_held(body, reason_code="MALFORMED_MESSAGE"))
    (letter,) = message.letters
    assert (letter.code, letter.event_id, letter.wire) == ("MALFORMED_MESSAGE", None, body)
    assert moves(message, message.letters) == Moves((body,), ())


def test_an_attribute_that_is_no_moment_says_nothing():
    (letter,) = opened(a_held(rejected_at="yesterday")).letters
    assert (letter.rejected_at, letter.at) == (None, SENT_AT)


AT = NOON + FIVE_SECONDS


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Filter(), True),
        (Filter(reasons=frozenset({"INVALID_INTEGER", "X"})), True),
        (Filter(reasons=frozenset({"X"})), False),
        (Filter(sources=frozenset({"changes"})), True),
        (Filter(sources=frozenset({"crm"})), False),
        (Filter(events=frozenset({"e-1"})), True),
        (Filter(events=frozenset({"e-2"})), False),
        (Filter(since=AT), True),
        (Filter(since=AT + 1), False),
        (Filter(until=AT + 1), True),
        (Filter(until=AT), False),
        (Filter(reasons=frozenset({"INVALID_INTEGER"}), until=AT), False),
    ],
)
def test_a_filter_takes_what_meets_all_that_it_says(wanted, takes):
    (letter,) = opened(a_held(**REFUSED)).letters
    assert (wanted.takes(letter), wanted.takes_all) == (takes, wanted == Filter())


def test_a_whole_message_goes_back_with_its_tries_before_it():
    message = packed(tries=389)
    planned = moves(message, message.letters)
    assert [content(body) for body in planned.again] == [(0, ["e-0", "e-1", "e-2"])]
    assert planned.back == ()


def test_of_a_packed_message_what_is_not_chosen_is_kept():
    message = packed(tries=389)
    planned = moves(message, [message.letters[1]])
    assert [content(body) for body in planned.again] == [(0, ["e-1"])]
    assert [content(body) for body in planned.back] == [(389, ["e-0", "e-2"])]


def test_every_event_of_a_message_is_sent_or_kept_even_twins():
    message = opened(a_held(a_message(raw_event(), raw_event(), raw_event(eventId="e-2"))))
    planned = moves(message, [message.letters[0]])
    sent = [content(body)[1] for body in (*planned.again, *planned.back)]
    assert sent == [["e-1"], ["e-1", "e-2"]]


def test_an_event_that_is_refused_again_is_known_by_its_identity():
    message = packed(tries=389)
    before = identity(message, message.letters[1])
    (body,) = moves(message, [message.letters[1]]).again
    again = opened(a_held(body, **REFUSED))
    assert identity(again, again.letters[0]) == before
    assert identity(message, message.letters[2]) != before
