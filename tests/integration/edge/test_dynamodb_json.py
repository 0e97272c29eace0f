"""DynamoDB's batches with bodies of our own: what boto3 still does for them, and for others."""

import asyncio
import io
import json
from dataclasses import replace
from random import Random

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from hubsync.edge.dynamodb_json import Wire
from hubsync.edge.ledger import DynamoLedger
from hubsync.errors import Unanswered
from tests.builders import ADA

TABLE = "wire"
KEY = {"pk": {"S": "a"}}


def put(id_, condition="attribute_not_exists(pk)"):
    item = {"pk": {"S": id_}, "entry": {"B": "AAE="}}
    return {"Put": {"TableName": TABLE, "Item": item, "ConditionExpression": condition}}


@pytest.fixture(scope="module")
def client(either_dynamodb):
    client = replace(either_dynamodb).dynamodb  # its own, since hooks stay
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture(scope="module")
def wire(client):
    return Wire(client)


class Raw(io.BytesIO):
    """An answer as urllib3 hands it to botocore."""

    def stream(self, **_given):
        yield self.read()


@pytest.fixture
def answering(client):
    """Lets something be done with each request before it is sent, or in its place."""
    handlers = []

    def add(operation, handler):
        event = f"before-send.dynamodb.{operation}"
        client.meta.events.register(event, handler)
        handlers.append((event, handler))

    yield add
    for event, handler in handlers:
        client.meta.events.unregister(event, handler)


def test_what_is_put_is_read_as_it_is_in_json(wire):
    wire.transact_write_items(TABLE, [put("a"), put("b")])
    keys = [{"pk": {"S": id_}} for id_ in ("a", "b", "c")]
    answer = wire.batch_get_item(TABLE, keys)
    found = sorted(answer["Responses"][TABLE], key=lambda item: item["pk"]["S"])
    assert found == [{"pk": {"S": id_}, "entry": {"B": "AAE="}} for id_ in ("a", "b")]


def test_a_transaction_keeps_the_token_by_which_a_second_copy_is_known(wire, answering):
    bodies = []
    answering("TransactWriteItems", lambda request, **_: bodies.append(json.loads(request.body)))
    wire.transact_write_items(TABLE, [put("token")])
    (body,) = bodies
    assert body.keys() == {"TransactItems", "ClientRequestToken"}
    assert body["TransactItems"] == [put("token")]
    assert len(body["ClientRequestToken"]) == 36


def test_a_cancelled_transaction_names_its_reasons(wire, client):
    wire.transact_write_items(TABLE, [put("taken")])
    with pytest.raises(client.exceptions.TransactionCanceledException) as raised:
        wire.transact_write_items(TABLE, [put("free"), put("taken")])
    reasons = [reason["Code"] for reason in raised.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]


def test_a_table_that_is_not_there_is_an_error_of_botocores(wire):
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        wire.batch_get_item("nowhere", [KEY])


def test_a_broken_answer_is_no_answer_of_the_ledgers(client, answering):
    broken = AWSResponse("http://127.0.0.1", 200, {}, Raw(b'{"Responses": '))
    answering("BatchGetItem", lambda **_: broken)
    with pytest.raises(Unanswered):
        asyncio.run(DynamoLedger(client, TABLE, random=Random(0)).read([ADA]))


def test_others_of_the_same_client_are_not_touched(wire, client):
    wire.transact_write_items(TABLE, [put("bytes")])
    keys = {TABLE: {"Keys": [{"pk": {"S": "bytes"}}]}}
    (item,) = client.batch_get_item(RequestItems=keys)["Responses"][TABLE]
    assert item["entry"]["B"] == b"\x00\x01"
    kept = {"TableName": TABLE, "Item": {"pk": {"S": "kept"}, "entry": {"B": b"\x02"}}}
    client.transact_write_items(TransactItems=[{"Put": kept}])
    assert client.get_item(TableName=TABLE, Key={"pk": {"S": "kept"}})["Item"] == kept["Item"]
