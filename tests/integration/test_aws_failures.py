"""What is told of calls to AWS that fail: the operation and AWS's code, and no value."""

import asyncio
import time
from random import Random

import pytest
from botocore.config import Config

from hubsync.edge.aws_clients import FAILURES, Failures, log_failures
from hubsync.edge.ledger import DynamoLedger
from hubsync.edge.secrets import Secrets
from hubsync.edge.sqs import entry_bytes, requests, send
from hubsync.errors import Misconfigured, Unanswered
from tests.builders import ADA


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


def test_attributes_count_for_what_a_request_may_carry():
    names = {"refused_properties": {"DataType": "String", "StringValue": "x" * 25_000}}
    entry = {"MessageBody": "y" * 100_000, "MessageAttributes": names}
    assert entry_bytes(entry) == 100_000 + 25_000 + len("refused_properties") + len("String")
    assert [len(some) for some in requests([entry] * 10)] == [8, 2]


def test_after_a_slow_call_to_sqs_none_begins_that_could_outlast_ingest():
    class SlowSqs:
        calls = 0

        def send_message_batch(self, **_given):
            self.calls += 1
            time.sleep(0.05)
            return {"Failed": []}

    sqs = SlowSqs()
    entries = [{"MessageBody": "x", "MessageGroupId": "main"}] * 25
    assert send(sqs, "url", entries, ends=time.monotonic() + 0.01) == frozenset()
    assert sqs.calls == 1
