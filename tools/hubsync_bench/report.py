"""What was measured, for eyes: a terminal's tables, and docs/benchmarks.md."""

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hubsync_bench.figures import Figure, Section

FILE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
WIDTH_MIN = 140  # also where nobody looks
COLUMNS = ("figure", "measured", "target")
HEAD = """\
# Benchmarks

Written by `make bench ARGS=--write` on {machine}, {date}.
A comparison is a ratio within one run, so it holds on other machines too; the rest is this one's.
"""


def show(sections: Iterable[Section], console: Console) -> None:
    for section in sections:
        if section.figures:
            _print(console, section.title, COLUMNS, [_marked(each) for each in section.figures])
        if section.table:
            _print(console, section.title, section.table.columns, section.table.texts())


def _marked(figure: Figure) -> tuple[str, ...]:
    name, measured, target = figure.cells()
    return name, f"[red]{measured}[/red]" if figure.is_missed else measured, target


def _print(
    console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def write(sections: Iterable[Section]) -> None:
    head = HEAD.format(machine=_machine(), date=f"{datetime.now(UTC):%Y-%m-%d}")
    FILE.write_text("\n".join([head, *map(_written, sections)]), encoding="utf-8")


def _machine() -> str:
    python = platform.python_version()
    return f"{platform.system()} {platform.machine()} with {os.cpu_count()} cores, Python {python}"


def _written(section: Section) -> str:
    lines = [f"## {section.title}", "", section.about.strip(), ""]
    if section.figures:
        lines += [*_table(COLUMNS, [each.cells() for each in section.figures]), ""]
    if section.table:
        lines += [*_table(section.table.columns, section.table.texts()), ""]
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
