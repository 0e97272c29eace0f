"""Lambda, for one function: processes that are started on demand, kept warm and timed.

As in Lambda, an invocation has a process of its own; the next one may find it warm. A handler that
exits or exceeds its timeout loses its process, and the next invocation gets a new one. Processes
inherit nothing of the shell: their environment is the template's and Lambda's.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sysconfig
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from hubsync_local import processes
from hubsync_local.aws import CREDENTIALS
from hubsync_local.lambda_worker import FAILED, READY, RETURNED
from hubsync_local.template.model import REGION, Function

WORKER = Path(__file__).with_name("lambda_worker.py")
REQUEST_BYTES_MAX = 6 * 1024 * 1024  # Documented: 6 MB for a synchronous invocation.
# Lambda allows 10 s; a laptop that compiles the layers for the first time needs longer.
INIT_SECONDS_MAX = 60.0
INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # where Python's own libraries may lie
PROCESSES_MAX = 10  # a process is some 80 MB; further invocations wait for one


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned this, or its equal in JSON."""

    value: Any  # a handler returns any JSON


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised, exited, timed out or could not start; `error` has Lambda's members."""

    error: Mapping[str, object]


type Result = Returned | Failed


class Process(Protocol):
    """One execution environment of Lambda; it serves one invocation at a time."""

    @property
    def is_alive(self) -> bool:
        """Whether it can serve another invocation."""

    def invoke(self, payload: bytes) -> Result:
        """Invoke with JSON; never raises for what the handler does."""

    def kill(self) -> None:
        """End it at once; an invocation that runs in it fails."""

    def close(self) -> None:
        """End it, and let go of what it holds."""


type Start = Callable[[Function, Mapping[str, str], Path], Process]


def lambda_environment(function: Function, *, aws: str) -> dict[str, str]:
    """Return what Lambda adds to the template's variables, with a local AWS at `aws`."""
    levels = {"AWS_LAMBDA_LOG_LEVEL": function.log_level} if function.log_level else {}
    return {
        **CREDENTIALS,
        **levels,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": aws,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": REGION,
        "LAMBDA_TASK_ROOT": str(function.code),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
    }


class Runtime:
    """Invokes one function; safe to use from several threads at once.

    `start` starts a process: a worker of ours, unless another kind is given.
    """

    def __init__(
        self,
        function: Function,
        environment: Mapping[str, str],
        *,
        log: Path,
        start: Start | None = None,
    ) -> None:
        self.function = function
        self.log = log
        self.environment = environment
        self._start_process = start or _Worker
        self._slots = threading.BoundedSemaphore(PROCESSES_MAX)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._closed = False

    @property
    def is_idle(self) -> bool:
        return not self._busy

    def invoke(self, event: object) -> Result:
        """Invoke with a JSON value; wait for a process where PROCESSES_MAX are busy."""
        payload = json.dumps(event, ensure_ascii=False).encode()
        if len(payload) > REQUEST_BYTES_MAX:
            message = f"{len(payload)} byte payload is too large; the limit is {REQUEST_BYTES_MAX}"
            return Failed({"errorMessage": message, "errorType": "RequestTooLargeException"})
        with self._slots:
            process = self._take()
            try:
                return process.invoke(payload)
            finally:
                self._give_back(process)

    def warm(self) -> None:
        """Start a process ahead of the first invocation; it imports the handler meanwhile."""
        with self._lock:
            self._idle.append(self._start())

    def close(self) -> None:
        """End every process; what runs in one fails."""
        with self._lock:
            self._closed = True
        for process in self._busy.copy():
            process.kill()  # whoever waits for it closes it
        for process in self._idle:
            process.close()

    def _take(self) -> Process:
        with self._lock:
            if self._closed:
                raise processes.LocalError(f"{self.function.name} is closed")
            # The last one used is the warmest.
            process = self._idle.pop() if self._idle else self._start()
            self._busy.add(process)
            return process

    def _start(self) -> Process:
        return self._start_process(self.function, self.environment, self.log)

    def _give_back(self, process: Process) -> None:
        with self._lock:
            self._busy.discard(process)
            if process.is_alive and not self._closed:
                self._idle.append(process)
                return
        process.close()


class _Worker:
    """A worker process; ready when it has imported the handler."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: Path) -> None:
        self.is_alive = True
        self._function = function
        self._log = log
        self._is_ready = False
        ours, theirs = socket.socketpair()
        with theirs:
            self._child = processes.start(
                WORKER,
                [str(theirs.fileno())],
                log=log,
                # Neither site-packages' path files nor this folder: the path is Lambda's.
                options=["-S", "-P", "-u"],
                cwd=function.code,
                environment={**environment, **_python_environment(function)},
                descriptors=[theirs.fileno()],
            )
        self._connection = Connection(ours.detach())

    def invoke(self, payload: bytes) -> Result:
        request_id = str(uuid.uuid4())
        try:
            return self._init() or self._run(request_id, payload)
        except TimeoutError as error:
            self.kill()
            return self._failure("Sandbox.Timedout", request_id, str(error))
        except (EOFError, OSError):
            return self._failure("Runtime.ExitError", request_id, self._last_words())

    def kill(self) -> None:
        self.is_alive = False
        processes.kill(self._child)

    def close(self) -> None:
        self.kill()
        self._connection.close()

    def _init(self) -> Failed | None:
        """Wait until the handler is imported; return how that failed, if it did."""
        if self._is_ready:
            return None
        kind, value = self._receive(INIT_SECONDS_MAX, "Init")
        self._is_ready = kind == READY
        self.is_alive = self._is_ready
        return None if self._is_ready else Failed(value)

    def _run(self, request_id: str, payload: bytes) -> Result:
        seconds = self._function.timeout_seconds
        invocation = {
            "request_id": request_id,
            "function_arn": self._function.arn,
            "deadline_ms": int((time.time() + seconds) * 1000),
            "trace_id": f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Sampled=0",
        }
        self._connection.send_bytes(json.dumps(invocation).encode())
        self._connection.send_bytes(payload)
        kind, value = self._receive(seconds, "Task")
        assert kind in {RETURNED, FAILED}
        return Returned(value) if kind == RETURNED else Failed(value)

    def _receive(self, seconds: float, what: str) -> tuple[bytes, Any]:
        if not self._connection.poll(seconds):
            raise TimeoutError(f"{what} timed out after {seconds:.2f} seconds")
        return self._connection.recv_bytes(), json.loads(self._connection.recv_bytes())

    def _last_words(self) -> str:
        self.is_alive = False
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(processes.STOP_SECONDS_MAX)
        match self._child.returncode:
            case 0:
                return "Runtime exited without providing a reason"
            case None:
                return "Runtime closed its connection"
            case status if status < 0:
                return f"Runtime exited with error: signal: {signal.strsignal(-status)}"
            case status:
                return f"Runtime exited with error: exit status {status}"

    def _failure(self, kind: str, request_id: str, reason: str) -> Failed:
        message = f"RequestId: {request_id} Error: {reason}"
        with self._log.open("a") as log:
            log.write(f"[ERROR] {message}\n")
        return Failed({"errorType": kind, "errorMessage": message})


def _python_environment(function: Function) -> dict[str, str]:
    """Return what Python itself needs: its path, where code goes before layers.

    The project's own virtual environment stands for the dependencies layer, whose packages are
    built for Lambda's machine; a built layer that is there takes precedence.
    """
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    path = [function.code, *function.layers, *sorted(packages)]
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        **inherited,
        "HOME": "/nonexistent",  # so that no client reads the developer's own AWS configuration
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(map(str, path)),
    }
