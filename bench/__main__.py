"""`make bench`: measure, and say which figures miss their targets."""

import argparse
import dataclasses
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import consumer, ledger
from bench.figures import Figure

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line for each figure")
    parser.add_argument("--write", action="store_true", help="put them into docs/benchmarks.md")
    given = parser.parse_args()
    figures = [*ledger.figures(), *consumer.figures()]
    if given.json:
        sys.stdout.writelines(f"{json.dumps(dataclasses.asdict(each))}\n" for each in figures)
    else:
        _show(figures)
    if given.write:
        DOCUMENT.write_text(_document(figures), encoding="utf-8")
    return any(each.target is not None and each.value > each.target for each in figures)


def _show(figures: list[Figure]) -> None:
    table = Table("figure", "measured", "target")
    for each in figures:
        table.add_row(*_cells(each))
    Console().print(table)


def _cells(figure: Figure) -> tuple[str, str, str]:
    target = "" if figure.target is None else f"at most {figure.target:g} {figure.unit}"
    return figure.name, f"{figure.value:.0f} {figure.unit}", target


def _document(figures: list[Figure]) -> str:
    rows = [" | ".join(_cells(each)) for each in figures]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench ARGS=--write`. CPU is user and system time of the client;",
            "a stand-in in another process answers it.",
            "",
            f"Measured on {datetime.now(UTC):%Y-%m-%d}: {_machine()}.",
            "",
            "| figure | measured | target |",
            "|---|---|---|",
            *(f"| {row} |" for row in rows),
            "",
        ]
    )


def _machine() -> str:
    python = platform.python_version()
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {python}"


if __name__ == "__main__":
    raise SystemExit(main())
