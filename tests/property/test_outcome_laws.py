"""Whatever HubSpot answers, every event has one fate, and each fate its consequence."""

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hubspot_emulator import Answer
from hubsync.core.hubspot.reply import (
    Ambiguous,
    Answered,
    BatchRefused,
    Confirmed,
    NotApplied,
    NotFound,
    Reason,
    Refused,
    TooLarge,
)
from tests.builders import a_message, raw_event
from tests.consumer_harness import ConsumerHarness, outcomes
from tests.strategies import JSON, LAW

NAMES = ["firstname", "phone", "city"]
REASONS = st.builds(
    Reason,
    st.sampled_from(["INVALID", "PROPERTY_DOESNT_EXIST", "OBJECT_NOT_FOUND", "MISSING_SCOPES"]),
    st.just("no"),
    st.dictionaries(st.sampled_from([*NAMES, "other"]), st.just("INVALID"), max_size=2),
)
VERDICTS = st.one_of(
    st.none(),
    st.builds(Confirmed, st.sampled_from([None, "512"])),
    st.builds(Refused, REASONS),
    st.builds(NotFound, REASONS),
)
REPLIES = st.one_of(
    st.lists(VERDICTS, min_size=1, max_size=5),  # turned into what is answered of each input
    st.builds(BatchRefused, REASONS, st.frozensets(st.sampled_from(["c1@example.com"]))),
    st.builds(TooLarge, REASONS),
    st.builds(NotApplied, st.just("LOCKED"), st.none() | st.floats(0, 1e9)),
    st.builds(Ambiguous, st.just("HTTP_502")),
)
EVENTS = st.lists(
    st.builds(
        raw_event,
        eventId=st.sampled_from("abcdef"),
        id=st.integers(0, 3).map(lambda n: f"c{n}@example.com"),
        operation=st.sampled_from(["upsert", "archive"]),
        occurredAt=st.integers(0, 3).map(lambda n: f"2026-11-21T11:59:0{n}Z"),
        properties=st.dictionaries(st.sampled_from(NAMES), st.sampled_from("12"), min_size=1),
    ),
    min_size=1,
    max_size=6,
)


def answering(replies):
    """A port that gives these replies, over and over."""
    calls = 0

    async def write(batch):
        nonlocal calls
        calls += 1
        assert calls < 500, "the consumer does not come to an end"
        reply = replies[calls % len(replies)]
        if not isinstance(reply, list):
            return reply
        pairs = zip(batch.inputs, reply * len(batch.inputs), strict=False)
        return Answered({item.trace_id: verdict for item, verdict in pairs if verdict})

    return write


@LAW
@given(st.lists(EVENTS, min_size=1, max_size=3), st.lists(REPLIES, min_size=1, max_size=5))
def test_every_event_has_a_fate_for_every_reply(messages, replies):
    stage = ConsumerHarness()
    stage.write = answering(replies)
    consumed = stage.consume(*(a_message(*events) for events in messages))
    told = Counter(type(outcome).__name__ for _, outcome in outcomes(consumed))
    assert told.total() == sum(map(len, messages))
    assert told["Rejected"] >= len(stage.queue.letters) >= bool(told["Rejected"])
    assert open_again(stage, consumed, messages) == told["Retryable"]


def open_again(stage, consumed, messages):
    """How many events come back, in messages of their own or in one that was returned whole."""
    returned = [len(messages[int(id_[1:])]) for id_ in consumed.returned]
    resent = [len(json.loads(resend.body)["events"]) for resend in stage.queue.resent]
    return sum(returned) + sum(resent)


@LAW
@given(st.lists(EVENTS, min_size=1, max_size=2), st.lists(REPLIES, max_size=4))
def test_what_comes_back_is_settled_once_hubspot_works_again(messages, replies):
    stage = ConsumerHarness()
    bodies = [a_message(*events) for events in messages]
    stage.write = answering(replies or [NotApplied("LOCKED")])
    stage.consume(*bodies)
    stage.write = None
    stage.wait(430)  # until every lease has run out
    told = Counter(type(outcome).__name__ for _, outcome in outcomes(stage.consume(*bodies)))
    assert told["Retryable"] == 0
    assert all(stage.ledger.entry(record).clean for record in stage.ledger.items)


class OfOneAnswer:
    """Something in HubSpot's place that says the same to whatever it is asked."""

    def __init__(self, answer):
        self._answer = answer

    def handle(self, _request):
        return self._answer


@LAW
@given(
    st.integers(100, 599) | st.sampled_from([200, 207, 400, 404, 409]),
    st.binary() | JSON.map(lambda value: json.dumps(value).encode()),
)
def test_no_answer_of_any_kind_raises(status, body):
    stage = ConsumerHarness()
    stage.hubspot = OfOneAnswer(Answer(status, {}, body))
    consumed = stage.consume(a_message(raw_event(), raw_event(eventId="e-2", id="c1@example.com")))
    assert len(outcomes(consumed)) == 2
