"""What would be sent for events, decided without ledger and without HubSpot."""

import json
from random import Random

import pytest

from hubsync.core.change import ARCHIVED, RecordKey
from hubsync.core.limits import CLOCK_SKEW_SECONDS_MAX, PENDING_BYTES_MAX
from hubsync.core.payloads.source import Signature, Source
from hubsync_operations.plan import Passed, plan
from hubsync_operations.plan_input import Given, parse_given
from tests.builders import ADA, NOON, a_message, an_event, raw_event
from tests.consumer_harness import ConsumerHarness

VERSIONS = {"default": "2026-03", "0-1": "v3"}
CONTACTS = "/crm/v3/objects/contacts/batch"
SOURCE = Source(
    name="changes",
    account="main",
    signature=Signature(scheme="standard-webhooks", secret="webhooks/changes"),
)


def planned(*events):
    return plan(events, account="main", source="changes", versions=VERSIONS)


def calls(found):
    return [(call.path, call.inputs) for call in found.calls]


def given(body, now=NOON / 1_000_000, source=SOURCE):
    return parse_given(body.encode(), source, object_types={}, now=now)


def test_two_hundred_and_fifty_records_are_three_calls():
    events = [an_event(eventId=str(n), id=f"{n}@example.com") for n in range(250)]
    found = planned(*events, *events)
    assert calls(found) == [(f"{CONTACTS}/upsert", count) for count in (100, 100, 50)]
    assert (found.events, found.records, found.passed, found.superseded) == (500, 250, (), ())


def test_a_call_shows_the_bytes_that_would_be_sent():
    (call,) = planned(an_event(properties={"seats": 3})).calls
    body = json.loads(call.body)
    trace_id = body["inputs"][0].pop("objectWriteTraceId")
    assert body == {
        "inputs": [{"id": ADA.id, "idProperty": "email", "properties": {"seats": "3"}}],
    }
    assert len(trace_id) == 32


def test_each_route_has_its_own_call_in_its_own_api_version():
    update = {"operation": "update", "idProperty": None, "id": "77"}
    found = planned(
        an_event(),
        an_event(eventId="e-2", **update),
        an_event(eventId="e-3", objectType="deals", **update),
    )
    deals = "/crm/objects/2026-03/deals/batch/update"
    expected = [(deals, 1), (f"{CONTACTS}/update", 1), (f"{CONTACTS}/upsert", 1)]
    assert sorted(calls(found)) == expected


def test_an_older_reading_is_superseded_and_an_event_with_nothing_newer_is_so_whole():
    old = an_event(properties={"firstname": "A", "phone": "1"})
    late = an_event(eventId="e-0", occurredAt="2026-11-21T11:00:00Z")
    new = an_event(eventId="e-2", occurredAt="2026-11-21T13:00:00Z")
    found = planned(new, old, late)
    hour = 3_600_000_000
    passed = [(p.record, p.name, p.version.occurred_at, p.by.occurred_at) for p in found.passed]
    assert passed == [
        (ADA, "firstname", NOON, NOON + hour),
        (ADA, "firstname", NOON - hour, NOON + hour),
    ]
    assert found.superseded == (("changes", "e-0"),)


def test_a_record_is_read_before_it_is_archived_and_after_it():
    archive = {"operation": "archive", "properties": None}
    found = planned(an_event(**archive), an_event(idProperty=None, id="77", **archive))
    once = ("read", "archive", "read")
    assert calls(found) == [(f"{CONTACTS}/{call}", 1) for call in (*once, *once)]
    _, by_id, _, read, by_email, again = (call.body for call in found.calls)
    assert json.loads(read)["inputs"] == json.loads(again)["inputs"] == [{"id": ADA.id}]
    assert by_email is None
    assert json.loads(by_id) == {"inputs": [{"id": "77"}]}


def test_what_is_newer_than_an_archive_is_sent_after_it_and_what_is_older_never():
    archive = an_event(operation="archive", idProperty=None, id="77", properties=None)
    update = {"operation": "update", "idProperty": None, "id": "77"}
    before = an_event(eventId="e-0", occurredAt="2026-11-21T11:00:00Z", **update)
    after = an_event(eventId="e-2", occurredAt="2026-11-21T13:00:00Z", **update)
    assert calls(planned(before, archive, after)) == [
        (f"{CONTACTS}/{call}", 1) for call in ("read", "archive", "read", "update")
    ]
    (passed,) = planned(before, archive).passed
    assert (passed.name, passed.version.event_id, passed.by.event_id) == ("firstname", "e-0", "e-1")


def test_an_archive_that_an_upsert_takes_back_is_not_sent():
    archive = an_event(operation="archive", properties=None)
    revived = an_event(eventId="e-2", occurredAt="2026-11-21T13:00:00Z")
    found = planned(archive, revived)
    assert calls(found) == [(f"{CONTACTS}/upsert", 1)]
    assert [(p.name, p.by.event_id) for p in found.passed] == [(ARCHIVED, "e-2")]
    assert isinstance(found.passed[0], Passed)


@pytest.mark.parametrize("seed", range(8))
def test_a_plan_is_what_the_consumer_sends(seed):
    random = Random(seed)
    ids = [f"x-{n}" for n in range(150)]
    wires = [a_random_wire(random, number, random.choice(ids)) for number in range(400)]
    stage = ConsumerHarness()
    for id_ in ids:
        stage.hubspot.create("contacts", {"external_id": id_})
    stage.consume(a_message(*wires))
    found = plan(
        [an_event(**each) for each in wires],
        account="main",
        source="changes",
        versions={"default": "2026-03"},
    )
    sent = [(call.path, call.inputs) for call in stage.hubspot.calls]
    assert sorted(calls(found)) == sorted(sent), f"seed {seed}"
    assert {call.operation for call in stage.hubspot.calls} == OPERATIONS | {"read"}


OPERATIONS = {"upsert", "update", "archive"}


def a_random_wire(random, number, id_):
    operation = random.choice(sorted(OPERATIONS))
    names = random.sample(["firstname", "lastname", "phone"], random.randint(1, 3))
    return raw_event(
        eventId=str(number),
        occurredAt=f"2026-11-21T12:00:{random.randrange(60):02}Z",
        operation=operation,
        idProperty="external_id",
        id=id_,
        properties=None if operation == "archive" else dict.fromkeys(names, str(number)),
    )


def test_a_record_with_more_than_an_entry_holds_is_named():
    value = "x" * 60_000
    names = [f"note{n}" for n in range(PENDING_BYTES_MAX // 60_000 + 1)]
    events = [an_event(eventId=name, properties={name: value}) for name in names]
    assert planned(*events).split == (RecordKey(*ADA),)


def test_a_body_is_parsed_as_the_sources():
    found = given(json.dumps([raw_event(), raw_event(eventId="e-2")]))
    assert found == Given("main", "changes", [an_event(), an_event(eventId="e-2")])


def test_a_body_with_an_invalid_event_is_nothing_but_its_faults():
    found = given(json.dumps([raw_event(), raw_event(occurredAt=None)]))
    assert (found.events, found.faults) == ([], [("/1/occurredAt", "Field required")])


def test_a_body_obeys_what_its_source_and_the_clock_allow():
    limited = SOURCE.model_copy(update={"properties_allowed": frozenset({"phone"})})
    (fault,) = given(json.dumps(raw_event()), source=limited).faults
    assert fault.pointer == "/properties"
    (fault,) = given(json.dumps(raw_event()), now=NOON / 1e6 - CLOCK_SKEW_SECONDS_MAX - 1).faults
    assert fault.pointer == "/occurredAt"


def test_a_message_names_its_own_source_and_only_its_invalid_events_are_missing():
    body = a_message(raw_event(), raw_event(eventId="e-2", id=None), account="other", source="crm")
    assert given(body) == Given("other", "crm", [an_event()], [("/events/1/id", "Field required")])
