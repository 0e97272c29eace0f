"""Files of events/ hold placeholders where a fresh signature belongs; here they are filled."""

import base64
from collections.abc import Mapping
from typing import Any

from hubsync.core.signature import sign

SCHEME = "standard-webhooks"
# Anything else that stands there, such as a signature that is wrong on purpose, is left as it is.
PLACEHOLDER = "placeholder"


def signed_event(event: Mapping[str, Any], secret: str, *, now: float) -> dict[str, Any]:
    """Fill the placeholders of a payload 2.0 event; an event without them stays as it is."""
    headers: dict[str, str] = dict(event.get("headers", {}))
    if headers.get("webhook-timestamp") == PLACEHOLDER:
        headers["webhook-timestamp"] = str(int(now))
    if headers.get("webhook-signature") == PLACEHOLDER:
        signed = sign(
            secret,
            message_id=headers["webhook-id"],
            timestamp=int(headers["webhook-timestamp"]),
            body=event_body(event),
        )
        headers["webhook-signature"] = signed["webhook-signature"]
    return {**event, "headers": headers} if headers else dict(event)


def event_body(event: Mapping[str, Any]) -> bytes:
    """Return the bytes that a payload 2.0 event carries."""
    body: str = event.get("body", "")
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
