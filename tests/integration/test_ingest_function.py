"""Requests through the handler of the ingest function: what each gets, and what it costs.

Bodies are signed as they should be, for nothing else gets as far as the parser.
"""

import json
import time

import pytest

from hubsync.core.limits import BODY_BYTES_MAX
from tests.builders import raw_event
from tests.integration.ingest_client import JSON, Context

CPU_SECONDS_MAX = 0.050
CONTEXT = Context()
ROUNDS_MAX = 5  # a busy machine may need some


def filled(opening, unit, closing, *, size=BODY_BYTES_MAX):
    """Repeat a unit, comma between, up to a size."""
    count = (size - len(opening) - len(closing) + 1) // (len(unit) + 1)
    return opening + b",".join([unit] * count) + closing


def many_keys(count):
    return b"{%s}" % b",".join(b'"%x":1' % number for number in range(count))


def many_events(properties, *, size):
    event = json.dumps(raw_event(properties={"x": 0})).encode().replace(b'{"x": 0}', properties)
    return filled(b"[", event, b"]", size=size)


NESTED = b"[" * 28 + b"]" * 28
BOMBS = {
    "1 MiB of opening brackets": b"[" * BODY_BYTES_MAX,
    "1 MiB of objects in objects": b'{"a":' * (BODY_BYTES_MAX // 5),
    "33 levels": b"[" * 33 + b"]" * 33,
    "empty objects": filled(b"[", b"{}", b"]"),
    "empty objects in one event": filled(b'{"a":[', b"{}", b"]}"),
    "empty objects in events within the limits": filled(
        b"[", filled(b'{"a":[', b"{}", b"]}", size=30_000), b"]"
    ),
    "arrays in arrays": filled(b"[", NESTED, b"]"),
    "arrays in arrays of one event": filled(b'{"a":[', NESTED, b"]}"),
    "small objects": filled(b'{"a":[', b'{"a":1}', b"]}"),
    "events that are no objects": filled(b"[", b"1", b"]"),
    "numbers": filled(b'{"a":[', b"1", b"]}"),
    "fractions": filled(b"[", b"1.5", b"]"),
    "fractions in one event": filled(b'{"a":[', b"1.5", b"]}"),
    "exponents": filled(b"[", b"1e999999999", b"]"),
    "strings": filled(b'{"a":[', b'""', b"]}"),
    "keys": many_keys(100_000),
    "commas": b"[" + b"," * (BODY_BYTES_MAX - 1),
    "spaces": b" " * BODY_BYTES_MAX,
    "lines, then a mistake": b"\n" * (BODY_BYTES_MAX - 2) + b"{]",
    "1 MiB of digits": b"1" * BODY_BYTES_MAX,
    "5,000 digits": b"[%s]" % (b"1" * 5000),
    "numbers of 999 digits": filled(b"[", b"1" * 999, b"]"),
    "an exponent beyond all bounds": b"1e99999999999999999999",
    "escapes that end in half a pair": b'["' + rb"\ud83d\ude80" * 87_000 + rb'\ud800"]',
    "half a pair": rb'{"a":"\ud800"}',
    "a string that is not closed": b'"' + b"a" * (BODY_BYTES_MAX - 1),
    "backslashes": b'"' + b"\\" * (BODY_BYTES_MAX - 1),
    "quotes": b'"' * BODY_BYTES_MAX,
    "a key twice": b'{"a":1,"a":1}',
    "a key twice among 9,000": many_keys(9000)[:-1] + b',"0":1}',
    "NaN": b'{"a":NaN}',
    "Infinity": b"[-Infinity]",
    "no UTF-8": b'{"a":"\xff"}',
    "no UTF-8 at the end of 1 MiB": b'{"a":"' + b"a" * (BODY_BYTES_MAX - 9) + b'\xff"}',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "UTF-16": "{}".encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "two values": b"{} {}",
    "nothing": b"",
}
INVALID = {
    "1,000 empty events": b"[%s]" % b",".join([b"{}"] * 1000),
    "1,000 events of 100 numbers": b"[%s]" % b",".join([filled(b"[", b"1", b"]", size=200)] * 1000),
    "events with 30 bad properties each": many_events(
        b"{%s}" % b",".join(b'"p%d":{}' % n for n in range(30)), size=200_000
    ),
    "1 MiB of escapes": b'"' + rb"\u0041" * 170_000 + b'"',
    "fractions within the limits of one event": filled(b'{"a":[', b"1.5", b"]}", size=39_000),
    "numbers beyond all bounds": json.dumps(raw_event(properties={"a": 0}))
    .replace(": 0", ": 1e999999999")
    .encode(),
    "a moment of 1 MiB": json.dumps(
        raw_event(occurredAt="2026-11-21T12:00:00." + "0" * 10**6)
    ).encode(),
    "an e-mail of 64 KB": json.dumps(raw_event(id="a@" + "\u00fc" * 65_000)).encode(),
    "an e-mail of 1 MiB": json.dumps(raw_event(id="\u00fc" * 170_000 + "@example.com")).encode(),
    "a property of 1 MiB": json.dumps(raw_event(properties={"a": "x" * 10**6})).encode(),
    "a name of 1 MiB": json.dumps(raw_event(properties={"x" * 10**6: 1})).encode(),
    "a list that joins to 1 MiB": json.dumps(
        raw_event(properties={"a": ["x" * 100] * 9000})
    ).encode(),
}


def cpu_seconds(door, event):
    """What answering costs, at its quickest: other processes only ever add to it."""
    best = float("inf")
    for _ in range(ROUNDS_MAX):
        start = time.process_time()
        door.handle(event, CONTEXT)
        best = min(best, time.process_time() - start)
        if best < CPU_SECONDS_MAX:
            break
    return best


@pytest.mark.parametrize(
    ("body", "status"),
    [(body, 400) for body in BOMBS.values()] + [(body, 422) for body in INVALID.values()],
    ids=[*BOMBS, *INVALID],
)
def test_a_hostile_body_is_refused_in_under_50_ms_of_cpu(door, body, status):
    assert len(body) <= BODY_BYTES_MAX
    event = door.event(body)
    answer = door.answer(event)
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert cpu_seconds(door, event) < CPU_SECONDS_MAX


def test_a_body_that_is_not_the_base64_it_is_said_to_be_is_refused(door):
    event = door.event(b"{}") | {"body": "{}", "isBase64Encoded": True}
    assert door.answer(event).status == 400


def test_a_header_sent_twice_is_one_that_says_both_and_fits_nothing(door):
    body = json.dumps(raw_event()).encode()
    signed = door.event(body)["headers"]
    for name, status in (
        ("content-type", 415),
        ("content-encoding", 415),
        ("webhook-timestamp", 401),
        ("webhook-id", 401),
    ):
        value = signed.get(name, "identity")
        event = door.event(body) | {"headers": signed | {name: f"{value},{value}"}}
        assert (name, door.answer(event).status) == (name, status)


def test_a_cloud_event_goes_all_the_way(door):
    door.bodies()  # What other tests left there.
    data = raw_event(eventId=None, occurredAt=None)
    attributes = {"specversion": "1.0", "id": "c-1", "source": "/shop", "type": "changed"}
    attributes["time"] = "2026-11-21T12:00:00Z"
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    envelope = attributes | {"data": data}
    for body, given in (
        (data, headers | JSON),
        (envelope, {"content-type": "application/cloudevents+json"}),
        ([envelope], {"content-type": "application/cloudevents-batch+json; charset=utf-8"}),
    ):
        assert door.post(json.dumps(body).encode(), headers=given).status == 202
    found = [event for message in door.messages() for event in message["events"]]
    assert [(event["eventId"], event["occurredAt"]) for event in found] == [
        ("c-1", "2026-11-21T12:00:00Z")
    ] * 3


def test_options_is_the_handshake_of_cloudevents_and_costs_no_signature(door):
    asked = {"webhook-request-origin": "upstream.example.com", "webhook-request-rate": "120"}
    event = door.event(b"", headers=asked, method="OPTIONS", signed=False)
    answer = door.answer(event, method="OPTIONS")
    assert (answer.status, answer.headers, answer.body) == (
        200,
        {"Allow": "POST", "WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "30000"},
        None,
    )


def test_options_of_an_unknown_source_is_404(door):
    asked = {"webhook-request-origin": "upstream.example.com"}
    event = door.event(b"", headers=asked, method="OPTIONS", source="nobody", signed=False)
    assert door.answer(event, method="OPTIONS").status == 404


@pytest.mark.parametrize(("source", "status"), [("changes", 200), ("nobody", 404)])
def test_head_says_whether_there_is_such_a_source_and_costs_no_signature(door, source, status):
    event = door.event(b"", method="HEAD", source=source, signed=False)
    assert door.answer(event, method="HEAD").status == status


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE"])
def test_another_method_is_refused_and_told_which_one_to_use(door, method):
    answer = door.post(b"", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("event", [{}, None, [], "x", {"Records": []}, {"requestContext": {}}])
def test_what_is_no_request_is_refused(door, event):
    assert door.answer(event).status == 400
