"""One record under a lease: what is due, and what each verdict leaves to do."""

from hubsync.core.change import ARCHIVED
from hubsync.core.hubspot.batch import Route
from hubsync.core.hubspot.reply import Reason, Vouched
from hubsync.core.records.entry import Entry, Rev, acquired
from hubsync.core.records.leased_record import Attempt
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


def test_the_call_is_an_upsert_while_a_word_on_existence_is_open():
    attempt = begun(
        record=ADA._replace(id_property="external_id"), phone=[E2, E1], archived=ALIVE_1
    )
    assert attempt.route(attempt.due()).operation == "upsert"
    attempt.vouch({"phone": E1, ARCHIVED: ALIVE_1}, Vouched(None), "t")
    assert attempt.route(attempt.due()).operation == "update"


def test_a_named_property_is_dropped_and_its_older_reading_waits_for_the_rest():
    attempt = begun(phone=[E2, E1], city=E2)
    attempt.refuse(attempt.due(), naming("phone"))
    assert attempt.due() == {"city": E2}
    assert attempt.entry.pending == {"city": (E2,)}
    attempt.vouch(attempt.due(), Vouched("512"), "t")
    assert attempt.due() == {"phone": E1}
    assert attempt.is_behind()


def test_a_fault_of_the_property_itself_refuses_all_its_readings_at_once():
    attempt = begun(phone=[E3, E2, E1], city=E1)
    attempt.refuse(attempt.due(), naming("phone", code="PROPERTY_DOESNT_EXIST"))
    assert attempt.open == {"city": (E1,)}


def test_refused_values_beneath_each_other_cost_three_rounds_an_invocation():
    readings = [a_reading(str(n), n, f"e-{n}") for n in range(9, 0, -1)]
    attempt = begun(phone=readings)
    rounds = 0
    while not attempt.over:
        attempt.refuse(attempt.due(), naming("phone"))
        rounds += 1
    assert (rounds, attempt.halted, len(attempt.open["phone"])) == (4, "MORE_REFUSED", 5)


def test_a_property_named_that_was_not_sent_blames_the_event_as_a_whole():
    attempt = begun(phone=E1, city=E1)
    attempt.refuse(attempt.due(), naming("fax"))
    assert attempt.over
    assert set(attempt.refused) == {("phone", E1.version), ("city", E1.version)}


def test_an_unnamed_refusal_of_one_event_refuses_it_whole_with_all_its_readings():
    attempt = begun(phone=[E2, E1], city=E1, archived=[ALIVE_2, ALIVE_1])
    attempt.refuse({"phone": E2, ARCHIVED: ALIVE_2}, UNNAMED)
    assert attempt.open == {"phone": (E1,), "city": (E1,), ARCHIVED: (ALIVE_2, ALIVE_1)}


def test_an_unnamed_refusal_of_several_events_tries_them_apart_the_oldest_first():
    attempt = begun(phone=E3, city=E2, zip=E1)
    attempt.refuse(attempt.due(), UNNAMED)
    assert (attempt.refused, attempt.entry.apart) == ({}, True)
    assert attempt.due() == {"zip": E1}
    attempt.vouch(attempt.due(), Vouched("512"), "t")
    assert attempt.due() == {"city": E2}
    attempt.refuse(attempt.due(), UNNAMED)
    assert attempt.due() == {"phone": E3}
    assert {name for name, _ in attempt.refused} == {"city"}


def test_events_stay_apart_until_the_record_is_clean():
    attempt = begun(phone=E3, city=E2)
    attempt.refuse(attempt.due(), UNNAMED)
    attempt.halt("OUT_OF_TIME")
    attempt.release(rev=Rev("r2"), now=5)
    assert attempt.entry.apart
    again = begun(attempt.entry, phone=E3, city=E2)
    assert again.due() == {"city": E2}
    for _ in range(2):
        again.vouch(again.due(), Vouched("512"), "t")
    again.release(rev=Rev("r3"), now=6)
    assert not again.entry.apart


def test_an_upsert_refused_in_every_property_is_sent_with_its_key_alone():
    attempt = begun(phone=E1, city=E1, archived=ALIVE_1)
    attempt.refuse(attempt.due(), naming("phone", "city"))
    assert attempt.due() == {ARCHIVED: ALIVE_1}
    attempt.refuse(attempt.due(), UNNAMED)
    assert attempt.over
    assert attempt.refused[ARCHIVED, ALIVE_1.version] == UNNAMED


def test_of_events_tried_apart_a_refused_one_holds_up_nothing_newer():
    attempt = begun(phone=[E3, E2], city=E2, archived=ALIVE_2)
    attempt.refuse(attempt.due(), UNNAMED)
    attempt.refuse(attempt.due(), UNNAMED)
    assert attempt.due() == {"phone": E3, ARCHIVED: ALIVE_2}


def test_a_refusal_that_names_the_key_is_about_all_of_the_record():
    attempt = begun(phone=[E2, E1], archived=[ALIVE_2, ALIVE_1])
    attempt.refuse(attempt.due(), naming("email"))
    assert attempt.over
    assert len(attempt.refused) == 4


def test_a_missing_record_is_waited_for_by_events_that_may_still_wait():
    attempt = begun(phone=[E2, E1], city=E2)
    attempt.miss(UNNAMED, expired=lambda event: event == E2.version.event)
    assert attempt.open == {"phone": (E1,)}
    assert attempt.halted == "NOT_FOUND"


def test_an_archive_is_not_refused_for_what_a_newer_upsert_of_its_record_lacks():
    archive = a_reading("true", 1, "e-0")
    attempt = begun(phone=E2, archived=[ALIVE_2, archive])
    attempt.miss(naming("firstname", code="MISSING_REQUIRED_PROPERTY"), expired=lambda _event: True)
    assert attempt.open == {ARCHIVED: (archive,)}
    assert {version.event for _, version in attempt.refused} == {E2.version.event}


def test_an_archive_older_than_a_written_value_waits_and_holds_up_nothing_newer():
    entry = Entry(synced={"city": E2.version})
    archive = a_reading("true", 1, "e-0")
    change = a_change(**{ARCHIVED: archive, "phone": E3})
    for expired, due in ((False, {"phone": E3}), (True, {ARCHIVED: archive})):
        attempt = Attempt.begin(change, entry, expired=lambda _event, waited=expired: waited)
        assert attempt.due() == due
    waiting = Attempt.begin(a_change(**{ARCHIVED: archive}), entry, expired=lambda _event: False)
    assert (waiting.over, waiting.halted) == (True, "NOT_FOUND")


def test_a_definite_answer_ends_doubts_before_the_next_round_is_sent():
    doubtful = Entry(doubts=2, pending={"phone": (E1,)})
    attempt = begun(doubtful, city=[E3, E2])
    attempt.refuse(attempt.due(), naming("city"))
    assert (attempt.entry.doubts, attempt.is_behind()) == (0, True)
    attempt.commit(rev=Rev("r2"), now=5)
    assert not attempt.is_behind()


def test_an_upsert_with_one_good_property_left_still_makes_its_record():
    attempt = begun(phone=E1, city=E1, archived=ALIVE_1)
    attempt.refuse(attempt.due(), naming("phone"))
    assert attempt.due() == {"city": E1, ARCHIVED: ALIVE_1}


def test_any_upsert_vouched_for_settles_the_word_on_existence_whatever_event_it_came_from():
    attempt = begun(Entry(apart=True), phone=E2, city=E1, archived=ALIVE_2)
    assert attempt.due() == {"city": E1, ARCHIVED: ALIVE_2}
    attempt.vouch(attempt.due(), Vouched("512"), "t")
    assert attempt.entry.synced == {"city": E1.version, ARCHIVED: ALIVE_2.version}
    assert attempt.open == {"phone": (E2,)}


def test_what_hubspot_vouched_for_settles_what_is_older():
    attempt = begun(phone=[E3, E2, E1], city=E1)
    attempt.vouch({"phone": E2}, Vouched("512"), "t")
    assert attempt.open == {"phone": (E3,), "city": (E1,)}
    assert attempt.vouched == [{"phone": E2}]
    assert (attempt.entry.hubspot_id, attempt.entry.trace_id) == ("512", "t")


def test_a_further_rounds_readings_are_committed_beneath_the_newer_ones():
    attempt = begun(phone=[E3, E2])
    attempt.refuse(attempt.due(), naming("phone"))
    attempt.commit(rev=Rev("r2"), now=5)
    assert (attempt.entry.rev, attempt.entry.pending) == ("r2", {"phone": (E2,)})
    assert not attempt.is_behind()


def test_readings_given_up_leave_the_rest_of_their_event_open():
    attempt = begun(phone=[E2, E1], city=E2)
    attempt.give_up({"phone": E2}, UNNAMED)
    assert attempt.open == {"phone": (E1,), "city": (E2,)}


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
