"""Drafts to events: all or none of a payload, or each by itself, without its invalid values."""

import json

import pytest

from hubsync.core.event import Rules
from hubsync.core.kept_payload import Place
from hubsync.core.limits import VALUE_CHARACTERS_MAX
from hubsync.core.message import parse_message
from hubsync.core.payloads.mapper import map_payload
from hubsync.core.payloads.mapping import MappedChange
from hubsync.core.payloads.unvalidated import canonical_drafts, take_all, take_valid
from hubsync.errors import Fault, InvalidEvents
from tests.builders import NO_RULES, raw_event

BODY = {"id": "e-1", "at": "2026-11-21T12:00:00Z", "key": "c-1", "name": "Ada", "note": "good"}
NAMES = {"firstname": "body.name", "notes": "body.note"}


def drafts(body, *, operation="upsert", mends=True, **properties):
    change = MappedChange.model_validate(
        {
            "object_type": "contacts",
            "operation": operation,
            "id_property": "external_id",
            "fields": {"id": "body.key", "event_id": "body.id", "occurred_at": "body.at"},
            "properties": properties or NAMES,
        }
    )
    return map_payload([change], headers={}, body=body, mends=mends)


def taken(body, **more):
    """What is taken of a payload: its events as they stand in their message, and the rest."""
    found = take_valid(drafts(body, **more), NO_RULES)
    return [json.loads(text) for text in found.encoded], found


INVALID = {
    "HubSpot's append": ";gold",
    "a list that begins with an append": ["", "gold"],
    "an object": {"deep": 1},
    "a list with an object": [{}],
    "a text too long for HubSpot": "x" * (VALUE_CHARACTERS_MAX + 1),
    "a number too long for HubSpot": 10**40,
}


@pytest.mark.parametrize("value", INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("operation", ["upsert", "update"])
def test_an_invalid_value_costs_its_property_alone(operation, value):
    (event,), found = taken(BODY | {"note": value}, operation=operation)
    assert event["properties"] == {"firstname": "Ada"}
    assert event["refused"] == {"notes": "INVALID_VALUE"}
    assert (found.refused, found.unmade) == (1, ())
    assert [fault.pointer for fault in found.faults] == ["/change/0/properties/notes"]


def test_a_value_that_cannot_be_worked_out_costs_its_property_alone():
    properties = {"firstname": "upper(body.name)", "notes": "from_microseconds(body.note)"}
    (event,), found = taken(BODY | {"note": 9223372036825200000}, **properties)
    assert (event["properties"], event["refused"]) == (
        {"firstname": "ADA"},
        {"notes": "INVALID_VALUE"},
    )
    assert found.faults == (
        Fault("/change/0/properties/notes", "from_microseconds() was given what is no moment"),
    )


def test_an_upsert_without_any_valid_value_still_says_that_its_record_exists():
    (event,), found = taken(BODY | {"note": {}, "name": {}})
    assert (event["operation"], event["properties"]) == ("upsert", {})
    assert (event["refused"], found.refused) == (
        {"firstname": "INVALID_VALUE", "notes": "INVALID_VALUE"},
        2,
    )


def test_an_update_without_any_valid_value_tells_which_were_refused():
    (event,), _ = taken(BODY | {"note": {}, "name": {}}, operation="update")
    assert (event["properties"], sorted(event["refused"])) == ({}, ["firstname", "notes"])
    body = json.dumps(
        {
            "v": 1,
            "account": "main",
            "source": "shop",
            "receivedAt": "2026-11-21T12:00:00Z",
            "requestId": "r-1",
            "events": [event, {**event, "refused": {}}],
        }
    )
    refused, nothing = parse_message(body, NO_RULES).events
    assert refused.event.properties == {}
    assert nothing.event is None


def test_an_update_of_which_nothing_was_found_is_no_event():
    events, found = taken(BODY | {"note": None, "name": None}, operation="update")
    assert events == []
    assert [unmade.place for unmade in found.unmade] == [Place(0, None)]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\0b\x85c", "abc"),
        ("line\r\n\tend", "line\r\n\tend"),
        ("half \ud83d", "half \ufffd"),
        ("whole \U0001f600", "whole \U0001f600"),
        (["a\0", "\udc00"], "a;\ufffd"),
        ("\0;append", None),
        ("\0", ""),
    ],
)
def test_characters_that_no_value_may_hold_are_mended(value, written):
    (event,), _ = taken(BODY | {"note": value})
    assert event["properties"].get("notes") == written


@pytest.mark.parametrize("character", ["\0", "\ud83d"])
@pytest.mark.parametrize("field", ["key", "id", "at"])
def test_no_event_is_made_where_a_field_holds_such_a_character(field, character):
    events, found = taken(BODY | {field: BODY[field] + character + "x"})
    assert events == []
    assert [unmade.place for unmade in found.unmade] == [Place(0, None)]


def test_a_text_of_43700_chinese_characters_is_written():
    (event,), found = taken(BODY | {"note": "\u754c" * 43_700})
    assert (len(event["properties"]["notes"]), found.faults) == (43_700, ())


def test_where_a_source_refuses_invalid_events_nothing_is_mended_or_left_out():
    for value in (";gold", "a\0b"):
        with pytest.raises(InvalidEvents) as caught:
            take_all(drafts(BODY | {"note": value}, mends=False), NO_RULES)
        assert [fault.pointer for fault in caught.value.faults] == ["/change/0/properties/notes"]


def test_change_events_of_ones_own_form_lose_invalid_values_alone_too():
    bodies = [raw_event(properties={"phone": ";1", "Fax": {}, "city": "Bonn"}), raw_event(id="")]
    found = take_valid(canonical_drafts(bodies), NO_RULES)
    (event,) = map(json.loads, found.encoded)
    assert event["properties"] == {"city": "Bonn"}
    assert event["refused"] == {"phone": "INVALID_VALUE", "fax": "INVALID_VALUE"}
    assert [fault.pointer for fault in found.faults] == [
        "/0/properties/phone",
        "/0/properties/Fax",
        "/1/id",
    ]
    assert [unmade.place for unmade in found.unmade] == [Place(None, 1)]


@pytest.mark.parametrize(
    "properties", [{"a b": "x"}, {"a": {}, "b": ";", "c d": 1}, {"a": 1, "A": 1}, []]
)
def test_more_than_a_value_at_fault_costs_the_event(properties):
    found = take_valid(canonical_drafts(raw_event(properties=properties)), NO_RULES)
    assert (found.encoded, len(found.unmade)) == ([], 1)


def test_what_a_sender_says_was_refused_is_not_believed():
    event = raw_event(refused={"phone": "INVALID_VALUE"}, missingSince="2026-11-21T12:00:00Z")
    (encoded,) = take_valid(canonical_drafts(event), NO_RULES).encoded
    assert not json.loads(encoded).keys() & {"refused", "missingSince"}


def test_a_property_that_a_source_may_not_set_costs_the_event():
    rules = Rules(properties_allowed=frozenset({"city"}))
    found = take_valid(
        canonical_drafts(raw_event(properties={"phone": "1", "city": "Bonn"})), rules
    )
    assert (found.encoded, len(found.unmade)) == ([], 1)
