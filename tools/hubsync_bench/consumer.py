"""The consumer as it is measured: functions that take what Lambda would hand it.

Imported where it is measured, with the environment of a function.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from functions.consumer import app
from hubsync.bootstrap import connections
from hubsync.consume import Consumed, consume
from hubsync.core.change import RecordKey
from hubsync.core.event import Rules
from hubsync.core.records.entry import Entry
from hubsync.core.records.outcome import Superseded, Written
from hubsync.edge.queue import received
from hubsync.ports import LedgerWrite, Ports
from hubsync_bench.worker import INVOCATION_SECONDS, Context, Event
from hubsync_local.in_memory import unlimited


def deployed(event: Event) -> None:
    """Consume as deployed."""
    answer = app.handler(event, Context())
    assert answer == {"batchItemFailures": []}, answer


def without_ledger(event: Event) -> None:
    """Consume with a ledger that does nothing, and without a budget."""
    ports = replace(connections().ports, ledger=NoLedger(), permits=unlimited)
    consumed = _consumed(event, ports)
    assert {type(outcome) for _, outcome in consumed.outcomes} == {Written}


def reporting(event: Event) -> list[str]:
    """Consume as deployed, and return the events that are done and were not refused."""
    consumed = _consumed(event, connections().ports)
    assert not consumed.returned
    good = (
        delivery
        for delivery, outcome in consumed.outcomes
        if isinstance(outcome, Written | Superseded)
    )
    return [delivery.event_id for delivery in good]


def _consumed(event: Event, ports: Ports) -> Consumed:
    return app.RUNNER.run(_consume(event, ports))


async def _consume(event: Event, ports: Ports) -> Consumed:
    return await consume(
        received(event),
        queue=app.queue(),
        ports=ports,
        policy=connections().policy,
        rules=Rules(),
        deadline=asyncio.get_running_loop().time() + INVOCATION_SECONDS,
    )


class NoLedger:
    """Knows nothing, and takes everything."""

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        return dict.fromkeys(records, Entry())

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:  # noqa: ARG002
        return frozenset()
