"""`hubsync demo`: the main job on this machine, from signed webhooks to CRM records."""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from hubsync_cli.console import err, fail, out
from hubsync_cli.local import failing_clearly, stopping_on_signals
from hubsync_local.checkout import require_checkout
from hubsync_local.demo.play import play
from hubsync_local.demo.report import Findings
from hubsync_local.demo.scenario import API_VERSIONS
from hubsync_local.stack import Stack

NUMBERS = {"count", "calls", "inputs"}
ENVIRONMENT = {"HUBSPOT_API_VERSIONS": API_VERSIONS}


def demo(
    *,
    consumers: Annotated[int, typer.Option(min=1, help="At most so many consumers at once.")] = 2,
) -> None:
    """Show the main job in half a minute: send webhooks, and compare the CRM with the truth.

    Starts the whole stack of template.yaml with HubSpot's emulator on free ports, sends webhooks
    that are merged, late, repeated and refused, and stops. HubSpot throttles one call, has records
    locked in another, and refuses a whole batch without saying why. Ends with 0 only if the CRM
    holds what it must, and every event is accounted for.
    """
    with failing_clearly():
        require_checkout("hubsync demo")
    began = time.monotonic()
    logs = Path(tempfile.mkdtemp(prefix="hubsync-demo-"))
    stack = Stack(logs=logs, environment=ENVIRONMENT, consumers=consumers)
    with stopping_on_signals(), failing_clearly(), err.status("starting the stack") as status:

        def tell(step: str) -> None:
            err.print(
                f"{time.monotonic() - began:5.1f} s  {escape(step)}",
                highlight=False,
                soft_wrap=True,
            )
            status.update(escape(step))

        tell("starting AWS, HubSpot's emulator, the gateway and both functions")
        with stack:
            tell(f"ready; HubSpot's emulator can be watched at {stack.ready['hubspot']}")
            findings = play(stack, tell)
        tell("stopped")
    _show(findings)
    if problems := list(findings.problems()):
        fail(escape("\n       ".join(["the demo went wrong:", *problems, f"logs: {logs}"])))


def _show(findings: Findings) -> None:
    out.print(_received(findings), _calls(findings), _refused(findings), _crm(findings), sep="\n")
    compared = sum(len(properties) for properties in findings.records.values())
    out.print(
        f"Compared with the truth: {len(findings.records)} records, {compared} properties.\n"
        f"Accounted for: {findings.settled:,} of {findings.metrics['EventsAccepted']:,} events.",
        highlight=False,
    )


def _received(findings: Findings) -> Table:
    answers, metrics = findings.answers, findings.metrics
    table = _table("What came in, and what became of it", "", "count", "meaning")
    rows = [
        ("webhooks accepted", answers[202], "answered 202: every event is in the queue"),
        ("webhooks unsigned", answers[401], "answered 401: no signature, or a wrong one"),
        ("webhooks invalid", answers[422], "answered 422: signed, but no change event"),
        ("events accepted", metrics["EventsAccepted"], "repeated ones count again"),
        ("  written", metrics["EventsWritten"], "HubSpot vouched for it, alone or merged"),
        ("  superseded", metrics["EventsSuperseded"], "late or repeated: a newer one is written"),
        ("  refused", metrics["EventsDeadLettered"], "a dead letter says which property and why"),
        ("records written", metrics["RecordsWritten"], "inputs that HubSpot vouched for"),
        ("calls to HubSpot", len(findings.calls), "batches, and those tried again"),
    ]
    for name, count, meaning in rows:
        table.add_row(name, f"{count:,}", meaning)
    return table


def _calls(findings: Findings) -> Table:
    table = _table("Calls to HubSpot", "path", "calls", "inputs", "answers")
    for path in sorted({call.path for call in findings.calls}):
        calls = [call for call in findings.calls if call.path == path]
        statuses = Counter(call.status for call in calls)
        answers = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
        table.add_row(path, str(len(calls)), str(sum(call.inputs for call in calls)), answers)
    return table


def _refused(findings: Findings) -> Table:
    table = _table("Refused by HubSpot", "event", "record", "property", "why")
    for letter in sorted(findings.dead_letters, key=lambda letter: letter.event_id):
        why = f"{letter.code}: {letter.reason}"
        table.add_row(letter.event_id, letter.record, letter.properties, escape(why))
    return table


def _crm(findings: Findings) -> Table:
    table = _table("The CRM now, some of it", "record", "holds", "story")
    for key, story in findings.story.told.items():
        properties = findings.records.get(key, {})
        holds = ", ".join(f"{name}={value}" for name, value in sorted(properties.items()))
        table.add_row("/".join(key), escape(holds), story)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in NUMBERS else "left", overflow="fold")
    return table
