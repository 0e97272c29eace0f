"""`hubsync source`: what a source's file says, and what it makes of a payload."""

import os
import re
import time
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from hubsync.core.event import encode_event
from hubsync.core.payloads.source import Source
from hubsync.errors import HubsyncError
from hubsync.settings import load
from hubsync.writer_settings import PathSettings
from hubsync_cli.completion import examples
from hubsync_cli.console import err, fail, out
from hubsync_cli.headers import HeaderOption, parse_headers
from hubsync_cli.rendering import print_line
from hubsync_cli.stack_option import JsonOption
from hubsync_local.checkout import EXAMPLES
from hubsync_local.sources_folder import sources_folder
from hubsync_operations.source_cases import Case, cases, tell, written
from hubsync_operations.source_check import (
    Checked,
    Match,
    Mistake,
    Sampled,
    check,
    headers_read,
    sample,
)

OBJECT_TYPES = "HUBSPOT_OBJECT_TYPES"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

source = typer.Typer(no_args_is_help=True, help="Look at the file of an upstream system.")


@source.command("check")
def check_(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A source's TOML file.")
    ],
    *,
    payload: Annotated[
        typer.FileBinaryRead | None,
        typer.Option(
            "--sample",
            metavar="PAYLOAD",
            help="A payload as the upstream system sends it; - reads standard input.",
        ),
    ] = None,
    header: HeaderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with FILE, and what it makes of a payload, or why it makes nothing.

    Nothing is sent, and no signature is needed. Names of custom objects are looked up in
    HUBSPOT_OBJECT_TYPES, if the environment has it. Ends with 0 if FILE is right and every event
    of the payload is valid, or none is meant; with 1 if not.
    """
    headers = parse_headers(header)
    try:
        types = load(PathSettings, os.environ).object_types if OBJECT_TYPES in os.environ else None
        checked = check(file, types)
        sampled = None
        if checked.source and payload:
            sampled = sample(
                file,
                checked.source,
                payload.read(),
                headers=headers,
                object_types=types if types is not None else _any_name(checked.source),
                now=time.time(),
            )
    except HubsyncError as error:
        fail(escape(str(error)))
    if as_json:
        print_line(_as_json(file, checked, sampled))
    else:
        _show(file, checked, sampled)
    raise typer.Exit(1 if checked.mistakes or (sampled and sampled.faults) else 0)


@source.command("test")
def compare(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Sources' files.")
    ],
    *,
    payloads: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="Payload files; without it, DIR/payloads.",
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Write what comes out now, instead of comparing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what DIR's sources make of payload files with the events that they shall make.

    A payload SOURCE-WHAT.json is a request's body; SOURCE-WHAT.headers.json beside it has the
    headers that the mapping reads, and SOURCE-WHAT.events.json what shall come of it. Ends with 0
    if all is as it shall be; with 1 if something differs, or has nothing to be compared with.
    """
    try:
        types = load(PathSettings, os.environ).object_types if OBJECT_TYPES in os.environ else None
        found = list(cases(folder, payloads or folder / "payloads", types))
        told = {
            case: tell(case, types if types is not None else _any_name(case.source))
            for case in found
        }
    except (HubsyncError, ValueError) as error:
        fail(escape(str(error)))
    if update:
        for case, result in told.items():
            case.golden.write_text(written(result), "utf-8")
        out.print(f"{len(told):,} files written; read what changed in them", highlight=False)
        return
    verdicts = {case: _compared(case, result) for case, result in told.items()}
    if as_json:
        print_line({case.name: verdict or "as expected" for case, verdict in verdicts.items()})
    else:
        for case, verdict in verdicts.items():
            _show_verdict(case, verdict)
        right = sum(verdict is None for verdict in verdicts.values())
        out.print(f"{right:,} of {len(verdicts):,} payloads as expected", highlight=False)
    raise typer.Exit(1 if any(verdicts.values()) else 0)


def _compared(case: Case, told: dict[str, Any]) -> str | None:
    """Return how a case differs from its golden file; None if it does not."""
    expected = case.expected()
    if expected is None:
        return f"{case.golden} is missing; --update writes it"
    if expected == told:
        return None
    lines = unified_diff(
        written(expected).splitlines(),
        written(told).splitlines(),
        fromfile="expected",
        tofile="made",
        lineterm="",
    )
    return "\n".join(lines)


def _show_verdict(case: Case, verdict: str | None) -> None:
    if verdict is None:
        out.print(f"[green]as expected[/] {escape(case.name)}", highlight=False)
    else:
        err.print(f"[bold red]differs[/] {escape(case.name)}", highlight=False)
        err.print(escape(verdict), highlight=False, soft_wrap=True)


@source.command("new")
def new_(
    name: Annotated[str, typer.Argument(help="The source's name, as in /webhooks/NAME.")],
    *,
    like: Annotated[
        str, typer.Option(metavar="EXAMPLE", autocompletion=examples, help="The example to copy.")
    ],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--sources", metavar="DIR", help="Where to; without it, functions/ingest/sources."
        ),
    ] = None,
) -> None:
    """Copy an example to begin a source with, and say what is next.

    Never overwrites a file.
    """
    example = EXAMPLES / f"{like}.toml"
    if not example.is_file():
        raise typer.BadParameter(
            f"{like!r} is not one of {', '.join(examples())}", param_hint="--like"
        )
    if not NAME.fullmatch(name):
        raise typer.BadParameter(
            f"{name!r} is no name: lower-case letters, digits, - and _", param_hint="NAME"
        )
    target = (folder or sources_folder()) / f"{name}.toml"
    text = example.read_text("utf-8").replace(f'"webhooks/{like}"', f'"webhooks/{name}"')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        fail(escape(f"{target}: {error.strerror}"))
    out.print(f"[green]made[/] {escape(str(target))}", highlight=False, soft_wrap=True)
    for step in (
        "read its head: what to subscribe to, and which request comes first",
        f"put the signing secret into Secrets Manager as <stack>/webhooks/{name}",
        f"try it: hubsync source check {target} --sample payload.json",
    ):
        out.print(f"  next: {escape(step)}", highlight=False, soft_wrap=True)


def _any_name(source: Source) -> dict[str, str]:
    """Let custom objects pass whose type ids nobody has told."""
    return {change.object_type.strip().lower(): "2-0" for change in source.change}


def _show(file: Path, checked: Checked, sampled: Sampled | None) -> None:
    for mistake in checked.mistakes:
        err.print(
            f"[bold red]wrong:[/] {escape(_told(str(file), mistake))}",
            highlight=False,
            soft_wrap=True,
        )
    if checked.source is None:
        return
    _show_source(checked.source)
    if sampled is not None:
        _show_sample(file, checked.source, sampled)


def _told(where: str, mistake: Mistake) -> str:
    place = where if mistake.line is None else f"{where}:{mistake.line}"
    return " ".join(filter(None, [f"{place}:", mistake.pointer, mistake.message]))


def _show_source(source: Source) -> None:
    signature = source.signature
    allowed = source.properties_allowed
    facts = {
        "path": f"/webhooks/{source.name}",
        "account": source.account,
        "scheme": signature.scheme,
        "secret": f"<stack>/{signature.secret}",
        "what is invalid": "left out or kept, 202"
        if source.invalid == "ignore"
        else "refused, 422",
        "properties": "any" if allowed is None else ", ".join(sorted(allowed)),
    }
    table = Table(show_header=False, show_edge=False, box=None, pad_edge=False)
    for name, value in facts.items():
        table.add_row(name, escape(value))
    out.print(table)
    if names := headers_read(source):
        told = f"It reads headers {', '.join(names)}: give them with --header."
        out.print(told, highlight=False, soft_wrap=True)
    if not source.change:
        out.print("Bodies are change events in hubsync's own form, or CloudEvents.")


def _show_sample(file: Path, source: Source, sampled: Sampled) -> None:
    if sampled.challenge is not None:
        out.print("The payload is Slack's challenge; the answer echoes it.")
    for place, match in enumerate(sampled.matches):
        change = source.change[place]
        told = f"change {place}, {change.operation} {change.object_type}: {_verdict(match)}"
        out.print(escape(told), highlight=False, soft_wrap=True)
    for event in sampled.events:
        out.print_json(data=encode_event(event))
    where = str(file) if source.change else "payload"
    for fault in sampled.faults:
        err.print(
            f"[bold red]invalid:[/] {escape(_told(where, fault))}", highlight=False, soft_wrap=True
        )
    told = f"{len(sampled.events):,} accepted, {sampled.ignored:,} ignored"
    if sampled.kept:
        told += f", {sampled.kept:,} kept as a dead letter"
    if sampled.left_out:
        told += f"; {sampled.left_out:,} values left out"
    out.print(f"The answer is {sampled.status}: {told}.", highlight=False)
    for pointer in sampled.unknown:
        err.print(f"[yellow]unknown:[/] {escape(pointer)} is no member of a change event")


def _verdict(match: Match) -> str:
    if match.elements > 1:
        told = f"{match.wanted:,} events of {match.elements:,} elements"
    else:
        told = "an event" if match.wanted else "not about this payload"
    if match.failed:
        told = f"{match.failed:,} of {match.elements:,} cannot be worked out"
    return told + (f"; nothing found for {', '.join(match.left_out)}" if match.left_out else "")


def _as_json(file: Path, checked: Checked, sampled: Sampled | None) -> dict[str, Any]:
    source = checked.source
    return {
        "file": str(file),
        "mistakes": list(map(_mistake, checked.mistakes)),
        "source": source
        and {
            "name": source.name,
            "account": source.account,
            "scheme": source.signature.scheme,
            "secret": source.signature.secret,
            "invalid": source.invalid,
            "headers": headers_read(source),
            "changes": len(source.change),
        },
        "sample": sampled
        and {
            "status": sampled.status,
            "accepted": len(sampled.events),
            "ignored": sampled.ignored,
            "kept": sampled.kept,
            "values_left_out": sampled.left_out,
            "unknown": list(sampled.unknown),
            "challenge": sampled.challenge,
            "changes": [
                {
                    "elements": match.elements,
                    "wanted": match.wanted,
                    "failed": match.failed,
                    "left_out": list(match.left_out),
                }
                for match in sampled.matches
            ],
            "events": list(map(encode_event, sampled.events)),
            "faults": list(map(_mistake, sampled.faults)),
        },
    }


def _mistake(mistake: Mistake) -> dict[str, Any]:
    return {"pointer": mistake.pointer, "line": mistake.line, "message": mistake.message}
