"""Every file of events/ is fed to its function, as `sam local invoke` would.

Once to the code as it is here, and once to what was built, in AWS's own runtime.
"""

import json
import time
from pathlib import Path

import pytest

from hubsync_local.lambda_runtime import Returned
from hubsync_local.signing import signed_event

EVENTS = Path(__file__).parents[2] / "events"
ANSWERS = {
    "webhook-archive": 202,
    "webhook-array-of-events": 202,
    "webhook-cloudevent-binary": 202,
    "webhook-cloudevent-structured": 202,
    "webhook-cloudevent-without-time": 422,
    "webhook-cloudevents-batch": 202,
    "webhook-compressed": 415,
    "webhook-duplicate-keys": 400,
    "webhook-empty-body": 400,
    "webhook-handshake": 200,
    "webhook-invalid-events": 422,
    "webhook-invalid-utf-8": 400,
    "webhook-late-and-repeated-events": 202,
    "webhook-no-signature": 401,
    "webhook-not-json": 400,
    "webhook-old-signature": 401,
    "webhook-one-event": 202,
    "webhook-other-content-type": 415,
    "webhook-other-method": 405,
    "webhook-signature-of-the-future": 401,
    "webhook-unknown-source": 404,
    "webhook-update-by-record-id": 202,
    "webhook-wrong-signature": 401,
}
# An account without a token is the operator's to mend: the message waits in the queue meanwhile.
RETURNED = {"queue-unknown-account": ["00000000-0000-4000-8000-000000000001"]}
QUEUES = sorted(path.stem for path in EVENTS.glob("queue-*.json"))


@pytest.fixture(params=["driver", "built_driver"])
def either(request):
    return request.getfixturevalue(request.param)


def read(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def test_every_webhook_has_an_expected_answer():
    assert sorted(ANSWERS) == sorted(path.stem for path in EVENTS.glob("webhook-*.json"))


@pytest.mark.parametrize(("name", "status"), ANSWERS.items())
def test_the_ingest_function_answers_each_webhook(either, name, status):
    secret = either.stack.ready["sources"]["changes"]["secret"]
    event = signed_event(read(name), secret, now=time.time())
    answer = either.stack.runtimes["IngestFunction"].invoke(event).value
    kind = {200: None, 202: "application/json"}.get(status, "application/problem+json")
    assert (answer["statusCode"], answer["headers"].get("Content-Type")) == (status, kind)
    told = json.loads(answer["body"]).get("status", 202) if kind else answer["body"]
    assert told == (status if kind else "")


@pytest.mark.parametrize("name", QUEUES)
def test_the_consumer_function_settles_each_batch(either, name):
    result = either.stack.runtimes["ConsumerFunction"].invoke(read(name))
    failures = [{"itemIdentifier": message_id} for message_id in RETURNED.get(name, [])]
    assert result == Returned({"batchItemFailures": failures})
