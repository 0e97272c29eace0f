"""The operator's command `hubsync`: one file per verb, registered here."""

from importlib.metadata import version
from typing import Annotated

import typer

from hubspot_emulator.command import EPILOG, hubspot
from hubsync_cli.dead_letters import dead_letters
from hubsync_cli.demo import demo
from hubsync_cli.event import event
from hubsync_cli.explain import explain
from hubsync_cli.local import local
from hubsync_cli.plan import plan
from hubsync_cli.send import send
from hubsync_cli.source import source

app = typer.Typer(no_args_is_help=True)
app.command(epilog=EPILOG)(hubspot)
app.command()(demo)
app.command()(local)
app.command()(send)
app.command()(event)
app.command()(plan)
app.command()(explain)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(source, name="source")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - Typer's own signature
    if wanted:
        typer.echo(f"hubsync {version('hubsync')}")
        raise typer.Exit


@app.callback()
def hubsync(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the version."
        ),
    ] = False,
) -> None:
    """Keep HubSpot CRM records in step with upstream systems."""


if __name__ == "__main__":
    app()
