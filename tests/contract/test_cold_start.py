"""What a function imports before its first invocation, since somebody waits for it."""

import json
import re
import subprocess
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
# A name that is new here costs each cold start its import: `make bench ARGS="--only cold-start"`.
LOGS_AND_METRICS = {"aws_lambda_powertools", "jmespath"}
AWS = {"botocore", "certifi", "dateutil", "six", "urllib3"}
VALUES = {"annotated_types", "pydantic", "pydantic_core", "typing_extensions", "typing_inspection"}
EVERY = LOGS_AND_METRICS | AWS | VALUES | {"idna"}
HUBSPOT = {"httpx"}  # which imports the rest of its own when a client is made
PACKAGES = {
    "ingest": EVERY,
    "consumer": EVERY | HUBSPOT,
    "sweep": EVERY | HUBSPOT,
    "audit": EVERY | HUBSPOT,
}
PIN = re.compile(r"^([a-z0-9._-]+)==", re.MULTILINE)
# Of the standard library, what others bring along only where something is imported too much.
NOT_FOR_INGEST = {"asyncio", "multiprocessing", "sqlite3", "unittest", "xmlrpc"}
# What each function knows of core beside what both know, and of the rest of the package.
PARTS = ("core.signatures", "core.payloads", "core.records", "core.hubspot", "writer", "bootstrap")
SIDES = {
    "ingest": {"core.signatures", "core.payloads"},
    "consumer": {"core.records", "core.hubspot", "writer", "bootstrap"},
}


@cache
def imported(function):
    script = "import json, sys; before = {*sys.modules}; import app\n"
    script += "print(json.dumps(sorted(sys.modules.keys() - before)))"
    done = subprocess.run(  # noqa: S603 - this interpreter, our own module
        [sys.executable, "-c", script],
        cwd=PROJECT / "functions" / function,
        env={"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return frozenset(json.loads(done.stdout))


def shipped():
    """The names under which what is in the layers is imported; httpx looks for others here."""
    lock = (PROJECT / "layers" / "dependencies" / "requirements.txt").read_text()
    pins = {*PIN.findall(lock)}
    return {
        name
        for name, packages in packages_distributions().items()
        if pins & {package.lower().replace("_", "-") for package in packages}
    }


@pytest.mark.parametrize("function", PACKAGES)
def test_a_function_imports_these_packages_and_no_others(function):
    assert {name.partition(".")[0] for name in imported(function)} & shipped() == PACKAGES[function]


@pytest.mark.parametrize("function", SIDES)
def test_a_function_imports_its_side_of_the_queue_alone(function):
    found = {part for part in PARTS for name in imported(function) if f"hubsync.{part}" in name}
    assert found == SIDES[function]


def test_ingest_imports_no_event_loop():
    assert not imported("ingest") & NOT_FOR_INGEST
