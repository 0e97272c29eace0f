"""Lambda's event source mapping: messages of a queue become batches, batches become invocations.

MaximumConcurrency pollers work side by side, each collecting its own batch, as Lambda's do; so a
burst is spread over them, and their invocations run at the same time.

Not imitated: filter criteria, scaling up and down, and the back-off after errors.
"""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from hubsync_local.api_gateway import Invokes
from hubsync_local.aws import Aws
from hubsync_local.lambda_runtime import REQUEST_BYTES_MAX, Failed, Result
from hubsync_local.processes import LocalError
from hubsync_local.template.model import REGION, Queue, Trigger

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RECEIVE_MAX = 10  # Documented: SQS gives at most ten a call.
LONG_POLL_SECONDS = 1  # SQS allows 20; a poller that is told to stop looks up this often
PAUSE_SECONDS = 0.1
# Documented: a batch is 6 MB with the metadata of its records, some 0.8 KB each.
METADATA_BYTES = 800
BATCH_BYTES_MAX = REQUEST_BYTES_MAX - len('{"Records": []}')

type Record = dict[str, Any]  # as Lambda writes a message


@dataclass(slots=True)
class Batch:
    """Records that go into one invocation; `left` says how many more may be asked for."""

    size_max: int
    records: list[Record] = field(default_factory=list)
    bytes: int = 0

    @property
    def left(self) -> int:
        return self.size_max - len(self.records)

    def take(self, records: Iterable[Record]) -> list[Record]:
        """Take what fits, in order; return the rest."""
        waiting = list(records)
        while waiting and self.left and self.bytes + record_bytes(waiting[0]) <= BATCH_BYTES_MAX:
            self.bytes += record_bytes(waiting[0])
            self.records.append(waiting.pop(0))
        return waiting


@contextlib.contextmanager
def polling(
    trigger: Trigger, queue: Queue, function: Invokes, aws: Aws, *, consumers: int | None = None
) -> Iterator[threading.Event]:
    """Poll while the context lasts; `consumers` lowers the trigger's concurrency.

    Yields what tells the pollers to stop, for whoever has to do so before the context ends.
    """
    stopping = threading.Event()
    pollers = [
        _Poller(trigger, queue, function, aws, stopping)
        for _ in range(min(consumers or trigger.concurrency_max, trigger.concurrency_max))
    ]
    threads = [threading.Thread(target=poller.run, name="poller") for poller in pollers]
    for thread in threads:
        thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def to_record(message: "MessageTypeDef", queue: Queue) -> Record:
    """Write a message as Lambda writes it for a function."""
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.arn,
        "awsRegion": REGION,
    }


def record_bytes(record: Record) -> int:
    written = len(json.dumps(record, ensure_ascii=False).encode()) + len(", ")
    return max(written, len(record["body"].encode()) + METADATA_BYTES)


def failed_ids(result: Result, ids: Sequence[str], *, reports_failures: bool) -> set[str]:
    """Return which messages an invocation leaves in the queue.

    Documented: an empty list is success; an exception, an unknown id or a malformed answer fails
    the whole batch. Stricter here than documented: no answer, and null for the list, fail too.
    Lambda would delete the messages; a handler that forgets its answer must not look well here.
    """
    everything = set(ids)
    if isinstance(result, Failed):
        return everything
    if not reports_failures:
        return set()
    match result.value:
        case {"batchItemFailures": list(items)}:
            reported = {_identifier(item) for item in items}
            if reported <= everything:
                return reported
    return everything


def _identifier(item: object) -> str:
    match item:
        case {"itemIdentifier": str(identifier)}:
            return identifier
        case _:
            return ""  # no message has it


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    written = {name[0].lower() + name[1:]: part for name, part in value.items()}
    if isinstance(binary := written.get("binaryValue"), bytes):
        written["binaryValue"] = base64.b64encode(binary).decode()
    return {**written, "stringListValues": [], "binaryListValues": []}


@dataclass(slots=True)
class _Poller:
    trigger: Trigger
    queue: Queue
    function: Invokes
    aws: Aws
    stopping: threading.Event
    held: list[Record] = field(default_factory=list)  # received, did not fit into the last batch

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                records = self._collect()
                if records and not self.stopping.is_set():
                    self._invoke(records)
            except (BotoCoreError, ClientError, LocalError):
                # AWS or the function is gone: the stack is stopping, or finds out itself.
                self.stopping.wait(PAUSE_SECONDS)

    def _collect(self) -> list[Record]:
        """Collect until the batch is full, or the window that its first message opened is over."""
        batch = Batch(self.trigger.batch_size)
        self.held = batch.take(self.held or self._receive(batch.left, LONG_POLL_SECONDS))
        closes = time.monotonic() + self.trigger.window_seconds
        while batch.records and batch.left and not self.held and not self.stopping.is_set():
            seconds = closes - time.monotonic()
            if seconds <= 0:
                break
            received = self._receive(batch.left, min(int(seconds), LONG_POLL_SECONDS))
            self.held = batch.take(received)
            if not received and seconds < LONG_POLL_SECONDS:
                self.stopping.wait(min(seconds, PAUSE_SECONDS))
        return batch.records

    def _receive(self, count: int, wait_seconds: int) -> list[Record]:
        answer = self.aws.sqs.receive_message(
            QueueUrl=self.queue.url,
            MaxNumberOfMessages=min(count, RECEIVE_MAX),
            WaitTimeSeconds=wait_seconds,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [to_record(message, self.queue) for message in answer.get("Messages", [])]

    def _invoke(self, records: Sequence[Record]) -> None:
        result = self.function.invoke({"Records": records})
        failed = failed_ids(
            result,
            [record["messageId"] for record in records],
            reports_failures=self.trigger.reports_failures,
        )
        self._delete([record for record in records if record["messageId"] not in failed])

    def _delete(self, records: Sequence[Record]) -> None:
        for start in range(0, len(records), RECEIVE_MAX):
            some = records[start : start + RECEIVE_MAX]
            self.aws.sqs.delete_message_batch(
                QueueUrl=self.queue.url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": record["receiptHandle"]}
                    for number, record in enumerate(some)
                ],
            )
