"""Every rule of a change event: what is accepted, in which form, and what is refused, and where."""

from decimal import Decimal

import pytest

from hubsync.core.event import (
    ChangeEvent,
    Rules,
    encode_event,
    format_timestamp,
    parse_events,
    parse_timestamp,
)
from hubsync.errors import Fault, InvalidEvents
from tests.builders import NO_RULES, NOON, an_event, raw_event


def faults(body, rules=NO_RULES):
    with pytest.raises(InvalidEvents) as caught:
        parse_events(body, rules)
    return caught.value.faults


def test_an_event_is_brought_into_canonical_form():
    body = raw_event(
        sequence=7,
        objectType=" Contacts",
        idProperty=" Email",
        id="  Ada@Example.com ",
        properties={"FirstName": "Ada", "seats": Decimal("12.0"), "phone": None, "x": ["a", "b"]},
        unknown={"is": "ignored"},
    )
    assert parse_events(body, NO_RULES) == [
        ChangeEvent.model_construct(
            event_id="e-1",
            occurred_at=NOON,
            sequence=7,
            operation="upsert",
            object_type="0-1",
            id_property="email",
            id="ada@example.com",
            properties={"firstname": "Ada", "seats": "12", "phone": "", "x": "a;b"},
        )
    ]


def test_what_is_left_out_has_its_default():
    event = an_event()
    assert (event.operation, event.sequence) == ("upsert", 0)


@pytest.mark.parametrize(
    "fields",
    [
        {"eventId": "x" * 256},
        {"eventId": "Zoë 🚀"},
        {"sequence": 2**63 - 1},
        {"operation": "archive", "properties": None},
        {"operation": "archive", "idProperty": None, "id": "512", "properties": {"a": "b"}},
        {"operation": "update", "idProperty": None, "id": "512"},
        {"operation": "update", "idProperty": "external_id", "id": "u-1"},
        {"operation": "update", "objectType": "companies", "idProperty": "email", "id": "a@b.c"},
        {"properties": {}},
        {"properties": {f"p{n}": "" for n in range(250)}},
        {"properties": {"p" * 100: "x" * 65_536}},
        {"properties": {"email": "ADA@example.com "}},
        {"idProperty": "external_id", "id": 12, "properties": {"external_id": 12}},
        {"objectType": "2-123", "idProperty": "external_id", "id": "u-1"},
    ],
    ids=lambda fields: repr(fields)[:60],
)
def test_an_event_within_the_rules_is_accepted(fields):
    assert an_event(**fields)


@pytest.mark.parametrize(
    ("fields", "pointer", "complaint"),
    [
        ({"eventId": None}, "/eventId", "Field required"),
        ({"eventId": ""}, "/eventId", "at least 1"),
        ({"eventId": "x" * 257}, "/eventId", "at most 256"),
        ({"eventId": "a\nb"}, "/eventId", "pattern"),
        ({"eventId": "a\x85"}, "/eventId", "pattern"),
        ({"eventId": 5}, "/eventId", "valid string"),
        ({"occurredAt": None}, "/occurredAt", "Field required"),
        ({"occurredAt": 1763726400}, "/occurredAt", "RFC 3339"),
        ({"occurredAt": "2026-11-21T12:00:00"}, "/occurredAt", "RFC 3339"),
        ({"occurredAt": "2026-02-30T12:00:00Z"}, "/occurredAt", "no moment"),
        ({"sequence": -1}, "/sequence", "greater than or equal to 0"),
        ({"sequence": 2**63}, "/sequence", "less than or equal"),
        ({"sequence": "1"}, "/sequence", "valid integer"),
        ({"sequence": True}, "/sequence", "valid integer"),
        ({"operation": "create"}, "/operation", "'upsert', 'update' or 'archive'"),
        ({"objectType": None}, "/objectType", "Field required"),
        ({"objectType": "cars"}, "/objectType", "neither a type id"),
        ({"idProperty": None}, "/idProperty", "required for an upsert"),
        ({"idProperty": "hs_object_id"}, "/idProperty", "must be a unique property"),
        ({"idProperty": "a b"}, "/idProperty", "no space"),
        ({"idProperty": "x" * 101}, "/idProperty", "1 to 100 characters"),
        ({"operation": "update"}, "/idProperty", "not offered by HubSpot"),
        ({"id": None}, "/id", "Field required"),
        ({"id": " "}, "/id", "is empty"),
        ({"id": "x" * 513}, "/id", "has 513 characters; the limit is 512"),
        ({"id": True}, "/id", "must be a string"),
        ({"id": 1.5}, "/id", "must be a string"),
        ({"id": "a\tb"}, "/id", "line end or a tab"),
        ({"id": "a\x00b"}, "/id", "control character"),
        ({"id": ";a"}, "/id", "append"),
        ({"id": "ada@ex\u00ad\u3002.example"}, "/id", "no valid domain"),
        ({"properties": None}, "/properties", "is required, except"),
        ({"properties": []}, "/properties", "valid dictionary"),
        ({"properties": {f"p{n}": "" for n in range(251)}}, "/properties", "the limit is 250"),
        ({"properties": {"a": 1, "A": 1}}, "/properties", "differ in case alone"),
        ({"properties": {"email": "b@example.com"}}, "/properties", "must equal id"),
        ({"properties": {"email": None}}, "/properties", "is empty"),
        ({"properties": {"": 1}}, "/properties/", "1 to 100 characters"),
        ({"properties": {"p" * 101: 1}}, f"/properties/{'p' * 101}", "1 to 100 characters"),
        ({"properties": {"a b": 1}}, "/properties/a b", "no space"),
        ({"properties": {"a\uffff": 1}}, "/properties/a\uffff", "no space"),
        ({"properties": {"a,b": 1}}, "/properties/a,b", "comma"),
        ({"properties": {":archived": 1}}, "/properties/:archived", "colon"),
        ({"properties": {"a": {"b": 1}}}, "/properties/a", "is an object"),
        ({"properties": {"a": "x" * 65_537}}, "/properties/a", "the limit is 65536"),
        ({"properties": {"a": Decimal("1e99")}}, "/properties/a", "the limit is 32"),
        ({"properties": {"a": ";b"}}, "/properties/a", "append"),
    ],
    ids=lambda given: repr(given)[:50],
)
def test_what_breaks_a_rule_is_refused_with_a_pointer_to_it(fields, pointer, complaint):
    ((where, what),) = faults(raw_event(**fields))
    assert where == pointer
    assert complaint in what


def test_an_update_must_say_something():
    event = raw_event(operation="update", idProperty=None, id="512", properties={})
    assert faults(event) == [Fault("/properties", "is empty, so there is nothing to update")]


def test_no_idproperty_and_hs_object_id_both_mean_hubspots_own_id():
    events = [
        an_event(operation="update", idProperty=name, id="512") for name in (None, "HS_Object_Id")
    ]
    assert [(event.id_property, event.id) for event in events] == [(None, "512")] * 2


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("Ada@EXAMPLE.com", "ada@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@bücher\u3002example", "ada@xn--bcher-kva.example"),
        ("ÄDA@example.com", "äda@example.com"),
        ('"a@b"@Example.com', '"a@b"@example.com'),
        ("no at sign", "no at sign"),
    ],
)
def test_an_email_address_has_one_spelling(spelling, address):
    assert an_event(id=spelling).id == address


def test_only_a_contacts_email_is_taken_for_an_address():
    assert an_event(idProperty="external_id", id="U-1").id == "U-1"
    assert an_event(objectType="companies", id="Ada@example.com").id == "Ada@example.com"


def test_an_id_property_among_the_properties_takes_the_ids_spelling():
    event = an_event(id="ada@bücher.example", properties={"Email": "ADA@bücher.example"})
    assert event.properties == {"email": "ada@xn--bcher-kva.example"}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z"),
        ("2026-11-21t12:00:00z", "2026-11-21T12:00:00Z"),
        ("2026-11-21 12:00:00Z", "2026-11-21T12:00:00Z"),
        ("2026-11-21T13:30:00+01:30", "2026-11-21T12:00:00Z"),
        ("2026-11-20T23:59:59-12:00", "2026-11-21T11:59:59Z"),
        ("2026-11-21T12:00:00.5Z", "2026-11-21T12:00:00.500000Z"),
        ("2026-11-21T12:00:00.1234567890Z", "2026-11-21T12:00:00.123456Z"),
        ("2026-11-21T12:00:00.0000009Z", "2026-11-21T12:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_a_moment_is_read_to_the_microsecond_in_any_offset(text, canonical):
    assert format_timestamp(parse_timestamp(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21",
        "2026-11-21T12:00Z",
        "2026-11-21T12:00:00+0100",
        "20261121T120000Z",
        "2026-W47-6T12:00:00Z",
        "2026-11-21T12:00:00,5Z",
        "2026-11-21T12:00:00.Z",
        "\uff12026-11-21T12:00:00Z",
        "2026-11-21T12:00:00Z\n",
        "2026-11-21T24:00:00Z",
        "2026-11-21T23:59:60Z",
        "2026-13-01T00:00:00Z",
        "2026-11-21T12:00:00+24:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_is_no_moment_in_rfc_3339_is_refused(text):
    with pytest.raises(ValueError, match=r"RFC 3339|no moment"):
        parse_timestamp(text)


def test_an_event_from_more_than_five_minutes_ahead_is_refused():
    rules = Rules(occurred_at_max=NOON)
    assert parse_events(raw_event(), rules)
    late = raw_event(occurredAt="2026-11-21T12:00:00.000001Z")
    assert faults(late, rules) == [Fault("/occurredAt", "is more than 5 minutes in the future")]


def test_a_source_may_set_no_property_that_it_is_not_allowed():
    rules = Rules(properties_allowed=frozenset({"firstname"}))
    assert parse_events(raw_event(), rules)
    event = raw_event(properties={"Phone": "1", "firstname": "Ada", "city": "Graz"})
    assert faults(event, rules) == [Fault("/properties", "the source may not set city, phone")]


def test_a_custom_types_name_is_known_by_the_setting_alone():
    rules = Rules(object_types={"p1_car": "2-123"})
    event = raw_event(objectType="p1_car", idProperty="plate", id="G 1")
    assert parse_events(event, rules)[0].object_type == "2-123"


def test_every_fault_of_an_array_is_named_and_nothing_is_accepted():
    body = [raw_event(), raw_event(id=None, sequence=-1), 5, raw_event(properties={"a/b~c": {}})]
    assert [pointer for pointer, _ in faults(body)] == [
        "/1/sequence",
        "/1/id",
        "/2",
        "/3/properties/a~1b~0c",
    ]


def test_a_single_events_pointer_has_no_index():
    assert faults(5) == [Fault("", "must be an object")]


def test_the_faults_told_are_bounded():
    body = [{} for _ in range(1000)]
    assert len(faults(body)) == 1000


def test_no_fault_quotes_a_value():
    event = raw_event(id="secret\x00", sequence="secret", properties={"a": "secret\x00"})
    assert not any("secret" in message for _, message in faults(event))


def test_an_event_is_encoded_as_its_canonical_json():
    event = an_event(id="Ada@Example.com", properties={"Seats": 12})
    assert encode_event(event) == {
        "eventId": "e-1",
        "occurredAt": "2026-11-21T12:00:00Z",
        "sequence": 0,
        "operation": "upsert",
        "objectType": "0-1",
        "idProperty": "email",
        "id": "ada@example.com",
        "properties": {"seats": "12"},
    }


def test_an_event_by_record_id_is_encoded_without_an_id_property():
    event = an_event(operation="archive", idProperty=None, id="512", properties=None)
    assert "idProperty" not in encode_event(event)
