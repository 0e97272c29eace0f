"""The use case of ingest, with plain functions as its effects."""

import base64
import json
from random import Random

import pytest

from hubsync.core.kept_payload import Place
from hubsync.core.kept_payload import read as read_kept
from hubsync.core.limits import BODY_BYTES_MAX
from hubsync.core.payloads.mapping import MappedChange
from hubsync.core.payloads.source import HmacSignature, Signature, Source
from hubsync.core.signatures.verify import sign
from hubsync.errors import (
    BodyTooLarge,
    Fault,
    InvalidEvents,
    MediaRefused,
    MethodRefused,
    NotEnqueued,
    NotJson,
    UnknownSource,
    Unsigned,
)
from hubsync.ingest import Accepted, Request, ingest
from tests.builders import raw_event

NOW = 1_795_262_400.25  # 2026-11-21T12:00:00.25Z
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
SOURCE = Source(
    name="changes",
    account="main",
    signature=Signature(scheme="standard-webhooks", secret="webhooks/changes"),
)


class Queue:
    """What a queue confirmed; one that is down confirms nothing."""

    def __init__(self, *, down=False):
        self.down = down
        self.messages = []
        self.letters = []

    def keep(self, kept, body):
        if self.down:
            raise NotEnqueued
        assert read_kept(body) is not None
        self.letters.append((kept.reason, read_kept(body)))

    def enqueue(self, account, bodies):
        if self.down:
            raise NotEnqueued
        self.messages += [(account, json.loads(body)) for body in bodies]


def a_request(*events, **changed):
    """A signed request with one event, or an array of several."""
    body = json.dumps(events[0] if len(events) == 1 else events).encode()
    return signed(Request("r-1", "POST", "changes", {}, body), **changed)


def signed(request, **changed):
    request = request._replace(**changed)
    signature = sign(SECRET, message_id="m-1", timestamp=round(NOW), body=request.body)
    headers = {"content-type": "application/json", **signature, **request.headers}
    return request._replace(headers=headers)


def take_in(request, queue, *, source=SOURCE, secrets=lambda *_: [SECRET]):
    return ingest(
        request,
        sources={"changes": source},
        secrets=secrets,
        enqueue=queue.enqueue,
        keep=queue.keep,
        object_types={"p1_car": "2-123"},
        now=NOW,
    )


def test_events_are_enqueued_as_one_message_and_accepted():
    queue = Queue()
    request = a_request(
        raw_event(), raw_event(eventId="e-2", objectType="p1_car", idProperty="plate")
    )
    assert take_in(request, queue) == Accepted(2, 0, "r-1")
    ((account, message),) = queue.messages
    assert account == "main"
    assert message | {"events": None} == {
        "v": 1,
        "tries": 0,
        "account": "main",
        "source": "changes",
        "receivedAt": "2026-11-21T12:00:00.250000Z",
        "requestId": "r-1",
        "events": None,
    }
    assert [(e["eventId"], e["objectType"]) for e in message["events"]] == [
        ("e-1", "0-1"),
        ("e-2", "2-123"),
    ]


def test_an_empty_array_is_accepted_and_makes_no_message():
    queue = Queue()
    assert take_in(a_request(), queue) == Accepted(0, 0, "r-1")
    assert queue.messages == []


def test_what_is_checked_first_is_told_first():
    """Each request has all faults from some point of the order on; its first one is told."""
    body = b"x" * (BODY_BYTES_MAX + 1)
    too_large = Request("r-1", "GET", "changes", {"content-type": "text/xml"}, body)
    told = []
    for request in (
        too_large._replace(source="nobody"),
        too_large,
        too_large._replace(method="POST"),
        too_large._replace(method="POST", body=b"{"),
        too_large._replace(method="POST", body=b"{", headers={"content-type": "application/json"}),
        signed(too_large, method="POST", body=b"{", headers={}),
        a_request(raw_event(id="")),
        a_request(raw_event()),
    ):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - its type is what is compared
            take_in(request, Queue(down=True))
        told.append(caught.type)
    assert told == [
        UnknownSource,
        MethodRefused,
        BodyTooLarge,
        MediaRefused,
        Unsigned,
        NotJson,
        InvalidEvents,
        NotEnqueued,
    ]


def test_a_request_that_is_refused_leaves_the_queue_alone():
    queue = Queue()
    with pytest.raises(InvalidEvents):
        take_in(a_request(raw_event(), raw_event(id="")), queue)
    assert queue.messages == []


def test_an_unsigned_request_asks_for_no_secret():
    def secrets(*_):
        raise AssertionError

    request = a_request(raw_event())._replace(headers={"content-type": "application/json"})
    with pytest.raises(Unsigned):
        take_in(request, Queue(), secrets=secrets)


def test_a_body_of_1_mib_is_read():
    body = json.dumps(raw_event()).encode()
    padded = body + b" " * (BODY_BYTES_MAX - len(body))
    request = signed(Request("r-1", "POST", "changes", {}, padded))
    assert take_in(request, Queue()).accepted == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/json"},
        {"content-type": "Application/JSON; Charset=UTF-8"},
        {"content-type": 'application/json;charset="utf-8"'},
        {"content-type": "application/json; charset=utf-8; profile=x"},
        {"content-type": "application/json;charset=utf8"},
        {"content-type": "application/json; profile=x; charset=utf-8"},
        {"content-type": "application/vnd.upstream.v2+json"},
        {"content-encoding": "Identity"},
    ],
)
def test_json_is_accepted_however_it_is_labelled(headers):
    assert take_in(a_request(raw_event(), headers=headers), Queue()).accepted == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": ""},
        {"content-type": "text/json"},
        {"content-type": "application/xml"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/cloudevents+xml"},
        {"content-type": "application/cloudevents"},
        {"content-type": "application/cloudevents+avro+json"},
        {"content-type": "application/json,application/json"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json; profile=x; charset=utf-16"},
        {"content-encoding": "gzip"},
    ],
)
def test_another_type_or_encoding_is_refused(headers):
    with pytest.raises(MediaRefused):
        take_in(a_request(raw_event(), headers=headers), Queue())


def test_an_event_may_be_five_minutes_ahead_and_no_more():
    ahead = raw_event(occurredAt="2026-11-21T12:05:00.25Z")
    assert take_in(a_request(ahead), Queue()).accepted == 1
    with pytest.raises(InvalidEvents) as caught:
        take_in(a_request(ahead | {"occurredAt": "2026-11-21T12:05:00.250001Z"}), Queue())
    assert [pointer for pointer, _ in caught.value.faults] == ["/occurredAt"]


def test_a_sources_allow_list_is_kept():
    source = SOURCE.model_copy(update={"properties_allowed": frozenset({"phone"})})
    with pytest.raises(InvalidEvents) as caught:
        take_in(a_request(raw_event()), Queue(), source=source)
    assert caught.value.faults == [Fault("/properties", "the source may not set firstname")]


@pytest.mark.parametrize(("count", "pointer"), [(1, ""), (2, "/0")])
def test_an_event_too_large_for_its_message_is_refused_where_it_stands(count, pointer):
    large = raw_event(properties={"a": "\u754c" * 65_000, "b": "x" * 60_000})
    queue = Queue()
    with pytest.raises(InvalidEvents) as caught:
        take_in(a_request(*[large, raw_event()][:count]), queue)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert queue.messages == []


def test_a_secret_rotated_a_moment_ago_is_looked_up_anew():
    asked = []

    def secrets(_source, fresh):
        asked.append(fresh)
        return [SECRET if fresh else OLD_SECRET]

    assert take_in(a_request(raw_event()), Queue(), secrets=secrets).accepted == 1
    assert asked == [False, True]


# Foreign payloads

MAPPED = SOURCE.model_copy(
    update={
        "change": (
            MappedChange.model_validate(
                {
                    "when": "body.type == 'changed'",
                    "for_each": "body.people",
                    "object_type": "p1_car",
                    "id_property": "plate",
                    "fields": {
                        "id": "item.plate",
                        "event_id": "body.id",
                        "occurred_at": 'headers."x-moment"',
                    },
                    "properties": {"seats": "item.seats"},
                }
            ),
        )
    }
)
PAYLOAD_PEOPLE = {"people": [{"plate": "A 1"}, {"plate": "A 2"}]}
PAYLOAD = {"id": "p-1", "type": "changed", **PAYLOAD_PEOPLE}


def mapped(body, queue=None, *, invalid="refuse", moment="1795262400"):
    return take_in(
        signed(
            Request("r-1", "POST", "changes", {}, json.dumps(body).encode()),
            headers={"x-moment": moment},
        ),
        queue or Queue(),
        source=MAPPED.model_copy(update={"invalid": invalid}),
    )


def test_a_foreign_payload_is_enqueued_as_the_change_events_it_means():
    queue = Queue()
    assert mapped(PAYLOAD, queue) == Accepted(2, 0, "r-1")
    ((_, message),) = queue.messages
    assert [(e["eventId"], e["objectType"], e["id"]) for e in message["events"]] == [
        ("p-1#0", "2-123", "A 1"),
        ("p-1#1", "2-123", "A 2"),
    ]


def test_a_payload_that_no_change_is_about_is_accepted_and_makes_no_message():
    queue = Queue()
    assert mapped({"type": "ping"}, queue) == Accepted(0, 1, "r-1")
    assert queue.messages == []


def test_a_payload_that_means_an_invalid_event_is_refused():
    queue = Queue()
    with pytest.raises(InvalidEvents) as caught:
        mapped(PAYLOAD | {"people": [{"plate": "A 1"}, {}]}, queue)
    complaint = "element 1: is null, or not there"
    assert caught.value.faults == [Fault("/change/0/fields/id", complaint)]
    assert queue.messages == []


def test_where_the_source_says_so_an_invalid_event_is_ignored_alone():
    queue = Queue()
    body = PAYLOAD | {"people": [{"plate": "A 1"}, {}, {"plate": " "}]}
    assert mapped(body, queue, invalid="ignore") == Accepted(
        1,
        0,
        "r-1",
        faults=(
            Fault("/change/0/fields/id", "element 1: is null, or not there"),
            Fault("/change/0/fields/id", "element 2: is empty"),
        ),
        kept=1,
    )
    ((_, message),) = queue.messages
    assert [event["id"] for event in message["events"]] == ["A 1"]


def test_a_payload_is_kept_of_which_an_event_cannot_be_made():
    queue = Queue()
    body = PAYLOAD | {"people": [{"plate": "A 1"}, {}, {"plate": " "}]}
    mapped(body, queue, invalid="ignore")
    ((reason, kept),) = queue.letters
    assert reason == (
        "/change/0/fields/id element 1: is null, or not there; "
        "/change/0/fields/id element 2: is empty"
    )
    assert json.loads(kept.body) == body
    assert kept.headers == {"content-type": "application/json", "x-moment": "1795262400"}
    assert kept.envelope.model_dump(by_alias=True) == {
        "v": 1,
        "account": "main",
        "source": "changes",
        "receivedAt": "2026-11-21T12:00:00.250000Z",
        "requestId": "r-1",
        "tries": 0,
    }
    assert [each.place for each in kept.unmade] == [Place(0, 1), Place(0, 2)]
    assert kept.event_ids == {"p-1#1", "p-1#2"}


def test_no_header_that_proves_who_sent_it_is_kept():
    queue = Queue()
    secret = {"authorization": "Bearer x", "cookie": "x", "webhook-extra": "y"}
    request = signed(
        Request("r-1", "POST", "changes", {}, json.dumps(PAYLOAD | {"id": None}).encode()),
        headers={"x-moment": "1795262400", **secret},
    )
    source = MAPPED.model_copy(update={"invalid": "ignore"})
    assert take_in(request, queue, source=source).kept == 1
    ((_, kept),) = queue.letters
    assert sorted(kept.headers) == ["content-type", "webhook-extra", "x-moment"]


def test_a_source_can_want_no_payload_kept():
    queue = Queue()
    source = MAPPED.model_copy(update={"invalid": "ignore", "unreadable": "report"})
    request = signed(
        Request("r-1", "POST", "changes", {}, json.dumps(PAYLOAD | {"id": "canary"}).encode()),
        headers={"x-moment": "never"},
    )
    assert take_in(request, queue, source=source).kept == 1
    ((_, kept),) = queue.letters
    assert (kept.body, kept.headers) == (None, {})
    assert "canary" not in repr(kept)


def test_a_payload_that_is_too_costly_is_kept_whole():
    queue = Queue()
    people = [{"plate": f"A {n}"} for n in range(1_001)]
    assert mapped(PAYLOAD | {"people": people}, queue, invalid="ignore").kept == 1
    ((_, kept),) = queue.letters
    assert [each.place for each in kept.unmade] == [Place(0, None)]


def test_an_event_from_too_far_ahead_is_kept_since_waiting_mends_it():
    queue = Queue()
    taken = mapped(PAYLOAD, queue, invalid="ignore", moment="1795262701")
    assert (taken.accepted, taken.kept, queue.messages) == (0, 1, [])


def test_where_the_payload_cannot_be_kept_nothing_is_accepted():
    queue = Queue(down=True)
    with pytest.raises(NotEnqueued):
        mapped(PAYLOAD | {"id": None}, queue, invalid="ignore")


def test_a_payload_too_large_to_be_kept_is_refused_as_too_large():
    noise = base64.b85encode(Random(7).randbytes(790_000)).decode()
    with pytest.raises(BodyTooLarge, match="as it would be kept"):
        mapped({"id": None, "type": "changed", "noise": noise, **PAYLOAD_PEOPLE}, invalid="ignore")


def test_a_mapped_event_from_too_far_ahead_is_refused_as_any_other():
    with pytest.raises(InvalidEvents) as caught:
        mapped(PAYLOAD | {"people": [{"plate": "A 1"}]}, moment="1795262701")
    complaint = "element 0: is more than 5 minutes in the future"
    assert caught.value.faults == [Fault("/change/0/fields/occurred_at", complaint)]


def test_invalid_change_events_of_ones_own_form_can_be_ignored_too():
    source = SOURCE.model_copy(update={"invalid": "ignore"})
    taken = take_in(a_request(raw_event(), raw_event(id="")), Queue(), source=source)
    assert taken == Accepted(1, 0, "r-1", faults=(Fault("/1/id", "is empty"),), kept=1)


def test_members_that_no_rule_knows_are_named():
    event = raw_event(sequnce=1) | {"a/b~c": 2}
    assert take_in(a_request(event), Queue()).unknown == ("/sequnce", "/a~1b~0c")
    taken = take_in(a_request(raw_event(), event | {"refused": {}}), Queue())
    assert taken.unknown == ("/1/sequnce", "/1/a~1b~0c", "/1/refused")


def test_members_that_no_rule_knows_are_told_up_to_a_bound():
    event = raw_event(**{f"x{n}": n for n in range(200)})
    assert len(take_in(a_request(event), Queue()).unknown) == 100


SLACK = SOURCE.model_copy(
    update={"signature": Signature(scheme="slack", secret="webhooks/slack"), "invalid": "ignore"}
)


@pytest.mark.parametrize(
    ("source", "body", "challenge"),
    [
        (SLACK, {"type": "url_verification", "challenge": "c-1"}, "c-1"),
        (SLACK, {"type": "url_verification", "challenge": 1}, None),
        (SLACK, {"type": "event_callback", "challenge": "c-1"}, None),
        (SLACK, [], None),
    ],
)
def test_slack_gets_its_challenge_back_when_it_signed_it(source, body, challenge):
    content = json.dumps(body).encode()
    signature = sign(
        SECRET,
        message_id="",
        timestamp=round(NOW),
        body=content,
        scheme=source.signature.rules,
    )
    headers = {"content-type": "application/json", **signature}
    request = Request("r-1", "POST", "changes", headers, content)
    assert take_in(request, Queue(), source=source).challenge == challenge
    with pytest.raises(Unsigned):
        take_in(request._replace(body=content + b" "), Queue(), source=source)


WOO = SOURCE.model_copy(
    update={
        "signature": HmacSignature(
            scheme="hmac",
            secret="webhooks/woo",
            header="x-wc-webhook-signature",
            ping_field="webhook_id",
        )
    }
)
FORM_HEADERS = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


def test_the_unsigned_form_that_a_source_names_is_a_ping():
    request = Request("r-1", "POST", "changes", FORM_HEADERS, b"webhook_id=12")
    queue = Queue()
    assert take_in(request, queue, source=WOO) == Accepted(0, 1, "r-1", is_ping=True)
    assert queue.messages == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"webhook_id=",
        b"webhook_id=1&x=2",
        b"webhook_id=x",
        b"id=1",
        b"webhook_id=" + b"1" * 21,
        b"webhook_id=1\n",
        b" webhook_id=1",
        b"{}",
    ],
)
def test_no_other_form_is_a_ping(body):
    with pytest.raises(MediaRefused):
        take_in(Request("r-1", "POST", "changes", FORM_HEADERS, body), Queue(), source=WOO)


def test_a_form_is_no_ping_where_the_source_names_none():
    request = Request("r-1", "POST", "changes", FORM_HEADERS, b"webhook_id=12")
    with pytest.raises(MediaRefused):
        take_in(request, Queue())


def test_json_that_reads_as_a_ping_needs_a_signature():
    headers = {"content-type": "application/json"}
    request = Request("r-1", "POST", "changes", headers, b"webhook_id=1")
    with pytest.raises(Unsigned):
        take_in(request, Queue(), source=WOO)


def test_what_other_sources_call_a_challenge_is_no_challenge():
    source = SOURCE.model_copy(update={"invalid": "ignore"})
    body = {"type": "url_verification", "challenge": "c-1"}
    assert take_in(a_request(body), Queue(), source=source).challenge is None


@pytest.mark.parametrize("spoiled", ["id", "type", "people", "plate", "seats"])
def test_no_fault_of_a_mapped_payload_quotes_it(spoiled):
    """Faults are answered, and their pointers logged."""
    person = {"plate": "A 1", "seats": 4}
    payload = {"type": "changed", "id": "p-1", "people": [person]}
    for part, value in (
        (payload, ["canary"]),
        (payload, "\0canary"),
        (person, {"canary": "canary"}),
    ):
        body = payload | {"people": [person | {spoiled: value}]} if part is person else payload
        body = body | ({spoiled: value} if part is payload and spoiled in payload else {})
        taken = mapped(body, invalid="ignore")
        assert "canary" not in repr(taken.faults)
