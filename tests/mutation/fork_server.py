"""A process that has imported what never changes, and forks a child for each run of tests.

Run as a script on a copy of the project; prints as JSON what became of each break. A process of its
own, since whoever runs the tests has threads, and hubsync imported already.
"""

import json
import os
import sys
from pathlib import Path

import httpx  # noqa: F401 - imported once for all children, as are the next
import idna  # noqa: F401
import pydantic  # noqa: F401
import pytest

# Whether a test fails is all that counts, so neither plugins nor rewritten asserts are needed.
QUICK = (
    "-q",
    "--assert=plain",
    "-p",
    "no:xdist",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:hypothesispytest",
)


def run(tests):
    """Run tests in a child; return pytest's exit code and what it printed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os._exit(pytest.main([*QUICK, *tests]))
    os.close(writing)
    with os.fdopen(reading, "rb") as printed:
        text = printed.read().decode(errors="replace")
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), text


def tried(package, broken):
    """Break the copy, run the test that must notice, and mend the copy again."""
    file = package / broken.file
    text = file.read_text("utf-8")
    if text.count(broken.text) != 1:
        return None, "the break no longer fits the code; fit it anew"
    file.write_text(text.replace(broken.text, broken.replacement), "utf-8")
    try:
        return run([f"tests/{broken.noticed_by}"])
    finally:
        file.write_text(text, "utf-8")


if __name__ == "__main__":
    copy = Path(sys.argv[1])
    os.chdir(copy)
    sys.dont_write_bytecode = True  # A second's change may be too quick for a cached module.
    folders = (".", "layers/hubsync/python", "tools", "tools/hubspot-emulator")
    sys.path[:0] = [str(copy / folder) for folder in folders]
    import hubspot_emulator  # the emulator is not broken here, and takes its time
    from tests.mutation.breaks import BREAKS, HUBSYNC

    assert hubspot_emulator
    assert not any(module.startswith("hubsync") for module in sys.modules)

    outcomes = {broken.rule: tried(copy / HUBSYNC, broken) for broken in BREAKS}
    outcomes["unbroken"] = run([f"tests/{test}" for test in {b.noticed_by for b in BREAKS}])
    sys.stdout.write(json.dumps(outcomes))
