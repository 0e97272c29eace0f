"""Laws of the emulator that hold for every request."""

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from hubspot_emulator import SETTINGS, HubSpot, Request, Switches

NOW = 1775000000.0
LAW = settings(max_examples=60, deadline=None)  # the machine may be busy with other tests
PATH = "/crm/objects/2026-03/contacts/batch"
EMAILS = st.sampled_from([f"{name}@example.com" for name in ("ada", "Ada", "bob", "eve", "joe")])
VALUES = st.sampled_from(["", "1", "2", "chess", ";maths", "bob@example.com", "many"])
NAMES = st.sampled_from(["phone", "city", "seats", "interests", "email", "external_id", "nope"])
PROPERTIES = st.dictionaries(NAMES, VALUES, max_size=3)
UPSERTS = st.fixed_dictionaries(
    {"idProperty": st.just("email"), "id": EMAILS, "properties": PROPERTIES}
)
BATCHES = st.lists(st.lists(UPSERTS, min_size=1, max_size=6), min_size=1, max_size=5)
SWITCHES = st.fixed_dictionaries(
    {name: st.sampled_from(settings) for name, settings in SETTINGS.items()}
).map(Switches.from_text)


def an_account(switches, seed=0):
    return HubSpot(now=lambda: NOW, switches=switches, seed=seed)


def upsert(hubspot, inputs, *, traced):
    given = [
        {**item, "objectWriteTraceId": str(n)} if traced else item for n, item in enumerate(inputs)
    ]
    body = json.dumps({"inputs": given}).encode()
    request = Request("POST", f"{PATH}/upsert", {"authorization": "Bearer t"}, body)
    answer = hubspot.handle(request)
    return answer.status, json.loads(answer.body)


@LAW
@given(SWITCHES, BATCHES)
def test_with_trace_ids_every_input_is_a_result_or_an_error_or_all_are_refused(switches, batches):
    hubspot = an_account(switches)
    for inputs in batches:
        status, told = upsert(hubspot, inputs, traced=True)
        if status < 300:
            errors = told.get("errors", [])
            named = [trace for each in errors for trace in each["context"]["objectWriteTraceId"]]
            assert len(named) == len(set(named))
            assert len(told["results"]) + len(named) == len(inputs)


@LAW
@given(SWITCHES, BATCHES, st.booleans())
def test_a_refused_batch_changes_nothing(switches, batches, traced):
    hubspot = an_account(switches)
    for inputs in batches:
        before = hubspot.records("contacts")
        status, _ = upsert(hubspot, inputs, traced=traced)
        assert status < 300 or hubspot.records("contacts") == before


@LAW
@given(SWITCHES, BATCHES, st.booleans())
def test_a_unique_value_has_one_owner(switches, batches, traced):
    hubspot = an_account(switches)
    for inputs in batches:
        upsert(hubspot, inputs, traced=traced)
    for name in ("email", "external_id"):
        held = [record.properties.get(name) for record in hubspot.records("contacts")]
        times = Counter(value for value in held if value)
        assert set(times.values()) <= {1}
        assert {hubspot.find("contacts", each, by=name).properties[name] for each in times} == set(
            times
        )


@LAW
@given(SWITCHES, BATCHES, st.booleans())
def test_a_history_ends_where_the_record_is(switches, batches, traced):
    hubspot = an_account(switches)
    for inputs in batches:
        upsert(hubspot, inputs, traced=traced)
    for record in hubspot.records("contacts"):
        last = {reading.property: reading.value for reading in hubspot.history(record.id)}
        assert {name: value for name, value in last.items() if value} == record.properties


@LAW
@given(BATCHES, st.integers(0, 10))
def test_the_same_seed_and_requests_give_the_same_answers(batches, seed):
    first, second = an_account(Switches(), seed), an_account(Switches(), seed)
    for inputs in batches:
        assert upsert(first, inputs, traced=True) == upsert(second, inputs, traced=True)


@LAW
@given(st.text(max_size=200))
def test_any_text_comes_back_as_it_was_sent(text):
    hubspot = an_account(Switches())
    item = {"idProperty": "email", "id": "ada@example.com", "properties": {"notes": text}}
    _, told = upsert(hubspot, [item], traced=True)
    assert told["results"][0]["properties"]["notes"] == text


@LAW
@given(st.binary(max_size=60))
def test_any_body_is_answered(body):
    hubspot = an_account(Switches())
    request = Request("POST", f"{PATH}/update", {"authorization": "Bearer t"}, body)
    assert hubspot.handle(request).status in {200, 400}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "properties", "inputs", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@LAW
@given(SWITCHES, st.dictionaries(st.sampled_from(["inputs", "idProperty", "properties"]), JSON))
def test_any_json_is_answered(switches, document):
    hubspot = an_account(switches)
    for operation in ("create", "read", "update", "upsert", "archive"):
        body = json.dumps(document).encode()
        request = Request("POST", f"{PATH}/{operation}", {"authorization": "Bearer t"}, body)
        assert hubspot.handle(request).status < 500
