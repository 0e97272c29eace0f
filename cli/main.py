"""The operator's command `hubsync`: one file per verb, registered here."""

import typer

from cli.hubspot import EPILOG, hubspot

app = typer.Typer(no_args_is_help=True)
app.command(epilog=EPILOG)(hubspot)


@app.callback()
def hubsync() -> None:
    """Keep HubSpot CRM records in step with upstream systems."""
