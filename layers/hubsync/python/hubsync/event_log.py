"""What became of an invocation's events, as lines for the log: ids and codes, and no value.

A line names many events, for a line each would cost more than all else that is done for them. It is
found by any of their ids. Refused events have lines of their own, which say more.

    {"changes": {"written": {"<trace id> <HubSpot's record id>": ["<event id>", ...]},
                 "superseded": {"<by which event>": [...]},
                 "open": {"<reason> <tries> <seconds until the next>": [...]}}}
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from hubsync.consume import ReceivedEvent
from hubsync.core.change import ARCHIVED
from hubsync.core.records.outcome import Outcome, Retryable, Superseded, Written

# Documented: CloudWatch Logs takes 256 KB, its own fields included.
LINE_BYTES_MAX: Final = 200_000

type Settled = Mapping[str, Mapping[str, Mapping[str, list[str]]]]
"""By source, by what they came to, by what is said of them: the ids of events."""


def settled_lines(outcomes: Iterable[tuple[ReceivedEvent, Outcome]]) -> Iterator[Settled]:
    """Yield what became of all events that are not refused, in lines that the log can take."""
    line, size = _empty(), 0
    for delivery, outcome in outcomes:
        match outcome:
            case Written():
                came, told = "written", _as_what(delivery)
            case Superseded():
                came, told = "superseded", _by_whom(delivery)
            case Retryable(reason) if _worth_telling(delivery.tries):
                came = "open"
                told = f"{reason} {delivery.tries + 1} {delivery.again_in_seconds}"
            case _:
                continue
        ids = line[delivery.source][came][told]
        ids.append(delivery.event_id)
        size += _bytes(delivery.event_id) + (_bytes(told) if len(ids) == 1 else 0)
        if size > LINE_BYTES_MAX:
            yield line
            line, size = _empty(), 0
    if line:
        yield line


def _empty() -> defaultdict[str, defaultdict[str, defaultdict[str, list[str]]]]:
    return defaultdict(lambda: defaultdict(lambda: defaultdict(list)))


def _bytes(text: str) -> int:
    """Return at least the bytes that a text has as JSON; ids have no control characters."""
    return (2 if text.isascii() else 4) * len(text) + len('"":[],')


def _worth_telling(tries: int) -> bool:
    """Through a long outage an event is tried hundreds of times: told are 0, 1, 2, 4, 8 and so on.

    The last try is told by its dead letter.
    """
    return tries & (tries - 1) == 0


def _as_what(delivery: ReceivedEvent) -> str:
    entry = delivery.entry
    assert entry is not None
    return f"{entry.trace_id} {entry.hubspot_id or ''}"


def _by_whom(delivery: ReceivedEvent) -> str:
    """Return the event that HubSpot was told last, of what this one says first."""
    entry = delivery.entry
    assert entry is not None
    by = entry.synced.get(next(iter(delivery.readings))) or entry.synced.get(ARCHIVED)
    return by.event_id if by else ""
