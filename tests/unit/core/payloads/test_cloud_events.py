"""CloudEvents in their three modes: what they become, and what is refused, and where."""

import base64
import json

import pytest

from hubsync.core.event import Rules
from hubsync.core.payloads.cloud_event import CloudEvent
from hubsync.core.payloads.cloud_events import cloud_drafts, mode, permission
from hubsync.core.payloads.unvalidated import take_all
from hubsync.errors import Fault, InvalidEvents
from tests.builders import NO_RULES, NOON, an_event, raw_event

DATA = raw_event(eventId=None, occurredAt=None)
EVENT = an_event(eventId="c-1")
HEADERS = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "c-1",
    "ce-source": "/shop",
    "ce-type": "com.example.changed",
    "ce-time": "2026-11-21T12:00:00Z",
}


def a_cloud_event(**attributes):
    """An envelope around an event; an attribute set to None is left out."""
    envelope = {
        "specversion": "1.0",
        "id": "c-1",
        "source": "/shop",
        "type": "com.example.changed",
        "time": "2026-11-21T12:00:00Z",
        "data": DATA,
    } | attributes
    return {name: value for name, value in envelope.items() if value is not None}


def parse_cloud_events(body, headers, mode, rules):
    return take_all(cloud_drafts(body, headers, mode), rules).events


def structured(body, rules=NO_RULES):
    return parse_cloud_events(body, {}, "structured", rules)


def binary(body=DATA, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {name: value for name, value in (HEADERS | named).items() if value is not None}
    return parse_cloud_events(body, given, "binary", NO_RULES)


def faults(parse, *args, **kwargs):
    with pytest.raises(InvalidEvents) as caught:
        parse(*args, **kwargs)
    return caught.value.faults


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content-type": "application/cloudevents+json"}, "structured"),
        ({"content-type": "Application/CloudEvents+JSON; charset=utf-8"}, "structured"),
        ({"content-type": "application/cloudevents-batch+json"}, "batch"),
        (HEADERS, "binary"),
        (HEADERS | {"content-type": "application/cloudevents+json"}, "structured"),
        ({"content-type": "application/json", "ce-id": "1"}, "binary"),
        ({"content-type": "application/json", "ce-subject": "1"}, None),
        ({"content-type": "application/json"}, None),
        ({}, None),
    ],
)
def test_the_content_type_tells_the_mode_and_else_the_headers(headers, expected):
    assert mode(headers) == expected


def test_id_and_time_are_the_change_events_own_and_data_holds_the_rest():
    assert structured(a_cloud_event()) == [EVENT]
    assert binary() == [EVENT]


def test_a_batch_is_an_array_of_any_length():
    bodies = [a_cloud_event(id="c-1"), a_cloud_event(id="c-2")]
    parsed = parse_cloud_events(bodies, {}, "batch", NO_RULES)
    assert [event.event_id for event in parsed] == ["c-1", "c-2"]
    assert parse_cloud_events([], {}, "batch", NO_RULES) == []


@pytest.mark.parametrize(
    "attributes",
    [
        {"datacontenttype": "application/json"},
        {"datacontenttype": "Application/JSON; charset=utf-8"},
        {"datacontenttype": "application/vnd.upstream+json"},
        {"subject": "ada", "dataschema": "https://example.com/schema"},
        {"ext": "", "ext1": True, "ext2": -(2**31), "sequence": "7"},
        {"id": "Zo\u00eb \U0001f680"},
        {"data": None, "data_base64": base64.b64encode(json.dumps(DATA).encode()).decode()},
        {"data": DATA | {"eventId": "c-1", "occurredAt": "2026-11-21T12:00:00Z"}},
        {"time": "2026-11-21T13:30:00.000000000+01:30"},
    ],
    ids=repr,
)
def test_what_the_specification_allows_is_read(attributes):
    (event,) = structured(a_cloud_event(**attributes))
    assert event == EVENT.model_copy(update={"event_id": attributes.get("id", "c-1")})


def test_an_attribute_that_is_null_is_absent():
    envelope = a_cloud_event() | {"subject": None, "dataschema": None, "ext": None}
    assert structured(envelope) == [EVENT]


@pytest.mark.parametrize(
    ("attributes", "pointer", "complaint"),
    [
        ({"specversion": None}, "/specversion", "required"),
        ({"specversion": "1.1"}, "/specversion", "'1.0'"),
        ({"specversion": 1}, "/specversion", "'1.0'"),
        ({"id": None}, "/id", "required"),
        ({"id": ""}, "/id", "is empty"),
        ({"id": 5}, "/id", "valid string"),
        ({"id": "a\u0085b"}, "/id", "control character"),
        ({"id": "a\ufdd0"}, "/id", "no character"),
        ({"id": "a\U0001ffff"}, "/id", "no character"),
        ({"id": "x" * 257}, "/id", "at most 256"),
        ({"source": ""}, "/source", "is empty"),
        ({"type": None}, "/type", "required"),
        ({"subject": ""}, "/subject", "is empty"),
        ({"dataschema": ""}, "/dataschema", "is empty"),
        ({"datacontenttype": "json"}, "/datacontenttype", "no media type"),
        ({"datacontenttype": "application/xml"}, "/datacontenttype", "must be JSON"),
        ({"datacontenttype": "application/jsonp"}, "/datacontenttype", "must be JSON"),
        ({"time": None}, "/time", "required"),
        ({"time": "lunchtime"}, "/time", "RFC 3339"),
        ({"time": 1795262400}, "/time", "valid string"),
        ({"time": "2026-02-30T12:00:00Z"}, "/time", "no moment"),
        ({"my-ext": "x"}, "/my-ext", "lower-case letters and digits"),
        ({"myExt": "x"}, "/myExt", "lower-case letters and digits"),
        ({"": "x"}, "/", "lower-case letters and digits"),
        ({"ext": 2**31}, "/ext", "32 bits"),
        ({"ext": 1.0}, "/ext", "a string, a boolean or an integer"),
        ({"ext": {}}, "/ext", "a string, a boolean or an integer"),
        ({"ext": "a\nb"}, "/ext", "control character"),
        ({"data": None}, "/data", "must be an object"),
        ({"data": [DATA]}, "/data", "must be an object"),
        ({"data": json.dumps(DATA)}, "/data", "must be an object"),
        ({"data": DATA | {"eventId": "c-2"}}, "/data/eventId", "differs"),
        ({"data": DATA | {"occurredAt": "2026-11-21"}}, "/data/occurredAt", "differs"),
        ({"data": DATA | {"id": ""}}, "/data/id", "is empty"),
        ({"data": DATA | {"properties": {"a/b": {}}}}, "/data/properties/a~1b", "is an object"),
        ({"data_base64": "e30="}, "", "one excludes the other"),
        ({"data": None, "data_base64": "e30"}, "/data_base64", "not base64"),
        ({"data": None, "data_base64": "\u00e9"}, "/data_base64", "not base64"),
        ({"data": None, "data_base64": "e30x"}, "/data_base64", "not JSON"),
        ({"data": None, "data_base64": "W10="}, "/data_base64", "must be an object"),
    ],
    ids=lambda given: repr(given)[:50],
)
def test_what_breaks_a_rule_is_refused_with_a_pointer_into_the_envelope(
    attributes, pointer, complaint
):
    ((where, what),) = faults(structured, a_cloud_event(**attributes))
    assert where == pointer
    assert complaint in what


def test_an_id_or_a_time_is_never_taken_from_the_data():
    whole = a_cloud_event(data=DATA | {"eventId": "c-1", "occurredAt": "2026-11-21T12:00:00Z"})
    for left_out, pointer in (("id", "/id"), ("time", "/time")):
        envelope = {name: value for name, value in whole.items() if name != left_out}
        assert [where for where, _ in faults(structured, envelope)] == [pointer]


def test_a_batch_tells_the_faults_of_all_its_events():
    body = [
        a_cloud_event(),
        a_cloud_event(id="", subject=""),
        a_cloud_event(time=None, data=DATA | {"id": ""}),
        "no object",
    ]
    pointers = {where for where, _ in faults(parse_cloud_events, body, {}, "batch", NO_RULES)}
    assert pointers == {"/1/id", "/1/subject", "/2/time", "/2/data/id", "/3"}


def test_a_mode_has_one_shape_of_body():
    assert faults(parse_cloud_events, a_cloud_event(), {}, "batch", NO_RULES) == [
        Fault("", "a batch must be an array")
    ]
    assert faults(structured, [a_cloud_event()]) == [Fault("", "must be an object")]


def test_an_event_of_the_future_is_refused_by_its_time():
    assert faults(structured, a_cloud_event(), Rules(occurred_at_max=NOON - 1)) == [
        Fault("/time", "is more than 5 minutes in the future")
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u20ac \U0001f600"),
        ("%e2%82%ac", "\u20ac"),
        ("%41", "A"),
        ("%2541", "%41"),
        ("with space", "with space"),
        ('"quoted \\"text\\" %41 \\\\"', 'quoted "text" A \\'),
        ('in "the" middle', 'in "the" middle'),
    ],
)
def test_a_header_is_unquoted_and_decoded_once(value, text):
    assert [event.event_id for event in binary(ce_id=value)] == [text]


@pytest.mark.parametrize(
    ("headers", "complaint"),
    [
        ({"ce_id": None}, "header ce-id: Field required"),
        ({"ce_specversion": "1.0,1.0"}, "header ce-specversion: Input should be '1.0'"),
        ({"ce_time": None}, "header ce-time: Field required"),
        ({"ce_time": "2026-11-21T12:00:00Z,2026-11-21T12:00:00Z"}, "header ce-time: must be RFC"),
        ({"ce_id": "%C0%A0"}, "header ce-id: must be ASCII, with UTF-8"),
        ({"ce_id": "%ED%A0%80"}, "header ce-id: must be ASCII, with UTF-8"),
        ({"ce_id": "Zo\u00eb"}, "header ce-id: must be ASCII"),
        ({"ce_id": "100%"}, "header ce-id: has a % without two"),
        ({"ce_id": "%zz"}, "header ce-id: has a % without two"),
        ({"ce_id": '"open'}, "header ce-id: has quotes that are not closed"),
        ({"ce_id": '"a\\"'}, "header ce-id: has quotes that are not closed"),
        ({"ce_id": "%00"}, "header ce-id: holds a control character"),
        ({"ce_subject": ""}, "header ce-subject: is empty"),
        ({"ce_my_ext": "x"}, "header ce-my-ext: a CloudEvents attribute has lower-case"),
        ({"ce_datacontenttype": "application/json"}, "header ce-datacontenttype: must not be sent"),
        ({"ce_data": "x"}, "header ce-data: must not be sent"),
    ],
    ids=repr,
)
def test_a_header_that_breaks_a_rule_is_named(headers, complaint):
    ((where, what),) = faults(binary, **headers)
    assert where == ""
    assert what.startswith(complaint)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([DATA], ""),
        (None, ""),
        (DATA | {"id": ""}, "/id"),
        (DATA | {"eventId": "c-2"}, "/eventId"),
    ],
)
def test_in_binary_mode_the_body_is_the_data(body, pointer):
    assert [where for where, _ in faults(binary, body)] == [pointer]


def test_no_fault_quotes_a_value():
    told = faults(structured, a_cloud_event(id="secret\0", time="secret", ext=["secret"]))
    told += faults(binary, ce_id="%secret", ce_time="secret")
    assert not any("secret" in message for _, message in told)


def test_an_envelope_without_data_is_still_a_cloud_event():
    assert CloudEvent.model_validate(a_cloud_event(data=None, time=None)).id == "c-1"


def test_every_origin_may_deliver_as_often_as_the_gateway_lets_it():
    asked = {
        "webhook-request-origin": "upstream.example.com",
        "webhook-request-callback": "https://upstream.example.com/confirm?key=x",
    }
    assert permission(asked, requests_per_second=500) == {
        "Allow": "POST",
        "WebHook-Allowed-Origin": "*",
        "WebHook-Allowed-Rate": "30000",
    }


@pytest.mark.parametrize("headers", [{}, {"webhook-request-origin": " "}, {"origin": "x"}])
def test_who_does_not_ask_is_given_no_permission(headers):
    assert permission(headers, requests_per_second=500) == {"Allow": "POST"}
