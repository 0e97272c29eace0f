"""CPU per event, hubsync's beside the SDK's, and per request of ingest."""

from collections.abc import Iterator
from contextlib import ExitStack

from bench.events import Anew, accepted, as_they_came, request, unique
from bench.figures import Figure, Section
from bench.processes import Worker, stand_in, worker

EVENTS = 10_000  # in an invocation
WARM = 500
ROUNDS = 4
REQUESTS = (1, 10, 100, 1000)  # events in one
REQUEST_ROUNDS = 12

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
    subjects = {
        "consumer": accepted,
        "consumer without ledger": accepted,
        "SDK, batches": as_they_came,
    }
    modules = ("bench.consumer.deployed", "bench.consumer.without_ledger", "bench.sdk.unmerged")
    with ExitStack() as stack:
        workers = [
            stack.enter_context(worker(module, aws=aws, hubspot=hubspot)) for module in modules
        ]
        for each, wrap in zip(workers, subjects.values(), strict=True):
            each.invoke(wrap(unique(WARM)))
        windows = [Anew(wrap(unique(EVENTS))) for wrap in subjects.values()]
        rounds = [
            [each.invoke(next(window)).cpu for each, window in zip(workers, windows, strict=True)]
            for _ in range(ROUNDS)
        ]
    ours, bare, sdk = (min(some) / EVENTS * 1e6 for some in zip(*rounds, strict=True))
    for name, value in zip(subjects, (ours, bare, sdk), strict=True):
        yield Figure(f"{name}, per event", value, "us")
    yield Figure("consumer without ledger / SDK", bare / sdk, at_most=0.5, tracked=True)
    yield Figure("consumer with ledger / SDK", ours / sdk, at_most=2.25, tracked=True)


def _requests(aws: str, hubspot: str) -> Iterator[Figure]:
    with worker("bench.ingest.deployed", aws=aws, hubspot=hubspot) as ingest:
        for count in REQUESTS:
            seconds = _request_seconds(ingest, count)
            at_most = 60 if count == max(REQUESTS) else None
            yield Figure(f"ingest, request of {count:,}", seconds * 1e3, "ms", at_most=at_most)


def _request_seconds(ingest: Worker, count: int) -> float:
    event = request(unique(count))
    ingest.invoke(event)
    return min(ingest.invoke(event).cpu for _ in range(REQUEST_ROUNDS))
