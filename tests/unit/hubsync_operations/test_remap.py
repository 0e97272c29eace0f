"""Kept payloads mapped anew: what failed before, by the source's file of today, and no more."""

import json
from functools import partial

import pytest

from hubsync.core.kept_payload import Kept, Place, Unmade
from hubsync.core.message import Envelope
from hubsync.core.payloads.source import Source
from hubsync.errors import Fault
from hubsync_operations.remap import remap

ENVELOPE = Envelope.model_validate(
    {
        "v": 1,
        "account": "main",
        "source": "shop",
        "receivedAt": "2026-11-21T12:00:00Z",
        "requestId": "r-1",
        "tries": 3,
    }
)
NOW = 1_795_262_400


def a_source(*changes, **more):
    return Source.model_validate(
        {
            "name": "shop",
            "account": "main",
            "invalid": "ignore",
            "signature": {"scheme": "shopify", "secret": "webhooks/shop"},
            "change": changes,
            **more,
        }
    )


def a_change(*, each="body.items", when=None, **fields):
    given = {"id": "item.key", "event_id": "body.id", "occurred_at": "body.at", **fields}
    change = {
        "for_each": each,
        "when": when,
        "object_type": "contacts",
        "id_property": "external_id",
        "fields": given,
        "properties": {"firstname": "item.name"},
    }
    return {name: value for name, value in change.items() if value is not None}


BODY = {"id": "e", "at": "2026-11-21T12:00:00Z", "items": [{"key": k} for k in ("a", None, "c")]}


def mapped(source, *places, body=BODY):
    unmade = tuple(Unmade(place, (Fault("/change", "failed"),)) for place in places)
    kept = Kept(ENVELOPE, unmade, {}, json.dumps(body).encode())
    found = remap(kept, {"shop": source}, object_types={}, now=NOW)
    events = [event for each in found.bodies for event in json.loads(each)["events"]]
    still = [] if found.still is None else [each.place for each in found.still.unmade]
    return [event["eventId"] for event in events], still


@pytest.mark.parametrize(
    ("place", "made", "still"),
    [
        (Place(0, 0), ["e#0"], []),
        (Place(0, 1), [], [Place(0, 1)]),
        (Place(0, None), ["e#0", "e#2"], [Place(0, 1)]),
        (Place(), ["e#0", "e#2"], [Place(0, 1)]),
        (Place(1, 0), [], []),
        (Place(0, 9), [], []),
    ],
)
def test_what_failed_is_mapped_anew_and_no_other(place, made, still):
    assert mapped(a_source(a_change()), place) == (made, still)


def test_a_list_that_is_none_any_more_fails_for_its_elements():
    source = a_source(a_change(each="body.id"))
    assert mapped(source, Place(0, 2)) == ([], [Place(0, None)])


def test_changes_are_told_apart():
    source = a_source(a_change(), a_change(event_id="body.id"))
    assert mapped(source, Place(1, 0)) == (["e#0+1"], [])


def test_change_events_of_ones_own_form_are_told_apart_by_their_place():
    event = {
        "eventId": "e-1",
        "occurredAt": "2026-11-21T12:00:00Z",
        "objectType": "contacts",
        "idProperty": "email",
        "id": "ada@example.com",
        "properties": {},
    }
    body = [event, event | {"eventId": "e-2"}]
    assert mapped(a_source(), Place(None, 1), body=body) == (["e-2"], [])
    assert mapped(a_source(), Place(), body=event) == (["e-1"], [])


def test_a_message_of_what_is_made_begins_a_new_life_in_the_account_of_today():
    kept = Kept(ENVELOPE, (Unmade(Place(0, 0), ()),), {}, json.dumps(BODY).encode())
    source = a_source(a_change(), account="other")
    (body,) = remap(kept, {"shop": source}, object_types={}, now=NOW).bodies
    message = json.loads(body)
    assert (message["account"], message["tries"], message["requestId"]) == ("other", 0, "r-1")


@pytest.mark.parametrize(
    ("sources", "body", "reason"),
    [
        ({}, b"{}", "there is no source shop"),
        ({"shop": a_source(a_change())}, b"{", "not JSON"),
        ({"shop": a_source(a_change())}, None, "kept no payload"),
    ],
)
def test_what_cannot_be_mapped_says_why(sources, body, reason):
    kept = Kept(ENVELOPE, (Unmade(Place(0, 0), ()),), {}, body)
    found = partial(remap, object_types={}, now=NOW)(kept, sources)
    assert reason in found.still.reason
    assert found.still.unmade[0].place == Place(0, 0)


def test_what_a_source_may_set_holds_for_kept_payloads_too():
    source = a_source(properties_allowed=["city"])
    event = {
        "eventId": "e-1",
        "occurredAt": "2026-11-21T12:00:00Z",
        "objectType": "contacts",
        "idProperty": "email",
        "id": "ada@example.com",
        "properties": {"phone": "1"},
    }
    assert mapped(source, Place(), body=event) == ([], [Place()])
