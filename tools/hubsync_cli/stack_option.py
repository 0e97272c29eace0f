"""Which stack a command asks, and what is said when it does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from hubsync.errors import HubsyncError
from hubsync_cli.console import fail
from hubsync_operations.ages import parse_moment
from hubsync_operations.target import NotReachable, Target, find

StackOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A stack deployed in AWS, with the shell's credentials and region; without it, the "
        "local stack that runs.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def reaching(stack: str | None) -> Iterator[Target]:
    """Find the stack; what does not answer ends the command with 1 and a sentence."""
    try:
        yield find(stack)
    except (NotReachable, HubsyncError) as error:
        fail(escape(str(error)))
    except (BotoCoreError, ClientError) as error:
        hint = "" if stack else "; is the local stack still running?"
        fail(escape(f"{error}{hint}"))


def moment_option(text: str | None, name: str, *, now: int) -> int | None:
    """Parse an option's moment; what is none ends the command with 2."""
    try:
        return None if text is None else parse_moment(text, now=now)
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or an age like 2h or 3d", param_hint=name) from None
