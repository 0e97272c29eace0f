"""Processes of the local stack: each in a session of its own, on a leash, logging to a file.

A session of its own, so that Ctrl-C reaches the stack alone, which then stops its children in
order, and so that a child is ended together with whatever it started.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LEASH = Path(__file__).with_name("end_with_parent.py")
STOP_SECONDS_MAX = 5.0
START_SECONDS_MAX = 60.0  # a first start compiles every dependency, on a busy machine
LOOK_SECONDS = 0.02


class LocalError(Exception):
    """The local stack cannot run; the message says what is wrong and what to do."""


def start(
    program: Path,
    arguments: Sequence[str] = (),
    *,
    log: Path,
    options: Sequence[str] = (),
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a program on a leash; what it prints goes to the end of `log`.

    Python scripts run in this Python, with its `options`.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *options, str(LEASH), str(program), *arguments],
            stdin=subprocess.PIPE,  # the leash
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=environment,
            pass_fds=descriptors,
            start_new_session=True,
        )


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a child and all it started: asked first, made to after STOP_SECONDS_MAX."""
    _signal(child, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS_MAX)
    kill(child)


def kill(child: subprocess.Popen[bytes]) -> None:
    """End a child and all it started, at once."""
    _signal(child, signal.SIGKILL)
    child.wait()
    if child.stdin:
        child.stdin.close()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # The child leads its session, so its id is that of the group, also when it is gone itself.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


def listen(port: int) -> socket.socket:
    """Listen on a port of this machine alone; 0 is any free one."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        raise LocalError(
            f"port {port} cannot be used ({error}): free it, or choose others with --port"
        ) from error


def free_port(port: int) -> int:
    """Return the port if it is free, any free one for 0."""
    with listen(port) as listener:
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True, slots=True)
class Server:
    """A child that listens on a port of this machine."""

    name: str
    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def check(self) -> None:
        """Raise LocalError if the child has ended."""
        if self.process.poll() is not None:
            raise LocalError(f"{self.name} has ended; its output is in {self.log}")

    def wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not _listens(self.port):
            self.check()
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} does not answer; its output is in {self.log}")
            time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def serving(
    name: str, script: Path, *, port: int, logs: Path, options: Sequence[str] = ()
) -> Iterator[Server]:
    """Run a script whose last argument is its port; ready after `wait_until_listening`."""
    port, log = free_port(port), logs / f"{name}.log"
    process = start(script, [*options, str(port)], log=log)
    try:
        yield Server(name, port, log, process)
    finally:
        stop(process)
