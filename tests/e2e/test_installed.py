"""The wheels, as somebody has them who has no checkout. `make accept` installs them for real."""

import ast
import json
import os
import re
import subprocess
import sys
import venv
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


INSTALLERS = {
    "uv": ("uv", "tool", "install", "--quiet", "."),
    "pipx": ("pipx", "install", "--quiet", "."),
}


@pytest.mark.accept
@pytest.mark.parametrize("installer", INSTALLERS)
def test_an_installer_of_tools_installs_the_command(installer, tmp_path):
    """In an environment of its own, with what the registry has."""
    tools = tmp_path / "tools"
    venv.create(tools, with_pip=True)
    pip(tools, "install", installer)
    bin_folder = tmp_path / "bin"
    folders = {"UV_TOOL_DIR": tmp_path / "uv", "UV_TOOL_BIN_DIR": bin_folder}
    folders |= {"PIPX_HOME": tmp_path / "pipx", "PIPX_BIN_DIR": bin_folder}
    program, *arguments = INSTALLERS[installer]
    subprocess.run(  # noqa: S603 - the installer
        [tools / "bin" / program, *arguments],
        cwd=PROJECT,
        env=os.environ | {name: str(folder) for name, folder in folders.items()},
        check=True,
    )
    for arguments, said in ANSWERED.values():
        done = subprocess.run(  # noqa: S603 - our own command
            [bin_folder / "hubsync", *arguments],
            cwd=tmp_path,
            input=json.dumps(EVENT),
            capture_output=True,
            text=True,
            check=True,
        )
        assert said in done.stdout


@pytest.mark.accept
def test_the_emulator_installed_gives_a_project_of_any_shape_its_fixture(tmp_path):
    environment, project = tmp_path / "environment", tmp_path / "project"
    venv.create(environment, with_pip=True)
    pip(environment, "install", PROJECT / "tools" / "hubspot-emulator", "pytest")
    for name in ("local", "cli"):  # names that a project may have used already
        (project / name).mkdir(parents=True)
        (project / name / "__init__.py").write_text("")
    (project / "test_it.py").write_text(
        "import cli, httpx, local\n"
        "def test_it(hubspot_emulator):\n"
        "    assert httpx.get(f'{hubspot_emulator.url}/__emulator__/state').status_code == 200\n"
    )
    subprocess.run([environment / "bin" / "pytest", "-q"], cwd=project, check=True)  # noqa: S603 - pytest
    helped = subprocess.run(  # noqa: S603 - our own command
        [environment / "bin" / "hubspot-emulator", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--fault" in helped.stdout


def pip(environment, *arguments):
    subprocess.run(  # noqa: S603 - pip itself
        [environment / "bin" / "python", "-m", "pip", "--quiet", *arguments], check=True
    )


ANSWERED = {
    "version": (("--version",), "hubsync 0."),
    "help": (("--help",), "dead-letters"),
    "plan": (("plan", "-", "--json"), "ada@example.com"),
    "source check": (("source", "check", str(SOURCES / "changes.toml")), "changes"),
    "hubspot": (("hubspot", "--help"), "--fault"),
}


@pytest.mark.parametrize(("arguments", "said"), ANSWERED.values(), ids=ANSWERED)
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
