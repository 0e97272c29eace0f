"""Explaining from a real ledger and real logs, and finding a deployed stack by its name."""

import asyncio
import json
import time
import uuid
from dataclasses import replace
from pathlib import Path
from random import Random

import boto3
import pytest
from typer.testing import CliRunner

from hubsync.core.change import readings
from hubsync.core.records.entry import ABSENT, Entry, Rev
from hubsync.edge.ledger import DynamoLedger
from hubsync.ports import LedgerWrite
from hubsync_cli.main import app
from hubsync_local.aws import CONFIG, CREDENTIALS
from hubsync_local.template.model import REGION
from hubsync_local.template.reader import read_template
from hubsync_operations.dead_letter_queue import Queues
from hubsync_operations.event_history import EventState
from hubsync_operations.explain import explain_event, explain_record
from hubsync_operations.logs import CloudWatchLogs
from hubsync_operations.target import Target
from tests.builders import ADA, a_message, an_event, raw_event

PROJECT = Path(__file__).parents[3]
EVENT = {"properties": {"firstname": "Ada", "seats": "many"}}
REFUSED = {
    "timestamp": "2026-11-21 12:00:01,000+0000",
    "service": "consumer",
    "message": "event_dead_lettered",
    "event_id": "e-1",
    "reason_code": "INVALID_INTEGER",
}
SETTLED = {
    "timestamp": "2026-11-21 12:00:02,000+0000",
    "service": "consumer",
    "message": "events_settled",
    "settled": {"changes": {"written": {"7a 512": ["e-2", "e-3"]}}},
}


def client(local_aws, name):
    session = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    return session.client(name, endpoint_url=local_aws.endpoint, config=CONFIG)


@pytest.fixture
def target(local_aws):
    """A stack whose ledger knows Ada's event, of which one property was refused and logged."""
    stack = f"explained-{uuid.uuid4()}"
    template = read_template(PROJECT / "template.yaml", aws=local_aws.endpoint, stack=stack)
    local_aws.build(template)
    queues = {name: queue.url for name, queue in template.queues.items()}
    table = template.tables["StateTable"].name
    ours = readings("changes", an_event(**EVENT))
    entry = Entry(Rev("r"), synced={"firstname": ours["firstname"].version}, hubspot_id="512")
    ledger = DynamoLedger(local_aws.dynamodb, table, random=Random(0))
    asyncio.run(ledger.write([LedgerWrite(ADA, entry, ABSENT)]))
    local_aws.sqs.send_message(
        QueueUrl=queues["DeadLetterQueue"],
        MessageBody=a_message(raw_event(**EVENT)),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": text}
            for name, text in {
                "reason_code": "INVALID_INTEGER",
                "refused_properties": "seats",
            }.items()
        },
    )
    logs = client(local_aws, "logs")
    others = REFUSED | {"event_id": "e-12"}
    log(logs, stack, *map(json.dumps, (REFUSED, others, SETTLED)), "[ERROR] e-1")
    return Target(
        name=stack,
        queues=Queues(local_aws.sqs, queues["ChangeQueue"], queues["DeadLetterQueue"], 0),
        logs=CloudWatchLogs(logs, [stack]),
        object_types={},
        dynamodb=local_aws.dynamodb,
        table=table,
    )


def log(logs, group, *lines):
    now = round(time.time() * 1000)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    events = [{"timestamp": now, "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)


def test_a_record_is_explained_from_ledger_dead_letters_and_logs(target):
    found = asyncio.run(explain_record(target, ADA, since_ms=0))
    assert (found.entry.hubspot_id, list(found.entry.synced)) == ("512", ["firstname"])
    assert [letter.properties for letter in found.beside.letters] == [("seats",)]
    (line,) = found.beside.logs.found
    assert (line.event_id, line.says) == ("e-1", {"reason_code": "INVALID_INTEGER"})
    assert (found.beside.is_complete, found.beside.logs.problem) == (True, None)


def test_an_event_is_explained_by_comparing_its_versions_with_the_ledgers(target):
    story = asyncio.run(explain_event(target, "e-1", "changes", None, since_ms=0)).story
    assert story.came is EventState.DEAD_LETTER
    came = {said.name: said.came for said in story.said if not said.name.startswith(":")}
    assert came == {"firstname": EventState.WRITTEN, "seats": EventState.REFUSED}


def test_logs_that_cannot_be_read_are_no_reason_to_say_nothing(target):
    gone = replace(target, logs=CloudWatchLogs(target.logs.client, ["nowhere"]))
    found = asyncio.run(explain_record(gone, ADA, since_ms=0)).beside
    assert (len(found.letters), found.logs.found) == (1, ())
    assert "nowhere could not be read" in found.logs.problem


def test_an_event_that_only_the_log_names_is_explained_by_it(target):
    story = asyncio.run(explain_event(target, "e-2", None, None, since_ms=0)).story
    assert story.came is EventState.WRITTEN
    assert "in its record 512, as 7a" in story.sentence


def test_a_search_of_logs_has_an_end_and_says_that_it_is_not_whole(target):
    short = replace(target.logs, pages_max=0)
    assert "in part only" in short.about(frozenset({"e-1"}), since_ms=0).problem


STACK = {
    "Parameters": {"HubSpotObjectTypes": {"Type": "String", "Default": '{"car": "2-7"}'}},
    "Resources": {
        "ChangeQueue": {"Type": "AWS::SQS::Queue"},
        "DeadLetterQueue": {"Type": "AWS::SQS::Queue"},
        "ConsumerLogs": {"Type": "AWS::Logs::LogGroup"},
        "StateTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            },
        },
    },
}


def test_a_deployed_stack_is_found_by_its_name(local_aws):
    stack = f"deployed-{uuid.uuid4().hex}"
    cloudformation = client(local_aws, "cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(STACK))
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    body = a_message(raw_event(operation="update", objectType="2-7", idProperty=None, id="9"))
    local_aws.sqs.send_message(QueueUrl=ids["DeadLetterQueue"], MessageBody=body)

    listed = run(local_aws, "dead-letters", "list", "--stack", stack, "--json")
    assert json.loads(listed.stdout)["object_type"] == "2-7"
    told = json.loads(run(local_aws, "explain", "car", "9", "--stack", stack, "--json").stdout)
    assert (told["record"]["object_type"], told["logs_problem"]) == ("2-7", None)
    assert [letter["event_id"] for letter in told["dead_letters"]] == ["e-1"]


def test_a_stack_that_is_not_there_is_an_error_that_names_it(local_aws):
    done = run(local_aws, "dead-letters", "list", "--stack", "nobodys")
    assert (done.exit_code, done.stdout, "nobodys" in done.stderr) == (1, "", True)


def run(local_aws, *arguments):
    env = {
        **CREDENTIALS,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": local_aws.endpoint,
    }
    return CliRunner().invoke(app, arguments, env=env)
