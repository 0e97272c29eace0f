"""A figure, what it should be, and a section of figures: what measuring anything comes to."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. A tracked one means the same on every machine, and is compared over time."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    tracked: bool = False

    @property
    def is_missed(self) -> bool:
        """Whether it is on the wrong side of its target."""
        too_high = self.at_most is not None and self.value > self.at_most
        return too_high or (self.at_least is not None and self.value < self.at_least)

    def cells(self) -> tuple[str, str, str]:
        """Return the name, what was measured, and the target."""
        return self.name, f"{number(self.value)} {self.unit}".strip(), self._target()

    def _target(self) -> str:
        if self.at_most is not None:
            return f"at most {number(self.at_most)} {self.unit}".strip()
        if self.at_least is not None:
            return f"at least {number(self.at_least)} {self.unit}".strip()
        return ""


@dataclass(frozen=True, slots=True)
class Table:
    """Figures that are read side by side."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]

    def dicts(self) -> list[dict[str, str | float]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def texts(self) -> list[list[str]]:
        return [[cell if isinstance(cell, str) else number(cell) for cell in r] for r in self.rows]


@dataclass(frozen=True, slots=True)
class Section:
    """What one part of the bench measured; `about` says how."""

    title: str
    about: str
    figures: Sequence[Figure] = ()
    table: Table | None = None


def number(value: float) -> str:
    """Write a number with three digits or more: 1,234 and 12.3, 0.12 and 5."""
    if value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.{max(0, 2 - len(str(int(abs(value)))) + 1)}f}"
