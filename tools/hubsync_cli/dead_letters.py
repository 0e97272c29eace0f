"""`hubsync dead-letters`: events given up, looked at and given another life."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.markup import escape

from hubsync.core.payloads.source import load_sources
from hubsync_cli.completion import reasons, sources
from hubsync_cli.console import err, fail, out
from hubsync_cli.rendering import letter_summary, letter_table, letter_whole, print_line
from hubsync_cli.stack_option import JsonOption, StackOption, moment_option, reaching
from hubsync_local.sources_folder import sources_folder
from hubsync_operations.dead_letter import Filter, Letter
from hubsync_operations.dead_letter_queue import Look, Redrive, Redriven, visit
from hubsync_operations.remap import remap

NOT_FOUND = 1
LIST_MAX = 100
FAILURES_SHOWN = 20
PRIVATE = 0o600

dead_letters = typer.Typer(
    no_args_is_help=True,
    help="Look at dead letters, and give them another life.",
    epilog="Ends with 0 if all went well; with 1 if the stack did not answer, nothing was found by "
    "show, or SQS did not confirm all of a redrive; with 2 if the command is not understood. While "
    "a command looks, what it looks at is hidden from others; a command that is killed leaves it "
    "hidden for five minutes.",
)

Reason = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE", autocompletion=reasons, help="Those with this reason code. Repeatable."
    ),
]
Source = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", autocompletion=sources, help="Those of this source. Repeatable."),
]
Event = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="Those with this event id. Repeatable.")
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="Those rejected since then: RFC 3339, or an age like 2h or 3d. Where SQS itself "
        "moved the message, the time it was first sent counts.",
    ),
]
Payload = Annotated[
    bool,
    typer.Option(
        "--payload", help="Show kept payloads, too: the upstream system's own, personal data."
    ),
]
Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Those rejected before then.")]


@dead_letters.command("list")
def list_(
    *,
    stack: StackOption = None,
    reason: Reason = None,
    source: Source = None,
    event: Event = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int, typer.Option(min=0, help="At most so many, the latest; 0 for all.")
    ] = LIST_MAX,
    ids: Annotated[
        bool, typer.Option("--ids", help="Show the records' ids too; they may be personal.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List dead letters, the latest first. With --json, a line for each."""
    now = _now()
    wanted = _filter(reason, source, event, since, until, now=now)
    letters = _found(stack, wanted)
    shown = letters[:limit] if limit else letters
    if as_json:
        for letter in shown:
            print_line(letter_summary(letter, now=now, ids=ids))
    elif shown:
        out.print(letter_table(shown, now=now, ids=ids))
    err.print(f"{len(shown):,} of {len(letters):,} dead letters", highlight=False)


@dead_letters.command()
def show(
    event_id: Annotated[str, typer.Argument(metavar="EVENT_ID")],
    *,
    stack: StackOption = None,
    source: Source = None,
    payload: Payload = False,
    as_json: JsonOption = False,
) -> None:
    """Show everything of an event's dead letters, its values included.

    A payload of which the event could not be made is shown with --payload only.
    """
    now = _now()
    wanted = _filter(None, source, [event_id], None, None, now=now)
    letters = _found(stack, wanted)
    for letter in letters:
        if as_json:
            print_line(letter_whole(letter, now=now, payload=payload))
        else:
            out.print_json(data=letter_whole(letter, now=now, payload=payload), default=str)
    if not letters:
        fail(f"no dead letter has the event id {escape(repr(event_id))}", code=NOT_FOUND)


@dead_letters.command()
def redrive(
    *,
    stack: StackOption = None,
    reason: Reason = None,
    source: Source = None,
    event: Event = None,
    since: Since = None,
    until: Until = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All of them; without it, give a filter.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many events, whichever come first.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would be redriven.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--sources",
            metavar="DIR",
            exists=True,
            file_okay=False,
            help="The sources' files, by which kept payloads are mapped anew; without it, those of "
            "functions/ingest/sources.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters back to the change queue, and delete each once SQS has confirmed it.

    Safe at any time and to repeat: what newer events have written is not overwritten, and what is
    refused again becomes a dead letter again. Payloads that were kept (INVALID_PAYLOAD) are mapped
    anew, as far as they could not be; what fails again stays, and is told with its reason. Deploy
    the mended file, too, since new payloads are mapped by that.
    """
    wanted = _filter(reason, source, event, since, until, now=_now())
    if wanted.takes_all != everything:
        fail("give either a filter, or --all", code=2)
    with reaching(stack) as target, err.status("looking") as status:

        def tell(so_far: Redriven) -> None:
            status.update(f"looked at {so_far.messages:,} messages, redriven {so_far.sent:,}")

        known = load_sources(folder or sources_folder(), target.object_types)
        map_anew = partial(remap, sources=known, object_types=target.object_types, now=time.time())
        run = Redrive(target.queues, wanted, map_anew, limit=limit, dry_run=dry_run, tell=tell)
        result = run.run()
    if as_json:
        print_line({"dry_run": dry_run, **asdict(result)})
    else:
        _tell_redriven(result, dry_run=dry_run)
    if result.unconfirmed or result.undeleted:
        fail("SQS did not confirm all; run the same again, repeats are harmless")


@dead_letters.command()
def export(
    file: Annotated[
        Path, typer.Argument(help="A new file, readable by you alone; - for standard output.")
    ],
    *,
    stack: StackOption = None,
    reason: Reason = None,
    source: Source = None,
    event: Event = None,
    since: Since = None,
    until: Until = None,
    payload: Payload = False,
) -> None:
    """Write dead letters to FILE, values included, a line of JSON for each; none is deleted."""
    now = _now()
    wanted = _filter(reason, source, event, since, until, now=now)
    count = 0
    with reaching(stack) as target, _new_file(file) as lines:

        def write(letter: Letter) -> None:
            nonlocal count
            count += 1
            print_line(letter_whole(letter, now=now, payload=payload), lines)

        _warn_if_partial(visit(target.queues, wanted, write))
    err.print(f"{count:,} dead letters", highlight=False)


def _now() -> int:
    return time.time_ns() // 1000


def _filter(
    reasons: list[str] | None,
    sources: list[str] | None,
    events: list[str] | None,
    since: str | None,
    until: str | None,
    *,
    now: int,
) -> Filter:
    return Filter(
        reasons=frozenset(reasons or ()),
        sources=frozenset(sources or ()),
        events=frozenset(events or ()),
        since=moment_option(since, "--since", now=now),
        until=moment_option(until, "--until", now=now),
    )


def _found(stack: str | None, wanted: Filter) -> list[Letter]:
    """Return the letters that are wanted, the latest first."""
    letters: list[Letter] = []
    with reaching(stack) as target, err.status("looking through the dead letters"):
        look = visit(target.queues, wanted, letters.append)
    _warn_if_partial(look)
    return sorted(letters, key=lambda letter: letter.at, reverse=True)


def _warn_if_partial(looked: Look | Redriven) -> None:
    if not looked.complete:
        err.print("[yellow]not all:[/] there are more dead letters than one look can hold")


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    if str(path) == "-":
        yield sys.stdout
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except OSError as error:
        fail(escape(f"{path}: {error.strerror}"))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file


def _tell_redriven(result: Redriven, *, dry_run: bool) -> None:
    if dry_run:
        out.print(f"{result.matched:,} would be redriven; nothing was sent", highlight=False)
    else:
        out.print(f"{result.sent:,} of {result.matched:,} redriven", highlight=False)
    if result.made or result.failed or result.unwanted:
        out.print(
            f"{result.made:,} events made of kept payloads; {result.failed:,} payloads fail still, "
            f"{result.unwanted:,} are wanted no more",
            highlight=False,
        )
    for failure in result.failures[:FAILURES_SHOWN]:
        told = f"  {failure.source}, request {failure.request_id}: {failure.reason}"
        out.print(escape(told), highlight=False, soft_wrap=True)
    if result.again:
        out.print(
            f"{result.again:,} left: twins of redriven ones, or refused again meanwhile",
            highlight=False,
        )
    if result.gone:
        out.print(
            f"{result.gone:,} left: their values were invalid and are not kept (INVALID_VALUE); "
            "mend them in the upstream system, and send them again from there",
            highlight=False,
        )
    if result.unconfirmed or result.undeleted:
        out.print(
            f"{result.unconfirmed:,} events left, since SQS did not confirm them; "
            f"{result.undeleted:,} messages sent and not deleted",
            highlight=False,
        )
    _warn_if_partial(result)
