"""Bodies of messages, as ingest puts them into the queue."""

import json
from typing import Any, Final

HEAD: Final[dict[str, Any]] = {
    "v": 1,
    "account": "main",
    "source": "changes",
    "receivedAt": "2026-11-21T12:00:00Z",
    "requestId": "r-1",
    "tries": 0,
}


def message_body(*events: dict[str, Any], **head: object) -> str:
    """Return the body of a message with these events; `head` replaces what is said of them."""
    return json.dumps({**HEAD, "events": list(events)} | head)
