"""Foreign payloads from their signature to the record: one more TOML file is all it takes."""

import base64
import json
import shutil
import time
from dataclasses import replace

import pytest

from hubsync.core.kept_payload import read
from hubsync.core.payloads.source import load_source
from hubsync.core.signatures.verify import sign
from hubsync_local.lambda_runtime import Runtime, lambda_environment
from hubsync_local.template.reader import read_template
from hubsync_local.virtual.pipeline import Pipeline
from tests.examples import CASES, FOLDER, HEADERS, PAYLOADS, PROJECT, payloads, sources

HOST = "hooks.example.com"
STACK = "mapped"
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
CANARY = "canary-4711"


class Ingest:
    """The ingest function with the example sources, and a queue of its own."""

    def __init__(self, aws, code):
        self._aws = aws
        self.queue_url = aws.sqs.create_queue(QueueName=f"{STACK}-changes")["QueueUrl"]
        self.letters_url = aws.sqs.create_queue(QueueName=f"{STACK}-letters")["QueueUrl"]
        for name in sources():
            aws.secrets.create_secret(Name=f"{STACK}/webhooks/{name}", SecretString=SECRET)
        template = read_template(PROJECT / "template.yaml", aws=aws.endpoint)
        function = replace(template.functions["IngestFunction"], code=code)
        ours = {
            "CHANGE_QUEUE_URL": self.queue_url,
            "DEAD_LETTER_QUEUE_URL": self.letters_url,
            "WEBHOOK_SECRETS_PREFIX": f"{STACK}/",
        }
        environment = {**function.environment, **lambda_environment(function, aws=aws.endpoint)}
        self._log = code / "function.log"
        self.runtime = Runtime(function, environment | ours, log=self._log)

    def post(self, source, body, headers=None):
        """Sign as the upstream system would; return status and body of the answer."""
        url = f"https://{HOST}/webhooks/{source}"
        signed = sign(
            SECRET,
            message_id=(headers or {}).get("svix-id", "m-1"),
            timestamp=int(time.time()),
            body=body,
            scheme=load_source(FOLDER / f"{source}.toml").signature.rules,
            url=url,
        )
        if source == "clerk":  # It sends by Svix.
            signed = {each.replace("webhook-", "svix-"): text for each, text in signed.items()}
        sent = {"content-type": "application/json", **(headers or {}), **signed}
        answer = self.send(source, body, sent)
        return answer["statusCode"], json.loads(answer["body"])

    def send(self, source, body, headers, *, method="POST"):
        event = {
            "version": "2.0",
            "rawPath": f"/webhooks/{source}",
            "rawQueryString": "",
            "pathParameters": {"source": source},
            "headers": headers,
            "requestContext": {
                "domainName": HOST,
                "http": {"method": method, "path": f"/webhooks/{source}"},
                "requestId": "r-1",
                "stage": "$default",
            },
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        return self.runtime.invoke(event).value

    def messages(self):
        return [message["Body"] for message in self._taken_out(self.queue_url)]

    def letters(self):
        """The bodies of dead letters, and what their attributes say."""
        for message in self._taken_out(self.letters_url):
            said = message["MessageAttributes"].items()
            yield message["Body"], {name: each["StringValue"] for name, each in said}

    def _taken_out(self, url):
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
        while received := self._aws.sqs.receive_message(**asked).get("Messages"):
            for message in received:
                yield message
                self._aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def log(self):
        return self._log.read_text()


@pytest.fixture(scope="module")
def ingest(local_aws, tmp_path_factory):
    code = tmp_path_factory.mktemp("mapped")
    shutil.copy(PROJECT / "functions" / "ingest" / "app.py", code)
    shutil.copytree(FOLDER, code / "sources")
    started = Ingest(local_aws, code)
    yield started
    started.runtime.close()


def expected(name):
    """What a source answers to a payload, by its golden file."""
    told = CASES[name].expected()
    if told["status"] == 200:
        return 200, {"challenge": told["challenge"]}
    counts = {"accepted": len(told["events"]), "ignored": told["ignored"], "kept": 0}
    return 202, counts | {"requestId": "r-1"}


def test_every_payload_is_answered_as_its_upstream_system_wants(ingest):
    told = {}
    for name in payloads():
        body = (PAYLOADS / f"{name}.json").read_bytes()
        told[name] = ingest.post(name.partition("-")[0], body, HEADERS.get(name))
    assert told == {name: expected(name) for name in payloads()}
    found = [event["eventId"] for body in ingest.messages() for event in json.loads(body)["events"]]
    assert sorted(found) == sorted(
        event["eventId"] for name in payloads() for event in CASES[name].expected()["events"]
    )


def test_first_requests_that_are_not_signed_are_answered_as_their_systems_want(ingest):
    ping = ingest.send(
        "woocommerce", b"webhook_id=12", {"content-type": "application/x-www-form-urlencoded"}
    )
    assert ping["statusCode"] == 200
    assert ingest.send("intercom", b"", {}, method="HEAD")["statusCode"] == 200
    for source in sources():
        assert ingest.send(source, b"{}", {"content-type": "application/json"})["statusCode"] == 401


def test_a_signed_foreign_payload_becomes_a_record(ingest):
    body = (PAYLOADS / "debezium-create-with-schema.json").read_bytes()
    assert ingest.post("debezium", body)[0] == 202
    (message,) = ingest.messages()
    pipeline = Pipeline()
    pipeline.sqs.put(message, visible_at=pipeline.now())
    pipeline.run()
    grace = pipeline.hubspot.find("contacts", "1002", by="external_id").properties
    expected = {"email": "grace@example.com", "firstname": "Grace", "notes": "Wrote to us"}
    assert {name: grace[name] for name in expected} == expected


def test_a_payload_that_cannot_be_read_is_kept_counted_and_logged_without_a_value(ingest):
    payload = json.loads((PAYLOADS / "stripe-customer-updated.json").read_bytes())
    payload["data"]["object"] |= {"name": {CANARY: CANARY}, "id": None, "email": CANARY}
    headers = {"x-canary": CANARY}
    before = len(ingest.log())
    status, answer = ingest.post("stripe", json.dumps(payload).encode(), headers)
    assert (status, answer) == (
        202,
        {"accepted": 0, "ignored": 0, "kept": 1, "requestId": "r-1"},
    )
    written = ingest.log()[before:]
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("message") == "payload_kept"]
    names = ("source", "request_id", "reason", "accepted", "ignored", "kept", "keys")
    assert {name: line[name] for name in names} == {
        "source": "stripe",
        "request_id": "r-1",
        "reason": "invalid",
        "accepted": 0,
        "ignored": 0,
        "kept": 1,
        "keys": ["/change/0/fields/id"],
    }
    (metrics,) = [line for line in lines if "EventsIgnored" in line]
    assert (metrics["PayloadsKept"], metrics["EventsAccepted"]) == ([1], [0, 0])
    assert CANARY not in written
    ((letter, said),) = ingest.letters()
    assert said | {"rejected_at": None} == {
        "reason_code": "INVALID_PAYLOAD",
        "reason_message": "/change/0/fields/id is null, or not there",
        "rejected_at": None,
    }
    kept = read(letter)
    assert json.loads(kept.body) == payload
    assert kept.headers["x-canary"] == CANARY
    assert "stripe-signature" not in kept.headers
