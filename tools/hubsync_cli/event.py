"""`hubsync event`: a file of events/ as it would arrive now."""

import json
import sys
import time
from typing import Annotated

import typer

from hubsync_cli.local import failing_clearly
from hubsync_cli.signing_secret import find_secret
from hubsync_local.checkout import PROJECT, require_checkout
from hubsync_local.signing import PLACEHOLDER, scheme_of, signed_event

EVENTS = PROJECT / "events"


def names() -> list[str]:
    """Return the names that `hubsync event` knows."""
    return sorted(path.stem for path in EVENTS.glob("*.json"))


def event(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", autocompletion=names, help="A file of events/, without .json."
        ),
    ],
    *,
    secret_name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The signing secret's name in Secrets Manager; without it, the running local "
            "stack's secret signs.",
        ),
    ] = None,
) -> None:
    """Print an event of events/ freshly signed, for `sam local invoke -e -`.

    Events that are not webhooks, or whose signature is wrong on purpose, are printed as they are.
    """
    with failing_clearly():
        require_checkout("hubsync event")
    if name not in names():
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(names())}", param_hint="NAME")
    found = json.loads((EVENTS / f"{name}.json").read_text())
    if PLACEHOLDER in found.get("headers", {}).values():
        source = found["pathParameters"]["source"]
        secret = find_secret(source, secret_name)
        found = signed_event(found, secret, now=time.time(), scheme=scheme_of(source))
    sys.stdout.write(f"{json.dumps(found, indent=2, ensure_ascii=False)}\n")
