"""What a million events cost, beside the SDK behind a queue and in the webhook itself."""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import batched, chain
from math import ceil
from typing import NamedTuple

from hubsync.core.limits import BATCH_INPUTS_MAX, CALLS_AT_ONCE_MAX
from hubsync.core.message import pack
from hubsync_bench.asking import metered
from hubsync_bench.events import HEAD, accepted, anew, handed_over, request, unique, window
from hubsync_bench.figures import Figure, Section, Table
from hubsync_bench.prices import (
    ACCESS_LOG_BYTES,
    AWS_SECONDS,
    HUBSPOT_SECONDS,
    MILLION,
    SQS_MESSAGES,
    TRACED_SHARE,
    Dollars,
    Invocation,
    api_dollars,
    gateway_log_dollars,
    ledger_dollars,
    queue_dollars,
)
from hubsync_bench.processes import Worker, stand_in, worker

SIZES = (1, 10, 100, 1_000)  # events of a webhook
MESSAGES_MAX, EVENTS_MAX = 1_000, 10_000  # of an invocation
SINGLES = 200  # events by which a call for each is measured
ROUNDS = 2
INGEST_MB, CONSUMER_MB = 512, 1024
GATEWAY_SECONDS_MAX = 30  # Documented: API Gateway waits no longer.
LEDGER_CALLS = 3  # for each of HubSpot's: a read and two writes
HUBSYNC, QUEUED, SINGLE = "hubsync", "SDK, batches, behind a queue", "SDK, a call per event"
COLUMNS = (
    "who", "events per webhook", "API", "ingest", "queue", "consumer", "ledger", "logs, traces",
    "total", "HubSpot calls",
)  # fmt: skip

ABOUT = f"""
Dollars for a million events, each about a record of its own, which is the dearest case. CPU is
measured here and scaled to the functions' memory ({INGEST_MB} and {CONSUMER_MB} MB); messages,
DynamoDB's units and bytes of log are counted. List prices of November 2026: us-east-1, arm64, no
free tier. Assumed: HubSpot answers in {HUBSPOT_SECONDS} s and AWS in {AWS_SECONDS} s; the gateway
logs {ACCESS_LOG_BYTES} bytes of a request; {TRACED_SHARE:.0%} of requests are traced; the queue
always has {MESSAGES_MAX:,} messages, of which at most {EVENTS_MAX:,} events are taken at once. The
SDK behind a queue has the same ingest, no ledger and no budget; a call per event is made in the
webhook's own function, which has {GATEWAY_SECONDS_MAX} s. Events that meet on a record in one
invocation share what it costs in the ledger. Fixed costs, some 2 dollars a month for
secrets and alarms, are left out.
"""


class Row(NamedTuple):
    who: str
    size: int
    dollars: Dollars
    calls: int

    def cells(self) -> tuple[str | float, ...]:
        each = self.dollars
        return (
            self.who, self.size, each.api, each.ingest, each.queue, each.consumer, each.ledger,
            each.logs, each.total, self.calls,
        )  # fmt: skip


def section() -> Section:
    with stand_in("aws") as aws, stand_in("hubspot") as hubspot:
        ingested = _ingested(aws)
        rows = [*_hubsync(ingested, aws, hubspot), *_queued(ingested, hubspot), *_single(hubspot)]
    total = {(row.who, row.size): row.dollars.total for row in rows}
    figures = [
        Figure(f"a million, {size:,} per webhook", total[HUBSYNC, size], "$") for size in SIZES
    ]
    ratio = total[HUBSYNC, 1] / total[SINGLE, 1]
    figures.append(Figure("1 per webhook / SDK, a call per event", ratio, tracked=True))
    by_size = sorted(rows, key=lambda row: row.size)
    return Section("Cost", ABOUT, figures, Table(COLUMNS, [row.cells() for row in by_size]))


def _ingested(aws: str) -> dict[int, Dollars]:
    """Return what a million events cost until they are handed to a consumer, by webhook size."""
    with worker("hubsync_bench.ingest.deployed", aws=aws) as ingest:
        return {size: _until_consumed(ingest, size) for size in SIZES}


def _until_consumed(ingest: Worker, size: int) -> Dollars:
    event = request(unique(size))
    ingest.invoke(event)
    took = min((ingest.invoke(event) for _ in range(ROUNDS)), key=lambda each: each.cpu)
    messages = _messages(size)
    sends = ceil(len(messages[0]) / SQS_MESSAGES)
    invocation = Invocation(size, INGEST_MB, took.cpu, sends * AWS_SECONDS, took.logged)
    return Dollars(
        api=api_dollars(size),
        ingest=invocation.dollars(),
        queue=queue_dollars(messages, size * len(messages)),
        logs=gateway_log_dollars(size) + invocation.log_dollars(),
    )


def _hubsync(ingested: Mapping[int, Dollars], aws: str, hubspot: str) -> Iterator[Row]:
    with worker("hubsync_bench.consumer.deployed", aws=aws, hubspot=hubspot) as consumer:
        for size in SIZES:
            before = metered(aws)
            waves = ceil(_calls(size) / CALLS_AT_ONCE_MAX)
            wait = waves * (HUBSPOT_SECONDS + LEDGER_CALLS * AWS_SECONDS)
            consumed = _consumed(consumer, size, wait)
            reads, writes = (b - a for a, b in zip(before, metered(aws), strict=True))
            ledger = Dollars(ledger=ledger_dollars(reads, writes, ROUNDS * _events(size)))
            yield _row(HUBSYNC, size, ingested[size] + consumed + ledger)


def _queued(ingested: Mapping[int, Dollars], hubspot: str) -> Iterator[Row]:
    with worker("hubsync_bench.sdk.unmerged", hubspot=hubspot) as consumer:
        for size in SIZES:
            consumed = _consumed(consumer, size, _calls(size) * HUBSPOT_SECONDS)
            yield _row(QUEUED, size, ingested[size] + consumed)


def _consumed(consumer: Worker, size: int, wait_seconds: float) -> Dollars:
    """Return what consuming costs, where an invocation is handed what is in the queue."""
    event = handed_over([*chain.from_iterable(_messages(size))])
    runs = [consumer.invoke(anew(event, size * 10 + n)) for n in range(ROUNDS)]
    took = min(runs, key=lambda each: each.cpu)
    invocation = Invocation(_events(size), CONSUMER_MB, took.cpu, wait_seconds, took.logged)
    return Dollars(consumer=invocation.dollars(), logs=invocation.log_dollars())


def _row(who: str, size: int, dollars: Dollars) -> Row:
    return Row(who, size, dollars, _calls(size) * MILLION // _events(size))


def _single(hubspot: str) -> Iterator[Row]:
    """Yield what it costs to call HubSpot in the webhook, as long as its function may last."""
    event = window(accepted(unique(SINGLES)))
    with worker("hubsync_bench.sdk.single", hubspot=hubspot) as subject:
        subject.invoke(event)
        cpu = min(subject.invoke(event).cpu for _ in range(ROUNDS)) / SINGLES
    for size in SIZES:
        wait = size * HUBSPOT_SECONDS
        if wait < GATEWAY_SECONDS_MAX:
            ingest = Invocation(size, INGEST_MB, size * cpu, wait).dollars()
            dollars = Dollars(api_dollars(size), ingest, logs=gateway_log_dollars(size))
            yield Row(SINGLE, size, dollars, MILLION)


@cache
def _messages(size: int) -> list[list[str]]:
    """Return each request's messages, as many as an invocation is handed."""
    encoded = batched(accepted(unique(_events(size))), size, strict=False)
    return [list(pack(some, head=HEAD)) for some in encoded]


def _events(size: int) -> int:
    return min(EVENTS_MAX, MESSAGES_MAX * size)


def _calls(size: int) -> int:
    return ceil(_events(size) / BATCH_INPUTS_MAX)
