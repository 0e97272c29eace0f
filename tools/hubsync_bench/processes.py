"""Processes of the bench: stand-ins that answer, and workers in which a subject is measured."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubsync_bench.stand_ins.aws import TOKEN

PROJECT = Path(__file__).parents[2]
PYTHON_S = ("PATH", "LD_LIBRARY_PATH")  # where Python's own libraries may lie


@contextmanager
def stand_in(name: str) -> Iterator[str]:
    """Run a stand-in; yields its address."""
    with _process(f"hubsync_bench.stand_ins.{name}", environment={}) as process:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()


@dataclass(frozen=True, slots=True)
class Measured:
    """What one invocation took, in seconds and bytes, and what came of it."""

    cpu: float
    wall: float
    rss: int
    logged: int
    result: Any


class Worker:
    """A process in which one subject is measured."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._events, self._answers = process.stdin, process.stdout

    def invoke(self, event: bytes) -> Measured:
        """Hand over an event as JSON, and wait for what came of it."""
        self._events.write(event + b"\n")
        self._events.flush()
        line = self._answers.readline()
        assert line, "the worker ended; its error is above"
        return Measured(**json.loads(line))


@contextmanager
def worker(subject: str, *, aws: str = "", hubspot: str = "") -> Iterator[Worker]:
    """Run a worker with the environment of a function. `subject` is its module and function."""
    module, _, function = subject.rpartition(".")
    environment = _function_environment(aws, hubspot)
    with _process("hubsync_bench.worker", module, function, environment=environment) as process:
        yield Worker(process)


def _function_environment(aws: str, hubspot: str) -> Mapping[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws,
        "POWERTOOLS_METRICS_NAMESPACE": "hubsync",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "HUBSPOT_BASE_URL": hubspot,
        "HUBSPOT_REQUESTS_PER_10_SECONDS": "1000000000",
        "HUBSPOT_TOKEN_SECRETS": json.dumps({"main": f"{TOKEN}/hubspot/main"}),
        "CHANGE_QUEUE_URL": f"{aws}/change",
        "DEAD_LETTER_QUEUE_URL": f"{aws}/dead-letter",
        "STATE_TABLE": "state",
        "WEBHOOK_SECRETS_PREFIX": "bench/",
    }


@contextmanager
def _process(
    module: str, *arguments: str, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a module of ours; what it leaves open ends it, and at the latest the end of this."""
    inherited = {name: os.environ[name] for name in PYTHON_S if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=PROJECT,
        env={**inherited, **environment, "HOME": "/nonexistent"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()
