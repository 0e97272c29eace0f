"""`hubsync explain`: what became of a record, or of an event, and why."""

import asyncio
import time
from functools import partial
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from hubsync.core.change import RecordKey, Version
from hubsync.core.event import HUBSPOT_ID, canonical_id, format_timestamp
from hubsync.core.object_types import canonical_type
from hubsync_cli.completion import object_types, sources
from hubsync_cli.console import err, fail, out
from hubsync_cli.rendering import letter_summary, letter_table, line_summary, line_text, print_line
from hubsync_cli.stack_option import JsonOption, StackOption, moment_option, reaching
from hubsync_operations.event_history import condition, properties_of, shown_name
from hubsync_operations.explain import (
    Beside,
    OfEvent,
    OfRecord,
    OfRequest,
    explain_event,
    explain_record,
    explain_request,
)
from hubsync_operations.target import Target


def explain(
    object_type: Annotated[
        str | None,
        typer.Argument(autocompletion=object_types, help="Its name, or its type id."),
    ] = None,
    record_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The record, as its events address it.")
    ] = None,
    *,
    id_property: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What ID is of; without it, HubSpot's own record id."),
    ] = None,
    account: Annotated[str, typer.Option(help="The HubSpot account.")] = "main",
    event: Annotated[str | None, typer.Option(metavar="ID", help="An event, by its id.")] = None,
    request: Annotated[
        str | None, typer.Option(metavar="ID", help="A webhook, by the requestId of its answer.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(autocompletion=sources, help="The event's source.")
    ] = None,
    stack: StackOption = None,
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="Search logs since then: RFC 3339, or an age.")
    ] = "7d",
    as_json: JsonOption = False,
) -> None:
    """Say what was received, written and refused of a record, or what became of an event.

    With --request, what became of a webhook: whether it was ignored or kept, and why.

    Asks the ledger, the dead letters and the logs. Where logs have expired, an event is found only
    together with its record. No value of a property is shown. Ends with 1 if the stack does not
    answer.
    """
    if request is not None and (event is not None or object_type is not None):
        fail("give --request alone", code=2)
    if (request is None and event is None and record_id is None) or (
        (object_type is None) != (record_id is None)
    ):
        fail("give OBJECT_TYPE and ID, or --event, or all three; or --request", code=2)
    now = time.time_ns() // 1000
    begin = moment_option(since, "--since", now=now) or 0
    since_ms = begin // 1000
    with reaching(stack) as target, err.status("asking ledger, dead letters and logs"):
        record = _record(target, account, object_type, id_property, record_id)
        if request is not None:
            of_request = explain_request(target, request, since_ms=since_ms)
            tell = partial(_tell_request, request, of_request)
        elif event is not None:
            of_event = asyncio.run(explain_event(target, event, source, record, since_ms=since_ms))
            tell = partial(_tell_event, event, of_event)
        else:
            assert record is not None
            of_record = asyncio.run(explain_record(target, record, since_ms=since_ms))
            tell = partial(_tell_record, of_record)
    tell(now=now, as_json=as_json)


def _record(
    target: Target,
    account: str,
    object_type: str | None,
    id_property: str | None,
    record_id: str | None,
) -> RecordKey | None:
    """Return the record's key in its one spelling, as ingest makes it."""
    if object_type is None or record_id is None:
        return None
    type_id = canonical_type(object_type, target.object_types)
    if type_id is None:
        raise typer.BadParameter(f"{object_type!r} is no object type", param_hint="OBJECT_TYPE")
    name = HUBSPOT_ID if id_property is None else id_property.strip().lower()
    try:
        return RecordKey(account, type_id, name, canonical_id(record_id, type_id, name))
    except ValueError as error:
        raise typer.BadParameter(f"{record_id!r} {error}", param_hint="ID") from None


def _tell_record(found: OfRecord, *, now: int, as_json: bool) -> None:
    entry = found.entry
    sentences = list(condition(entry, now_ms=now // 1000))
    if as_json:
        print_line(
            {
                "record": found.record._asdict(),
                "condition": sentences,
                "hubspot_id": entry.hubspot_id,
                "trace_id": entry.trace_id,
                "lease_until": _moment(entry.lease_until),
                "doubts": entry.doubts,
                "doubted_at": _moment(entry.doubted_at),
                "watched_until": _moment(entry.watched_until),
                "properties": [
                    {
                        "name": each.name,
                        "written": each.written and _version(each.written),
                        "pending": list(map(_version, each.pending)),
                        "watched": each.watched,
                    }
                    for each in properties_of(entry)
                ],
                **_beside(found.beside, now=now),
            }
        )
        return
    out.print(escape("/".join(found.record)), style="bold", highlight=False)
    for sentence in sentences:
        out.print(escape(sentence), highlight=False)
    if entry.hubspot_id or entry.trace_id:
        out.print(
            f"HubSpot's record id {entry.hubspot_id or 'not known'}; "
            f"last written as {entry.trace_id or 'not known'}",
            highlight=False,
        )
    out.print(*_properties(found), end="")
    _tell_beside(found.beside, now=now)


def _properties(found: OfRecord) -> list[Table]:
    properties = properties_of(found.entry)
    table = _table("property", "stands", "occurred at", "source", "event")
    for each in properties:
        written = [("written", each.written)] if each.written else []
        for stands, version in [*(("pending", v) for v in each.pending), *written]:
            when = format_timestamp(version.occurred_at)
            watched = ", watched" if each.watched and stands == "written" else ""
            cells = (shown_name(each.name), stands + watched, when)
            table.add_row(*map(escape, (*cells, version.source, version.event_id)))
    return [table] if properties else []


def _tell_request(request_id: str, found: OfRequest, *, now: int, as_json: bool) -> None:
    if as_json:
        said = {"request_id": request_id, "sentence": found.sentence}
        print_line({**said, **_beside(found.beside, now=now)})
        return
    out.print(escape(request_id), style="bold", highlight=False)
    out.print(escape(found.sentence), highlight=False)
    _tell_beside(found.beside, now=now)


def _tell_event(event_id: str, found: OfEvent, *, now: int, as_json: bool) -> None:
    story = found.story
    if as_json:
        print_line(
            {
                "event_id": event_id,
                "came": story.came,
                "sentence": story.sentence,
                "properties": [
                    {
                        "record": each.record._asdict(),
                        "name": each.name,
                        "came": each.came,
                        "superseded_by": each.by and _version(each.by),
                    }
                    for each in story.said
                ],
                **_beside(found.beside, now=now),
            }
        )
        return
    out.print(f"[bold]{escape(event_id)}[/]: {story.came}", highlight=False)
    out.print(escape(story.sentence), highlight=False)
    table = _table("record", "property", "came", "superseded by")
    for said in story.said:
        by = (
            ""
            if said.by is None
            else f"{said.by.event_id}, {format_timestamp(said.by.occurred_at)}"
        )
        table.add_row(*map(escape, ("/".join(said.record), shown_name(said.name), said.came, by)))
    if story.said:
        out.print(table)
    _tell_beside(found.beside, now=now)


def _beside(beside: Beside, *, now: int) -> dict[str, Any]:
    return {
        "dead_letters": [letter_summary(letter, now=now, ids=True) for letter in beside.letters],
        "dead_letters_complete": beside.is_complete,
        "logs": [line_summary(line) for line in beside.logs.found],
        "logs_problem": beside.logs.problem,
        "messages_in_change_queue": beside.waiting,
    }


def _tell_beside(beside: Beside, *, now: int) -> None:
    out.print(f"Dead letters: {len(beside.letters) or 'none'}", style="bold", highlight=False)
    if beside.letters:
        out.print(letter_table(beside.letters, now=now, ids=True))
    if not beside.is_complete:
        out.print("There are more than one look can hold, so some may be missing.")
    out.print(f"Log lines: {len(beside.logs.found) or 'none'}", style="bold", highlight=False)
    for line in beside.logs.found:
        out.print(escape(line_text(line)), highlight=False, soft_wrap=True)
    if beside.logs.problem:
        out.print(escape(f"Logs: {beside.logs.problem}"), style="yellow", highlight=False)
    out.print(f"Messages in the change queue: about {beside.waiting:,}", highlight=False)


def _table(*columns: str) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _version(version: Version) -> dict[str, Any]:
    return {
        "occurred_at": format_timestamp(version.occurred_at),
        "sequence": version.sequence,
        "source": version.source,
        "event_id": version.event_id,
    }


def _moment(milliseconds: int) -> str | None:
    return format_timestamp(milliseconds * 1000) if milliseconds else None
