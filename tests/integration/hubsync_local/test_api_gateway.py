"""The gateway over a socket, in front of functions that are plain objects."""

import threading
from dataclasses import dataclass, field

import httpx
import pytest

from hubsync_local.api_gateway import BODY_BYTES_MAX, Gateway, serving
from hubsync_local.lambda_runtime import Returned
from hubsync_local.processes import listen
from hubsync_local.template.model import Route


@dataclass
class Echo:
    """Answers with a fixed value and remembers the events; waits for `go` first."""

    value: object = "ok"
    go: threading.Event = field(default_factory=threading.Event)
    events: list = field(default_factory=list)

    def invoke(self, event):
        self.events.append(event)
        assert self.go.wait(10)
        return Returned(self.value)


@pytest.fixture
def served():
    """Serve an Echo at /webhooks/{source} and one for GET /health."""
    webhook, health = Echo({"statusCode": 202, "body": "ä"}), Echo("well")
    webhook.go.set()
    health.go.set()
    routes = [(Route("GET", "/health"), health), (Route("ANY", "/webhooks/{source}"), webhook)]
    listener = listen(0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with serving(Gateway(routes), listener), httpx.Client(base_url=url) as client:
        yield client, webhook


def test_a_request_reaches_the_function_of_its_route_and_its_answer_comes_back(served):
    client, webhook = served
    headers = {"Content-Type": "application/json", "X-Twice": "a"}
    answer = client.post("/webhooks/changes?a=1", content=b'{"a": 1}', headers=headers)
    assert (answer.status_code, answer.text) == (202, "ä")
    [event] = webhook.events
    assert (event["body"], event["rawQueryString"]) == ('{"a": 1}', "a=1")
    assert event["pathParameters"] == {"source": "changes"}
    assert event["requestContext"]["requestId"] == answer.headers["apigw-requestid"]
    assert event["headers"]["x-twice"] == "a"
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/webhooks/changes", 202),
        ("GET", "/health", 200),
        ("POST", "/health", 404),
        ("GET", "/", 404),
        ("GET", "/webhooks/a/b", 404),
    ],
)
def test_a_route_has_its_methods_and_what_has_no_route_is_not_found(served, method, path, status):
    client, _ = served
    answer = client.request(method, path)
    assert answer.status_code == status
    if status == 404:
        assert answer.json() == {"message": "Not Found"}


def test_a_body_over_10_mb_is_refused(served):
    client, webhook = served
    assert client.post("/webhooks/changes", content=b"x" * BODY_BYTES_MAX).status_code == 202
    answer = client.post("/webhooks/changes", content=b"x" * (BODY_BYTES_MAX + 1))
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
    assert len(webhook.events) == 1


def test_a_slow_invocation_does_not_hold_up_others(served):
    client, webhook = served
    webhook.go.clear()
    slow = threading.Thread(target=client.post, args=("/webhooks/changes",))
    slow.start()
    assert client.get("/health").text == "well"
    webhook.go.set()
    slow.join()
