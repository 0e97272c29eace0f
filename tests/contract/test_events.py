"""The files of events/ have the shapes that API Gateway and Lambda's SQS trigger give them."""

import hashlib
import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from hubsync.core.signatures.schemes import STANDARD_WEBHOOKS
from hubsync.core.signatures.verify import verify
from hubsync.errors import Unsigned
from hubsync_local.api_gateway_payload import Request, to_event
from hubsync_local.checkout import SOURCES
from hubsync_local.event_source_mapping import to_record
from hubsync_local.signing import PLACEHOLDER, event_body, signed_event
from hubsync_local.template.model import Queue, Route

EVENTS = Path(__file__).parents[2] / "events"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
NOW = 1795255200.0
WEBHOOKS = sorted(EVENTS.glob("webhook-*.json"))
QUEUES = sorted(EVENTS.glob("queue-*.json"))


def name(path):
    return path.stem


def read(path):
    return json.loads(path.read_text())


def test_every_file_is_a_webhook_or_a_batch_of_messages():
    assert sorted(EVENTS.iterdir()) == sorted([*WEBHOOKS, *QUEUES, EVENTS / "payloads"])


@pytest.mark.parametrize("path", WEBHOOKS, ids=name)
def test_a_webhook_is_what_the_gateway_makes_of_its_request(path):
    event = read(path)
    context = event["requestContext"]
    request = Request(
        method=context["http"]["method"],
        raw_path=event["rawPath"],
        query=event["rawQueryString"],
        headers=list(event["headers"].items()),
        body=event_body(event),
        source_ip=context["http"]["sourceIp"],
    )
    assert event == to_event(
        request,
        Route("ANY", "/webhooks/{source}"),
        event["pathParameters"],
        now=context["timeEpoch"] / 1000,
        request_id=context["requestId"],
    )
    assert event["headers"].get("content-length", "0") == str(len(request.body))


@pytest.mark.parametrize("path", QUEUES, ids=name)
def test_a_batch_has_the_records_that_the_poller_makes(path):
    for record in read(path)["Records"]:
        arn = "arn:aws:sqs:us-east-1:123456789012:hubsync-ChangeQueue"
        message = {
            "MessageId": record["messageId"],
            "ReceiptHandle": record["receiptHandle"],
            "Body": record["body"],
            "Attributes": record["attributes"],
            "MD5OfBody": hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest(),
        }
        assert record == to_record(message, Queue("ChangeQueue", "", "", arn, {}))


@pytest.mark.parametrize("path", [*WEBHOOKS, *QUEUES], ids=name)
def test_after_signing_no_placeholder_is_left_and_nothing_else_has_changed(path):
    event = read(path)
    signed = signed_event(event, SECRET, now=NOW)
    assert PLACEHOLDER not in signed.get("headers", {}).values()
    filled = {"webhook-timestamp", "webhook-signature"}
    for part in (event, signed):
        part["headers"] = {n: v for n, v in part.get("headers", {}).items() if n not in filled}
    assert signed == event


@pytest.mark.parametrize("path", WEBHOOKS, ids=name)
def test_what_is_to_be_signed_is_for_a_source_that_has_a_secret(path):
    event = read(path)
    is_signed = PLACEHOLDER in event["headers"].values()
    assert not is_signed or (SOURCES / f"{event['pathParameters']['source']}.toml").exists()


UNSIGNED = {
    "webhook-handshake",
    "webhook-no-signature",
    "webhook-old-signature",
    "webhook-other-method",
    "webhook-signature-of-the-future",
    "webhook-unknown-source",
    "webhook-wrong-signature",
}


@pytest.mark.parametrize("path", WEBHOOKS, ids=name)
def test_a_signed_file_verifies_unless_it_is_about_signatures(path):
    event = signed_event(read(path), SECRET, now=NOW)
    expected = pytest.raises(Unsigned) if path.stem in UNSIGNED else nullcontext()
    with expected:
        verify(
            STANDARD_WEBHOOKS,
            event["headers"],
            event_body(event),
            url="",
            secrets=lambda **_: [SECRET],
            now=NOW,
            tolerance_seconds=300,
        )
