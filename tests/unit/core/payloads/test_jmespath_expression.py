"""Expressions: what they find in a payload as the strict parser reads it, and what is refused."""

import json
from decimal import Decimal

import pytest

from hubsync.core import json_codec
from hubsync.core.payloads.jmespath_evaluation import Evaluation, Failed, TooCostly
from hubsync.core.payloads.jmespath_expression import parse_expression

NAMES = ("headers", "body", "item")
BODY = json_codec.parse(rb"""{
  "name": " Ada ", "note": null, "tenth": 0.1, "seats": 12, "row": 9007199254740993,
  "huge": 1e999999, "tags": "vip, gold", "labels": ["b", "a"], "empty": [], "at": 1795262400123,
  "merges": [{"at": 1, "ids": [2, 3]}, {"ids": []}, {"ids": 4}, {}, 5],
  "flags": [{"on": true}, {"on": 1}], "last": 253402300799.9999999999999999999999999999999,
  "lines": [{"price": 19.90}, {"price": 0.10}], "address": {"city": "L\u00fcbeck", "zip": 1.50}
}""")


def find(text, body=BODY, *, steps=1_000):
    expression = parse_expression(text, names=NAMES)
    return Evaluation(steps).value(expression, {"headers": {}, "body": body, "item": body})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("body.seats", 12),
        ("body.seats.deeper", None),
        ("body.nothing.at.all", None),
        ("headers.body", None),
        ('body."seats"', 12),
        ("'constant'", "constant"),
        ("!(body.note)", True),
        ("!contains(body.labels, 'c')", True),
        ("`true`", True),
        ("body.tenth == `0.1`", True),
        ("body.tenth < `0.2` && body.seats >= `12`", True),
        ("body.row", 9007199254740993),
        ("body.row == `9007199254740992`", False),
        ("sum(body.lines[].price)", Decimal("20.00")),
        ("sum([body.row, `1`])", 9007199254740994),
        ("sum(body.empty)", 0),
        ("avg(body.lines[].price)", Decimal("10.00")),
        ("avg(body.empty)", None),
        ("max([body.tenth, body.seats])", 12),
        ("sort([body.seats, body.tenth])", [Decimal("0.1"), 12]),
        ("sort_by(body.lines, &price)[0].price", Decimal("0.10")),
        ("abs(`-1.5`)", Decimal("1.5")),
        ("abs(`-3`)", 3),
        ("ceil(body.tenth)", Decimal(1)),
        ("floor(body.tenth)", Decimal(0)),
        ("floor(body.seats)", 12),
        ("ceil(body.huge)", Decimal("1e999999")),
        ("type(body.tenth)", "number"),
        ("to_number('0.10')", Decimal("0.10")),
        ("to_number('9007199254740993')", 9007199254740993),
        ("to_number('1e5')", Decimal("1e5")),
        ("to_number('NaN')", None),
        ("to_number(body.seats)", 12),
        ("to_number(`true`)", None),
        ("to_string(body.name)", " Ada "),
        ("to_string(body.tenth)", "0.1"),
        ("to_string(body.address)", '{"city":"L\u00fcbeck","zip":1.50}'),
        ("to_string([body.note, `true`])", "[null,true]"),
        ("trim(body.name)", "Ada"),
        ("lower(trim(body.name))", "ada"),
        ("upper(body.tags)", "VIP, GOLD"),
        ("split(body.tags, ', ')", ["vip", "gold"]),
        ("map(&trim(@), split(body.tags, ','))", ["vip", "gold"]),
        ("join(';', sort(body.labels))", "a;b"),
        ("lower(body.nothing)", None),
        ("split(body.nothing, ',')", None),
        ("from_seconds(`0`)", "1970-01-01T00:00:00Z"),
        ("from_seconds(`1795262400.5`)", "2026-11-21T12:00:00.500000Z"),
        ("from_milliseconds(body.at)", "2026-11-21T12:00:00.123000Z"),
        ("from_milliseconds(`86400000000`)", "1972-09-27T00:00:00Z"),
        ("from_milliseconds(body.nothing)", None),
        ("from_days(`20778`)", "2026-11-21T00:00:00Z"),
        ("from_days(`-1`)", "1969-12-31T00:00:00Z"),
        ("from_days('20778.5')", "2026-11-21T12:00:00Z"),
        ("from_seconds(`-1.5`)", "1969-12-31T23:59:58.500000Z"),
        ("from_seconds(`-62135596800`)", "0001-01-01T00:00:00Z"),
        ("from_seconds(body.last)", "9999-12-31T23:59:59.999999Z"),
        ("from_microseconds(`1780000000000123`)", "2026-05-28T20:26:40.000123Z"),
        ("from_microseconds(`100000000000`)", "1970-01-02T03:46:40Z"),
        ("from_microseconds('-1')", "1969-12-31T23:59:59.999999Z"),
        ("from_nanoseconds(`1780000000000123999`)", "2026-05-28T20:26:40.000123Z"),
        ("from_nanoseconds(body.nothing)", None),
        ("date('2026-11-21')", 1795219200000),
        ("date('2026-11-21T00:30:00+02:00')", 1795219200000),
        ("date('2026-11-21T23:30:00-0500')", 1795219200000),
        ("date(from_days(`-1`))", -86400000),
        ("date(body.nothing)", None),
        ("divide(`1999`, `100`)", Decimal("19.99")),
        ("divide(body.row, `1000`)", Decimal("9007199254740.993")),
        ("divide(`6`, `3`)", Decimal(2)),
        ("divide(`1`, `3`)", Decimal("0." + 30 * "3")),
        ("divide(body.nothing, `100`)", None),
        ("round(divide(`1`, `3`), `2`)", Decimal("0.33")),
        ("round(`2.345`, `2`)", Decimal("2.35")),
        ("round(`-2.5`, `0`)", Decimal(-3)),
        ("round(body.seats, `2`)", 12),
        ("round(body.nothing, `2`)", None),
        ("find(body.lines, 'price', body.tenth)", {"price": Decimal("0.10")}),
        ("find(body.lines, 'price', `19.9`).price", Decimal("19.90")),
        ("find(body.lines, 'price', '0.1')", None),
        ("find(body.lines, 'price', body.nothing)", None),
        ("find(body.labels, 'price', `1`)", None),
        ("find(body.nothing, 'price', `1`)", None),
        ("find(body.flags, 'on', `1`)", {"on": 1}),
        ("find(body.flags, 'on', `true`)", {"on": True}),
        ("to_milliseconds('2026-11-21T12:00:00.1239Z')", 1795262400123),
        ("to_milliseconds('2026-11-21T13:00:00.123+0100')", 1795262400123),
        ("to_milliseconds('1969-12-31T23:59:59.9999Z')", -1),
        ("to_milliseconds(body.nothing)", None),
        ("unwind(body.merges, 'ids')", [{"at": 1, "ids": 2}, {"at": 1, "ids": 3}]),
        ("unwind(body.nothing, 'ids')", None),
        ("member(body, 'seats')", 12),
        ("member(body, 'note')", ""),
        ("member(body, 'nothing')", None),
        ("member(body.nothing, 'note')", None),
        ("not_null(body.note, '')", ""),
    ],
)
def test_an_expression_finds(text, found):
    result = find(text)
    assert (result, type(result)) == (found, type(found))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("starts_with(body.note, 'a')", "starts_with() does not take this: null"),
        ("sum(body.labels)", "sum() does not take this: string"),
        ("trim(body.tenth)", "trim() does not take this: number"),
        ("sort_by(body.lines, &@)", "sort_by() does not take this: object"),
        ("body.name < body.seats", "cannot be worked out for this payload"),
        ("contains(body.name, body.seats)", "cannot be worked out for this payload"),
        ("split(body.tags, '')", "split() needs a separator"),
        ("to_milliseconds(body.name)", "to_milliseconds() was given what is no moment"),
        ("to_milliseconds(body.at)", "to_milliseconds() does not take this: number"),
        ("to_milliseconds('1795262400123')", "to_milliseconds() was given what is no moment"),
        ("date(body.at)", "date() does not take this: number"),
        ("date('2026-02-30')", "date() was given what is no moment"),
        ("date('21.11.2026')", "date() was given what is no moment"),
        # Debezium's infinite times (documented).
        (
            "from_microseconds(`9223372036825200000`)",
            "from_microseconds() was given what is no moment",
        ),
        (
            "from_microseconds(`-9223372036832400000`)",
            "from_microseconds() was given what is no moment",
        ),
        ("from_days(`2147483647`)", "from_days() was given what is no moment"),
        ("from_seconds(`253402300800`)", "from_seconds() was given what is no moment"),
        ("from_seconds(`-62135596801`)", "from_seconds() was given what is no moment"),
        ("divide(body.seats, `0`)", "divide() was given nothing to divide by"),
        ("divide(body.huge, body.tenth)", "cannot be worked out for this payload"),
        ("round(body.tenth, `-1`)", "round() takes 0 to 32 places"),
        ("round(body.tenth, `1.5`)", "round() takes 0 to 32 places"),
        ("round(body.huge, `2`)", "cannot be worked out for this payload"),
        ("find(body.lines, 'price', body.lines)", "find() looks for text, a number or a boolean"),
        ("from_seconds(body.at)", "from_seconds() was given what is no moment"),
        ("from_seconds(body.huge)", "from_seconds() was given what is no moment"),
    ],
)
def test_an_expression_fails_without_quoting_the_payload(text, reason):
    with pytest.raises(Failed) as caught:
        find(text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("type == 'x'", "'type' is not there; an expression begins with one of headers, body"),
        ("body.items[?type == 'x'] || other", "'other' is not there"),
        ("lower(name)", "'name' is not there"),
        ("foo(body)", "there is no function foo()"),
        ("lower()", "lower() takes 1 arguments, not 0"),
        ("lower(body, body)", "lower() takes 1 arguments, not 2"),
        ("not_null()", "not_null() takes at least 1 arguments, not 0"),
        ("map(body.items, body.items)", "an expression with &"),
        ("&body", "an expression with &"),
        ("not_null(&body)", "an expression with &"),
        ("!body.deleted", "write !(a.b) instead of !a.b"),
        ("body..x", "is no JMESPath"),
        ("body.", "is no JMESPath"),
        ("'open", "is no JMESPath"),
        ("", "is no JMESPath"),
        ("(" * 5_000, "is nested too deeply"),
        (12, "must be JMESPath in quotes"),
        (True, "must be JMESPath in quotes"),
    ],
)
def test_a_mistake_is_found_before_any_payload(text, mistake):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_expression(text, names=NAMES)
    assert mistake in str(caught.value)


def test_names_within_a_list_are_the_elements_own():
    text = "body.lines[?price > `1`].price | [0]"
    assert find(text) == Decimal("19.90")


def test_an_expression_that_is_used_elsewhere_keeps_its_own_literals():
    """The parser keeps the trees it has made; ours are copies."""
    assert type(find("`0.1`")) is Decimal
    assert type(find("`0.1`")) is Decimal


@pytest.mark.parametrize(
    "text",
    [
        "body.many[?@ == `1`]",
        "body.many[]",
        "body.many[1:]",
        "map(&@, body.many)",
        "lower(body.long)",
        "to_string(body)",
        "join('', [body.long, body.long])",
    ],
)
def test_work_grows_with_the_payload_and_ends_with_the_budget(text):
    body = {"many": [1] * 5_000, "long": "x" * 200_000}
    with pytest.raises(TooCostly):
        find(text, body, steps=2_000)
    assert find(text, json.loads('{"many": [1], "long": "x"}'), steps=100) is not None
