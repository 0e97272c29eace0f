"""No answer is too odd to be read, and success is claimed for nothing that is not there."""

import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from hubspot_emulator import SETTINGS, HubSpot, Request, Switches
from hubsync.core.hubspot.batch import Batch
from hubsync.core.hubspot.batch_api import decode, decode_read, encode_read
from hubsync.core.hubspot.reply import (
    Ambiguous,
    Answered,
    BatchRefused,
    Confirmed,
    NotApplied,
    TooLarge,
)
from tests.builders import NOON, a_batch
from tests.strategies import JSON, LAW

BATCH = a_batch("ada@example.com", "bea@example.com")
KEYS = st.sampled_from(
    ["status", "results", "errors", "numErrors", "context", "category", "message", "id", "ids",
     "properties", "email", "objectWriteTraceId", "correlationId", "policyName", "code",
     "propertyName"]
)  # fmt: skip
WORDS = st.sampled_from(
    ["COMPLETE", "PENDING", "OBJECT_NOT_FOUND", "CONFLICT", "ada@example.com", "512", "\ud800",
     BATCH.inputs[0].trace_id, 'Property values were not valid: [{"name": "phone"}]',
     "Property values were not valid: [", "x" * 200]
)  # fmt: skip
# JSON that looks like an answer, with anything in any place.
ODD = st.recursive(
    WORDS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
BODIES = st.binary() | (ODD | JSON).map(lambda value: json.dumps(value).encode())
HEADERS = st.dictionaries(st.just("retry-after"), st.text(max_size=8) | st.just("nan"))
STATUSES = st.integers(100, 599) | st.sampled_from([200, 207, 204, 400, 409, 429])


@LAW
@given(STATUSES, HEADERS, BODIES)
def test_any_answer_is_read_as_one_of_the_closed_set(status, headers, body):
    reply = decode(BATCH, status, headers, body)
    assert isinstance(reply, Answered | BatchRefused | TooLarge | NotApplied | Ambiguous)
    json.dumps(asdict(reply), ensure_ascii=False, default=str).encode()  # passes every wire
    if isinstance(reply, Answered):
        assert set(reply.verdicts) <= {item.trace_id for item in BATCH.inputs}


@LAW
@given(STATUSES, BODIES)
def test_any_answer_to_a_read_is_read(status, body):
    ids = ["ada@example.com", "bea@example.com"]
    found = decode_read(BATCH.route, ids, status, {}, body)
    if not isinstance(found, BatchRefused | NotApplied | Ambiguous):
        assert set(found) <= set(ids)
        shown = [asdict(record) for record in found.values() if record]
        json.dumps(shown, ensure_ascii=False).encode()


@LAW
@given(st.integers(300, 599), BODIES)
def test_only_a_2xx_vouches(status, body):
    assert not isinstance(decode(BATCH, status, {}, body), Answered)


# What lags is another matter than how an answer is read.
SWITCHES = st.fixed_dictionaries(
    {
        name: st.sampled_from(settings)
        for name, settings in SETTINGS.items()
        if name != "read_by_key_lags"
    }
).map(Switches.from_text)
VALUES = st.sampled_from([("firstname", "Ada"), ("seats", "many"), ("fax", "1"), ("seats", "7")])
PATH = "/crm/objects/2026-03/contacts/batch"


def post(hubspot, operation, body):
    headers = {"authorization": "Bearer t"}
    return hubspot.handle(Request("POST", f"{PATH}/{operation}", headers, body))


def send(hubspot, batch):
    answer = post(hubspot, batch.route.operation, batch.encode())
    headers = {name.lower(): text for name, text in answer.headers.items()}
    return decode(batch, answer.status, headers, answer.body)


@LAW
@given(SWITCHES, VALUES, VALUES)
def test_what_the_emulator_answers_is_accepted_under_every_setting(switches, first, second):
    hubspot = HubSpot(now=lambda: NOON / 1e6, switches=switches)
    good, bad = (a_batch(id_, properties=dict([value])) for id_, value in
                 [("ada@example.com", first), ("bea@example.com", second)])  # fmt: skip
    batch = Batch(BATCH.route, good.inputs + bad.inputs)
    reply = send(hubspot, batch)
    assert isinstance(reply, Answered | BatchRefused)
    verdicts = reply.verdicts if isinstance(reply, Answered) else {}
    for item in batch.inputs:
        shown = hubspot.find("contacts", item.record.id, by="email")
        confirmed = isinstance(verdicts.get(item.trace_id), Confirmed)
        assert confirmed == (shown is not None)
    assert isinstance(reply, BatchRefused) or len(verdicts) == 2


@LAW
@given(SWITCHES, st.lists(st.sampled_from(["1000001", "7", "8"]), unique=True, min_size=1))
def test_an_update_is_vouched_for_exactly_where_the_record_is(switches, ids):
    hubspot = HubSpot(now=lambda: NOON / 1e6, switches=switches)
    known = hubspot.create("contacts", {"email": "ada@example.com"})
    ids = sorted({known, *ids})
    batch = a_batch(*ids, operation="update", id_property="hs_object_id")
    verdicts = send(hubspot, batch).verdicts
    confirmed = {
        i.record.id for i in batch.inputs if isinstance(verdicts.get(i.trace_id), Confirmed)
    }
    assert confirmed == {id_ for id_ in ids if hubspot.find("contacts", id_)}


@LAW
@given(SWITCHES, st.booleans())
def test_a_record_is_read_back_by_what_addresses_it(switches, there):
    hubspot = HubSpot(now=lambda: NOON / 1e6, switches=switches)
    if there:
        hubspot.create("contacts", {"email": "ada@example.com", "phone": "1"})
    ids = ["ada@example.com", "nobody@example.com"]
    answer = post(hubspot, "read", encode_read(BATCH.route, ids, ["phone"]))
    found = decode_read(BATCH.route, ids, answer.status, answer.headers, answer.body)
    assert found["nobody@example.com"] is None
    shown = found["ada@example.com"]
    assert (shown and shown.properties["phone"]) == ("1" if there else None)
