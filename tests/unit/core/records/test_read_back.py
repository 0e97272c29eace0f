"""What a look at a record shows of an input."""

import pytest

from hubsync.core.change import ARCHIVED
from hubsync.core.hubspot.batch import write_input
from hubsync.core.hubspot.reply import BatchRefused, Confirmed, Reason, ShownRecord
from hubsync.core.records.entry import Entry
from hubsync.core.records.leased_record import LeasedRecord
from hubsync.core.records.read_back import RecordRead, judge_contradicted, seen
from tests.builders import ADA, a_change, a_reading

PHONE, CLEARED = a_reading("1", 1, "e-1"), a_reading("", 1, "e-1")
ALIVE = a_reading("false", 1, "e-1")


@pytest.mark.parametrize(
    ("readings", "shown", "held"),
    [
        ({"phone": PHONE}, {"phone": "1"}, {"phone"}),
        ({"phone": PHONE}, {"phone": "2"}, set()),
        ({"phone": PHONE, "city": CLEARED}, {"phone": "2", "city": None}, {"city"}),
        ({"phone": PHONE, ARCHIVED: ALIVE}, {"phone": "1"}, {"phone", ARCHIVED}),
        ({"phone": PHONE, ARCHIVED: ALIVE}, {"phone": "2"}, {ARCHIVED}),
    ],
    ids=[
        "a value that is there is held",
        "another value is not",
        "each property is looked at for itself, and null is none",
        "the word that the record exists is held, too",
        "and also where no value is",
    ],
)
def test_of_a_record_that_is_there(readings, shown, held):
    look = seen(write_input(ADA, readings), ShownRecord("512", shown))
    assert (look.exists, set(look.held)) == (True, held)


def test_of_a_record_that_is_not_there_nothing_is_held():
    item = write_input(ADA, {"phone": PHONE, ARCHIVED: ALIVE})
    assert seen(item, None) == RecordRead(exists=False, held={}, confirmed=Confirmed(None))


def test_what_is_held_is_vouched_for_as_hubspot_shows_it():
    shown = ShownRecord("512", {"phone": "1"})
    assert seen(write_input(ADA, {"phone": PHONE}), shown).confirmed == Confirmed(
        "512", {"phone": "1"}
    )


def test_a_look_that_is_refused_is_waited_for_by_those_who_are_here_and_not_by_whom_it_is_for():
    newer, refusal = a_reading("2", 2, "e-2"), Reason("VALIDATION_ERROR", "bad", {})
    leased = LeasedRecord.begin(a_change(phone=PHONE), Entry(pending={"phone": (newer,)}, doubts=1))
    item = write_input(ADA, leased.due())
    look = BatchRefused(refusal)
    judge_contradicted(leased, item, refusal, look, expired=lambda _event: False)
    assert leased.halted == "NOT_FOUND"
    leased.halted = None
    expired = PHONE.version.event
    judge_contradicted(leased, item, refusal, look, expired=lambda event: event == expired)
    assert leased.refused == {("phone", newer.version): refusal}
    assert leased.due() == {"phone": PHONE}
