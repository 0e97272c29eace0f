import pytest

from hubsync.core.backoff import backoff_seconds


@pytest.mark.parametrize(
    ("tries", "seconds"),
    [(0, 5), (1, 10), (2, 20), (7, 640), (8, 900), (9, 900), (10**6, 900)],
)
def test_the_delay_doubles_from_5_seconds_to_15_minutes(tries, seconds):
    assert backoff_seconds(tries, luck=0.0) == seconds


def test_luck_shortens_a_delay_by_a_tenth_at_most():
    assert [backoff_seconds(9, luck=luck) for luck in (0.0, 0.5, 1.0)] == [900, 855, 810]


@pytest.mark.parametrize(
    ("at_least", "seconds"), [(2.0, 5), (7.4, 7), (60.0, 60), (86_400.0, 900), (float("inf"), 900)]
)
def test_hubspots_wish_lengthens_a_delay_but_not_beyond_what_sqs_can_hold(at_least, seconds):
    assert backoff_seconds(0, luck=0.0, at_least=at_least) == seconds
