"""`hubsync hubspot` in a process of its own."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from hubsync_cli.main import app

PATH = "/crm/objects/2026-03/boats/batch/upsert"
PORTAL = {
    "types": {
        "boats": {
            "type_id": "2-9",
            "singular": "boat",
            "properties": {"hull": {"unique": True}},
        }
    }
}
HUBSYNC = Path(sys.executable).with_name("hubsync")
SECONDS_MAX = 20


@pytest.fixture
def running(tmp_path):
    portal = tmp_path / "portal.json"
    portal.write_text(json.dumps(PORTAL))
    options = "--port 0 --token mine --rate-limit 3 --daily-limit 0 --seed 4"
    command = [HUBSYNC, "hubspot", *options.split(), "--portal", str(portal)]
    command += ["--fault", "status=503,nth=2", "--switch", "trace_id_in_results=echoed"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            yield process, re.search(r"http://\S+", process.stdout.readline())[0]
        finally:
            process.kill()


def test_it_serves_what_it_was_told_to_until_it_is_stopped(running):
    process, url = running
    item = {"idProperty": "hull", "id": "1", "properties": {}, "objectWriteTraceId": "t-1"}
    answers = [
        httpx.post(
            url + PATH, json={"inputs": [item]}, headers={"Authorization": f"Bearer {token}"}
        )
        for token in ("mine", "mine", "mine", "mine", "mine", "other")
    ]
    assert [answer.status_code for answer in answers] == [200, 503, 200, 200, 429, 401]
    assert answers[0].json()["results"][0]["objectWriteTraceId"] == "t-1"
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS_MAX) == 0


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--fault", "meteor", "no fault 'meteor'"),
        ("--fault", "status=9", "status: Input should be greater than or equal to 200"),
        ("--switch", "colour=red", "no switch 'colour'"),
        ("--switch", "null_value", "switch null_value has no setting ''"),
        ("--portal", "nowhere.toml", "does not exist"),
        ("--port", "65536", "less than or equal to 65535"),
    ],
)
def test_a_wrong_option_is_told_why(option, value, said):
    result = CliRunner().invoke(app, ["hubspot", option, value])
    words = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())
    assert result.exit_code == 2
    assert said in words


def test_the_help_lists_every_kind_of_fault_and_every_switch():
    result = CliRunner().invoke(app, ["hubspot", "--help"])
    assert result.exit_code == 0
    for word in ("lost_reply", "late_write=SECONDS", "trace_id_in_results=absent | echoed"):
        assert word in result.output
