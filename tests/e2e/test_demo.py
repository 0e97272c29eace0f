"""`hubsync demo`, as a newcomer runs it."""

import subprocess
import sys
from pathlib import Path

HUBSYNC = Path(sys.executable).with_name("hubsync")
STORIES = (
    "Accounted for: 1,552 of 1,552 events",
    "Compared with the truth: 448 records",
    "1 x 429",
    "1 x 423",
    "1 x 400",
    "1 x 207",
    "favourite_colour",
)


def test_the_demo_shows_the_main_job_and_ends_well():
    done = subprocess.run(  # noqa: S603 - our own command
        [HUBSYNC, "demo"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, [story for story in STORIES if story not in done.stdout]) == (0, []), (
        done.stdout + done.stderr
    )
