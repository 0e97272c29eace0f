"""A function in AWS's own Lambda runtime: its runtime interface emulator, which needs no Docker.

What runs is the emulator that the SAM CLI brings, a Linux program, and in it AWS's Python runtime
client, which is all that `.venv-lambda` holds. So a function sees the standard library, its code,
its layers and nothing else. Of the emulator, as observed:

- two invocations at once end it by SIGSEGV, so `Runtime` gives each an emulator of its own;
- it starts the runtime at the first invocation, and says in its log how long INIT took;
- an event over 6 MB is cut, a response over 6,291,556 bytes is an error;
- memory is not limited, the context's ARN has an account of its own, /opt and /var/task are not
  read-only.

Not Lambda's: the machine, its Amazon Linux with its own build of Python, and whatever lies in
`/var/runtime` beside the runtime client.
"""

import http.client
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from hubsync_local import processes
from hubsync_local.checkout import PROJECT
from hubsync_local.lambda_runtime import Failed, Result, Returned
from hubsync_local.template.model import Function

PYTHON = PROJECT / ".venv-lambda" / "bin" / "python"
EMULATORS = PROJECT / ".venv-sam/lib/python3.13/site-packages/samcli/local/rapid"
PROCESSORS = {"x86_64": "x86_64", "aarch64": "arm64"}
INVOCATIONS = "/2015-03-31/functions/function/invocations"
TIMED_OUT = re.compile(rb"Task timed out after [\d.]+ seconds")


INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")


def emulator() -> Path:
    """Return where the emulator for this machine's processor lies, if it is installed."""
    return EMULATORS / f"aws-lambda-rie-{PROCESSORS.get(platform.machine(), 'none')}"


def python_environment(function: Function) -> dict[str, str]:
    """Return what Python and the emulator need beside the function's own variables."""
    return {
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(function.timeout_seconds),
        "HOME": "/nonexistent",  # so that no client reads the developer's own AWS configuration
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",  # in Lambda, code and layers cannot be written to
        "PYTHONPATH": os.pathsep.join(map(str, function.layers)),  # the code is where it starts
    }


def inits_ms(log: Path) -> Iterator[float]:
    """Return how long each INIT took, as emulators report it in their log."""
    return map(float, INIT.findall(log.read_text()))


class EmulatedProcess:
    """An emulator with one function; it outlives what becomes of the runtime in it."""

    def __init__(self, function: Function, environment: Mapping[str, str], log: Path) -> None:
        self.is_alive = True
        ports = [processes.free_port(0), processes.free_port(0)]
        self._server = processes.Server(
            function.name, ports[0], log, _start(function, environment, log, ports)
        )

    def invoke(self, payload: bytes) -> Result:
        try:
            self._server.wait_until_listening()
            return _result(self._post(payload))
        except (processes.LocalError, OSError, http.client.HTTPException) as error:
            self.kill()
            return _ended(str(error))

    def kill(self) -> None:
        self.is_alive = False
        # Asked, since only the emulator itself ends the runtime, which has a group of its own.
        processes.stop(self._server.process)

    def close(self) -> None:
        self.kill()

    def _post(self, payload: bytes) -> bytes:
        # The emulator ends what takes longer than the function's timeout.
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port)
        try:
            connection.request("POST", INVOCATIONS, body=payload)
            return connection.getresponse().read()
        finally:
            connection.close()


def _start(
    function: Function, environment: Mapping[str, str], log: Path, ports: list[int]
) -> subprocess.Popen[bytes]:
    address, runtime_address = (f"127.0.0.1:{port}" for port in ports)
    arguments = [
        "--log-level=info",
        f"--runtime-interface-emulator-address={address}",
        f"--runtime-api-address={runtime_address}",
        *(str(PYTHON), "-m", "awslambdaric", function.handler),
    ]
    return processes.start(
        emulator(),
        arguments,
        log=log,
        options=["-S", "-P"],
        cwd=function.code,
        environment={**environment, **python_environment(function)},
    )


def _result(body: bytes) -> Result:
    """Tell an error from a value by its members, since the emulator's status does not."""
    if TIMED_OUT.fullmatch(body):
        return Failed({"errorType": "Sandbox.Timedout", "errorMessage": body.decode()})
    if not body:
        return _ended("Runtime exited while it was started")
    value = json.loads(body)
    is_error = isinstance(value, dict) and value.keys() >= {"errorType", "errorMessage"}
    return Failed(value) if is_error else Returned(value)


def _ended(reason: str) -> Failed:
    return Failed({"errorType": "Runtime.ExitError", "errorMessage": f"Error: {reason}"})
