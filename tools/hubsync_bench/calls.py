"""Calls, inputs, and what is wrong at the end: hubsync beside three ways to use the SDK."""

from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import NamedTuple

from hubsync_bench.asking import emulator
from hubsync_bench.events import accepted, anew, as_made, unchanged, window
from hubsync_bench.figures import Figure, Section, Table
from hubsync_bench.processes import Worker, stand_in, worker
from hubsync_bench.progress import tell
from hubsync_bench.workloads import (
    BAD_VALUES,
    DISPLACED,
    EVENTS,
    IN_ORDER,
    KINDS,
    Cell,
    Workload,
    workload,
)

SEED = 20261121
RECORDS = (10_000, 1_000, 100)
WINDOWS = (100, 1_000, 10_000)
WINDOW_SIDE_BY_SIDE = 1_000
AT_ONCE = 2
OF_OPTIMUM_MAX = 1.02

HUBSYNC, SINGLE = "hubsync", "SDK, a call per event"
SUBJECTS = {
    HUBSYNC: "hubsync_bench.consumer.reporting",
    "SDK, batches of merged events": "hubsync_bench.sdk.merged",
    "SDK, batches of events": "hubsync_bench.sdk.unmerged",
    SINGLE: "hubsync_bench.sdk.single",
}
SINGLE_KINDS = (IN_ORDER, DISPLACED, BAD_VALUES)  # Each takes long; the others tell no more.
COLUMNS = (
    "workload", "records", "window", "who", "calls", "least", "inputs", "wrong cells",
    "falsely reported", "CPU per event, us",
)  # fmt: skip

ABOUT = f"""
{EVENTS:,} events on so many records, against the emulator with its default settings. A window is
what one invocation is handed. *Least* is a call for each 100 distinct records of a window. *Wrong
cells* are properties that do not hold their newest good value at the end; *falsely reported* are
events that were reported as written, and were refused, or whose value should be there and is not.
The SDK clears a property by an empty text, as HubSpot documents; it merges by the address as it was
spelled. Single calls are made on 1,000 records only, since they have no window. A bad value costs
a further call for the rest of its batch's record, which the least does not count. Measured two at a
time, so that CPU here is a hint; the section on CPU measures it.
"""


class Run(NamedTuple):
    """One workload in windows of one size, and what came of it."""

    workload: Workload
    window: int
    who: str
    calls: int
    inputs: int
    wrong: int
    false: int
    cpu: float

    @property
    def of_optimum(self) -> float:
        return self.calls / self.workload.optimum(self.window)

    def row(self) -> tuple[str | float, ...]:
        load = self.workload
        return (
            load.kind, load.records, self.window if self.who != SINGLE else "", self.who,
            self.calls, load.optimum(self.window), self.inputs, self.wrong, self.false,
            self.cpu / EVENTS * 1e6,
        )  # fmt: skip


def section() -> Section:
    tasks = [(who, kind) for who in SUBJECTS for kind in (SINGLE_KINDS if who == SINGLE else KINDS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [run for some in pool.map(lambda task: _runs(*task), tasks) for run in some]
    ours = [run for run in runs if run.who == HUBSYNC]
    clean = [run.of_optimum for run in ours if run.workload.kind != BAD_VALUES]
    bad = [run.of_optimum for run in ours if run.workload.kind == BAD_VALUES]
    wrong, false = sum(run.wrong for run in ours), sum(run.false for run in ours)
    name = f"of {len(ours)} workloads and windows"
    return Section(
        "Calls",
        ABOUT,
        [
            Figure("calls / least, at worst", max(clean), at_most=OF_OPTIMUM_MAX, tracked=True),
            Figure("calls / least, at worst, with bad values", max(bad), tracked=True),
            Figure(f"wrong cells {name}", wrong, at_most=0),
            Figure(f"falsely reported events {name}", false, at_most=0),
        ],
        Table(COLUMNS, [run.row() for run in sorted(runs, key=_place)]),
    )


def _place(run: Run) -> tuple[int, ...]:
    """Return where a run stands in the table: those of one workload and window side by side."""
    load, who = run.workload, [*SUBJECTS].index(run.who)
    return KINDS.index(load.kind), -load.records, run.window, who


def _runs(who: str, kind: str) -> list[Run]:
    """Let one subject go through all workloads of a kind, in processes of its own."""
    tell(f"  {who}: {kind}")
    sizes = WINDOWS if who == HUBSYNC else (WINDOW_SIDE_BY_SIDE,)
    loads = [
        workload(kind, records, SEED)
        for records in RECORDS
        if who != SINGLE or records == WINDOW_SIDE_BY_SIDE
    ]
    with (
        stand_in("aws") as aws,
        stand_in("emulator") as hubspot,
        worker(SUBJECTS[who], aws=aws, hubspot=hubspot) as subject,
    ):
        stage = _Stage(who, subject, hubspot)
        cases = enumerate((load, size) for load in loads for size in sizes)
        return [_run(stage, load, size, number=number) for number, (load, size) in cases]


class _Stage(NamedTuple):
    who: str
    subject: Worker
    hubspot: str


def _run(stage: _Stage, load: Workload, size: int, *, number: int) -> Run:
    """Let a workload through; the number keeps its records apart from those of other runs."""
    who, subject, hubspot = stage
    emulator(hubspot, "reset", b"{}")
    encoded = (accepted if who == HUBSYNC else unchanged)(load.wires)
    windows = [anew(window(some), number) for some in batched(encoded, size, strict=False)]
    measured = [subject.invoke(each) for each in windows]
    reported = [as_made(id_, number) for each in measured for id_ in each.result]
    calls = emulator(hubspot, "calls")["calls"]
    shown = _shown(hubspot, number)
    return Run(
        load,
        size,
        who,
        calls=len(calls),
        inputs=sum(call["inputs"] for call in calls),
        wrong=load.wrong(shown),
        false=load.falsely_reported(shown, reported),
        cpu=sum(each.cpu for each in measured),
    )


def _shown(hubspot: str, number: int) -> dict[Cell, str]:
    """Return every cell of the CRM."""
    records = emulator(hubspot, f"records?type=contacts&limit={EVENTS}")["records"]
    return {
        (as_made(record["properties"]["email"], number), name): value
        for record in records
        for name, value in record["properties"].items()
    }
