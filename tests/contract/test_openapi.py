"""docs/openapi.json is what the code says, and valid OpenAPI 3.1."""

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from hubsync.core.event import ChangeEvent
from hubsync_checks.openapi import document, text
from tests.builders import raw_event
from tests.openapi import DOCUMENT, described, mistakes, operation

BODIES = operation("post")["requestBody"]["content"]
EVENT = {"$ref": "#/components/schemas/ChangeEvent"}


def test_the_document_is_what_the_code_says():
    assert DOCUMENT.read_text("utf-8") == text(), "make format writes it anew"


def test_the_document_is_valid_openapi():
    assert [error.message for error in OpenAPIV31SpecValidator(document()).iter_errors()] == []


@pytest.mark.parametrize("media", BODIES)
def test_every_example_is_what_its_schema_says(media):
    body = BODIES[media]
    examples = [example["value"] for example in body.get("examples", {}).values()]
    examples += [body["example"]] if "example" in body else []
    assert examples
    assert [mistakes(example, body["schema"]) for example in examples] == [[]] * len(examples)


def test_every_field_of_a_change_event_is_described():
    fields = described()["components"]["schemas"]["ChangeEvent"]["properties"]
    assert set(fields) == {field.alias for field in ChangeEvent.model_fields.values()}
    assert [name for name, field in fields.items() if "description" not in field] == []


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": 12, "sequence": 2**63 - 1},
        {"operation": "archive", "idProperty": None, "properties": None},
        {"properties": {"a": 1.5, "b": True, "c": None, "d": ["x", 1, False], "e": ""}},
    ],
    ids=repr,
)
def test_an_event_that_is_valid_fits_the_schema(fields):
    assert mistakes(raw_event(**fields), EVENT) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"eventId": None},
        {"eventId": ""},
        {"eventId": "a\tb"},
        {"occurredAt": 5},
        {"sequence": -1},
        {"operation": "create"},
        {"id": None},
        {"properties": {"a": {}}},
        {"properties": {"a": [[]]}},
        {"properties": {"a": "x" * 65_537}},
        {"properties": {"x" * 101: ""}},
        {"properties": {f"p{n}": "" for n in range(251)}},
    ],
    ids=lambda fields: repr(fields)[:40],
)
def test_an_event_that_is_not_does_not(fields):
    assert mistakes(raw_event(**fields), EVENT) != []
