"""A key that stands twice is found by counting; the oracle looks at every object by itself."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from hubsync.core.json_codec import parse
from hubsync.errors import NotJson
from tests.strategies import LAW

STRINGS = st.sampled_from(
    ['"a"', r'"\u0061"', '"b"', '""', '":"', r'"\""', r'"\\"', r'"\\\""', r'"\":"', '"[{,"']
)
SPACE = st.sampled_from(["", "", " ", "\n", "\t\r "])
PLAIN = STRINGS | st.sampled_from(["0", "-1.5", "2e3", "true", "null"])


@st.composite
def members(draw, inner):
    written = [
        draw(SPACE) + draw(STRINGS) + draw(SPACE) + ":" + draw(SPACE) + draw(inner) + draw(SPACE)
        for _ in range(draw(st.integers(0, 3)))
    ]
    return "{" + ",".join(written) + "}"


def elements(inner):
    return st.lists(inner, max_size=3).map(lambda written: f"[{', '.join(written)}]")


TEXTS = st.recursive(PLAIN, lambda inner: members(inner) | elements(inner), max_leaves=12)


class Twice(Exception):
    pass


def once(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise Twice
    return dict(pairs)


def has_a_key_twice(text):
    try:
        json.loads(text, object_pairs_hook=once)
    except Twice:
        return True
    return False


def complaint(text):
    try:
        parse(text.encode())
    except NotJson as error:
        return str(error)
    return None


@settings(LAW, max_examples=200)
@given(TEXTS)
def test_a_text_is_refused_if_and_only_if_a_key_stands_twice_in_an_object(text):
    expected = "an object has the same key twice" if has_a_key_twice(text) else None
    assert complaint(text) == expected
