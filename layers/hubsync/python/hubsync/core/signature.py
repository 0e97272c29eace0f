"""Who sent a request: signatures over its raw bytes.

`verify` returns nothing or raises; there is no boolean to misread and no default secret. Signatures
are compared in constant time, and both sides of the time window are closed.
"""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Final

from hubsync.errors import Misconfigured, Unsigned, WrongSignature

# Standard Webhooks specification: header names, "v1,<base64>" items apart by spaces, signed content
# "{id}.{timestamp}.{body}", a secret of 24 to 64 bytes, base64, often behind "whsec_".
_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_KEY_BYTES_MIN, _KEY_BYTES_MAX = 24, 64
_KEY_PREFIX: Final = "whsec_"
_TIMESTAMP_DIGITS_MAX: Final = 12
_ID_CHARACTERS_MAX: Final = 256

type Secrets = Callable[[], Sequence[str]]
"""The secrets in force, newest first. Asked for only where a signature could be valid at all."""


def verify(
    headers: Mapping[str, str], body: bytes, *, secrets: Secrets, now: float, tolerance_seconds: int
) -> None:
    """Raise Unsigned unless a secret in force signed these bytes, lately.

    `headers` have lower-case names; `now` is in seconds since 1970.
    """
    message_id, timestamp, offered = _claims(headers)
    if abs(now - timestamp) > tolerance_seconds:
        raise Unsigned("the timestamp is outside the tolerance")
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    expected = [_signature(secret, signed) for secret in _keys(secrets())]
    # Every pair is compared, so that the time taken says nothing of which one matched.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in offered]
    if not any(matches):
        raise WrongSignature("no signature matches")


def sign(secret: str, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers with which a sender signs a body."""
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    signature = _signature(key(secret), signed).decode()
    return {_ID: message_id, _TIMESTAMP: str(timestamp), _SIGNATURE: f"v1,{signature}"}


def key(secret: str) -> bytes:
    """Return the bytes a secret stands for; Misconfigured if it is none."""
    try:
        decoded = base64.b64decode(secret.strip().removeprefix(_KEY_PREFIX), validate=True)
    except ValueError:
        raise Misconfigured("a Standard Webhooks secret must be base64") from None
    if not _KEY_BYTES_MIN <= len(decoded) <= _KEY_BYTES_MAX:
        raise Misconfigured(
            f"a Standard Webhooks secret has {_KEY_BYTES_MIN} to {_KEY_BYTES_MAX} bytes, "
            f"this one {len(decoded)}"
        )
    return decoded


def _keys(secrets: Sequence[str]) -> list[bytes]:
    """Return the keys of the secrets that are any; a placeholder among them does no harm."""
    keys: list[bytes] = []
    for secret in secrets:
        try:
            keys.append(key(secret))
        except Misconfigured:
            if secret == secrets[-1] and not keys:
                raise
    return keys


def _claims(headers: Mapping[str, str]) -> tuple[str, int, list[bytes]]:
    try:
        message_id, timestamp = headers[_ID], headers[_TIMESTAMP]
        items = headers[_SIGNATURE].split()
    except KeyError as error:
        raise Unsigned(f"no header {error}") from None
    # What follows must be exact: the timestamp is signed as text, so "+1" and "01" are refused.
    digits = timestamp.isascii() and timestamp.isdigit() and timestamp == str(int(timestamp[:13]))
    if not digits or len(timestamp) > _TIMESTAMP_DIGITS_MAX:
        raise Unsigned("the timestamp is no number of seconds")
    if not (0 < len(message_id) <= _ID_CHARACTERS_MAX and message_id.isascii()):
        raise Unsigned("the message id is empty, too long or not ASCII")
    # Compared as text, since several texts decode to the same bytes.
    offered = [item.removeprefix("v1,") for item in items if item.startswith("v1,")]
    return message_id, int(timestamp), [text.encode(errors="replace") for text in offered]


def _signature(secret: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.new(secret, signed, sha256).digest())
