"""The simulation is only worth what it notices: each part of the protocol left out must show."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hubsync
from tests.simulation.mutants import MUTANTS

RUNS_MAX = 1_500
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.part for mutant in MUTANTS])
def test_the_simulation_notices_code_without(mutant, tmp_path):
    package = Path(hubsync.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__")
    broken = Path(shutil.copytree(package, tmp_path / "hubsync", ignore=ignored))
    for name, text, replacement in mutant.edits:
        source = (broken / name).read_text("utf-8")
        assert source.count(text) == 1, f"{name} has no such text, or several: {text}"
        (broken / name).write_text(source.replace(text, replacement), "utf-8")
    hunt = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "tests.simulation.hunt", str(mutant.seed), str(RUNS_MAX)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert hunt.returncode == 0, hunt.stdout + hunt.stderr
    assert "seed" in hunt.stdout
