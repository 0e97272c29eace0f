"""Whatever a payload holds, a mapping makes valid events of it or says why not."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hubsync.core import json_codec
from hubsync.core.event import Rules, encode_event, parse_events
from hubsync.core.payloads.jmespath_evaluation import Evaluation, Failed, TooCostly
from hubsync.core.payloads.jmespath_expression import parse_expression
from hubsync.core.payloads.jmespath_functions import Functions
from hubsync.core.payloads.mapper import map_payload
from hubsync.core.payloads.source import load_source
from hubsync.core.payloads.unvalidated import take_all
from hubsync.errors import InvalidEvents
from hubsync.ingest import take
from tests.examples import FOLDER, HEADERS, PAYLOADS, payloads
from tests.strategies import LAW, TEXT

SOURCES = {name: load_source(FOLDER / f"{name.partition('-')[0]}.toml") for name in payloads()}
BODIES = {name: (PAYLOADS / f"{name}.json").read_bytes() for name in payloads()}
NAMES = ("headers", "body", "item")

# As the strict parser gives it, with numbers and texts that have been trouble somewhere.
NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
TROUBLE = st.sampled_from(
    [
        10**999,
        Decimal("1e999999"),
        Decimal("-1e-999999"),
        2**63,
        "1795262400.5",
        "NaN",
        ";a",
        "\x00",
    ]
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT | TROUBLE
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


def places(value, path=()):
    """Every place in a JSON value, as the steps that lead there."""
    yield path
    if isinstance(value, dict | list):
        steps = value if isinstance(value, dict) else range(len(value))
        for step in steps:
            yield from places(value[step], (*path, step))


def put(value, path, replacement):
    if not path:
        return replacement
    parent = value
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = replacement
    return value


@st.composite
def mangled(draw):
    """A payload of an example with other JSON in a place or two."""
    name = draw(st.sampled_from(payloads()))
    body = json_codec.parse(BODIES[name])
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(sorted(places(body), key=str)))
        body = put(body, path, draw(JSON))
    return name, body


@LAW
@given(mangled())
def test_a_mangled_payload_is_taken_in_or_told_to_be_invalid(payload):
    name, body = payload
    source = SOURCES[name]
    rules = Rules(properties_allowed=source.properties_allowed)
    taken = take(source, HEADERS.get(name, {}), body, rules)
    assert len(taken.encoded) + taken.ignored + len(taken.unmade) >= 1
    assert bool(taken.faults) == bool(taken.unmade or taken.refused)
    events = [json.loads(text, parse_float=Decimal) for text in taken.encoded]
    assert parse_events(events, rules._replace(empty_updates=True)) == taken.events
    marks = [event.pop("refused", {}) for event in events]
    assert list(map(encode_event, taken.events)) == events
    assert sum(map(len, marks)) == taken.refused
    try:
        drafts = map_payload(source.change, headers=HEADERS.get(name, {}), body=body)
        everything = take_all(drafts, rules)
    except InvalidEvents:
        assert taken.faults
    else:
        assert (everything.events, everything.ignored) == (taken.events, taken.ignored)


@st.composite
def calls(draw):
    """A call of any function, with as many arguments as it takes, each from anywhere in a body."""
    name = draw(st.sampled_from(sorted(Functions.FUNCTION_TABLE)))
    signature = Functions.FUNCTION_TABLE[name]["signature"]
    references = st.sampled_from(["body.a", "body.b", "body", "'a'", "`1.5`", "keys(body)"])
    expressions = st.sampled_from(["&@", "&a", "&length(@)"])
    arguments = [draw(expressions if "expref" in p["types"] else references) for p in signature]
    return f"{name}({', '.join(arguments)})"


@LAW
@given(calls(), JSON, JSON)
def test_a_function_finds_json_or_fails_whatever_it_is_given(call, a, b):
    expression = parse_expression(call, names=NAMES)
    try:
        found = Evaluation(10_000).value(expression, {"body": {"a": a, "b": b}})
    except (Failed, TooCostly):
        return
    assert isinstance(found, dict | list | str | int | Decimal | bool | None)
