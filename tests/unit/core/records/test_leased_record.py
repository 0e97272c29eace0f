"""One record under a lease: what is due, and what each verdict leaves to do."""

from hubsync.core.change import ARCHIVED
from hubsync.core.hubspot.batch import Route
from hubsync.core.hubspot.reply import Confirmed, Reason
from hubsync.core.records.entry import Entry, Rev, acquired
from hubsync.core.records.leased_record import LeasedRecord
from tests.builders import ADA, a_change, a_reading

E1 = a_reading("1", 1, "e-1", upsert=True)
E2 = a_reading("2", 2, "e-2", upsert=True)
E3 = a_reading("3", 3, "e-3", upsert=True)
ALIVE_1 = a_reading("false", 1, "e-1", upsert=True)
ALIVE_2 = a_reading("false", 2, "e-2", upsert=True)
UNNAMED = Reason("CONFLICT", "taken", {})


def begun(entry=None, record=ADA, **readings):
    """An attempt whose lease was just taken; `archived` stands for the record's own existence."""
    named = {ARCHIVED if name == "archived" else name: some for name, some in readings.items()}
    change = a_change(record, **named)
    entry = acquired(entry or Entry(), change, rev=Rev("r1"), lease_until=1)
    return LeasedRecord.begin(change, entry)


def naming(*names, code="INVALID"):
    return Reason(code, "bad", dict.fromkeys(names, code))


def test_the_newest_reading_of_every_property_is_due():
    assert begun(phone=[E2, E1], city=E1).due() == {"phone": E2, "city": E1}


def test_pending_readings_of_other_events_are_due_with_those_in_hand():
    leased = begun(Entry(pending={"city": (E1,), "phone": (E3,)}), phone=E2)
    assert leased.due() == {"city": E1, "phone": E3}
    assert leased.open["phone"] == (E3, E2)


def test_what_the_ledger_dominates_is_not_tried_again():
    leased = begun(Entry(synced={"phone": E1.version}), phone=[E2, E1])
    assert leased.open == {"phone": (E2,)}


def test_an_archive_that_is_the_newest_word_goes_alone():
    archive = a_reading("true", 2, "e-2")
    leased = begun(phone=E1, archived=[archive, ALIVE_1])
    assert leased.due() == {ARCHIVED: archive}
    assert leased.route(leased.due()) == Route("main", "0-1", "archive", "email")
    leased.confirm(leased.due(), Confirmed(None), "t")
    assert leased.over


def test_what_is_set_after_an_archive_is_due_next():
    leased = begun(phone=E3, archived=[a_reading("true", 2, "e-2")])
    leased.confirm(leased.due(), Confirmed(None), "t")
    assert leased.due() == {"phone": E3}


def test_the_call_is_an_upsert_while_a_word_on_existence_is_open():
    leased = begun(record=ADA._replace(id_property="external_id"), phone=[E2, E1], archived=ALIVE_1)
    assert leased.route(leased.due()).operation == "upsert"
    leased.confirm({"phone": E1, ARCHIVED: ALIVE_1}, Confirmed(None), "t")
    assert leased.route(leased.due()).operation == "update"


def test_a_named_property_is_dropped_and_its_older_reading_waits_for_the_rest():
    leased = begun(phone=[E2, E1], city=E2)
    leased.refuse(leased.due(), naming("phone"))
    assert leased.due() == {"city": E2}
    assert leased.entry.pending == {"city": (E2,)}
    leased.confirm(leased.due(), Confirmed("512"), "t")
    assert leased.due() == {"phone": E1}
    assert leased.is_behind()


def test_a_fault_of_the_property_itself_refuses_all_its_readings_at_once():
    leased = begun(phone=[E3, E2, E1], city=E1)
    leased.refuse(leased.due(), naming("phone", code="PROPERTY_DOESNT_EXIST"))
    assert leased.open == {"city": (E1,)}


def test_refused_values_beneath_each_other_cost_three_rounds_an_invocation():
    readings = [a_reading(str(n), n, f"e-{n}") for n in range(9, 0, -1)]
    leased = begun(phone=readings)
    rounds = 0
    while not leased.over:
        leased.refuse(leased.due(), naming("phone"))
        rounds += 1
    assert (rounds, leased.halted, len(leased.open["phone"])) == (4, "MORE_REFUSED", 5)


def test_a_property_named_that_was_not_sent_blames_the_event_as_a_whole():
    leased = begun(phone=E1, city=E1)
    leased.refuse(leased.due(), naming("fax"))
    assert leased.over
    assert set(leased.refused) == {("phone", E1.version), ("city", E1.version)}


def test_an_unnamed_refusal_of_one_event_refuses_it_whole_with_all_its_readings():
    leased = begun(phone=[E2, E1], city=E1, archived=[ALIVE_2, ALIVE_1])
    leased.refuse({"phone": E2, ARCHIVED: ALIVE_2}, UNNAMED)
    assert leased.open == {"phone": (E1,), "city": (E1,), ARCHIVED: (ALIVE_2, ALIVE_1)}


def test_an_unnamed_refusal_of_several_events_tries_them_apart_the_oldest_first():
    leased = begun(phone=E3, city=E2, zip=E1)
    leased.refuse(leased.due(), UNNAMED)
    assert (leased.refused, leased.entry.apart) == ({}, True)
    assert leased.due() == {"zip": E1}
    leased.confirm(leased.due(), Confirmed("512"), "t")
    assert leased.due() == {"city": E2}
    leased.refuse(leased.due(), UNNAMED)
    assert leased.due() == {"phone": E3}
    assert {name for name, _ in leased.refused} == {"city"}


def test_events_stay_apart_until_the_record_is_clean():
    leased = begun(phone=E3, city=E2)
    leased.refuse(leased.due(), UNNAMED)
    leased.halt("OUT_OF_TIME")
    leased.release(rev=Rev("r2"), now=5)
    assert leased.entry.apart
    again = begun(leased.entry, phone=E3, city=E2)
    assert again.due() == {"city": E2}
    for _ in range(2):
        again.confirm(again.due(), Confirmed("512"), "t")
    again.release(rev=Rev("r3"), now=6)
    assert not again.entry.apart


def test_an_upsert_refused_in_every_property_is_sent_with_its_key_alone():
    leased = begun(phone=E1, city=E1, archived=ALIVE_1)
    leased.refuse(leased.due(), naming("phone", "city"))
    assert leased.due() == {ARCHIVED: ALIVE_1}
    leased.refuse(leased.due(), UNNAMED)
    assert leased.over
    assert leased.refused[ARCHIVED, ALIVE_1.version] == UNNAMED


def test_of_events_tried_apart_a_refused_one_holds_up_nothing_newer():
    leased = begun(phone=[E3, E2], city=E2, archived=ALIVE_2)
    leased.refuse(leased.due(), UNNAMED)
    leased.refuse(leased.due(), UNNAMED)
    assert leased.due() == {"phone": E3, ARCHIVED: ALIVE_2}


def test_a_refusal_that_names_the_key_is_about_all_of_the_record():
    leased = begun(phone=[E2, E1], archived=[ALIVE_2, ALIVE_1])
    leased.refuse(leased.due(), naming("email"))
    assert leased.over
    assert len(leased.refused) == 4


def test_a_missing_record_is_waited_for_by_events_that_may_still_wait():
    leased = begun(phone=[E2, E1], city=E2)
    leased.miss(UNNAMED, expired=lambda event: event == E2.version.event)
    assert leased.open == {"phone": (E1,)}
    assert leased.halted == "NOT_FOUND"


def test_an_archive_is_not_refused_for_what_a_newer_upsert_of_its_record_lacks():
    archive = a_reading("true", 1, "e-0")
    leased = begun(phone=E2, archived=[ALIVE_2, archive])
    leased.miss(naming("firstname", code="MISSING_REQUIRED_PROPERTY"), expired=lambda _event: True)
    assert leased.open == {ARCHIVED: (archive,)}
    assert {version.event for _, version in leased.refused} == {E2.version.event}


def test_an_archive_older_than_a_written_value_waits_and_holds_up_nothing_newer():
    entry = Entry(synced={"city": E2.version})
    archive = a_reading("true", 1, "e-0")
    change = a_change(**{ARCHIVED: archive, "phone": E3})
    for expired, due in ((False, {"phone": E3}), (True, {ARCHIVED: archive})):
        leased = LeasedRecord.begin(change, entry, expired=lambda _event, waited=expired: waited)
        assert leased.due() == due
    waiting = LeasedRecord.begin(
        a_change(**{ARCHIVED: archive}), entry, expired=lambda _event: False
    )
    assert (waiting.over, waiting.halted) == (True, "NOT_FOUND")


def test_a_definite_answer_ends_doubts_before_the_next_round_is_sent():
    doubtful = Entry(doubts=2, pending={"phone": (E1,)})
    leased = begun(doubtful, city=[E3, E2])
    leased.refuse(leased.due(), naming("city"))
    assert (leased.entry.doubts, leased.is_behind()) == (0, True)
    leased.commit(rev=Rev("r2"), now=5)
    assert not leased.is_behind()


def test_an_upsert_with_one_good_property_left_still_makes_its_record():
    leased = begun(phone=E1, city=E1, archived=ALIVE_1)
    leased.refuse(leased.due(), naming("phone"))
    assert leased.due() == {"city": E1, ARCHIVED: ALIVE_1}


def test_any_upsert_vouched_for_settles_the_word_on_existence_whatever_event_it_came_from():
    leased = begun(Entry(apart=True), phone=E2, city=E1, archived=ALIVE_2)
    assert leased.due() == {"city": E1, ARCHIVED: ALIVE_2}
    leased.confirm(leased.due(), Confirmed("512"), "t")
    assert leased.entry.synced == {"city": E1.version, ARCHIVED: ALIVE_2.version}
    assert leased.open == {"phone": (E2,)}


def test_what_hubspot_vouched_for_settles_what_is_older():
    leased = begun(phone=[E3, E2, E1], city=E1)
    leased.confirm({"phone": E2}, Confirmed("512"), "t")
    assert leased.open == {"phone": (E3,), "city": (E1,)}
    assert leased.confirmed == [{"phone": E2}]
    assert (leased.entry.hubspot_id, leased.entry.trace_id) == ("512", "t")


def test_a_further_rounds_readings_are_committed_beneath_the_newer_ones():
    leased = begun(phone=[E3, E2])
    leased.refuse(leased.due(), naming("phone"))
    leased.commit(rev=Rev("r2"), now=5)
    assert (leased.entry.rev, leased.entry.pending) == ("r2", {"phone": (E2,)})
    assert not leased.is_behind()


def test_readings_given_up_leave_the_rest_of_their_event_open():
    leased = begun(phone=[E2, E1], city=E2)
    leased.give_up({"phone": E2}, UNNAMED)
    assert leased.open == {"phone": (E1,), "city": (E2,)}


def test_what_is_halted_or_in_doubt_is_over_though_not_settled():
    halted, doubtful = begun(phone=E1), begun(phone=E1)
    halted.halt("LOCKED", 2.0)
    doubtful.doubt("HTTP_502")
    assert (halted.over, halted.in_doubt, halted.retry_after_seconds) == (True, False, 2.0)
    assert (doubtful.over, doubtful.in_doubt) == (True, True)
    assert halted.open == doubtful.open == {"phone": (E1,)}


def test_a_release_keeps_what_is_not_settled_for_the_next_holder():
    leased = begun(phone=E1)
    leased.halt("LOCKED")
    leased.release(rev=Rev("r9"), now=5)
    assert leased.entry == Entry(Rev("r9"), pending={"phone": (E1,)}, due_at=5)
    assert leased.record == ADA
