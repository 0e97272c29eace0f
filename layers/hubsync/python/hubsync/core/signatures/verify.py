"""Who sent a request: signatures over its raw bytes.

`verify` returns nothing or raises; there is no boolean to misread and no default secret. The scheme
is the source's, whatever a header says. Secrets are compared in constant time, and both sides of
the time window are closed.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, SupportsBytes

from hubsync.core.event import format_timestamp, parse_timestamp
from hubsync.core.limits import (
    PUBLIC_SIGNATURES_MAX,
    SIGNATURE_HEADER_CHARACTERS_MAX,
    SIGNATURES_MAX,
)
from hubsync.core.signatures.keys import make_signature, matcher, read_keys
from hubsync.core.signatures.schemes import STANDARD_WEBHOOKS, Scheme, as_sent, fill
from hubsync.errors import Unsigned

# Exact, since it is signed as text: "+1" and "01" are no timestamps.
_TIMESTAMP: Final = re.compile(r"0|[1-9][0-9]{0,14}")
_ID: Final = re.compile(r"[\x00-\x7f]{1,256}")
# Documented by HubSpot: the characters that it signs as themselves. Assumed: however the digits are
# written.
_PLAIN_IN_URL: Final = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
_ED25519_SIGNATURE_BYTES: Final = 64


class Secrets(Protocol):
    def __call__(self, *, fresh: bool) -> Sequence[str]:
        """Return the secrets in force, newest first; `fresh` asks for them anew.

        It costs a call, so it is asked only where a signature could be valid at all.
        """


class _Claim(NamedTuple):
    """What the headers say: that the request was signed so, at that moment, or holds a token."""

    signatures: Sequence[bytes]
    message_id: str
    moment: str | None  # as it was signed


def verify(
    scheme: Scheme,
    headers: Mapping[str, str],
    body: SupportsBytes,
    *,
    url: str,
    secrets: Secrets,
    now: float,
    tolerance_seconds: int,
) -> None:
    """Raise Unsigned unless a secret in force signed these bytes, lately if the scheme says when.

    `headers` have lower-case names; `url` is what was called; `now` is in seconds since 1970.
    """
    scheme = as_sent(scheme, headers)
    claim = _claim(scheme, headers)
    if claim.moment is not None:
        _check_time(second_of(scheme, claim.moment), now, tolerance_seconds)
    contents = [
        _content(scheme, claim.message_id, claim.moment or "", body, address)
        for address in _addresses(scheme, url)
    ]

    def matches(secrets: Sequence[str]) -> bool:
        keys = read_keys(scheme, secrets)
        matchers = [matcher(scheme, key, content) for key in keys for content in contents]
        # Every pair is compared, so that the time taken says nothing of which one matched.
        found = [matches(each) for matches in matchers for each in claim.signatures]
        return any(found)

    known = secrets(fresh=False)
    if matches(known):
        return
    # The sender may be ahead of what is known here: its secret was rotated just now.
    fresh = secrets(fresh=True)
    if fresh == known or not matches(fresh):
        raise Unsigned("no signature matches")


def sign(
    secret: str,
    *,
    message_id: str,
    timestamp: int,
    body: bytes,
    scheme: Scheme = STANDARD_WEBHOOKS,
    url: str = "",
) -> dict[str, str]:
    """Return the headers with which a sender signs a body at that second, calling that address."""
    if scheme.is_token:
        return {scheme.header: scheme.prefix + secret.strip()}
    moment = _moment_text(scheme, timestamp)
    signature = make_signature(scheme, secret, _content(scheme, message_id, moment, body, url))
    if scheme.timestamp_item and scheme.separator:
        signature = f"{scheme.timestamp_item}{moment}{scheme.separator}{signature}"
    headers = {
        scheme.id_header: message_id,
        scheme.timestamp_header: moment,
        scheme.header: signature,
    }
    return {name: text for name, text in headers.items() if name is not None}


def second_of(scheme: Scheme, timestamp: str) -> float:
    """Return seconds since 1970 of a timestamp that is in its form."""
    match scheme.timestamp_unit:
        case "seconds":
            return float(timestamp)
        case "milliseconds":
            return int(timestamp) / 1_000
        case "rfc3339":
            return parse_timestamp(timestamp) / 1_000_000


def _claim(scheme: Scheme, headers: Mapping[str, str]) -> _Claim:
    text = _header(headers, scheme.header)
    if scheme.is_token:
        return _Claim([text.encode(errors="surrogatepass")], "", None)
    items = [text] if scheme.separator is None else text.split(scheme.separator)
    message_id = _message_id(scheme, headers)
    moment = _moment(scheme, headers, items)
    return _Claim(_signatures(scheme, items), message_id, moment)


def _check_time(second: float, now: float, tolerance_seconds: int) -> None:
    if abs(now - second) > tolerance_seconds:
        raise Unsigned("the timestamp is outside the tolerance")


def _header(headers: Mapping[str, str], name: str) -> str:
    text = headers.get(name)
    if text is None:
        raise Unsigned(f"no header {name}")
    if len(text) > SIGNATURE_HEADER_CHARACTERS_MAX:
        raise Unsigned(f"the header {name} is too long")
    return text


def _message_id(scheme: Scheme, headers: Mapping[str, str]) -> str:
    if scheme.id_header is None:
        return ""
    message_id = _header(headers, scheme.id_header)
    if not _ID.fullmatch(message_id):
        raise Unsigned("the message id is empty, too long or not ASCII")
    return message_id


def _moment(scheme: Scheme, headers: Mapping[str, str], items: Sequence[str]) -> str | None:
    """Return the timestamp as it was signed; None if the scheme has none."""
    if scheme.timestamp_header:
        found = [_header(headers, scheme.timestamp_header)]
    elif prefix := scheme.timestamp_item:
        found = [item.removeprefix(prefix) for item in items if item.startswith(prefix)]
    else:
        return None
    # Two headers of one name arrive as one, so a second timestamp may be somebody else's.
    if len(found) != 1 or not _is_timestamp(scheme, found[0]):
        raise Unsigned("the timestamp is not in its form, or not one")
    return found[0]


def _is_timestamp(scheme: Scheme, text: str) -> bool:
    if scheme.timestamp_unit != "rfc3339":
        return _TIMESTAMP.fullmatch(text) is not None
    try:
        parse_timestamp(text)
    except ValueError:
        return False
    return True


def _moment_text(scheme: Scheme, second: int) -> str:
    match scheme.timestamp_unit:
        case "seconds":
            return str(second)
        case "milliseconds":
            return str(second * 1_000)
        case "rfc3339":
            return format_timestamp(second * 1_000_000)


def _signatures(scheme: Scheme, items: Sequence[str]) -> list[bytes]:
    """Return the items that have the form of a signature, of any kind the scheme knows."""
    form = _form(scheme.prefix, scheme.encoding, hashlib.new(scheme.algorithm).digest_size)
    if scheme.takes_upper_case:
        cut = len(scheme.prefix)
        items = [item[:cut] + item[cut:].lower() for item in items]
    shared = [item.encode() for item in items if re.fullmatch(form, item)]
    public = []
    if scheme.public_prefix:
        form = _form(scheme.public_prefix, "base64", _ED25519_SIGNATURE_BYTES)
        public = [item.encode() for item in items if re.fullmatch(form, item)]
    if not shared and not public:
        raise Unsigned(f"no signature in the header {scheme.header}")
    if len(shared) > SIGNATURES_MAX or len(public) > PUBLIC_SIGNATURES_MAX:
        raise Unsigned(f"too many signatures in the header {scheme.header}")
    return [*shared, *public]


def _form(prefix: str, encoding: str, length: int) -> str:
    """Return a pattern for that many bytes, encoded, behind a prefix. All that fits is ASCII."""
    if encoding == "hex":
        return f"{re.escape(prefix)}[0-9a-f]{{{2 * length}}}"
    padding = -length % 3
    return (
        f"{re.escape(prefix)}[A-Za-z0-9+/]{{{(length + padding) // 3 * 4 - padding}}}={{{padding}}}"
    )


def _addresses(scheme: Scheme, url: str) -> list[str]:
    """Return what may be signed as the address called.

    HubSpot calls https alone. A gateway on a developer's machine has no TLS, and who signs for it
    goes by what is called there or by the documentation.
    """
    called = scheme.url or url
    secure = "https://" + called.removeprefix("http://")
    is_signed = "{url}" in scheme.signed
    return [called, secure] if is_signed and called.startswith("http://") else [called]


def _content(scheme: Scheme, message_id: str, moment: str, body: SupportsBytes, url: str) -> bytes:
    if scheme.is_token:
        return b""
    plain = _PLAIN_IN_URL.sub(lambda match: chr(int(match[1], 16)), url)
    values = {
        "id": message_id.encode(),
        "timestamp": moment.encode(),
        "body": bytes(body),
        "url": plain.encode(errors="surrogatepass"),
    }
    return fill(scheme.signed, values)
