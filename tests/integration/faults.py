"""Every fault of the emulator, and what must be true after a run under it.

The value of a reading begins with its time, so that of two texts the greater one is the newer: the
CRM must end at the greatest that was not refused, and no history may ever go down.
"""

from collections import defaultdict
from typing import get_args

from hubspot_emulator.faults import Kind
from hubsync.core.hubspot.http_statuses import STATUSES

NAMES = ("firstname", "lastname", "city")
LISTING = ("upsert", "update")
POLICIES = ("TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY")
FAULTS = {
    **{str(status): {"kind": "status", "status": status} for status in STATUSES},
    **{f"429-{each}": {"kind": "status", "status": 429, "policy": each} for each in POLICIES},
    "504-written": {"kind": "status", "status": 504, "writes": "done"},
    "504-late": {"kind": "status", "status": 504, "writes": "late", "seconds": 90},
    **{kind: {"kind": kind} for kind in get_args(Kind) if kind not in {"status", "left_out"}},
    # The 204 of an archive vouches for all inputs; that it left one out nobody could tell.
    **{f"left_out-{each}": {"kind": "left_out", "operation": each} for each in LISTING},
    **{
        f"written-{each}": {"kind": "left_out", "operation": each, "writes": "done"}
        for each in LISTING
    },
}
# What dead letters may say: where HubSpot itself gave the record up, or kept silent twice.
REFUSALS = {
    **{str(status): f"HTTP_{status}" for status in (400, 404, 405, 409, 414, 422)},
    "413": "TOO_LARGE",
    "conflict": "CONFLICT",
    "unnamed": "VALIDATION_ERROR",
    "silent": "UNVOUCHED",
    "left_out-upsert": "UNVOUCHED",
    "left_out-update": "UNVOUCHED",
}


def refused(event, name, letters):
    """Whether a reading was given up, by itself or with its whole event."""
    _, properties = letters.get(event["eventId"], ("", (None,)))
    return not properties or name in properties


def truth(events, letters):
    """Say by key what must be in the CRM; None where the newest word is that it is archived."""
    expected = defaultdict(dict)
    for event in events:
        key = event.get("idProperty", "hs_object_id"), event["id"]
        for name, value in event.get("properties", {}).items():
            if not refused(event, name, letters):
                expected[key][name] = max(value, expected[key].get(name, ""))
    for event in events:
        if event["operation"] == "archive" and event["eventId"] not in letters:
            expected[event["idProperty"], event["id"]] = None
    return dict(expected)


def found(hubspot, key, names):
    by, id_ = key
    record = hubspot.find("contacts", id_, by=by)
    return None if record is None else {name: record.properties.get(name) for name in names}


def assert_crm_correct(pipeline, events):
    expected = truth(events, pipeline.letters)
    held = {key: found(pipeline.hubspot, key, names or ()) for key, names in expected.items()}
    assert held == expected


def assert_never_went_back(hubspot):
    for record in hubspot.records("contacts"):
        for name in NAMES:
            values = history(hubspot, record, name)
            assert values == sorted(values)


def history(hubspot, record, name):
    return [each.value for each in hubspot.history(record.id) if each.property == name]


def assert_given_up_rightly(pipeline, events):
    """HubSpot never held what a dead letter says was refused."""
    given_up = {
        (name, value)
        for event in events
        for name, value in event.get("properties", {}).items()
        if refused(event, name, pipeline.letters)
    }
    for record in pipeline.hubspot.records("contacts"):
        for name in NAMES:
            held = history(pipeline.hubspot, record, name)
            assert not {(name, value) for value in held} & given_up


def assert_explained(letters, name):
    codes = {code for code, _ in letters.values()}
    # An update whose upsert was refused finds no record.
    explained = {REFUSALS[name], "NOT_FOUND"} if name in REFUSALS else set()
    assert codes <= explained
