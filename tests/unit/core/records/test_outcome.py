"""Each event's fate at the end of its record's attempt."""

import pytest

from hubsync.core.change import ARCHIVED
from hubsync.core.hubspot.reply import Confirmed, Reason
from hubsync.core.records.entry import Entry, Rev, acquired
from hubsync.core.records.leased_record import LeasedRecord
from hubsync.core.records.outcome import Rejected, Retryable, Superseded, Written, outcome_of
from tests.builders import a_change, a_reading

OLD = {"phone": a_reading("1", 1, "e-1"), "city": a_reading("Graz", 1, "e-1")}
NEW = {"phone": a_reading("2", 2, "e-2")}


def begun(*events):
    names = dict.fromkeys(name for event in events for name in event)
    change = a_change(
        **{name: sorted((e[name] for e in events if name in e), reverse=True) for name in names}
    )
    return LeasedRecord.begin(change, acquired(Entry(), change, rev=Rev("r"), lease_until=1))


def outcomes(leased, *events):
    return [outcome_of(event, leased, lease_seconds=7.0) for event in events]


def test_an_event_of_which_one_reading_was_vouched_for_is_written():
    leased = begun(OLD, NEW)
    leased.confirm(leased.due(), Confirmed("512"), "t")
    assert outcomes(leased, OLD, NEW) == [Written(), Written()]


def test_an_event_all_of_whose_readings_are_older_is_superseded():
    leased = begun({"phone": OLD["phone"]}, NEW)
    leased.confirm(leased.due(), Confirmed("512"), "t")
    assert outcomes(leased, {"phone": OLD["phone"]}, NEW) == [Superseded(), Written()]


def test_an_event_with_a_refused_reading_is_rejected_though_others_were_written():
    leased = begun(OLD)
    leased.refuse(OLD, Reason("VALIDATION_ERROR", "bad", {"phone": "INVALID_INTEGER"}, "c-1"))
    leased.confirm(leased.due(), Confirmed("512"), "t")
    assert outcomes(leased, OLD) == [Rejected("INVALID_INTEGER", "bad", ("phone",), "c-1")]


def test_a_refusal_costs_the_event_it_was_about_and_no_other():
    leased = begun(OLD, NEW)
    leased.refuse(leased.due(), Reason("X", "bad", {"phone": "INVALID"}))
    while not leased.over:
        leased.confirm(leased.due(), Confirmed("512"), "t")
    assert outcomes(leased, OLD, NEW) == [Written(), Rejected("INVALID", "bad", ("phone",))]


def test_an_event_refused_whole_names_no_property():
    event = NEW | {ARCHIVED: a_reading("false", 2, "e-2")}
    leased = begun(event)
    leased.refuse(leased.due(), Reason("CONFLICT", "taken", {}, "c-1"))
    assert outcomes(leased, event) == [Retryable("OPEN", refused={"phone": "CONFLICT"})]
    leased.confirm(leased.due(), Confirmed("512"), "t")
    assert outcomes(leased, event) == [Rejected("CONFLICT", "taken", (), "c-1")]


def test_what_was_refused_before_counts_once_nothing_of_the_event_is_open():
    leased = begun(NEW)
    marks = {"fax": "PROPERTY_DOESNT_EXIST"}
    assert outcome_of(NEW, leased, lease_seconds=7.0, marks=marks) == Retryable("OPEN")
    leased.confirm(leased.due(), Confirmed("512"), "t")
    message = "HubSpot refused fax (PROPERTY_DOESNT_EXIST)"
    assert outcome_of(NEW, leased, lease_seconds=7.0, marks=marks) == Rejected(
        "PROPERTY_DOESNT_EXIST", message, ("fax",)
    )


def test_an_event_is_open_while_any_reading_of_it_is():
    leased = begun(OLD, NEW)
    leased.confirm(NEW, Confirmed("512"), "t")
    leased.halt("LOCKED", 2.0)
    assert outcomes(leased, OLD, NEW) == [Retryable("LOCKED", 2.0), Written()]


@pytest.mark.parametrize("settled", [False, True])
def test_nothing_that_is_not_recorded_is_settled_while_the_record_is_in_doubt(settled):
    leased = begun(NEW)
    if settled:
        leased.confirm(leased.due(), Confirmed("512"), "t")
    leased.doubt("HTTP_502")
    assert outcomes(leased, NEW) == [Retryable("HTTP_502", at_most=7.0)]


def test_what_the_ledger_holds_as_written_is_settled_though_a_further_round_is_in_doubt():
    leased = begun(OLD, NEW)
    leased.confirm(OLD, Confirmed("512"), "t")
    leased.commit(rev=Rev("r2"), now=1)
    leased.recorded()
    leased.doubt("HTTP_502")
    assert outcomes(leased, OLD, NEW) == [Written(), Retryable("HTTP_502", at_most=7.0)]
