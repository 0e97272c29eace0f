"""Use case: take in a webhook: verify it, parse it, and buffer its change events.

The order of checks is part of the interface: path, method, size, media, signature, JSON, events,
queue. Nothing is said to an unsigned sender but that.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPMethod
from typing import Final, NamedTuple, Protocol

from hubsync.core import json_codec
from hubsync.core.event import Rules, format_timestamp
from hubsync.core.json_codec import Json
from hubsync.core.kept_payload import Kept, letter
from hubsync.core.limits import BODY_BYTES_MAX, CLOCK_SKEW_SECONDS_MAX
from hubsync.core.message import FORMAT, Envelope, pack
from hubsync.core.payloads.cloud_events import BATCH, STRUCTURED, cloud_drafts, mode
from hubsync.core.payloads.mapper import map_payload
from hubsync.core.payloads.source import HmacSignature, Source
from hubsync.core.payloads.unvalidated import (
    UnvalidatedEvents,
    ValidEvents,
    canonical_drafts,
    take_all,
    take_valid,
)
from hubsync.core.signatures import verify
from hubsync.errors import (
    BodyTooLarge,
    Fault,
    MediaRefused,
    MethodRefused,
    UnknownSource,
)

FORM: Final = "application/x-www-form-urlencoded"
_PING_BYTES_MAX: Final = 64
_UTF_8: Final = frozenset({"utf-8", "utf8"})  # Some senders leave the hyphen out.

type Enqueue = Callable[[str, Sequence[str]], None]
"""Puts message bodies into the queue, for an account; NotEnqueued unless all were confirmed."""
type Keep = Callable[[Kept, str], None]
"""Puts a payload into the dead-letter queue, as that body; NotEnqueued unless it was confirmed."""
type SecretsOf = Callable[[Source, bool], Sequence[str]]
"""A source's secrets in force; the flag asks for them anew, since a signature matched none."""


class Body(Protocol):
    """The bytes as sent, whose number is known before they are; `bytes` are one."""

    def __len__(self) -> int: ...

    def __bytes__(self) -> bytes: ...


class Request(NamedTuple):
    """A webhook as it arrived. Header names are lower case."""

    request_id: str
    method: str
    source: str
    headers: Mapping[str, str]
    body: Body
    url: str = ""  # as it was called; some senders sign it


class Accepted(NamedTuple):
    """What became of a request's events; the faults are of what was left out or ignored as invalid.

    A challenge is to be echoed, since the sender asks whether this is the right address.
    """

    accepted: int
    ignored: int
    request_id: str
    faults: tuple[Fault, ...] = ()
    refused: int = 0  # values that were left out
    kept: int = 0  # payloads
    unknown: tuple[str, ...] = ()  # pointers to members that no rule knows
    challenge: str | None = None
    is_ping: bool = False  # to be answered with 200 and no other status


def ingest(
    request: Request,
    *,
    sources: Mapping[str, Source],
    secrets: SecretsOf,
    enqueue: Enqueue,
    keep: Keep,
    object_types: Mapping[str, str],
    now: float,
) -> Accepted:
    """Accept every event of a request, or refuse it whole with a Refusal.

    On return SQS has confirmed every event, and the payload where an event could not be made.
    `now` is in seconds since 1970.
    """
    source = sources.get(request.source)
    if source is None:
        raise UnknownSource("there is no such source")
    if request.method != HTTPMethod.POST:
        raise MethodRefused("only POST is answered here")
    if len(request.body) > BODY_BYTES_MAX:
        raise BodyTooLarge(f"the body has {len(request.body)} bytes; the limit is {BODY_BYTES_MAX}")
    if is_ping(source, request):
        return Accepted(0, 1, request.request_id, is_ping=True)
    _check_media(request.headers)
    verify.verify(
        source.signature.rules,
        request.headers,
        request.body,
        url=request.url,
        secrets=lambda *, fresh: secrets(source, fresh),
        now=now,
        tolerance_seconds=source.signature.tolerance_seconds,
    )
    rules = Rules(
        object_types,
        source.properties_allowed,
        occurred_at_max=round((now + CLOCK_SKEW_SECONDS_MAX) * 1_000_000),
    )
    body = json_codec.parse(bytes(request.body), source.form)
    if (challenge := challenge_of(source, body)) is not None:
        return Accepted(0, 0, request.request_id, challenge=challenge)
    taken = take(source, request.headers, body, rules)
    head = {
        "account": source.account,
        "source": source.name,
        "receivedAt": format_timestamp(round(now * 1_000_000)),
        "requestId": request.request_id,
    }
    if taken.unmade:
        kept = Kept(Envelope.model_validate({"v": FORMAT, **head}), taken.unmade)
        if source.unreadable == "keep":
            kept = kept._replace(headers=request.headers, body=bytes(request.body))
        keep(kept, letter(kept, signed_by=source.signature.rules.headers))
    if taken.encoded:
        enqueue(source.account, list(pack(taken.encoded, head=head)))
    return Accepted(
        len(taken.encoded),
        taken.ignored,
        request.request_id,
        taken.faults,
        refused=taken.refused,
        kept=1 if taken.unmade else 0,
        unknown=taken.unknown,
    )


def take(source: Source, headers: Mapping[str, str], body: Json, rules: Rules) -> ValidEvents:
    """Return the events that a source's body means; raises InvalidEvents if it is to be refused."""
    drafts = drafts_of(source, headers, body)
    return take_all(drafts, rules) if source.invalid == "refuse" else take_valid(drafts, rules)


def drafts_of(source: Source, headers: Mapping[str, str], body: Json) -> UnvalidatedEvents:
    """Return what a source's body says, before it is known to be valid."""
    if source.change:
        mends = source.invalid == "ignore"
        return map_payload(source.change, headers=headers, body=body, mends=mends)
    carried = mode(headers)
    return canonical_drafts(body) if carried is None else cloud_drafts(body, headers, carried)


def challenge_of(source: Source, body: Json) -> str | None:
    """Return what Slack wants echoed before it sends events to a new address (documented)."""
    if source.signature.scheme != "slack" or not isinstance(body, dict):
        return None
    challenge = body.get("challenge") if body.get("type") == "url_verification" else None
    return challenge if isinstance(challenge, str) else None


def is_ping(source: Source, request: Request) -> bool:
    """Whether this is the form that a source says its sender tries an address with, unsigned.

    It says nothing, and its answer tells no more than that there is such a source.
    """
    signature = source.signature
    if not isinstance(signature, HmacSignature) or signature.ping_field is None:
        return False
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != FORM or len(request.body) > _PING_BYTES_MAX:
        return False
    field = re.escape(signature.ping_field).encode()
    return re.fullmatch(field + rb"=[0-9]{1,20}", bytes(request.body)) is not None


def _check_media(headers: Mapping[str, str]) -> None:
    media, *parameters = map(str.strip, headers.get("content-type", "").lower().split(";"))
    if media != "application/json" and not (
        media.startswith("application/") and media.endswith("+json")
    ):
        raise MediaRefused("the content type must be application/json")
    if media.startswith("application/cloudevents") and media not in (STRUCTURED, BATCH):
        raise MediaRefused(f"CloudEvents are read as {STRUCTURED} and {BATCH}")
    charsets = [text for text in parameters if text.startswith("charset=")]
    if any(text.removeprefix("charset=").strip('"') not in _UTF_8 for text in charsets):
        raise MediaRefused("the charset must be UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise MediaRefused("the body must not be compressed")
