"""One Lambda execution environment: a process that runs one handler, one invocation at a time.

Started as a script by `hubsync_local.lambda_runtime`, with nothing on the path but the function's
code, its layers and the standard library, and with the environment that Lambda would give. It
speaks with its parent over a connection of length-prefixed messages; standard output and error
belong to the handler.

    start:       worker sends one answer: READY, or FAILED and the error
    invocation:  parent sends the context, then the event, both JSON
                 worker sends RETURNED and the result, or FAILED and the error, both JSON

Not imitated: extensions, response streaming, SnapStart, /tmp of its own, the read-only file system.
"""

import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

READY, RETURNED, FAILED = b"ready", b"returned", b"failed"
# Observed with the Lambda runtime interface emulator.
RESPONSE_BYTES_MAX = 6_291_556

type Handler = Callable[[Any, "LambdaContext"], Any]  # a handler takes and returns any JSON


class LambdaContext:
    """What a handler learns about its invocation, by Lambda's names."""

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id: str = invocation["request_id"]
        self.invoked_function_arn: str = invocation["function_arn"]
        self._deadline_ms: int = invocation["deadline_ms"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._deadline_ms - int(time.time() * 1000))


def run(connection: Connection) -> None:
    """Serve invocations until the parent hangs up."""
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001 - whatever the code raises is Lambda's answer
        _send(connection, FAILED, _error(error))
        return
    _send(connection, READY, None)
    while True:
        try:
            invocation, event = json.loads(connection.recv_bytes()), connection.recv_bytes()
        except EOFError:
            return
        os.environ["_X_AMZN_TRACE_ID"] = invocation["trace_id"]
        _send(connection, *_invoke(handler, event, LambdaContext(invocation)))


def load(name: str) -> Handler:
    """Import a handler by its name, such as `app.handler`."""
    module_name, _, attribute = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise LambdaError(
            f"Unable to import module '{module_name}': {error}", kind="Runtime.ImportModuleError"
        ) from error
    if not hasattr(module, attribute):
        raise LambdaError(
            f"Handler '{attribute}' missing on module '{module_name}'",
            kind="Runtime.HandlerNotFound",
        )
    handler: Handler = getattr(module, attribute)
    return handler


class LambdaError(Exception):
    """A failure that Lambda's runtime reports under a type of its own."""

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def _invoke(handler: Handler, event: bytes, context: LambdaContext) -> tuple[bytes, Any]:
    try:
        result = handler(json.loads(event), context)
        return RETURNED, _marshalled(result)
    except Exception as error:  # noqa: BLE001 - whatever the handler raises is Lambda's answer
        return FAILED, {**_error(error), "requestId": context.aws_request_id}


def _marshalled(result: object) -> object:
    try:
        size = len(_json(result))
    except (TypeError, ValueError) as error:
        raise LambdaError(
            f"Unable to marshal response: {error}", kind="Runtime.MarshalError"
        ) from error
    if size > RESPONSE_BYTES_MAX:
        raise LambdaError(
            (
                "Response payload size exceeded maximum allowed payload size "
                f"({RESPONSE_BYTES_MAX} bytes)."
            ),
            kind="Function.ResponseSizeTooLarge",
        )
    return result


def _error(error: Exception) -> dict[str, Any]:
    """Describe an exception as Lambda's Python runtime does, and log it as it does."""
    kind = error.kind if isinstance(error, LambdaError) else type(error).__name__
    sys.stderr.write(f"[ERROR] {''.join(traceback.format_exception(error))}")
    sys.stderr.flush()
    return {
        "errorMessage": str(error),
        "errorType": kind,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _send(connection: Connection, kind: bytes, value: object) -> None:
    connection.send_bytes(kind)
    connection.send_bytes(_json(value))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _log_as_lambda_does() -> None:
    # Documented: Lambda gives the root logger a handler, and the application log level if one is
    # set. So what libraries log at that level is in the logs too.
    logging.basicConfig(stream=sys.stdout, format="[%(levelname)s]\t%(name)s\t%(message)s")
    if level := os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
        logging.getLogger().setLevel(level)


if __name__ == "__main__":
    _log_as_lambda_does()
    run(Connection(int(sys.argv[1])))
