"""`hubsync source test` and `hubsync source new`: golden files, and a copy to begin with."""

import json

import pytest
from typer.testing import CliRunner

from hubsync.core.payloads.source import load_source
from hubsync_cli.main import app
from hubsync_operations.source_cases import NoCases, cases
from tests.examples import FOLDER, PAYLOADS

SOURCE = """
account = "main"
invalid = "ignore"
[signature]
scheme = "shopify"
secret = "webhooks/shop"
[[change]]
when = "headers.\\"x-topic\\" == 'changed'"
object_type = "contacts"
id_property = "email"
[change.fields]
id = "body.mail"
event_id = "body.id"
occurred_at = "body.at"
[change.properties]
firstname = "body.name"
"""
PAYLOAD = {"id": "p-1", "at": "2999-01-01T00:00:00Z", "mail": "ada@example.com", "name": "Ada"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("HUBSPOT_OBJECT_TYPES", raising=False)
    (tmp_path / "payloads").mkdir()
    (tmp_path / "shop.toml").write_text(SOURCE)
    put(tmp_path, "shop-changed", PAYLOAD, {"X-Topic": "changed"})
    return tmp_path


def put(folder, name, body, headers=None):
    (folder / "payloads" / f"{name}.json").write_text(json.dumps(body))
    if headers is not None:
        (folder / "payloads" / f"{name}.headers.json").write_text(json.dumps(headers))


def said(*arguments):
    done = CliRunner().invoke(app, ["source", *map(str, arguments)])
    return done.exit_code, done.output


def test_what_comes_of_a_payload_is_written_and_then_compared(folder):
    code, output = said("test", folder)
    assert (code, "is missing; --update writes it" in output) == (1, True)
    assert said("test", folder, "--update")[0] == 0
    golden = json.loads((folder / "payloads" / "shop-changed.events.json").read_text())
    assert [event["id"] for event in golden["events"]] == ["ada@example.com"]
    code, output = said("test", folder)
    assert (code, "1 of 1 payloads as expected" in output) == (0, True)


def test_a_difference_is_shown_and_ends_with_1(folder):
    said("test", folder, "--update")
    put(folder, "shop-changed", PAYLOAD | {"name": "Eve"})
    code, output = said("test", folder)
    assert code == 1
    assert '-        "firstname": "Ada"' in output
    assert '+        "firstname": "Eve"' in output
    code, output = said("test", folder, "--json")
    assert (code, "firstname" in json.loads(output)["shop-changed"]) == (1, True)


def test_a_payload_belongs_to_the_source_with_the_longest_name(folder):
    (folder / "shop-eu.toml").write_text(SOURCE)
    put(folder, "shop-eu-changed", PAYLOAD)
    put(folder, "shopping-changed", PAYLOAD)
    found = {case.name: case.source.name for case in cases(folder, folder / "payloads")}
    assert found == {"shop-changed": "shop", "shop-eu-changed": "shop-eu"}


def test_what_is_invalid_is_part_of_what_is_expected(folder):
    put(folder, "shop-changed", PAYLOAD | {"mail": None, "name": "x"})
    said("test", folder, "--update")
    golden = json.loads((folder / "payloads" / "shop-changed.events.json").read_text())
    assert golden == {
        "status": 202,
        "events": [],
        "ignored": 0,
        "kept": 1,
        "faults": [{"pointer": "/change/0/fields/id", "message": "is null, or not there"}],
    }


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "shop.toml").unlink(), "has no source"),
        (lambda folder: (folder / "payloads" / "shop-changed.json").unlink(), "has no payload of"),
        (lambda folder: (folder / "shop.toml").write_text("x"), "shop.toml"),
        (lambda folder: (folder / "payloads" / "shop-changed.json").write_text("{"), "not JSON"),
        (lambda folder: put(folder, "shop-changed", PAYLOAD, []), "no JSON object of texts"),
    ],
)
def test_what_cannot_be_tried_is_told(folder, spoil, complaint):
    spoil(folder)
    code, output = said("test", folder)
    assert (code, complaint in " ".join(output.split())) == (1, True)


def test_a_folder_without_payloads_is_told(folder):
    with pytest.raises(NoCases):
        list(cases(folder, folder))


def test_the_examples_are_as_expected():
    code, output = said("test", FOLDER, "--payloads", PAYLOADS)
    assert (code, "differs" in output) == (0, False)


def test_a_source_begins_with_a_copy_of_an_example(tmp_path):
    code, output = said("new", "my-shop", "--like", "woocommerce", "--sources", tmp_path / "new")
    assert (code, "<stack>/webhooks/my-shop" in output) == (0, True)
    made = load_source(tmp_path / "new" / "my-shop.toml")
    assert made.signature.secret == "webhooks/my-shop"
    code, output = said("new", "my-shop", "--like", "stripe", "--sources", tmp_path / "new")
    assert (code, "File exists" in output) == (1, True)
    assert load_source(tmp_path / "new" / "my-shop.toml") == made


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("shop", "--like", "nothing"), "is not one of"),
        (("My Shop", "--like", "stripe"), "is no name"),
        (("../shop", "--like", "stripe"), "is no name"),
    ],
)
def test_what_no_source_can_be_called_is_told(tmp_path, arguments, complaint):
    code, output = said("new", *arguments, "--sources", tmp_path)
    assert (code, complaint in " ".join(output.split())) == (2, True)
