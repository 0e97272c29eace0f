"""Log lines about events: what is searched for, and what is made of it."""

import json
import re

from hubsync_operations.logs import PATTERN_CHARACTERS_MAX, Line, Lines, LogFiles, parsed, patterns

REFUSED = {
    "level": "WARNING",
    "location": "_log:86",
    "message": "event_dead_lettered",
    "timestamp": "2026-11-21 12:00:01,000+0000",
    "service": "consumer",
    "event_id": "e-1",
    "reason_code": "INVALID_INTEGER",
    "refused_properties": ["seats"],
    "hubspot_correlation_id": None,
}
LINE = Line(
    "2026-11-21 12:00:01,000+0000",
    "consumer",
    "event_dead_lettered",
    "e-1",
    {"reason_code": "INVALID_INTEGER", "refused_properties": ["seats"]},
)
OURS = frozenset({"e-1"})


def test_a_line_says_its_fact_without_what_all_lines_say():
    assert list(parsed(json.dumps(REFUSED), OURS)) == [LINE]


def test_a_line_about_nobody_of_ours_is_none():
    for text in ("not JSON e-1", "[1]", "{}", json.dumps(REFUSED | {"event_id": "e-12"})):
        assert list(parsed(text, OURS)) == []


def test_log_files_are_read_in_the_order_of_time(tmp_path):
    early = REFUSED | {"timestamp": "2026-11-21 11:00:00,000+0000"}
    (tmp_path / "ConsumerFunction.log").write_text(f"{json.dumps(REFUSED)}\n[ERROR] e-1\n")
    (tmp_path / "SweepFunction.log").write_text(json.dumps(early))
    (tmp_path / "aws.log").write_text(json.dumps(REFUSED))
    lines = LogFiles(tmp_path).about(OURS, since_ms=0)
    assert [line.at for line in lines.found] == [early["timestamp"], REFUSED["timestamp"]]


def test_where_no_log_is_that_is_said(tmp_path):
    assert LogFiles(tmp_path).about(OURS, since_ms=0) == Lines(
        problem=f"no log of a function is in {tmp_path}"
    )


def test_one_event_is_a_term_and_several_are_any_of_them():
    assert list(patterns(OURS)) == ['"e-1"']
    assert list(patterns(["b", "order 1709/a", "\u00e4"])) == ['?"b" ?"1709/a" ?"event_id"']
    assert list(patterns([])) == []


def test_every_pattern_fits_what_cloudwatch_takes_and_every_event_is_searched_for():
    events = [f"{n:02}" + "x" * 254 for n in range(40)]
    found = list(patterns(events))
    assert all(len(pattern) <= PATTERN_CHARACTERS_MAX for pattern in found)
    terms = re.findall(r'"([^"]+)"', " ".join(found))
    assert [event.startswith(term) for event, term in zip(events, terms, strict=True)] == [
        True
    ] * 40
