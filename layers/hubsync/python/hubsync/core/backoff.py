"""How long a message waits before it is tried again."""

from hubsync.core.limits import BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN

_SHORTENED_BY_MAX = 0.1


def backoff_seconds(tries: int, *, luck: float, at_least: float = 0.0) -> int:
    """Return the delay after `tries` earlier ones: 5 s doubling to 15 min, shortened by up to 10 %.

    `luck` is a random number from 0 to 1, so that what failed together does not come back together.
    """
    doubled = BACKOFF_SECONDS_MIN * 2.0 ** min(tries, 16)
    delay = min(max(doubled, at_least), BACKOFF_SECONDS_MAX)
    return max(1, round(delay * (1 - _SHORTENED_BY_MAX * luck)))
