"""A process in which one subject is measured; it is handed events as Lambda's runtime would.

Usage: python -m hubsync_bench.worker MODULE FUNCTION. Reads one event a line, and answers each with
a line: what it took, and what came of it. CPU is user and system time of this process, all its
threads.
"""

import gc
import importlib
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

INVOCATION_SECONDS: Final = 120
STATUS: Final = Path("/proc/self/status")

type Event = dict[str, Any]


class Context(LambdaContext):
    """What a handler is told of its invocation."""

    _function_name = _invoked_function_arn = _aws_request_id = "bench"
    _memory_limit_in_mb = 1024

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return INVOCATION_SECONDS * 1000


def main(module: str, function: str) -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    # What the subject prints, metrics and logs, is no answer; but logs cost money.
    log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process is
    os.dup2(log.fileno(), sys.stdout.fileno())
    subject = getattr(importlib.import_module(module), function)
    for line in sys.stdin.buffer:
        event = json.loads(line)
        gc.collect()  # what was before is not measured
        logged = os.fstat(log.fileno()).st_size
        cpu, wall = _cpu_seconds(), time.perf_counter()
        result = subject(event)
        wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
        logged = os.fstat(log.fileno()).st_size - logged
        told = {"cpu": cpu, "wall": wall, "rss": _rss_bytes_max(), "logged": logged}
        answers.write(f"{json.dumps(told | {'result': result})}\n")
        answers.flush()


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_bytes_max() -> int:
    # Linux's getrusage would count what the parent had before this process was its own.
    if STATUS.exists():
        return int(STATUS.read_text("ascii").partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: in bytes


if __name__ == "__main__":
    main(*sys.argv[1:])
