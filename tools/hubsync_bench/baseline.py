"""The figures as they were committed, and which have become worse since.

Only ratios and counts are compared: they mean the same on every machine.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hubsync_bench.figures import Figure, number

FILE = Path(__file__).with_suffix(".json")
TOLERANCE = 0.15  # Measured: ratios of CPU differ by up to a tenth from run to run.


def committed() -> dict[str, float]:
    figures: dict[str, float] = json.loads(FILE.read_text(encoding="utf-8"))
    return figures


def commit(figures: Iterable[Figure]) -> None:
    rounded = {each.name: round(each.value, 4) for each in figures if each.tracked}
    FILE.write_text(json.dumps(rounded, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def worse(figures: Iterable[Figure], known: Mapping[str, float]) -> Iterator[str]:
    """Say which tracked figures are worse than the committed ones by more than the tolerance."""
    for figure in figures:
        before = known.get(figure.name) if figure.tracked else None
        if before is not None and _is_worse(figure, before):
            yield f"{figure.name}: {number(figure.value)}, and was {number(before)}"


def _is_worse(figure: Figure, before: float) -> bool:
    if figure.at_least is not None:  # the more the better
        return figure.value < before * (1 - TOLERANCE)
    return figure.value > before * (1 + TOLERANCE)
