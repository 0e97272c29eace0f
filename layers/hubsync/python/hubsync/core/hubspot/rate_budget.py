"""The rate budget of one HubSpot account, shared by all consumers: permits as slots in time.

A virtual schedule (GCRA): `next_at` is when the next slot is. A reservation of n permits takes n
slots, each an interval after the one before, and each is used at its time; so however many take,
what is sent in any ten seconds stays below the limit, also where clocks differ by 0.2 s. The same
record is the circuit breaker: while it is `broken` nobody gets a permit, until one probe finds that
HubSpot answers again.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

WINDOW_MS: Final = 10_000  # Documented: HubSpot's burst limit counts ten rolling seconds.
# The rest absorbs clock skew and the jitter of sends: 0.2 s of it moves a call or two across a
# window's edge, so 0.96 would leave some windows below 95 % of the limit. There is no burst, since
# a second call at once is one too many in ten seconds where the limit is 10.
USED_SHARE: Final = 0.97
# For each reply that shows little left, or enough: down fast and up slowly, as TCP does. The faster
# one is for a limit of 100 calls; a smaller limit has fewer replies, which do more each.
SLOWER, FASTER, SHARE_MIN = 0.97, 1.001, 0.05
PROBE_MS: Final = 75_000  # How long a probe may take, and the least time between two.
# Nothing reserves or pauses further ahead than that. What is further came from a clock that was
# wrong, and counts no more.
AHEAD_MAX_MS, AHEAD_SLOTS_MAX = 60_000, 40
PAUSE_MAX_MS: Final = 86_400_000


class Budget(NamedTuple):
    """What all consumers know of an account. Times are ms since 1970."""

    next_at: int = 0
    share: float = 1.0  # of our own pace: less while somebody else uses the same limit
    broken: bool = False
    paused_until: int = 0


@dataclass(frozen=True, slots=True)
class Granted:
    """Slots, soonest first; a probe is a single one, in the middle of a pause."""

    slots: tuple[int, ...]
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Denied:
    """No permit in time: the next would be at this moment."""

    until: int
    broken: bool


def interval_ms(limit: float) -> float:
    """Return the time between two calls under a limit of calls in ten seconds."""
    return WINDOW_MS / (USED_SHARE * limit)


def reserve(
    budget: Budget, permits: int, *, now: int, interval: float, latest: int, first: int = 0
) -> tuple[Budget, Granted | Denied]:
    """Take up to so many slots, none later than `latest`; where none is, one up to `first`."""
    if budget.broken:
        return _probe(budget, now)
    interval /= budget.share
    start = max(budget.next_at, now)
    if start - now > max(AHEAD_MAX_MS, AHEAD_SLOTS_MAX * interval):
        start = now
    slots = [round(start + number * interval) for number in range(permits)]
    granted = tuple(slot for slot in slots if slot <= latest)
    if not granted and slots[0] <= first:
        granted = (slots[0],)
    if not granted:
        return budget, Denied(slots[0], broken=False)
    return budget._replace(next_at=round(start + len(granted) * interval)), Granted(granted)


def given_back(budget: Budget, slot: int, *, interval: float) -> Budget:
    """Return the budget after a slot was not used: that of a probe, or the last one taken.

    A slot before the last one goes by. If another call took its place later, the windows that hold
    the later one alone would have one call too many.
    """
    if budget.broken:
        return budget._replace(paused_until=min(budget.paused_until, slot))
    is_last = slot < budget.next_at <= round(slot + interval / budget.share)
    return budget._replace(next_at=slot) if is_last else budget


def _probe(budget: Budget, now: int) -> tuple[Budget, Granted | Denied]:
    """Let one caller see whether HubSpot answers again; the others wait for what he finds."""
    if now < budget.paused_until <= now + PAUSE_MAX_MS:
        return budget, Denied(budget.paused_until, broken=True)
    return budget._replace(paused_until=now + PROBE_MS), Granted((now,), probe=True)


def slowed(budget: Budget, permits: float, *, now: int, interval: float) -> Budget:
    """Return the budget with slots left out and a slower pace: others use the limit, too."""
    return budget._replace(
        next_at=round(max(budget.next_at, now) + permits * interval),
        share=max(budget.share * SLOWER, SHARE_MIN),
    )


def shared(budget: Budget, others: float) -> Budget:
    """Return the budget with the pace that others leave; they use so much of our own."""
    return budget._replace(share=max(min(budget.share, 1 - others), SHARE_MIN))


def hastened(budget: Budget, limit: float) -> Budget:
    """Return the budget with a pace that grows back, a tenth in ten seconds, to our own."""
    return budget._replace(share=min(budget.share * FASTER ** (100 / limit), 1.0))


def held(budget: Budget, *, until: int) -> Budget:
    """Return the budget with no slot before a moment."""
    return budget._replace(next_at=max(budget.next_at, until))


def broken(budget: Budget, *, until: int) -> Budget:
    """Return the budget of an account that does not answer: one probe after a moment."""
    return budget._replace(broken=True, paused_until=until)


def mended(budget: Budget, *, now: int) -> Budget:
    """Return the budget of an account that answers again."""
    return budget._replace(broken=False, paused_until=0, next_at=max(budget.next_at, now))
