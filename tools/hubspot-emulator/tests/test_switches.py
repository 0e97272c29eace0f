"""Every setting of every switch shows in what the emulator does."""

import json
import re

import pytest

from hubspot_emulator import SETTINGS, UNLIMITED, HubSpot, Limits, OAuthApp, Request, Switches

NOW = 1775000000.0
V3 = "/crm/v3/objects/contacts/batch"
STRICT = "/crm/objects/2026-09/contacts/batch"
APP = OAuthApp("client", "secret", "refresh")


class Account:
    """An account with two contacts, Ada and Bob, and one switch turned."""

    def __init__(self, switch, setting, limits=UNLIMITED):
        switches = Switches.from_text({switch: setting})
        self.now = NOW
        self.hubspot = HubSpot(now=lambda: self.now, switches=switches, limits=limits, apps=[APP])
        self.ada = self.hubspot.create("contacts", {"email": "ada@example.com", "city": "Turin"})
        self.bob = self.hubspot.create("contacts", {"email": "bob@example.com"})

    def call(self, path, *inputs, **more):
        body = json.dumps({"inputs": list(inputs), **more}).encode()
        return self.send("POST", path, body)

    def send(self, method, path, body=b""):
        answer = self.hubspot.handle(Request(method, path, {"authorization": "Bearer t"}, body))
        return answer.status, answer.headers, json.loads(answer.body or b"null")

    def shown(self, email):
        found = self.hubspot.find("contacts", email, by="email")
        return None if found is None else dict(found.properties)

    def read(self, email):
        """Whether batch/read finds a contact by its e-mail address."""
        _, _, told = self.call(f"{V3}/read", {"id": email}, idProperty="email", properties=[])
        return bool(told["results"])


def upsert(email, trace=None, /, **properties):
    item = {"idProperty": "email", "id": email, "properties": properties}
    return item if trace is None else {**item, "objectWriteTraceId": trace}


def update(record_id, trace=None, /, **properties):
    item = {"id": record_id, "properties": properties}
    return item if trace is None else {**item, "objectWriteTraceId": trace}


def over_limit_text(account):
    _, _, told = account.call(f"{V3}/read", *[{"id": str(n)} for n in range(101)])
    return "Please reduce" in told["message"]


def missing_field_text(account):
    _, _, told = account.call(f"{V3}/read", {})
    return told["message"]


def null_value(account):
    status, _, _ = account.call(f"{V3}/update", update(account.ada, city=None))
    return status, account.shown("ada@example.com").get("city")


def numeric_value(account):
    status, _, _ = account.call(f"{V3}/update", update(account.ada, seats=1.50))
    return status, account.shown("ada@example.com").get("seats")


def upsert_without_id_property(account):
    status, _, told = account.call(f"{V3}/upsert", update(account.ada, city="Rome"), update("404"))
    return status, account.shown("ada@example.com")["city"], told.get("numErrors")


def mixed_id_property(account):
    other = {"idProperty": "external_id", "id": "u-1", "properties": {}}
    return account.call(f"{V3}/upsert", upsert("ada@example.com"), other)[0]


def email_case_duplicates(account):
    pair = upsert("eve@example.com", city="Rome"), upsert("EVE@example.com", phone="1")
    status, _, told = account.call(f"{V3}/upsert", *pair)
    return status, told.get("context"), account.shown("eve@example.com")


def upsert_duplicate_key(account):
    account.hubspot.edit("contacts", account.ada, {"hs_additional_emails": "king@example.com"})
    pair = upsert("ada@example.com"), upsert("king@example.com")
    return account.call(f"{V3}/upsert", *pair)[0]


def trace_ids_duplicated_or_partial(account):
    partial = upsert("ada@example.com", "1"), upsert("eve@example.com", nope="1")
    same = upsert("ada@example.com", "1"), upsert("eve@example.com", "1", nope="1")
    return account.call(f"{V3}/upsert", *partial)[0], account.call(f"{V3}/upsert", *same)[0]


def contracts_writes(account):
    contract = account.hubspot.create("contracts", {})
    path = "/crm/objects/2026-03/contracts/batch"
    return (
        account.call(f"{path}/update", update(contract))[0],
        account.call(f"{path}/read", {"id": contract})[0],
    )


def upsert_conflict_with_trace_ids(account):
    clash = upsert("eve@example.com", "1", email="bob@example.com")
    status, _, told = account.call(f"{V3}/upsert", clash, upsert("ada@example.com", "2", phone="1"))
    category = told.get("category") or told["errors"][0]["category"]
    return status, category, account.shown("ada@example.com").get("phone")


def taken_value_form(account):
    item = {"id": account.ada, "properties": {"email": "bob@example.com"}}
    status, _, told = account.call(f"{V3}/update", item | {"objectWriteTraceId": "1"})
    entry = told["errors"][0] if told.get("errors") else told
    where = [name for name in ("errorType", "in") if name in told | entry]
    return status, where, f"on {account.ada}. {account.bob} already" in entry["message"]


def conflict_existing_id_context(account):
    item = {"objectWriteTraceId": "1", "properties": {"email": "bob@example.com"}}
    _, _, told = account.call(f"{V3}/create", item)
    return told["errors"][0]["context"].get("existingId") == [account.bob]


def email_taken_on_write(account):
    status, _, told = account.call(f"{V3}/update", update(account.ada, email="bob@example.com"))
    return status, told["category"], [each["code"] for each in told.get("errors", [])]


def email_upsert_omitted_properties(account):
    account.call(f"{V3}/upsert", upsert("ada@example.com", phone="1"))
    return account.shown("ada@example.com")


def upsert_by_additional_email_shows(account):
    account.hubspot.edit("contacts", account.ada, {"hs_additional_emails": "king@example.com"})
    _, _, told = account.call(f"{V3}/upsert", upsert("king@example.com", phone="1"))
    return told["results"][0]["properties"]["email"], account.shown("king@example.com")["email"]


def upsert_shows_id_property(account):
    _, _, told = account.call(f"{V3}/upsert", upsert("ada@example.com", phone="1"))
    _, _, sent = account.call(f"{V3}/upsert", upsert("ada@example.com", email="ada@example.com"))
    return [set(each["results"][0]["properties"]) for each in (told, sent)]


def update_by_email(account):
    status, _, told = account.call(f"{V3}/update", upsert("ada@example.com", city="Rome"))
    return status, account.shown("ada@example.com")["city"], told.get("message", "")[:43]


def update_email_as_plain_id(account):
    status, _, told = account.call(f"{V3}/update", update("ada@example.com", city="Rome"))
    return status, told["results"], told.get("numErrors")


def update_bad_value_with_trace_ids(account):
    good, bad = update(account.ada, "1", city="Rome"), update(account.bob, "2", seats="many")
    status, _, _ = account.call(f"{V3}/update", good, bad)
    return status, account.shown("ada@example.com")["city"]


def update_not_found_with_trace_ids(account):
    _, _, told = account.call(f"{V3}/update", update("404", "1"))
    return sorted(told["errors"][0]["context"])


def update_key_not_found(account):
    gone = {"idProperty": "external_id", "id": "gone", "properties": {"phone": "1"}}
    status, _, told = account.call(f"{V3}/update", gone)
    return status, told.get("context")


def update_all_ids_missing(account):
    status, _, told = account.call(f"{V3}/update", update("404"))
    return status, told["results"], "errors" in told, "numErrors" in told


def merged_away_id_on_update(account):
    account.hubspot.merge("contacts", account.bob, account.ada)
    status, _, told = account.call(f"{V3}/update", update(account.ada, phone="1"))
    return (
        status,
        len(told["results"]),
        "errors" in told,
        account.shown("bob@example.com").get("phone"),
    )


def archive_missing_id(account):
    status, _, _ = account.call(f"{V3}/archive", {"id": "404"}, {"id": account.ada})
    return status, account.shown("ada@example.com") is None


def upsert_without_properties(account):
    status, _, _ = account.call(f"{V3}/upsert", upsert("new@example.com"))
    return status, account.shown("new@example.com") is not None


def archive_merged_away_id(account):
    account.hubspot.merge("contacts", account.bob, account.ada)
    status, _, _ = account.call(f"{V3}/archive", {"id": account.ada})
    return status, account.shown("bob@example.com") is None


def read_by_key_lags(account):
    account.call(f"{V3}/upsert", upsert("new@example.com", phone="1"))
    seen = {account.read("new@example.com") for _ in range(9)}
    account.now += 2
    return seen, account.read("new@example.com")


def number_error_code(account):
    _, _, told = account.call(f"{V3}/update", update(account.ada, seats="many"))
    return told["errors"][0]["code"]


def read_only_text(account):
    _, _, told = account.call(f"{V3}/update", update(account.ada, days_to_close="1"))
    return told["errors"][0]["message"]


def option_list_style(account):
    _, _, told = account.call(f"{V3}/update", update(account.ada, plan="gold"))
    return "display_order" in told["errors"][0]["message"]


def value_error_shape(account):
    _, _, told = account.call(f"{V3}/update", update(account.ada, plan="gold", nope="1"))
    embedded = json.loads(told["message"].partition(": ")[2])
    return [each.get("name") for each in embedded], len(told["errors"])


def date_normalisation_2026_09(account):
    bad = {"birthday": "1990-01-05T13:00:00Z"}
    status, _, told = account.call(f"{STRICT}/update", update(account.ada, **bad))
    v3_status, _, _ = account.call(f"{V3}/update", update(account.ada, **bad))
    return status, "warnings" in json.dumps(told), v3_status


def append_semantics(account):
    for interests in ("chess", ";chess;maths"):
        account.call(f"{V3}/update", update(account.ada, interests=interests))
    return account.shown("ada@example.com")["interests"]


def trace_id_in_results(account):
    _, _, told = account.call(f"{V3}/update", update(account.ada, "t-1", city="Rome"))
    return told["results"][0].get("objectWriteTraceId")


def success_code(account):
    return (
        account.call(f"{V3}/create", {"properties": {}})[0],
        account.call(f"{V3}/archive", {"id": account.ada})[0],
    )


def partial_code_2026_09(account):
    status, _, told = account.call(f"{STRICT}/update", update("404"))
    return status, told["numErrors"], account.call(f"{V3}/update", update("404"))[0]


def correlation_id_header(account):
    return "x-hubspot-correlation-id" in account.call(f"{V3}/read")[1]


def email_has_unique_flag(account):
    return account.send("GET", "/crm/v3/properties/contacts/email")[2]["hasUniqueValue"]


def throttled(account):
    account.hubspot.limit(Limits(per_10_seconds=1, daily=0))
    account.call(f"{V3}/read")
    return account.call(f"{V3}/read")


def retry_after_on_429(account):
    status, headers, _ = throttled(account)
    return status, headers.get("Retry-After")


def rate_429_category(account):
    return throttled(account)[2].get("category")


def calls_per_batch(account):
    account.hubspot.limit(Limits(per_10_seconds=50, daily=0))
    _, headers, _ = account.call(f"{V3}/read", {"id": account.ada}, {"id": account.bob})
    return headers["X-HubSpot-RateLimit-Remaining"]


def bad_refresh_token_body(account):
    form = b"grant_type=refresh_token&client_id=client&client_secret=secret&refresh_token=old"
    status, _, told = account.send("POST", "/oauth/v3/token", form)
    return status, told.get("status")


ADA = {"email": "ada@example.com", "city": "Turin"}
REFUSED = "Unable to perform update/upsert by non-uniq"
EFFECTS = {
    over_limit_text: {"sibling": True, "other": False},
    missing_field_text: {
        "some required fields": "Invalid input JSON on line 1, column 15."
        " Some required fields were not set: [id]",
        "other": "Required field 'id' is missing",
    },
    null_value: {"400": (400, "Turin"), "clears": (200, None), "ignored": (200, "Turin")},
    numeric_value: {"text": (200, "1.5"), "400": (400, None)},
    upsert_without_id_property: {"400": (400, "Turin", None), "record id": (207, "Rome", 1)},
    mixed_id_property: {"accepted": 200, "400": 400},
    email_case_duplicates: {
        "400": (400, {"ids": ["EVE@example.com"]}, None),
        "one record": (200, None, {"email": "eve@example.com", "city": "Rome", "phone": "1"}),
    },
    upsert_duplicate_key: {"id": 200, "record": 400},
    trace_ids_duplicated_or_partial: {"as if none": (400, 400), "207": (207, 207)},
    contracts_writes: {"on": (200, 200), "off": (405, 200)},
    upsert_conflict_with_trace_ids: {
        "409": (409, "CONFLICT", None),
        "207": (207, "CONFLICT", "1"),
    },
    taken_value_form: {
        "judgement": (207, [], False),
        "item": (207, [], True),
        "coordinates": (400, [], True),
        "tokens": (400, ["errorType"], False),
        "in": (409, ["in"], False),
        "mixed": (400, ["errorType"], False),
    },
    conflict_existing_id_context: {"absent": False, "present": True},
    email_taken_on_write: {
        "CONFLICT": (409, "CONFLICT", []),
        "CONFLICTING_UNIQUE_VALUE": (400, "VALIDATION_ERROR", ["CONFLICTING_UNIQUE_VALUE"]),
    },
    email_upsert_omitted_properties: {
        "kept": {**ADA, "phone": "1"},
        "reset": {"email": "ada@example.com", "phone": "1"},
    },
    upsert_by_additional_email_shows: {
        "primary": ("ada@example.com", "ada@example.com"),
        "sent": ("king@example.com", "ada@example.com"),
    },
    upsert_shows_id_property: {
        "always": [{"phone", "email"}, {"email"}],
        "only if sent": [{"phone"}, {"email"}],
    },
    update_by_email: {"400": (400, "Turin", REFUSED), "accepted": (200, "Rome", "")},
    update_email_as_plain_id: {"not found": (207, [], 1), "empty 2xx": (200, [], None)},
    update_bad_value_with_trace_ids: {"207": (207, "Rome"), "400": (400, "Turin")},
    update_not_found_with_trace_ids: {
        "ids and trace ids": ["ids", "objectWriteTraceId"],
        "ids": ["ids"],
    },
    update_key_not_found: {
        "207": (207, None),
        "400": (400, {"missingObjectPropertyValueCoordinates": ["0-1:external_id:gone"]}),
        "404": (404, {"missingObjectPropertyValueCoordinates": ["0-1:external_id:gone"]}),
    },
    update_all_ids_missing: {
        "aggregated error": (207, [], True, True),
        "no errors": (207, [], False, False),
    },
    merged_away_id_on_update: {
        "left out": (200, 0, False, None),
        "not found": (207, 0, True, None),
        "survivor": (200, 1, False, "1"),
    },
    upsert_without_properties: {"taken": (200, True), "400": (400, False)},
    archive_missing_id: {"204": (204, True), "error": (404, False)},
    archive_merged_away_id: {"nothing": (204, False), "survivor": (204, True)},
    read_by_key_lags: {"no": ({True}, True), "2 s": ({False}, True)},
    number_error_code: {name: name for name in SETTINGS["number_error_code"]},
    read_only_text: {
        "short": '"days_to_close" is a read only property; its value cannot be set.',
        "long": '"days_to_close" is a calculated property; its value cannot be set.',
    },
    option_list_style: {"short": False, "long": True},
    value_error_shape: {
        "full": (["plan", "nope"], 2),
        "no name": ([None, "nope"], 2),
        "fewer errors": (["plan", "nope"], 1),
    },
    date_normalisation_2026_09: {"on": (200, True, 400), "off": (400, False, 400)},
    append_semantics: {"set union": "chess;maths", "concatenation": "chess;chess;maths"},
    trace_id_in_results: {"absent": None, "echoed": "t-1"},
    success_code: {"per operation": (201, 204), "200": (200, 200)},
    partial_code_2026_09: {"207": (207, 1, 207), "200": (200, 1, 207)},
    correlation_id_header: {"present": True, "absent": False},
    email_has_unique_flag: {"false": False, "true": True},
    retry_after_on_429: {"absent": (429, None), "seconds": (429, "10")},
    rate_429_category: {"absent": None, "RATE_LIMITS": "RATE_LIMITS"},
    calls_per_batch: {"1": "49", "one per input": "48"},
    bad_refresh_token_body: {
        "BAD_REFRESH_TOKEN": (400, "BAD_REFRESH_TOKEN"),
        "other": (400, None),
    },
}


@pytest.mark.parametrize(
    ("effect", "setting", "expected"),
    [
        pytest.param(effect, setting, expected, id=f"{effect.__name__}={setting}")
        for effect, settings in EFFECTS.items()
        for setting, expected in settings.items()
    ],
)
def test_a_setting_has_its_effect(effect, setting, expected):
    assert effect(Account(effect.__name__, setting)) == expected


def test_every_setting_of_every_switch_is_tested():
    assert {each.__name__: tuple(settings) for each, settings in EFFECTS.items()} == SETTINGS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"colour": "red"}, "no switch 'colour'; there are over_limit_text, "),
        (
            {"null_value": "red"},
            "switch null_value has no setting 'red'; use 400 | clears | ignored",
        ),
    ],
)
def test_a_wrong_switch_is_told_what_there_is(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Switches.from_text(given)
