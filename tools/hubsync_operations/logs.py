"""What the functions logged of some events: from the local stack's files, or CloudWatch Logs."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

PATTERN_CHARACTERS_MAX: Final = 1024  # Documented: a filter pattern's limit.
TERM_CHARACTERS_MAX: Final = 120
TERMS_MAX: Final = 8
assert TERMS_MAX * (TERM_CHARACTERS_MAX + len('?"" ')) <= PATTERN_CHARACTERS_MAX
SETTLED: Final = "events_settled"
VALUES_KEPT: Final = "values_kept"
# What is said of events, by what they came to (hubsync.event_log).
_SAID: Final = {
    "written": ("trace_id", "hubspot_id"),
    "superseded": ("by",),
    "open": ("reason", "tries", "again_in_seconds"),
}
PAGES_MAX: Final = 20  # For each log group and pattern: a page searches 1 MB or so.
_PLAIN: Final = re.compile(rf"[A-Za-z0-9_.:@/=+-]{{1,{TERM_CHARACTERS_MAX}}}")
# What every line has, and nobody needs to read beside the fact itself.
_USUAL: Final = frozenset(
    {"level", "location", "message", "timestamp", "service", "cold_start", "xray_trace_id"}
    | {"function_name", "function_memory_size", "function_arn", "function_request_id"}
)


@dataclass(frozen=True, slots=True)
class Line:
    """A log line that names an event: the fact, when, and what else it says."""

    at: str
    function: str
    fact: str
    event_id: str
    says: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lines:
    """What was found; `problem` says why there may be more, or nothing at all."""

    found: tuple[Line, ...] = ()
    problem: str | None = None


class Logs(Protocol):
    def about(self, events: frozenset[str], *, since_ms: int) -> Lines:
        """Return the lines that name one of these events or requests, since a moment, in order."""


@dataclass(frozen=True, slots=True)
class LogFiles:
    """The logs of the local stack, one file for each function."""

    folder: Path

    def about(self, events: frozenset[str], *, since_ms: int) -> Lines:
        del since_ms  # A local stack's logs are its own, and begin with it.
        files = sorted(self.folder.glob("*Function.log"))
        if not files:
            return Lines(problem=f"no log of a function is in {self.folder}")
        found = [
            line
            for path in files
            for text in path.read_text(errors="replace").split(
                "\n"
            )  # Ids may hold other ends of lines.
            for line in parsed(text, events)
        ]
        return Lines(_in_order(found))


@dataclass(frozen=True, slots=True)
class CloudWatchLogs:
    """The log groups of a deployed stack, searched by event id."""

    client: "CloudWatchLogsClient"
    groups: Sequence[str]
    pages_max: int = field(default=PAGES_MAX)

    def about(self, events: frozenset[str], *, since_ms: int) -> Lines:
        found: list[Line] = []
        problem = None if self.groups else "the stack has no log groups"
        for group in self.groups:
            try:
                for pattern in patterns(events):
                    texts, is_whole = self._search(group, pattern, since_ms)
                    found += [line for text in texts for line in parsed(text, events)]
                    if not is_whole:
                        problem = f"{group} was searched in part only; a later --since is quicker"
            except (BotoCoreError, ClientError) as error:
                problem = f"{group} could not be read: {error}"
        return Lines(_in_order(found), problem)

    def _search(self, group: str, pattern: str, since_ms: int) -> tuple[list[str], bool]:
        request: dict[str, Any] = {
            "logGroupName": group,
            "filterPattern": pattern,
            "startTime": since_ms,
        }
        texts: list[str] = []
        for _ in range(self.pages_max):
            answer = self.client.filter_log_events(**request)
            texts += [event["message"] for event in answer["events"]]
            if "nextToken" not in answer:
                return texts, True
            request["nextToken"] = answer["nextToken"]
        return texts, False


def patterns(events: Iterable[str]) -> Iterator[str]:
    """Yield filter patterns that match every line with one of the ids, and perhaps more lines."""
    terms = [f'"{_plain(event)}"' for event in sorted(events)]
    for some in batched(dict.fromkeys(terms), TERMS_MAX, strict=False):
        yield some[0] if len(some) == 1 else " ".join(f"?{term}" for term in some)


def _plain(event: str) -> str:
    """Return the longest part of an id that a quoted term and JSON both spell as it is."""
    runs = _PLAIN.findall(event)
    return max(runs, key=len, default="event_id")


def parsed(text: str, events: frozenset[str]) -> Iterator[Line]:
    """Yield what a line says of any of the events: it is about one, or lists many in groups."""
    try:
        fields = json.loads(text)
    except ValueError:
        return
    if not isinstance(fields, dict):
        return
    for name in ("event_id", "request_id"):
        if fields.get(name) in events:
            yield _line(fields, fields[name], fields)
    for event_id in events.intersection(fields.get("event_ids", ())):
        yield _line(fields, event_id, {"property": fields.get("property")})
    for source, by_fate in fields.get("settled", {}).items():
        for came, by_what in by_fate.items():
            for what, ids in by_what.items():
                for event_id in filter(events.__contains__, ids):
                    said = dict(
                        zip(_SAID[came], what.split(" ", len(_SAID[came]) - 1), strict=False)
                    )
                    yield _line(fields, event_id, {"came": came, "source": source, **said})


def _line(fields: dict[str, Any], event_id: str, told: dict[str, Any]) -> Line:
    return Line(
        at=str(fields.get("timestamp", "")),
        function=str(fields.get("service", "")),
        fact=str(fields.get("message", "")),
        event_id=event_id,
        says={
            name: value
            for name, value in told.items()
            if name not in _USUAL | {"event_id", "request_id"} and value not in (None, [], "")
        },
    )


def _in_order(lines: Iterable[Line]) -> tuple[Line, ...]:
    return tuple(sorted(lines, key=lambda line: line.at))
