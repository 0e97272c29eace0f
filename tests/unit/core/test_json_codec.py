import json
import time
from decimal import Decimal

import pytest

from hubsync.core.json_codec import PAYLOAD, parse
from hubsync.core.limits import (
    BODY_BYTES_MAX,
    EVENTS_PER_REQUEST_MAX,
    JSON_CONTAINERS_MAX,
    JSON_DEPTH_MAX,
    JSON_NODES_PER_EVENT_MAX,
    JSON_NODES_PER_PAYLOAD_MAX,
    JSON_NUMBER_CHARACTERS_MAX,
)
from hubsync.errors import NotJson

LONG = "9" * JSON_NUMBER_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, true, null, "x"]}', {"a": [1, True, None, "x"]}),
        (b" [] ", []),
        (b"1.10", Decimal("1.10")),
        (b"1e400", Decimal("1e400")),
        (b"-0", 0),
        ('"Zoë 🚀"'.encode(), "Zoë 🚀"),
        (rb'"\ud83d\ude80"', "🚀"),
        (rb'"\\ud800"', "\\ud800"),
        (rb'"\ufffe"', "\ufffe"),
        (rb'"\u0000"', "\0"),
        (LONG.encode(), int(LONG)),
        (f"0.{LONG[:-2]}".encode(), Decimal(f"0.{LONG[:-2]}")),
    ],
    ids=lambda given: repr(given)[:30],
)
def test_a_body_means_what_its_text_spells(body, value):
    assert parse(body) == value


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "is not JSON: Expecting value at line 1, column 1"),
        (b'{"a": 1,}', "is not JSON"),
        (b"{} {}", "Extra data"),
        (b'"' * 9, "more quotes than its strings can have"),
        (b'\xef\xbb\xbf{"a": 1}', "is not JSON"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "not UTF-8"),
        (b'{"a": 1, "a": 1}', "same key twice"),
        (rb'{"a": 1, "\u0061": 2}', "same key twice"),
        (b'[{"b": {"a": 1, "a": 2}}]', "same key twice"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (rb'"\ud800"', "surrogate"),
        (rb'"\uDFFF"', "surrogate"),
        (rb'{"\ud800": 1}', "surrogate"),
        (rb'"\ude80\ud83d"', "surrogate"),
        (f"9{LONG}".encode(), "more than 1000 characters"),
        (f"-{LONG}".encode(), "more than 1000 characters"),
        (f"0.{LONG}".encode(), "more than 1000 characters"),
        (f"[{LONG}9]".encode(), "more than 1000 characters"),
        (b"1e99999999999999999999", "exponent beyond all bounds"),
        (b'"tab\there"', "control character"),
    ],
    ids=lambda given: repr(given)[:40],
)
def test_what_the_standard_parser_is_lax_about_is_refused(body, complaint):
    with pytest.raises(NotJson, match=complaint):
        parse(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'{"a:b": "c:\"d\":", "\\": ":"}', {"a:b": 'c:"d":', "\\": ":"}),
        (b'{"a" : {"b"\n:1}}', {"a": {"b": 1}}),
        (b'{"": {"": ""}}', {"": {"": ""}}),
        (f'["{LONG}9", 1.5]'.encode(), [f"{LONG}9", Decimal("1.5")]),
        (b'["[[[[", ",,,,"]', ["[[[[", ",,,,"]),
        (b'""', ""),
        (b'["",""]', ["", ""]),
        (b'{"":""}', {"": ""}),
    ],
    ids=lambda given: repr(given)[:30],
)
def test_what_stands_in_a_string_is_not_counted(body, value):
    assert parse(body) == value


def nested(levels, opening, closing):
    return (opening * levels + "1" + closing * levels).encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_body_may_be_32_levels_deep_and_no_deeper(opening, closing):
    assert parse(nested(JSON_DEPTH_MAX, opening, closing))
    with pytest.raises(NotJson, match=f"deeper than {JSON_DEPTH_MAX}"):
        parse(nested(JSON_DEPTH_MAX + 1, opening, closing))


def test_an_array_counts_as_a_level_of_its_events():
    assert parse(b"[%s]" % nested(JSON_DEPTH_MAX - 1, '{"a":', "}"))
    with pytest.raises(NotJson, match="deeper"):
        parse(b"[%s]" % nested(JSON_DEPTH_MAX, '{"a":', "}"))


def test_a_body_that_would_exhaust_the_stack_is_refused_as_too_deep():
    with pytest.raises(NotJson, match="deeper"):
        parse(b"[" * 100_000)


def test_a_body_may_hold_131072_objects_and_arrays_and_no_more():
    event = f"[{','.join(['[]'] * 1023)}]"
    body = f"[{','.join([event] * 128)}]"
    assert body.count("[") == JSON_CONTAINERS_MAX + 1
    with pytest.raises(NotJson, match="more than 131072 objects and arrays"):
        parse(body.encode())
    assert parse(body.replace("[]", "{}").replace("{}", "1", 1).encode())


def test_an_array_may_hold_1000_events_and_no_more():
    assert len(parse(f"[{','.join(['1'] * EVENTS_PER_REQUEST_MAX)}]".encode())) == 1000
    for event in ("1", "[1,1]"):
        with pytest.raises(NotJson, match="more than 1000 events"):
            parse(f"[{','.join([event] * (EVENTS_PER_REQUEST_MAX + 1))}]".encode())


@pytest.mark.parametrize("wrap", ["{}", "[1,{}]"], ids=["alone", "in an array"])
def test_an_event_may_have_10000_values_and_no_more(wrap):
    # The event and its list are values, too.
    numbers = ",".join(["1"] * (JSON_NODES_PER_EVENT_MAX - 2))
    assert parse(wrap.format(f'{{"a":[{numbers}]}}').encode())
    with pytest.raises(NotJson, match=f"more than {JSON_NODES_PER_EVENT_MAX} JSON values"):
        parse(wrap.format(f'{{"a":[1,{numbers}]}}').encode())


@pytest.mark.parametrize("wrap", ["{}", "[1,{}]"], ids=["an object", "an array"])
def test_a_payload_may_have_131072_values_and_no_more(wrap):
    # The object and its lists are values, too, and so are the array around it and its 1.
    room = JSON_NODES_PER_PAYLOAD_MAX - 3 - 2 * wrap.count("1")
    numbers = ",".join(["1"] * room)
    assert parse(wrap.format(f'{{"a":[{numbers}],"b":""}}').encode(), PAYLOAD)
    with pytest.raises(NotJson, match="the body has more than 131072 JSON values"):
        parse(wrap.format(f'{{"a":[1,{numbers}],"b":""}}').encode(), PAYLOAD)


def test_a_payload_that_is_an_array_is_no_array_of_events():
    values = [1] * (EVENTS_PER_REQUEST_MAX + 1)
    assert parse(json.dumps(values).encode(), PAYLOAD) == values


def filled(opening, part, closing):
    count = (BODY_BYTES_MAX - 2) // (len(part) + 1)
    return opening + b",".join([part] * count) + closing


@pytest.mark.parametrize(
    "body",
    [
        filled(b"[", b"1.5", b"]"),
        filled(b"[", b"[]", b"]"),
        filled(b"[", b"{}", b"]"),
        filled(b"[", b'""', b"]"),
        filled(b"{", b'"a":1', b"}"),
        b"[" * BODY_BYTES_MAX,
        b"1" * BODY_BYTES_MAX,
        b'"' * BODY_BYTES_MAX,
    ],
    ids=lambda body: repr(body[:10]),
)
def test_a_payload_of_1_mib_that_was_made_to_be_costly_is_refused_in_under_50_ms(body):
    seconds = []
    for _ in range(5):
        start = time.process_time()
        with pytest.raises(NotJson):
            parse(body, PAYLOAD)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.050


def test_half_a_surrogate_pair_is_taken_where_the_form_takes_it():
    body = rb'{"a": "\ud83d"}'
    assert parse(body, PAYLOAD._replace(takes_halves=True)) == {"a": "\ud83d"}
    with pytest.raises(NotJson, match="half of a surrogate pair"):
        parse(body, PAYLOAD)


def test_a_refusal_does_not_quote_the_body():
    with pytest.raises(NotJson) as caught:
        parse(b'{"password": "hunter2" "x"}')
    assert "hunter2" not in str(caught.value)
