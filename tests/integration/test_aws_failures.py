"""What is told of calls to AWS that fail: the operation and AWS's code, and no value."""

import asyncio
import logging
import socket
import time
from pathlib import Path
from random import Random

import pytest
from botocore.config import Config

from functions.ingest import app
from hubsync.core.kept_payload import Kept, Place, Unmade
from hubsync.core.message import FORMAT, Envelope
from hubsync.edge.aws_clients import FAILURES, SQS_CONFIG, Failures, log_failures
from hubsync.edge.ledger import DynamoLedger
from hubsync.edge.secrets import Secrets, webhook_secrets
from hubsync.edge.sqs import SENDING_SECONDS_MAX, enqueue, entry_bytes, keep, requests, send
from hubsync.errors import Fault, Misconfigured, NotEnqueued, Unanswered
from hubsync_local.template.intrinsics import parse
from tests.builders import ADA

PROJECT = Path(__file__).parents[2]
KEPT = Kept(
    Envelope.model_validate(
        {
            "v": FORMAT,
            "account": "main",
            "source": "shop",
            "receivedAt": "2026-11-21T12:00:00Z",
            "requestId": "r-1",
        }
    ),
    (Unmade(Place(0, 0), (Fault("/change/0/fields/id", "is null"),), "e#0"),),
)


def watched(client):
    failures = Failures()
    failures.watch(client)
    return failures


def another(client, **config):
    """A client like this one with hooks of its own."""
    import boto3  # noqa: PLC0415

    return boto3.client(
        client.meta.service_model.service_name,
        endpoint_url=config.pop("endpoint_url", client.meta.endpoint_url),
        region_name=client.meta.region_name,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


@pytest.fixture
def hanging():
    """The address of a server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_missing_queue_is_told_by_operation_and_code(local_aws):
    sqs = another(local_aws.sqs)
    failures = watched(sqs)
    url = f"{local_aws.endpoint}/123456789012/nowhere"
    assert send(sqs, url, [{"MessageBody": "x", "MessageGroupId": "main"}]) == frozenset()
    ((operation, code),) = failures.take()
    assert operation == "SendMessageBatch"
    assert "NonExistentQueue" in code
    assert failures.take() == {}


def test_a_service_that_cannot_be_reached_is_told_by_its_error(local_aws):
    dynamodb = another(local_aws.dynamodb, endpoint_url="http://127.0.0.1:9")
    failures = watched(dynamodb)
    with pytest.raises(Unanswered):
        asyncio.run(DynamoLedger(dynamodb, "nowhere", random=Random(0)).read([ADA]))
    assert failures.take() == {("BatchGetItem", "EndpointConnectionError"): 1}


def test_a_deleted_table_is_told(local_aws):
    dynamodb = another(local_aws.dynamodb)
    failures = watched(dynamodb)
    with pytest.raises(Unanswered):
        asyncio.run(DynamoLedger(dynamodb, "deleted", random=Random(0)).read([ADA]))
    assert failures.take() == {("BatchGetItem", "ResourceNotFoundException"): 1}


def test_a_secret_without_a_previous_version_is_no_failure(local_aws):
    client = another(local_aws.secrets)
    client.create_secret(Name="never/rotated/told", SecretString="only")
    failures = watched(client)
    secrets = Secrets(client, monotonic=time.monotonic)
    assert webhook_secrets(secrets, "never/rotated/told") == ["only"]
    assert failures.take() == {}


def test_a_cancelled_transaction_is_told_by_what_is_no_conflict():
    failures = Failures()
    cancelled = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [
            {"Code": "None"},
            {"Code": "ConditionalCheckFailed"},
            {"Code": "TransactionConflict"},
            {"Code": "ThrottlingError"},
        ],
    }
    failures.answered(400, "TransactWriteItems", cancelled)
    assert failures.take() == {("TransactWriteItems", "ThrottlingError"): 1}


def test_a_condition_that_fails_is_no_failure(local_aws):
    dynamodb = another(local_aws.dynamodb)
    failures = watched(dynamodb)
    dynamodb.create_table(
        TableName="conditions",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(
            TableName="conditions",
            Item={"pk": {"S": "a"}},
            ConditionExpression="attribute_exists(pk)",
        )
    assert failures.take() == {}


def test_each_cause_is_logged_once_with_how_often(local_aws):
    sqs = another(local_aws.sqs)
    FAILURES.watch(sqs)
    FAILURES.take()
    url = f"{local_aws.endpoint}/123456789012/nowhere"
    send(sqs, url, [{"MessageBody": "x", "MessageGroupId": "main"}])
    lines = []
    log_failures(lambda fact, **said: lines.append((fact, said)))
    ((fact, said),) = lines
    assert (fact, said["operation"], said["count"]) == ("aws_call_failed", "SendMessageBatch", 3)


def test_a_503_says_when_to_come_again_and_its_log_line_names_the_cause(local_aws):
    records = []
    listener = logging.Handler()
    listener.emit = records.append
    sqs = another(local_aws.sqs)
    FAILURES.watch(sqs)
    FAILURES.take()
    url = f"{local_aws.endpoint}/123456789012/nowhere"
    app.logger.addHandler(listener)
    try:
        with pytest.raises(NotEnqueued) as error:
            enqueue(sqs, url, "main", ["x"])
        answer = app.unavailable(error.value)
    finally:
        app.logger.removeHandler(listener)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
    ((line),) = records
    assert ("SendMessageBatch" in line.causes[0], len(line.causes)) == (True, 1)
    assert "SendMessageBatch" not in answer["body"]


def test_a_secret_that_was_read_serves_on_while_it_cannot_be_read(local_aws):
    client = another(local_aws.secrets)
    client.create_secret(Name="serves/on", SecretString="old")
    clock = [0.0]
    secrets = Secrets(client, monotonic=lambda: clock[0])
    assert secrets.get("serves/on") == "old"
    failing = another(client, endpoint_url="http://127.0.0.1:9")
    secrets._secretsmanager = failing  # noqa: SLF001 - Secrets Manager goes away
    clock[0] = 10_000.0
    assert secrets.get("serves/on") == "old"
    with pytest.raises(Misconfigured):
        secrets.get("never/read")
    secrets._secretsmanager = client  # noqa: SLF001
    client.put_secret_value(SecretId="serves/on", SecretString="new")
    clock[0] += 31
    assert secrets.get("serves/on") == "new"


def test_a_secret_that_was_never_rotated_serves_on_as_well(local_aws):
    client = another(local_aws.secrets)
    client.create_secret(Name="never/rotated", SecretString="only")
    clock = [0.0]
    secrets = Secrets(client, monotonic=lambda: clock[0])
    assert webhook_secrets(secrets, "never/rotated") == ["only"]
    secrets._secretsmanager = another(client, endpoint_url="http://127.0.0.1:9")  # noqa: SLF001
    clock[0] = 301.0
    assert webhook_secrets(secrets, "never/rotated") == ["only"]


def test_a_request_waits_for_a_hanging_secrets_manager_once(local_aws, hanging):
    client = another(local_aws.secrets)
    client.create_secret(Name="hangs", SecretString="old")
    client.put_secret_value(SecretId="hangs", SecretString="new")
    clock = [0.0]
    secrets = Secrets(client, monotonic=lambda: clock[0])
    assert webhook_secrets(secrets, "hangs") == ["new", "old"]
    stuck = another(client, endpoint_url=hanging, read_timeout=0.2)
    failures = watched(stuck)
    secrets._secretsmanager = stuck  # noqa: SLF001
    clock[0] = 301.0
    for fresh in (False, True):  # A wrong signature asks a second time.
        assert webhook_secrets(secrets, "hangs", fresh=fresh) == ["new", "old"]
    assert failures.take() == {("GetSecretValue", "ReadTimeoutError"): 1}


def test_attributes_count_for_what_a_request_may_carry():
    names = {"refused_properties": {"DataType": "String", "StringValue": "x" * 25_000}}
    entry = {"MessageBody": "y" * 100_000, "MessageAttributes": names}
    assert entry_bytes(entry) == 100_000 + 25_000 + len("refused_properties") + len("String")
    assert [len(some) for some in requests([entry] * 10)] == [8, 2]


def test_after_a_slow_call_to_sqs_none_begins_that_could_outlast_ingest(local_aws, hanging):
    sqs = another(local_aws.sqs, endpoint_url=hanging, read_timeout=0.2)
    failures = watched(sqs)
    url = f"{hanging}/123456789012/hangs"
    ends = time.monotonic() + 0.1
    with pytest.raises(NotEnqueued):
        enqueue(sqs, url, "main", ["x" * 500_000] * 3, ends=ends)
    with pytest.raises(NotEnqueued):
        keep(sqs, url, KEPT, "{}", rejected_at="now", ends=ends)
    assert failures.take() == {("SendMessageBatch", "ReadTimeoutError"): 1}


def test_the_last_send_of_ingest_leaves_time_for_an_answer():
    template = parse((PROJECT / "template.yaml").read_text("utf-8"))
    timeout = template["Resources"]["IngestFunction"]["Properties"]["Timeout"]
    assert SENDING_SECONDS_MAX + call_seconds_max(SQS_CONFIG) < timeout


def call_seconds_max(config):
    """Return how long botocore may take: each try, and the waits of its standard mode between."""
    tries = config.retries["total_max_attempts"]
    waits = sum(2.0**n for n in range(tries - 1))
    return tries * (config.connect_timeout + config.read_timeout) + waits
