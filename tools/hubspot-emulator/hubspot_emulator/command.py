"""The emulator as a command, which runs until Ctrl-C; other commands may take it in."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from hubspot_emulator import DEFAULT, SETTINGS, Fault, HubSpot, Limits, Switches, load_portal
from hubspot_emulator.control_api import complaints
from hubspot_emulator.faults import KINDS
from hubspot_emulator.server import address, listening_socket, server

USUAL = Limits()
PARAGRAPH = "\n\n"
FAULT_HELP = (
    "Something to do wrong, again and again: KIND[=VALUE],key=value,... or JSON. Repeatable."
    " Which calls: operation, object_type, id, property, value, nth, every, probability, seed,"
    " times. Example: status=429,policy=TEN_SECONDLY_ROLLING,every=10"
)
KINDS_HELP = PARAGRAPH.join(
    f"{kind}{f'={usual.argument.upper()}' if usual.argument else ''}: {usual.text}"
    for kind, usual in KINDS.items()
)
SWITCHES_HELP = PARAGRAPH.join(
    f"{name}={' | '.join(settings)}" for name, settings in SETTINGS.items()
)
EPILOG = PARAGRAPH.join(
    ["Kinds of faults:", KINDS_HELP, "Switches, the default first:", SWITCHES_HELP]
)


def hubspot(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 picks a free port.")
    ] = 3001,
    portal: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Object types and properties: TOML or JSON."
        ),
    ] = None,
    fault: Annotated[list[str] | None, typer.Option(metavar="FAULT", help=FAULT_HELP)] = None,
    switch: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SETTING", help="How HubSpot is where nobody knows. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Chooses the order of results, ids and chances.")] = 0,
    rate_limit: Annotated[
        int, typer.Option(min=0, help="Calls in any 10 seconds; 0 for no limit.")
    ] = USUAL.per_10_seconds,
    daily_limit: Annotated[
        int, typer.Option(min=0, help="Calls in a day; 0 for no limit.")
    ] = USUAL.daily,
    token: Annotated[
        list[str] | None, typer.Option(help="A token that is accepted; without it any is.")
    ] = None,
) -> None:
    """Run the HubSpot emulator alone, until Ctrl-C."""
    emulator = HubSpot(
        DEFAULT if portal is None else _given("--portal", lambda: load_portal(portal)),
        now=time.time,
        switches=_given("--switch", lambda: _switches(switch or [])),
        faults=_given("--fault", lambda: [Fault.from_text(text) for text in fault or []]),
        limits=Limits(rate_limit, daily_limit),
        tokens=token or [],
        seed=seed,
    )
    try:
        listening = listening_socket(port)
    except OSError as error:
        raise typer.BadParameter(str(error), param_hint="--port") from None
    with listening, suppress(KeyboardInterrupt):
        typer.echo(f"HubSpot emulator: {address(listening)} (the page and the API), Ctrl-C stops")
        server(emulator).run([listening])


def _given[T](option: str, read: Callable[[], T]) -> T:
    """Read an option's value, or say what is wrong with it."""
    try:
        return read()
    except ValidationError as error:
        raise typer.BadParameter(complaints(error), param_hint=option) from None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _switches(given: list[str]) -> Switches:
    return Switches.from_text(dict(text.partition("=")[::2] for text in given))
