"""What a cold start takes: INIT, as AWS's runtime interface emulator reports it."""

import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hubsync_bench import sam_build
from hubsync_bench.figures import Figure, Section, Table
from hubsync_checks import build_report
from hubsync_local.checkout import PROJECT
from hubsync_local.lambda_rie import PYTHON, EmulatedProcess, inits_ms, python_environment
from hubsync_local.lambda_runtime import lambda_environment
from hubsync_local.template.model import Function
from hubsync_local.template.reader import read_template

ROUNDS = 5
INIT_MS_MAX = {"IngestFunction": 200, "ConsumerFunction": 260}
EMPTY = "def handler(event, context):\n    pass\n"
PACKAGES = f"""
from aws_lambda_powertools import Logger, Metrics
from botocore.session import Session
from pydantic import BaseModel

Session().create_client("sqs")
{EMPTY}"""
ABOUT = f"""
INIT of what `make build` built, before the first invocation. The median of {ROUNDS}, each in a
process of its own, taken in turns. A busy machine makes it longer, so the fastest stands beside it.
Two functions tell machines apart: one does nothing, the other imports the packages that ingest
needs and makes a client of SQS. The same code as SAM's own builder builds it
(`BuildMethod: python3.13`) comes without bytecode, and Lambda keeps none. Imports: the least of
{ROUNDS}, each package without what it imports of others; Python is the standard library.
"""
IMPORTED = re.compile(r"^import time: +(\d+) \| +\d+ \| +([^\s.]+)", re.MULTILINE)
PACKAGES_SHOWN = 10


def section() -> Section:
    if build_report.why_not():
        # Without the ARGS of the make that runs the bench.
        subprocess.run(["make", "build", "ARGS="], cwd=PROJECT, check=True)
    shipped, stock = _functions(build_report.HOST), _functions(sam_build.built())
    figures = [*_yardsticks(shipped["IngestFunction"])]
    for name in INIT_MS_MAX:
        figures += _inits(shipped[name], stock[name])
    return Section("Cold start", ABOUT, figures, _imports(shipped))


def _functions(folder: Path) -> Mapping[str, Function]:
    return read_template(folder / "template.yaml", aws="http://127.0.0.1:9").functions


def _yardsticks(function: Function) -> Iterator[Figure]:
    """Yield what tells machines apart, beside the function's own layers."""
    for name, code in (("does nothing", EMPTY), ("has ingest's packages alone", PACKAGES)):
        with TemporaryDirectory() as folder:
            (Path(folder) / "app.py").write_text(code)
            times = [_init_ms(replace(function, code=Path(folder))) for _ in range(ROUNDS)]
        yield Figure(f"a function that {name}, INIT", statistics.median(times), "ms")


def _inits(shipped: Function, stock: Function) -> Iterator[Figure]:
    name = shipped.name
    rounds = [(_init_ms(shipped), _init_ms(stock)) for _ in range(ROUNDS)]
    ours, theirs = zip(*rounds, strict=True)
    median, slow = statistics.median(ours), statistics.median(theirs)
    yield Figure(f"{name}, INIT", median, "ms", at_most=INIT_MS_MAX[name])
    yield Figure("... the fastest", min(ours), "ms")
    yield Figure("... built by SAM's own builder", slow, "ms")
    yield Figure(f"{name}, SAM's builder / ours", slow / median, at_least=2, tracked=True)


def _init_ms(function: Function) -> float:
    environment = {**function.environment, **lambda_environment(function, aws="http://127.0.0.1:9")}
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process = EmulatedProcess(function, environment, log)
        try:
            process.invoke(b"{}")  # whatever comes of it: INIT is before
        finally:
            process.close()
        return next(inits_ms(log))


def _imports(functions: Mapping[str, Function]) -> Table:
    spent = [_imports_ms(functions[name]) for name in INIT_MS_MAX]
    packages = [name for name, _ in sum(spent, Counter()).most_common(PACKAGES_SHOWN)]
    rows: list[list[str | float]] = [[name, *(each[name] for each in spent)] for name in packages]
    return Table(["import, ms", *INIT_MS_MAX], rows)


def _imports_ms(function: Function) -> Counter[str]:
    """Return what the function's imports take, by package."""
    runs = [_import_ms(function) for _ in range(ROUNDS)]
    return Counter({name: min(run[name] for run in runs) for name in runs[0]})


def _import_ms(function: Function) -> Counter[str]:
    ran = subprocess.run(
        [PYTHON, "-X", "importtime", "-c", "import app"],
        cwd=function.code,
        env={**function.environment, **python_environment(function)},
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    spent: Counter[str] = Counter()
    for microseconds, package in IMPORTED.findall(ran.stderr):
        spent[_shown(package)] += int(microseconds)
    return Counter({name: each / 1000 for name, each in spent.items()})


def _shown(package: str) -> str:
    if package in sys.stdlib_module_names:
        return "Python"
    return "hubsync" if package == "app" else package
