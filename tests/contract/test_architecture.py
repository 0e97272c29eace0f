"""Who may import whom, read from the imports themselves; and importing reads no environment."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "layers" / "hubsync" / "python" / "hubsync"

# Nothing here tells the time, rolls dice, waits, or talks to anybody. pathlib and tomllib read the
# source files that are shipped beside the code.
PURE = frozenset(
    {"base64", "collections", "dataclasses", "datetime", "decimal", "enum", "hashlib", "hmac"}
    | {"functools", "http", "itertools", "json", "math", "pathlib", "re", "tomllib", "types"}
    | {"typing"}
)
OF_CORE = PURE | {
    "pydantic", "pydantic_core", "idna", "jmespath", "nacl", "hubsync.core", "hubsync.errors",
}  # fmt: skip
OF_USE_CASES = PURE | {
    "asyncio", "contextlib", "random", "zoneinfo", "pydantic", "pydantic_core", "hubsync",
    "hubsync.core",
}  # fmt: skip
OF_EDGE = OF_USE_CASES | {
    "aws_lambda_powertools", "botocore", "httpx", "concurrent", "contextvars",
    "functools", "os", "time",
    "mypy_boto3_dynamodb", "mypy_boto3_secretsmanager", "mypy_boto3_sqs", "hubsync.edge",
}  # fmt: skip
SHIPPED_NEVER = {
    "hubspot_emulator",
    "hubsync_bench",
    "hubsync_checks",
    "hubsync_cli",
    "hubsync_local",
    "hubsync_operations",
    "tests",
    "functions",
    "boto3",
    "moto",
    "typer",
    "rich",
    "yaml",
    "uvicorn",
}


def modules(folder, *, deep=True):
    files = folder.rglob("*.py") if deep else folder.glob("*.py")
    return sorted(path for path in files if "__pycache__" not in path.parts)


def name(path):
    return str(path.relative_to(PROJECT)).removeprefix("layers/hubsync/python/")


def imported(path):
    """The modules a file imports, as far as a rule looks: within hubsync two parts, else one."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (_rule_part(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports a sibling by its place"
            assert node.module
            if node.module == "hubsync":  # from hubsync import errors
                yield from (_rule_part(f"hubsync.{alias.name}") for alias in node.names)
            else:
                yield _rule_part(node.module)


def _rule_part(module):
    parts = module.split(".")
    if parts[0] != "hubsync":
        return parts[0]
    if parts[1:2] in (["core"], ["edge"], ["errors"]):
        return ".".join(parts[:2])
    return "hubsync"  # a use case


@pytest.mark.parametrize("path", modules(PACKAGE / "core"), ids=name)
def test_core_imports_itself_and_what_decides_without_effects(path):
    assert set(imported(path)) <= OF_CORE


@pytest.mark.parametrize("path", modules(PACKAGE, deep=False), ids=name)
def test_a_use_case_knows_core_and_the_loop_but_no_edge(path):
    assert set(imported(path)) <= OF_USE_CASES | {"hubsync.errors"}


@pytest.mark.parametrize("path", modules(PACKAGE / "edge"), ids=name)
def test_the_edge_knows_hubsync_and_the_clients_it_wraps(path):
    assert set(imported(path)) <= OF_EDGE | {"hubsync.errors"}


@pytest.mark.parametrize("path", modules(PROJECT / "functions"), ids=name)
def test_a_function_imports_the_layer_and_no_sibling(path):
    assert not set(imported(path)) & SHIPPED_NEVER
    assert "app" not in set(imported(path))


@pytest.mark.parametrize("path", modules(PROJECT / "tools" / "hubsync_local"), ids=name)
def test_the_local_stack_does_not_lean_on_the_command(path):
    # Its entry is the command by another name, so it is the one exception.
    of_commands = {"hubsync_cli", "tests", "functions", "typer"}
    barred = {"tests"} if path.name == "__main__.py" else of_commands
    assert not set(imported(path)) & barred


@pytest.mark.parametrize("path", modules(PROJECT / "tools" / "hubsync_cli"), ids=name)
def test_nothing_imports_the_tests(path):
    assert "tests" not in set(imported(path))


@pytest.mark.parametrize("path", modules(PACKAGE / "core"), ids=name)
def test_core_asks_no_clock_and_opens_nothing(path):
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    called = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
    assert not attributes & {"now", "utcnow", "today", "environ", "getenv", "write_text"}
    assert not called & {"open", "print", "input"}


def test_no_cold_start_waits_for_libsodium():
    """It is imported by the request that needs it, through the one module that wraps it."""
    importers = {name(path) for path in modules(PACKAGE) if "nacl" in set(imported(path))}
    at_start = {
        alias.name
        for path in [*modules(PACKAGE), *modules(PROJECT / "functions")]
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert importers == {"hubsync/core/ed25519.py"}
    assert "ed25519" not in at_start


def test_every_shipped_module_is_imported_without_any_environment():
    package = [name(path).removesuffix(".py").replace("/", ".") for path in modules(PACKAGE)]
    apps = [str(path) for path in modules(PROJECT / "functions") if path.name == "app.py"]
    script = (
        "import importlib, runpy\n"
        f"for module in {package!r}: importlib.import_module(module.removesuffix('.__init__'))\n"
        f"for app in {apps!r}: runpy.run_path(app)\n"
    )
    script = f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{script}"
    done = subprocess.run(  # noqa: S603 - this interpreter, our own modules
        [sys.executable, "-W", "error", "-c", script],
        env={"HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
