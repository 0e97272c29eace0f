"""A mapping makes change events of foreign payloads, or says why not."""

from decimal import Decimal

import pytest

from hubsync.core.kept_payload import Place
from hubsync.core.limits import EVENTS_PER_REQUEST_MAX, MAPPING_STEPS_MAX
from hubsync.core.payloads.mapper import map_payload
from hubsync.core.payloads.mapping import MappedChange, mistakes
from hubsync.core.payloads.unvalidated import take_all, take_valid
from hubsync.errors import Fault, InvalidEvents
from tests.builders import NO_RULES

BODY = {
    "id": "evt_1",
    "type": "customer.updated",
    "created": 1795262400,
    "customer": {"mail": "ada@example.com", "name": "Ada", "phone": None},
}


def a_change(**fields):
    """A change about every payload of a customer; fields set to None are left out."""
    change = {
        "object_type": "contacts",
        "id_property": "email",
        "fields": {
            "id": "body.customer.mail",
            "event_id": "body.id",
            "occurred_at": "body.created",
        },
        "properties": {"firstname": "body.customer.name"},
    } | fields
    return MappedChange.model_validate(
        {name: value for name, value in change.items() if value is not None}
    )


def a_change_for_each(*, when=None, **properties):
    fields = {"id": "item.mail", "event_id": "body.id", "occurred_at": "item.at"}
    return a_change(for_each="body.items", when=when, fields=fields, properties=properties)


def drafts(*changes, body=BODY, headers=None):
    return map_payload(changes, headers=headers or {}, body=body)


def properties_of(expression, body=BODY):
    (wire,) = drafts(a_change(properties={"p": expression}), body=body).wires
    return wire["properties"]


def faults(*changes, body=BODY):
    with pytest.raises(InvalidEvents) as caught:
        take_all(drafts(*changes, body=body), NO_RULES)
    return caught.value.faults


ADA = {
    "eventId": "evt_1",
    "occurredAt": "2026-11-21T12:00:00Z",
    "operation": "upsert",
    "objectType": "contacts",
    "idProperty": "email",
    "id": "ada@example.com",
    "properties": {"firstname": "Ada"},
}


def test_a_payload_becomes_a_change_event():
    assert drafts(a_change()).wires == [ADA]


def test_headers_and_constants_can_be_mapped():
    change = a_change(
        fields={
            "id": "body.customer.mail",
            "event_id": 'headers."x-delivery"',
            "occurred_at": "'2026-11-21T12:00:00+01:00'",
            "sequence": "`7`",
        },
        properties={"plan": "'free'", "seats": "`12`", "newsletter": "`true`"},
    )
    (wire,) = drafts(change, headers={"x-delivery": "d-1"}).wires
    assert wire == ADA | {
        "eventId": "d-1",
        "occurredAt": "2026-11-21T11:00:00Z",
        "sequence": 7,
        "properties": {"plan": "free", "seats": 12, "newsletter": True},
    }


# Null, and what is not there


@pytest.mark.parametrize(
    ("expression", "properties"),
    [
        ("body.customer.name", {"p": "Ada"}),
        ("body.customer.phone", {}),
        ("body.customer.fax", {}),
        ("member(body.customer, 'name')", {"p": "Ada"}),
        ("member(body.customer, 'phone')", {"p": ""}),
        ("member(body.customer, 'fax')", {}),
        ("member(body.company, 'fax')", {}),
        ("not_null(body.customer.phone, '')", {"p": ""}),
        ("not_null(body.customer.fax, '')", {"p": ""}),
        ("''", {"p": ""}),
        ("`false`", {"p": False}),
        ("`0`", {"p": 0}),
        ("`[]`", {"p": []}),
    ],
)
def test_null_and_absence_leave_a_property_alone_unless_the_mapping_says_otherwise(
    expression, properties
):
    assert properties_of(expression) == properties


# Tables of values

PLANS = {"gold": "GOLD", "true": "YES", "12": "DOZEN", "": "NONE", "a;b": "BOTH"}


def translated_by(table, found):
    change = a_change(properties={"p": "body.plan"}, values={"p": table})
    (wire,) = drafts(change, body=BODY | {"plan": found}).wires
    return wire["properties"]


@pytest.mark.parametrize(
    ("found", "properties"),
    [
        ("gold", {"p": "GOLD"}),
        (True, {"p": "YES"}),
        (12, {"p": "DOZEN"}),
        (Decimal("12.0"), {"p": "DOZEN"}),
        ("", {"p": "NONE"}),
        (["gold", 12], {"p": ["GOLD", "DOZEN"]}),
        ([], {"p": []}),
        (None, {}),
    ],
)
def test_a_value_is_translated_by_its_table(found, properties):
    assert translated_by(PLANS, found) == properties


def test_a_value_that_a_table_lacks_is_that_of_all_others_or_a_fault():
    assert translated_by(PLANS | {"*": "OTHER"}, "tin") == {"p": "OTHER"}
    assert translated_by(PLANS | {"*": ""}, ["gold", "tin"]) == {"p": ["GOLD", ""]}
    change = a_change(properties={"p": "body.plan"}, values={"p": PLANS})
    assert faults(change, body=BODY | {"plan": "tin"}) == [
        Fault(
            "/change/0/properties/p",
            "is none of the values in its table, which has no row '*'",
        )
    ]


# Which payloads, and which elements


@pytest.mark.parametrize(
    ("when", "count"),
    [
        (None, 1),
        ("body.type == 'customer.updated'", 1),
        ("body.type == 'ping'", 0),
        ("body.nothing", 0),
        ("`0`", 1),
        ("''", 0),
        ("`[]`", 0),
        ("item.id == 'evt_1'", 1),
    ],
)
def test_a_change_is_about_the_payloads_for_which_its_condition_holds(when, count):
    found = drafts(a_change(when=when))
    assert (len(found.wires), found.ignored, found.faults) == (count, 1 - count, [])


def items(*names):
    """A body with an element for each name."""
    each = [{"mail": f"{name}@example.com", "at": 1795262400, "name": name} for name in names]
    return {"id": "evt_1", "items": each}


def test_each_element_of_a_list_becomes_an_event_with_its_place_in_the_id():
    found = drafts(a_change_for_each(firstname="item.name"), body=items("ada", "bob"))
    assert [(wire["eventId"], wire["id"], wire["properties"]) for wire in found.wires] == [
        ("evt_1#0", "ada@example.com", {"firstname": "ada"}),
        ("evt_1#1", "bob@example.com", {"firstname": "bob"}),
    ]


def test_elements_that_no_change_is_about_are_counted_as_ignored():
    changes = [a_change_for_each(when=f"item.name == '{name}'") for name in ("ada", "bob")]
    found = drafts(*changes, body=items("eve", "ada", "ida", "bob"))
    assert [wire["eventId"] for wire in found.wires] == ["evt_1#1", "evt_1#3"]
    assert found.ignored == 2


def test_a_payload_of_which_nothing_came_counts_as_one_ignored():
    assert drafts(a_change_for_each(), body=items()).ignored == 1
    assert drafts(a_change(when="`false`"), a_change(when="`false`")).ignored == 1


def test_a_list_of_another_kind_of_payload_need_not_be_there():
    change = a_change_for_each(when="body.type == 'batch'")
    assert drafts(change, body={"type": "ping", "items": "none"}).ignored == 1
    assert faults(change, body={"type": "batch"}) == [Fault("/change/0/for_each", "gives no list")]


def test_all_changes_about_a_payload_apply_and_their_event_ids_differ():
    company = a_change(object_type="companies", id_property="domain")
    found = drafts(a_change(), a_change(when="`false`"), company)
    assert [(wire["eventId"], wire["objectType"]) for wire in found.wires] == [
        ("evt_1", "contacts"),
        ("evt_1+2", "companies"),
    ]


# What an event is made of


@pytest.mark.parametrize(
    ("found", "occurred_at"),
    [
        ("2026-11-21T12:00:00.1234567+01:00", "2026-11-21T11:00:00.123456Z"),
        (0, "1970-01-01T00:00:00Z"),
        (1795262400, "2026-11-21T12:00:00Z"),
        (Decimal("1795262400.123456789"), "2026-11-21T12:00:00.123456Z"),
        (99_999_999_999, "5138-11-16T09:46:39Z"),
        (100_000_000_000, "1973-03-03T09:46:40Z"),
        (1795262400123, "2026-11-21T12:00:00.123000Z"),
        (1795262400123456, "2026-11-21T12:00:00.123456Z"),
        (1795262400123456789, "2026-11-21T12:00:00.123456Z"),
        ("1795262400.000200", "2026-11-21T12:00:00.000200Z"),
        (-1, "1969-12-31T23:59:59Z"),
        ("-1795262400123", "1913-02-10T11:59:59.877000Z"),
        ("2026-11-21T12:00:00+0100", "2026-11-21T11:00:00Z"),
        ("2026-11-21T12:00:00.5-0130", "2026-11-21T13:30:00.500000Z"),
    ],
)
def test_a_moment_is_rfc_3339_or_a_number_whose_magnitude_tells_its_unit(found, occurred_at):
    (wire,) = drafts(a_change(), body=BODY | {"created": found}).wires
    assert wire["occurredAt"] == occurred_at


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"created": None}, Fault("/change/0/fields/occurred_at", "is null, or not there")),
        (
            {"created": 10**21},
            Fault("/change/0/fields/occurred_at", "is no time between the years 1 and 9999"),
        ),
        (
            {"created": True},
            Fault(
                "/change/0/fields/occurred_at",
                "is neither RFC 3339 nor a number of a time since 1970",
            ),
        ),
        (
            {"created": Decimal("1e999999")},
            Fault("/change/0/fields/occurred_at", "is no time between the years 1 and 9999"),
        ),
        (
            {"created": "yesterday"},
            Fault(
                "/change/0/fields/occurred_at",
                "must be RFC 3339 with an offset, like 2026-11-21T10:00:00Z",
            ),
        ),
        ({"id": None}, Fault("/change/0/fields/event_id", "is null, or not there")),
        ({"id": ""}, Fault("/change/0/fields/event_id", "is empty")),
        ({"id": []}, Fault("/change/0/fields/event_id", "is neither text nor a whole number")),
        ({"id": True}, Fault("/change/0/fields/event_id", "is neither text nor a whole number")),
        ({"customer": {}}, Fault("/change/0/fields/id", "is null, or not there")),
        ({"customer": {"mail": " "}}, Fault("/change/0/fields/id", "is empty")),
        (
            {"customer": {"mail": "a@example.com", "name": {"first": "Ada"}}},
            Fault(
                "/change/0/properties/firstname", "is an object; HubSpot's properties are flat"
            ),
        ),
    ],
)  # fmt: skip
def test_a_fault_points_to_the_expression_that_made_it(fields, complaint):
    assert faults(a_change(), body=BODY | fields) == [complaint]


def test_a_whole_number_can_be_an_event_id():
    (wire,) = drafts(a_change(), body=BODY | {"id": 42}).wires
    assert wire["eventId"] == "42"


def test_every_fault_of_every_element_is_told():
    body = items("ada", "bob") | {"id": None}
    body["items"][1]["at"] = "never"
    change = a_change_for_each(firstname="lower(item)")
    assert faults(a_change(when="lower(body)"), change, body=body) == [
        Fault("/change/0/when", "lower() does not take this: object"),
        Fault("/change/1/fields/event_id", "element 0: is null, or not there"),
        Fault("/change/1/properties/firstname", "element 0: lower() does not take this: object"),
        Fault("/change/1/fields/event_id", "element 1: is null, or not there"),
        Fault(
            "/change/1/fields/occurred_at",
            "element 1: must be RFC 3339 with an offset, like 2026-11-21T10:00:00Z",
        ),
        Fault("/change/1/properties/firstname", "element 1: lower() does not take this: object"),
    ]


def test_where_invalid_events_are_ignored_the_valid_ones_beside_them_are_taken():
    body = items("ada", "bob", "eve", "ida", "joe")
    body["items"][1]["mail"] = " "
    body["items"][2]["at"] = None
    change = a_change_for_each(when="item.name != 'ida'", firstname="item.name")
    taken = take_valid(drafts(change, body=body), NO_RULES)
    assert [event.id for event in taken.events] == ["ada@example.com", "joe@example.com"]
    assert (len(taken.encoded), taken.ignored) == (2, 1)
    assert [unmade.place for unmade in taken.unmade] == [Place(0, 2), Place(0, 1)]
    assert taken.faults == (
        Fault("/change/0/fields/occurred_at", "element 2: is null, or not there"),
        Fault("/change/0/fields/id", "element 1: is empty"),
    )


# Limits


def test_a_payload_may_mean_as_many_events_as_a_request_and_no_more():
    body = items(*["ada"] * EVENTS_PER_REQUEST_MAX)
    assert len(drafts(a_change_for_each(), body=body).wires) == EVENTS_PER_REQUEST_MAX
    more = items(*["ada"] * (EVENTS_PER_REQUEST_MAX + 1))
    assert faults(a_change_for_each(), body=more) == [
        Fault("/change/0/for_each", "gives 1001 elements; the limit is 1000")
    ]
    assert faults(a_change_for_each(), a_change_for_each(), body=body) == [
        Fault("/change", "gives more than 1000 events")
    ]


def test_an_expression_that_goes_through_the_body_for_each_element_ends_with_the_budget():
    change = a_change_for_each(firstname="body.items[?name == 'eve'] | [0].name")
    body = items(*["ada"] * EVENTS_PER_REQUEST_MAX)
    assert faults(change, body=body) == [
        Fault("/change", f"takes more than {MAPPING_STEPS_MAX} steps for this payload")
    ]


# Mistakes of the operator


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, []),
        ({"properties": {"email": "body.customer.mail"}}, []),
        ({"operation": "archive", "properties": {}}, []),
        ({"operation": "archive"}, ["/properties"]),
        ({"operation": "update"}, ["/id_property"]),
        ({"operation": "update", "id_property": None, "properties": {}}, ["/properties"]),
        ({"id_property": None}, ["/id_property"]),
        ({"id_property": "hs_object_id"}, ["/id_property"]),
        ({"object_type": "dragons"}, ["/object_type"]),
        ({"properties": {"a b": "body"}}, ["/properties/a b"]),
        ({"values": {"firstname": {"a": "b"}}}, []),
        ({"values": {"lastname": {"a": "b"}}}, ["/values/lastname"]),
        ({"properties": {"a": "body", "A": "body"}}, ["/properties"]),
    ],
)
def test_what_would_spoil_every_event_is_found_without_any(fields, pointers):
    assert [fault.pointer for fault in mistakes(a_change(**fields), NO_RULES)] == pointers
