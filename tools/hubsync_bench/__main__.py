"""`make bench`: measure, show it beside the targets, and say what became worse.

Exits with 1 where a target is missed, or a ratio is worse than the committed one.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping

from rich.console import Console

from hubsync_bench import calls, cold_start, cost, cpu, ledger, limit, memory, report, throughput
from hubsync_bench.baseline import commit, committed, worse
from hubsync_bench.figures import Figure, Section
from hubsync_bench.progress import tell

SECTIONS: Mapping[str, Callable[[], Section]] = {
    "calls": calls.section,
    "cpu": cpu.section,
    "ledger": ledger.section,
    "throughput": throughput.section,
    "rate-limit": limit.section,
    "memory": memory.section,
    "cold-start": cold_start.section,
    "cost": cost.section,
}


def main() -> int:
    given = _given()
    sections = [_measured(name) for name in given.only or SECTIONS]
    figures = [figure for section in sections for figure in section.figures]
    if given.json:
        _print_json(sections)
    else:
        report.show(sections, Console(width=max(report.WIDTH_MIN, Console().width)))
    complaints = [*_missed(figures), *worse(figures, committed())]
    for complaint in complaints:
        tell(complaint)
    if given.write:
        commit(figures)
        report.write(sections)
    return bool(complaints)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="measure these alone")
    parser.add_argument("--json", action="store_true", help="one line for each figure and row")
    parser.add_argument("--write", action="store_true", help="commit it, to docs/benchmarks.md too")
    given = parser.parse_args()
    if given.write and given.only:
        parser.error("what is committed is measured whole: --write goes without --only")
    return given


def _measured(name: str) -> Section:
    tell(f"measuring {name}")
    start = time.monotonic()
    section = SECTIONS[name]()
    tell(f"measured {name} in {time.monotonic() - start:.0f} s")
    return section


def _print_json(sections: Iterable[Section]) -> None:
    for section in sections:
        for figure in section.figures:
            _print_line({"section": section.title, **dataclasses.asdict(figure)})
        for row in section.table.dicts() if section.table else ():
            _print_line({"section": section.title, **row})


def _print_line(value: Mapping[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")


def _missed(figures: Iterable[Figure]) -> list[str]:
    cells = (each.cells() for each in figures if each.is_missed)
    return [f"{name}: {measured}, and should be {target}" for name, measured, target in cells]


if __name__ == "__main__":
    raise SystemExit(main())
