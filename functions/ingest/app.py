"""API Gateway's event to `ingest`, and what it says to an HTTP answer."""

import gc

# Nearly all that imports make lives on, so looking for cycles meanwhile is in vain: it took a
# sixteenth of a cold start.
gc.set_threshold(200_000)

import base64
import json
import os
import re
import time
from collections.abc import Sequence
from functools import cache, cached_property, partial
from http import HTTPMethod, HTTPStatus
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from hubsync.core.event import format_timestamp
from hubsync.core.kept_payload import Kept
from hubsync.core.payloads.cloud_events import permission
from hubsync.core.payloads.source import Source, load_sources
from hubsync.edge import aws_clients
from hubsync.edge.http_event import is_request
from hubsync.edge.secrets import Secrets, webhook_secrets
from hubsync.edge.sqs import SENDING_SECONDS_MAX, enqueue, keep
from hubsync.errors import (
    InvalidEvents,
    Misconfigured,
    NotEnqueued,
    NotJson,
    Refusal,
    UnknownSource,
    Unsigned,
)
from hubsync.ingest import Accepted, Body, Request, ingest
from hubsync.settings import IngestSettings, load

# A stage and a domain's mapping put their names before it.
PATH = re.compile(r".*/webhooks/(?P<source>[^/]+)")
RETRY_AFTER_SECONDS = 5

type Event = dict[str, Any]  # payload format 2.0
type Response = dict[str, Any]

logger = Logger()
metrics = Metrics(namespace="hubsync")


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: Event, _context: LambdaContext) -> Response:
    metrics.add_metric("EventsAccepted", MetricUnit.Count, 0)  # A metric without data never alarms.
    try:
        if not is_request(event):
            raise NotJson("the event is no request of an HTTP API")
        return _routed(event)
    except Refusal as refusal:
        return refused(refusal)
    except (NotEnqueued, Misconfigured) as error:
        return unavailable(error)
    finally:
        aws_clients.log_failures(logger.warning)


def _routed(event: Event) -> Response:
    path = PATH.fullmatch(event["rawPath"])
    if path is None:
        raise UnknownSource("there is nothing at this path")
    match event["requestContext"]["http"]["method"]:
        case HTTPMethod.OPTIONS:
            return handshake(event, path["source"])
        case HTTPMethod.HEAD:
            return presence(path["source"])
    return webhook(event, path["source"])


def webhook(event: Event, source: str) -> Response:
    ends = time.monotonic() + SENDING_SECONDS_MAX
    accepted = ingest(
        Request(
            request_id=event["requestContext"]["requestId"],
            method=event["requestContext"]["http"]["method"],
            source=source,
            headers=event.get("headers") or {},
            body=_body(event),
            url=_url(event),
        ),
        sources=sources(),
        secrets=_secrets_of,
        enqueue=partial(_enqueue, ends=ends),
        keep=partial(_keep, ends=ends),
        object_types=settings().object_types,
        now=time.time(),
    )
    metrics.add_metric("EventsAccepted", MetricUnit.Count, accepted.accepted)
    metrics.add_metric("EventsIgnored", MetricUnit.Count, accepted.ignored)
    if accepted.challenge is not None:
        return _answer(HTTPStatus.OK, {"challenge": accepted.challenge})
    metrics.add_metric("PayloadsKept", MetricUnit.Count, accepted.kept)
    if accepted.ignored or accepted.refused or accepted.kept:
        _log_ignored(source, accepted)
    answer = {
        "accepted": accepted.accepted,
        "ignored": accepted.ignored,
        "kept": accepted.kept,
        **({"unknown": accepted.unknown} if accepted.unknown else {}),
        "requestId": accepted.request_id,
    }
    return _answer(HTTPStatus.OK if accepted.is_ping else HTTPStatus.ACCEPTED, answer)


def handshake(event: Event, source: str) -> Response:
    if source not in sources():
        raise UnknownSource("there is no such source")
    headers = permission(
        event.get("headers") or {}, requests_per_second=settings().requests_per_second
    )
    return {"statusCode": HTTPStatus.OK.value, "headers": dict(headers), "body": ""}


def presence(source: str) -> Response:
    """Answer who asks with HEAD whether there is anything at an address, as Intercom does."""
    if source not in sources():
        raise UnknownSource("there is no such source")
    return {"statusCode": HTTPStatus.OK.value, "headers": {}, "body": ""}


def _fact(accepted: Accepted) -> str:
    if accepted.kept:
        return "payload_kept"
    return "values_left_out" if accepted.refused else "payload_ignored"


def _log_ignored(source: str, accepted: Accepted) -> None:
    """Say what was ignored, and of invalid events by which keys of the source's mapping.

    Where there is no mapping a pointer leads into the payload, and is not for a log.
    """
    keys = {fault.pointer for fault in accepted.faults if fault.pointer.startswith("/change")}
    logger.info(
        _fact(accepted),
        source=source,
        request_id=accepted.request_id,
        reason="invalid" if accepted.faults else "no_change_matches",
        accepted=accepted.accepted,
        ignored=accepted.ignored,
        kept=accepted.kept,
        values_left_out=accepted.refused,
        keys=sorted(keys),
    )


def refused(refusal: Refusal) -> Response:
    reason = refusal.reason if isinstance(refusal, Unsigned) else type(refusal).__name__
    logger.info("request_refused", status=refusal.status.value, reason=reason)
    problem = _problem(refusal.status, str(refusal))
    if isinstance(refusal, InvalidEvents):
        problem["errors"] = [fault._asdict() for fault in refusal.faults]
    headers = {"Allow": "POST"} if refusal.status == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return _answer(refusal.status, problem, headers)


def unavailable(error: NotEnqueued | Misconfigured) -> Response:
    causes = [f"{operation} {code}" for operation, code in aws_clients.FAILURES.take()]
    logger.error("request_not_accepted", reason=str(error), causes=causes)
    problem = _problem(HTTPStatus.SERVICE_UNAVAILABLE, "not accepted; sending again is safe")
    return _answer(
        HTTPStatus.SERVICE_UNAVAILABLE, problem, {"Retry-After": str(RETRY_AFTER_SECONDS)}
    )


@cache
def settings() -> IngestSettings:
    return load(IngestSettings, os.environ)


@cache
def sources() -> dict[str, Source]:
    return load_sources(Path(__file__).parent / "sources", settings().object_types)


@cache
def secrets() -> Secrets:
    return Secrets(aws_clients.secretsmanager(), monotonic=time.monotonic)


def _secrets_of(source: Source, fresh: bool) -> Sequence[str]:  # noqa: FBT001 - a port
    name = settings().secrets_prefix + source.signature.secret
    return webhook_secrets(secrets(), name, fresh=fresh)


def _keep(kept: Kept, body: str, *, ends: float) -> None:
    url = settings().dead_letter_queue_url
    rejected_at = format_timestamp(time.time_ns() // 1_000)
    keep(aws_clients.sqs(), url, kept, body, rejected_at=rejected_at, ends=ends)


def _enqueue(account: str, bodies: Sequence[str], *, ends: float) -> None:
    enqueue(aws_clients.sqs(), settings().change_queue_url, account, bodies, ends=ends)


class Encoded:
    """A body in base64. Decoding 1 MiB takes 6 ms, which an unsigned request is not worth."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __len__(self) -> int:
        return len(self._text) // 4 * 3 - self._text[-2:].count("=")

    def __bytes__(self) -> bytes:
        return self._decoded

    @cached_property
    def _decoded(self) -> bytes:
        try:
            return base64.b64decode(self._text, validate=True)
        except ValueError:
            raise NotJson("the body is not the base64 it is said to be") from None


def _body(event: Event) -> Body:
    """Return the bytes as they were sent: signatures are over those, not over what they mean."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        return Encoded(body)
    return bytes(body, "utf-8", "surrogatepass")


def _url(event: Event) -> str:
    """Return the address as it was called, as far as API Gateway tells: the path is decoded."""
    # The gateway's own word; on a developer's machine there is no TLS.
    forwarded = (event.get("headers") or {}).get("x-forwarded-proto")
    scheme = "http" if forwarded == "http" else "https"
    host = event["requestContext"].get("domainName", "")
    query = event.get("rawQueryString")
    return f"{scheme}://{host}{event['rawPath']}" + (f"?{query}" if query else "")


def _problem(status: HTTPStatus, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}


def _answer(
    status: HTTPStatus, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    kind = "application/problem+json" if status >= HTTPStatus.BAD_REQUEST else "application/json"
    return {
        "statusCode": status.value,
        "headers": {"Content-Type": kind, **(headers or {})},
        "body": json.dumps(body),
    }
