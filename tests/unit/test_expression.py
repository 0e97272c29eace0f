"""Expressions: what they find in a payload as the strict parser reads it, and what is refused."""

import json
from decimal import Decimal

import pytest

from hubsync.core import strict_json
from hubsync.core.evaluation import Evaluation, Failed, TooCostly
from hubsync.core.expression import parse_expression

NAMES = ("headers", "body", "item")
BODY = strict_json.parse(rb"""{
  "name": " Ada ", "note": null, "tenth": 0.1, "seats": 12, "row": 9007199254740993,
  "huge": 1e999999, "tags": "vip, gold", "labels": ["b", "a"], "empty": [], "at": 1795262400123,
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
        ("to_milliseconds('2026-11-21T12:00:00.1239Z')", 1795262400123),
        ("to_milliseconds(body.at)", 1795262400123),
        ("to_milliseconds(body.nothing)", None),
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
