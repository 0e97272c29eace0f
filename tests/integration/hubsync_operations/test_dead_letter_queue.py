"""Looking through dead letters and redriving them, over a real SQS client."""

import json
import uuid
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from hubsync.core.kept_payload import Kept, Place, Unmade, letter, read
from hubsync.core.message import Envelope
from hubsync.core.payloads.source import load_sources
from hubsync.edge.sqs import keep
from hubsync.errors import Fault
from hubsync_local.template.reader import read_template
from hubsync_operations.dead_letter import RECEIVES_EXHAUSTED, Filter
from hubsync_operations.dead_letter_queue import Queues, Redrive, Redriven, visit
from hubsync_operations.remap import Remapped, remap
from tests.builders import a_message, raw_event

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
    return raw_event(eventId=name, id=f"{name}@example.com")


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


def no_sources(kept):
    return Remapped(still=kept)


def redrive(queues, wanted, *, remap=no_sources, **more):
    return Redrive(queues, wanted, remap, **more)


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
    result = redrive(queues, ALL).run()
    assert result == Redriven(messages=2, matched=1, sent=1, gone=1, complete=True)
    assert (queued(queues), buried(queues)) == ([["b"]], [["a"]])


KEPT = Kept(
    Envelope.model_validate(
        {
            "v": 1,
            "account": "main",
            "source": "shop",
            "receivedAt": "2026-11-21T12:00:00Z",
            "requestId": "r-1",
        }
    ),
    tuple(
        Unmade(Place(0, n), (Fault("/change/0/fields/id", "is null"),), f"e#{n}") for n in (0, 1)
    ),
    {"x-topic": "t"},
    b'{"items": [{"key": "a"}, {"key": null}]}',
)


def bury_payload(queues, kept=KEPT):
    keep(
        queues.sqs,
        queues.dead_letter,
        kept,
        letter(kept),
        rejected_at="2026-11-21T12:00:00Z",
    )


def of_source(tmp_path, text=""):
    """Return what maps payloads anew by a source's file, mended so far."""
    path = tmp_path / "shop.toml"
    path.write_text(f"""
        account = "main"
        invalid = "ignore"
        [signature]
        scheme = "shopify"
        secret = "webhooks/shop"
        [[change]]
        for_each = "body.items"
        {text}
        object_type = "contacts"
        id_property = "external_id"
        [change.fields]
        id = "item.key"
        event_id = "'e'"
        occurred_at = "'2026-11-21T12:00:00Z'"
    """)
    sources = load_sources(tmp_path)
    return partial(remap, sources=sources, object_types={}, now=1_795_262_400)


def test_a_kept_payload_is_one_letter_that_is_found_by_its_events(queues):
    bury_payload(queues)
    found = []
    visit(queues, Filter(events=frozenset({"e#1"})), found.append)
    visit(queues, Filter(requests=frozenset({"r-1"})), found.append)
    assert [(each.code, each.source) for each in found] == [("INVALID_PAYLOAD", "shop")] * 2
    assert found[0].reason == "/change/0/fields/id is null"
    assert not found[0].is_gone


def test_of_a_kept_payload_what_can_be_made_now_is_sent_and_the_rest_is_kept(queues, tmp_path):
    bury_payload(queues)
    result = redrive(queues, ALL, remap=of_source(tmp_path)).run()
    assert (result.sent, result.made, result.failed) == (1, 1, 1)
    assert [each.reason for each in result.failures] == [
        "/change/0/fields/id element 1: is null, or not there"
    ]
    assert queued(queues) == [["e#0"]]
    (left,) = messages(queues, queues.dead_letter)
    kept = read(left["Body"])
    assert [each.place for each in kept.unmade] == [Place(0, 1)]
    said = {name: each["StringValue"] for name, each in left["MessageAttributes"].items()}
    assert said["reason_message"] == "/change/0/fields/id element 1: is null, or not there"
    assert said["reason_code"] == "INVALID_PAYLOAD"


def test_a_payload_that_fails_whole_once_more_stays_as_it_was(queues, tmp_path):
    kept = KEPT._replace(unmade=KEPT.unmade[1:])
    bury_payload(queues, kept)
    for remap_anew in (of_source(tmp_path), no_sources):
        result = redrive(queues, ALL, remap=remap_anew).run()
        assert (result.sent, result.made, result.failed) == (0, 0, 1)
    (left,) = messages(queues, queues.dead_letter)
    assert left["Body"] == letter(kept)


def test_a_payload_that_no_change_is_about_any_more_is_let_go(queues, tmp_path):
    bury_payload(queues)
    result = redrive(queues, ALL, remap=of_source(tmp_path, 'when = "item.key == `7`"')).run()
    assert (result.sent, result.made, result.failed, result.unwanted) == (1, 0, 0, 1)
    assert (messages(queues, queues.dead_letter), queued(queues)) == ([], [])


def test_a_dry_run_tells_what_would_be_made_of_kept_payloads(queues, tmp_path):
    bury_payload(queues)
    result = redrive(queues, ALL, remap=of_source(tmp_path), dry_run=True).run()
    assert (result.sent, result.made, result.failed) == (0, 1, 1)
    assert len(messages(queues, queues.dead_letter)) == 1


def test_a_payload_that_was_not_kept_cannot_be_redriven(queues, tmp_path):
    bury_payload(queues, KEPT._replace(body=None, headers={}))
    result = redrive(queues, ALL, remap=of_source(tmp_path)).run()
    assert (result.matched, result.gone) == (0, 1)


def test_a_redrive_goes_on_beyond_what_one_look_can_hold(queues):
    bury_refused(queues, *(f"r{n:02}" for n in range(23)))
    result = redrive(replace(queues, held_max=10), ALL).run()
    assert (result.sent, result.complete, buried(queues)) == (23, True, [])


def test_all_are_redriven_as_new_messages_of_their_account(queues):
    bury_refused(queues, "a", "b")
    bury(queues, "c", "d")
    result = redrive(queues, ALL).run()
    assert result == Redriven(messages=3, matched=4, sent=4, complete=True)
    assert (queued(queues), buried(queues)) == ([["a"], ["b"], ["c", "d"]], [])
    sent = messages(queues, queues.change)
    assert {json.loads(message["Body"])["tries"] for message in sent} == {0}
    assert [message.get("MessageAttributes") for message in sent] == [None] * 3


def test_what_a_filter_does_not_take_stays(queues):
    bury_refused(queues, "a", "b")
    bury(queues, "c")
    result = redrive(queues, Filter(reasons=frozenset({"CONFLICT"}))).run()
    assert result == Redriven(messages=3, matched=2, sent=2, complete=True)
    assert (queued(queues), buried(queues)) == ([["a"], ["b"]], [["c"]])


def test_of_a_packed_message_the_rest_is_put_back(queues):
    bury(queues, "a", "b", "c", note="kept")
    result = redrive(queues, Filter(events=frozenset({"b"}))).run()
    assert (result.matched, result.sent, result.complete) == (1, 1, True)
    assert (queued(queues), buried(queues)) == ([["b"]], [["a", "c"]])
    (kept,) = messages(queues, queues.dead_letter)
    assert json.loads(kept["Body"])["tries"] == 7
    assert kept["MessageAttributes"]["note"]["StringValue"] == "kept"


def test_a_limit_counts_events(queues):
    bury(queues, "a", "b", "c")
    result = redrive(queues, ALL, limit=2).run()
    assert (result.matched, result.sent, result.complete) == (2, 2, True)
    assert (queued(queues), buried(queues)) == ([["a", "b"]], [["c"]])


def test_a_dry_run_moves_nothing(queues):
    bury_refused(queues, "a", "b")
    result = redrive(queues, ALL, dry_run=True).run()
    assert result == Redriven(messages=2, matched=2, complete=True)
    assert (queued(queues), buried(queues)) == ([], [["a"], ["b"]])


def test_what_is_no_message_is_redriven_as_it_is(queues):
    queues.sqs.send_message(QueueUrl=queues.dead_letter, MessageBody="no JSON")
    assert redrive(queues, ALL).run().sent == 1
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
    result = redrive(replace(queues, sqs=sqs), Filter(events=frozenset({"a"}))).run()
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
    result = redrive(replace(queues, sqs=Keeping(queues.sqs)), ALL).run()
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
    result = redrive(replace(queues, sqs=Consuming(queues)), ALL).run()
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
        redrive(replace(queues, sqs=dying), wanted).run()
    dying.let_visibility_run_out(queues.dead_letter)
    assert {name for some in buried(queues) + queued(queues) for name in some} == set("abcd")
    assert redrive(queues, wanted).run().complete
    assert {name for some in queued(queues) for name in some} == set("ad")
    assert {name for some in buried(queues) for name in some} == set("bc")
