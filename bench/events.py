"""Change events as Lambda hands them to a function: in messages of a queue, or in a request."""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.stand_ins.aws import WEBHOOK_SECRET
from hubsync.core.compact import compact
from hubsync.core.event import Rules, parse_events
from hubsync.core.message import encode_events, pack
from local.signing import signed_event

HEAD = {
    "account": "main",
    "source": "changes",
    "receivedAt": "2026-11-21T12:00:00Z",
    "requestId": "bench",
}
REQUEST = Path(__file__).parents[1] / "events" / "webhook-one-event.json"
ANEW = "R000000"  # stands in every id of `unique` events, to be replaced

type Wire = dict[str, Any]  # a change event as upstream writes it


def unique(count: int) -> list[Wire]:
    """Return as many events, each about a contact of its own."""
    return [
        {
            "eventId": f"evt-{ANEW}-{number}",
            "occurredAt": "2026-11-21T12:00:00.123456Z",
            "objectType": "contacts",
            "idProperty": "email",
            "id": f"person-{ANEW}-{number}@example.com",
            "properties": {"firstname": "Ada", "lastname": f"L{number}", "phone": str(number)},
        }
        for number in range(count)
    ]


class Anew:
    """The same window again and again, each time about other contacts."""

    def __init__(self, event: bytes) -> None:
        self._event = event
        self._times = 0

    def __next__(self) -> bytes:
        self._times += 1
        return self._event.replace(ANEW.encode(), f"R{self._times:06}".encode())


def accepted(wires: Sequence[Wire]) -> bytes:
    """Return the event with the messages that ingest makes of them."""
    return _queued(encode_events(parse_events([*wires], Rules())))


def as_they_came(wires: Iterable[Wire]) -> bytes:
    """Return the event with messages that hold them unchanged, in the same size."""
    return _queued([compact(wire) for wire in wires])


def _queued(encoded: Sequence[bytes]) -> bytes:
    records = [
        {
            "messageId": f"message-{number}",
            "receiptHandle": f"handle-{number}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for number, body in enumerate(pack(encoded, head=HEAD))
    ]
    return json.dumps({"Records": records}).encode()


def request(wires: Sequence[Wire]) -> bytes:
    """Return the event with a signed request that holds them; it is valid for minutes."""
    event = json.loads(REQUEST.read_text(encoding="utf-8"))
    event["body"] = json.dumps(wires)
    return json.dumps(signed_event(event, WEBHOOK_SECRET, now=time.time())).encode()
