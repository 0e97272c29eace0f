"""What the consumer logs of the events that it settled."""

import io
import json

from aws_lambda_powertools import Logger

from hubsync.consume import ReceivedEvent
from hubsync.core.change import ARCHIVED
from hubsync.core.limits import EVENT_ID_CHARACTERS_MAX
from hubsync.core.records.entry import Entry, Rev
from hubsync.core.records.outcome import Rejected, Retryable, Superseded, Written
from hubsync.event_log import settled_lines
from hubsync_operations.logs import Line, parsed
from tests.builders import ADA, a_reading, a_version

NEWER = a_version(1, "e-9")
LOG_LINE_BYTES_MAX = 256 * 1024


def a_delivery(event_id="e-1", *, synced=None, **fields):
    entry = Entry(
        rev=Rev("r"), synced=synced or {"phone": NEWER}, trace_id="trace", hubspot_id="512"
    )
    said = {"phone": a_reading("+44 1", event_id=event_id)}
    return ReceivedEvent({}, ADA, said, event_id, source="changes", entry=entry, **fields)


def told(*outcomes):
    (line,) = settled_lines(outcomes)
    return json.loads(json.dumps(line))


def test_events_are_told_apart_by_source_and_by_what_they_came_to():
    other = ReceivedEvent({}, ADA, {}, "e-1", source="crm", entry=a_delivery().entry)
    assert told(
        (a_delivery("e-1"), Written()),
        (a_delivery("e-2"), Written()),
        (other, Written()),
        (a_delivery("e-3"), Superseded()),
        (a_delivery("e-4", again_in_seconds=75), Retryable("PAUSED")),
    ) == {
        "changes": {
            "written": {"trace 512": ["e-1", "e-2"]},
            "superseded": {"e-9": ["e-3"]},
            "open": {"PAUSED 1 75": ["e-4"]},
        },
        "crm": {"written": {"trace 512": ["e-1"]}},
    }


def test_what_an_archive_covers_is_superseded_by_it():
    archived = a_delivery(synced={ARCHIVED: NEWER})
    assert told((archived, Superseded())) == {"changes": {"superseded": {"e-9": ["e-1"]}}}


def test_of_refused_events_other_lines_tell():
    assert list(settled_lines([(a_delivery(), Rejected("CONFLICT", "taken"))])) == []


def test_through_a_long_outage_an_event_is_told_of_ever_more_seldom():
    paused = [(a_delivery(f"e-{n}", tries=n), Retryable("PAUSED")) for n in range(390)]
    groups = told(*paused)["changes"]["open"].values()
    assert sorted(int(id_[2:]) for ids in groups for id_ in ids) == [0, *(2**n for n in range(9))]


def test_no_line_is_longer_than_the_log_takes_whatever_the_ids_are():
    for character in ("e", '"', "\\", "\u00e4", "\U0001f642", "\u2028"):
        ids = [f"{n:04}".ljust(EVENT_ID_CHARACTERS_MAX, character) for n in range(2_000)]
        out = io.StringIO()
        logger = Logger(service=f"settled {ord(character)}", stream=out)
        for line in settled_lines([(a_delivery(id_), Superseded()) for id_ in ids]):
            logger.info("events_settled", settled=line)
        texts = out.getvalue().split("\n")
        assert max(len(text.encode()) for text in texts) < LOG_LINE_BYTES_MAX
        found = [line for text in texts for line in parsed(text, frozenset(ids))]
        assert [line.event_id for line in found] == ids


def test_no_value_of_a_property_and_no_id_of_a_record_is_told():
    outcomes = [
        (a_delivery(), outcome) for outcome in (Written(), Superseded(), Retryable("PAUSED"))
    ]
    text = json.dumps(told(*outcomes))
    assert ADA.id not in text
    assert "+44" not in text


def test_what_is_logged_is_what_the_operators_command_reads():
    spaced = a_delivery("id of 1", synced={"phone": a_version(1, "id of 2")})
    open_ = a_delivery("e-4", tries=2, again_in_seconds=40)
    line = told((a_delivery(), Written()), (spaced, Superseded()), (open_, Retryable("LEASED")))
    text = json.dumps({"message": "events_settled", "timestamp": "t", "settled": line})
    names = frozenset({"e-1", "id of 1", "e-4"})
    facts = [("e-1", {"came": "written", "trace_id": "trace", "hubspot_id": "512"})]
    facts += [("id of 1", {"came": "superseded", "by": "id of 2"})]
    facts += [("e-4", {"came": "open", "reason": "LEASED", "tries": "3", "again_in_seconds": "40"})]
    assert list(parsed(text, names)) == [
        Line("t", "", "events_settled", event_id, {"source": "changes"} | says)
        for event_id, says in facts
    ]
