"""A schedule's tick to `audit`, and what it found to metrics that alarms look at."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubsync.audit import Audited, audit
from hubsync.bootstrap import connections
from hubsync.core.hubspot.api_versions import ending
from hubsync.core.limits import AUDIT_RECORDS_MAX
from hubsync.edge import aws_clients

RUNNER = asyncio.Runner()  # One loop for the life of the process: pooled connections belong to it.

logger = Logger()
metrics = Metrics(namespace="hubsync")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    try:
        audited = RUNNER.run(_audit(context.get_remaining_time_in_millis() / 1000))
    finally:
        aws_clients.log_failures(logger.warning)
    _tell_ending_versions(datetime.now(UTC))
    metrics.add_metric("RecordsAudited", MetricUnit.Count, audited.seen)
    metrics.add_metric("RecordsUnaudited", MetricUnit.Count, audited.unseen)
    metrics.add_metric("WritesLandedLate", MetricUnit.Count, len(audited.landed_late))
    metrics.add_metric("WritesByOthers", MetricUnit.Count, len(audited.written_by_others))
    for (account, object_type, *_), name in audited.landed_late:
        # The id stays out: it may be an e-mail address. The ledger's metrics tell the rest.
        logger.error(
            "write_landed_late", account=account, object_type=object_type, property_name=name
        )


def _tell_ending_versions(now: datetime) -> None:
    """Log once a day, in the first hour, which configured API versions end within a year."""
    if now.hour > 0:
        return
    for version, ends in ending(connections().hubspot.versions, today=now.date()).items():
        logger.warning("api_version_ends", api_version=version, ends=ends.isoformat())


async def _audit(seconds_left: float) -> Audited:
    connected = connections()
    return await audit(
        connected.ledger,
        connected.hubspot.read_histories,
        records_max=AUDIT_RECORDS_MAX,
        ports=connected.ports,
        policy=connected.policy,
        deadline=asyncio.get_running_loop().time() + seconds_left,
    )
