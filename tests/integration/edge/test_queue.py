"""SQS as the functions use it: nothing counts as sent until the queue has confirmed it."""

import asyncio
import json
import socket
import time
import uuid
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from hubsync.consume import QueueMessage
from hubsync.core.records.outcome import Rejected
from hubsync.edge.queue import SqsQueue, received
from hubsync.edge.sqs import enqueue, send
from hubsync.errors import NotEnqueued
from hubsync.ports import DeadLetter, Resend
from hubsync_local import processes
from hubsync_local.template.reader import read_template
from tests.builders import a_message

PROJECT = Path(__file__).parents[3]
NOON = 1_795_262_400.0
SECONDS = 20  # enough for all but a queue that says nothing
REJECTED = Rejected("INVALID_INTEGER", "HubSpot refused seats", ("seats", "size"), "c-1")


@pytest.fixture
def queues(local_aws):
    """The template's queues, of a stack that no other test has."""
    stack = f"queue-{uuid.uuid4()}"
    template = read_template(PROJECT / "template.yaml", aws=local_aws.endpoint, stack=stack)
    local_aws.build(template)
    return {name: queue.url for name, queue in template.queues.items()}


@pytest.fixture
def sqs(local_aws):
    return local_aws.sqs


@pytest.fixture
def queue(sqs, queues):
    return SqsQueue(
        sqs,
        change_url=queues["ChangeQueue"],
        dead_letter_url=queues["DeadLetterQueue"],
        now=lambda: NOON,
    )


@pytest.fixture
def closed_sqs():
    return boto3.client(
        "sqs",
        endpoint_url=f"http://127.0.0.1:{processes.free_port(0)}",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


def take(sqs, url, *, wait_seconds=0):
    """All messages that can be had, in the order of their bodies."""
    messages = []
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=0 if messages else wait_seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        if not answer.get("Messages"):
            return sorted(messages, key=lambda message: message["Body"])
        messages += answer["Messages"]


def test_events_are_enqueued_for_their_account_however_many(sqs, queues):
    bodies = [f"message {n:02}" for n in range(25)]
    enqueue(sqs, queues["ChangeQueue"], "main", bodies)
    messages = take(sqs, queues["ChangeQueue"])
    assert [message["Body"] for message in messages] == bodies
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"main"}


def test_bodies_that_together_exceed_a_request_are_sent_in_several(sqs, queues):
    bodies = [f"{n}" + "x" * 200_000 for n in range(8)]
    enqueue(sqs, queues["ChangeQueue"], "main", bodies)
    assert [message["Body"] for message in take(sqs, queues["ChangeQueue"])] == bodies


def test_without_an_answer_nothing_is_confirmed(closed_sqs, queues):
    with pytest.raises(NotEnqueued):
        enqueue(closed_sqs, queues["ChangeQueue"], "main", ["x"])
    assert send(closed_sqs, queues["ChangeQueue"], [{"MessageBody": "x"}]) == frozenset()


def test_a_queue_that_is_not_there_confirms_nothing(sqs, queues):
    with pytest.raises(NotEnqueued):
        enqueue(sqs, queues["ChangeQueue"] + "-gone", "main", ["x"])


def test_an_entry_the_queue_refuses_does_not_count_as_sent(sqs, queues):
    good = {"MessageBody": "good", "MessageGroupId": "main"}
    too_large = "x" * 2_000_000
    confirmed = send(sqs, queues["ChangeQueue"], [good, {"MessageBody": too_large}, good])
    assert confirmed == {0, 2}
    with pytest.raises(NotEnqueued):
        enqueue(sqs, queues["ChangeQueue"], "main", ["good", too_large])


def test_nothing_to_send_is_no_call(closed_sqs, queues):
    enqueue(closed_sqs, queues["ChangeQueue"], "main", [])


def test_a_dead_letter_carries_its_reasons_as_attributes(sqs, queue, queues):
    body = a_message({"eventId": "e-1"})
    assert asyncio.run(
        queue.dead_letter([DeadLetter(body, "main", REJECTED)], seconds=SECONDS)
    ) == {0}
    (message,) = take(sqs, queues["DeadLetterQueue"])
    assert message["Body"] == body
    assert texts(message) == {
        "reason_code": "INVALID_INTEGER",
        "reason_message": "HubSpot refused seats",
        "refused_properties": "seats,size",
        "correlation_id": "c-1",
        "rejected_at": "2026-11-21T12:00:00Z",
    }


def texts(message):
    return {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}


def test_an_attribute_with_nothing_to_say_is_left_out(sqs, queue, queues):
    letter = DeadLetter("no JSON", "", Rejected("MALFORMED_MESSAGE", "no message"))
    assert asyncio.run(queue.dead_letter([letter], seconds=SECONDS)) == {0}
    (message,) = take(sqs, queues["DeadLetterQueue"])
    assert set(texts(message)) == {"reason_code", "reason_message", "rejected_at"}
    assert "MessageGroupId" not in message["Attributes"]


def test_many_dead_letters_are_confirmed_one_by_one(sqs, queue, queues):
    bodies = [f"letter {n:02}" for n in range(23)]
    letters = [DeadLetter(body, "main", REJECTED) for body in bodies]
    assert asyncio.run(queue.dead_letter(letters, seconds=SECONDS)) == frozenset(range(23))
    assert [message["Body"] for message in take(sqs, queues["DeadLetterQueue"])] == bodies


def test_what_is_sent_back_stays_hidden_for_its_delay(sqs, queue, queues):
    now, later = Resend("now", "main", 0), Resend("later", "main", 1)
    assert asyncio.run(queue.resend([now, later], seconds=SECONDS)) == {0, 1}
    assert [message["Body"] for message in take(sqs, queues["ChangeQueue"])] == ["now"]
    (message,) = take(sqs, queues["ChangeQueue"], wait_seconds=5)
    assert (message["Body"], message["Attributes"]["MessageGroupId"]) == ("later", "main")


def test_messages_are_hidden_for_as_long_as_they_are_told(sqs, queue, queues):
    enqueue(sqs, queues["ChangeQueue"], "main", [f"message {n:02}" for n in range(12)])
    handles = [message["ReceiptHandle"] for message in take(sqs, queues["ChangeQueue"])]
    asyncio.run(queue.postpone(dict.fromkeys(handles[:11], 0), seconds=SECONDS))
    again = take(sqs, queues["ChangeQueue"])
    assert [message["Body"] for message in again] == [f"message {n:02}" for n in range(11)]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in again} == {"2"}


def test_hiding_is_best_effort(closed_sqs, queue):
    asyncio.run(queue.postpone({"no such handle": 5}, seconds=SECONDS))
    closed = SqsQueue(closed_sqs, change_url="x", dead_letter_url="x", now=lambda: NOON)
    asyncio.run(closed.postpone({"handle": 5}, seconds=SECONDS))
    assert (
        asyncio.run(closed.dead_letter([DeadLetter("x", "main", REJECTED)], seconds=SECONDS))
        == frozenset()
    )


def test_a_queue_that_says_nothing_is_waited_for_no_longer_than_asked():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_sqs = boto3.client(
            "sqs",
            endpoint_url=f"http://127.0.0.1:{silent.getsockname()[1]}",
            region_name="eu-west-1",
            config=Config(read_timeout=1, retries={"total_max_attempts": 1}),
        )
        queue = SqsQueue(silent_sqs, change_url="x", dead_letter_url="x", now=lambda: NOON)
        letters = [DeadLetter("x", "main", REJECTED)] * 500
        began = time.monotonic()
        assert asyncio.run(queue.dead_letter(letters, seconds=0.2)) == frozenset()
        asyncio.run(queue.postpone({"handle": 5}, seconds=0.1))
        assert time.monotonic() - began < 0.9


def test_lambdas_event_is_opened_to_its_messages():
    event = json.loads((PROJECT / "events" / "queue-one-event.json").read_text())
    (record,) = event["Records"]
    assert received(event) == [
        QueueMessage(record["messageId"], record["receiptHandle"], record["body"], 1)
    ]
