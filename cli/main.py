"""The operator's command `hubsync`: one file per verb, registered here."""

import typer

from cli.hubspot import EPILOG, hubspot
from cli.local import local

app = typer.Typer(no_args_is_help=True)
app.command(epilog=EPILOG)(hubspot)
app.command()(local)


@app.callback()
def hubsync() -> None:
    """Keep HubSpot CRM records in step with upstream systems."""
