"""`hubsync plan`: the calls that change events would become."""

import json
import os
import sys
import time
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from hubsync.core.change import ARCHIVED
from hubsync.core.event import format_timestamp
from hubsync.core.payloads.source import Source, load_sources
from hubsync.errors import HubsyncError
from hubsync.settings import load
from hubsync.writer_settings import PathSettings, versions_by_type
from hubsync_cli.completion import sources
from hubsync_cli.console import err, fail, out
from hubsync_cli.headers import HeaderOption, parse_headers
from hubsync_local.sources_folder import sources_folder
from hubsync_operations import plan as planning
from hubsync_operations.plan import Call, Passed, Plan
from hubsync_operations.plan_input import Given, parse_given


def plan(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(help="An event, an array, or a queue message; - reads standard input."),
    ],
    *,
    source: Annotated[
        str,
        typer.Option(autocompletion=sources, help="The source that a webhook's events are from."),
    ] = "changes",
    header: HeaderOption = None,
    api_versions: Annotated[
        str | None,
        typer.Option(
            metavar="JSON",
            help='API version by object type, such as {"default": "2026-03", "contacts": "v3"}; '
            "without it the environment's HUBSPOT_API_VERSIONS.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object, with the bodies of the calls.")
    ] = False,
) -> None:
    """Show the calls that FILE's events would become, without ledger and without sending.

    As if they came together, HubSpot had nothing of them yet, and took everything. Custom object
    types are those of the environment's HUBSPOT_OBJECT_TYPES. Ends with 0 if every event is valid,
    with 1 if one is not.
    """
    given_versions = {} if api_versions is None else {"HUBSPOT_API_VERSIONS": api_versions}
    try:
        settings = load(PathSettings, os.environ | given_versions)
        given = parse_given(
            file.read(),
            _source(source),
            headers=parse_headers(header),
            object_types=settings.object_types,
            now=time.time(),
        )
        planned = planning.plan(
            given.events,
            account=given.account,
            source=given.source,
            versions=versions_by_type(settings),
        )
    except HubsyncError as error:
        fail(escape(str(error)))
    if as_json:
        sys.stdout.write(f"{json.dumps(_as_json(given, planned), ensure_ascii=False)}\n")
    else:
        _show(given, planned)
    raise typer.Exit(1 if given.faults else 0)


def _source(name: str) -> Source:
    known = load_sources(sources_folder())
    if name not in known:
        raise typer.BadParameter(
            f"{name!r} is not one of {', '.join(known)}", param_hint="--source"
        )
    return known[name]


def _show(given: Given, planned: Plan) -> None:
    for pointer in given.unknown:
        err.print(f"[yellow]unknown:[/] {escape(pointer)} is no member of a change event")
    for fault in given.faults:
        err.print(f"[bold red]invalid:[/] {escape(f'{fault.pointer} {fault.message}'.strip())}")
    if planned.calls:
        out.print(_calls(planned.calls))
    if planned.passed:
        out.print(_passed(planned.passed))
    for record in planned.split:
        out.print(f"More than one invocation would take: {escape('/'.join(record))}")
    out.print(
        f"{planned.events:,} events, {planned.records:,} records, {len(planned.calls):,} calls; "
        f"{len(planned.superseded):,} events superseded whole",
        highlight=False,
    )


def _calls(calls: tuple[Call, ...]) -> Table:
    table = Table(title="Calls", title_justify="left", title_style="bold")
    table.add_column("call", overflow="fold")
    table.add_column("inputs", justify="right")
    table.add_column("bytes", justify="right")
    for call in calls:
        # An archive names HubSpot's own ids, which the read before it finds.
        size = "?" if call.body is None else f"{len(call.body):,}"
        table.add_row(f"{planning.METHOD} {call.path}", str(call.inputs), size)
    return table


def _passed(passed: tuple[Passed, ...]) -> Table:
    table = Table(title="Superseded readings", title_justify="left", title_style="bold")
    for column in ("record", "property", "event", "superseded by"):
        table.add_column(column, overflow="fold")
    for each in passed:
        name = "the archive" if each.name == ARCHIVED else each.name
        cells = ("/".join(each.record), name, each.version.event_id, each.by.event_id)
        table.add_row(*map(escape, cells))
    return table


def _as_json(given: Given, planned: Plan) -> dict[str, Any]:
    return {
        "account": given.account,
        "source": given.source,
        "events": planned.events,
        "records": planned.records,
        "unknown": list(given.unknown),
        "invalid": [fault._asdict() for fault in given.faults],
        "calls": [
            {
                "method": planning.METHOD,
                "path": call.path,
                "inputs": call.inputs,
                "bytes": None if call.body is None else len(call.body),
                "body": None if call.body is None else json.loads(call.body),
            }
            for call in planned.calls
        ],
        "superseded_readings": [
            {
                "record": each.record._asdict(),
                "property": None if each.name == ARCHIVED else each.name,
                "event_id": each.version.event_id,
                "occurred_at": format_timestamp(each.version.occurred_at),
                "superseded_by": each.by.event_id,
            }
            for each in planned.passed
        ],
        "superseded_events": [event_id for _, event_id in planned.superseded],
        "more_than_one_invocation": [record._asdict() for record in planned.split],
    }
