"""The ingest function in this process: API Gateway's events in, its answers out, AWS local.

In process, so that what a request costs can be measured.
"""

import importlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubsync.core.signatures.verify import sign
from hubsync.edge import aws_clients as edge
from hubsync_local.api_gateway_payload import Request, to_event
from hubsync_local.lambda_runtime import lambda_environment
from hubsync_local.template.model import Route
from hubsync_local.template.reader import read_template
from tests.openapi import broken_promises

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
ROUTE = Route("ANY", "/webhooks/{source}")
JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Context:
    """As much of Lambda's context as the logger asks for."""

    function_name: str = "door-IngestFunction"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:door"
    aws_request_id: str = "r-1"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    body: object


class IngestClient:
    """The ingest function behind the stack `door`; it has a queue and a secret of its own."""

    def __init__(self, aws):
        self._aws = aws
        template = read_template(TEMPLATE, aws=aws.endpoint, stack="door")
        aws.build(template)
        self._queue = template.queues["ChangeQueue"]
        self._secret = aws.read_secret(template.secrets["WebhookSecret"].name)
        function = template.functions["IngestFunction"]
        environment = function.environment | lambda_environment(function, aws=aws.endpoint)
        with pytest.MonkeyPatch.context() as shell:
            # Only while it starts: the other tests of this process have a shell of their own.
            for name, value in environment.items():
                shell.setenv(name, value)
            app = importlib.import_module("functions.ingest.app")
            app.settings(), app.secrets(), edge.sqs()
        self.handle = app.handler

    def post(self, body, *, headers=JSON, source="changes", method="POST"):
        event = self.event(body, headers=headers, source=source, method=method)
        return self.answer(event, method=method)

    def event(self, body, *, headers=JSON, source="changes", method="POST", signed=True):
        """What the gateway makes of a request, signed as it should be unless told otherwise."""
        given = headers | (self.signature(body) if signed else {})
        path = f"/webhooks/{source}"
        request = Request(method, path, "", list(given.items()), body, "203.0.113.7")
        return to_event(request, ROUTE, {"source": source}, now=time.time(), request_id="r-1")

    def signature(self, body):
        return sign(self._secret, message_id="m-1", timestamp=int(time.time()), body=body)

    def answer(self, event, *, method="POST"):
        """Invoke the function; every answer is as docs/openapi.json promises."""
        result = self.handle(event, Context())
        body = json.loads(result["body"]) if result["body"] else None
        answer = Answer(result["statusCode"], result["headers"], body)
        assert broken_promises(method, answer.status, answer.headers, answer.body) == []
        return answer

    def messages(self):
        """Take all messages out of the queue."""
        return [json.loads(body) for body in self.bodies()]

    def bodies(self):
        """Take all messages out of the queue, as they are."""
        found = []
        while received := self._receive():
            found += [message["Body"] for message in received]
        return found

    def _receive(self):
        asked = {"QueueUrl": self._queue.url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
        received = self._aws.sqs.receive_message(**asked).get("Messages", [])
        for message in received:
            self._aws.sqs.delete_message(
                QueueUrl=self._queue.url, ReceiptHandle=message["ReceiptHandle"]
            )
        return received
