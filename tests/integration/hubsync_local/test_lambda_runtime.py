"""Functions in processes of their own, as Lambda runs them.

What is said of both kinds of process holds for AWS's own emulator and for our stand-in.
"""

import os
import textwrap
import threading
from functools import partial
from pathlib import Path

import pytest

from hubsync_checks import build_report
from hubsync_local.lambda_rie import EmulatedProcess
from hubsync_local.lambda_runtime import Failed, Returned, Runtime, lambda_environment
from hubsync_local.template.model import Function
from tests.waiting import wait_until

HANDLER = """
    import os, subprocess, sys, time

    CALLS = []

    def handler(event, context):
        CALLS.append(event)
        match event:
            case {"sleep": seconds}:
                time.sleep(seconds)
                return "slept"
            case {"exit": status}:
                sys.exit(status)
            case {"raise": message}:
                raise KeyError(message)
            case {"return": "a set"}:
                return {1, 2}
            case {"return": "7 MB"}:
                return "x" * 7_000_000
            case {"print": line}:
                print(line)
            case {"spawn": seconds}:
                return subprocess.Popen(["sleep", str(seconds)]).pid
        return {
            "event": event,
            "calls": len(CALLS),
            "pid": os.getpid(),
            "cwd": os.getcwd(),
            "path": sys.path,
            "environment": dict(os.environ),
            "left_ms": context.get_remaining_time_in_millis(),
            "context": [
                context.function_name,
                context.memory_limit_in_mb,
                context.invoked_function_arn,
                context.log_group_name,
                len(context.aws_request_id),
            ],
        }
"""


def a_function(folder: Path, code: str = HANDLER, *, handler="app.handler", timeout_seconds=10):
    (folder / "app.py").write_text(textwrap.dedent(code))
    layer = folder / "layer" / "python"
    layer.mkdir(parents=True, exist_ok=True)
    return Function(
        name="Echo",
        handler=handler,
        code=folder,
        layers=(layer,),
        environment={},
        timeout_seconds=timeout_seconds,
        memory_mb=256,
        log_group="/aws/lambda/Echo",
        log_level="INFO",
    )


@pytest.fixture
def starting(tmp_path):
    """Start a runtime of a handler; all are closed at the end of the test."""
    runtimes = []

    def started(*args, process=None, **kwargs):
        function = a_function(tmp_path, *args, **kwargs)
        environment = {**lambda_environment(function, aws="http://127.0.0.1:9"), "GREETING": "hi"}
        runtime = Runtime(function, environment, log=tmp_path / "Echo.log", start=process)
        runtimes.append(runtime)
        return runtime

    yield started
    for runtime in runtimes:
        runtime.close()


@pytest.fixture
def start(starting):
    """Start a runtime of our own workers."""
    return starting


@pytest.fixture(params=["worker", "emulator"])
def start_either(request, starting):
    """Start a runtime of either kind."""
    if request.param == "worker":
        return starting
    if reason := build_report.why_not():
        pytest.skip(reason)
    return partial(starting, process=EmulatedProcess)


def test_a_handler_sees_what_lambda_would_show_it_and_nothing_else(start, tmp_path):
    result = start().invoke({"greeting": "Grüezi 🙂"})
    seen = result.value
    assert seen["event"] == {"greeting": "Grüezi 🙂"}
    assert seen["cwd"] == str(tmp_path)
    assert seen["path"][:2] == [str(tmp_path), str(tmp_path / "layer" / "python")]
    assert str(Path(__file__).parents[3]) not in seen["path"]
    assert 9_000 < seen["left_ms"] <= 10_000
    arn = "arn:aws:lambda:us-east-1:123456789012:function:Echo"
    assert seen["context"] == ["Echo", "256", arn, "/aws/lambda/Echo", 36]
    environment = seen["environment"]
    assert environment.pop("_X_AMZN_TRACE_ID").startswith("Root=1-")
    own = ("PYTHONPATH", "PATH", "HOME", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    assert {name: value for name, value in environment.items() if name not in own} == {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": "Echo",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/Echo",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": "us-east-1",
        "AWS_SECRET_ACCESS_KEY": "local",
        "GREETING": "hi",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": "app.handler",
    }


def test_a_process_is_kept_warm(start_either):
    runtime = start_either()
    first, second = runtime.invoke(1).value, runtime.invoke(2).value
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"]


def test_invocations_at_once_have_a_process_each(start_either):
    runtime = start_either()
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(runtime.invoke({"sleep": 1})))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [Returned("slept")] * 2
    assert runtime.is_idle
    assert runtime.invoke(None).value["calls"] == 2  # one of the two, warm


def test_a_timeout_ends_the_process_and_the_next_invocation_gets_a_new_one(start_either):
    runtime = start_either(timeout_seconds=1)
    before = runtime.invoke(None).value["pid"]
    failed = runtime.invoke({"sleep": 30})
    assert failed.error["errorType"] == "Sandbox.Timedout"
    assert failed.error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    wait_until(lambda: not is_running(before))
    after = runtime.invoke(None).value
    assert (after["calls"], after["pid"] != before) == (1, True)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(0, "exited without providing a reason"), (3, "exited with error: exit status 3")],
)
def test_an_exit_is_an_error_and_the_next_invocation_gets_a_new_process(
    start_either, status, reason
):
    runtime = start_either()
    failed = runtime.invoke({"exit": status})
    assert failed.error["errorType"] == "Runtime.ExitError"
    assert failed.error["errorMessage"].endswith(f"Error: Runtime {reason}")
    assert runtime.invoke(None).value["calls"] == 1


def test_an_exception_is_an_error_with_its_stack_and_the_process_stays(start_either):
    runtime = start_either()
    before = runtime.invoke(None).value["pid"]
    failed = runtime.invoke({"raise": "lost"})
    assert (failed.error["errorType"], failed.error["errorMessage"]) == ("KeyError", "'lost'")
    assert "raise KeyError(message)" in failed.error["stackTrace"][-1]
    assert runtime.invoke(None).value["pid"] == before


@pytest.mark.parametrize(
    ("code", "handler", "kind"),
    [
        ("import nowhere_to_be_found", "app.handler", "Runtime.ImportModuleError"),
        ("1 / 0", "app.handler", "ZeroDivisionError"),
        ("def handler(): pass", "app.main", "Runtime.HandlerNotFound"),
        ("import sys; sys.exit(7)", "app.handler", "Runtime.ExitError"),
    ],
)
def test_a_handler_that_cannot_be_imported_is_an_error(start_either, code, handler, kind):
    runtime = start_either(code, handler=handler)
    assert runtime.invoke(None).error["errorType"] == kind
    assert runtime.invoke(None).error["errorType"] == kind


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"return": "a set"}, "Runtime.MarshalError"),
        ({"return": "7 MB"}, "Function.ResponseSizeTooLarge"),
        ("x" * (6 * 1024 * 1024 - 1), "RequestTooLargeException"),
    ],
    ids=["no JSON", "a response over 6 MB", "a request over 6 MB"],
)
def test_what_lambda_would_not_carry_is_an_error(start_either, event, kind):
    assert start_either().invoke(event).error["errorType"] == kind


def test_a_request_of_nearly_6_mb_is_carried(start_either):
    event = {"sleep": 0, "padding": "x" * (6 * 1024 * 1024 - 30)}
    assert start_either().invoke(event) == Returned("slept")


def test_what_a_handler_prints_is_in_its_log_alone(start):
    runtime = start()
    assert runtime.invoke({"print": "a line"}).value["calls"] == 1
    assert runtime.log.read_text() == "a line\n"


def test_closing_ends_what_is_running_and_what_it_started(start_either):
    runtime = start_either()
    spawned = runtime.invoke({"spawn": 60}).value
    results = []
    thread = threading.Thread(target=lambda: results.append(runtime.invoke({"sleep": 60})))
    thread.start()
    wait_until(lambda: not runtime.is_idle)
    runtime.close()
    thread.join()
    assert isinstance(results[0], Failed)
    wait_until(lambda: not is_running(spawned))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that has ended waits for init to collect it.
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
