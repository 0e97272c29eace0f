"""Lambda's SQS event to `consume`, and what it comes to as batch item failures and metrics."""

import gc

# Most of what imports and an invocation make lives on, so looking for cycles all the while is in
# vain: of a cold start it took a sixteenth, of 10,000 events a tenth of the CPU.
gc.set_threshold(200_000)

import asyncio
import os
import time
from collections import Counter
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubsync.bootstrap import connections
from hubsync.consume import Consumed, consume
from hubsync.core.event import Rules
from hubsync.core.records.outcome import Rejected, Retryable, Written
from hubsync.edge import aws_clients
from hubsync.edge.queue import SqsQueue, received
from hubsync.event_log import settled_lines
from hubsync.settings import load
from hubsync.writer.rate_limiter import BUDGET_UNANSWERED, PAUSED
from hubsync.writer.rounds import LEDGER_UNANSWERED
from hubsync.writer_settings import ConsumerSettings

RUNNER = asyncio.Runner()  # One loop for the life of the process: pooled connections belong to it.
# The reasons of events whose calls the token was not good enough for.
TOKEN_REFUSED = ("NO_TOKEN", "TOKEN_LATE", "HTTP_401", "HTTP_403")
EVENTS_LOGGED_MAX = 100  # In one line, which says how many there are.
# The reasons of events for which the ledger, or the budget beside it, gave no answer.
UNANSWERED = (LEDGER_UNANSWERED, BUDGET_UNANSWERED)
LATENCIES_MAX = 50  # EMF takes 100 values of a metric; a spread sample says as much.

logger = Logger()
metrics = Metrics(namespace="hubsync")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    hubspot = connections().hubspot
    calls, throttled = hubspot.calls, hubspot.throttled
    try:
        consumed = RUNNER.run(_consume(event, context))
    finally:
        aws_clients.log_failures(logger.warning)
    _count(consumed, hubspot.calls - calls, hubspot.throttled - throttled)
    _log(consumed)
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in consumed.returned]}


async def _consume(event: dict[str, Any], context: LambdaContext) -> Consumed:
    seconds_left = context.get_remaining_time_in_millis() / 1000
    return await consume(
        received(event),
        queue=queue(),
        ports=connections().ports,
        policy=connections().policy,
        rules=Rules(settings().object_types),
        deadline=asyncio.get_running_loop().time() + seconds_left,
    )


def counts(consumed: Consumed) -> dict[str, int]:
    """Return what an invocation came to, by the names of its metrics."""
    outcomes = Counter(type(outcome).__name__ for _, outcome in consumed.outcomes)
    reasons = Counter(
        outcome.reason for _, outcome in consumed.outcomes if isinstance(outcome, Retryable)
    )
    return {
        "EventsWritten": outcomes["Written"],
        "EventsSuperseded": outcomes["Superseded"],
        "EventsDeadLettered": outcomes["Rejected"],
        "EventsRetried": outcomes["Retryable"],
        "EventsPaused": reasons[PAUSED],
        "TokenRefused": sum(reasons[code] for code in TOKEN_REFUSED),
        "RecordsWritten": consumed.records_written,
        "ValuesKept": sum(map(len, consumed.values_kept.values())),
        "LedgerUnanswered": sum(reasons[code] for code in UNANSWERED),
        "LeaseConflicts": consumed.lease_conflicts,
    }


def _count(consumed: Consumed, calls: int, throttled: int) -> None:
    hubspot = {"HubSpotCalls": calls, "HubSpotThrottled": throttled}
    for name, count in (counts(consumed) | hubspot).items():
        metrics.add_metric(name, MetricUnit.Count, count)
    now = time.time()
    late = sorted(now - d.occurred_at / 1e6 for d, f in consumed.outcomes if isinstance(f, Written))
    for seconds in late[:: len(late) // LATENCIES_MAX + 1]:
        metrics.add_metric("WriteLatency", MetricUnit.Seconds, seconds)


def _log(consumed: Consumed) -> None:
    """Say what became of each event, by ids, codes and names of properties only."""
    for settled in settled_lines(consumed.outcomes):
        logger.info("events_settled", settled=settled)
    for (object_type, name), events in consumed.values_kept.items():
        logger.warning(
            "values_kept",
            object_type=object_type,
            property=name,
            count=len(events),
            event_ids=[event_id for _, event_id in events[:EVENTS_LOGGED_MAX]],
        )
    for delivery, outcome in consumed.outcomes:
        if isinstance(outcome, Rejected):
            logger.warning(
                "event_dead_lettered",
                event_id=delivery.event_id,
                reason_code=outcome.code,
                refused_properties=list(outcome.properties),
                hubspot_correlation_id=outcome.correlation_id,
            )


@cache
def settings() -> ConsumerSettings:
    return load(ConsumerSettings, os.environ)


@cache
def queue() -> SqsQueue:
    return SqsQueue(
        aws_clients.sqs(),
        change_url=settings().change_queue_url,
        dead_letter_url=settings().dead_letter_queue_url,
        now=time.time,
    )
