"""The locks fit pyproject.toml and each other, as far as that can be told without a registry."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LAMBDA = PROJECT["dependency-groups"]["lambda"]
DEV = [each for each in PROJECT["dependency-groups"]["dev"] if isinstance(each, str)]
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)", re.MULTILINE)


def pins(path):
    text = (ROOT / path).read_text("utf-8")
    assert text.count("--hash=sha256:") >= len(PIN.findall(text))
    return dict(PIN.findall(text))


ALL = pins("requirements/dev.txt")
SHIPPED = pins("layers/dependencies/requirements.txt")


@pytest.mark.parametrize("text", [*PROJECT["project"]["dependencies"], *LAMBDA, *DEV])
def test_each_requirement_is_pinned_to_what_it_allows(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(ALL[requirement.name.lower()])


@pytest.mark.parametrize("text", LAMBDA)
def test_what_ships_is_in_the_layers_lock(text):
    assert Requirement(text).name.lower() in SHIPPED


def test_the_layer_ships_what_was_tested():
    assert SHIPPED.items() <= ALL.items()
