"""What an operator asks of a running stack, from a refused property to its redrive."""

import json
import stat

import pytest
from typer.testing import CliRunner

from hubsync_cli.main import app
from hubsync_local.stack_file import announced

IDS = "operator-1", "operator-2"
EVENTS = [
    {
        "eventId": event_id,
        "occurredAt": "2026-11-21T10:00:00Z",
        "objectType": "contacts",
        "idProperty": "email",
        "id": f"{event_id}@example.com",
        "properties": {"firstname": "Ada", "seats": seats},
    }
    for event_id, seats in zip(IDS, ("a dozen", 12), strict=True)
]
REFUSED, TAKEN = IDS
ONLY = "--event", REFUSED
REFUSED_RECORD = "contacts", f"{REFUSED}@example.com", "--id-property", "email"


@pytest.fixture(scope="module")
def hubsync(driver, tmp_path_factory):
    """Run the command beside a stack, which it finds as it finds that of `hubsync local`."""
    path = tmp_path_factory.mktemp("announced") / "local.json"
    ready = {**driver.stack.ready, "logs": str(driver.stack.logs)}

    def run(*arguments, code=0, stdin=""):
        env = {"HUBSYNC_LOCAL": str(path)}
        done = CliRunner().invoke(app, arguments, input=stdin, env=env)
        assert done.exit_code == code, done.stderr
        return done.stdout

    assert driver.post(json.dumps(EVENTS).encode()).status_code == 202
    driver.settle()
    with announced(ready, path):
        yield run


def test_a_plan_names_the_calls_and_the_faults(hubsync):
    (call,) = json.loads(hubsync("plan", "-", "--json", stdin=json.dumps(EVENTS)))["calls"]
    assert (call["path"], call["inputs"]) == ("/crm/objects/2026-03/contacts/batch/upsert", 2)
    versions = ("--api-versions", '{"default": "2026-03", "contacts": "v3"}')
    shown = hubsync("plan", "-", *versions, stdin=json.dumps(EVENTS))
    assert "/crm/v3/objects/contacts/batch/upsert" in shown
    assert "2 events, 2 records, 1 calls" in shown
    (fault, *_) = json.loads(hubsync("plan", "-", "--json", stdin="{}", code=1))["invalid"]
    assert fault == {"pointer": "/eventId", "message": "Field required"}
    hubsync("plan", "-", stdin="{", code=1)
    hubsync("plan", "-", "--source", "nobodys", stdin="{}", code=2)


def test_a_record_is_explained(hubsync):
    told = json.loads(hubsync("explain", *REFUSED_RECORD, "--json"))
    assert (told["condition"], bool(told["hubspot_id"])) == (
        ["Nothing is left to do for it."],
        True,
    )
    assert [each["name"] for each in told["properties"]] == [":archived", "firstname"]
    assert {line["reason_code"] for line in told["logs"]} == {"INVALID_INTEGER"}
    shown = hubsync("explain", *REFUSED_RECORD)
    assert "reason_code=INVALID_INTEGER" in shown
    assert "a dozen" not in shown
    hubsync("explain", "contacts", code=2)
    hubsync("explain", "nothing", "1", code=2)


def test_an_event_is_explained(hubsync):
    told = json.loads(hubsync("explain", "--event", REFUSED, "--json"))
    came = {each["name"]: each["came"] for each in told["properties"]}
    assert (told["came"], came.pop(":archived")) == ("dead letter", "written")
    assert came == {"firstname": "written", "seats": "refused"}
    taken = ("explain", "contacts", f"{TAKEN}@example.com", "--id-property", "email")
    assert json.loads(hubsync(*taken, "--event", TAKEN, "--json"))["came"] == "written"
    alone = json.loads(hubsync("explain", "--event", TAKEN, "--json"))
    assert alone["came"] == "written"
    assert f"as {alone['logs'][-1]['trace_id']}" in alone["sentence"]


def test_dead_letters_are_listed_without_ids_and_shown_with_everything(hubsync):
    listed = hubsync("dead-letters", "list", *ONLY, "--json")
    assert json.loads(listed)["refused_properties"] == ["seats"]
    assert "@example.com" not in listed + hubsync("dead-letters", "list", *ONLY)
    with_ids = json.loads(hubsync("dead-letters", "list", *ONLY, "--ids", "--json"))
    assert with_ids["id"] == f"{REFUSED}@example.com"
    shown = json.loads(hubsync("dead-letters", "show", REFUSED))
    assert shown["event"]["properties"] == EVENTS[0]["properties"]
    hubsync("dead-letters", "show", "nobody", code=1)
    hubsync("dead-letters", "list", "--since", "2 weeks", code=2)


def test_dead_letters_are_exported_for_their_owner_alone(hubsync, tmp_path):
    file = tmp_path / "letters.jsonl"
    hubsync("dead-letters", "export", str(file), *ONLY)
    assert json.loads(file.read_text())["event_id"] == REFUSED
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    hubsync("dead-letters", "export", str(file), *ONLY, code=1)
    assert json.loads(hubsync("dead-letters", "export", "-", *ONLY))["event_id"] == REFUSED


def test_a_dead_letter_is_redriven_and_refused_again(driver, hubsync):
    hubsync("dead-letters", "redrive", code=2)
    hubsync("dead-letters", "redrive", *ONLY, "--all", code=2)
    assert "1 would be redriven" in hubsync("dead-letters", "redrive", *ONLY, "--dry-run")
    assert "1 of 1 redriven" in hubsync("dead-letters", "redrive", *ONLY)
    driver.settle()
    again = hubsync("dead-letters", "list", *ONLY, "--json").splitlines()
    assert [json.loads(line)["reason_code"] for line in again] == ["INVALID_INTEGER"]
    lines = json.loads(hubsync("explain", "--event", REFUSED, "--json"))["logs"]
    assert [line["fact"] for line in lines] == ["event_dead_lettered"] * 2


def test_without_a_running_stack_that_is_said(tmp_path):
    env = {"HUBSYNC_LOCAL": str(tmp_path / "nowhere.json")}
    done = CliRunner().invoke(app, ["dead-letters", "list"], env=env)
    assert (done.exit_code, done.stdout, "hubsync local" in done.stderr) == (1, "", True)
