"""What a million events cost: arithmetic on what was measured, with AWS's list prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from math import ceil

# Documented: list prices of us-east-1, arm64, November 2026, in dollars.
HTTP_REQUEST, LAMBDA_REQUEST, LAMBDA_GB_SECOND = 1.00e-6, 0.20e-6, 0.0000133334
SQS_REQUEST, READ_UNIT, WRITE_UNIT = 0.40e-6, 0.125e-6, 0.625e-6
LOG_BYTE, TRACE = 0.50e-9, 5e-6
# Documented: 1,769 MB have one vCPU; SQS bills each 64 KB as a request, and takes ten messages.
VCPU_MB, SQS_BYTES, SQS_MESSAGES = 1769, 65_536, 10
# Assumed: what HubSpot and AWS take to answer, what API Gateway logs for a request, and the share
# of requests that is traced.
HUBSPOT_SECONDS, AWS_SECONDS, ACCESS_LOG_BYTES, TRACED_SHARE = 0.3, 0.01, 400, 0.05
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Invocation:
    """What one invocation took; `waits` is the time it waited for others."""

    events: int
    memory_mb: int
    cpu_seconds: float
    wait_seconds: float
    logged_bytes: int = 0

    def dollars(self) -> float:
        """Return what a million events cost in compute."""
        seconds = self.cpu_seconds / (self.memory_mb / VCPU_MB) + self.wait_seconds
        each = LAMBDA_REQUEST + seconds * self.memory_mb / 1024 * LAMBDA_GB_SECOND
        return each * MILLION / self.events

    def log_dollars(self) -> float:
        return self.logged_bytes * LOG_BYTE * MILLION / self.events


@dataclass(frozen=True, slots=True)
class Dollars:
    """What a million events cost, by what is paid for."""

    api: float = 0
    ingest: float = 0
    queue: float = 0
    consumer: float = 0
    ledger: float = 0
    logs: float = 0

    def __add__(self, other: "Dollars") -> "Dollars":
        return Dollars(
            self.api + other.api,
            self.ingest + other.ingest,
            self.queue + other.queue,
            self.consumer + other.consumer,
            self.ledger + other.ledger,
            self.logs + other.logs,
        )

    @property
    def total(self) -> float:
        return self.api + self.ingest + self.queue + self.consumer + self.ledger + self.logs


def api_dollars(events_per_request: int) -> float:
    return HTTP_REQUEST * MILLION / events_per_request


def gateway_log_dollars(events_per_request: int) -> float:
    """Return what the gateway's access log and the traces of a million events cost."""
    each = ACCESS_LOG_BYTES * LOG_BYTE + TRACED_SHARE * TRACE
    return each * MILLION / events_per_request


def queue_dollars(requests: Sequence[Sequence[str]], events: int) -> float:
    """Return what SQS bills a million events for, from the messages of some webhook requests.

    They are sent a request at a time, handed over ten at a time, and deleted ten at a time.
    """
    messages = [body for request in requests for body in request]
    handed = list(batched(messages, SQS_MESSAGES, strict=False))
    sent = [some for each in requests for some in batched(each, SQS_MESSAGES, strict=False)]
    count = sum(map(_billed, sent)) + sum(map(_billed, handed)) + len(handed)
    return count * SQS_REQUEST * MILLION / events


def _billed(messages: Sequence[str]) -> int:
    return ceil(sum(len(message.encode()) for message in messages) / SQS_BYTES)


def ledger_dollars(read_units: float, write_units: float, events: int) -> float:
    return (read_units * READ_UNIT + write_units * WRITE_UNIT) * MILLION / events
