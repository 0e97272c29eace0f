"""Which faults of the template the tools notice: measured, one table.

    .venv/bin/python -m hubsync_checks.template_faults

The faults are data of deliberate_faults.py, and tests see that the project's own rules notice
each. Here the tools get the same faults; what they say of the template without any is taken off.
"""

import json
import os
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hubsync_checks.deliberate_faults import FAULTS

SAM_PYTHON: Final = ".venv-sam/bin/python"
PAGE: Final = Path("docs/template-faults.md")
UNBROKEN: Final = "unbroken.yaml"
TOOLS: Final = ("sam validate", "sam validate --lint", "cfn-lint", "checkov")
HEAD: Final = """# Faults of the template, and who notices them

Written by `make faults`. Each line is a deliberate fault of [template.yaml](../template.yaml). The
project's own rules, which `make test` runs, notice every one. The tools that `make check` runs
notice those with a code in their column: `sam validate` translates, `sam validate --lint` runs
cfn-lint on the template as it is written, cfn-lint and checkov see what SAM makes of it.

"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        noticed = measure(Path(folder))
    PAGE.write_text(page(noticed), "utf-8")


def measure(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return by fault what each tool says of it, by the codes it gives; empty: nothing."""
    template = Path("template.yaml").read_text("utf-8")
    texts = {UNBROKEN: template}
    texts |= {f"{n:02}.yaml": fault.applied(template) for n, fault in enumerate(FAULTS)}
    written, made = folder / "written", folder / "made"
    written.mkdir()
    for name, text in texts.items():
        (written / name).write_text(text, "utf-8")
    refused = json.loads(
        _run(SAM_PYTHON, "-m", "hubsync_checks.translate", str(made), *_all(written))
    )
    found = (
        {name: frozenset({"refused"}) for name in refused},
        _linted(written),
        _linted(made),
        _scanned(made),
    )
    nothing = frozenset[str]()
    return {
        fault.what: tuple(
            ", ".join(sorted(tool.get(f"{n:02}.yaml", nothing) - tool.get(UNBROKEN, nothing)))
            for tool in found
        )
        for n, fault in enumerate(FAULTS)
    }


def page(noticed: dict[str, tuple[str, ...]]) -> str:
    """Write the table, and how many each tool noticed."""
    counts = [sum(1 for codes in noticed.values() if codes[tool]) for tool in range(len(TOOLS))]
    by_none = sum(1 for codes in noticed.values() if not any(codes))
    rows = [
        ("fault", *TOOLS),
        ("---",) * (1 + len(TOOLS)),
        *((what, *codes) for what, codes in noticed.items()),
        (f"of {len(noticed)}; {by_none} by no tool", *map(str, counts)),
    ]
    return HEAD + "".join(f"{' '.join(['|', *' | '.join(row).split(), '|'])}\n" for row in rows)


def _linted(folder: Path) -> dict[str, frozenset[str]]:
    output = _run(".venv-sam/bin/cfn-lint", "--format", "json", *_all(folder))
    return _by_file((each["Filename"], each["Rule"]["Id"]) for each in json.loads(output))


def _scanned(folder: Path) -> dict[str, frozenset[str]]:
    output = _run(
        *(".venv-checkov/bin/checkov", "--config-file", "tools/hubsync_checks/checkov.yaml"),
        *("--output", "json", "--directory", str(folder)),
    )
    failed = json.loads(output)["results"]["failed_checks"]
    return _by_file((each["file_path"], each["check_id"]) for each in failed)


def _by_file(found: Any) -> dict[str, frozenset[str]]:  # noqa: ANN401 - pairs, as the tools give them
    codes: defaultdict[str, set[str]] = defaultdict(set)
    for path, code in found:
        codes[Path(path).name].add(code)
    return {name: frozenset(some) for name, some in codes.items()}


def _all(folder: Path) -> Sequence[str]:
    return sorted(str(path) for path in folder.glob("*.yaml"))


def _run(*command: str) -> str:
    # Their exit codes say that something was found, which is what is measured.
    return subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": "tools"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    ).stdout


if __name__ == "__main__":
    main()
