"""One record under a lease: what is due, and what each verdict leaves to do."""

import pytest

from hubsync.core.attempt import Attempt
from hubsync.core.batch import Route
from hubsync.core.change import ARCHIVED
from hubsync.core.ledger import Entry, Rev, acquired
from hubsync.core.reply import Reason, Vouched
from tests.builders import ADA, a_change, a_reading

E1 = a_reading("1", 1, "e-1", upsert=True)
E2 = a_reading("2", 2, "e-2", upsert=True)
E3 = a_reading("3", 3, "e-3", upsert=True)
ALIVE_1 = a_reading("false", 1, "e-1", upsert=True)
ALIVE_2 = a_reading("false", 2, "e-2", upsert=True)
UNNAMED = Reason("CONFLICT", "taken", {})


def begun(entry=None, **readings):
    """An attempt whose lease was just taken; `archived` stands for the record's own existence."""
    named = {ARCHIVED if name == "archived" else name: some for name, some in readings.items()}
    change = a_change(**named)
    entry = acquired(entry or Entry(), change, rev=Rev("r1"), lease_until=1)
    return Attempt.begin(change, entry)


def naming(*names, code="INVALID"):
    return Reason(code, "bad", dict.fromkeys(names, code))


def test_the_newest_reading_of_every_property_is_due():
    assert begun(phone=[E2, E1], city=E1).due() == {"phone": E2, "city": E1}


def test_pending_readings_of_other_events_are_due_with_those_in_hand():
    attempt = begun(Entry(pending={"city": (E1,), "phone": (E3,)}), phone=E2)
    assert attempt.due() == {"city": E1, "phone": E3}
    assert attempt.open["phone"] == (E3, E2)


def test_what_the_ledger_dominates_is_not_tried_again():
    attempt = begun(Entry(synced={"phone": E1.version}), phone=[E2, E1])
    assert attempt.open == {"phone": (E2,)}


def test_an_archive_that_is_the_newest_word_goes_alone():
    archive = a_reading("true", 2, "e-2")
    attempt = begun(phone=E1, archived=[archive, ALIVE_1])
    assert attempt.due() == {ARCHIVED: archive}
    assert attempt.route(attempt.due()) == Route("main", "0-1", "archive", "email")
    attempt.vouch(attempt.due(), Vouched(None), "t")
    assert attempt.over


def test_what_is_set_after_an_archive_is_due_next():
    attempt = begun(phone=E3, archived=[a_reading("true", 2, "e-2")])
    attempt.vouch(attempt.due(), Vouched(None), "t")
    assert attempt.due() == {"phone": E3}


def test_a_record_may_be_created_while_anything_open_came_from_an_upsert():
    update = a_reading("9", 9, "e-9")
    assert begun(phone=update).route({}).operation == "update"
    assert begun(phone=[update, E1]).route({}).operation == "upsert"
    attempt = begun(phone=[update, E1])
    attempt.vouch({"phone": E1}, Vouched(None), "t")
    assert attempt.route({}).operation == "update"


def test_a_named_property_is_dropped_and_the_next_older_reading_takes_its_place():
    attempt = begun(phone=[E2, E1], city=E2)
    attempt.refuse(attempt.due(), naming("phone"))
    assert attempt.due() == {"phone": E1, "city": E2}
    assert attempt.uncommitted(attempt.due()) == {"phone": E1}
    assert attempt.entry.pending == {"city": (E2,)}


def test_a_property_named_that_was_not_sent_blames_the_event_as_a_whole():
    attempt = begun(phone=E1, city=E1)
    attempt.refuse(attempt.due(), naming("fax"))
    assert attempt.over
    assert set(attempt.refused) == {("phone", E1.version), ("city", E1.version)}


def test_an_unnamed_refusal_of_one_event_refuses_it_whole_with_all_its_readings():
    attempt = begun(phone=[E2, E1], city=E1, archived=[ALIVE_2, ALIVE_1])
    attempt.refuse({"phone": E2, ARCHIVED: ALIVE_2}, UNNAMED)
    assert attempt.due() == {"phone": E1, "city": E1, ARCHIVED: ALIVE_1}


def test_an_unnamed_refusal_of_several_events_tries_them_apart_the_oldest_first():
    attempt = begun(phone=E3, city=E2, zip=E1, archived=[ALIVE_2, ALIVE_1])
    attempt.refuse(attempt.due(), UNNAMED)
    assert attempt.refused == {}
    assert attempt.due() == {"zip": E1}
    attempt.vouch(attempt.due(), Vouched("512"), "t")
    assert attempt.due() == {"city": E2, ARCHIVED: ALIVE_2}
    attempt.refuse(attempt.due(), UNNAMED)
    assert attempt.due() == {"phone": E3}
    assert {name for name, _ in attempt.refused} == {"city", ARCHIVED}


def test_an_upsert_refused_in_every_property_leaves_no_empty_record_behind():
    attempt = begun(phone=E1, city=E1, archived=ALIVE_1)
    attempt.refuse(attempt.due(), naming("phone", "city"))
    assert attempt.over
    assert attempt.refused[ARCHIVED, ALIVE_1.version].code == "INVALID"


def test_an_upsert_with_one_good_property_left_still_makes_its_record():
    attempt = begun(phone=E1, city=E1, archived=ALIVE_1)
    attempt.refuse(attempt.due(), naming("phone"))
    assert attempt.due() == {"city": E1, ARCHIVED: ALIVE_1}


def test_an_upsert_vouched_for_settles_the_word_on_existence_too():
    attempt = begun(phone=E1, archived=ALIVE_1)
    attempt.vouch({"phone": E1}, Vouched("512"), "t")
    assert attempt.over
    assert attempt.entry.synced == {"phone": E1.version, ARCHIVED: ALIVE_1.version}


def test_what_hubspot_vouched_for_settles_what_is_older():
    attempt = begun(phone=[E3, E2, E1], city=E1)
    attempt.vouch({"phone": E2}, Vouched("512"), "t")
    assert attempt.open == {"phone": (E3,), "city": (E1,)}
    assert attempt.vouched == [{"phone": E2}]
    assert (attempt.entry.hubspot_id, attempt.entry.trace_id) == ("512", "t")


def test_a_further_rounds_readings_are_committed_beneath_the_newer_ones():
    attempt = begun(phone=[E3, E2])
    attempt.refuse(attempt.due(), naming("phone"))
    attempt.commit(attempt.due(), rev=Rev("r2"))
    assert (attempt.entry.rev, attempt.entry.pending) == ("r2", {"phone": (E2,)})
    assert attempt.uncommitted(attempt.due()) == {}


@pytest.mark.parametrize("events", [[], [("changes", "e-2")]])
def test_events_given_up_leave_the_others_open(events):
    attempt = begun(phone=[E2, E1], city=E2)
    attempt.refuse_events(events, UNNAMED)
    kept = {"phone": (E1,)} if events else {"phone": (E2, E1), "city": (E2,)}
    assert attempt.open == kept


def test_what_is_halted_or_in_doubt_is_over_though_not_settled():
    halted, doubtful = begun(phone=E1), begun(phone=E1)
    halted.halt("LOCKED", 2.0)
    doubtful.doubt("HTTP_502")
    assert (halted.over, halted.in_doubt, halted.retry_after_seconds) == (True, False, 2.0)
    assert (doubtful.over, doubtful.in_doubt) == (True, True)
    assert halted.open == doubtful.open == {"phone": (E1,)}


def test_a_release_keeps_what_is_not_settled_for_the_next_holder():
    attempt = begun(phone=E1)
    attempt.halt("LOCKED")
    attempt.release(rev=Rev("r9"), now=5)
    assert attempt.entry == Entry(Rev("r9"), pending={"phone": (E1,)}, due_at=5)
    assert attempt.record == ADA


def test_events_given_up_together_leave_nothing_of_a_property_that_all_of_them_set():
    attempt = begun(phone=[E3, E2, E1], city=E2)
    attempt.refuse_events([E2.version.event, E3.version.event], UNNAMED)
    assert attempt.open == {"phone": (E1,)}
    assert attempt.refused == dict.fromkeys(
        [("phone", E2.version), ("phone", E3.version), ("city", E2.version)], UNNAMED
    )
