"""Looking through dead letters and redriving them, over a real SQS client."""

import json
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from hubsync_local.template.reader import read_template
from hubsync_operations.dead_letter import RECEIVES_EXHAUSTED, Filter
from hubsync_operations.dead_letter_queue import Queues, Redrive, Redriven, visit
from tests.builders import a_message, wire

PROJECT = Path(__file__).parents[3]
ALL = Filter()


@pytest.fixture
def queues(local_aws):
    """The template's queues, of a stack that no other test has."""
    stack = f"dead-{uuid.uuid4()}"
    template = read_template(PROJECT / "template.yaml", aws=local_aws.endpoint, stack=stack)
    local_aws.build(template)
    urls = {name: queue.url for name, queue in template.queues.items()}
    return Queues(local_aws.sqs, urls["ChangeQueue"], urls["DeadLetterQueue"], wait_seconds=0)


def event(name):
    return wire(eventId=name, id=f"{name}@example.com")


def bury(queues, *names, **attributes):
    """Put one message with these events into the dead-letter queue."""
    queues.sqs.send_message(
        QueueUrl=queues.dead_letter,
        MessageBody=a_message(*map(event, names), tries=7),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
        },
    )


def bury_refused(queues, *names):
    for name in names:
        bury(queues, name, reason_code="CONFLICT", rejected_at="2026-11-21T12:00:00Z")


def messages(queues, url):
    """Return what a queue would hand over now, and leave it there."""
    found = []
    while some := queues.sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
    ).get("Messages"):
        found += some
    for message in found:
        queues.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
    return found


def names(queues, url):
    events = [json.loads(message["Body"])["events"] for message in messages(queues, url)]
    return [sorted(each["eventId"] for each in some) for some in events]


def buried(queues):
    return sorted(names(queues, queues.dead_letter))


def queued(queues):
    return sorted(names(queues, queues.change))


def seen(queues, wanted=ALL):
    letters = []
    look = visit(queues, wanted, letters.append)
    return sorted((letter.event_id, letter.code) for letter in letters), look.complete


def test_every_letter_is_seen_once_and_all_are_there_afterwards(queues):
    bury_refused(queues, *(f"r{n:02}" for n in range(23)))
    bury(queues, "packed-1", "packed-2")
    expected = [("packed-1", RECEIVES_EXHAUSTED), ("packed-2", RECEIVES_EXHAUSTED)]
    expected += [(f"r{n:02}", "CONFLICT") for n in range(23)]
    assert seen(queues) == (expected, True)
    assert seen(queues) == (expected, True)


def test_an_empty_queue_is_looked_through_at_once(queues):
    assert seen(queues) == ([], True)


def test_a_look_that_cannot_hold_all_says_so(queues):
    bury_refused(queues, *(f"r{n:02}" for n in range(23)))
    letters, complete = seen(replace(queues, held_max=10))
    assert (len(letters), complete, len(buried(queues))) == (10, False, 23)


def test_a_letter_whose_value_is_gone_stays(queues):
    bury(queues, "a", reason_code="INVALID_VALUE", refused_properties="fax")
    bury_refused(queues, "b")
    result = Redrive(queues, ALL).run()
    assert result == Redriven(messages=2, matched=1, sent=1, gone=1, complete=True)
    assert (queued(queues), buried(queues)) == ([["b"]], [["a"]])


def test_all_are_redriven_as_new_messages_of_their_account(queues):
    bury_refused(queues, "a", "b")
    bury(queues, "c", "d")
    result = Redrive(queues, ALL).run()
    assert result == Redriven(messages=3, matched=4, sent=4, complete=True)
    assert (queued(queues), buried(queues)) == ([["a"], ["b"], ["c", "d"]], [])
    sent = messages(queues, queues.change)
    assert {json.loads(message["Body"])["tries"] for message in sent} == {0}
    assert [message.get("MessageAttributes") for message in sent] == [None] * 3


def test_what_a_filter_does_not_take_stays(queues):
    bury_refused(queues, "a", "b")
    bury(queues, "c")
    result = Redrive(queues, Filter(reasons=frozenset({"CONFLICT"}))).run()
    assert result == Redriven(messages=3, matched=2, sent=2, complete=True)
    assert (queued(queues), buried(queues)) == ([["a"], ["b"]], [["c"]])


def test_of_a_packed_message_the_rest_is_put_back(queues):
    bury(queues, "a", "b", "c", note="kept")
    result = Redrive(queues, Filter(events=frozenset({"b"}))).run()
    assert (result.matched, result.sent, result.complete) == (1, 1, True)
    assert (queued(queues), buried(queues)) == ([["b"]], [["a", "c"]])
    (kept,) = messages(queues, queues.dead_letter)
    assert json.loads(kept["Body"])["tries"] == 7
    assert kept["MessageAttributes"]["note"]["StringValue"] == "kept"


def test_a_limit_counts_events(queues):
    bury(queues, "a", "b", "c")
    result = Redrive(queues, ALL, limit=2).run()
    assert (result.matched, result.sent, result.complete) == (2, 2, True)
    assert (queued(queues), buried(queues)) == ([["a", "b"]], [["c"]])


def test_a_dry_run_moves_nothing(queues):
    bury_refused(queues, "a", "b")
    result = Redrive(queues, ALL, dry_run=True).run()
    assert result == Redriven(messages=2, matched=2, complete=True)
    assert (queued(queues), buried(queues)) == ([], [["a"], ["b"]])


def test_what_is_no_message_is_redriven_as_it_is(queues):
    queues.sqs.send_message(QueueUrl=queues.dead_letter, MessageBody="no JSON")
    assert Redrive(queues, ALL).run().sent == 1
    assert [message["Body"] for message in messages(queues, queues.change)] == ["no JSON"]


class Refusing:
    """An SQS that refuses every message for one queue, and passes on all else."""

    def __init__(self, sqs, url):
        self._sqs, self._url = sqs, url

    def __getattr__(self, name):
        return getattr(self._sqs, name)

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803 - boto3's own names
        if QueueUrl != self._url:
            return self._sqs.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)
        return {"Failed": [{"Id": entry["Id"]} for entry in Entries]}


@pytest.mark.parametrize("refused", ["change", "dead_letter"])
def test_nothing_is_deleted_that_was_not_confirmed(queues, refused):
    bury(queues, "a", "b")
    sqs = Refusing(queues.sqs, getattr(queues, refused))
    result = Redrive(replace(queues, sqs=sqs), Filter(events=frozenset({"a"}))).run()
    assert (result.matched, result.sent, result.unconfirmed) == (1, 0, 1)
    assert ["a", "b"] in buried(queues)


class Forgetful:
    """An SQS that hides nothing: whatever it handed over it hands over again."""

    def __init__(self, sqs):
        self._sqs = sqs

    def __getattr__(self, name):
        return getattr(self._sqs, name)

    def receive_message(self, **arguments):
        return self._sqs.receive_message(**arguments | {"VisibilityTimeout": 0})


def test_a_look_ends_when_what_it_holds_comes_again_and_again(queues):
    bury_refused(queues, "a", "b")
    forgetful = replace(queues, sqs=Forgetful(queues.sqs))
    assert seen(forgetful) == ([("a", "CONFLICT"), ("b", "CONFLICT")], False)


class Keeping:
    """An SQS that confirms no deletion."""

    def __init__(self, sqs):
        self._sqs = sqs

    def __getattr__(self, name):
        return getattr(self._sqs, name)

    def delete_message_batch(self, Entries, **_queue):  # noqa: N803 - boto3's own name
        return {"Failed": [{"Id": entry["Id"]} for entry in Entries]}


def test_what_is_sent_and_not_deleted_is_told(queues):
    bury_refused(queues, "a")
    result = Redrive(replace(queues, sqs=Keeping(queues.sqs)), ALL).run()
    assert (result.sent, result.undeleted) == (1, 1)
    assert (queued(queues), buried(queues)) == ([["a"]], [["a"]])


class Consuming:
    """An SQS whose consumer refuses again whatever is redriven, before anybody looks again."""

    def __init__(self, queues):
        self._sqs, self._queues = queues.sqs, queues

    def __getattr__(self, name):
        return getattr(self._sqs, name)

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803 - boto3's own names
        for entry in Entries:
            for each in json.loads(entry["MessageBody"])["events"]:
                body = a_message(each)
                self._sqs.send_message(QueueUrl=self._queues.dead_letter, MessageBody=body)
        return self._sqs.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)


def test_what_is_refused_again_meanwhile_is_not_redriven_for_ever(queues):
    bury(queues, "a", "b")
    result = Redrive(replace(queues, sqs=Consuming(queues)), ALL).run()
    assert result == Redriven(messages=3, matched=2, sent=2, again=2, complete=True)
    assert (queued(queues), buried(queues)) == ([["a", "b"]], [["a"], ["b"]])


class Died(BaseException):
    """The process was killed."""


class Dying:
    """An SQS whose caller is killed at one of its calls, before or after the call took effect."""

    def __init__(self, sqs, call, *, after):
        self._sqs, self._left, self._after = sqs, call, after
        self._handed = []

    def __getattr__(self, name):
        def call(**arguments):
            self._left -= 1
            if self._left < 0 or (self._left == 0 and not self._after):
                raise Died
            answer = getattr(self._sqs, name)(**arguments)
            self._handed += [message["ReceiptHandle"] for message in answer.get("Messages", [])]
            if self._left == 0:
                raise Died
            return answer

        return call

    def let_visibility_run_out(self, url):
        for handle in self._handed:
            with suppress(ClientError):  # it was deleted
                self._sqs.change_message_visibility(
                    QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0
                )


CALLS = 5  # receive, send, put back, delete, receive


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_nothing_is_lost_wherever_a_redrive_dies(queues, call, after):
    bury(queues, "a", "b", "c")
    bury_refused(queues, "d")
    wanted = Filter(events=frozenset("ad"))
    dying = Dying(queues.sqs, call, after=after)
    with pytest.raises(Died):
        Redrive(replace(queues, sqs=dying), wanted).run()
    dying.let_visibility_run_out(queues.dead_letter)
    assert {name for some in buried(queues) + queued(queues) for name in some} == set("abcd")
    assert Redrive(queues, wanted).run().complete
    assert {name for some in queued(queues) for name in some} == set("ad")
    assert {name for some in buried(queues) for name in some} == set("bc")
