"""Headers of a request, as the commands take them."""

from typing import Annotated

import typer

HeaderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--header", metavar="NAME=VALUE", help="A header of the upstream system's. Repeatable."
    ),
]


def parse_headers(given: list[str] | None) -> dict[str, str]:
    """Return headers by name in lower case; what is none ends the command with 2."""
    headers = {}
    for text in given or []:
        name, separator, value = text.partition("=")
        if not separator:
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--header")
        headers[name.strip().lower()] = value
    return headers
