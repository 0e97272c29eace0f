"""A schedule's tick to `sweep`, from where the last run ended."""

import asyncio
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubsync.bootstrap import connections
from hubsync.core.limits import SWEEP_PAGES_MAX
from hubsync.edge import aws_clients
from hubsync.edge.ledger import Bookmark
from hubsync.sweep import Swept, sweep

RUNNER = asyncio.Runner()  # One loop for the life of the process: pooled connections belong to it.

logger = Logger()
metrics = Metrics(namespace="hubsync")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> None:
    try:
        swept = RUNNER.run(_sweep(context.get_remaining_time_in_millis() / 1000))
    finally:
        aws_clients.log_failures(logger.warning)
    metrics.add_metric("RecordsLeftOver", MetricUnit.Count, swept.found)
    metrics.add_metric("RecordsSwept", MetricUnit.Count, swept.settled)
    for (source, event_id), code in swept.refused:
        logger.warning("reading_given_up", source=source, event_id=event_id, reason_code=code)


async def _sweep(seconds_left: float) -> Swept:
    connected = connections()
    bookmark = await connected.ledger.bookmark()
    swept = await sweep(
        connected.ledger,
        start=bookmark.start,
        pages=SWEEP_PAGES_MAX,
        ports=connected.ports,
        policy=connected.policy,
        deadline=asyncio.get_running_loop().time() + seconds_left,
    )
    left = bookmark.left + swept.left
    if swept.is_cycle_over:
        # One run sees a part of a large table; only a whole cycle tells what nothing can settle.
        metrics.add_metric("CycleLeftOver", MetricUnit.Count, left)
        left = 0
    await connected.ledger.set_bookmark(Bookmark(swept.next_start, left))
    return swept
