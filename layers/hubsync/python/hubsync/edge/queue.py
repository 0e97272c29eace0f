"""SQS: messages out of Lambda's event, and into queues. A 200 can hide entries that failed."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.consume import Received
from hubsync.core.event import moment_text
from hubsync.core.limits import SQS_ENTRIES_MAX, SQS_REQUEST_BYTES_MAX
from hubsync.core.outcome import Rejected
from hubsync.errors import NotEnqueued
from hubsync.ports import DeadLetter, Resend

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SENDS_MAX = 3
_ATTRIBUTE_BYTES = 4096  # Room for attributes, which count as bytes of the request.


def received(event: Mapping[str, Any]) -> list[Received]:
    """Return the messages of the event that Lambda hands a function for a queue."""
    return [
        Received(
            record["messageId"],
            record["receiptHandle"],
            record["body"],
            int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]


def enqueue(sqs: "SQSClient", queue_url: str, account: str, bodies: Sequence[str]) -> None:
    """Send message bodies; NotEnqueued unless SQS confirmed every one."""
    entries = [{"MessageBody": body, "MessageGroupId": account} for body in bodies]
    if len(send(sqs, queue_url, entries)) < len(entries):
        raise NotEnqueued("the queue did not confirm every event; sending again is safe")


def send(sqs: "SQSClient", queue_url: str, entries: Sequence[dict[str, Any]]) -> frozenset[int]:
    """Send entries and return the positions that SQS confirmed; what failed is tried again."""
    confirmed: set[int] = set()
    for some in _requests(entries):
        left = dict(some)
        for _ in range(SENDS_MAX):
            left = _send_once(sqs, queue_url, left)
            if not left:
                break
        confirmed |= {position for position, _ in some} - left.keys()
    return frozenset(confirmed)


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


def _requests(entries: Sequence[dict[str, Any]]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """Cut entries into requests of at most ten, and 1 MiB in total."""
    some: list[tuple[int, dict[str, Any]]] = []
    size = 0
    for position, entry in enumerate(entries):
        length = len(entry["MessageBody"].encode()) + _ATTRIBUTE_BYTES
        if some and (len(some) == SQS_ENTRIES_MAX or size + length > SQS_REQUEST_BYTES_MAX):
            yield some
            some, size = [], 0
        some.append((position, entry))
        size += length
    if some:
        yield some


class SqsQueue:
    """The consumer's way back to SQS. boto3 blocks, so calls run in threads, and are awaited."""

    def __init__(
        self,
        sqs: "SQSClient",
        *,
        change_url: str,
        dead_letter_url: str,
        now: Callable[[], float],
    ) -> None:
        self._sqs = sqs
        self._change_url = change_url
        self._dead_letter_url = dead_letter_url
        self._now = now

    async def dead_letter(self, letters: Sequence[DeadLetter]) -> frozenset[int]:
        rejected_at = moment_text(round(self._now() * 1_000_000))
        entries = [_dead_letter_entry(letter, rejected_at) for letter in letters]
        return await asyncio.to_thread(send, self._sqs, self._dead_letter_url, entries)

    async def resend(self, messages: Sequence[Resend]) -> frozenset[int]:
        entries = [
            {
                "MessageBody": message.body,
                "MessageGroupId": message.account,
                "DelaySeconds": message.delay_seconds,
            }
            for message in messages
        ]
        return await asyncio.to_thread(send, self._sqs, self._change_url, entries)

    async def postpone(self, delays: Mapping[str, int]) -> None:
        await asyncio.to_thread(self._postpone, delays)

    def _postpone(self, delays: Mapping[str, int]) -> None:
        for some in batched(enumerate(delays.items()), SQS_ENTRIES_MAX, strict=False):
            entries = [
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                for n, (handle, seconds) in some
            ]
            try:
                self._sqs.change_message_visibility_batch(
                    QueueUrl=self._change_url,
                    Entries=entries,  # type: ignore[arg-type] # built from the same fields
                )
            except (BotoCoreError, ClientError):
                return  # The messages come back by the queue's own visibility, which is longer.


def _dead_letter_entry(letter: DeadLetter, rejected_at: str) -> dict[str, Any]:
    attributes = _reasons(letter.rejected) | {"rejected_at": rejected_at}
    entry: dict[str, Any] = {
        "MessageBody": letter.body,
        "MessageAttributes": {
            # SQS refuses empty attributes, so one with nothing to say is left out.
            name: {"DataType": "String", "StringValue": text}
            for name, text in attributes.items()
            if text
        },
    }
    if letter.account:
        entry["MessageGroupId"] = letter.account
    return entry


def _reasons(rejected: Rejected) -> dict[str, str]:
    return {
        "reason_code": rejected.code,
        "reason_message": rejected.message[:1000],
        "refused_properties": ",".join(rejected.properties),
        "correlation_id": rejected.correlation_id or "",
    }
