"""HubSpot's own SDK drives the emulator over a socket and reads its answers into its own models."""

import hubspot
import pytest
from hubspot.crm import contacts, properties
from hubspot.crm.contacts import models

from hubspot_emulator import Limits


@pytest.fixture
def batches(hubspot_emulator):
    return sdk(hubspot_emulator).crm.contacts.batch_api


def sdk(emulator):
    return hubspot.HubSpot(access_token="pat-na1-made-up", host=emulator.url)


def an_upsert(email, trace=None, **values):
    return models.SimplePublicObjectBatchInputUpsert(
        id_property="email", id=email, properties=values, object_write_trace_id=trace
    )


def upserts(*inputs):
    return models.BatchInputSimplePublicObjectBatchInputUpsert(inputs=list(inputs))


def test_an_upsert(batches):
    response = batches.upsert(upserts(an_upsert("Ada@example.com", phone="1")))
    assert type(response) is models.BatchResponseSimplePublicUpsertObject
    result = response.results[0]
    assert type(result) is models.SimplePublicUpsertObject
    assert (response.status, result.new, result.properties) == (
        "COMPLETE",
        True,
        {"phone": "1", "email": "ada@example.com"},
    )
    assert response.started_at == result.created_at


def test_a_partial_upsert(batches):
    response = batches.upsert(
        upserts(an_upsert("a@example.com", "t-1"), an_upsert("b@example.com", "t-2", nope="1"))
    )
    assert type(response) is models.BatchResponseSimplePublicUpsertObjectWithErrors
    assert [result.properties["email"] for result in response.results] == ["a@example.com"]
    error = response.errors[0]
    assert type(error) is models.StandardError
    assert (response.num_errors, error.category, error.context) == (
        1,
        "VALIDATION_ERROR",
        {"objectWriteTraceId": ["t-2"]},
    )


def test_create_update_read_and_archive(batches, hubspot_emulator):
    made = batches.create(
        models.BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[
                models.SimplePublicObjectBatchInputForCreate(
                    properties={"firstname": "Ada"}, associations=[]
                )
            ]
        )
    )
    record_id = made.results[0].id
    changed = batches.update(
        models.BatchInputSimplePublicObjectBatchInput(
            inputs=[models.SimplePublicObjectBatchInput(id=record_id, properties={"phone": "1"})]
        )
    )
    read = batches.read(
        models.BatchReadInputSimplePublicObjectId(
            inputs=[models.SimplePublicObjectId(id=record_id)],
            properties=["phone", "city"],
            properties_with_history=["phone"],
        )
    )
    gone = batches.archive(
        models.BatchInputSimplePublicObjectId(inputs=[models.SimplePublicObjectId(id=record_id)])
    )
    found = read.results[0]
    assert [type(each) for each in (made, changed, read)] == [
        models.BatchResponseSimplePublicObject
    ] * 3
    assert (changed.results[0].id, found.properties["phone"], found.properties["city"]) == (
        record_id,
        "1",
        None,
    )
    assert type(found.properties_with_history["phone"][0]) is models.ValueWithTimestamp
    assert (gone, hubspot_emulator.hubspot.find("contacts", record_id)) == (None, None)


def test_a_read_of_what_is_not_there(batches):
    response = batches.read(
        models.BatchReadInputSimplePublicObjectId(
            inputs=[models.SimplePublicObjectId(id="404")],
            properties=[],
            properties_with_history=[],
        )
    )
    assert type(response) is models.BatchResponseSimplePublicObjectWithErrors
    assert (response.errors[0].category, response.errors[0].context) == (
        "OBJECT_NOT_FOUND",
        {"ids": ["404"]},
    )


def test_properties(hubspot_emulator):
    listed = sdk(hubspot_emulator).crm.properties.core_api.get_all("contacts")
    one = sdk(hubspot_emulator).crm.properties.core_api.get_by_name("contacts", "interests")
    assert type(listed) is properties.models.CollectionResponsePropertyNoPaging
    assert {type(each) for each in listed.results} == {properties.models.ModelProperty}
    assert (one.type, one.field_type, one.options[0].value) == ("enumeration", "checkbox", "chess")


def test_schemas(hubspot_emulator):
    listed = sdk(hubspot_emulator).crm.schemas.core_api.get_all()
    assert {each.object_type_id for each in listed.results} >= {"0-1", "2-123"}


def test_a_whole_batch_refused(batches):
    with pytest.raises(contacts.ApiException) as refusal:
        batches.upsert(upserts(an_upsert("a@example.com", nope="1")))
    assert refusal.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in refusal.value.body


def test_a_throttle(batches, hubspot_emulator):
    hubspot_emulator.hubspot.limit(Limits(per_10_seconds=1, daily=0))
    batches.upsert(upserts(an_upsert("a@example.com")))
    with pytest.raises(contacts.ApiException) as throttle:
        batches.upsert(upserts(an_upsert("a@example.com")))
    assert (throttle.value.status, throttle.value.headers["X-HubSpot-RateLimit-Max"]) == (429, "1")
    assert "TEN_SECONDLY_ROLLING" in throttle.value.body


def test_an_expired_token(batches, hubspot_emulator):
    hubspot_emulator.hubspot.expire("pat-na1-made-up")
    with pytest.raises(contacts.exceptions.UnauthorizedException) as refusal:
        batches.upsert(upserts(an_upsert("a@example.com")))
    assert "EXPIRED_AUTHENTICATION" in refusal.value.body


def test_a_token_from_the_oauth_endpoint(hubspot_emulator):
    tokens = hubspot.HubSpot(host=hubspot_emulator.url).oauth.tokens_api.create(
        grant_type="refresh_token", client_id="c", client_secret="s", refresh_token="r"
    )
    assert (tokens.token_type, tokens.expires_in, tokens.refresh_token) == ("bearer", 1800, "r")
