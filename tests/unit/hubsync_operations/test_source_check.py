"""`hubsync source check`: every mistake with its line, and what becomes of a payload."""

import json

import pytest
from typer.testing import CliRunner

from hubsync_cli.main import app
from tests.examples import FOLDER, PAYLOADS

SOURCE = """\
account = "main"

[signature]
scheme = "github"
secret = "webhooks/shop"

[[change]]
when = '''
body.type == 'changed'
'''
object_type = "contacts"
id_property = "email"

[change.fields]
id = "body.mail"
event_id = "body.id"
occurred_at = "body.at"

[change.properties]
firstname = "body.name"
"phone" = "body.phone"
"""
PAYLOAD = {"type": "changed", "id": "p-1", "at": 0, "mail": "ada@example.com", "name": "Ada"}


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Check a source's text, with a sample; say how it ended and what was printed as JSON."""
    monkeypatch.delenv("HUBSPOT_OBJECT_TYPES", raising=False)
    path = tmp_path / "shop.toml"

    def run(text, payload=None, *arguments):
        path.write_text(text)
        sample = () if payload is None else ("--sample", "-")
        given = ["source", "check", str(path), "--json", *sample, *arguments]
        done = CliRunner().invoke(app, given, input=json.dumps(payload))
        return done.exit_code, json.loads(done.stdout)

    return run


def mistakes(answer):
    return [(each["pointer"], each["line"], each["message"]) for each in answer["mistakes"]]


def test_a_source_without_a_mistake_is_described(check):
    code, answer = check(SOURCE)
    assert (code, answer["mistakes"], answer["sample"]) == (0, [], None)
    assert answer["source"] == {
        "name": "shop",
        "account": "main",
        "scheme": "github",
        "secret": "webhooks/shop",
        "headers": [],
        "invalid": "refuse",
        "changes": 1,
    }


def test_every_mistake_is_told_with_the_line_it_is_in(check):
    wrong = (
        SOURCE.replace('account = "main"', 'colour = "red"')
        .replace('secret = "webhooks/shop"', 'secret = "shop"')
        .replace('event_id = "body.id"\n', "")
        .replace('"body.name"', '"name"')
        .replace('"body.phone"', '"lower()"')
    )
    code, answer = check(wrong)
    assert (code, answer["source"]) == (1, None)
    assert mistakes(answer) == [
        ("/account", None, "is required"),
        (
            "/signature/secret",
            5,
            "String should match pattern '^webhooks/[A-Za-z0-9/_+=.@-]+$'",
        ),
        ("/change/0/fields/event_id", 14, "is required"),
        (
            "/change/0/properties/firstname",
            19,
            "'name' is not there; an expression begins with one of headers, body, item",
        ),
        ("/change/0/properties/phone", 20, "lower() takes 1 arguments, not 0"),
        ("/colour", 1, "is no key that is known here"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "mistake"),
    [
        (
            'id_property = "email"\n',
            "",
            ("/change/0/id_property", 7, "is required for an upsert"),
        ),
        (
            'account = "main"',
            'account = "main"\nproperties_allowed = ["phone"]',
            ("/change/0/properties", 20, "the source may not set firstname"),
        ),
        ('scheme = "github"', "scheme", ("", None, "is no TOML: Expected '=' after a key in a ke")),
    ],
)
def test_a_mistake_of_another_kind_is_told_too(check, before, after, mistake):
    code, answer = check(SOURCE.replace(before, after))
    pointer, line, message = mistake
    assert code == 1
    assert [(p, n, m[: len(message)]) for p, n, m in mistakes(answer)] == [(pointer, line, message)]


def test_a_sample_is_explained(check):
    code, answer = check(SOURCE, PAYLOAD)
    assert code == 0
    assert answer["sample"] == {
        "status": 202,
        "accepted": 1,
        "ignored": 0,
        "kept": 0,
        "values_left_out": 0,
        "unknown": [],
        "challenge": None,
        "changes": [{"elements": 1, "wanted": 1, "failed": 0, "left_out": ["phone"]}],
        "events": [
            {
                "eventId": "p-1",
                "occurredAt": "1970-01-01T00:00:00Z",
                "sequence": 0,
                "operation": "upsert",
                "objectType": "0-1",
                "idProperty": "email",
                "id": "ada@example.com",
                "properties": {"firstname": "Ada"},
            }
        ],
        "faults": [],
    }


@pytest.mark.parametrize(("invalid", "status", "ignored"), [("refuse", 422, 0), ("ignore", 202, 0)])
def test_an_invalid_sample_is_told_with_the_line_that_maps_it(check, invalid, status, ignored):
    text = f'invalid = "{invalid}"\n{SOURCE}'
    code, answer = check(text, PAYLOAD | {"mail": None})
    sample = answer["sample"]
    assert (code, sample["status"], sample["ignored"]) == (1, status, ignored)
    assert sample["kept"] == (1 if invalid == "ignore" else 0)
    assert sample["faults"] == [
        {"pointer": "/change/0/fields/id", "line": 16, "message": "is null, or not there"}
    ]
    assert sample["changes"] == [{"elements": 1, "wanted": 0, "failed": 1, "left_out": []}]


def test_a_sample_that_no_change_is_about_is_no_mistake(check):
    code, answer = check(SOURCE, {"type": "ping"})
    assert (code, answer["sample"]["status"], answer["sample"]["ignored"]) == (0, 202, 1)


def test_headers_are_given_by_name(check):
    text = SOURCE.replace('"body.id"', """'headers."x-delivery"'""")
    code, answer = check(text, PAYLOAD, "--header", "X-Delivery=a=b")
    assert (code, answer["sample"]["events"][0]["eventId"]) == (0, "a=b")


def test_a_sample_for_a_source_without_mapping_is_a_change_event(check):
    text = SOURCE.partition("[[change]]")[0]
    code, answer = check(text, PAYLOAD)
    pointers = [fault["pointer"] for fault in answer["sample"]["faults"]]
    assert code == 1
    assert pointers == ["/eventId", "/occurredAt", "/objectType", "/idProperty", "/properties"]


def test_an_unknown_custom_object_is_a_mistake_only_where_the_known_ones_are_told(
    check, monkeypatch
):
    text = SOURCE.replace('"contacts"', '"p1_car"').replace('"email"', '"plate"')
    assert check(text, PAYLOAD)[0] == 0
    monkeypatch.setenv("HUBSPOT_OBJECT_TYPES", '{"p1_boat": "2-7"}')
    code, answer = check(text)
    assert (code, [each["line"] for each in answer["mistakes"]]) == (1, [11])
    monkeypatch.setenv("HUBSPOT_OBJECT_TYPES", '{"p1_car": "2-8"}')
    _, answer = check(text, PAYLOAD)
    assert answer["sample"]["events"][0]["objectType"] == "2-8"


def said(*arguments, stdin=None):
    done = CliRunner().invoke(app, ["source", "check", *arguments], input=stdin)
    return done.exit_code, " ".join(done.output.split())


def test_people_are_told_the_same():
    file = str(FOLDER / "hubspot.toml")
    code, output = said(file, "--sample", str(PAYLOADS / "hubspot-contacts.json"))
    assert code == 0
    assert "change 0, upsert contacts: 2 events of 4 elements; nothing found for email" in output
    assert "change 2, archive contacts: 1 events of 4 elements" in output
    assert output.endswith("The answer is 202: 3 accepted, 1 ignored.")


def test_the_headers_that_a_source_reads_are_told():
    _, output = said(str(FOLDER / "shopify.toml"))
    assert "reads headers x-shopify-topic, x-shopify-triggered-at, x-shopify-webhook-id" in output
    _, output = said(str(FOLDER / "clerk.toml"))
    assert "reads headers svix-id, webhook-id" in output
    assert "reads headers" not in said(str(FOLDER / "stripe.toml"))[1]


def test_what_is_invalid_names_the_line_that_maps_it():
    file = str(FOLDER / "github.toml")
    header = ("--header", "X-GitHub-Event=issues")
    code, output = said(file, "--sample", str(PAYLOADS / "github-issues-closed.json"), *header)
    assert code == 1
    complaint = f"invalid: {file}:22: /change/0/fields/event_id is null, or not there"
    assert complaint in output


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("--sample", "-"), 1, "is not JSON"),
        (("--header", "X-Topic"), 2, "is not NAME=VALUE"),
        (("--sample", "nowhere.json"), 2, "nowhere.json"),
    ],
)
def test_what_cannot_be_done_is_told(arguments, code, complaint):
    ended, output = said(str(FOLDER / "github.toml"), *arguments, stdin="{")
    assert (ended, complaint in output) == (code, True)


def test_what_is_wrong_names_file_and_line(tmp_path):
    path = tmp_path / "shop.toml"
    path.write_text(SOURCE.replace('"body.name"', '"name"'))
    code, output = said(str(path))
    assert (code, f"wrong: {path}:20: /change/0/properties/firstname" in output) == (1, True)


def test_slacks_challenge_is_told():
    arguments = ("--sample", str(PAYLOADS / "slack-url-verification.json"), "--json")
    code, output = said(str(FOLDER / "slack.toml"), *arguments)
    sample = json.loads(output)["sample"]
    assert (code, sample["status"], sample["challenge"]) == (0, 200, "3eZbrw1aBexampleChallenge")
