"""Memory of a consumer, and how time and memory grow with what it is handed."""

from math import log
from typing import NamedTuple

from hubsync_bench.events import accepted, anew, unique, window
from hubsync_bench.figures import Figure, Section, Table
from hubsync_bench.processes import stand_in, worker

SIZES = (100, 1_000, 2_500, 5_000, 10_000)  # events of an invocation
GROWTH = SIZES[-3], SIZES[-1]  # between these; below, what does not grow weighs too much
ROUNDS = 3
MIB = 2**20
TARGET_MIB = 160
EXPONENT_MAX = 1.15

ABOUT = f"""
A process of its own for each size. Memory is the most it ever had resident, in its first
invocation; above a process that was handed a single event. CPU is the least of {ROUNDS} later ones.
Growth is the exponent between {GROWTH[0]:,} and {GROWTH[1]:,} events: 1 is linear, 2 is quadratic.
"""


class Taken(NamedTuple):
    rss: int
    cpu: float


def section() -> Section:
    with stand_in("aws") as aws, stand_in("hubspot") as hubspot:
        idle, *taken = (_taken(size, aws, hubspot) for size in (1, *SIZES))
    of = dict(zip(SIZES, taken, strict=True))
    rows = [
        (size, each.rss / MIB, (each.rss - idle.rss) / MIB, each.cpu * 1e3, each.cpu / size * 1e6)
        for size, each in of.items()
    ]
    columns = ("events", "peak RSS, MiB", "above one event, MiB", "CPU, ms", "CPU per event, us")
    few, many = (of[size] for size in GROWTH)
    memory, time = exponent(few.rss - idle.rss, many.rss - idle.rss), exponent(few.cpu, many.cpu)
    return Section(
        "Memory and growth",
        ABOUT,
        [
            Figure("peak RSS, 10,000 events", many.rss / MIB, "MiB", at_most=TARGET_MIB),
            Figure("growth of memory", memory, at_most=EXPONENT_MAX, tracked=True),
            Figure("growth of CPU", time, at_most=EXPONENT_MAX, tracked=True),
        ],
        Table(columns, rows),
    )


def exponent(few: float, many: float) -> float:
    """Return e where what is measured grows as size to the e, over the sizes of GROWTH."""
    return log(many / few) / log(GROWTH[1] / GROWTH[0])


def _taken(size: int, aws: str, hubspot: str) -> Taken:
    event = window(accepted(unique(size)))
    with worker("hubsync_bench.consumer.deployed", aws=aws, hubspot=hubspot) as consumer:
        # Sizes meet on no record, so none is superseded.
        first = consumer.invoke(anew(event, size * 10))
        later = [consumer.invoke(anew(event, size * 10 + n)).cpu for n in range(1, 1 + ROUNDS)]
    return Taken(first.rss, min(later))
