"""What is refused, at the door, by SQS and by HubSpot; and that nothing private gets out."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from hubsync.core.signature import sign
from local.runtime import Runtime
from local.signing import signed_event

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


def test_no_secret_and_no_value_is_in_any_log_line(driver):
    properties = {"seats": CANARY, "firstname": CANARY}
    body = json.dumps([an_event(CANARY, eventId="sung", properties=properties)])
    assert driver.post(body.encode()).status_code == 202
    invalid = an_event(CANARY, properties={"firstname": {"nested": CANARY}}, occurredAt=CANARY)
    assert driver.post(json.dumps(invalid).encode()).status_code == 422
    assert driver.post(body[:-9].encode()).status_code == 400
    assert driver.post(body.encode(), headers={"webhook-signature": CANARY}).status_code == 401
    driver.settle()
    assert driver.contacts()[f"{CANARY}@example.com"]["firstname"] == CANARY
    logs = driver.logs()
    assert "event_dead_lettered" in logs
    webhook_secret = driver.stack.ready["sources"]["changes"]["secret"]
    leaked = [word for word in (CANARY, webhook_secret, "put-your-token-here") if word in logs]
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
