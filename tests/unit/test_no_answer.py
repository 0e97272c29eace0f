"""What becomes of a record that HubSpot leaves in doubt again and again, though not others."""

from hubspot_emulator import Fault
from hubsync.core.records.outcome import Rejected, Retryable, Superseded, Written
from tests.builders import ADA, a_message, raw_event
from tests.consumer_harness import ConsumerHarness, outcomes

NO_ANSWER = Rejected(
    "NO_ANSWER", "HubSpot gave no answer 5 times, while others were written", ("phone",)
)
SILENT = Fault(kind="reset", id=ADA.id, operation="upsert", times=5)


def event(n, **properties):
    return raw_event(eventId=f"e-{n}", occurredAt=f"2026-11-21T12:00:0{n}Z", properties=properties)


def in_doubt(*rounds, faults=(SILENT,)):
    """A stage on which each round of events was sent under a lease that then ran out."""
    stage = ConsumerHarness(*faults)
    for number, events in enumerate(rounds):
        others = raw_event(eventId=f"other-{number}", id=f"other-{number}@example.com")
        stage.consume(a_message(*events), a_message(others))
        stage.wait(430)
    return stage


def test_what_was_never_answered_is_given_up_after_a_look():
    stage = in_doubt(*[[event(1, phone="1")]] * 5)
    consumed = stage.consume(a_message(event(1, phone="1")))
    assert outcomes(consumed) == [("e-1", NO_ANSWER)]
    # Its value is given up after a look; the word that the record exists is sent by its key alone.
    assert [call[0] for call in stage.calls[-2:]] == ["read", "upsert"]
    assert stage.contact() == {}
    assert stage.ledger.entry(ADA).clean


def test_what_is_pending_of_an_event_that_is_not_in_hand_is_not_given_up():
    stage = in_doubt(*[[event(1, phone="1")]] * 5)
    consumed = stage.consume(a_message(event(2, city="Graz")))
    assert outcomes(consumed) == [("e-2", Retryable("NO_ANSWER"))]
    assert "phone" in stage.ledger.entry(ADA).pending
    assert stage.ledger.entry(ADA).doubts == 5


def test_what_is_there_after_all_is_written():
    stage = in_doubt(
        *[[event(1, phone="1")]] * 5, faults=[Fault(kind="lost_reply", id=ADA.id, times=5)]
    )
    assert outcomes(stage.consume(a_message(event(1, phone="1")))) == [("e-1", Written())]
    assert stage.calls[-1][0] == "read"


def refusing(nth, code):
    """HubSpot took the record when it gave no answer, and refuses it the second time."""
    lost = Fault(kind="lost_reply", id=ADA.id, operation="upsert", times=1)
    return [lost, Fault(kind="status", status=code, operation="upsert", id=ADA.id, nth=nth)]


def test_what_is_refused_although_it_is_there_since_a_doubt_is_written():
    stage = in_doubt([event(2, phone="2")], faults=refusing(2, 413))
    consumed = stage.consume(a_message(event(1, phone="1"), event(2, phone="2")))
    assert outcomes(consumed) == [("e-1", Superseded()), ("e-2", Written())]
    assert stage.contact() == {"phone": "2"}


def test_what_is_refused_and_not_there_after_a_doubt_is_given_up():
    never = Fault(kind="reset", id=ADA.id, operation="upsert", times=1)
    stage = in_doubt([event(2, phone="2")], faults=[never, refusing(2, 413)[1]])
    consumed = stage.consume(a_message(event(1, phone="1"), event(2, phone="2")))
    ((_, first), (_, second)) = outcomes(consumed)
    assert (first, second.code) == (Written(), "TOO_LARGE")
    assert stage.contact() == {"phone": "1"}


def test_a_good_event_gets_out_beside_one_that_is_never_answered():
    poison = Fault(kind="reset", id=ADA.id, operation="upsert", property="city", value="Graz")
    both = [event(1, phone="1"), event(2, city="Graz")]
    stage = in_doubt(*[both] * 4, faults=[poison])
    consumed = stage.consume(a_message(*both))
    assert outcomes(consumed)[0] == ("e-1", Written())
    assert stage.contact() == {"phone": "1"}


def test_what_a_given_up_value_had_covered_is_sent_next():
    stage = in_doubt([event(1, phone="1")], *[[event(2, phone="2")]] * 4)
    consumed = stage.consume(a_message(event(1, phone="1"), event(2, phone="2")))
    assert outcomes(consumed) == [("e-1", Written()), ("e-2", NO_ANSWER)]
    assert stage.contact() == {"phone": "1"}


def test_an_event_that_was_not_sent_yet_waits_for_the_look_and_then_has_its_chance():
    stage = in_doubt(*[[event(1, phone="1")]] * 5)
    events = a_message(event(1, phone="1"), event(2, phone="2"))
    assert outcomes(stage.consume(events)) == [("e-1", NO_ANSWER), ("e-2", Retryable("OPEN"))]
    assert dict(outcomes(stage.consume(events)))["e-2"] == Written()
    assert stage.contact() == {"phone": "2"}


def test_a_look_that_is_refused_for_now_is_taken_again():
    throttled = Fault(kind="status", status=429, operation="read", times=1)
    stage = in_doubt(*[[event(1, phone="1")]] * 5, faults=[SILENT, throttled])
    ((_, outcome),) = outcomes(stage.consume(a_message(event(1, phone="1"))))
    assert outcome == Retryable("THROTTLED_UNNAMED")
    assert outcomes(stage.consume(a_message(event(1, phone="1")))) == [("e-1", NO_ANSWER)]


def test_a_look_that_fails_is_a_doubt_like_others_and_gives_it_up_in_the_end():
    stage = in_doubt(*[[event(1, phone="1")]] * 20, faults=[Fault(kind="reset", id=ADA.id)])
    assert [call[0] for call in stage.calls if call[2] != 200] == ["upsert"] * 5 + ["read"] * 15
    ((_, outcome),) = outcomes(stage.consume(a_message(event(1, phone="1"))))
    assert outcome.refused == {"phone": "NO_ANSWER"}


def test_after_an_outage_everything_is_sent_once_more_however_often_it_was_in_doubt():
    stage = in_doubt(*[[event(1, phone="1")]] * 8, faults=[Fault(kind="reset")])
    stage.hubspot.faults.clear()
    # HubSpot is back, and others are written before the record comes back.
    stage.consume(a_message(raw_event(eventId="other", id="bea@example.com")))
    assert outcomes(stage.consume(a_message(event(1, phone="1")))) == [("e-1", Written())]


def test_a_redriven_event_that_was_given_up_is_tried_again():
    stage = in_doubt(*[[event(1, phone="1")]] * 5)
    stage.consume(a_message(event(1, phone="1")))
    assert outcomes(stage.consume(a_message(event(1, phone="1")))) == [("e-1", Written())]
    assert outcomes(stage.consume(a_message(event(1, phone="1")))) == [("e-1", Superseded())]


def test_after_a_doubt_an_unnamed_refusal_of_several_events_refuses_none_that_is_good_alone():
    # HubSpot took the first event's value when it gave no answer, and refuses both together.
    lost = Fault(kind="lost_reply", id=ADA.id, operation="upsert", times=1)
    refused = Fault(kind="unnamed", property="phone", value="1")
    stage = in_doubt([event(1, phone="1")], faults=[lost])
    stage.hubspot.faults.extend([refused])
    consumed = stage.consume(a_message(event(1, phone="1"), event(2, city="Graz")))
    assert outcomes(consumed) == [("e-1", Written()), ("e-2", Written())]
    assert stage.contact() == {"phone": "1", "city": "Graz"}
