"""What an entry becomes, step by step; the write protocol's rules that concern one record."""

import pytest

from hubsync.core.change import ARCHIVED, readings
from hubsync.core.limits import WATCH_SECONDS, WATCHED_BYTES_MAX
from hubsync.core.records.entry import (
    Entry,
    Rev,
    Triage,
    Watched,
    acquired,
    audited,
    confirmed,
    laid_on_top,
    refused,
    released,
    triage,
    unanswerable,
    watching,
)
from tests.builders import a_change, a_reading, an_event

R1, R2 = Rev("r1"), Rev("r2")
OLD, NEW, NEWEST = (a_reading(str(n), n, f"e-{n}") for n in range(3))
NOW = 1_000_000
LEASED = Entry(R1, lease_until=NOW + 1)
YES = a_reading("true", 1, "archiving")


def synced(**newest):
    return Entry(R1, synced={name: reading.version for name, reading in newest.items()})


def settled(entry, hubspot_id=None, **told):
    return confirmed(entry, told, hubspot_id=hubspot_id, trace_id="t")


@pytest.mark.parametrize(
    ("entry", "change", "expected"),
    [
        (Entry(), a_change(phone=NEW), Triage.DUE),
        (synced(phone=OLD), a_change(phone=NEW), Triage.DUE),
        (synced(phone=NEW), a_change(phone=NEW), Triage.SUPERSEDED),
        (synced(phone=NEW), a_change(phone=OLD), Triage.SUPERSEDED),
        (synced(phone=NEW), a_change(phone=[NEW, OLD]), Triage.SUPERSEDED),
        (synced(phone=NEW), a_change(phone=[NEWEST, OLD]), Triage.DUE),
        (synced(phone=NEW), a_change(phone=OLD, city=OLD), Triage.DUE),
        (LEASED, a_change(phone=NEW), Triage.LEASED),
        (Entry(R1, lease_until=NOW), a_change(phone=NEW), Triage.DUE),
    ],
    ids=[
        "a record never written",
        "a newer reading",
        "the reading itself",
        "an older reading",
        "an older reading behind it",
        "a newer reading in front",
        "another property is new",
        "a lease held",
        "a lease just over",
    ],
)
def test_a_change_stands_to_the_ledger_as(entry, change, expected):
    assert triage(entry, change, now=NOW) is expected


def test_an_event_that_is_not_new_still_waits_for_a_record_that_is_not_clean():
    known = {"phone": NEW.version}
    leased = Entry(R1, lease_until=NOW + 1, synced=known)
    left_behind = Entry(R1, synced=known, pending={"city": (OLD,)})
    assert triage(leased, a_change(phone=OLD), now=NOW) is Triage.LEASED
    assert triage(left_behind, a_change(phone=OLD), now=NOW) is Triage.DUE


def test_what_was_set_before_an_archive_is_superseded_by_it():
    archived = settled(Entry(R1), **{ARCHIVED: YES})
    assert archived.archived
    assert triage(archived, a_change(phone=OLD), now=NOW) is Triage.SUPERSEDED
    assert triage(archived, a_change(phone=NEWEST), now=NOW) is Triage.DUE


def test_a_revived_record_takes_older_readings_again():
    archived = settled(Entry(R1), **{ARCHIVED: YES})
    revived = settled(archived, **{ARCHIVED: a_reading("false", 2, upsert=True)})
    assert triage(revived, a_change(phone=OLD), now=NOW) is Triage.DUE


def test_acquiring_commits_the_newest_reading_in_hand_before_it_is_sent():
    entry = acquired(Entry(), a_change(phone=[NEW, OLD]), rev=R2, lease_until=NOW)
    assert entry == Entry(R2, lease_until=NOW, due_at=NOW, pending={"phone": (NEW,)})


def test_acquiring_lays_on_top_of_what_may_be_in_hubspot_already():
    entry = Entry(R1, pending={"phone": (OLD,)})
    entry = acquired(entry, a_change(phone=NEW), rev=R2, lease_until=NOW)
    assert entry.pending == {"phone": (NEW, OLD)}


@pytest.mark.parametrize("in_hand", [OLD, NEW])
def test_acquiring_commits_nothing_that_pending_or_synced_dominates(in_hand):
    pending = Entry(R1, pending={"phone": (NEW,)})
    change = a_change(phone=in_hand)
    assert acquired(pending, change, rev=R2, lease_until=NOW).pending == {"phone": (NEW,)}
    assert acquired(synced(phone=NEW), change, rev=R2, lease_until=NOW).pending == {}


def test_a_lease_found_expired_is_a_doubt():
    entry = Entry(R1, lease_until=NOW, doubts=1)
    assert acquired(entry, a_change(phone=NEW), rev=R2, lease_until=NOW).doubts == 2
    assert acquired(Entry(), a_change(phone=NEW), rev=R2, lease_until=NOW).doubts == 0


def test_that_others_are_written_counts_from_the_first_doubt_on_until_nothing_is_pending():
    doubted = Entry(R1, lease_until=NOW, pending={"phone": (OLD,)})

    def others_written(entry, written_at):
        taken = acquired(entry, a_change(), rev=R2, lease_until=NOW, written_at=written_at)
        return taken.others_written

    assert not others_written(Entry(), NOW)
    assert not others_written(doubted, NOW)
    assert others_written(doubted, NOW + 1)
    known = doubted._replace(others_written=True)
    assert others_written(known, 0)
    assert released(known, rev=R2, now=NOW).others_written
    assert not released(known._replace(pending={}), rev=R2, now=NOW).others_written


@pytest.mark.parametrize(
    ("doubts", "lease_until", "others_written", "expected"),
    [
        (4, NOW, True, True),
        (5, 0, True, True),
        (3, NOW, True, False),
        (9, NOW, False, False),
    ],
    ids=[
        "in doubt for the fifth time",
        "in doubt five times, and released since",
        "in doubt for the fourth time",
        "in doubt ever so often, but nobody was written: an outage",
    ],
)
def test_a_record_is_unanswerable(doubts, lease_until, others_written, expected):
    entry = Entry(R1, lease_until, doubts=doubts, others_written=others_written)
    assert not unanswerable(entry)
    assert unanswerable(entry._replace(pending={"phone": (OLD,)})) is expected


def test_a_further_round_is_laid_beneath_what_is_newer():
    entry = Entry(R1, pending={"phone": (NEWEST,)})
    assert laid_on_top(entry, {"phone": OLD, "city": NEW}, rev=R2) == Entry(
        R2, pending={"phone": (NEWEST, OLD), "city": (NEW,)}
    )


def test_what_hubspot_vouches_for_settles_all_that_is_older_and_nothing_newer():
    entry = Entry(R1, pending={"phone": (NEWEST, NEW, OLD), "city": (OLD,)})
    assert settled(entry, "512", phone=NEW) == Entry(
        R1,
        synced={"phone": NEW.version},
        pending={"phone": (NEWEST,), "city": (OLD,)},
        hubspot_id="512",
        trace_id="t",
    )


def test_an_archive_takes_along_pending_readings_older_than_it():
    entry = Entry(R1, pending={"phone": (NEWEST,), "city": (OLD,), ARCHIVED: (YES,)})
    assert settled(entry, **{ARCHIVED: YES}).pending == {"phone": (NEWEST,)}


def test_the_id_of_an_archived_record_is_forgotten_since_a_revived_one_has_another():
    entry = settled(Entry(R1, hubspot_id="512"), **{ARCHIVED: YES})
    assert entry.hubspot_id is None
    assert settled(entry, **{ARCHIVED: a_reading("false", 2)}).hubspot_id is None


def test_a_record_id_once_known_is_kept():
    assert settled(Entry(R1, hubspot_id="512"), phone=OLD).hubspot_id == "512"


def test_a_refused_reading_leaves_alone_and_leaves_no_mark():
    entry = Entry(R1, synced={"city": OLD.version}, pending={"phone": (NEW, OLD), "city": (NEW,)})
    assert refused(entry, {("phone", NEW.version), ("city", NEW.version)}) == Entry(
        R1, synced={"city": OLD.version}, pending={"phone": (OLD,)}
    )


def test_a_release_ends_the_lease_and_where_nothing_is_pending_all_doubt():
    entry = Entry(R1, lease_until=NOW, due_at=NOW, doubts=3)
    assert released(entry, rev=R2, now=NOW) == Entry(R2)


def test_what_a_release_leaves_pending_is_due_for_the_sweep_and_as_doubtful_as_before():
    entry = Entry(R1, lease_until=NOW, doubts=3, pending={"phone": (OLD,)})
    assert released(entry, rev=R2, now=NOW) == Entry(
        R2, doubts=3, pending={"phone": (OLD,)}, due_at=NOW
    )


def test_what_is_told_after_a_doubt_is_watched_for_an_hour():
    told = {"phone": Watched(NEW, "+1")}
    assert watching(Entry(R1), told, doubted=True, now=NOW) == Entry(
        R1, watched=told, watched_until=NOW + WATCH_SECONDS * 1000
    )


def test_a_watch_takes_in_what_is_told_later_and_does_not_grow_longer_for_it():
    watched = Entry(R1, watched={"phone": Watched(OLD, "1")}, watched_until=NOW)
    told = {"phone": Watched(NEW, "2"), "city": Watched(NEW, "Graz")}
    assert watching(watched, told, doubted=False, now=NOW - 1) == Entry(
        R1, watched=told, watched_until=NOW
    )


def test_a_record_with_nothing_small_enough_to_watch_is_not_in_the_audits_index():
    huge = a_reading("x" * WATCHED_BYTES_MAX)
    entry = watching(Entry(R1), {"notes": Watched(huge, huge.value)}, doubted=True, now=NOW)
    assert entry == Entry(R1)


def test_a_record_whose_events_were_tried_apart_starts_afresh_when_it_is_clean():
    entry = Entry(R1, lease_until=NOW, apart=True, split=3)
    assert released(entry, rev=R2, now=NOW) == Entry(R2)
    kept = released(entry._replace(pending={"phone": (OLD,)}), rev=R2, now=NOW)
    assert (kept.apart, kept.split) == (True, 3)


def test_events_of_a_record_go_apart_from_the_fourth_doubt_on():
    taken = [
        acquired(Entry(R1, lease_until=NOW, doubts=n), a_change(phone=NEW), rev=R2, lease_until=NOW)
        for n in (2, 3)
    ]
    assert [entry.apart for entry in taken] == [False, True]


def test_an_audit_ends_the_watch_and_makes_pending_again_what_was_overwritten():
    entry = Entry(
        R1,
        synced={"phone": NEW.version, "city": NEW.version},
        watched={"phone": Watched(NEW, "1"), "city": Watched(NEW, "Graz")},
        watched_until=NOW,
    )
    assert audited(entry, {}, rev=R2, now=NOW) == Entry(R2, synced=entry.synced)
    assert audited(entry, {"phone": NEW}, rev=R2, now=NOW) == Entry(
        R2, synced={"city": NEW.version}, pending={"phone": (NEW,)}, due_at=NOW
    )


def test_an_audit_does_not_take_the_place_of_what_is_pending_already():
    entry = Entry(R1, pending={"phone": (NEWEST,)}, watched={"phone": Watched(NEW, "1")})
    assert audited(entry, {"phone": NEW}, rev=R2, now=NOW) == Entry(
        R2, pending={"phone": (NEWEST,)}, due_at=NOW
    )


def test_a_record_is_clean_without_a_lease_and_pending_readings():
    assert Entry().clean
    assert not LEASED.clean
    assert not Entry(pending={"phone": (OLD,)}).clean


def test_an_upsert_repeated_after_it_was_written_is_superseded_whole():
    change = a_change(**readings("changes", an_event()))
    told = {name: some[0] for name, some in change.readings.items()}
    assert triage(settled(Entry(R1), **told), change, now=NOW) is Triage.SUPERSEDED
