"""The consumer's queue: messages out of Lambda's event, and back into SQS."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.consume import QueueMessage
from hubsync.core.event import format_timestamp
from hubsync.core.limits import SQS_ENTRIES_MAX
from hubsync.core.records.outcome import Rejected
from hubsync.edge.sqs import attributes, requests, send_request
from hubsync.ports import DeadLetter, Resend

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

THREADS_MAX = 8  # A thousand requests, of 10,000 letters, in some three seconds.


def received(event: Mapping[str, Any]) -> list[QueueMessage]:
    """Return the messages of the event that Lambda hands a function for a queue."""
    return [
        QueueMessage(
            record["messageId"],
            record["receiptHandle"],
            record["body"],
            int(record["attributes"]["ApproximateReceiveCount"]),
        )
        for record in event["Records"]
    ]


class SqsQueue:
    """The consumer's way back to SQS: many requests at once, and an end in time.

    botocore blocks, so calls run in threads. They are the queue's own: where others hang, these do
    not. One that is late may still be carried out, as any call that got no answer.
    """

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
        self._threads = ThreadPoolExecutor(THREADS_MAX, "sqs")

    async def dead_letter(self, letters: Sequence[DeadLetter], *, seconds: float) -> frozenset[int]:
        rejected_at = format_timestamp(round(self._now() * 1_000_000))
        entries = [_dead_letter_entry(letter, rejected_at) for letter in letters]
        return await self._send(self._dead_letter_url, entries, seconds)

    async def resend(self, messages: Sequence[Resend], *, seconds: float) -> frozenset[int]:
        entries = [
            {
                "MessageBody": message.body,
                "MessageGroupId": message.account,
                "DelaySeconds": message.delay_seconds,
            }
            for message in messages
        ]
        return await self._send(self._change_url, entries, seconds)

    async def postpone(self, delays: Mapping[str, int], *, seconds: float) -> None:
        some = batched(delays.items(), SQS_ENTRIES_MAX, strict=False)
        await self._within(seconds, [partial(self._postpone, each) for each in some])

    async def _send(
        self, url: str, entries: Sequence[dict[str, Any]], seconds: float
    ) -> frozenset[int]:
        calls = [partial(send_request, self._sqs, url, some) for some in requests(entries)]
        return frozenset[int]().union(*await self._within(seconds, calls))

    async def _within[T](self, seconds: float, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Return what the calls came to that ended in time; those not begun then never begin."""
        loop = asyncio.get_running_loop()
        tasks = [loop.run_in_executor(self._threads, call) for call in calls]
        done, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        return [task.result() for task in done]

    def _postpone(self, delays: Iterable[tuple[str, int]]) -> None:
        entries = [
            {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for n, (handle, seconds) in enumerate(delays)
        ]
        # What fails comes back by the queue's own visibility, which is longer.
        with suppress(BotoCoreError, ClientError):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._change_url,
                Entries=entries,  # type: ignore[arg-type] # built from the same fields
            )


def _dead_letter_entry(letter: DeadLetter, rejected_at: str) -> dict[str, Any]:
    said = _reasons(letter.rejected) | {"rejected_at": rejected_at}
    entry: dict[str, Any] = {"MessageBody": letter.body, **attributes(said)}
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
