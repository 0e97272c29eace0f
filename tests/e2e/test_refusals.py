"""What is refused, at the door, by SQS and by HubSpot; and that nothing private gets out."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product

import httpx
import pytest

from hubsync.core.signatures.verify import sign
from hubsync_local.lambda_runtime import Runtime
from hubsync_local.signing import signed_event

OTHER_SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CANARY = "canary-5309"


def an_event(name, **fields):
    return {
        "eventId": f"refusals-{name}",
        "occurredAt": "2026-11-21T10:00:00Z",
        "objectType": "contacts",
        "idProperty": "email",
        "id": f"{name}@example.com",
        "properties": {"firstname": name},
        **fields,
    }


def signed_by_another(_secret, body, now):
    return sign(OTHER_SECRET, message_id="m", timestamp=now, body=body)


def signed_an_hour_ago(secret, body, now):
    return sign(secret, message_id="m", timestamp=now - 3600, body=body)


def signed_in_an_hour(secret, body, now):
    return sign(secret, message_id="m", timestamp=now + 3600, body=body)


def signed_for_another_body(secret, _body, now):
    return sign(secret, message_id="m", timestamp=now, body=b"{}")


def unsigned(_secret, _body, _now):
    return {}


@pytest.mark.parametrize(
    "headers",
    [signed_by_another, signed_an_hour_ago, signed_in_an_hour, signed_for_another_body, unsigned],
)
def test_without_a_valid_signature_nothing_is_enqueued(driver, headers):
    body = json.dumps(an_event("intruder")).encode()
    secret = driver.stack.ready["sources"]["changes"]["secret"]
    driver.settle()
    answer = driver.post(body, headers=headers(secret, body, int(time.time())))
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert driver.queued() == 0


def test_when_sqs_refuses_an_entry_the_answer_is_503_and_sending_again_is_harmless(driver):
    names = [f"again-{number}" for number in range(3)]
    # Three messages: an event of over 32 KB leaves no room for another of its size.
    events = [an_event(name, properties={"notes": name * 5000}) for name in names]
    secret = driver.stack.ready["sources"]["changes"]["secret"]
    body = json.dumps(events)
    event = {
        "version": "2.0",
        "rawPath": "/webhooks/changes",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "webhook-id": "m",
            "webhook-timestamp": "placeholder",
            "webhook-signature": "placeholder",
        },
        "requestContext": {
            "http": {"method": "POST", "path": "/webhooks/changes"},
            "requestId": "r",
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": False,
    }
    with failing_sqs(driver.stack.ready["aws"]) as proxy, ingest_through(driver, proxy.url) as run:
        refused = run(signed_event(event, secret, now=time.time()))
        assert (refused["statusCode"], refused["headers"]["Retry-After"]) == (503, "5")
        proxy.is_failing = False
        assert run(signed_event(event, secret, now=time.time()))["statusCode"] == 202
    driver.settle()
    contacts = driver.contacts()
    found = {name: contacts[f"{name}@example.com"]["notes"] for name in names}
    assert found == {name: name * 5000 for name in names}


def test_a_refused_property_costs_only_itself(driver):
    names = [f"refused-{number}" for number in range(100)]
    events = [an_event(name, properties={"firstname": name, "seats": 1}) for name in names]
    events[17]["properties"]["seats"] = "a dozen"
    before = driver.dead_letters()
    assert driver.post(json.dumps(events).encode()).status_code == 202
    driver.settle()
    contacts = driver.contacts()
    expected = {name: {"email": f"{name}@example.com", "firstname": name} for name in names}
    for name in names[:17] + names[18:]:
        expected[name]["seats"] = "1"
    assert {name: contacts[f"{name}@example.com"] for name in names} == expected
    [letter] = [each for each in driver.dead_letters() if each not in before]
    [event] = json.loads(letter["Body"])["events"]
    assert event["eventId"] == "refusals-refused-17"
    assert letter["MessageAttributes"]["refused_properties"]["StringValue"] == "seats"


# Event ids and names of properties are told, so that an operator finds them; nothing else is.
FIELDS = ["occurredAt", "sequence", "operation", "objectType", "idProperty", "id", "properties"]
HEADERS = ["authorization", "cookie", "referer", "traceparent", "user-agent", "x-api-key"]
CLAIMS = ["webhook-id", "webhook-timestamp", "webhook-signature", "content-encoding", "ce-id"]


def sung(driver):
    """Send a canary in every header and field, to be accepted and to be refused."""
    canaries = dict.fromkeys([*HEADERS, "webhook-request-origin"], CANARY)
    event = an_event(CANARY, eventId="sung", properties={"seats": CANARY, "firstname": CANARY})
    body = json.dumps([event | {"unknown": CANARY}]).encode()
    yield 202, driver.post(body, headers=driver.visitor.sign(body) | canaries)
    yield 401, driver.post(body, headers=canaries)
    yield 400, driver.post(body[:-9], headers=driver.visitor.sign(body[:-9]) | canaries)
    for name, status in zip(CLAIMS, [401, 401, 401, 415, 422], strict=True):
        yield status, driver.post(body, headers=driver.visitor.sign(body) | {name: CANARY})
    for field, value in product(FIELDS, [[CANARY], f"\0{CANARY}"]):
        yield 422, driver.post(json.dumps(event | {field: value}).encode())
    envelope = dict.fromkeys(("specversion", "id", "source", "type", "time", "ext"), CANARY)
    spoiled = json.dumps(envelope | {"data": CANARY}).encode()
    structured = {"content-type": "application/cloudevents+json"}
    yield 422, driver.post(spoiled, headers=driver.visitor.sign(spoiled) | structured)


def test_no_secret_and_no_value_is_in_any_log_line_or_metric_or_dead_letters_attribute(driver):
    before = driver.dead_letters()
    answers = list(sung(driver))
    assert [answer.status_code for _, answer in answers] == [status for status, _ in answers]
    asked = {"webhook-request-origin": CANARY, "webhook-request-callback": f"http://{CANARY}/"}
    gateway = driver.stack.ready["gateway"]
    handshake = httpx.options(f"{gateway}/webhooks/changes", headers=asked, trust_env=False)
    assert (handshake.status_code, handshake.headers["webhook-allowed-origin"]) == (200, "*")
    driver.settle()
    assert driver.contacts()[f"{CANARY}@example.com"]["firstname"] == CANARY
    [letter] = [each for each in driver.dead_letters() if each not in before]
    # Logs and metrics are the same lines.
    told = driver.logs() + json.dumps(letter["MessageAttributes"])
    assert "event_dead_lettered" in told
    assert "EventsAccepted" in told
    webhook_secret = driver.stack.ready["sources"]["changes"]["secret"]
    leaked = [word for word in (CANARY, webhook_secret, "put-your-token-here") if word in told]
    assert leaked == []


@contextmanager
def ingest_through(driver, aws_url):
    """Run the ingest function with another AWS address."""
    runtime = driver.stack.runtimes["IngestFunction"]
    environment = {**runtime.environment, "AWS_ENDPOINT_URL": aws_url}
    changed = Runtime(runtime.function, environment, log=runtime.log)
    try:
        yield lambda event: changed.invoke(event).value
    finally:
        changed.close()


@contextmanager
def failing_sqs(aws_url):
    """A proxy in front of AWS that fails the first entry of each SendMessageBatch."""

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            target = self.headers.get("X-Amz-Target", "")
            if target.endswith("SendMessageBatch") and server.is_failing:
                status, answer = 200, self.without_first_entry(body)
            else:
                status, answer = self.forwarded(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def without_first_entry(self, body):
            call = json.loads(body)
            failed = {"Id": call["Entries"][0]["Id"], "Code": "InternalError", "SenderFault": False}
            answer = {"Successful": []}
            if rest := call["Entries"][1:]:
                _, sent = self.forwarded(json.dumps({**call, "Entries": rest}).encode())
                answer = json.loads(sent)
            return json.dumps({**answer, "Failed": [failed]}).encode()

        def forwarded(self, body):
            names = ("Authorization", "Content-Type", "X-Amz-Target")
            headers = {name: self.headers[name] for name in names}
            answer = httpx.post(f"{aws_url}{self.path}", content=body, headers=headers)
            return answer.status_code, answer.content

        def log_message(self, *_args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.is_failing = True
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
