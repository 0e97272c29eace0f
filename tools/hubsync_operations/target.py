"""Where a command finds what it asks: the stack that runs here, or one deployed in AWS."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.change import RecordKey
from hubsync.core.records.entry import Entry
from hubsync.edge.ledger import DynamoLedger
from hubsync.settings import Settings, load
from hubsync_local.aws import Aws
from hubsync_local.stack_file import running_stack
from hubsync_operations.dead_letter_queue import Queues
from hubsync_operations.logs import CloudWatchLogs, LogFiles, Logs

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Functions that log ids of events or records, by the logical ids of their log groups.
LOGS = ("IngestLogs", "ConsumerLogs", "SweepLogs", "AuditLogs")
PARAMETER_OF_TYPES = "HubSpotObjectTypes"
VARIABLE_OF_TYPES = "HUBSPOT_OBJECT_TYPES"


class NotReachable(Exception):
    """The stack is not there, or does not answer; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """A stack's queues, ledger and logs."""

    name: str
    queues: Queues
    logs: Logs
    object_types: Mapping[str, str]
    dynamodb: "DynamoDBClient"
    table: str

    async def entry(self, record: RecordKey) -> Entry:
        """Return a record's ledger entry; the default one if it was never written."""
        ledger = DynamoLedger(self.dynamodb, self.table, random=SystemRandom())
        return (await ledger.read([record]))[record]


def find(stack: str | None) -> Target:
    """Find a deployed stack by its name, or the local one that runs; raises NotReachable."""
    return _local() if stack is None else _deployed(stack)


def _local() -> Target:
    ready = running_stack()
    if ready is None:
        raise NotReachable(
            "no local stack is running: start one with `hubsync local`, or give --stack"
        )
    aws = Aws(ready["aws"])
    consumer = ready["functions"].get("ConsumerFunction", {}).get("environment", {})
    return Target(
        name="the local stack",
        # moto has one list of messages, so asking it needs no wait to be complete.
        queues=Queues(
            aws.sqs, ready["queues"]["change"], ready["queues"]["dead_letter"], wait_seconds=0
        ),
        logs=LogFiles(Path(ready["logs"])),
        object_types=load(Settings, consumer).object_types,
        dynamodb=aws.dynamodb,
        table=ready["table"],
    )


def _deployed(stack: str) -> Target:
    """Look the stack up with the operator's own credentials and region."""
    session = boto3.Session()
    try:
        cloudformation: Any = session.client("cloudformation")
        described = cloudformation.describe_stack_resources(StackName=stack)
        [told] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in described["StackResources"]
        }
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in told["Parameters"]}
        return Target(
            name=f"stack {stack}",
            queues=Queues(session.client("sqs"), ids["ChangeQueue"], ids["DeadLetterQueue"]),
            logs=CloudWatchLogs(
                session.client("logs"), [ids[name] for name in LOGS if name in ids]
            ),
            object_types=load(
                Settings, {VARIABLE_OF_TYPES: parameters.get(PARAMETER_OF_TYPES, "{}")}
            ).object_types,
            dynamodb=session.client("dynamodb"),
            table=ids["StateTable"],
        )
    except (BotoCoreError, ClientError) as error:
        raise NotReachable(f"stack {stack!r} cannot be looked up: {error}") from error
    except KeyError as error:
        raise NotReachable(f"stack {stack!r} has no {error}; is it one of hubsync's?") from error
