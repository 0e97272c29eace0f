"""Bodies as HubSpot documents them or as they were captured, each caused by a request."""

import json

from hubspot_emulator import UNLIMITED, HubSpot, Limits, Request, Switches, Token

MOMENT = 1775000000.0
TEXT = object()  # stands for any id, time or address


def a_portal(**more):
    return HubSpot(now=lambda: MOMENT, **more)


def post(hubspot, path, body, token="t"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = hubspot.handle(Request("POST", path, headers, raw))
    return answer.status, json.loads(answer.body)


def shape(expected, actual):
    """Put TEXT wherever the expectation has it, so that the rest can be compared whole."""
    if expected is TEXT:
        assert isinstance(actual, str)
        return TEXT
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {name: shape(expected.get(name), value) for name, value in actual.items()}
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [shape(*pair) for pair in zip(expected, actual, strict=True)]
    return actual


def assert_told(answer, status, expected):
    assert answer[0] == status
    assert shape(expected, answer[1]) == expected


TIMES = {"startedAt": TEXT, "completedAt": TEXT}
RECORD = {"id": TEXT, "createdAt": TEXT, "updatedAt": TEXT, "archived": False}


def test_an_upsert_that_succeeds():
    answer = post(
        a_portal(),
        "/crm/objects/2026-03/2-123/batch/upsert",
        {
            "inputs": [
                {
                    "idProperty": "external_id",
                    "id": "u-1001",
                    "objectWriteTraceId": "549b1c2a9351",
                    "properties": {"external_id": "u-1001", "firstname": "Mara"},
                }
            ]
        },
    )
    shown = {"external_id": "u-1001", "firstname": "Mara"}
    assert_told(
        answer,
        200,
        {"status": "COMPLETE", "results": [{**RECORD, "properties": shown, "new": True}], **TIMES},
    )


def test_a_create_of_tickets_that_succeeds_in_part():
    answer = post(
        a_portal(),
        "/crm/v3/objects/tickets/batch/create",
        {
            "inputs": [
                {"objectWriteTraceId": "549b1c2a9351", "properties": {"missing": "1"}},
                {"objectWriteTraceId": "549b1c2a9352", "properties": {"hs_pipeline_stage": "1"}},
            ]
        },
    )
    shown = {
        "createdate": TEXT,
        "hs_helpdesk_sort_timestamp": TEXT,
        "hs_last_message_from_visitor": "false",
        "hs_lastmodifieddate": TEXT,
        "hs_object_id": TEXT,
        "hs_object_source": "API",
        "hs_object_source_label": "INTERNAL_PROCESSING",
        "hs_pipeline": "0",
        "hs_pipeline_stage": "1",
        "hs_ticket_id": TEXT,
    }
    error = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": 'Property values were not valid: [{"isValid":false,"message":"Property'
        ' \\"missing\\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"missing",'
        '"localizedErrorMessage":"Property \\"missing\\" does not exist","portalId":10000001}]',
        "context": {"objectWriteTraceId": ["549b1c2a9351"]},
    }
    expected = {
        "status": "COMPLETE",
        "results": [{**RECORD, "properties": shown}],
        "numErrors": 1,
        "errors": [error],
        **TIMES,
    }
    assert_told(answer, 207, expected)


def test_a_create_of_a_contact_whose_email_is_taken():
    hubspot = a_portal(switches=Switches(conflict_existing_id_context="present"))
    taken = hubspot.create("contacts", {"email": "mara@example.com"})
    mara = {"email": "mara.holt@example.com", "firstname": "Mara", "lastname": "Holt"}
    answer = post(
        hubspot,
        "/crm/v3/objects/contacts/batch/create",
        {
            "inputs": [
                {"objectWriteTraceId": "0", "properties": {"email": "mara@example.com"}},
                {"objectWriteTraceId": "1", "properties": mara},
            ]
        },
    )
    error = {
        "status": "error",
        "category": "CONFLICT",
        "message": f"Contact already exists. Existing ID: {taken}",
        "context": {"objectWriteTraceId": ["0"], "existingId": [taken]},
    }
    shown = {"createdate": TEXT, **mara}
    expected = {
        "completedAt": TEXT,
        "status": "COMPLETE",
        "startedAt": TEXT,
        "results": [{**RECORD, "properties": shown, "url": TEXT}],
        "errors": [error],
        "numErrors": 1,
    }
    assert_told(answer, 207, expected)


def test_an_update_of_an_unknown_record():
    hubspot = a_portal()
    known = hubspot.create("contacts", {"firstname": "Mara", "lastname": "Holt"})
    changed = {"firstname": "Mara (updated)", "lastname": "Holt (updated)"}
    answer = post(
        hubspot,
        "/crm/v3/objects/contacts/batch/update",
        {
            "inputs": [
                {"id": known, "properties": changed},
                {"id": "unknownIdentifier888", "properties": changed},
            ]
        },
    )
    shown = {
        "createdate": TEXT,
        "firstname": "Mara (updated)",
        "hs_is_unworked": "true",
        "hs_object_id": TEXT,
        "hs_object_source": "INTEGRATION",
        "hs_object_source_id": TEXT,
        "hs_object_source_label": "INTEGRATION",
        "hs_pipeline": "contacts-lifecycle-pipeline",
        "lastmodifieddate": TEXT,
        "lastname": "Holt (updated)",
        "lifecyclestage": "lead",
    }
    url = f"https://app.hubspot.com/contacts/10000001/record/0-1/{known}"
    error = {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some CONTACT objects, they may be deleted or not exist."
        " Check that ids are valid.",
        "context": {"ids": ["unknownIdentifier888"]},
    }
    expected = {
        "status": "COMPLETE",
        "results": [{**RECORD, "properties": shown, "url": url}],
        "errors": [error],
        "numErrors": 1,
        **TIMES,
    }
    assert_told(answer, 207, expected)


def test_an_upsert_of_which_every_input_fails():
    answer = post(
        a_portal(),
        "/crm/v3/objects/contacts/batch/upsert",
        {
            "inputs": [
                {
                    "idProperty": "email",
                    "id": "mara@example.com",
                    "objectWriteTraceId": "0",
                    "properties": {"seats": "many"},
                }
            ]
        },
    )
    error = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": TEXT,
        "context": {"objectWriteTraceId": ["0"]},
    }
    expected = {
        "status": "COMPLETE",
        "results": [],
        "numErrors": 1,
        "errors": [error],
        **TIMES,
    }
    assert_told(answer, 207, expected)
    began = 'Property values were not valid: [{"isValid":false,"message":"'
    assert answer[1]["errors"][0]["message"].startswith(began)


def test_duplicate_ids():
    item = {"id": "12877900001", "properties": {}}
    answer = post(a_portal(), "/crm/v3/objects/contacts/batch/update", {"inputs": [item, item]})
    expected = {
        "status": "error",
        "message": "Duplicate IDs found in batch input: [12877900001]. IDs must be unique",
        "correlationId": TEXT,
        "context": {"ids": ["12877900001"]},
        "category": "VALIDATION_ERROR",
    }
    assert_told(answer, 400, expected)


def test_an_array_in_the_place_of_an_input():
    body = b'{\n"inputs": [\n        [{"id": "1", "properties": {}}]]}'
    answer = post(a_portal(), "/crm/v3/objects/contacts/batch/update", body)
    expected = {
        "status": "error",
        "message": "Invalid input JSON on line 3, column 9: Cannot deserialize value of type"
        " `com.hubspot.inbounddb.publicobject.core.v2.SimplePublicObjectBatchInput$Json` from"
        " Array value (token `JsonToken.START_ARRAY`)",
        "correlationId": TEXT,
    }
    assert_told(answer, 400, expected)


def test_an_input_without_its_id():
    item = b'{"properties": {"firstname": "' + b"A" * 267 + b'"}}'
    body = b'{"inputs": [ ' + item + b"]}"
    answer = post(a_portal(), "/crm/v3/objects/contacts/batch/update", body)
    expected = {
        "status": "error",
        "message": "Invalid input JSON on line 1, column 314."
        " Some required fields were not set: [id]",
        "correlationId": TEXT,
        "category": "VALIDATION_ERROR",
    }
    assert_told(answer, 400, expected)


def test_an_id_property_that_is_not_unique():
    item = {"idProperty": "hs_object_id", "id": "1", "properties": {}}
    answer = post(a_portal(), "/crm/v3/objects/0-2/batch/update", {"inputs": [item]})
    expected = {  # captured without the fields that every other body has
        "status": "error",
        "correlationId": TEXT,
        "category": "VALIDATION_ERROR",
        "message": "Unable to perform update/upsert by non-unique 0-2 property hs_object_id"
        " in portal ID 10000001",
    }
    assert_told(answer, 400, expected)


def two_contacts_with_a_taken_email(hubspot):
    hubspot.create("contacts", {"email": "mara@example.com"})
    emails = ["mara@example.com", "holt@example.com"]
    return {"inputs": [{"properties": {"email": email}} for email in emails]}


def test_a_create_that_conflicts_as_a_whole():
    hubspot = a_portal()
    body = two_contacts_with_a_taken_email(hubspot)
    answer = post(hubspot, "/crm/v3/objects/contacts/batch/create", body)
    expected = {
        "status": "error",
        "message": "Contact already exists",
        "correlationId": TEXT,
        "category": "CONFLICT",
    }
    assert_told(answer, 409, expected)


def test_a_create_of_one_contact_that_conflicts():
    hubspot = a_portal()
    body = two_contacts_with_a_taken_email(hubspot)
    taken = hubspot.find("contacts", "mara@example.com", by="email").id
    body["inputs"].pop()
    status, told = post(hubspot, "/crm/v3/objects/contacts/batch/create", body)
    assert (status, told["message"]) == (409, f"Contact already exists. Existing ID: {taken}")


def test_values_that_fail_a_batch_as_a_whole():
    item = {"properties": {"testproperty": "1"}}
    answer = post(a_portal(), "/crm/v3/objects/contacts/batch/create", {"inputs": [item]})
    sentence = 'Property "testproperty" does not exist'
    expected = {
        "status": "error",
        "correlationId": TEXT,
        "category": "VALIDATION_ERROR",
        "message": 'Property values were not valid: [{"isValid":false,"message":"Property'
        ' \\"testproperty\\" does not exist","error":"PROPERTY_DOESNT_EXIST",'
        '"name":"testproperty"}]',
        "errors": [
            {
                "message": sentence,
                "code": "PROPERTY_DOESNT_EXIST",
                "context": {"propertyName": ["testproperty"]},
            }
        ],
    }
    assert_told(answer, 400, expected)


def test_a_property_that_another_requires_in_2026_09():
    properties = {"firstname": "Mara", "country": "Malta"}
    body = {"inputs": [{"properties": properties}]}
    answer = post(a_portal(), "/crm/objects/2026-09/contacts/batch/create", body)
    message = "tax_number is required because of a conditional property rule based on [country]"
    error = {
        "code": "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
        "message": message,
        "context": {"propertyName": ["tax_number"]},
    }
    assert_told(answer, 400, {"category": "VALIDATION_ERROR", "errors": [error]})


def test_a_required_property_in_2026_09():
    body = {"inputs": [{"properties": {"phone": "1"}}]}
    answer = post(a_portal(), "/crm/objects/2026-09/contacts/batch/create", body)
    error = {
        "code": "MISSING_REQUIRED_PROPERTY",
        "message": "A value for firstname must be provided",
        "context": {"propertyName": ["firstname"]},
    }
    expected = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": "The property values provided are invalid",
        "errors": [error],
    }
    assert_told(answer, 400, expected)


def test_a_missing_permission_to_associate_in_2026_09():
    hubspot = a_portal(tokens={"t": Token(may_associate=False)})
    item = {"properties": {"firstname": "Mara"}, "associations": [{"to": {"id": "1"}}]}
    body = {"inputs": [item]}
    answer = post(hubspot, "/crm/objects/2026-09/contacts/batch/create", body)
    message = "Missing 'Edit Associations' permission."
    expected = {"status": "error", "message": message, "category": "VALIDATION_ERROR"}
    assert_told(answer, 400, expected)


def test_a_date_that_2026_09_normalises():
    properties = {"firstname": "Mara", "date_of_birth": "1990-01-05T13:00:00Z"}
    body = {"inputs": [{"properties": properties}]}
    status, told = post(a_portal(), "/crm/objects/2026-09/contacts/batch/create", body)
    warning = {
        "category": "PROPERTY_VALUE_NORMALIZED",
        "context": {
            "normalizedValue": "1990-01-05",
            "propertyName": "date_of_birth",
            "rawValue": "1990-01-05T13:00:00Z",
        },
        "message": "date_of_birth was normalized",
    }
    assert (status, told["results"][0]["warnings"]) == (201, [warning])


def test_missing_scopes():
    hubspot = a_portal(tokens={"t": Token(scopes=frozenset({"crm.objects.contacts.read"}))})
    body = {"inputs": [{"id": "1"}]}
    answer = post(hubspot, "/crm/v3/objects/deals/batch/read", body)
    error = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": ["crm.objects.deals.read"]},
    }
    expected = {
        "status": "error",
        "message": "This app hasn't been granted all required scopes to make this call. Read more"
        " about required scopes here: https://developers.hubspot.com/scopes.",
        "correlationId": TEXT,
        "errors": [error],
        "links": {"scopes": "https://developers.hubspot.com/scopes"},
        "category": "MISSING_SCOPES",
    }
    assert_told(answer, 403, expected)


def test_an_expired_token():
    hubspot = a_portal(tokens={"t": Token(expires_at=MOMENT - 75)})
    answer = post(hubspot, "/crm/v3/objects/deals/batch/read", {"inputs": []})
    expected = {
        "status": "error",
        "message": "The OAuth token used to make this call expired 75 second(s) ago.",
        "correlationId": TEXT,
        "category": "EXPIRED_AUTHENTICATION",
        "context": {"expire time": ["2026-03-31T23:32:05.000Z"]},
    }
    assert_told(answer, 401, expected)


def test_no_token():
    answer = post(a_portal(), "/crm/v3/objects/deals/batch/read", {"inputs": []}, token=None)
    expected = {
        "status": "error",
        "message": "Authentication credentials not found. This API supports OAuth 2.0"
        " authentication and you can find more details at"
        " https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "correlationId": TEXT,
        "category": "INVALID_AUTHENTICATION",
    }
    assert_told(answer, 401, expected)


def second_call_with(limits):
    hubspot = a_portal(limits=limits)
    post(hubspot, "/crm/v3/objects/deals/batch/read", {"inputs": []})
    return post(hubspot, "/crm/v3/objects/deals/batch/read", {"inputs": []})


def test_the_daily_limit():
    expected = {
        "status": "error",
        "message": "You have reached your daily limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": TEXT,
        "policyName": "DAILY",
        "requestId": TEXT,
    }
    assert_told(second_call_with(Limits(per_10_seconds=0, daily=1)), 429, expected)


def test_the_limit_of_ten_seconds():
    expected = {
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": TEXT,
        "policyName": "TEN_SECONDLY_ROLLING",
        "groupName": "publicapi:hapikey-api-calls-ten-secondly:1234567",
    }
    assert_told(second_call_with(Limits(per_10_seconds=1, daily=0)), 429, expected)
    assert second_call_with(UNLIMITED)[0] == 200
