"""`hubsync local`: the whole of template.yaml on this machine, until Ctrl-C."""

import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from hubsync_cli.console import err, fail
from hubsync_local.checkout import PROJECT, NoCheckoutError, require_checkout
from hubsync_local.processes import LocalError
from hubsync_local.sources_folder import VARIABLE
from hubsync_local.stack import Ports, Stack
from hubsync_local.stack_file import FOLDER, announced
from hubsync_local.template.intrinsics import TemplateError

LOOK_SECONDS = 0.2


def local(
    *,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65533,
            help="The gateway's port. HubSpot's emulator takes the next one, AWS the one after; "
            "0 takes any three free ones.",
        ),
    ] = 3000,
    hubspot_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="HubSpot is at this address; no emulator is started."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready, and nothing else.")
    ] = False,
    env: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Override the functions' environment. Repeatable."),
    ] = None,
    consumers: Annotated[
        int | None,
        typer.Option(
            min=1, help="At most so many consumers at once; never more than the template's."
        ),
    ] = None,
    template: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The SAM template to run; the checkout's."),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(
            "--sources",
            metavar="DIR",
            exists=True,
            file_okay=False,
            envvar=VARIABLE,
            help="Your own sources' files, instead of functions/ingest/sources.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show what the functions log, on standard error.")
    ] = False,
) -> None:
    """Run the whole stack on this machine until Ctrl-C: gateway, functions, queues, HubSpot.

    Everything is read from template.yaml, and a stack begins empty. The functions' logs are in
    .hubsync/logs/PORT/; --verbose shows them as well.
    """
    with failing_clearly():
        require_checkout("hubsync local")
    stack = Stack(
        template or PROJECT / "template.yaml",
        logs=log_folder(port),
        ports=Ports.beginning_at(port),
        hubspot_url=hubspot_url,
        environment=parse_environment(env or []),
        consumers=consumers,
        sources=sources,
    )
    with stopping_on_signals(), failing_clearly(), stack, announced(_announcement(stack)):
        if as_json:
            sys.stdout.write(f"{json.dumps(stack.ready)}\n")
            sys.stdout.flush()
        else:
            _greet(stack.ready)
        if verbose:
            follow(stack.log_files())
        while True:
            stack.check()
            time.sleep(LOOK_SECONDS)


def log_folder(port: int) -> Path:
    """Return a folder for a stack's logs, which no other running stack uses."""
    return FOLDER / "logs" / str(port) if port else Path(tempfile.mkdtemp(prefix="hubsync-"))


def parse_environment(pairs: Sequence[str]) -> dict[str, str]:
    """Parse NAME=VALUE pairs."""
    environment = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not (name and is_pair):
            raise typer.BadParameter(f"{pair!r} is not NAME=VALUE", param_hint="--env")
        environment[name] = value
    return environment


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Leave the context, with everything in it, at Ctrl-C and at SIGTERM; that is no error."""
    # Ctrl-C, too: what a script starts with & inherits that it is ignored.
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {stop: signal.signal(stop, signal.default_int_handler) for stop in stops}
    try:
        yield
    except KeyboardInterrupt:
        err.print("stopped")
    finally:
        for stop, handler in before.items():
            signal.signal(stop, handler)


@contextmanager
def failing_clearly() -> Iterator[None]:
    """Tell what keeps a stack from running, without a traceback."""
    try:
        yield
    except (LocalError, NoCheckoutError, TemplateError) as error:
        fail(escape(str(error)))


def follow(logs: Sequence[Path]) -> None:
    """Copy what is added to log files to standard error, from now on."""
    for path in logs:
        threading.Thread(target=_follow, args=(path,), daemon=True).start()


def _follow(path: Path) -> None:
    path.touch()
    with path.open(errors="replace") as log:
        while True:
            if line := log.readline():
                sys.stderr.write(f"{path.stem}: {line.rstrip()}\n")
            else:
                time.sleep(LOOK_SECONDS)


def _announcement(stack: Stack) -> dict[str, Any]:
    """Return what other commands need: the ready line, and where the functions log."""
    return {**stack.ready, "logs": str(stack.logs.resolve())}


def _greet(ready: Mapping[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    table.add_row("webhooks", *(f"{ready['gateway']}/webhooks/{name}" for name in ready["sources"]))
    table.add_row("HubSpot", ready["hubspot"])
    table.add_row("AWS", ready["aws"])
    err.print("[bold green]ready[/], Ctrl-C stops", table, sep="\n", highlight=False)
    err.print("next: hubsync send FILE, or open HubSpot's address in a browser", highlight=False)
