"""The stack as one: what it starts, what it tells, and that nothing of it stays behind."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from hubsync_cli.local import stopping_on_signals
from hubsync_local.processes import LocalError, listen
from hubsync_local.stack import Ports, Stack
from hubsync_local.stack_file import announced, running_stack
from tests.waiting import wait_until

TEMPLATE = """
Resources:
  IngestFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ingest/
      Handler: app.handler
      Timeout: 20
      Environment: {Variables: {CHANGE_QUEUE_URL: !Ref ChangeQueue}}
      Events: {Hook: {Type: HttpApi, Properties: {Path: "/webhooks/{source}", Method: ANY}}}
  ConsumerFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: consumer/
      Handler: app.handler
      Timeout: 20
      Environment: {Variables: {HUBSPOT_BASE_URL: "https://api.example.com", GREETING: hello}}
      Events:
        Changes:
          Type: SQS
          Properties:
            Queue: !GetAtt ChangeQueue.Arn
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
  ChangeQueue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 120}}
"""
INGEST = """
    import json, os, urllib.request

    def handler(event, context):
        message = {"QueueUrl": os.environ["CHANGE_QUEUE_URL"], "MessageBody": event["body"]}
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": "AmazonSQS.SendMessage",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sqs/aws4",
        }
        body = json.dumps(message).encode()
        urllib.request.urlopen(
            urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], body, headers)
        ).read()
        return {"statusCode": 202}
"""
CONSUMER = """
    import os

    def handler(event, context):
        for record in event["Records"]:
            print(os.environ["GREETING"], record["body"], os.environ["HUBSPOT_BASE_URL"])
        return {"batchItemFailures": []}
"""
SOURCE = '[signature]\nscheme = "github"\nsecret = "webhooks/octocat"\n'
PROC = Path("/proc")
# A process that runs a stack until it is killed.
HOLDER = """
    import sys, time
    from pathlib import Path
    from hubsync_local.stack import Stack

    with Stack(Path(sys.argv[1]), logs=Path(sys.argv[2])) as stack:
        print(stack.ready["gateway"], flush=True)
        time.sleep(600)
"""


@pytest.fixture
def template(tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    for name, code in (("ingest", INGEST), ("consumer", CONSUMER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(textwrap.dedent(code))
    (tmp_path / "ingest" / "sources").mkdir()
    (tmp_path / "ingest" / "sources" / "octocat.toml").write_text(SOURCE)
    return tmp_path / "template.yaml"


def test_a_request_passes_the_gateway_the_queue_and_both_functions(template, tmp_path):
    hubspot = "http://127.0.0.1:9"
    environment = {"GREETING": "ahoy"}
    before = children_of(os.getpid())
    with Stack(
        template, logs=tmp_path / "logs", hubspot_url=hubspot, environment=environment
    ) as stack:
        ready = stack.ready
        answer = httpx.post(f"{ready['gateway']}/webhooks/octocat", json="ada", timeout=30)
        assert answer.status_code == 202
        stack.wait_until_settled(30)
        log = (tmp_path / "logs" / "ConsumerFunction.log").read_text()
        assert log == 'ahoy "ada" http://127.0.0.1:9\n'
        assert (ready["hubspot"], ready["table"]) == (hubspot, None)
        queue = f"{ready['aws']}/123456789012/hubsync-ChangeQueue"
        assert ready["queues"] == {"change": queue}
        secret = stack.aws.read_secret("hubsync/webhooks/octocat")
        assert ready["sources"] == {"octocat": {"scheme": "github", "secret": secret}}
        ingest = ready["functions"]["IngestFunction"]
        assert (ingest["handler"], ingest["code"]) == ("app.handler", "ingest")
        assert ingest["environment"]["CHANGE_QUEUE_URL"] == queue
        assert ingest["environment"]["AWS_ENDPOINT_URL"] == ready["aws"]
        children = children_of(os.getpid()).keys() - before.keys()
    assert children
    wait_until(lambda: not running(children))


def test_nothing_is_left_when_the_process_of_a_stack_is_killed(template, tmp_path):
    code = textwrap.dedent(HOLDER)
    command = [sys.executable, "-c", code, str(template), str(tmp_path / "logs")]
    with start(command) as holder:
        gateway = holder.stdout.readline().strip()
        httpx.post(f"{gateway}/webhooks/octocat", json=1, timeout=30).raise_for_status()
        children = children_of(holder.pid)
        assert len(children) >= 3  # AWS, the emulator, a function
        holder.kill()
    wait_until(lambda: not running(children))


def test_a_port_that_is_taken_is_said_to_be_and_nothing_is_left(template, tmp_path):
    with listen(0) as listener:
        port = listener.getsockname()[1]
        before = children_of(os.getpid())
        for ports in (Ports(gateway=port), Ports(hubspot=port), Ports(aws=port)):
            stack = Stack(template, logs=tmp_path / "logs", ports=ports)
            with pytest.raises(LocalError, match=f"port {port} cannot be used"), stack:
                pass
    wait_until(lambda: children_of(os.getpid()) == before)


def test_a_process_of_the_stack_that_ends_by_itself_is_noticed(template, tmp_path):
    before = children_of(os.getpid())
    with Stack(template, logs=tmp_path / "logs", hubspot_url="http://127.0.0.1:9") as stack:
        stack.check()
        begun = [each for each in children_of(os.getpid()).items() if each[0] not in before]
        [aws] = [pid for pid, command in begun if "moto" in command]
        os.kill(aws, signal.SIGKILL)
        with pytest.raises(LocalError, match=r"aws has ended; its output is in .*aws\.log"):
            wait_until(stack.check)


def test_an_announced_stack_is_found_while_it_runs_and_by_nobody_else(tmp_path):
    path = tmp_path / "folder" / "local.json"
    assert running_stack(path) is None
    with announced({"gateway": "first"}, path):
        assert running_stack(path) == {"gateway": "first"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert running_stack(path) is None


def test_the_end_of_an_earlier_stack_does_not_hide_a_later_one(tmp_path):
    path = tmp_path / "local.json"
    with announced({"gateway": "second"}, path):
        with announced({"gateway": "first"}, path):
            path.write_text(json.dumps({"gateway": "second"}))
        assert running_stack(path) == {"gateway": "second"}


def test_the_command_tells_when_it_is_ready_and_stops_cleanly(template):
    hubsync = (sys.executable, "-m", "hubsync_cli.main")
    command = [*hubsync, "local", "--json", "--port", "0", "--template", template]
    with start(command) as running_command:
        ready = json.loads(running_command.stdout.readline())
        children = children_of(running_command.pid)
        assert httpx.get(ready["gateway"]).json() == {"message": "Not Found"}
        running_command.send_signal(signal.SIGTERM)
        assert running_command.stdout.read() == ""
    assert running_command.returncode == 0
    assert not running(children)


def test_what_a_script_starts_in_the_background_heeds_an_interrupt_all_the_same():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # As a shell without job control does.
    try:
        with stopping_on_signals():
            signal.raise_signal(signal.SIGINT)
            pytest.fail("it is ignored")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def start(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own


def children_of(parent: int) -> dict[int, str]:
    """Return the processes of the stack that a process started, each with its command."""
    if not PROC.is_dir():
        pytest.skip("only Linux tells who started whom, in /proc")
    found = {}
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            status = (folder / "status").read_text()
            command = (folder / "cmdline").read_text().replace("\0", " ")
            if f"PPid:\t{parent}\n" in status and "local/" in command:
                found[int(folder.name)] = command
    return found


def running(processes: dict[int, str]) -> list[int]:
    """Return those that have not ended; one that waits to be collected has."""
    found = []
    for pid in processes:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if "State:\tZ" not in (PROC / str(pid) / "status").read_text():
                found.append(pid)
    return found
