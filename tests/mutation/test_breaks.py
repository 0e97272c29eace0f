"""Tests are tested: each deliberate break of a rule is noticed by the test that keeps it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation import fork_server
from tests.mutation.breaks import BREAKS

PROJECT = Path(__file__).parents[2]
PARTS = ("layers/hubsync", "functions", "tools", "tests", "pyproject.toml")


@pytest.fixture
def copy(tmp_path):
    """A copy of the project that may be broken."""
    for part in PARTS:
        source, target = PROJECT / part, tmp_path / part
        if source.is_file():
            shutil.copy(source, target)
        else:
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_break_is_noticed_and_nothing_else_is(copy):
    done = subprocess.run(  # noqa: S603 - this interpreter, our own script
        [sys.executable, fork_server.__file__, copy],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    outcomes = json.loads(done.stdout)
    told = {rule: code for rule, (code, _) in outcomes.items()}
    failed, passed = pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.OK
    expected = dict.fromkeys((broken.rule for broken in BREAKS), failed) | {"unbroken": passed}
    assert told == expected, [outcomes[rule] for rule in told if told[rule] != expected[rule]]
