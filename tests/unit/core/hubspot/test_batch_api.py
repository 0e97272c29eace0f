"""What an answer says, for every shape of body that HubSpot is known to send.

Shapes and sentences are as documented or captured; names, addresses and ids are made up.
"""

import json

import pytest

from hubsync.core.change import ARCHIVED
from hubsync.core.hubspot.batch import Batch, Route, archive_input
from hubsync.core.hubspot.batch_api import decode, decode_read, encode_read, path, reason_of
from hubsync.core.hubspot.reply import (
    Ambiguous,
    Answered,
    BatchRefused,
    Confirmed,
    NotApplied,
    NotFound,
    Reason,
    Refused,
    Scope,
    ShownRecord,
    Taken,
    TooLarge,
)
from tests.builders import ADA, a_batch, a_reading

TIMES = {"startedAt": "2026-03-31T10:00:00.000Z", "completedAt": "2026-03-31T10:00:00.050Z"}
ADA_AND_BEA = a_batch("ada@example.com", "bea@example.com")
ADAS, BEAS = (item.trace_id for item in ADA_AND_BEA.inputs)
UNKNOWN_PROPERTY = [
    {
        "isValid": False,
        "message": 'Property "firstname" does not exist',
        "error": "PROPERTY_DOESNT_EXIST",
        "name": "firstname",
        "localizedErrorMessage": 'Property "firstname" does not exist',
        "portalId": 10000001,
    }
]
VALUES_INVALID = f"Property values were not valid: {json.dumps(UNKNOWN_PROPERTY)}"
NOT_FOUND_TEXT = (
    "Could not get some CONTACT objects, they may be deleted or not exist."
    " Check that ids are valid."
)


def read(batch, status, body, **headers):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(batch, status, headers, raw)


def a_result(id_, *, email=None, **more):
    properties = {} if email is None else {"email": email}
    return {
        "id": id_,
        "properties": {**properties, "firstname": "Ada"},
        "createdAt": "2026-03-31T10:00:00.000Z",
        "updatedAt": "2026-03-31T10:00:00.000Z",
        "archived": False,
    } | more


def partly(*results, errors=(), **more):
    counted = {"numErrors": len(errors), "errors": list(errors)} if errors else {}
    return {"status": "COMPLETE", "results": list(results), **TIMES, **counted} | more


def an_error(category="VALIDATION_ERROR", message=VALUES_INVALID, **context):
    return {"status": "error", "category": category, "message": message, "context": context}


ADA_SHOWN, BEA_SHOWN = (
    a_result("1", email="ada@example.com"),
    a_result("2", email="bea@example.com"),
)
VALUE_REASON = Reason(
    "PROPERTY_DOESNT_EXIST",
    "HubSpot refused firstname (PROPERTY_DOESNT_EXIST)",
    {"firstname": "PROPERTY_DOESNT_EXIST"},
)


def confirmed(result):
    return Confirmed(result["id"], result["properties"])


# 2xx: what each input is told


def test_results_vouch_by_what_they_show_in_whatever_order_they_come():
    reply = read(ADA_AND_BEA, 200, partly(BEA_SHOWN | {"new": True}, ADA_SHOWN | {"new": False}))
    assert reply == Answered({ADAS: confirmed(ADA_SHOWN), BEAS: confirmed(BEA_SHOWN)})


@pytest.mark.parametrize("status", [200, 201, 202, 207, 299])
def test_every_2xx_is_read_alike_since_success_codes_drift(status):
    assert read(ADA_AND_BEA, status, partly(ADA_SHOWN, BEA_SHOWN)) == Answered(
        {ADAS: confirmed(ADA_SHOWN), BEAS: confirmed(BEA_SHOWN)}
    )


def test_an_upsert_by_a_custom_property_is_vouched_for_by_that_property():
    batch = a_batch("u-1001", id_property="external_id")
    result = a_result("512") | {"properties": {"external_id": "u-1001"}, "new": True}
    assert read(batch, 200, partly(result)) == Answered(
        {batch.inputs[0].trace_id: confirmed(result)}
    )


def test_an_address_is_recognised_in_another_case():
    result = a_result("1", email="ADA@Example.com")
    assert read(ADA_AND_BEA, 200, partly(result)) == Answered({ADAS: confirmed(result)})


def test_two_addresses_that_fold_together_are_two_records():
    batch = a_batch("stra\u00dfe@example.com", "strasse@example.com")
    first, _ = batch.inputs
    result = a_result("1", email="stra\u00dfe@example.com")
    assert read(batch, 200, partly(result)) == Answered({first.trace_id: confirmed(result)})


def test_a_custom_properties_value_is_not_recognised_in_another_case():
    batch = a_batch("u-1", "U-1", id_property="external_id")
    result = a_result("512") | {"properties": {"external_id": "U-1"}}
    assert read(batch, 200, partly(result)) == Answered(
        {batch.inputs[1].trace_id: confirmed(result)}
    )


def test_an_update_is_vouched_for_by_the_record_id_alone():
    batch = a_batch("11", "12", operation="update", id_property="hs_object_id")
    first, second = (item.trace_id for item in batch.inputs)
    assert read(batch, 200, partly(a_result("12"))) == Answered({second: confirmed(a_result("12"))})
    # A record merged into another is left out, or shown under the survivor's id.
    assert read(batch, 200, partly(a_result("12"), a_result("99"))) == Answered(
        {second: confirmed(a_result("12"))}
    )
    assert read(batch, 200, partly(a_result("12"), a_result("11"))) == Answered(
        {first: confirmed(a_result("11")), second: confirmed(a_result("12"))}
    )


def test_a_trace_id_in_a_result_is_believed_before_what_the_result_shows():
    result = a_result("1", email="someone@example.com", objectWriteTraceId=ADAS)
    assert read(ADA_AND_BEA, 200, partly(result)) == Answered({ADAS: confirmed(result)})


def test_an_input_found_by_another_address_is_vouched_for_by_count():
    stranger = a_result("1", email="ada@primary.example.com")
    assert read(ADA_AND_BEA, 200, partly(stranger, BEA_SHOWN)) == Answered(
        {ADAS: Confirmed("1"), BEAS: confirmed(BEA_SHOWN)}
    )


def test_two_strangers_vouch_for_two_inputs_but_do_not_say_which_is_which():
    strangers = [a_result("1", email="x@example.com"), a_result("2", email="y@example.com")]
    assert read(ADA_AND_BEA, 200, partly(*strangers)) == Answered(
        {ADAS: Confirmed(None), BEAS: Confirmed(None)}
    )


@pytest.mark.parametrize(
    "body",
    [
        partly(a_result("1", email="x@example.com")),
        partly(*(a_result("1", email=f"{n}@example.com") for n in range(3))),
        partly(a_result("1", email="x@example.com"), errors=[an_error()]),
        partly(a_result("1"), a_result("2"), numErrors=1),
        partly(ADA_SHOWN, errors=[an_error(objectWriteTraceId=[ADAS])]),
    ],
    ids=[
        "fewer results than inputs",
        "more results than inputs",
        "an error that blames nobody",
        "errors counted but not listed",
        "a result of a failed input",
    ],
)
def test_a_count_that_leaves_a_doubt_vouches_for_nobody(body):
    verdicts = read(ADA_AND_BEA, 207, body).verdicts
    assert not any(isinstance(verdict, Confirmed) for verdict in verdicts.values())


@pytest.mark.parametrize(
    "body", [{}, {"status": "COMPLETE", "results": [], **TIMES}, {"status": "CANCELED"}]
)
def test_silence_is_not_success(body):
    assert read(ADA_AND_BEA, 200, body) == Answered({})
    assert read(ADA_AND_BEA, 204, b"") == Answered({})


def test_warnings_do_not_make_a_written_input_less_written():
    warning = {
        "category": "PROPERTY_VALUE_NORMALIZED",
        "context": {
            "normalizedValue": "1990-01-05",
            "propertyName": "date_of_birth",
            "rawValue": "1990-01-05T13:00:00Z",
        },
        "message": "date_of_birth was normalized",
    }
    result = a_result("1", email="ada@example.com", warnings=[warning])
    assert read(a_batch("ada@example.com"), 200, partly(result)) == Answered(
        {ADAS: confirmed(result)}
    )


def test_an_input_refused_by_trace_id_takes_no_other_along():
    body = partly(BEA_SHOWN, errors=[an_error(objectWriteTraceId=[ADAS])])
    assert read(ADA_AND_BEA, 207, body) == Answered(
        {ADAS: Refused(VALUE_REASON), BEAS: confirmed(BEA_SHOWN)}
    )


def test_an_input_both_shown_and_refused_is_refused():
    body = partly(ADA_SHOWN, BEA_SHOWN, errors=[an_error(objectWriteTraceId=[ADAS])])
    assert read(ADA_AND_BEA, 207, body) == Answered(
        {ADAS: Refused(VALUE_REASON), BEAS: confirmed(BEA_SHOWN)}
    )


def test_a_conflict_names_the_record_that_has_the_value():
    message = "Contact already exists. Existing ID: 171500000198"
    error = an_error("CONFLICT", message, objectWriteTraceId=[ADAS], existingId=["171500000198"])
    assert read(ADA_AND_BEA, 207, partly(BEA_SHOWN, errors=[error])).verdicts[ADAS] == Refused(
        Reason("CONFLICT", "HubSpot refused the record: CONFLICT, taken by record 171500000198", {})
    )


@pytest.mark.parametrize("traced", [True, False])
def test_one_entry_names_all_records_that_are_not_found(traced):
    batch = a_batch("11", "12", "13", operation="update", id_property="hs_object_id")
    first, second, third = (item.trace_id for item in batch.inputs)
    traces = {"objectWriteTraceId": [second, third]} if traced else {}
    error = an_error("OBJECT_NOT_FOUND", NOT_FOUND_TEXT, ids=["12", "13"], **traces)
    reason = Reason(
        "OBJECT_NOT_FOUND",
        "HubSpot refused the record: OBJECT_NOT_FOUND, and named no property",
        {},
    )
    assert read(batch, 207, partly(a_result("11"), errors=[error])) == Answered(
        {first: confirmed(a_result("11")), second: NotFound(reason), third: NotFound(reason)}
    )


def test_a_message_cut_off_in_the_middle_refuses_without_naming_a_property():
    message = 'Property values were not valid: [{"isValid":false,"message":"Enter a numb'
    body = partly(errors=[an_error(message=message, objectWriteTraceId=[ADAS])])
    reason = Reason(
        "VALIDATION_ERROR",
        "HubSpot refused the record: VALIDATION_ERROR, and named no property",
        {},
    )
    assert read(a_batch("ada@example.com"), 207, body) == Answered({ADAS: Refused(reason)})


ARCHIVING = archive_input(ADA, {ARCHIVED: a_reading("true")}, "512")


@pytest.mark.parametrize("status", [204, 200, 202])
def test_an_archive_is_vouched_for_whole_by_any_2xx_without_a_body(status):
    batch = Batch(Route("main", "0-1", "archive", "email"), (ARCHIVING,))
    assert read(batch, status, b"") == Answered({ARCHIVING.trace_id: Confirmed(None)})


def test_an_archive_is_not_vouched_for_by_a_body_that_shows_nothing():
    batch = Batch(Route("main", "0-1", "archive", "email"), (ARCHIVING,))
    assert read(batch, 200, partly()) == Answered({})


def test_what_is_shown_is_text_that_every_wire_takes():
    odd = {"email": "ada@example.com", "a": "\ud800", "b": 5, "c": None, "d": ["x"]}
    result = a_result("1") | {"properties": odd}
    shown = {"email": "ada@example.com", "a": "?", "b": "5", "c": None, "d": "['x']"}
    reply = read(a_batch("ada@example.com"), 200, partly(result))
    assert reply == Answered({ADAS: Confirmed("1", odd)})  # made into text where it is kept
    assert found(BY_EMAIL, ["ada@example.com"], partly(result)) == {
        "ada@example.com": ShownRecord("1", shown)
    }


# A batch refused whole


def error_body(message, category=None, **more):
    body = {"status": "error", "message": message, "correlationId": "d24ec5cd-0000-4000-8000-1"}
    return body | ({} if category is None else {"category": category}) | more


def whole(code, properties=None, *, message=None, ids=()):
    message = message or f"HubSpot refused the record: {code}, and named no property"
    reason = Reason(code, message, properties or {}, "d24ec5cd-0000-4000-8000-1")
    return BatchRefused(reason, frozenset(ids))


@pytest.mark.parametrize(
    ("status", "body", "reply"),
    [
        (
            400,
            error_body(
                "Duplicate IDs found in batch input: [512]. IDs must be unique",
                "VALIDATION_ERROR",
                context={"ids": ["512"]},
            ),
            whole("VALIDATION_ERROR", ids=["512"]),
        ),
        (
            400,
            error_body(
                "Invalid input JSON on line 3, column 9: Cannot deserialize value of type `X`"
                " from Array value (token `JsonToken.START_ARRAY`)"
            ),
            whole("HTTP_400"),
        ),
        (
            400,
            error_body(
                "Invalid input JSON on line 1, column 314."
                " Some required fields were not set: [eventName]",
                "VALIDATION_ERROR",
            ),
            whole("VALIDATION_ERROR"),
        ),
        (
            400,
            error_body(
                "Unable to perform update/upsert by non-unique 0-2 property domain"
                " in portal ID 10000001",
                "VALIDATION_ERROR",
            ),
            whole("NON_UNIQUE_ID_PROPERTY"),
        ),
        (
            400,
            error_body("Unable to infer object type from: butterflies"),
            whole("UNKNOWN_OBJECT_TYPE"),
        ),
        (409, error_body("Contact already exists", "CONFLICT"), whole("CONFLICT")),
        (
            409,
            error_body("Contact already exists. Existing ID: 512", "CONFLICT"),
            whole(
                "CONFLICT", message="HubSpot refused the record: CONFLICT, taken by record 512"
            ),
        ),
        (
            400,
            error_body(
                VALUES_INVALID,
                "VALIDATION_ERROR",
                errors=[
                    {
                        "message": 'Property "lastname" is read only',
                        "code": "READ_ONLY_VALUE",
                        "context": {"propertyName": ["LastName"]},
                    }
                ],
            ),
            whole(
                "READ_ONLY_VALUE",
                {"lastname": "READ_ONLY_VALUE", "firstname": "PROPERTY_DOESNT_EXIST"},
                message="HubSpot refused firstname (PROPERTY_DOESNT_EXIST),"
                " lastname (READ_ONLY_VALUE)",
            ),
        ),
        (
            400,
            error_body(
                "The property values provided are invalid",
                "VALIDATION_ERROR",
                errors=[
                    {
                        "code": "MISSING_REQUIRED_PROPERTY",
                        "message": "A value for firstname must be provided",
                        "context": {"propertyName": ["firstname"]},
                    }
                ],
            ),
            whole(
                "MISSING_REQUIRED_PROPERTY",
                {"firstname": "MISSING_REQUIRED_PROPERTY"},
                message="HubSpot refused firstname (MISSING_REQUIRED_PROPERTY)",
            ),
        ),
        (
            403,
            error_body(
                "This app hasn't been granted all required scopes to make this call.",
                "MISSING_SCOPES",
                errors=[
                    {
                        "message": "One or more of the following scopes are required.",
                        "context": {"requiredGranularScopes": ["crm.objects.deals.write"]},
                    }
                ],
                links={"scopes": "https://developers.hubspot.com/scopes"},
            ),
            whole(
                "MISSING_SCOPES",
                message="HubSpot refused the call: MISSING_SCOPES,"
                " one of crm.objects.deals.write is needed",
            ),
        ),
        (
            404,
            error_body(NOT_FOUND_TEXT, "OBJECT_NOT_FOUND", context={"ids": ["512"]}),
            whole("OBJECT_NOT_FOUND", ids=["512"]),
        ),
        (404, error_body("No endpoint here"), whole("HTTP_404")),
        (414, error_body("URI too long"), whole("HTTP_414")),
        (422, error_body("Unprocessable", "a free text"), whole("HTTP_422")),
    ],
    ids=[
        "duplicate ids", "nested array", "missing field", "non-unique property", "unknown type",
        "conflict", "conflict with an id", "values", "required property", "missing scopes",
        "record not found", "path not found", "too many merge identities", "category is no code",
    ],
)  # fmt: skip
def test_a_batch_refused_whole_says_why_in_our_words(status, body, reply):
    assert read(ADA_AND_BEA, status, body) == reply


@pytest.mark.parametrize("body", [b"", b"<h1>Bad</h1>", b"[]", b"5", b"null", b'{"status": []}'])
def test_a_refusal_without_a_readable_body_is_still_a_refusal(body):
    reason = Reason("HTTP_400", "HubSpot refused the record: HTTP_400, and named no property", {})
    assert read(ADA_AND_BEA, 400, body) == BatchRefused(reason)


@pytest.mark.parametrize(
    "error",
    [
        # Observed: the name is sometimes missing for an INVALID_OPTION.
        {"message": 'Property values were not valid: [{"isValid":false,"error":"INVALID_OPTION"}]'},
        {"errors": [{"message": "gold was not one of the options", "code": "INVALID_OPTION"}]},
    ],
    ids=["in the message", "in the list"],
)
def test_a_refusal_that_names_no_property_still_gives_its_code(error):
    body = {"category": "VALIDATION_ERROR", **error}
    message = "HubSpot refused the record: INVALID_OPTION, and named no property"
    reason = Reason("INVALID_OPTION", message, {})
    assert read(ADA_AND_BEA, 400, body) == BatchRefused(reason)


def test_hubspots_texts_are_not_passed_on_since_they_quote_values():
    invalid = [{"message": "Email address ada@secret.example is invalid", "error": "ada@secret"}]
    message = f"Property values were not valid: {json.dumps(invalid)}"
    body = error_body(message, "VALIDATION_ERROR", errors=[{"message": message, "code": "secret"}])
    assert "secret" not in repr(read(ADA_AND_BEA, 400, body))


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "two words", "x" * 101, "", "\ufffe"])
def test_what_is_no_name_or_id_goes_into_no_attribute_and_no_ledger(text):
    errors = [{"code": "INVALID", "context": {"propertyName": [text]}}]
    body = error_body("No", "VALIDATION_ERROR", errors=errors) | {"correlationId": text}
    message = "HubSpot refused the record: INVALID, and named no property"
    assert read(ADA_AND_BEA, 400, body) == BatchRefused(Reason("INVALID", message, {}))
    result = a_result(text, email="ada@example.com")
    reply = read(a_batch("ada@example.com"), 200, partly(result))
    assert reply == Answered({ADAS: Confirmed(None, result["properties"])})


# Refused for now, too large, or who knows


@pytest.mark.parametrize(
    ("status", "body", "headers", "reply"),
    [
        (
            401,
            error_body(
                "The OAuth token used to make this call expired 75 second(s) ago.",
                "EXPIRED_AUTHENTICATION",
                context={"expire time": ["2022-06-21T10:37:52.040Z"]},
            ),
            {},
            NotApplied("HTTP_401", scope=Scope.ACCOUNT),
        ),
        (
            401,
            error_body("Authentication credentials not found.", "INVALID_AUTHENTICATION"),
            {},
            NotApplied("HTTP_401", scope=Scope.ACCOUNT),
        ),
        (403, error_body("Blocked", "BANNED"), {}, NotApplied("HTTP_403", scope=Scope.ACCOUNT)),
        (423, error_body("Locked"), {}, NotApplied("LOCKED", 2.0)),
        (423, error_body("Locked"), {"retry-after": "9"}, NotApplied("LOCKED", 9.0)),
        (
            429,
            error_body(
                "You have reached your daily limit.", errorType="RATE_LIMIT", policyName="DAILY"
            ),
            {},
            NotApplied("THROTTLED_DAILY", scope=Scope.ACCOUNT),
        ),
        (
            429,
            error_body("You have reached your daily limit.", errorType="RATE_LIMIT"),
            {},
            NotApplied("THROTTLED_DAILY", scope=Scope.ACCOUNT),
        ),
        (
            429,
            error_body("Too many requests.", errorType="RATE_LIMIT"),
            {"x-hubspot-ratelimit-daily-remaining": "0"},
            NotApplied("THROTTLED_DAILY", scope=Scope.ACCOUNT),
        ),
        (
            429,
            error_body(
                "You have reached your ten_secondly_rolling limit.",
                errorType="RATE_LIMIT",
                policyName="TEN_SECONDLY_ROLLING",
                groupName="publicapi:hapikey-api-calls-ten-secondly:1234567",
            ),
            {"retry-after": "3"},
            NotApplied("THROTTLED_TEN_SECONDLY_ROLLING", 3.0, Scope.ACCOUNT),
        ),
        (
            429,
            error_body("You have reached your secondly limit.", "RATE_LIMITS"),
            {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"},
            NotApplied("THROTTLED_UNNAMED", scope=Scope.ACCOUNT),
        ),
        (
            429,
            error_body("Slow", policyName=["no", "code"]),
            {"retry-after": "-5"},
            NotApplied("THROTTLED_UNNAMED", 0.0, Scope.ACCOUNT),
        ),
        (
            477,
            error_body("The account is being migrated"),
            {"retry-after": "86400"},
            NotApplied("HTTP_477", 86400.0, Scope.ACCOUNT),
        ),
        (477, b"", {"retry-after": "inf"}, NotApplied("HTTP_477", 86400, Scope.ACCOUNT)),
        (477, b"", {"retry-after": "1e30"}, NotApplied("HTTP_477", 86400, Scope.ACCOUNT)),
        (477, b"", {"retry-after": "nan"}, NotApplied("HTTP_477", None, Scope.ACCOUNT)),
        (418, error_body("No"), {}, NotApplied("HTTP_418")),
        (302, b"", {}, NotApplied("HTTP_302")),
        (408, b"", {}, Ambiguous("HTTP_408")),
        (500, error_body("Internal error"), {}, Ambiguous("HTTP_500")),
        (502, b"<h1>502</h1>", {}, Ambiguous("HTTP_502")),
        (503, b"", {}, Ambiguous("HTTP_503")),
        (504, b"", {}, Ambiguous("HTTP_504")),
        (524, b"<h1>524 A timeout occurred</h1>", {}, Ambiguous("HTTP_524")),
        (200, b'{"status": "COMPLETE", "resul', {}, Ambiguous("BROKEN_BODY")),
        (200, b"", {}, Ambiguous("BROKEN_BODY")),
        (200, b"[]", {}, Ambiguous("BROKEN_BODY")),
        (207, b"\xff", {}, Ambiguous("BROKEN_BODY")),
        (200, {"status": "PENDING", "results": []}, {}, Ambiguous("PENDING")),
        (200, {"status": "PROCESSING", "results": [ADA_SHOWN]}, {}, Ambiguous("PROCESSING")),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_is_no_verdict_on_the_inputs_says_how_to_go_on(status, body, headers, reply):
    assert read(ADA_AND_BEA, status, body, **headers) == reply


def test_a_body_that_is_too_large_is_nobodys_fault_yet():
    reason = Reason("TOO_LARGE", "HubSpot refused the record: TOO_LARGE, and named no property", {})
    assert read(ADA_AND_BEA, 413, b"") == TooLarge(reason)


@pytest.mark.parametrize("status", [[], {}, 5, None, "COMPLETE", "complete"])
def test_a_status_of_any_kind_is_survived(status):
    body = partly(ADA_SHOWN, BEA_SHOWN) | {"status": status}
    assert read(ADA_AND_BEA, 200, body) == Answered(
        {ADAS: confirmed(ADA_SHOWN), BEAS: confirmed(BEA_SHOWN)}
    )


# Paths


@pytest.mark.parametrize(
    ("object_type", "operation", "versions", "expected"),
    [
        ("2-123", "update", {"default": "2026-03"}, "/crm/objects/2026-03/2-123/batch/update"),
        ("2-123", "upsert", {"default": "2026-03"}, "/crm/objects/2026-03/2-123/batch/upsert"),
        (
            "contracts",
            "update",
            {"default": "2026-03"},
            "/crm/objects/2026-03/contracts/batch/update",
        ),
        (
            "0-420",
            "update",
            {"default": "2026-03", "0-420": "v3"},
            "/crm/v3/objects/0-420/batch/update",
        ),
        ("0-1", "update", {"default": "v3"}, "/crm/v3/objects/contacts/batch/update"),
        ("0-1", "archive", {"default": "2026-03"}, "/crm/objects/2026-03/contacts/batch/archive"),
        (
            "0-2",
            "read",
            {"default": "2026-03", "0-1": "v3"},
            "/crm/objects/2026-03/companies/batch/read",
        ),
    ],
)
def test_a_call_goes_to_the_path_of_its_types_version(object_type, operation, versions, expected):
    assert path(object_type, operation, versions) == expected


# Reading back

BY_EMAIL = Route("main", "0-1", "update", "email")
BY_ID = Route("main", "0-1", "update", "hs_object_id")


def test_a_read_asks_for_what_tells_the_records_apart():
    assert json.loads(encode_read(BY_EMAIL, ["ada@example.com"], ["phone"])) == {
        "properties": ["phone", "email"],
        "idProperty": "email",
        "inputs": [{"id": "ada@example.com"}],
    }
    assert json.loads(encode_read(BY_EMAIL, ["a"], ["email"]))["properties"] == ["email"]
    assert json.loads(encode_read(BY_ID, ["512"], ["phone"])) == {
        "properties": ["phone"],
        "inputs": [{"id": "512"}],
    }


def found(route, ids, body, status=200):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_read(route, ids, status, {}, raw)


def test_a_read_shows_records_by_the_id_asked_for_and_says_which_are_not_there():
    error = an_error("OBJECT_NOT_FOUND", NOT_FOUND_TEXT, ids=["bea@example.com"])
    ids = ["ada@example.com", "bea@example.com", "cy@example.com"]
    assert found(BY_EMAIL, ids, partly(ADA_SHOWN, errors=[error]), 207) == {
        "ada@example.com": ShownRecord("1", {"email": "ada@example.com", "firstname": "Ada"}),
        "bea@example.com": None,
    }


def test_a_record_read_alone_may_show_another_address():
    shown = found(BY_EMAIL, ["ada@example.com"], partly(a_result("1", email="x@example.com")))
    assert shown["ada@example.com"].hubspot_id == "1"
    shown = found(
        BY_EMAIL, ["a@example.com", "b@example.com"], partly(a_result("1", email="x@y.z"))
    )
    assert shown == {}


def test_a_read_that_is_no_answer_shows_nothing():
    assert found(BY_ID, ["1"], b"", 500) == Ambiguous("HTTP_500")
    assert isinstance(found(BY_ID, ["1"], error_body("No"), 400), BatchRefused)
    assert found(BY_ID, ["1"], b"{") == Ambiguous("READ_UNFINISHED")
    assert found(BY_ID, ["1"], {"status": "PENDING"}) == Ambiguous("READ_UNFINISHED")
    assert found(BY_ID, ["1"], {"status": []}) == {}


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("A value for firstname must be provided", {"firstname": "MISSING_REQUIRED_PROPERTY"}),
        (
            "tax_number is required because of a conditional property rule based on [country]",
            {"tax_number": "MISSING_CONDITIONAL_REQUIRED_PROPERTY"},
        ),
    ],
)
def test_a_required_property_is_known_by_its_sentence_alone(message, named):
    assert reason_of({"category": "VALIDATION_ERROR", "message": message}).properties == named


COORDINATES = (
    "Cannot set PropertyValueCoordinates{portalId=1, objectTypeId=0-1, propertyName=email,"
    " value=a}b@example.com} on 2001. 1999 already has that value."
)
TOKENS = {"propertyName": ["email"], "existingObjectId": [1999]}


@pytest.mark.parametrize(
    ("status", "body", "named", "taken"),
    [
        (
            400,
            {"category": "VALIDATION_ERROR", "message": COORDINATES},
            {"email": "UNIQUE_VALUE_CONFLICT"},
            Taken("email", "a}b@example.com", "2001", "1999"),
        ),
        (
            400,
            {"message": "no", "errorType": "UNIQUE_VALUE_CONFLICT", "errorTokens": TOKENS},
            {"email": "UNIQUE_VALUE_CONFLICT"},
            Taken("email", existing_id="1999"),
        ),
        (
            409,
            {
                "category": "OBJECT_ALREADY_EXISTS",
                "message": "Contact already exists. Existing ID: 1999",
                "errors": [{"message": "no", "in": "email"}],
            },
            {"email": "OBJECT_ALREADY_EXISTS"},
            Taken("email", existing_id="1999"),
        ),
        (409, {"category": "CONFLICT", "message": "Existing ID: 1999"}, {}, None),
    ],
    ids=["coordinates", "tokens", "in", "no property"],
)
def test_a_taken_value_is_known_in_each_form(status, body, named, taken):
    refused = decode(a_batch("ada@example.com"), status, {}, json.dumps(body).encode())
    assert isinstance(refused, BatchRefused)
    assert (refused.reason.properties, refused.taken) == (named, taken)
    assert "taken by record 1999" in refused.reason.message
    assert "example.com" not in refused.reason.message


@pytest.mark.parametrize("status", [400, 404])
def test_keys_that_an_update_did_not_find_are_named_by_coordinates(status):
    context = {"missingObjectPropertyValueCoordinates": ["0-3:external_id:a:b", "odd"]}
    body = json.dumps({"category": "VALIDATION_ERROR", "context": context}).encode()
    refused = decode(a_batch("a:b", id_property="external_id"), status, {}, body)
    assert isinstance(refused, BatchRefused)
    assert (refused.reason.code, refused.ids) == ("OBJECT_NOT_FOUND", {"a:b"})


@pytest.mark.parametrize(
    ("scopes", "code"),
    [
        (["crm.objects.contacts.sensitive.write.v2"], "MISSING_SENSITIVE_SCOPES"),
        (["crm.objects.contacts.write"], "MISSING_SCOPES"),
        (["crm.objects.contacts.write", "crm.sensitive"], "MISSING_SCOPES"),
    ],
)
def test_a_scope_for_sensitive_data_alone_is_about_a_property(scopes, code):
    errors = [{"message": "no", "context": {"requiredGranularScopes": scopes}}]
    reason = reason_of({"category": "MISSING_SCOPES", "errors": errors})
    assert (reason.code, scopes[0] in reason.message) == (code, True)
