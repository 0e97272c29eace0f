"""What is known of the batch operations, asked of the state machine and through its ASGI face."""

import asyncio
import json

import httpx
import pytest

from hubspot_emulator import HubSpot, Request, Switches
from hubspot_emulator.server import EmulatorApp

NOW = 1775000000.0
CONTACTS = "/crm/objects/2026-03/contacts/batch"
FAMILIES = [
    "/crm/v3/objects",
    "/crm/objects/2025-09",
    "/crm/objects/2026-03",
    "/crm/objects/2026-09",
]


class Account:
    """A fresh account, and one way to speak to it."""

    def __init__(self, speak):
        self.hubspot = HubSpot(now=lambda: NOW)
        self._speak = speak

    def post(self, path, *inputs, **more):
        return self.send(path, {"inputs": list(inputs), **more})

    def send(self, path, body, headers=(("authorization", "Bearer t"),)):
        status, answer = self._speak(self.hubspot, path, dict(headers), json.dumps(body).encode())
        return status, json.loads(answer or "null")

    def properties(self, email):
        return self.hubspot.find("contacts", email, by="email").properties


def directly(hubspot, path, headers, body):
    answer = hubspot.handle(Request("POST", path, headers, body))
    return answer.status, answer.body


def through_asgi(hubspot, path, headers, body):
    async def call():
        transport = httpx.ASGITransport(EmulatorApp(hubspot))
        async with httpx.AsyncClient(transport=transport, base_url="http://hubspot") as client:
            return await client.post(path, headers=headers, content=body)

    response = asyncio.run(call())
    return response.status_code, response.content


@pytest.fixture(params=[directly, through_asgi])
def account(request):
    return Account(request.param)


def upsert(email, trace=None, **properties):
    item = {"idProperty": "email", "id": email, "properties": properties}
    return item if trace is None else {**item, "objectWriteTraceId": trace}


def ids(told):
    return sorted(result["id"] for result in told["results"])


def test_an_upsert_makes_a_record_and_then_changes_it(account):
    first = account.post(f"{CONTACTS}/upsert", upsert("ada@example.com", phone="1", city="Turin"))
    second = account.post(f"{CONTACTS}/upsert", upsert("ada@example.com", phone="2"))
    assert [(status, told["results"][0]["new"]) for status, told in (first, second)] == [
        (200, True),
        (200, False),
    ]
    assert account.properties("ada@example.com") == {
        "email": "ada@example.com",
        "phone": "2",
        "city": "Turin",
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("object_type", ["contacts", "0-1"])
def test_every_version_serves_every_operation_under_name_and_type_id(account, family, object_type):
    path = f"{family}/{object_type}/batch"
    _, made = account.post(f"{path}/create", {"properties": {"firstname": "Ada"}})
    made_id = made["results"][0]["id"]
    statuses = [
        account.post(f"{path}/upsert", upsert("b@example.com"))[0],
        account.post(f"{path}/update", {"id": made_id, "properties": {"phone": "1"}})[0],
        account.post(f"{path}/read", {"id": made_id})[0],
        account.post(f"{path}/archive", {"id": made_id})[0],
    ]
    assert statuses == [200, 200, 200, 204]


@pytest.mark.parametrize(
    "path",
    [
        "/crm/objects/2026-03/companies/batch/update",
        "/crm/objects/2026-03/contracts/batch/update",
        "/crm/v3/objects/0-420/batch/update",
        "/crm/v3/objects/contacts/batch/update",
        "/crm/v3/objects/p10000001_vehicle/batch/update",
    ],
)
def test_records_are_updated_by_their_id(account, path):
    object_type = path.split("/")[4]
    made = account.hubspot.create(object_type, {"external_id": "u-1"})
    status, told = account.post(path, {"id": made, "properties": {"external_id": "u-2"}})
    assert (status, ids(told)) == (200, [made])
    assert account.hubspot.find(object_type, "u-2", by="external_id").id == made


def test_one_bad_input_fails_an_upsert_without_trace_ids(account):
    status, told = account.post(
        f"{CONTACTS}/upsert", upsert("a@example.com"), upsert("b@example.com", nope="1")
    )
    assert (status, told["errors"][0]["code"]) == (400, "PROPERTY_DOESNT_EXIST")
    assert account.hubspot.records("contacts") == []


def test_one_bad_input_costs_only_itself_with_trace_ids(account):
    status, told = account.post(
        f"{CONTACTS}/upsert", upsert("a@example.com", "1"), upsert("b@example.com", "2", nope="1")
    )
    assert (status, told["numErrors"], told["errors"][0]["context"]) == (
        207,
        1,
        {"objectWriteTraceId": ["2"]},
    )
    assert [r.properties["email"] for r in account.hubspot.records("contacts")] == ["a@example.com"]


def test_a_bad_value_fails_an_update_without_trace_ids(account):
    known = account.hubspot.create("contacts", {"phone": "1"})
    status, _ = account.post(
        f"{CONTACTS}/update",
        {"id": known, "properties": {"phone": "2"}},
        {"id": "404", "properties": {"seats": "many"}},
        {"id": account.hubspot.create("contacts", {}), "properties": {"seats": "many"}},
    )
    assert status == 400
    assert account.hubspot.find("contacts", known).properties == {"phone": "1"}


def test_all_missing_records_share_one_entry_with_their_trace_ids(account):
    known = account.hubspot.create("contacts", {})
    inputs = [
        {"id": each, "objectWriteTraceId": f"t-{each}", "properties": {"phone": "1"}}
        for each in (known, "7", "8")
    ]
    status, told = account.post(f"{CONTACTS}/update", *inputs)
    assert (status, ids(told), told["numErrors"]) == (207, [known], 1)
    assert told["errors"][0]["context"] == {
        "ids": ["7", "8"],
        "objectWriteTraceId": ["t-7", "t-8"],
    }


def test_a_read_by_email_finds_what_is_there(account):
    account.post(f"{CONTACTS}/upsert", upsert("ada@example.com", phone="1"))
    status, told = account.post(
        f"{CONTACTS}/read",
        {"id": "ADA@example.com"},
        {"id": "bob@example.com"},
        idProperty="email",
        properties=["phone", "city", "nope"],
    )
    shown = told["results"][0]["properties"]
    assert (status, shown["phone"], shown["city"], "nope" in shown) == (207, "1", None, False)
    assert told["errors"][0]["context"] == {"ids": ["bob@example.com"]}


def test_a_read_shows_the_history_of_a_property(account):
    for phone in ("1", "2"):
        account.post(f"{CONTACTS}/upsert", upsert("ada@example.com", phone=phone))
    _, told = account.post(
        f"{CONTACTS}/read",
        {"id": "ada@example.com"},
        idProperty="email",
        propertiesWithHistory=["phone"],
    )
    history = told["results"][0]["propertiesWithHistory"]["phone"]
    assert [each["value"] for each in history] == ["2", "1"]


@pytest.mark.parametrize("operation", ["create", "read", "update", "upsert", "archive"])
def test_a_batch_holds_at_most_100_inputs(account, operation):
    inputs = [upsert(f"{n}@example.com") for n in range(101)]
    status, told = account.post(f"{CONTACTS}/{operation}", *inputs)
    assert (status, told["message"]) == (
        400,
        (
            "The maximum number of inputs supported in a batch request is 100."
            " Please reduce the number of items and try again"
        ),
    )


def test_a_read_with_history_holds_at_most_50_inputs(account):
    inputs = [{"id": str(n)} for n in range(51)]
    status, told = account.post(f"{CONTACTS}/read", *inputs, propertiesWithHistory=["phone"])
    assert (status, told["message"]) == (
        400,
        (
            "The maximum number of inputs supported in a batch request for property histories"
            " is 50. Please reduce the number of items and try again"
        ),
    )


@pytest.mark.parametrize("operation", ["create", "read", "update", "upsert", "archive"])
def test_json_without_inputs_does_nothing_and_says_complete(account, operation):
    status, told = account.send(f"{CONTACTS}/{operation}", {"id": "1", "properties": {}})
    assert (status, told["status"], told["results"]) == (200, "COMPLETE", [])
    assert "errors" not in told


def test_results_come_in_another_order(account):
    emails = [f"{n:02}@example.com" for n in range(20)]
    _, told = account.post(f"{CONTACTS}/upsert", *map(upsert, emails))
    shown = [result["properties"]["email"] for result in told["results"]]
    assert shown != emails
    assert sorted(shown) == emails


def test_an_email_is_stored_and_shown_in_lower_case(account):
    _, told = account.post(f"{CONTACTS}/upsert", upsert("Ada@Example.COM"))
    assert told["results"][0]["properties"]["email"] == "ada@example.com"
    assert account.hubspot.find("contacts", "ADA@EXAMPLE.com", by="email") is not None


def test_an_additional_email_leads_to_its_contact_and_replaces_nothing(account):
    account.hubspot.create(
        "contacts", {"email": "ada@example.com", "hs_additional_emails": "king@example.com"}
    )
    status, _ = account.post(f"{CONTACTS}/upsert", upsert("king@example.com", phone="1"))
    assert status == 200
    assert account.properties("king@example.com") == {
        "email": "ada@example.com",
        "hs_additional_emails": "king@example.com",
        "phone": "1",
    }


def test_an_archived_record_is_gone_and_an_upsert_makes_a_new_one(account):
    account.post(f"{CONTACTS}/upsert", upsert("ada@example.com", phone="1"))
    old = account.hubspot.find("contacts", "ada@example.com", by="email").id
    assert account.post(f"{CONTACTS}/archive", {"id": old}) == (204, None)
    assert account.hubspot.find("contacts", old) is None
    _, told = account.post(f"{CONTACTS}/upsert", upsert("ada@example.com"))
    assert (told["results"][0]["new"], told["results"][0]["id"] == old) == (True, False)


def test_an_archived_record_can_be_read_as_such(account):
    old = account.hubspot.create("contacts", {})
    account.post(f"{CONTACTS}/archive", {"id": old})
    # As HubSpot's own SDK for Python writes it.
    _, told = account.post(f"{CONTACTS}/read?archived=True", {"id": old})
    assert [(r["id"], r["archived"]) for r in told["results"]] == [(old, True)]


def test_a_merged_away_id_reads_as_the_record_it_became(account):
    survivor = account.hubspot.create("contacts", {"email": "a@example.com"})
    away = account.hubspot.create("contacts", {"email": "b@example.com"})
    account.hubspot.merge("contacts", survivor, away)
    _, told = account.post(f"{CONTACTS}/read", {"id": away})
    assert ids(told) == [survivor]
    assert account.hubspot.find("contacts", "b@example.com", by="email").id == survivor


def test_a_merged_away_id_leads_nowhere_once_its_survivor_is_archived(account):
    account.hubspot.turn(Switches(merged_away_id_on_update="survivor"))
    survivor, away = (account.hubspot.create("contacts", {}) for _ in range(2))
    account.hubspot.merge("contacts", survivor, away)
    account.post(f"{CONTACTS}/archive", {"id": survivor})
    for told in (
        account.post(f"{CONTACTS}/read", {"id": away}),
        account.post(f"{CONTACTS}/update", {"id": away, "properties": {"phone": "1"}}),
    ):
        assert (told[0], told[1]["results"]) == (207, [])


def test_a_merged_away_id_is_one_of_its_own_type(account):
    companies = [account.hubspot.create("companies", {}) for _ in range(2)]
    account.hubspot.merge("companies", *companies)
    status, told = account.post(f"{CONTACTS}/read", {"id": companies[1]})
    assert (status, told["results"]) == (207, [])


def test_a_unique_value_belongs_to_one_record_also_within_a_batch(account):
    status, told = account.post(
        f"{CONTACTS}/create",
        {"objectWriteTraceId": "1", "properties": {"external_id": "u-1"}},
        {"objectWriteTraceId": "2", "properties": {"external_id": "u-1"}},
    )
    assert (status, len(told["results"])) == (207, 1)
    assert "CONFLICTING_UNIQUE_VALUE" in told["errors"][0]["message"]


def test_an_input_is_told_which_record_of_its_own_batch_it_clashes_with(account):
    properties = {"email": "ada@example.com"}
    items = [{"objectWriteTraceId": trace, "properties": properties} for trace in "12"]
    _, told = account.post(f"{CONTACTS}/create", *items)
    message = f"Contact already exists. Existing ID: {told['results'][0]['id']}"
    assert [error["message"] for error in told["errors"]] == [message]


@pytest.mark.parametrize("blank", ["", " "])
def test_a_blank_key_finds_and_makes_no_record(account, blank):
    status, told = account.post(f"{CONTACTS}/upsert", upsert("a@example.com"), upsert(blank))
    assert (status, told["category"]) == (400, "VALIDATION_ERROR")
    assert account.hubspot.records("contacts") == []


def test_a_text_is_kept_byte_for_byte(account):
    text = '  \t"Ä\u0000\U0001f600;\n' * 4096
    account.post(f"{CONTACTS}/upsert", upsert("ada@example.com", notes=text))
    assert account.properties("ada@example.com")["notes"] == text


def test_associations_are_taken_and_forgotten(account):
    status, _ = account.post(
        f"{CONTACTS}/create",
        {"properties": {"firstname": "Ada"}, "associations": [{"to": {"id": "1"}, "types": []}]},
    )
    assert status == 201


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (
            "/crm/v3/objects/butterflies/batch/read",
            400,
            "Unable to infer object type from: butterflies",
        ),
        ("/crm/v3/objects/contacts", 404, "No endpoint at /crm/v3/objects/contacts"),
        ("/crm/v3/properties/contacts", 405, "HTTP POST is not allowed here"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_without_a_category(account, path, status, message):
    told = account.send(path, {})
    assert (told[0], told[1]["message"], "category" in told[1]) == (status, message, False)


def test_authentication_speaks_before_anything_else(account):
    status, told = account.send("/crm/v3/objects/butterflies/batch/read", {}, headers={})
    assert (status, told["category"]) == (401, "INVALID_AUTHENTICATION")


@pytest.mark.parametrize(
    "body",
    [
        '{"inputs": [',
        "[]",
        '{"inputs": {}}',
        '{"inputs": ["1"]}',
        "\ud800",
        '{"inputs": [{"id": {}, "properties": {}}]}',
        '{"inputs": [{"id": "1", "objectWriteTraceId": [], "properties": {}}]}',
        '{"inputs": [{"id": "1", "properties": {"seats": NaN}}]}',
    ],
)
def test_a_body_that_is_no_batch_is_refused(account, body):
    raw = body.encode(errors="surrogatepass")
    status, told = directly(
        account.hubspot, f"{CONTACTS}/update", {"authorization": "Bearer t"}, raw
    )
    assert (status, b"Invalid input JSON on line 1, column" in told) == (400, True)


def test_calls_are_logged(account):
    account.post(f"{CONTACTS}/upsert", upsert("a@example.com"), upsert("b@example.com"))
    call = account.hubspot.calls[-1]
    assert (call.time, call.method, call.path, call.operation, call.object_type) == (
        NOW,
        "POST",
        f"{CONTACTS}/upsert",
        "upsert",
        "0-1",
    )
    assert (call.inputs, call.status, call.fault) == (2, 200, None)


def test_history_tells_every_change_and_only_changes(account):
    for phone in ("1", "1", "2", ""):
        account.post(f"{CONTACTS}/upsert", upsert("ada@example.com", phone=phone))
    record = account.hubspot.find("contacts", "ada@example.com", by="email")
    assert account.hubspot.history(record.id) == [
        (NOW, "email", "ada@example.com"),
        (NOW, "phone", "1"),
        (NOW, "phone", "2"),
        (NOW, "phone", ""),
    ]
