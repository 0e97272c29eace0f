"""What README.md says of switches and faults is what there is."""

import re
from pathlib import Path

from hubspot_emulator import SETTINGS, Fault
from hubspot_emulator.faults import KINDS

TEXT = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def rows(title):
    section = TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_switch_is_listed_with_its_settings():
    listed = {
        name.strip("`"): tuple(re.findall(r"`([^`]+)`", settings))
        for name, settings, _ in rows("Switches")
    }
    assert listed == SETTINGS


def test_every_fault_is_listed_in_a_form_that_works():
    listed = [Fault.from_text(kind.strip("`")) for kind, _ in rows("Faults")]
    assert [fault.kind for fault in listed] == list(KINDS)


def test_the_test_that_is_shown_passes(hubspot_emulator):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    module = {}
    exec(code, module)  # noqa: S102 - our own example
    module["test_a_contact_is_written"](hubspot_emulator)
