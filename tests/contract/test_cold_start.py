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
OF_INGEST = {
    *("hubsync", "hubsync.edge", "hubsync.errors", "hubsync.ingest", "hubsync.settings"),
    *(f"hubsync.edge.{name}" for name in ("aws", "gateway", "secrets", "sends")),
}
OF_WRITING = {"batch", "budget", "change", "ledger", "outcome", "protocol", "reply", "settle"}


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


def test_ingest_imports_nothing_of_what_writes_to_hubspot():
    ours = {name for name in imported("ingest") if name.partition(".")[0] == "hubsync"}
    core = {name for name in ours if name.startswith("hubsync.core.")}
    assert ours - core - {"hubsync.core"} == OF_INGEST
    assert not core & {f"hubsync.core.{name}" for name in OF_WRITING}


def test_ingest_imports_no_event_loop():
    assert not imported("ingest") & NOT_FOR_INGEST
