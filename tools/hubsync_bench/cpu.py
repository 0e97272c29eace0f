"""CPU per event, hubsync's beside the SDK's, and per request of ingest."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from hubsync_bench.events import accepted, anew, request, unchanged, unique, window
from hubsync_bench.figures import Figure, Section
from hubsync_bench.processes import Worker, stand_in, worker

EVENTS = 10_000  # in an invocation
WARM = 500
ROUNDS = 4
REQUESTS = (1, 10, 100, 1000)  # events in one
REQUEST_ROUNDS = 12
SUBJECTS = {
    "hubsync_bench.consumer.deployed": accepted,
    "hubsync_bench.consumer.without_ledger": accepted,
    "hubsync_bench.sdk.unmerged": unchanged,
}

ABOUT = f"""
User and system time of the whole process, all its threads, from when the handler is called until it
returns; HubSpot and AWS are other processes. Each invocation has {EVENTS:,} events, each about a
contact of its own. The least of {ROUNDS} invocations counts, taken in turns, so that what else the
machine does meets all alike. The SDK reads the same messages and writes them as they are, a hundred
a call.
"""


def section() -> Section:
    with stand_in("aws") as aws, stand_in("hubspot") as hubspot:
        return Section("CPU", ABOUT, [*_consumers(aws, hubspot), *_requests(aws, hubspot)])


def _consumers(aws: str, hubspot: str) -> Iterator[Figure]:
    ours, bare, sdk = (seconds / EVENTS * 1e6 for seconds in _in_turns(aws, hubspot))
    yield Figure("consumer, per event", ours, "us")
    yield Figure("consumer without ledger, per event", bare, "us")
    yield Figure("SDK, per event", sdk, "us")
    yield Figure("consumer without ledger / SDK", bare / sdk, at_most=0.5, tracked=True)
    yield Figure("consumer with ledger / SDK", ours / sdk, at_most=2.25, tracked=True)


def _in_turns(aws: str, hubspot: str) -> list[float]:
    """Return what each subject took for an invocation at the least."""
    windows = [window(encode(unique(EVENTS))) for encode in SUBJECTS.values()]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(worker(subject, aws=aws, hubspot=hubspot)) for subject in SUBJECTS
        ]
        for each, encode in zip(workers, SUBJECTS.values(), strict=True):
            each.invoke(window(encode(unique(WARM))))
        return [
            min(seconds)
            for seconds in zip(*(_round(workers, windows, n) for n in range(ROUNDS)), strict=True)
        ]


def _round(workers: Iterable[Worker], windows: Iterable[bytes], number: int) -> list[float]:
    pairs = enumerate(zip(workers, windows, strict=True))
    return [each.invoke(anew(some, 10 * number + n)).cpu for n, (each, some) in pairs]


def _requests(aws: str, hubspot: str) -> Iterator[Figure]:
    with worker("hubsync_bench.ingest.deployed", aws=aws, hubspot=hubspot) as ingest:
        for count in REQUESTS:
            seconds = _request_seconds(ingest, count)
            at_most = 60 if count == max(REQUESTS) else None
            yield Figure(f"ingest, request of {count:,}", seconds * 1e3, "ms", at_most=at_most)


def _request_seconds(ingest: Worker, count: int) -> float:
    event = request(unique(count))
    ingest.invoke(event)
    return min(ingest.invoke(event).cpu for _ in range(REQUEST_ROUNDS))
