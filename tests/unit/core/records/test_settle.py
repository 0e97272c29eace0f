"""What a reply means for the records of its batch: every kind of answer, and whom it blames."""

import pytest

from hubsync.core.change import ARCHIVED
from hubsync.core.hubspot.batch import write_input
from hubsync.core.hubspot.reply import (
    Ambiguous,
    Answered,
    BatchRefused,
    Confirmed,
    NotApplied,
    NotFound,
    Reason,
    Refused,
    Taken,
    TooLarge,
)
from hubsync.core.records.entry import Entry, Rev, acquired
from hubsync.core.records.leased_record import LeasedRecord
from hubsync.core.records.settle import FollowUp, blame, settle
from tests.builders import ADA, a_change, a_reading

UNNAMED = Reason("VALIDATION_ERROR", "no", {})


def sent(*names, **readings):
    """Records of these names under a lease, each with the input that was sent for it."""
    readings = readings or {"phone": a_reading("1")}
    return [a_sent(name, **readings) for name in names]


def a_sent(name, **readings):
    record = ADA._replace(id=f"{name}@example.com")
    change = a_change(record, **readings)
    entry = acquired(Entry(), change, rev=Rev("r"), lease_until=1)
    leased = LeasedRecord.begin(change, entry)
    return leased, write_input(record, leased.due())


def leased_records(pairs):
    return [leased for leased, _ in pairs]


def answered(pairs, *verdicts):
    traced = zip(pairs, verdicts, strict=True)
    return Answered({item.trace_id: v for (_, item), v in traced if v is not None})


def faulty(name, code="PROPERTY_DOESNT_EXIST"):
    return Reason(code, "no", {name: code})


def test_each_input_gets_its_own_verdict():
    pairs = sent("ada", "bea")
    reply = answered(pairs, Confirmed("1"), Refused(UNNAMED))
    assert settle(pairs, reply) == FollowUp()
    ada, bea = leased_records(pairs)
    assert ada.confirmed
    assert bea.refused
    assert ada.over
    assert bea.over


def test_what_is_left_of_a_record_is_sent_again():
    pairs = sent("ada", phone=a_reading("1"), city=a_reading("Graz"))
    after = settle(pairs, answered(pairs, Refused(faulty("phone"))))
    assert after == FollowUp(again=leased_records(pairs))
    assert list(pairs[0][0].due()) == ["city"]


def test_an_unmentioned_input_is_sent_alone_and_then_read_back():
    pairs = sent("ada", "bea")
    ada, _ = leased_records(pairs)
    assert settle(pairs, answered(pairs, None, Confirmed("2"))) == FollowUp(groups=[[ada]])
    assert settle(pairs[:1], Answered({})) == FollowUp(read_back=pairs[:1])
    assert not ada.confirmed


def test_a_record_not_found_waits_for_whoever_knows_how_long():
    pairs = sent("ada")
    after = settle(pairs, answered(pairs, NotFound(UNNAMED)))
    assert after == FollowUp(missed=[(pairs[0][0], UNNAMED)])


def test_a_required_property_that_was_not_sent_is_waited_for_as_a_record_is():
    pairs = sent("ada")
    required = faulty("city", "MISSING_REQUIRED_PROPERTY")
    after = settle(pairs, answered(pairs, Refused(required)))
    assert after == FollowUp(missed=[(pairs[0][0], required)])
    assert not pairs[0][0].refused


def test_a_batch_that_is_halved_is_remembered_by_its_records():
    pairs = sent("ada", "bea")
    settle(pairs, BatchRefused(UNNAMED))
    assert [leased.entry.split for leased, _ in pairs] == [1, 1]


def test_a_whole_refusal_that_names_nobody_is_searched_by_halves():
    pairs = sent("a", "b", "c", "d", "e")
    a, b, c, d, e = leased_records(pairs)
    assert settle(pairs, BatchRefused(UNNAMED)) == FollowUp(groups=[[a, b, c], [d, e]])
    assert not any(leased.refused for leased in (a, b, c, d, e))


def test_the_last_one_standing_is_the_guilty_one():
    pairs = sent("ada")
    assert settle(pairs, BatchRefused(UNNAMED)) == FollowUp()
    assert pairs[0][0].refused == {("phone", a_reading().version): UNNAMED}


def test_inputs_named_by_their_id_are_tried_apart_from_the_others():
    pairs = sent("ada", "bea", "cy")
    ada, bea, cy = leased_records(pairs)
    reply = BatchRefused(UNNAMED, frozenset({"bea@example.com", "nobody"}))
    assert settle(pairs, reply) == FollowUp(groups=[[ada, cy], [bea]])


def test_inputs_with_the_named_property_are_tried_apart_from_the_others():
    pairs = [*sent("ada"), *sent("bea", seats=a_reading("many"))]
    ada, bea = leased_records(pairs)
    reply = BatchRefused(faulty("seats", "INVALID_INTEGER"))
    assert settle(pairs, reply) == FollowUp(groups=[[ada], [bea]])


def test_if_all_have_the_named_property_only_halves_tell_whose_value_is_bad():
    pairs = sent("ada", "bea")
    ada, bea = leased_records(pairs)
    reply = BatchRefused(faulty("phone", "INVALID_INTEGER"))
    assert settle(pairs, reply) == FollowUp(groups=[[ada], [bea]])


@pytest.mark.parametrize("code", ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"])
def test_a_fault_of_the_property_itself_costs_every_input_that_property_at_once(code):
    pairs = [*sent("ada", "bea", fax=a_reading("1"), phone=a_reading("2")), *sent("cy")]
    assert settle(pairs, BatchRefused(faulty("fax", code))) == FollowUp(again=leased_records(pairs))
    assert [list(leased.due()) for leased in leased_records(pairs)] == [["phone"]] * 3
    assert [len(leased.refused) for leased in leased_records(pairs)] == [1, 1, 0]


@pytest.mark.parametrize(
    "code",
    ["NON_UNIQUE_ID_PROPERTY", "UNKNOWN_OBJECT_TYPE", "MISSING_SCOPES", "HTTP_404", "HTTP_405"],
)
def test_a_fault_of_the_request_is_every_inputs_and_nobody_is_searched_for(code):
    pairs = sent("ada", "bea")
    assert settle(pairs, BatchRefused(Reason(code, "no", {}))) == FollowUp()
    assert all(leased.refused for leased in leased_records(pairs))


def test_a_whole_answer_of_not_found_to_a_single_input_is_about_its_record():
    pairs = sent("ada")
    reason = Reason("OBJECT_NOT_FOUND", "no", {})
    assert settle(pairs, BatchRefused(reason)) == FollowUp(missed=[(pairs[0][0], reason)])
    assert pairs[0][0].refused == {}


def test_a_body_too_large_is_halved_until_one_input_is_guilty():
    pairs = sent("ada", "bea", "cy")
    ada, bea, cy = leased_records(pairs)
    assert settle(pairs, TooLarge(UNNAMED)) == FollowUp(groups=[[ada, bea], [cy]])
    assert settle(pairs[:1], TooLarge(UNNAMED)) == FollowUp()
    assert ada.refused


def test_what_was_not_applied_waits_with_its_leases_given_back():
    pairs = sent("ada", "bea")
    assert settle(pairs, NotApplied("LOCKED", 2.0)) == FollowUp()
    assert [(a.halted, a.retry_after_seconds, a.in_doubt) for a in leased_records(pairs)] == [
        ("LOCKED", 2.0, False)
    ] * 2


def test_what_may_have_been_applied_leaves_its_leases_to_run_out():
    pairs = sent("ada", "bea")
    assert settle(pairs, Ambiguous("HTTP_502")) == FollowUp()
    assert [(a.halted, a.in_doubt) for a in leased_records(pairs)] == [("HTTP_502", True)] * 2


def test_several_events_of_one_record_are_tried_apart_before_one_is_blamed():
    old, new = a_reading("1", 1, "e-1"), a_reading("Graz", 2, "e-2")
    pairs = sent("ada", phone=old, city=new)
    assert settle(pairs, BatchRefused(UNNAMED)) == FollowUp(again=leased_records(pairs))
    assert pairs[0][0].due() == {"phone": old}


def test_an_archive_left_out_is_not_taken_for_done():
    pairs = [a_sent("ada", **{ARCHIVED: a_reading("true")})]
    assert settle(pairs, Answered({})) == FollowUp(groups=[leased_records(pairs)])
    assert not pairs[0][0].over


def a_taken(**said):
    reason = faulty("email", "UNIQUE_VALUE_CONFLICT")
    return BatchRefused(reason, taken=Taken("email", **said))


def test_the_input_that_brings_a_taken_value_loses_it_at_once_and_the_others_go_on():
    pairs = [*sent("ada", email=a_reading("X@y.z"), city=a_reading("Graz")), *sent("bea")]
    ada, bea = leased_records(pairs)
    assert settle(pairs, a_taken(value="x@y.z")) == FollowUp(again=[ada, bea])
    assert list(ada.due()) == ["city"]
    assert not bea.refused


@pytest.mark.parametrize("said", [{"value": "x@y.z"}, {"existing_id": "1999"}])
def test_of_several_inputs_that_may_be_guilty_a_look_tells(said):
    pairs = sent("ada", "bea", email=a_reading("x@y.z"))
    reply = a_taken(**said)
    assert settle(pairs, reply) == FollowUp(taken=[(pairs, reply)])


def test_after_the_look_the_guilty_lose_the_value_and_without_any_halves_tell():
    pairs = sent("ada", "bea", email=a_reading("x@y.z"), city=a_reading("Graz"))
    ada, bea = leased_records(pairs)
    assert blame(pairs, a_taken(), {ada.record}) == FollowUp(again=[ada, bea])
    assert (list(ada.due()), list(bea.due())) == (["city"], ["email", "city"])
    more = sent("cy", "dan", email=a_reading("x@y.z"))
    assert blame(more, a_taken(), set()) == FollowUp(
        groups=[[each] for each in leased_records(more)]
    )


def test_records_that_an_update_did_not_find_wait_and_the_others_go_on_in_one_call():
    pairs = sent("ada", "bea", "cy")
    ada, bea, cy = leased_records(pairs)
    reason = Reason("OBJECT_NOT_FOUND", "no", {})
    reply = BatchRefused(reason, frozenset({"bea@example.com"}))
    assert settle(pairs, reply) == FollowUp(again=[ada, cy], missed=[(bea, reason)])


def test_a_property_that_was_never_taken_is_the_sensitive_one():
    pairs = [*sent("ada", "bea"), *sent("cy", phone=a_reading("1"), ssn=a_reading("7"))]
    ada, bea, cy = leased_records(pairs)
    reply = BatchRefused(Reason("MISSING_SENSITIVE_SCOPES", "no", {}))
    assert settle(pairs, reply, written={"phone"}) == FollowUp(again=[ada, bea, cy])
    assert [name for name, _ in cy.refused] == ["ssn"]


def test_where_nothing_was_taken_before_halves_tell_which_input_is_sensitive():
    pairs = sent("ada", "bea")
    ada, bea = leased_records(pairs)
    reply = BatchRefused(Reason("MISSING_SENSITIVE_SCOPES", "no", {}))
    more = [*pairs, *sent("cy", ssn=a_reading("7"))]
    after = settle(more, reply)
    assert after == FollowUp(groups=[[ada, bea], leased_records(more)[2:]])
