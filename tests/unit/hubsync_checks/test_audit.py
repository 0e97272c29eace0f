"""What is made of pip-audit's output: findings fail, silence of the service is a note."""

import json

import pytest

from hubsync_checks.audit import verdict

CLEAN = {"name": "idna", "version": "3.20", "vulns": []}
KNOWN = {"id": "PYSEC-2026-1", "fix_versions": ["2.0", "1.9.1"], "aliases": []}
BAD = {"name": "six", "version": "1.17.0", "vulns": [KNOWN]}
UNKNOWN = {"name": "boto3", "skip_reason": "Dependency not found"}


def told(*dependencies):
    return verdict(json.dumps({"dependencies": dependencies, "fixes": []}), "")


def test_a_finding_fails_and_says_what_mends_it():
    assert told(CLEAN, BAD) == (
        1,
        "six 1.17.0: PYSEC-2026-1, mended in 2.0, 1.9.1\n2 packages audited, 1 findings",
    )


def test_no_finding_passes():
    assert told(CLEAN) == (0, "1 packages audited, 0 findings")


def test_packages_of_which_the_service_knows_nothing_are_named():
    assert told(CLEAN, UNKNOWN) == (
        0,
        "1 packages audited, 0 findings\nnote: nothing is known of 1 packages: boto3",
    )


@pytest.mark.parametrize(
    "last",
    [
        "requests.exceptions.ProxyError: HTTPSConnectionPool(host='registry', port=443)",
        "requests.exceptions.ReadTimeout: read timed out",
        "ERROR:pip_audit._cli:Could not connect to the vulnerability feed",
    ],
)
def test_a_service_that_cannot_be_reached_is_a_note(last):
    code, said = verdict("", f"Traceback (most recent call last):\n{last}\n")
    assert (code, said.startswith("note: ")) == (0, True)


def test_any_other_failure_of_the_tool_fails():
    assert verdict("", "ERROR: requirements/dev.txt: no such file\n")[0] == 1
    assert verdict("", "")[0] == 1
