"""Messages into SQS, confirmed. A 200 can hide entries that failed."""

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.kept_payload import INVALID_PAYLOAD, Kept
from hubsync.core.limits import SQS_ENTRIES_MAX, SQS_REQUEST_BYTES_MAX
from hubsync.errors import NotEnqueued

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SENDS_MAX = 3
# From the beginning of ingest's invocation: botocore gives up a call after 15 s, and the function
# after 25, so what begins by then ends in time for a 503 with Retry-After.
SENDING_SECONDS_MAX = 9.0


def enqueue(
    sqs: "SQSClient", queue_url: str, account: str, bodies: Sequence[str], *, ends: float = inf
) -> None:
    """Send message bodies; NotEnqueued unless SQS confirmed every one.

    No call begins after `ends`, a moment of the monotonic clock.
    """
    entries = [{"MessageBody": body, "MessageGroupId": account} for body in bodies]
    if len(send(sqs, queue_url, entries, ends=ends)) < len(entries):
        raise NotEnqueued("the queue did not confirm every event; sending again is safe")


def keep(
    sqs: "SQSClient", queue_url: str, kept: Kept, body: str, *, rejected_at: str, ends: float = inf
) -> None:
    """Send a payload to the dead-letter queue; NotEnqueued unless SQS confirmed it.

    No call begins after `ends`, a moment of the monotonic clock.
    """
    entry = {
        "MessageBody": body,
        "MessageGroupId": kept.envelope.account,
        **attributes(
            {
                "reason_code": INVALID_PAYLOAD,
                "reason_message": kept.reason,
                "rejected_at": rejected_at,
            }
        ),
    }
    if not send(sqs, queue_url, [entry], ends=ends):
        raise NotEnqueued("the dead-letter queue did not confirm the payload; send it again")


def attributes(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what of an entry says these; SQS refuses empty ones, so they are left out."""
    said = {
        name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text
    }
    return {"MessageAttributes": said} if said else {}


def send(
    sqs: "SQSClient", queue_url: str, entries: Sequence[dict[str, Any]], *, ends: float = inf
) -> frozenset[int]:
    """Send entries and return the positions that SQS confirmed; what failed is tried again.

    No call begins after `ends`, a moment of the monotonic clock.
    """
    return frozenset[int]().union(
        *(send_request(sqs, queue_url, some, ends=ends) for some in requests(entries)),
    )


def send_request(
    sqs: "SQSClient", queue_url: str, entries: dict[int, dict[str, Any]], *, ends: float = inf
) -> frozenset[int]:
    """Send what one request carries and return the positions that SQS confirmed."""
    left = entries
    for _ in range(SENDS_MAX):
        if not left or monotonic() > ends:
            break
        left = _send_once(sqs, queue_url, left)
    return frozenset(entries.keys() - left.keys())


def _send_once(
    sqs: "SQSClient", queue_url: str, entries: dict[int, dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Send once and return what was not confirmed."""
    try:
        answer = sqs.send_message_batch(
            QueueUrl=queue_url,
            Entries=[{"Id": str(position), **entry} for position, entry in entries.items()],  # type: ignore[typeddict-item] # built from the same fields
        )
    except (BotoCoreError, ClientError):
        return entries
    done = {int(entry["Id"]) for entry in answer.get("Successful", [])}
    return {position: entry for position, entry in entries.items() if position not in done}


def requests(entries: Sequence[dict[str, Any]]) -> Iterator[dict[int, dict[str, Any]]]:
    """Cut entries into requests of at most ten, and 1 MiB in total, by their positions."""
    some: dict[int, dict[str, Any]] = {}
    size = 0
    for position, entry in enumerate(entries):
        length = entry_bytes(entry)
        if some and (len(some) == SQS_ENTRIES_MAX or size + length > SQS_REQUEST_BYTES_MAX):
            yield some
            some, size = {}, 0
        some[position] = entry
        size += length
    if some:
        yield some


def entry_bytes(entry: Mapping[str, Any]) -> int:
    """Return what SQS counts of an entry: its body, and its attributes' names, types and values."""
    said = entry.get("MessageAttributes", {}).items()
    return len(entry["MessageBody"].encode()) + sum(
        len(name) + len(each["DataType"]) + len(each["StringValue"].encode()) for name, each in said
    )
