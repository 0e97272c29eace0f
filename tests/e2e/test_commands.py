"""The commands that sign, against a stack that is reached as one in AWS would be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HUBSYNC = Path(sys.executable).with_name("hubsync")
SECRET_NAME = "hubsync/webhooks/changes"
EVENT = {
    "eventId": "sent-1",
    "occurredAt": "2026-11-21T10:00:00Z",
    "objectType": "contacts",
    "idProperty": "email",
    "id": "sent@example.com",
    "properties": {"firstname": "Sent"},
}


@pytest.fixture
def hubsync(driver):
    """Run the command with AWS credentials for the stack's own AWS."""
    aws = {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": driver.stack.ready["aws"],
    }

    def run(*arguments, stdin=""):
        return subprocess.run(  # noqa: S603 - our own command
            [HUBSYNC, *arguments],
            input=stdin,
            env={**os.environ, **aws},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_send_signs_a_body_and_prints_the_answer(driver, hubsync):
    url = f"{driver.stack.ready['gateway']}/webhooks/{{source}}"
    arguments = ("send", "-", "--url", url, "--secret-name", SECRET_NAME)
    sent = hubsync(*arguments, stdin=json.dumps(EVENT))
    status, _, body = sent.stdout.partition("\n")
    assert (sent.returncode, status, json.loads(body)["accepted"]) == (0, "202 Accepted", 1)
    refused = hubsync(*arguments, stdin="{}")
    assert (refused.returncode, refused.stdout.split()[0]) == (1, "422")
    compressed = hubsync(*arguments, "--header", "Content-Encoding=gzip", stdin="{}")
    assert (compressed.returncode, compressed.stdout.split()[0]) == (1, "415")


def test_an_event_is_printed_so_that_its_function_accepts_it(driver, hubsync):
    printed = hubsync("event", "webhook-one-event", "--secret-name", SECRET_NAME)
    assert printed.returncode == 0
    answer = driver.stack.runtimes["IngestFunction"].invoke(json.loads(printed.stdout))
    assert answer.value["statusCode"] == 202


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("send", "nowhere.json"), 2, "nowhere.json"),
        (("send", "-", "--url", "http://127.0.0.1:9"), 2, "--secret-name"),
        (("send", "-", "--secret-name", "hubsync/webhooks/nobody"), 1, "cannot be read"),
        (("event", "nothing"), 2, "webhook-one-event"),
        (("local", "--env", "NAME"), 2, "NAME=VALUE"),
    ],
)
def test_what_is_wrong_is_said_on_standard_error(hubsync, arguments, code, said):
    done = hubsync(*arguments)
    assert (done.returncode, done.stdout, said in done.stderr) == (code, "", True), done.stderr
