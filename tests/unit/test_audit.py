"""The audit on HubSpot's emulator: a write that landed later than anybody expected is found."""

import pytest

from hubspot_emulator import Fault
from hubsync.core.limits import AUDIT_INPUTS_MAX, WATCH_SECONDS, WATCHED_SECONDS_MAX
from hubsync.core.records.entry import Entry, Rev, Watched
from tests.builders import ADA, a_message, a_reading, a_version, raw_event
from tests.consumer_harness import LATE_WRITE_SECONDS, ConsumerHarness

LEASE_SECONDS = 425
WATCH_OVER = WATCH_SECONDS + 1
LATE = 3 * LATE_WRITE_SECONDS  # Assumed never to happen; the audit is for where it does.


def event(n, **properties):
    return raw_event(eventId=f"e-{n}", occurredAt=f"2026-11-21T12:00:0{n}Z", properties=properties)


def doubted(*faults, kind="late_write", seconds=LATE):
    """A stage on which a first write was given up, and a newer value written after its lease."""
    stage = ConsumerHarness(Fault(kind=kind, seconds=seconds, nth=1), *faults)
    stage.hubspot.create("contacts", {"email": ADA.id, "phone": "0"})
    stage.consume(a_message(event(1, phone="1")))
    stage.wait(LEASE_SECONDS)
    stage.consume(a_message(event(2, phone="2")))
    assert stage.contact() == {"phone": "2"}
    return stage


def watched(stage):
    return {name: each.shown for name, each in stage.ledger.entry(ADA).watched.items()}


def findings(audited):
    return audited.seen, audited.landed_late, audited.written_by_others, audited.unseen


def test_an_older_value_that_landed_late_is_counted_and_written_back():
    stage = doubted()
    stage.wait(WATCH_OVER)
    assert stage.contact() == {"phone": "1"}
    assert findings(stage.audit()) == (1, [(ADA, "phone")], [], 0)
    assert stage.contact() == {"phone": "2"}
    assert stage.ledger.entry(ADA).clean
    assert watched(stage) == {}


def test_where_nothing_landed_late_nothing_is_written():
    stage = doubted(kind="reset", seconds=0)
    assert watched(stage) == {"phone": "2"}
    stage.wait(WATCH_OVER)
    assert findings(stage.audit()) == (1, [], [], 0)
    assert stage.calls[-1] == ("read", 1, 200)
    assert watched(stage) == {}


def test_a_watch_that_is_not_over_is_not_looked_at():
    stage = doubted()
    stage.wait(WATCH_SECONDS - 60)
    assert findings(stage.audit()) == (0, [], [], 0)
    assert watched(stage) == {"phone": "2"}


def test_a_record_never_in_doubt_is_not_watched():
    stage = ConsumerHarness()
    stage.consume(a_message(event(1, phone="1")))
    assert watched(stage) == {}


@pytest.mark.parametrize("kind", ["reset", "late_write"])
def test_what_a_person_wrote_is_told_and_left_alone(kind):
    stage = doubted(kind=kind)
    stage.wait(LATE)
    record = stage.hubspot.find("contacts", ADA.id, by="email")
    stage.hubspot.edit("contacts", record.id, {"phone": "by hand"})
    stage.wait(WATCH_OVER)
    assert findings(stage.audit()) == (1, [], [(ADA, "phone")], 0)
    assert stage.contact() == {"phone": "by hand"}
    assert watched(stage) == {}


def test_what_was_written_since_is_not_written_over():
    stage = doubted()
    stage.wait(LATE)
    stage.consume(a_message(event(3, phone="3")))
    stage.wait(WATCH_OVER)
    assert findings(stage.audit()) == (1, [], [], 0)
    assert stage.contact() == {"phone": "3"}


def test_a_newer_value_that_is_pending_and_may_be_written_is_no_late_write():
    stage = doubted(
        Fault(kind="lost_reply", operation="upsert", nth=3),
        Fault(kind="status", status=429, operation="upsert", nth=4),
        kind="reset",
    )
    stage.consume(a_message(event(3, phone="3")))
    stage.wait(LEASE_SECONDS)
    stage.consume(a_message(event(3, phone="3")))
    assert stage.ledger.entry(ADA).lease_until == 0
    stage.wait(WATCH_OVER)
    assert findings(stage.audit()) == (1, [], [], 0)
    assert stage.contact() == {"phone": "3"}


def test_a_record_that_is_gone_is_not_brought_back():
    stage = doubted()
    stage.wait(WATCH_OVER)
    stage.consume(
        a_message(raw_event(eventId="gone", operation="archive", occurredAt="2026-11-21T12:00:30Z"))
    )
    assert findings(stage.audit()) == (1, [], [], 0)
    assert stage.contact() is None


def test_a_record_in_progress_is_left_for_the_next_run():
    stage = doubted(Fault(kind="reset", operation="upsert", nth=3))
    stage.wait(WATCH_OVER)
    stage.consume(a_message(event(3, city="Graz")))
    assert findings(stage.audit()) == (0, [], [], 0)
    assert watched(stage) == {"phone": "2"}
    stage.wait(LEASE_SECONDS)
    stage.consume(a_message(event(3, city="Graz")))
    stage.wait(WATCH_OVER)
    assert stage.audit().seen == 1
    assert watched(stage) == {}


def test_a_look_that_is_not_answered_is_repeated_by_the_next_run():
    stage = doubted(Fault(kind="status", status=503, operation="read", times=1))
    stage.wait(WATCH_OVER)
    assert findings(stage.audit()) == (0, [], [], 0)
    assert findings(stage.audit()) == (1, [(ADA, "phone")], [], 0)


@pytest.mark.parametrize("kind", ["status", "silent"])
def test_values_that_nobody_could_look_at_for_a_day_are_let_go_and_told(kind):
    stage = doubted(Fault(kind=kind, operation="read"))
    stage.wait(WATCHED_SECONDS_MAX - 60)
    assert findings(stage.audit()) == (0, [], [], 0)
    stage.wait(120)
    assert findings(stage.audit()) == (0, [], [], 1)
    assert watched(stage) == {}
    assert stage.ledger.entry(ADA).clean


def watching(count):
    """A stage with so many records whose watch has ended; the first the longest ago."""
    stage = ConsumerHarness()
    for n in range(count):
        record = ADA._replace(id=f"c{n}@example.com")
        stage.hubspot.create("contacts", {"email": record.id, "phone": "1"})
        entry = Entry(
            Rev("r"),
            synced={"phone": a_version()},
            watched={"phone": Watched(a_reading("1"), "1")},
            watched_until=round(stage.now() * 1000) - 1000 + n,
        )
        stage.remember(record, entry)
    return stage


def test_a_run_looks_at_so_many_records_those_longest_due_first():
    stage = watching(8)
    assert stage.audit(records_max=5).seen == 5
    kept = [record.id for record in stage.ledger.items if stage.ledger.entry(record).watched]
    assert kept == ["c5@example.com", "c6@example.com", "c7@example.com"]
    assert stage.audit(records_max=5).seen == 3
    assert stage.audit(records_max=5).seen == 0


def test_fifty_records_are_looked_at_in_one_call():
    stage = watching(2 * AUDIT_INPUTS_MAX + 1)
    assert stage.audit(records_max=500).seen == 2 * AUDIT_INPUTS_MAX + 1
    assert stage.calls == [("read", 50, 200), ("read", 50, 200), ("read", 1, 200)]


def test_a_run_ends_before_its_time_does():
    stage = watching(3)
    assert stage.audit(seconds=44).seen == 0
    assert stage.calls == []


def test_records_with_nothing_to_look_at_do_not_stay_in_the_index():
    stage = doubted()
    for n in range(3):
        empty = Entry(Rev("r"), watched_until=1 + n)
        stage.remember(ADA._replace(id=f"empty{n}@example.com"), empty)
    stage.wait(WATCH_OVER + LATE)
    assert stage.audit(records_max=3).seen == 0
    assert stage.audit(records_max=3).seen == 1
