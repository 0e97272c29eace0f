"""API Gateway's payload format 2.0: from an HTTP request to an event, from a result to a response.

Pure functions. Not imitated: authorizers, CORS, stages and mappings, throttling, and the limit of
10,240 bytes for the request line and headers.
"""

import base64
import binascii
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from hubsync_local.lambda_runtime import Failed, Result
from hubsync_local.template.model import ACCOUNT, Route

# Observed (reports of tests against AWS): these arrive as text; everything else, forms and bodies
# without a type included, arrives in base64.
TEXT_TYPES = frozenset({"application/javascript", "application/json", "application/xml"})
API_ID = "local"


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request; header names in lower case, as often as they were sent."""

    method: str
    raw_path: str  # as sent, percent-encoded
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_ip: str
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


def match_path(route: Route, raw_path: str) -> dict[str, str] | None:
    """Return the path parameters if the route has this path: `{name}` is one segment."""
    pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(route.path))
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
    match = re.fullmatch(pattern, raw_path)
    return match and {name: unquote(value) for name, value in match.groupdict().items()}


def to_event(
    request: Request,
    route: Route,
    parameters: Mapping[str, str],
    *,
    now: float,
    request_id: str,
) -> dict[str, Any]:
    """Write a request as the event that a function of this route gets."""
    headers = _joined((name, value) for name, value in request.headers if name != "cookie")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        # Assumed: decoded, as reported by users of HTTP APIs.
        "rawPath": unquote(request.raw_path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _context(request, route, now=now, request_id=request_id),
        **_body(request.body, headers.get("content-type", "")),
    }
    if cookies := _cookies(request.headers):
        event["cookies"] = cookies
    if query := _joined(parse_qsl(request.query, keep_blank_values=True)):
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = dict(parameters)
    return event


def to_response(result: Result) -> Response:
    """Write a function's result as HTTP; what API Gateway cannot read is a 500."""
    if isinstance(result, Failed):
        return message(500, "Internal Server Error")
    answer = result.value
    if not (isinstance(answer, dict) and "statusCode" in answer):
        # Documented: without statusCode the whole result is the body of a 200, and is JSON.
        body = answer if isinstance(answer, str) else json.dumps(answer)
        return Response(200, body.encode(), [("content-type", "application/json")])
    try:
        return _written_out(answer)
    except (TypeError, ValueError, AttributeError, binascii.Error):
        return message(500, "Internal Server Error")


def message(status: int, text: str) -> Response:
    """Return one of the gateway's own answers."""
    body = json.dumps({"message": text}).encode()
    return Response(status, body, [("content-type", "application/json")])


def _context(request: Request, route: Route, *, now: float, request_id: str) -> dict[str, Any]:
    headers = dict(request.headers)
    return {
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": headers.get("host", ""),
        "domainPrefix": API_ID,
        "http": {
            "method": request.method,
            "path": unquote(request.raw_path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": route.key,
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    kind = content_type.partition(";")[0].strip().lower()
    if kind in TEXT_TYPES or kind.startswith("text/"):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # Assumed: text that is no UTF-8 keeps its bytes.
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _cookies(headers: Sequence[tuple[str, str]]) -> list[str]:
    lines = (value for name, value in headers if name == "cookie")
    return [cookie.strip() for line in lines for cookie in line.split(";") if cookie.strip()]


def _written_out(answer: dict[str, Any]) -> Response:
    body = answer.get("body") or ""
    is_encoded = answer.get("isBase64Encoded")
    content = base64.b64decode(body, validate=True) if is_encoded else body.encode()
    # Observed: a body without a type is text.
    headers = {"content-type": "text/plain;charset=utf-8"}
    headers |= {name.lower(): _text(value) for name, value in (answer.get("headers") or {}).items()}
    headers.pop("content-length", None)  # the gateway counts for itself
    cookies = [("set-cookie", _text(cookie)) for cookie in answer.get("cookies") or []]
    status = int(answer["statusCode"])
    if not 200 <= status <= 599:  # noqa: PLR2004 - what a server may answer at last
        raise ValueError(f"{status} is no status")
    return Response(status, content, [*headers.items(), *cookies])


def _text(value: object) -> str:
    written = str(value).lower() if isinstance(value, bool) else str(value)
    if not isinstance(value, str | int | float) or not written.isprintable():
        raise TypeError(f"{value!r} is no header value")
    return written
