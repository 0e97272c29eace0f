"""A source of one's own, from its copy of an example to a payload that is mapped anew."""

import json

import pytest
from typer.testing import CliRunner

from hubsync_cli.main import app
from hubsync_local.stack import Stack
from hubsync_local.stack_client import Visitor
from hubsync_local.stack_file import announced
from tests.examples import CASES

SETTLE_SECONDS_MAX = 60
PAYLOAD = json.loads(CASES["stripe-customer-updated"].payload.read_bytes())


def run(*arguments, code=0, stdin="", env=None):
    done = CliRunner().invoke(app, [*map(str, arguments)], input=stdin, env=env)
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sources of one's own: customers of Stripe, by a name that events do not have."""
    folder = tmp_path_factory.mktemp("sources")
    run("source", "new", "shop", "--like", "stripe", "--sources", folder)
    path = folder / "shop.toml"
    path.write_text(path.read_text().replace('id = "body.data.object.id"', 'id = "body.customer"'))
    return folder


@pytest.fixture(scope="module")
def stack(folder, tmp_path_factory):
    with Stack(logs=tmp_path_factory.mktemp("logs"), consumers=1, sources=folder) as stack:
        yield stack


@pytest.fixture(scope="module")
def hubsync(stack, tmp_path_factory):
    path = tmp_path_factory.mktemp("announced") / "local.json"
    ready = {**stack.ready, "logs": str(stack.logs)}
    with announced(ready, path):
        yield lambda *arguments, **more: run(*arguments, env={"HUBSYNC_LOCAL": str(path)}, **more)


def test_a_stack_has_ones_own_sources_and_no_others(stack, folder):
    assert list(stack.ready["sources"]) == ["shop"]
    assert stack.ready["sources_folder"] == str(folder)


def test_a_payload_is_kept_found_and_mapped_anew_once_its_source_is_mended(
    stack, hubsync, folder, tmp_path
):
    shown, why = hubsync("send", "-", "--source", "shop", stdin=json.dumps(PAYLOAD))
    answer = json.loads(shown.partition("\n")[2])
    assert (answer["accepted"], answer["ignored"], answer["kept"]) == (0, 0, 1)
    assert "shop.toml" in why
    assert "/change/0/fields/id is null, or not there" in " ".join(why.split())

    (told, _), request = hubsync("explain", "--event", PAYLOAD["id"], "--json"), answer["requestId"]
    assert json.loads(told)["came"] == "dead letter"
    told = json.loads(hubsync("explain", "--request", request, "--json")[0])
    assert "so the payload was kept: 0 accepted, 0 ignored, 1 kept" in told["sentence"]
    assert [letter["reason_code"] for letter in told["dead_letters"]] == ["INVALID_PAYLOAD"]

    listed, _ = hubsync("dead-letters", "list", "--json")
    shown, _ = hubsync("dead-letters", "show", PAYLOAD["id"], "--json")
    assert "Ada" not in listed + shown
    shown, _ = hubsync("dead-letters", "show", PAYLOAD["id"], "--json", "--payload")
    assert json.loads(json.loads(shown)["payload"]["body"]) == PAYLOAD

    redriven, _ = hubsync("dead-letters", "redrive", "--all")
    assert "1 payloads fail still" in redriven
    assert "/change/0/fields/id is null, or not there" in " ".join(redriven.split())

    mended = tmp_path / "mended"
    mended.mkdir()
    text = (folder / "shop.toml").read_text()
    (mended / "shop.toml").write_text(text.replace("body.customer", "body.data.object.id"))
    redriven, _ = hubsync("dead-letters", "redrive", "--all", "--sources", mended, "--json")
    assert (json.loads(redriven)["made"], json.loads(redriven)["failed"]) == (1, 0)
    stack.wait_until_settled(SETTLE_SECONDS_MAX)
    with Visitor(stack.ready) as visitor:
        (record,) = visitor.look("records", type="contacts", limit="10")["records"]
    assert record["properties"]["lastname"] == "Ada Example"
    assert hubsync("dead-letters", "list", "--json")[0] == ""


def test_no_line_of_the_log_holds_a_secret_or_a_value_of_the_payload(stack):
    logs = "".join(path.read_text() for path in stack.log_files())
    assert "payload_kept" in logs
    for private in (
        "Ada",
        "example.com",
        "Example Square",
        stack.ready["sources"]["shop"]["secret"],
    ):
        assert private.lower() not in logs.lower()
