"""A figure, and how CPU is told: user and system time of this process alone, all threads."""

import gc
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; `target` is an upper bound, None where there is none."""

    name: str
    value: float
    unit: str
    target: float | None = None


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def settle() -> None:
    """Let what was prepared be no part of the garbage collector's work while it is measured."""
    gc.collect()
    gc.freeze()


@contextmanager
def stand_in(module: str) -> Iterator[str]:
    """Run a stand-in in a process of its own; yields the address it prints."""
    command = [sys.executable, "-m", module]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own modules
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()
