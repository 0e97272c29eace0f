"""Change events as Lambda hands them to a function: in messages of a queue, or in a request."""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hubsync.core.compact import compact
from hubsync.core.event import Rules, parse_events
from hubsync.core.message import encode_events, pack
from hubsync_bench.stand_ins.aws import WEBHOOK_SECRET
from hubsync_local.signing import signed_event

HEAD = {
    "account": "main",
    "source": "changes",
    "receivedAt": "2026-11-21T12:00:00Z",
    "requestId": "bench",
}
REQUEST = Path(__file__).parents[2] / "events" / "webhook-one-event.json"
ANEW = "r000000"  # stands in every id of `unique` events, to be replaced

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


def anew(event: bytes, number: int) -> bytes:
    """Return the same event about other contacts, as often as one likes."""
    return event.replace(ANEW.encode(), _other(number).encode())


def as_made(text: str, number: int) -> str:
    """Return an id as it was before `anew`."""
    return text.replace(_other(number), ANEW)


def _other(number: int) -> str:
    return f"r{number:06}"


def accepted(wires: Sequence[Wire]) -> list[bytes]:
    """Return the events as ingest puts them into messages."""
    return encode_events(parse_events([*wires], Rules()))


def unchanged(wires: Iterable[Wire]) -> list[bytes]:
    """Return the events as they came, for messages of the same kind."""
    return [compact(wire) for wire in wires]


def window(encoded: Sequence[bytes]) -> bytes:
    """Return what Lambda hands over when these events are in the queue."""
    return handed_over(list(pack(encoded, head=HEAD)))


def handed_over(bodies: Sequence[str]) -> bytes:
    """Return what Lambda hands over when these messages are in the queue."""
    records = [
        {
            "messageId": f"message-{number}",
            "receiptHandle": f"handle-{number}",
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for number, body in enumerate(bodies)
    ]
    return json.dumps({"Records": records}).encode()


def request(wires: Sequence[Wire]) -> bytes:
    """Return the event with a signed request that holds them; it is valid for minutes."""
    event = json.loads(REQUEST.read_text(encoding="utf-8"))
    event["body"] = json.dumps(wires)
    return json.dumps(signed_event(event, WEBHOOK_SECRET, now=time.time())).encode()
