"""How much of HubSpot's rate limit consumers use who share it, on a clock that costs nothing."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from http import HTTPStatus
from typing import NamedTuple

from hubspot_emulator import Limits
from hubsync.core.message import pack
from hubsync_bench.events import HEAD, accepted, unique
from hubsync_bench.figures import Figure, Section, Table
from hubsync_local.virtual.pipeline import Pipeline

CONSUMERS = (1, 4, 16)
LIMIT = 100  # calls in ten seconds: the smallest HubSpot publishes
WINDOW_SECONDS = 10
WINDOWS = (1, 2)  # the first one starts up, and those after may run dry
EVENTS = LIMIT * 100 * (len(WINDOWS) + 2)
MESSAGES = 12  # of an invocation, with some 250 events each
JITTER_SECONDS = 0.2
PROCESSES = 2

ABOUT = f"""
The whole consumer, with a ledger and the shared budget in memory and the emulator counting, on a
virtual clock: a backlog of {EVENTS:,} events, a limit of {LIMIT} calls in ten seconds, and up to
{JITTER_SECONDS} s for a call to get to HubSpot. The share is that of the worst of {len(WINDOWS)}
windows of ten seconds.
"""


class Used(NamedTuple):
    """The calls of the worst window, and the answers 429 of all."""

    worst: int
    throttled: int


def section() -> Section:
    with ProcessPoolExecutor(PROCESSES) as pool:
        used = list(pool.map(_used, CONSUMERS))
    rows = [
        (count, each.worst, each.worst / LIMIT, each.throttled)
        for count, each in zip(CONSUMERS, used, strict=True)
    ]
    shares = [share for _, _, share, _ in rows]
    return Section(
        "Rate limit",
        ABOUT,
        [
            Figure("share of the limit, at worst", min(shares), at_least=0.95, tracked=True),
            Figure("answers 429, in all", sum(each.throttled for each in used), at_most=0),
        ],
        Table(("consumers", "calls in ten seconds", "share of the limit", "answers 429"), rows),
    )


def _used(consumers: int) -> Used:
    pipeline = Pipeline(
        consumers=consumers,
        limit=LIMIT,
        limits=Limits(per_10_seconds=LIMIT, daily=0),
        jitter=JITTER_SECONDS,
        window=MESSAGES,
    )
    start = pipeline.now()
    for body in pack(accepted(unique(EVENTS)), head=HEAD):
        pipeline.sqs.put(body, visible_at=start)
    pipeline.run()
    calls = pipeline.hubspot.calls
    return Used(
        _worst([call.time - start for call in calls]),
        sum(call.status == HTTPStatus.TOO_MANY_REQUESTS for call in calls),
    )


def _worst(times: Sequence[float]) -> int:
    """Count the calls of the window that had the fewest."""
    counts = Counter(int(time // WINDOW_SECONDS) for time in times)
    return min(counts[window] for window in WINDOWS)
