"""The checkout of the repository that this code runs from, where it runs from one.

An installed hubsync has neither template nor functions nor events, so nothing to run a stack from.
"""

from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).parents[2]
_DEPLOYED: Final = PROJECT / "functions" / "ingest" / "sources"
# The files of the sources; an installed hubsync has a copy of those it was made with.
SOURCES: Final = _DEPLOYED if _DEPLOYED.is_dir() else Path(__file__).with_name("sources")
EXAMPLES: Final = SOURCES / "examples"


class NoCheckoutError(Exception):
    """Something needs a checkout, and this code is installed without one."""


def require_checkout(wanted_by: str) -> None:
    """Raise NoCheckoutError, which says what to do, where there is no checkout around this code."""
    if not (PROJECT / "template.yaml").is_file():
        raise NoCheckoutError(
            f"{wanted_by} needs a checkout of hubsync, with its template, functions and events:"
            " run it there, as `.venv/bin/hubsync` or by `make`"
        )
