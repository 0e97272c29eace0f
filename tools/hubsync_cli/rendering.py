"""How the command tells of dead letters and log lines: as rows, and as JSON."""

import base64
import json
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.markup import escape
from rich.table import Table

from hubsync.core.event import format_timestamp
from hubsync.core.kept_payload import Kept
from hubsync.core.object_types import path_segment
from hubsync_operations.ages import span_text
from hubsync_operations.dead_letter import Letter
from hubsync_operations.logs import Line

EVENTS_SHOWN = 3  # Of a payload, in a table.


def print_line(value: object, to: TextIO | None = None) -> None:
    """Print one line of JSON, to standard output if nowhere else."""
    (to or sys.stdout).write(f"{json.dumps(value, ensure_ascii=False, default=str)}\n")


def letter_summary(letter: Letter, *, now: int, ids: bool) -> dict[str, Any]:
    """Return what a list says of a letter: no value of a property, and the record's id if asked."""
    event, record = letter.event, letter.record
    return {
        "event_id": letter.event_id,
        **_of_payload(letter),
        "request_id": letter.request_id,
        "source": letter.source,
        "account": letter.account,
        "object_type": None if event is None else event.object_type,
        "id_property": None if record is None else record.id_property,
        **({"id": None if event is None else event.id} if ids else {}),
        "reason_code": letter.code,
        "reason_message": letter.reason,
        "refused_properties": list(letter.properties),
        "correlation_id": letter.correlation_id,
        "rejected_at": None if letter.rejected_at is None else format_timestamp(letter.rejected_at),
        "age_seconds": max(0, now - letter.at) // 1_000_000,
    }


def _of_payload(letter: Letter) -> dict[str, Any]:
    """Return what is said of a payload that was kept: which events could not be made of it."""
    if letter.kept is None:
        return {}
    return {
        "unmade": [
            {"change": each.place.change, "element": each.place.element, "event_id": each.event_id}
            for each in letter.kept.unmade
        ]
    }


def letter_whole(letter: Letter, *, now: int, payload: bool) -> dict[str, Any]:
    """Return everything of a letter, the event with its values included.

    A payload that was kept is somebody else's data, so it is there only if it is asked for.
    """
    received = letter.received_at
    if letter.kept is not None:
        content: dict[str, Any] = {"payload": _payload(letter.kept) if payload else None}
    else:
        content = {"event": letter.wire}
    return letter_summary(letter, now=now, ids=True) | {
        "received_at": None if received is None else format_timestamp(received),
        "message_id": letter.message_id,
        "sent_at": format_timestamp(letter.sent_at),
        **content,
    }


def _payload(kept: Kept) -> dict[str, Any] | None:
    """Return a payload's headers, and its body as text or, where it is none, in base64."""
    if kept.body is None:
        return None
    try:
        return {"headers": kept.headers, "body": kept.body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"headers": kept.headers, "body_base64": base64.b64encode(kept.body).decode()}


def letter_table(letters: Iterable[Letter], *, now: int, ids: bool) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for column in ("event", "source", "record", "reason", "refused", "rejected at"):
        table.add_column(column, overflow="fold")
    table.add_column("age", justify="right")
    for letter in letters:
        cells = (
            _events_text(letter),
            letter.source or "-",
            record_text(letter, ids=ids),
            letter.code,
            ", ".join(letter.properties) or "-",
            "-" if letter.rejected_at is None else format_timestamp(letter.rejected_at)[:19] + "Z",
            span_text(now - letter.at),
        )
        table.add_row(*map(escape, cells))
    return table


def _events_text(letter: Letter) -> str:
    named = sorted(letter.event_ids)
    more = f" and {len(named) - EVENTS_SHOWN}" if len(named) > EVENTS_SHOWN else ""
    return (", ".join(named[:EVENTS_SHOWN]) or "-") + more


def record_text(letter: Letter, *, ids: bool) -> str:
    record = letter.record
    if record is None:
        return "-"
    kind = f"{path_segment(record.object_type)} {record.id_property}"
    return f"{kind} {record.id}" if ids else kind


def line_summary(line: Line) -> dict[str, Any]:
    return {
        "at": line.at,
        "function": line.function,
        "fact": line.fact,
        "event_id": line.event_id,
        **line.says,
    }


def line_text(line: Line) -> str:
    says = ", ".join(f"{name}={value}" for name, value in line.says.items())
    return f"{line.at}  {line.function}  {line.fact}  {line.event_id}  {says}"
