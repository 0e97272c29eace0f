"""Records per second from message to end, by one process and by several."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from hubsync_bench.events import accepted, anew, unique, window
from hubsync_bench.figures import Figure, Section, Table
from hubsync_bench.processes import Worker, stand_in, worker

RECORDS = 10_000  # in an invocation
WARM = 500
ROUNDS = {1: 3, 2: 1, 4: 1}  # by the number of processes
TARGET = 1_900

ABOUT = f"""
Consumers at full speed, with the ledger on: {RECORDS:,} records in each invocation, HubSpot without
a limit, DynamoDB a process that answers the same API from a dict and judges every condition. The
stand-ins run on the same cores as the consumers, so more processes than cores less one gain little.
One process has the best of {ROUNDS[1]} rounds.
"""


def section() -> Section:
    with stand_in("aws") as aws, stand_in("hubspot") as hubspot, ExitStack() as stack:
        workers = [
            stack.enter_context(worker("hubsync_bench.consumer.deployed", aws=aws, hubspot=hubspot))
            for _ in range(max(ROUNDS))
        ]
        rates = {count: _rate(workers[:count]) for count in ROUNDS}
    one = rates[1]
    rows = [(count, rate, rate / count, rate / one) for count, rate in rates.items()]
    return Section(
        "Throughput",
        ABOUT,
        [Figure("one process, records per second", one, at_least=TARGET)],
        Table(("processes", "records/s", "of each", "of one process"), rows),
    )


def _rate(workers: Sequence[Worker]) -> float:
    """Return the records per second of all workers together, in their best round."""
    event, warm = window(accepted(unique(RECORDS))), window(accepted(unique(WARM)))
    _at_once(workers, warm, number=0)
    rounds = range(1, 1 + ROUNDS[len(workers)])
    return max(len(workers) * RECORDS / _at_once(workers, event, number=n) for n in rounds)


def _at_once(workers: Sequence[Worker], event: bytes, *, number: int) -> float:
    """Let each work on records of its own; return the seconds until the last is done."""
    base = 100 * len(workers) + 10 * number
    events = [anew(event, base + n) for n in range(len(workers))]
    with ThreadPoolExecutor(len(workers)) as pool:
        start = time.perf_counter()
        list(pool.map(lambda work: work(), map(partial, [w.invoke for w in workers], events)))
        return time.perf_counter() - start
