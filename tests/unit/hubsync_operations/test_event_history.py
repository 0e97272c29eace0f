"""What ledger, dead letters and log lines say together of a record and of an event."""

import pytest

from hubsync.core.change import ARCHIVED, readings
from hubsync.core.records.entry import Entry, Rev, Watched
from hubsync_operations.dead_letter import Held, opened
from hubsync_operations.event_history import (
    DEAD_LETTERED,
    EVENTS_MAX,
    EventState,
    Property,
    Said,
    condition,
    event_story,
    events_of,
    properties_of,
)
from hubsync_operations.logs import SETTLED, Line
from tests.builders import ADA, NOON, a_message, a_reading, a_version, an_event, raw_event

NOON_MS = NOON // 1000
EVENT = {"properties": {"firstname": "Ada", "seats": "many"}}
OURS = readings("changes", an_event(**EVENT))
NEWER = a_version(60_000_000, "e-2")
LINE = Line("2026-11-21 12:00:01,000+0000", "consumer", DEAD_LETTERED, "e-1", {})


def an_entry(**fields):
    return Entry(rev=Rev("r"), **fields)


def a_letter(**attributes):
    held = Held("m-1", "handle", a_message(raw_event(**EVENT)), NOON, attributes)
    return opened(held).letters[0]


def story(entry=None, *, letters=(), lines=(), source=None, event_id="e-1"):
    entries = {} if entry is None else {ADA: entry}
    return event_story(event_id, source, letters=letters, entries=entries, lines=lines, waiting=3)


def said(**came):
    return {
        Said(ADA, name, *(each if isinstance(each, tuple) else (each,)))
        for name, each in came.items()
    }


def test_a_property_is_told_with_the_version_it_has_and_those_to_come():
    entry = an_entry(
        synced={"phone": a_version(), "city": a_version()},
        pending={"phone": (a_reading("2", 2, "e-2"), a_reading("1", 1, "e-3"))},
        watched={"city": Watched(a_reading("x"), "x")},
    )
    assert properties_of(entry) == (
        Property("city", a_version(), (), watched=True),
        Property("phone", a_version(), (a_version(2, "e-2"), a_version(1, "e-3")), watched=False),
    )


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        (Entry(), ["no entry"]),
        (an_entry(synced={"phone": a_version()}), ["Nothing is left to do"]),
        (an_entry(lease_until=NOON_MS + 1), ["until 2026-11-21T12:00:00.001000Z"]),
        (an_entry(lease_until=NOON_MS), ["without a word; since 2026-11-21T12:00:00Z"]),
        (an_entry(pending={"phone": (a_reading(),)}), ["Not settled yet: phone."]),
        (an_entry(archived=True, watched_until=NOON_MS), ["archive", "audit", "Nothing is left"]),
        (
            an_entry(doubts=2, doubted_at=NOON_MS, pending={ARCHIVED: (a_reading(),)}),
            ["2 writes in a row", "(existence)"],
        ),
    ],
)
def test_the_condition_of_a_record_is_said_in_sentences(entry, parts):
    sentences = list(condition(entry, now_ms=NOON_MS))
    assert [part in text for part, text in zip(parts, sentences, strict=True)] == [True] * len(
        parts
    )


def test_the_newest_events_of_a_record_are_searched_for():
    entry = an_entry(
        synced={f"p{n}": a_version(n, f"e-{n}") for n in range(EVENTS_MAX)},
        pending={"phone": (a_reading("1", 1000, "pending"),)},
    )
    newest = {f"e-{n}" for n in range(1, EVENTS_MAX)}
    assert events_of(entry, [a_letter()]) == newest | {"pending", "e-1"}
    assert events_of(Entry(), []) == frozenset()


def test_of_a_refused_event_each_reading_has_its_own_fate():
    entry = an_entry(synced={"firstname": OURS["firstname"].version, ARCHIVED: NEWER})
    letter = a_letter(reason_code="INVALID_INTEGER", refused_properties="seats")
    told = story(entry, letters=[letter])
    assert told.came is EventState.DEAD_LETTER
    assert set(told.said) == said(
        firstname=EventState.WRITTEN,
        seats=EventState.REFUSED,
        **{ARCHIVED: (EventState.SUPERSEDED, NEWER)},
    )


def test_an_event_refused_whole_left_nothing_but_what_newer_ones_wrote():
    told = story(an_entry(synced={"firstname": NEWER}), letters=[a_letter(reason_code="CONFLICT")])
    assert set(told.said) == said(
        firstname=(EventState.SUPERSEDED, NEWER),
        seats=EventState.REFUSED,
        **{ARCHIVED: EventState.REFUSED},
    )


def test_an_event_that_sqs_gave_up_is_refused_by_nobody():
    entry = an_entry(pending={"firstname": (OURS["firstname"],)})
    told = story(entry, letters=[a_letter()])
    assert told.came is EventState.DEAD_LETTER
    assert set(told.said) == said(
        firstname=EventState.PENDING, seats=EventState.OPEN, **{ARCHIVED: EventState.OPEN}
    )


def test_what_came_before_an_archive_is_superseded_by_it():
    entry = an_entry(synced={ARCHIVED: NEWER}, archived=True)
    told = story(entry, letters=[a_letter(reason_code="CONFLICT")])
    assert {(each.came, each.by) for each in told.said} == {(EventState.SUPERSEDED, NEWER)}


@pytest.mark.parametrize(
    ("entry", "came"),
    [
        (an_entry(synced={"phone": a_version()}), EventState.WRITTEN),
        (an_entry(pending={"phone": (a_reading("2", 1, "e-2"), a_reading())}), EventState.PENDING),
        (an_entry(synced={"phone": NEWER}), EventState.UNKNOWN),
        (Entry(), EventState.UNKNOWN),
    ],
)
def test_without_a_dead_letter_an_event_is_found_in_its_records_entry(entry, came):
    told = story(entry)
    assert (told.came, {each.came for each in told.said}) == (came, {came} - {EventState.UNKNOWN})


def test_an_event_of_another_source_is_another_event():
    entry = an_entry(synced={"phone": a_version(source="crm")})
    assert [story(entry, source=name).came for name in ("crm", "changes", None)] == [
        EventState.WRITTEN,
        EventState.UNKNOWN,
        EventState.WRITTEN,
    ]


def test_a_log_line_remembers_a_dead_letter_that_is_gone():
    told = story(lines=[LINE])
    assert told.came is EventState.REFUSED
    assert LINE.at in told.sentence


WRITTEN = {"came": "written", "source": "changes", "trace_id": "7a", "hubspot_id": "512"}
SUPERSEDED = {"came": "superseded", "source": "changes", "by": "e-9"}
OPEN = {
    "came": "open", "source": "changes", "reason": "PAUSED", "tries": "4", "again_in_seconds": "75",
}  # fmt: skip


def a_line(second, says):
    return Line(f"2026-11-21 12:00:{second:02},000+0000", "consumer", SETTLED, "e-1", says)


@pytest.mark.parametrize(
    ("says", "came", "parts"),
    [
        (WRITTEN, EventState.WRITTEN, ["12:00:07", "record 512", "as 7a"]),
        (SUPERSEDED, EventState.SUPERSEDED, ["12:00:07", "by event e-9"]),
        (OPEN, EventState.OPEN, ["tried 4 times", "12:00:07", "PAUSED", "75 s"]),
    ],
)
def test_without_ledger_and_dead_letter_the_last_log_line_tells(says, came, parts):
    told = story(lines=[LINE, a_line(3, OPEN), a_line(7, says)])
    assert told.came is came
    assert [part for part in parts if part not in told.sentence] == []


def test_a_line_about_another_source_is_of_another_event():
    assert story(lines=[a_line(1, WRITTEN)], source="crm").came is EventState.UNKNOWN


def test_what_the_ledger_names_is_told_with_when_it_was_written():
    told = story(an_entry(synced={"phone": a_version()}), lines=[a_line(7, WRITTEN)])
    assert told.came is EventState.WRITTEN
    assert "12:00:07" in told.sentence


def test_what_nobody_names_may_still_be_queued():
    told = story()
    assert told.came is EventState.UNKNOWN
    assert "some 3 messages" in told.sentence


def test_another_event_of_the_same_identity_is_told_apart():
    other = OURS["firstname"].version._replace(digest="~")  # after every digit
    told = story(an_entry(synced={"firstname": other}), letters=[a_letter()])
    found = {each.name: (each.came, each.by) for each in told.said}
    assert found["firstname"] == (EventState.SUPERSEDED, other)
