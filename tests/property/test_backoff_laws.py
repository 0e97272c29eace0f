"""A delay is always one that SQS takes."""

from hypothesis import given
from hypothesis import strategies as st

from hubsync.core.backoff import backoff_seconds
from hubsync.core.limits import BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN
from tests.strategies import LAW

TRIES = st.integers(0, 10**9)
LUCK = st.floats(0, 1)
WISH = st.floats(0, allow_nan=False)


@LAW
@given(TRIES, LUCK, WISH)
def test_a_delay_is_bounded(tries, luck, at_least):
    delay = backoff_seconds(tries, luck=luck, at_least=at_least)
    assert BACKOFF_SECONDS_MIN - 1 <= delay <= BACKOFF_SECONDS_MAX


@LAW
@given(TRIES, LUCK, WISH)
def test_a_delay_does_not_grow_shorter_with_tries(tries, luck, at_least):
    delays = [backoff_seconds(tries + n, luck=luck, at_least=at_least) for n in range(3)]
    assert delays == sorted(delays)


@LAW
@given(TRIES, LUCK, WISH)
def test_luck_takes_a_tenth_at_most(tries, luck, at_least):
    whole = backoff_seconds(tries, luck=0.0, at_least=at_least)
    assert backoff_seconds(tries, luck=luck, at_least=at_least) >= whole * 0.9 - 1
