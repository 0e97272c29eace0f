"""`make bench`: measure, and say which figures miss their targets."""

import argparse
import dataclasses
import json
import sys

from rich.console import Console
from rich.table import Table

from bench import ledger


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one line for each figure")
    given = parser.parse_args()
    rows = list(ledger.rows())
    if given.json:
        sys.stdout.writelines(f"{json.dumps(dataclasses.asdict(row))}\n" for row in rows)
    else:
        _show(rows)
    return any(row.target is not None and row.value > row.target for row in rows)


def _show(rows: list[ledger.Row]) -> None:
    table = Table("figure", "measured", "target")
    for row in rows:
        target = "" if row.target is None else f"at most {row.target:g} {row.unit}"
        table.add_row(row.name, f"{row.value:.1f} {row.unit}", target)
    Console().print(table)


if __name__ == "__main__":
    raise SystemExit(main())
