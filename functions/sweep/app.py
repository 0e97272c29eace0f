"""A schedule's tick to `sweep`, from where the last run ended."""

import asyncio
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubsync.core.limits import SWEEP_PAGES_MAX
from hubsync.edge.connections import connections
from hubsync.sweep import Swept, sweep

RUNNER = asyncio.Runner()  # One loop for the life of the process: pooled connections belong to it.

logger = Logger()
metrics = Metrics(namespace="hubsync")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    swept = RUNNER.run(_sweep(context.get_remaining_time_in_millis() / 1000))
    metrics.add_metric("RecordsLeftOver", MetricUnit.Count, swept.found)
    metrics.add_metric("RecordsSwept", MetricUnit.Count, swept.settled)
    for (source, event_id), code in swept.refused:
        logger.warning("reading_given_up", source=source, event_id=event_id, reason_code=code)


async def _sweep(seconds_left: float) -> Swept:
    connected = connections()
    swept = await sweep(
        connected.ledger,
        start=await connected.ledger.bookmark(),
        pages=SWEEP_PAGES_MAX,
        ports=connected.ports,
        terms=connected.terms,
        deadline=asyncio.get_running_loop().time() + seconds_left,
    )
    await connected.ledger.set_bookmark(swept.next_start)
    return swept
