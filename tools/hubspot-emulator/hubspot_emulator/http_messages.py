"""What comes in and what goes out: plain values, so that any transport can carry them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache

type Body = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `path` includes the query, names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Delivery(StrEnum):
    """What becomes of an answer on its way to the client."""

    WHOLE = "whole"
    CUT = "cut"  # the connection breaks in the middle of the body
    LOST = "lost"  # the connection breaks before the first byte
    REFUSED = "refused"  # there never was a connection


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, and what the transport must do to it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    delivery: Delivery = Delivery.WHOLE


class Refusal(Exception):
    """The request is refused as a whole and changes nothing."""

    def __init__(
        self,
        status: int,
        body: Body,
        *,
        headers: Mapping[str, str] | None = None,
        correlated: bool = True,
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}
        # Documented: some bodies are shown without a correlationId; they are reproduced so.
        self.correlated = correlated


def encoded(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


@lru_cache(maxsize=1024)
def iso(seconds: float) -> str:
    """Write a moment as HubSpot does: UTC, milliseconds, `Z`."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
