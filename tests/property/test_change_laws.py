"""Coalescing ignores order, repetition and grouping."""

from functools import reduce
from operator import or_

from hypothesis import given
from hypothesis import strategies as st

from hubsync.core.change import coalesce, merged
from tests.builders import ADA
from tests.strategies import LAW, PILES, changes

SAME = changes(st.just(ADA))
MANY = st.lists(changes(), max_size=8)


@LAW
@given(SAME, SAME)
def test_merging_is_commutative(one, other):
    assert one | other == other | one


@LAW
@given(SAME, SAME, SAME)
def test_merging_is_associative(one, two, three):
    assert (one | two) | three == one | (two | three)


@LAW
@given(SAME)
def test_merging_is_idempotent(change):
    assert change | change == change


@LAW
@given(MANY, st.randoms())
def test_coalescing_ignores_order(many, random):
    shuffled = random.sample(many, len(many))
    assert coalesce(shuffled) == coalesce(many)


@LAW
@given(MANY)
def test_coalescing_ignores_repetition(many):
    assert coalesce([*many, *many]) == coalesce(many)


@LAW
@given(MANY, st.integers(0, 8))
def test_coalescing_ignores_grouping(many, place):
    parts = [*coalesce(many[:place]).values(), *coalesce(many[place:]).values()]
    assert coalesce(parts) == coalesce(many)


@LAW
@given(st.lists(SAME, min_size=1, max_size=8))
def test_coalescing_is_merging(many):
    assert coalesce(many) == {ADA: reduce(or_, many)}


@LAW
@given(PILES, PILES)
def test_the_newest_reading_stands_in_front_and_none_is_lost(one, other):
    readings = merged(one, other)
    assert readings[0] == max(*one, *other)
    assert set(readings) == {*one, *other}
    assert len(readings) == len(set(readings))
