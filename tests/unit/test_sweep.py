"""The sweep on HubSpot's emulator: it finishes what was left behind, and nothing that is alive."""

import pytest

from hubspot_emulator import Fault
from hubsync.core.change import ARCHIVED
from hubsync.core.limits import SWEEP_GRACE_SECONDS
from hubsync.core.records.entry import Entry, Rev
from hubsync.core.records.outcome import Superseded
from hubsync.sweep import Swept
from hubsync_local.in_memory import MemoryLedger
from tests.builders import ADA, a_message, a_reading, raw_event
from tests.consumer_harness import ConsumerHarness, outcomes

LEASE_OVER = 426  # seconds after which a lease is, for sure
NOTHING = Swept(found=0, settled=0, refused=(), next_start=None, is_cycle_over=True)
EVENT = {"properties": {"phone": "1"}}


def abandoned(*faults, **fields):
    """A stage on which a holder died after its call, whose message is gone for good."""
    stage = ConsumerHarness(Fault(kind="reset", nth=1), *faults)
    stage.consume(a_message(raw_event(**EVENT | fields)))
    return stage


def left_pending(readings, *, code=429):
    """A stage on which a holder was refused for now, released, and was not heard of again."""
    stage = ConsumerHarness(Fault(kind="status", status=code, nth=1))
    stage.consume(a_message(raw_event(properties=readings)))
    return stage


def test_what_a_dead_holder_left_is_finished():
    stage = abandoned()
    stage.wait(LEASE_OVER + SWEEP_GRACE_SECONDS)
    assert stage.sweep() == Swept(
        found=1, settled=1, refused=(), next_start=None, is_cycle_over=True
    )
    assert stage.contact() == {"phone": "1"}
    assert stage.ledger.entry(ADA).clean
    assert outcomes(stage.consume(a_message(raw_event(**EVENT)))) == [("e-1", Superseded())]


def test_what_was_left_pending_without_a_lease_is_finished():
    stage = left_pending({"phone": "1"})
    stage.wait(SWEEP_GRACE_SECONDS + 1)
    assert stage.sweep() == Swept(
        found=1, settled=1, refused=(), next_start=None, is_cycle_over=True
    )
    assert stage.contact() == {"phone": "1"}


@pytest.mark.parametrize(
    ("stage", "due_after"), [(abandoned, LEASE_OVER), (lambda: left_pending({"phone": "1"}), 0)]
)
def test_what_the_queue_may_still_bring_back_is_left_alone(stage, due_after):
    stage = stage()
    stage.wait(due_after + SWEEP_GRACE_SECONDS - 10)
    calls = len(stage.calls)
    assert stage.sweep() == NOTHING
    assert len(stage.calls) == calls


def test_a_clean_record_is_not_looked_at():
    stage = ConsumerHarness()
    stage.consume(a_message(raw_event()))
    stage.wait(30 * 24 * 3600)
    assert stage.sweep() == NOTHING


def test_a_refused_reading_is_told_and_leaves_nothing_pending():
    stage = left_pending({"phone": "1", "seats": "many"})
    stage.wait(SWEEP_GRACE_SECONDS + 1)
    refused = ((("changes", "e-1"), "INVALID_INTEGER"),)
    assert stage.sweep() == Swept(
        found=1, settled=1, refused=refused, next_start=None, is_cycle_over=True
    )
    assert stage.contact() == {"phone": "1"}
    assert stage.ledger.entry(ADA).clean
    assert stage.letters == []  # Nobody has the event in hand; its own dead letter has expired.


def test_a_record_that_does_not_exist_is_given_up():
    reading = a_reading("1")
    stage = ConsumerHarness()
    record = ADA._replace(id_property="hs_object_id", id="512")
    stage.remember(record, Entry(Rev("r"), pending={"phone": (reading,)}, due_at=1))
    assert stage.sweep().refused == ((("changes", "e-1"), "NOT_FOUND"),)
    assert stage.ledger.entry(record).clean


def test_what_hubspot_does_not_take_now_is_found_again_by_a_later_run():
    stage = abandoned(Fault(kind="locked", nth=2))
    stage.wait(LEASE_OVER + SWEEP_GRACE_SECONDS)
    assert stage.sweep() == Swept(
        found=1, settled=0, refused=(), next_start=None, left=1, is_cycle_over=True
    )
    stage.wait(SWEEP_GRACE_SECONDS + 1)
    assert stage.sweep().settled == 1


def test_a_call_of_the_sweep_that_gets_no_answer_holds_its_lease():
    stage = abandoned(Fault(kind="lost_reply", nth=2))
    stage.wait(LEASE_OVER + SWEEP_GRACE_SECONDS)
    assert stage.sweep().settled == 0
    assert not stage.ledger.entry(ADA).clean
    assert outcomes(stage.consume(a_message(raw_event(**EVENT))))[0][1].reason == "LEASED"


def test_an_archive_left_behind_is_carried_out():
    stage = ConsumerHarness()
    stage.hubspot.create("contacts", {"email": ADA.id})
    pending = {ARCHIVED: (a_reading("true"),)}
    stage.remember(ADA, Entry(Rev("r"), pending=pending, due_at=1))
    assert stage.sweep().settled == 1
    assert stage.contact() is None


def test_records_of_all_accounts_are_finished_in_full_batches():
    stage = ConsumerHarness()
    for account in ("main", "other"):
        for n in range(150):
            record = ADA._replace(account=account, id=f"{account}{n}@example.com")
            entry = Entry(Rev("r"), pending={"phone": (a_reading("1", upsert=True),)}, due_at=1)
            stage.remember(record, entry)
    assert stage.sweep(pages=9).settled == 300
    assert stage.calls == [("upsert", 100, 200), ("upsert", 50, 200)] * 2


def test_a_run_looks_at_so_many_pages_and_says_where_to_go_on():
    stage = ConsumerHarness()
    stage.ledger = MemoryLedger(page=100)
    for n in range(250):
        record = ADA._replace(id=f"c{n}@example.com")
        entry = Entry(Rev("r"), pending={"phone": (a_reading("1", upsert=True),)}, due_at=1)
        stage.remember(record, entry)
    first = stage.sweep(pages=2)
    assert (first.found, first.settled) == (200, 200)
    second = stage.sweep(start=first.next_start, pages=2)
    assert second == Swept(found=50, settled=50, refused=(), next_start=None, is_cycle_over=True)


def test_what_there_was_no_time_for_is_found_by_the_next_run():
    stage = ConsumerHarness()
    stage.ledger = MemoryLedger(page=12)
    for n in range(13):
        left = Entry(Rev("r"), pending={"phone": (a_reading("1"),)}, due_at=1)
        stage.remember(ADA._replace(account=f"a{n}"), left)
    stage.seconds_a_call = 9.0
    first = stage.sweep()
    assert 0 < first.settled < first.found == 12
    assert first.next_start is None
    second = stage.sweep()
    assert second.found == second.settled == 12 - first.settled
    assert second.next_start == "12"
