"""Lambda's SQS event to `consume`, and what it comes to as batch item failures and metrics."""

import asyncio
import os
import time
from collections import Counter
from functools import cache
from random import SystemRandom
from typing import Any

import httpx
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubsync.consume import Consumed, consume
from hubsync.core.event import Rules
from hubsync.core.outcome import Rejected, Written
from hubsync.edge import aws
from hubsync.edge.hubspot import TIMEOUT, HubSpot
from hubsync.edge.ledger import DynamoLedger
from hubsync.edge.queue import SqsQueue, received
from hubsync.edge.secrets import Secrets, access_token
from hubsync.errors import Misconfigured
from hubsync.ports import Ports, Terms
from hubsync.settings import ConsumerSettings, load, versions_by_type

RUNNER = asyncio.Runner()  # One loop for the life of the process: pooled connections belong to it.
LATENCIES_MAX = 50  # EMF takes 100 values of a metric; a spread sample says as much.

logger = Logger()
metrics = Metrics(namespace="hubsync")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    calls, throttled = hubspot().calls, hubspot().throttled
    consumed = RUNNER.run(_consume(event, context))
    _count(consumed, hubspot().calls - calls, hubspot().throttled - throttled)
    _log(consumed)
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in consumed.returned]}


async def _consume(event: dict[str, Any], context: LambdaContext) -> Consumed:
    seconds_left = context.get_remaining_time_in_millis() / 1000
    return await consume(
        received(event),
        ports=ports(),
        terms=Terms(settings().late_write_seconds, settings().not_found_retry_seconds),
        rules=Rules(settings().object_types),
        deadline=asyncio.get_running_loop().time() + seconds_left,
    )


def _count(consumed: Consumed, calls: int, throttled: int) -> None:
    fates = Counter(type(fate).__name__ for _, fate in consumed.fates)
    counts = {
        "EventsWritten": fates["Written"],
        "EventsSuperseded": fates["Superseded"],
        "EventsDeadLettered": fates["Rejected"],
        "EventsRetried": fates["Retryable"],
        "RecordsWritten": consumed.records_written,
        "HubSpotCalls": calls,
        "HubSpotThrottled": throttled,
        "LeaseConflicts": consumed.lease_conflicts,
    }
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    now = time.time()
    late = sorted(now - d.occurred_at / 1e6 for d, f in consumed.fates if isinstance(f, Written))
    for seconds in late[:: len(late) // LATENCIES_MAX + 1]:
        metrics.add_metric("WriteLatency", MetricUnit.Seconds, seconds)


def _log(consumed: Consumed) -> None:
    """Say what became of each refused event, by ids, codes and property names only."""
    for delivery, fate in consumed.fates:
        if isinstance(fate, Rejected):
            logger.warning(
                "event_dead_lettered",
                event_id=delivery.event_id,
                reason_code=fate.code,
                refused_properties=list(fate.properties),
                hubspot_correlation_id=fate.correlation_id,
            )


@cache
def settings() -> ConsumerSettings:
    return load(ConsumerSettings, os.environ)


@cache
def ports() -> Ports:
    random = SystemRandom()
    queue = SqsQueue(
        aws.sqs(),
        change_url=settings().change_queue_url,
        dead_letter_url=settings().dead_letter_queue_url,
        now=time.time,
    )
    return Ports(
        write=hubspot().write,
        read=hubspot().read,
        ledger=DynamoLedger(aws.dynamodb(), settings().state_table, random=random),
        queue=queue,
        now=time.time,
        random=random,
    )


@cache
def hubspot() -> HubSpot:
    http = httpx.AsyncClient(base_url=settings().base_url, timeout=TIMEOUT)
    return HubSpot(http, token_of=_token_of, versions=versions_by_type(settings()))


@cache
def secrets() -> Secrets:
    return Secrets(aws.secrets_provider(), monotonic=time.monotonic)


async def _token_of(account: str, fresh: bool) -> str:  # noqa: FBT001 - a port
    name = settings().token_secrets.get(account)
    if name is None:
        raise Misconfigured(f"HUBSPOT_TOKEN_SECRETS names no secret of account {account}")
    if secrets().known(name, fresh=fresh):
        return access_token(secrets(), name, fresh=fresh)
    return await asyncio.to_thread(access_token, secrets(), name, fresh=fresh)
