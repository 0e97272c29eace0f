"""Signing as a sender of Standard Webhooks does; hubsync itself only verifies.

Documented (Standard Webhooks): `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 over
`{webhook-id}.{webhook-timestamp}.{body}`; the secret is base64, with or without `whsec_`.
"""

import base64
import hmac
from collections.abc import Mapping
from typing import Any

SCHEME = "standard-webhooks"
# What the files of events/ hold where a fresh value belongs. Anything else there is left as it is.
PLACEHOLDER = "placeholder"


def signature(secret: str, body: bytes, *, message_id: str, timestamp: str) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"


def signed_headers(secret: str, body: bytes, *, message_id: str, now: float) -> dict[str, str]:
    """Return the headers that a sender adds to a request, at this moment."""
    timestamp = str(int(now))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(secret, body, message_id=message_id, timestamp=timestamp),
    }


def signed_event(event: Mapping[str, Any], secret: str, *, now: float) -> dict[str, Any]:
    """Fill the placeholders of a payload 2.0 event; an event without them stays as it is."""
    headers = dict(event.get("headers", {}))
    if headers.get("webhook-timestamp") == PLACEHOLDER:
        headers["webhook-timestamp"] = str(int(now))
    if headers.get("webhook-signature") == PLACEHOLDER:
        headers["webhook-signature"] = signature(
            secret,
            event_body(event),
            message_id=headers["webhook-id"],
            timestamp=headers["webhook-timestamp"],
        )
    return {**event, "headers": headers} if headers else dict(event)


def event_body(event: Mapping[str, Any]) -> bytes:
    """Return the bytes that a payload 2.0 event carries."""
    body: str = event.get("body", "")
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
