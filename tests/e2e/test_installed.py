"""The wheels, as somebody has them who has no checkout. `make accept` installs them for real."""

import ast
import json
import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement

from hubsync_local.checkout import PROJECT, SOURCES

OURS = {"hubspot_emulator", "hubsync", "hubsync_cli", "hubsync_local", "hubsync_operations"}
# The local AWS runs in a checkout alone, as does pytest's plugin where there is pytest.
ELSEWHERE = {"hubsync_local/moto_patches.py", "hubspot_emulator/pytest_plugin.py"}
BROUGHT_ALONG = {"botocore": "boto3", "pydantic_core": "pydantic"}
EVENT = {
    "eventId": "e-1",
    "occurredAt": "2026-11-21T12:00:00Z",
    "objectType": "contacts",
    "idProperty": "email",
    "id": "ada@example.com",
    "properties": {"firstname": "Ada"},
}


def wheel(project, folder):
    """Build a project's wheel, and unpack it."""
    subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=PROJECT / project,
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("*.whl")
    zipfile.ZipFile(made).extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def hubsync(tmp_path_factory):
    return wheel(".", tmp_path_factory.mktemp("hubsync"))


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    return wheel("tools/hubspot-emulator", tmp_path_factory.mktemp("emulator"))


def run(site, module, *arguments, stdin=""):
    """Run a module of an unpacked wheel from another folder, with all that the wheel asks for."""
    return subprocess.run(  # noqa: S603 - this interpreter, our own modules
        [sys.executable, "-P", "-m", module, *arguments],
        cwd=site.parent,
        input=stdin,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(site), "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_hubsyncs_wheel_holds_what_its_command_needs_and_no_test(hubsync):
    assert {path.name for path in hubsync.iterdir() if not path.suffix} == OURS
    assert not [path for path in hubsync.rglob("*.py") if path.name.startswith("test_")]


def test_the_emulators_wheel_holds_the_emulator_its_types_and_its_fixture(emulator):
    assert {path.name for path in emulator.iterdir() if not path.suffix} == {"hubspot_emulator"}
    assert (emulator / "hubspot_emulator" / "py.typed").exists()
    (entry_points,) = emulator.glob("*.dist-info/entry_points.txt")
    assert "[pytest11]\nhubspot_emulator = hubspot_emulator.pytest_plugin" in (
        entry_points.read_text("utf-8")
    )


@pytest.mark.parametrize("name", ["hubsync", "emulator"])
def test_a_wheel_holds_the_licence_of_the_project(name, request):
    (licence,) = request.getfixturevalue(name).glob("*.dist-info/licenses/LICENSE")
    assert licence.read_bytes() == (PROJECT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", ["hubsync", "emulator"])
def test_a_wheel_asks_for_every_package_that_it_imports(name, request):
    site = request.getfixturevalue(name)
    known = packages_distributions()
    needed = {
        BROUGHT_ALONG.get(top, distribution).lower()
        for path in site.rglob("*.py")
        if str(path.relative_to(site)) not in ELSEWHERE
        for top in imported(path) - sys.stdlib_module_names - OURS
        for distribution in known.get(top, [f"nothing has {top}"])
        if not top.startswith("mypy_boto3")  # for type checkers alone
    }
    (metadata,) = site.glob("*.dist-info/METADATA")
    asked = Parser().parsestr(metadata.read_text("utf-8")).get_all("Requires-Dist")
    assert needed - {Requirement(each).name for each in asked} == set()


def imported(path):
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--version",), "hubsync 0."),
        (("--help",), "dead-letters"),
        (("plan", "-", "--json"), "ada@example.com"),
        (("source", "check", str(SOURCES / "changes.toml")), "changes"),
        (("hubspot", "--help"), "--fault"),
    ],
    ids=["version", "help", "plan", "source check", "hubspot"],
)
def test_without_a_checkout_the_command_answers(hubsync, arguments, said):
    done = run(hubsync, "hubsync_cli.main", *arguments, stdin=json.dumps(EVENT))
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


@pytest.mark.parametrize(
    "arguments", [("demo",), ("local",), ("event", "webhook-one-event")], ids=lambda each: each[0]
)
def test_what_needs_a_checkout_says_so_in_one_sentence(hubsync, arguments):
    done = run(hubsync, "hubsync_cli.main", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"error: hubsync {arguments[0]} needs a checkout .*\n", done.stderr)


def test_the_emulator_runs_as_a_module_too(emulator):
    done = run(emulator, "hubspot_emulator", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--portal" in done.stdout
