"""Signing as upstream systems do, and filling what files of events/ leave to be signed."""

import base64
from collections.abc import Mapping
from typing import Any

from hubsync.core.payloads.source import load_source
from hubsync.core.signatures.schemes import STANDARD_WEBHOOKS, Scheme
from hubsync.core.signatures.verify import second_of, sign
from hubsync_local.sources_folder import sources_folder

# Anything else that stands there, such as a signature that is wrong on purpose, is left as it is.
PLACEHOLDER = "placeholder"


def scheme_of(source: str) -> Scheme:
    """Return how requests of a source are signed; one that is not declared is taken for ours."""
    path = sources_folder() / f"{source}.toml"
    return load_source(path).signature.rules if path.exists() else STANDARD_WEBHOOKS


def signed_event(
    event: Mapping[str, Any], secret: str, *, now: float, scheme: Scheme = STANDARD_WEBHOOKS
) -> dict[str, Any]:
    """Fill the placeholders of a payload 2.0 event; an event without them stays as it is."""
    headers: dict[str, str] = dict(event.get("headers", {}))
    if PLACEHOLDER not in headers.values():
        return dict(event)
    given = headers.get(scheme.timestamp_header or "", PLACEHOLDER)
    signed = sign(
        secret,
        scheme=scheme,
        message_id=headers.get(scheme.id_header or "", ""),
        timestamp=int(now if given == PLACEHOLDER else second_of(scheme, given)),
        body=event_body(event),
        url=_address(event),
    )
    filled = {name: text for name, text in signed.items() if headers.get(name) == PLACEHOLDER}
    return {**event, "headers": headers | filled}


def event_body(event: Mapping[str, Any]) -> bytes:
    """Return the bytes that a payload 2.0 event carries."""
    body: str = event.get("body", "")
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _address(event: Mapping[str, Any]) -> str:
    protocol = event["headers"].get("x-forwarded-proto", "https")
    host = event["requestContext"].get("domainName", "")
    query = event.get("rawQueryString")
    return f"{protocol}://{host}{event['rawPath']}" + (f"?{query}" if query else "")
