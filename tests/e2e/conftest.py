"""One local stack for all end-to-end tests of a process; each test uses records of its own."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from hubsync_checks import build_report
from hubsync_local.lambda_rie import EmulatedProcess
from hubsync_local.stack import Stack
from hubsync_local.stack_client import Visitor

SETTLE_SECONDS_MAX = 60


@dataclass(frozen=True)
class Driver:
    """Drives a stack from outside, as senders and operators do."""

    stack: Stack
    visitor: Visitor

    def post(self, body: bytes, *, headers=None):
        """Post a body, signed unless headers are given."""
        return self.visitor.post(body, headers=headers)

    def settle(self):
        self.stack.wait_until_settled(SETTLE_SECONDS_MAX)

    def queued(self):
        return self.stack.aws.count_messages(self.stack.template.queues["ChangeQueue"])

    def dead_letters(self):
        """Return the dead letters without taking them away."""
        url = self.stack.ready["queues"]["dead_letter"]
        found = []
        while messages := self._receive(url):
            found += messages
        for message in found:
            handle = message.pop("ReceiptHandle")
            self.stack.aws.sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
            )
        return found

    def _receive(self, url):
        answer = self.stack.aws.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return answer.get("Messages", [])

    def contacts(self):
        """Return the contacts' properties by e-mail address."""
        records = self.visitor.look("records", type="contacts", limit="5000")["records"]
        return {r["properties"]["email"]: r["properties"] for r in records}

    def calls(self, operation="upsert"):
        found = self.visitor.look("calls")["calls"]
        return [call for call in found if call["operation"] == operation]

    def logs(self):
        return "".join(Path(log).read_text() for log in self.stack.log_files())


# An update of a record that HubSpot does not know would else be retried for ten minutes.
ENVIRONMENT = {"NOT_FOUND_RETRY_SECONDS": "0"}


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """The stack as `make local` runs it."""
    logs = tmp_path_factory.mktemp("logs")
    with (
        Stack(logs=logs, consumers=1, environment=ENVIRONMENT) as stack,
        Visitor(stack.ready) as visitor,
    ):
        yield Driver(stack, visitor)


@pytest.fixture(scope="session")
def built_driver(tmp_path_factory):
    """The stack as `make build` built it, in AWS's own Lambda runtime."""
    if reason := build_report.why_not():
        pytest.skip(reason)
    with (
        Stack(
            build_report.HOST / "template.yaml",
            logs=tmp_path_factory.mktemp("built-logs"),
            consumers=1,
            environment=ENVIRONMENT,
            start=EmulatedProcess,
        ) as stack,
        Visitor(stack.ready) as visitor,
    ):
        yield Driver(stack, visitor)
