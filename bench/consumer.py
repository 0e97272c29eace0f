"""What a change event costs the consumer in CPU, from its message to its end."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING

import httpx

from bench.figures import Figure, cpu_seconds, settle, stand_in
from bench.ledger import STAND_IN, dynamodb
from hubsync.consume import Received, consume
from hubsync.core.event import Rules, parse_events
from hubsync.core.message import encode_events, pack
from hubsync.core.outcome import Written
from hubsync.edge.hubspot import TIMEOUT, HubSpot
from hubsync.edge.ledger import DynamoLedger
from hubsync.ports import DeadLetter, Ledger, Ports, Resend, Terms
from local.memory_ledger import MemoryLedger
from local.permits import unlimited

if TYPE_CHECKING:
    from hubsync.core.strict_json import Json

EVENTS = 10_000
WARM = 500
INVOCATION_SECONDS = 120
HEAD = {
    "account": "main",
    "source": "changes",
    "receivedAt": "2026-11-21T12:00:00Z",
    "requestId": "bench",
}


def figures() -> Iterator[Figure]:
    warm, messages = _messages("warm", WARM), _messages("event", EVENTS)
    with stand_in(STAND_IN) as aws, stand_in("bench.hubspot_stand_in") as hubspot:
        random = Random(0)  # noqa: S311 - jitter
        ledgers: dict[str, Ledger] = {
            "in memory": MemoryLedger(),
            "in DynamoDB": DynamoLedger(dynamodb(aws), "state", random=random),
        }
        for name, ledger in ledgers.items():
            with asyncio.Runner() as runner:
                runner.run(_consume(warm, hubspot, ledger))
                settle()
                before = cpu_seconds()
                runner.run(_consume(messages, hubspot, ledger))
                each = (cpu_seconds() - before) / EVENTS * 1e6
            yield Figure(f"consumer, CPU per event of 10,000, ledger {name}", each, "us")


def _messages(name: str, count: int) -> list[Received]:
    """Make events of as many contacts, packed as ingest packs them."""
    wires: list[Json] = [
        {
            "eventId": f"{name}-{number}",
            "occurredAt": "2026-11-21T12:00:00Z",
            "objectType": "contacts",
            "idProperty": "email",
            "id": f"{name}-{number}@example.com",
            "properties": {"firstname": "Ada", "lastname": f"L{number}", "phone": str(number)},
        }
        for number in range(count)
    ]
    events = [event for wire in wires for event in parse_events(wire, Rules())]
    bodies = pack(encode_events(events), head=HEAD)
    return [Received(f"m{n}", f"h{n}", body, 1) for n, body in enumerate(bodies)]


async def _consume(messages: Sequence[Received], hubspot: str, ledger: Ledger) -> None:
    async with httpx.AsyncClient(base_url=hubspot, timeout=TIMEOUT, trust_env=False) as http:
        client = HubSpot(http, token_of=_token, versions={"default": "2026-03"})
        consumed = await consume(
            messages,
            queue=_Queue(),
            ports=Ports(
                write=client.write,
                read=client.read,
                ledger=ledger,
                permits=unlimited,
                now=time.time,
                random=Random(0),  # noqa: S311 - jitter
            ),
            terms=Terms(late_write_seconds=300, not_found_retry_seconds=600),
            rules=Rules(),
            deadline=asyncio.get_running_loop().time() + INVOCATION_SECONDS,
        )
    assert {fate for _, fate in consumed.fates} == {Written()}


class _Queue:
    """Needed by nobody: every event is written."""

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> frozenset[int]:
        raise NotImplementedError(letters)

    async def resend(self, messages: Sequence[Resend]) -> frozenset[int]:
        raise NotImplementedError(messages)

    async def postpone(self, delays: object) -> None:
        raise NotImplementedError(delays)


async def _token(_account: str, _fresh: bool) -> str:  # noqa: FBT001 - a port
    return "token"
