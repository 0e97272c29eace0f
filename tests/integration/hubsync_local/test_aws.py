"""The local AWS: the template's resources, and what moto's server is mended for."""

import json
import threading

import pytest
from botocore.exceptions import ClientError

from hubsync_local import processes
from hubsync_local.template.reader import read_template

TEMPLATE = """
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 7
      MessageRetentionPeriod: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Lost.Arn, maxReceiveCount: 2}
  Lost: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600}}
  State:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
  Token:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: local/token, SecretString: '{"access_token": "t"}'}
  Key:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: local/key
      GenerateSecretString:
        SecretStringTemplate: '{"kind": "webhook"}'
        GenerateStringKey: secret
        ExcludePunctuation: true
        ExcludeCharacters: abc
        PasswordLength: 48
"""


@pytest.fixture(scope="module")
def stack(local_aws, tmp_path_factory):
    path = tmp_path_factory.mktemp("aws") / "template.yaml"
    path.write_text(TEMPLATE)
    template = read_template(path, aws=local_aws.endpoint)
    local_aws.build(template)
    return local_aws, template


def test_a_queue_has_the_templates_settings(stack):
    local, template = stack
    answer = local.sqs.get_queue_attributes(
        QueueUrl=template.queues["Jobs"].url, AttributeNames=["All"]
    )
    attributes = answer["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["MessageRetentionPeriod"]) == ("7", "60")
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": template.queues["Lost"].arn,
        "maxReceiveCount": 2,
    }


def test_a_table_has_the_templates_keys(stack):
    local, template = stack
    table = local.dynamodb.describe_table(TableName=template.tables["State"].name)["Table"]
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_secret_is_given_or_generated_as_the_template_says(stack):
    local, _ = stack
    assert local.read_secret("local/token") == '{"access_token": "t"}'
    answer = local.secrets.get_secret_value(SecretId="local/key")
    generated = json.loads(answer["SecretString"])
    assert generated == {"kind": "webhook", "secret": local.read_secret("local/key")}
    assert len(generated["secret"]) == 48
    assert generated["secret"].isalnum()
    assert not set(generated["secret"]) & set("abc")


def test_no_message_is_lost_or_given_out_twice_when_many_use_a_queue_at_once(stack):
    local, template = stack
    url = template.queues["Lost"].url
    received = []

    def send(sender):
        for number in range(0, 100, 10):
            bodies = [f"{sender}-{number + i}" for i in range(10)]
            entries = [{"Id": body, "MessageBody": body} for body in bodies]
            local.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def receive():
        while messages := receive_some():
            received.extend(message["Body"] for message in messages)
            entries = [
                {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
                for i, message in enumerate(messages)
            ]
            local.sqs.delete_message_batch(QueueUrl=url, Entries=entries)

    def receive_some():
        answer = local.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return answer.get("Messages", [])

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(3)]
    threads += [threading.Thread(target=receive) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(received) == sorted(f"{s}-{n}" for s in range(3) for n in range(100))


def test_a_cancelled_transaction_leaves_everything_as_it_was(stack):
    local, template = stack
    table = template.tables["State"].name
    put = local.dynamodb.put_item
    put(TableName=table, Item={"pk": {"S": "kept"}, "n": {"N": "1"}})
    before = items(local, table)
    actions = [
        {"Put": {"TableName": table, "Item": {"pk": {"S": "new"}}}},
        {"Update": an_increment(table, "kept")},
        {"Update": {**an_increment(table, "none"), "ConditionExpression": "attribute_exists(n)"}},
    ]
    with pytest.raises(ClientError, match="TransactionCanceled"):
        local.dynamodb.transact_write_items(TransactItems=actions)
    assert items(local, table) == before


def test_what_others_write_during_a_cancelled_transaction_stays(stack):
    local, template = stack
    table = template.tables["State"].name
    doomed = {**an_increment(table, "none"), "ConditionExpression": "attribute_exists(n)"}

    def cancel():
        for _ in range(40):
            with pytest.raises(ClientError):
                local.dynamodb.transact_write_items(TransactItems=[{"Update": doomed}])

    thread = threading.Thread(target=cancel)
    thread.start()
    for _ in range(40):
        local.dynamodb.update_item(**an_increment(table, "counted"))
    thread.join()
    assert items(local, table)["counted"]["n"] == {"N": "40"}


def an_increment(table, key):
    return {
        "TableName": table,
        "Key": {"pk": {"S": key}},
        "UpdateExpression": "ADD n :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}},
    }


def items(local, table):
    return {item["pk"]["S"]: item for item in local.dynamodb.scan(TableName=table)["Items"]}


def test_a_taken_port_is_said_to_be_taken():
    with processes.listen(0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(processes.LocalError, match=f"port {port} cannot be used"):
            processes.free_port(port)
