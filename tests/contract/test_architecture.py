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
    | {"typing", "zlib"}
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
    "functools", "logging", "os", "time",
    "mypy_boto3_dynamodb", "mypy_boto3_secretsmanager", "mypy_boto3_sqs", "hubsync.edge",
}  # fmt: skip
TOOLS = {
    "hubspot_emulator": "hubspot-emulator/hubspot_emulator",
    **{f"hubsync_{name}": f"hubsync_{name}" for name in ("bench", "checks", "cli", "local")},
    "hubsync_operations": "hubsync_operations",
}
# What each may import of ours, beside itself.
BELOW = {
    "hubspot_emulator": set(),
    "hubsync_local": {"hubsync", "hubspot_emulator"},
    "hubsync_operations": {"hubsync", "hubsync_local"},
    "hubsync_cli": {"hubsync", "hubspot_emulator", "hubsync_local", "hubsync_operations"},
    "hubsync_checks": {"hubsync", "hubsync_local"},
    "hubsync_bench": {
        *("functions", "hubsync", "hubspot_emulator", "hubsync_checks", "hubsync_local"),
    },
}
SHIPPED_NEVER = {*TOOLS, "tests", "functions", "boto3", "moto", "typer", "rich", "yaml", "uvicorn"}


def modules(folder, *, deep=True):
    files = folder.rglob("*.py") if deep else folder.glob("*.py")
    return sorted(path for path in files if "__pycache__" not in path.parts)


def name(path):
    return str(path.relative_to(PROJECT)).removeprefix("layers/hubsync/python/")


def imports_within(path, known):
    """Which of the known modules a file imports as it is loaded, and in its functions."""
    for node in statements(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ({alias.name for alias in node.names} & known.keys())
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield from {submodule if submodule in known else node.module} & known.keys()


def statements(node):
    """All that runs: what type checkers alone read is left out."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from statements(child)


def circles(graph):
    """The modules from which a way leads back, in groups that reach each other."""
    reached = {module: reachable(graph, module) for module in graph}
    circle = {
        frozenset(other for other in reached[module] if module in reached[other])
        for module in graph
        if module in reached[module]
    }
    return [set(group) for group in circle]


def reachable(graph, start):
    seen, waiting = set(), [start]
    while waiting:
        following = set(graph[waiting.pop()]) - seen
        seen |= following
        waiting += following
    return seen


TREES = (PACKAGE, *(PROJECT / "tools" / folder for folder in TOOLS.values()))
MODULES = {
    ".".join(path.relative_to(tree.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for tree in TREES
    for path in modules(tree)
}
BOOTSTRAP = PACKAGE / "bootstrap.py"  # the composition root, which connects them all
USE_CASES = [
    *(path for path in modules(PACKAGE, deep=False) if path != BOOTSTRAP),
    *modules(PACKAGE / "writer"),
]
# The parts of core: those ingest knows, those that writing knows, and what both know.
OF_INGEST = {"signatures", "payloads"}
OF_WRITING = {"hubspot", "records"}
OUTSIDE_TESTS = [
    *(path for path in modules(PROJECT / "tools") if "tests" not in path.parts),
    *(path for folder in ("layers", "functions") for path in modules(PROJECT / folder)),
]


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


@pytest.mark.parametrize("path", USE_CASES, ids=name)
def test_a_use_case_knows_core_and_the_loop_but_no_edge(path):
    assert set(imported(path)) <= OF_USE_CASES | {"hubsync.errors"}


@pytest.mark.parametrize("path", modules(PACKAGE / "core"), ids=name)
def test_the_parts_of_core_keep_to_their_side_of_the_queue(path):
    """What ingest knows and what writing knows meet in what both do: events and messages."""
    part = path.parent.name if path.parent.name in OF_INGEST | OF_WRITING else None
    found = {each.split(".")[2] for each in imports_within(path, MODULES) if each.count(".") > 2}
    allowed = {None: set(), **dict.fromkeys(OF_INGEST, OF_INGEST)}.get(part, OF_WRITING)
    assert found <= allowed


@pytest.mark.parametrize("path", modules(PACKAGE / "edge"), ids=name)
def test_the_edge_knows_hubsync_and_the_clients_it_wraps(path):
    assert set(imported(path)) <= OF_EDGE | {"hubsync.errors"}


@pytest.mark.parametrize("path", modules(PROJECT / "functions"), ids=name)
def test_a_function_imports_the_layer_and_no_sibling(path):
    assert not set(imported(path)) & SHIPPED_NEVER
    assert "app" not in set(imported(path))


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_imports_the_tools_below_it_alone(tool):
    paths = modules(PROJECT / "tools" / TOOLS[tool])
    found = {part.partition(".")[0] for path in paths for part in imported(path)}
    assert found & {*TOOLS, "hubsync", "functions"} <= BELOW[tool] | {tool}


@pytest.mark.parametrize("path", OUTSIDE_TESTS, ids=name)
def test_nothing_but_tests_imports_the_tests(path):
    assert "tests" not in set(imported(path))


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        module: {*imports_within(path, MODULES)} - {module} for module, path in MODULES.items()
    }
    assert circles(graph) == []


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b"}, "b": set()}, []),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}, [{"a", "b", "c"}]),
    ],
    ids=["a line", "three in a circle, and one that looks on"],
)
def test_circles_are_found(graph, expected):
    assert circles(graph) == expected


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
    assert importers == {"hubsync/core/signatures/ed25519.py"}
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
