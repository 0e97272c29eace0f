"""Whatever comes in, the answer is one that docs/openapi.json promises, and none is our fault."""

import json
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.ingest_client import Context
from tests.openapi import broken_promises
from tests.strategies import JSON, LAW, TEXT, raw_events

FUZZ = settings(LAW, max_examples=100)
CPU_SECONDS_MAX = 0.5  # None of these bodies is large; a busy machine may take its time.
ACCEPTED = {200, 202}
REFUSED = {400, 401, 404, 405, 413, 415, 422}

EVENTS = raw_events() | st.lists(raw_events(), max_size=3)
ENVELOPES = st.fixed_dictionaries(
    {"specversion": st.just("1.0"), "id": TEXT, "source": TEXT, "type": TEXT, "data": raw_events()},
    optional={"time": TEXT, "ext": JSON, "subject": JSON, "datacontenttype": TEXT},
)
VALUES = EVENTS | ENVELOPES | st.lists(ENVELOPES, max_size=2) | JSON
MEDIA = st.sampled_from(
    [
        "application/json",
        "application/cloudevents+json",
        "application/cloudevents-batch+json; charset=UTF-8",
        "application/x+json;charset=latin-1",
        "text/plain",
    ]
)
ATTRIBUTES = ["specversion", "id", "source", "type", "time", "ext", "", "data", "my-ext"]
NAMES = st.sampled_from([f"ce-{name}" for name in ATTRIBUTES]) | st.sampled_from(
    ["content-encoding", "webhook-id", "webhook-timestamp", "webhook-request-origin", "cookie"]
)
SAID = st.sampled_from(["1.0", "2026-11-21T12:00:00Z", "identity", "%", "%C0%A0", '"', "v1,x", "0"])
HEADERS = st.builds(
    lambda media, others: others | {"content-type": media},
    MEDIA | TEXT,
    st.dictionaries(NAMES | TEXT.map(str.lower), SAID | TEXT, max_size=6),
)
METHODS = st.sampled_from(["POST"] * 5 + ["OPTIONS", "GET", "HEAD", "PUT", "TRACE"])
SOURCES = st.sampled_from(["changes"] * 9 + ["nobody", "", "a/b", "..", "changes%00"])


@st.composite
def bodies(draw):
    """JSON, and what becomes of it when bytes are changed, lost or put in."""
    body = draw(VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=64))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        at = draw(st.integers(0, len(body)))
        until = draw(st.integers(at, min(at + 3, len(body))))
        body = body[:at] + draw(st.binary(max_size=3)) + body[until:]
    return body


def checked(door, event, *, method="POST"):
    """Invoke the function; return the status."""
    start = time.process_time()
    result = door.handle(event, Context())
    assert time.process_time() - start < CPU_SECONDS_MAX
    body = json.loads(result["body"]) if result["body"] else None
    status = result["statusCode"]
    assert status in ACCEPTED | REFUSED
    assert broken_promises(method, status, result["headers"], body) == []
    return status


@FUZZ
@given(bodies(), HEADERS, METHODS, SOURCES)
def test_every_request_is_accepted_or_refused(door, body, headers, method, source):
    event = door.event(body, headers=headers, method=method, source=source)
    checked(door, event, method=method)


@FUZZ
@given(bodies(), HEADERS)
def test_without_a_signature_none_is_accepted(door, body, headers):
    event = door.event(body, headers=headers, signed=False)
    assert checked(door, event) in REFUSED


@st.composite
def oddities(draw):
    """Ways to spoil a gateway's event: a field is lost, or holds anything."""
    fields = ["version", "routeKey", "rawPath", "rawQueryString", "headers", "body"]
    fields += ["requestContext", "isBase64Encoded", "pathParameters", "cookies"]
    inner = ["http", "requestId", "stage", "domainName", "time", "accountId"]
    lost = draw(st.sets(st.sampled_from(fields + inner), max_size=3))
    odd = draw(st.dictionaries(st.sampled_from(fields + inner), JSON, max_size=2))
    return lost, odd


@FUZZ
@given(EVENTS, oddities())
def test_an_event_that_lacks_something_or_is_odd_is_answered(door, body, spoiled):
    lost, odd = spoiled
    event = door.event(json.dumps(body).encode())
    for part in (event["requestContext"], event):
        part |= {name: value for name, value in odd.items() if name in part}
        for name in lost:
            part.pop(name, None)
    checked(door, event)
