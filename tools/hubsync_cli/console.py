"""How the command speaks: results to standard output, everything else to standard error."""

from typing import NoReturn

import typer
from rich.console import Console

out = Console()
err = Console(stderr=True)


def fail(message: str, *, code: int = 1) -> NoReturn:
    """Say what is wrong, with what, and what to do next; end with an exit code."""
    err.print(f"[bold red]error:[/] {message}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)
