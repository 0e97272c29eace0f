"""Published conformance data, run against ingest: where HUBSYNC_VECTORS says that it lies.

It is no part of this repository, which holds cases of its own for every rule that is met here.
"""

import json
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from hubsync.core.json_codec import parse
from hubsync.core.payloads.cloud_event import CloudEvent
from hubsync.core.property_values import CONTROL
from hubsync.errors import NotJson
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.builders import raw_event

VECTORS = Path(os.environ.get("HUBSYNC_VECTORS", ""))
pytestmark = pytest.mark.skipif(
    "HUBSYNC_VECTORS" not in os.environ, reason="HUBSYNC_VECTORS is unset: no published vectors"
)

# JSONTestSuite: what must be read but for a rule of ours, and what is for each parser to decide.
OURS = {
    "y_object_duplicated_key": "the same key twice",
    "y_object_duplicated_key_and_value": "the same key twice",
}
NUMBERS_READ = {
    "i_number_double_huge_neg_exp",
    "i_number_neg_int_huge_exp",
    "i_number_pos_double_huge_exp",
    "i_number_real_neg_overflow",
    "i_number_real_pos_overflow",
    "i_number_real_underflow",
    "i_number_too_big_neg_int",
    "i_number_too_big_pos_int",
    "i_number_very_big_negative_int",
}
REFUSED = {
    "i_number_huge_exp": "exponent beyond all bounds",
    "i_object_key_lone_2nd_surrogate": "half of a surrogate pair",
    "i_string_1st_surrogate_but_2nd_missing": "half of a surrogate pair",
    "i_string_1st_valid_surrogate_2nd_invalid": "half of a surrogate pair",
    "i_string_UTF-16LE_with_BOM": "not UTF-8",
    "i_string_UTF-8_invalid_sequence": "not UTF-8",
    "i_string_UTF8_surrogate_U+D800": "not UTF-8",
    "i_string_incomplete_surrogate_and_escape_valid": "half of a surrogate pair",
    "i_string_incomplete_surrogate_pair": "half of a surrogate pair",
    "i_string_incomplete_surrogates_escape_valid": "half of a surrogate pair",
    "i_string_invalid_lonely_surrogate": "half of a surrogate pair",
    "i_string_invalid_surrogate": "half of a surrogate pair",
    "i_string_invalid_utf-8": "not UTF-8",
    "i_string_inverted_surrogates_U+1D11E": "half of a surrogate pair",
    "i_string_iso_latin_1": "not UTF-8",
    "i_string_lone_second_surrogate": "half of a surrogate pair",
    "i_string_lone_utf8_continuation_byte": "not UTF-8",
    "i_string_not_in_unicode_range": "not UTF-8",
    "i_string_overlong_sequence_2_bytes": "not UTF-8",
    "i_string_overlong_sequence_6_bytes": "not UTF-8",
    "i_string_overlong_sequence_6_bytes_null": "not UTF-8",
    "i_string_truncated-utf-8": "not UTF-8",
    "i_string_utf16BE_no_BOM": "not UTF-8",
    "i_string_utf16LE_no_BOM": "not UTF-8",
    "i_structure_500_nested_arrays": "deeper than 32 levels",
    "i_structure_UTF-8_BOM_empty_object": "not JSON",
}


def json_texts():
    folder = VECTORS / "jsontestsuite" / "test_parsing"
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def complaint(body):
    """Why a body is refused; None if it is read."""
    try:
        parse(body)
    except NotJson as error:
        return str(error)
    return None


def test_every_text_of_jsontestsuite_is_read_or_refused_by_its_rule():
    texts = json_texts()
    assert len(texts) > 300
    refused = {name: said for name, text in texts.items() if (said := complaint(text)) is not None}
    decided = OURS | REFUSED
    assert {name for name in texts if name.startswith("i_")} == NUMBERS_READ | REFUSED.keys()
    assert refused.keys() == decided.keys() | {name for name in texts if name.startswith("n_")}
    assert [name for name, rule in decided.items() if rule not in refused[name]] == []


def test_no_text_of_jsontestsuite_is_the_handlers_fault(door):
    statuses = {name: door.post(text).status for name, text in json_texts().items()}
    assert set(statuses.values()) == {202, 400, 422}
    bad = {name for name, status in statuses.items() if status == 400}
    assert bad == {name for name, text in json_texts().items() if complaint(text) is not None}


def cloud_events(name):
    """What a file of the conformance tests holds, by the id of each test."""
    path = VECTORS / "cloudevents" / "conformance-format-json" / f"{name}.json"
    return {test["id"]: test for test in json.loads(path.read_bytes())["tests"]}


def is_one(value):
    try:
        CloudEvent.model_validate(value)
    except ValidationError:
        return False
    return True


def test_every_valid_cloud_event_is_read_as_one_and_no_invalid_one():
    valid, invalid = cloud_events("valid-events"), cloud_events("invalid-events")
    assert [name for name, test in valid.items() if not is_one(test["event"])] == []
    assert [name for name, test in invalid.items() if is_one(test["event"])] == []


def test_every_valid_batch_holds_cloud_events_and_no_invalid_one_does():
    valid, invalid = cloud_events("valid-batches"), cloud_events("invalid-batches")
    assert [name for name, test in valid.items() if not all(map(is_one, test["batch"]))] == []
    assert [name for name, test in invalid.items() if all(map(is_one, test["batch"]))] == []


@pytest.mark.parametrize(
    ("kind", "name", "media"),
    [
        ("events", "event", "application/cloudevents+json"),
        ("batches", "batch", "application/cloudevents-batch+json"),
    ],
)
def test_of_a_valid_cloud_event_only_its_data_and_its_time_can_be_at_fault(door, kind, name, media):
    def answer(test):
        return door.post(json.dumps(test[name]).encode(), headers={"content-type": media})

    ours = {"data", "time", "datacontenttype"}  # The last one, where data are no JSON.
    for test in cloud_events(f"valid-{kind}").values():
        told = answer(test)
        faults = told.body.get("errors", [])
        assert (told.status == 422) == bool(faults)
        assert {fault["pointer"].split("/")[-1] for fault in faults} <= ours
    statuses = {answer(test).status for test in cloud_events(f"invalid-{kind}").values()}
    assert statuses == {422}


def test_naughty_strings_arrive_byte_for_byte_or_are_refused_by_a_rule(door):
    door.bodies()  # What other tests left there.
    strings = json.loads((VECTORS / "naughty-strings" / "blns.json").read_bytes())
    by_rule = {n for n, text in enumerate(strings) if CONTROL.search(text) or text[:1] == ";"}
    assert len(strings) > 500
    answer = door.post(json.dumps(naughty(strings)).encode())
    refused = [int(fault["pointer"].split("/")[1]) for fault in answer.body["errors"]]
    assert (answer.status, refused) == (422, sorted(by_rule))
    events = [event for n, event in enumerate(naughty(strings)) if n not in by_rule]
    assert door.post(json.dumps(events).encode()).status == 202
    pipeline = Pipeline()
    for body in door.bodies():
        pipeline.sqs.put(body, visible_at=pipeline.now())
    pipeline.run()
    assert_accounted_for(pipeline, [event["eventId"] for event in events])
    arrived = {n: arrival(pipeline, n) for n in range(len(strings)) if n not in by_rule}
    assert arrived == {n: text for n, text in enumerate(strings) if n not in by_rule}


def naughty(strings):
    return [
        raw_event(eventId=f"e-{n}", id=f"n{n}@example.com", properties={"notes": text})
        for n, text in enumerate(strings)
    ]


def arrival(pipeline, number):
    record = pipeline.hubspot.find("contacts", f"n{number}@example.com", by="email")
    return record.properties.get("notes", "")
