"""What a portal is made of, where it comes from, and what it tells about itself."""

import json
import re

import pytest

from hubspot_emulator import DEFAULT, HubSpot, Limits, Portal, Request, load_portal

NOW = 1775000000.0
SMALL = """
portal_id = 7
[types.boats]
type_id = "2-9"
singular = "boat"
[types.boats.properties]
hull = { unique = true }
sails = { type = "enumeration", options = ["jib", { value = "main", label = "Mainsail" }] }
"""


def get(path, hubspot=None):
    machine = hubspot or HubSpot(now=lambda: NOW)
    answer = machine.handle(Request("GET", path, {"authorization": "Bearer t"}))
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_portal_is_read_from_a_file(tmp_path, suffix):
    document = {
        "portal_id": 7,
        "types": {
            "boats": {
                "type_id": "2-9",
                "singular": "boat",
                "properties": {
                    "hull": {"unique": True},
                    "sails": {
                        "type": "enumeration",
                        "options": ["jib", {"value": "main", "label": "Mainsail"}],
                    },
                },
            }
        },
    }
    file = tmp_path / f"portal{suffix}"
    file.write_text(SMALL if suffix == ".toml" else json.dumps(document))
    portal = load_portal(file)
    assert portal == Portal.model_validate(document)
    assert list(portal.types["boats"].properties) == [
        "hs_object_id",
        "createdate",
        "hs_lastmodifieddate",
        "hull",
        "sails",
    ]
    hubspot = HubSpot(portal, now=lambda: NOW)
    assert hubspot.find("p7_boat", hubspot.create("2-9", {"hull": "1"})).properties == {"hull": "1"}


def a_boat(**more):
    return {"boats": {"type_id": "2-9", "singular": "boat", "properties": {}, **more}}


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({}, "types\n"),
        ({"a": {"type_id": "2-1", "singular": "a", "colour": 1}}, "colour"),
        (
            {name: {"type_id": "2-1", "singular": name, "properties": {}} for name in "ab"},
            "two object types share a type id: ['2-1', '2-1']",
        ),
        (
            {
                "a": {
                    "type_id": "2-1",
                    "singular": "a",
                    "properties": {f"p{n}": {"unique": True} for n in range(11)},
                }
            },
            "2-1 has 11 unique properties; the limit is 10",
        ),
        (
            {name: {"type_id": f"2-{name}", "singular": "boat"} for name in "ab"},
            "two object types would be found at 'p10000001_boat'",
        ),
        (a_boat(required=[["hull"]]), "required names 'hull', which is no property"),
        (a_boat(shown={"update": ["hull"]}), "shown.update names 'hull', which is no property"),
        (
            a_boat(properties={"crew": {"required_when": "hull"}}),
            "properties.crew.required_when names 'hull', which is no property",
        ),
        (
            a_boat(properties={"rig": {"options": ["sloop"], "default": "ketch"}}),
            "default 'ketch' is none of the options",
        ),
        (a_boat(properties={"rig": {"forward_only": True}}), "single options"),
        (a_boat(properties=["hull"]), "types.boats.properties"),
        (a_boat(properties={"hull": {"type": ["string"]}}), "types.boats.properties.hull.type"),
        (a_boat(created=5), "types.boats.created"),
    ],
)
def test_an_impossible_portal_is_refused(types, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Portal.model_validate({"types": types})


def test_a_portal_in_an_unknown_time_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone 'Mars/Base'"):
        Portal.model_validate({"time_zone": "Mars/Base", "types": {}})


def test_the_default_portal_has_the_types_a_client_meets():
    assert {name: kind.type_id for name, kind in DEFAULT.types.items()} == {
        "contacts": "0-1",
        "companies": "0-2",
        "deals": "0-3",
        "tickets": "0-5",
        "products": "0-7",
        "line_items": "0-8",
        "contracts": "contracts",
        "listings": "0-420",
        "vehicles": "2-123",
    }


@pytest.mark.parametrize("path", ["/crm/v3/properties", "/crm/properties/2026-03"])
def test_properties_are_listed_at_once_without_the_sensitive_ones(path):
    status, told = get(f"{path}/contacts")
    names = [each["name"] for each in told["results"]]
    assert (status, list(told)) == (200, ["results"])
    assert "passport_number" not in names
    assert len(names) == len(DEFAULT.types["contacts"].properties) - 1


def test_sensitive_properties_are_listed_when_asked_for():
    _, told = get("/crm/v3/properties/0-1?dataSensitivity=sensitive")
    assert [each["name"] for each in told["results"]] == ["passport_number"]


def test_no_property_is_archived():
    assert get("/crm/v3/properties/0-1?archived=true") == (200, {"results": []})


def test_a_property_is_told_in_full():
    status, told = get("/crm/v3/properties/contacts/interests")
    assert (status, told["type"], told["fieldType"]) == (200, "enumeration", "checkbox")
    assert told["options"][:2] == [
        {"value": "chess", "label": "chess", "displayOrder": 0, "hidden": False},
        {"value": "maths", "label": "maths", "displayOrder": 1, "hidden": False},
    ]
    assert told["modificationMetadata"] == {
        "archivable": True,
        "readOnlyDefinition": False,
        "readOnlyValue": False,
    }


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("external_id", (True, False, False)),
        ("hs_object_id", (False, False, True)),
        ("days_to_close", (False, True, True)),
    ],
)
def test_a_property_tells_whether_it_is_unique_calculated_and_read_only(name, flags):
    _, told = get(f"/crm/v3/properties/contacts/{name}")
    read_only = told["modificationMetadata"]["readOnlyValue"]
    assert (told["hasUniqueValue"], told["calculated"], read_only) == flags


def test_an_unknown_property_is_not_found():
    status, told = get("/crm/v3/properties/contacts/nope")
    assert (status, told["category"]) == (404, "OBJECT_NOT_FOUND")


def test_rules_of_the_portal_are_told():
    rule = {"ruleType": "EMAIL", "ruleArguments": [], "shouldApplyNormalization": False}
    assert get("/crm/v3/property-validations/0-1/email") == (200, {"results": [rule]})
    _, told = get("/crm/v3/property-validations/0-1")
    assert [each["propertyName"] for each in told["results"]] == ["email", "initials"]


@pytest.mark.parametrize("path", ["/crm/v3/schemas", "/crm-object-schemas/v3/schemas"])
def test_schemas_name_the_types(path):
    _, told = get(path)
    names = {each["objectTypeId"]: each["fullyQualifiedName"] for each in told["results"]}
    assert names["2-123"] == "p10000001_vehicle"


def test_the_account_tells_its_id_and_its_use():
    hubspot = HubSpot(now=lambda: NOW, limits=Limits(per_10_seconds=0, daily=10))
    _, details = get("/account-info/v3/details", hubspot)
    _, usage = get("/account-info/v3/api-usage/daily/private-apps", hubspot)
    assert (details["portalId"], details["timeZone"]) == (10000001, "UTC")
    assert usage["results"][0] == {
        "name": "private-apps-api-calls-daily",
        "usageLimit": 10,
        "currentUsage": 2,
    }
