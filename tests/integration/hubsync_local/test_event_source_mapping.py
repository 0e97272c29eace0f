"""The event source mapping, between a queue of the local AWS and functions that are objects."""

import hashlib
import itertools
import json
import threading
import time
from dataclasses import dataclass, field

import pytest

from hubsync_local.event_source_mapping import (
    BATCH_BYTES_MAX,
    Batch,
    failed_ids,
    polling,
    record_bytes,
)
from hubsync_local.lambda_runtime import Failed, Returned
from hubsync_local.template.model import Trigger
from hubsync_local.template.reader import read_template
from tests.waiting import wait_until

NUMBERS = itertools.count()
ALL_DONE = {"batchItemFailures": []}
TEMPLATE = """
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 1
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Lost.Arn, maxReceiveCount: 2}
  Lost: {Type: AWS::SQS::Queue}
"""


@dataclass
class Consumer:
    """A function that remembers its batches and the most that ran at once."""

    answer: object = lambda _records: ALL_DONE
    seconds: float = 0
    batches: list = field(default_factory=list)
    running: int = 0
    running_most: int = 0
    lock: object = field(default_factory=threading.Lock)

    def invoke(self, event):
        with self.lock:
            self.running += 1
            self.running_most = max(self.running_most, self.running)
            self.batches.append(event["Records"])
        time.sleep(self.seconds)
        with self.lock:
            self.running -= 1
        result = self.answer(event["Records"])
        return result if isinstance(result, Failed) else Returned(result)

    @property
    def bodies(self):
        return sorted(record["body"] for batch in self.batches for record in batch)


@pytest.fixture
def queues(local_aws, tmp_path):
    """A queue Jobs with a visibility of 1 s, which redrives to Lost after two receives."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    stack = f"poller{next(NUMBERS)}"
    template = read_template(tmp_path / "template.yaml", aws=local_aws.endpoint, stack=stack)
    local_aws.build(template)
    return template.queues


def a_trigger(**changes):
    fields = {
        "queue": "Jobs",
        "batch_size": 100,
        "window_seconds": 1,
        "concurrency_max": 2,
        "reports_failures": True,
    }
    return Trigger(**{**fields, **changes})


def send(local_aws, queue, bodies, **fields):
    for body in bodies:
        local_aws.sqs.send_message(QueueUrl=queue.url, MessageBody=body, **fields)


def counts(local_aws, queue):
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    answer = local_aws.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)
    return [int(answer["Attributes"][name]) for name in names]


def test_a_record_has_the_shape_that_lambda_gives_it(local_aws, queues):
    attribute = {"DataType": "String", "StringValue": "OVERDUE"}
    consumer = Consumer()
    send(
        local_aws,
        queues["Jobs"],
        ["hello"],
        MessageGroupId="main",
        MessageAttributes={"reason": attribute},
    )
    with polling(a_trigger(window_seconds=0), queues["Jobs"], consumer, local_aws):
        wait_until(lambda: counts(local_aws, queues["Jobs"]) == [0, 0, 0])
    [[record]] = consumer.batches
    assert len(record.pop("messageId")) == 36
    assert record.pop("receiptHandle")
    attributes = record.pop("attributes")
    assert attributes["ApproximateReceiveCount"] == "1"
    assert attributes["MessageGroupId"] == "main"
    assert abs(int(attributes["SentTimestamp"]) / 1000 - time.time()) < 60
    assert record == {
        "body": "hello",
        "messageAttributes": {
            "reason": {
                "dataType": "String",
                "stringValue": "OVERDUE",
                "stringListValues": [],
                "binaryListValues": [],
            }
        },
        "md5OfBody": hashlib.md5(b"hello", usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": queues["Jobs"].arn,
        "awsRegion": "us-east-1",
    }


def test_a_window_gathers_what_comes_after_its_first_message(local_aws, queues):
    consumer, queue = Consumer(), queues["Lost"]
    with polling(a_trigger(window_seconds=2), queue, consumer, local_aws, consumers=1):
        send(local_aws, queue, map(str, range(15)))
        wait_until(lambda: counts(local_aws, queue) == [0, 15, 0])
        send(local_aws, queue, ["late"])
        wait_until(lambda: consumer.batches)
    assert [len(batch) for batch in consumer.batches] == [16]


def test_a_full_batch_does_not_wait_for_its_window(local_aws, queues):
    consumer = Consumer()
    send(local_aws, queues["Jobs"], map(str, range(24)))
    trigger = a_trigger(batch_size=12, window_seconds=300)
    with polling(trigger, queues["Jobs"], consumer, local_aws, consumers=1):
        wait_until(lambda: len(consumer.batches) == 2)
    assert [len(batch) for batch in consumer.batches] == [12, 12]


@pytest.mark.parametrize(("consumers", "most"), [(None, 2), (1, 1), (9, 2)])
def test_as_many_invocations_run_at_once_as_the_trigger_allows(local_aws, queues, consumers, most):
    consumer = Consumer(seconds=0.1)
    send(local_aws, queues["Jobs"], map(str, range(4)))
    trigger = a_trigger(batch_size=1, window_seconds=0)
    with polling(trigger, queues["Jobs"], consumer, local_aws, consumers=consumers):
        wait_until(lambda: counts(local_aws, queues["Jobs"]) == [0, 0, 0])
    assert consumer.bodies == list("0123")
    assert consumer.running_most == most


def test_what_failed_comes_back_and_then_goes_to_the_dead_letter_queue(local_aws, queues):
    def answer(records):
        bad = [record["messageId"] for record in records if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in bad]}

    consumer = Consumer(answer)
    send(local_aws, queues["Jobs"], ["good", "bad"])
    trigger = a_trigger(window_seconds=0)
    with polling(trigger, queues["Jobs"], consumer, local_aws, consumers=1):
        wait_until(lambda: counts(local_aws, queues["Lost"]) == [1, 0, 0])
    assert counts(local_aws, queues["Jobs"]) == [0, 0, 0]
    assert consumer.bodies == ["bad", "bad", "good"]


IDS = ["a", "b"]


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        (Returned({"batchItemFailures": []}), set()),
        (Returned({"batchItemFailures": [{"itemIdentifier": "b"}]}), {"b"}),
        (Returned({"batchItemFailures": [{"itemIdentifier": "unknown"}]}), {"a", "b"}),
        (Returned({"batchItemFailures": [{"itemIdentifier": ""}]}), {"a", "b"}),
        (Returned({"batchItemFailures": [{"itemIdentifier": None}]}), {"a", "b"}),
        (Returned({"batchItemFailures": [{"wrong": "a"}]}), {"a", "b"}),
        (Returned({"batchItemFailures": ["a"]}), {"a", "b"}),
        (Returned({"batchItemFailures": None}), {"a", "b"}),
        (Returned({}), {"a", "b"}),
        (Returned(None), {"a", "b"}),
        (Failed({"errorType": "KeyError"}), {"a", "b"}),
    ],
)
def test_silence_and_nonsense_are_not_success(result, failed):
    assert failed_ids(result, IDS, reports_failures=True) == failed


def test_without_reported_failures_a_batch_is_done_or_not():
    report = Returned({"batchItemFailures": [{"itemIdentifier": "a"}]})
    assert failed_ids(report, IDS, reports_failures=False) == set()
    assert failed_ids(Failed({}), IDS, reports_failures=False) == {"a", "b"}


def test_a_batch_holds_6_mb_as_lambda_counts_them():
    records = [{"body": '"' * 64_000, "n": n} for n in range(100)]
    batch = Batch(1000)
    rest = batch.take(records)
    assert len(rest) + len(batch.records) == 100
    assert len(json.dumps({"Records": batch.records}).encode()) <= BATCH_BYTES_MAX + 15
    assert batch.bytes + record_bytes(rest[0]) > BATCH_BYTES_MAX
    assert record_bytes({"body": "ä"}) == 802  # metadata counts, be it shorter here
