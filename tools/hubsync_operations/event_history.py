"""What became of a record, and of an event, as far as ledger, dead letters and logs tell.

The ledger knows of each property which event it was told last, not which ones came before. So an
event that it does not name was superseded, refused, or never came; a dead letter or a log line says
more.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hubsync.core.change import ARCHIVED, Reading, RecordKey, Version, readings
from hubsync.core.event import format_timestamp
from hubsync.core.records.entry import ABSENT, NO_LEASE, Entry
from hubsync_operations.dead_letter import RECEIVES_EXHAUSTED, Letter
from hubsync_operations.logs import SETTLED, VALUES_KEPT, Line

DEAD_LETTERED = "event_dead_lettered"
OUT_OF_TIME = frozenset({"RETRIES_EXHAUSTED", RECEIVES_EXHAUSTED})  # Given up, not refused.
EVENTS_MAX = 50  # Of one record, the newest, that logs are searched for.


class EventState(StrEnum):
    """What an event came to, or one reading of it."""

    DEAD_LETTER = "dead letter"
    REFUSED = "refused"
    PENDING = "pending"
    WRITTEN = "written"
    SUPERSEDED = "superseded"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Property:
    """What the ledger says of a property: the version HubSpot has, and those it may have soon."""

    name: str
    written: Version | None
    pending: tuple[Version, ...]
    watched: bool


def properties_of(entry: Entry) -> tuple[Property, ...]:
    """Return what the ledger knows, by name; whether the record exists is one of them."""
    return tuple(
        Property(
            name,
            entry.synced.get(name),
            tuple(reading.version for reading in entry.pending.get(name, ())),
            name in entry.watched,
        )
        for name in sorted(entry.synced.keys() | entry.pending.keys())
    )


def events_of(entry: Entry, letters: Sequence[Letter]) -> frozenset[str]:
    """Return the ids of the newest events that ledger and dead letters name for a record."""
    versions = set(entry.synced.values())
    versions |= {reading.version for some in entry.pending.values() for reading in some}
    newest = sorted(versions, reverse=True)[:EVENTS_MAX]
    ids = {letter.event_id for letter in letters[-EVENTS_MAX:] if letter.event_id is not None}
    return frozenset(version.event_id for version in newest) | ids


def condition(entry: Entry, *, now_ms: int) -> Iterator[str]:
    """Say in sentences how a record stands."""
    if entry.rev == ABSENT:
        yield "The ledger has no entry of it: nothing was ever written, or begun, under this key."
        return
    if entry.archived:
        yield "The newest word on its existence is an archive."
    if entry.lease_until > now_ms:
        yield f"Somebody writes it now, and nobody else may until {_at(entry.lease_until)}."
    elif entry.lease_until != NO_LEASE:
        yield (
            f"Its writer ended without a word; since {_at(entry.lease_until)} the next may write."
        )
    if entry.doubts:
        yield (
            f"{entry.doubts} writes in a row had no clear answer, since {_at(entry.doubted_at)}."
        )
    if entry.pending:
        yield f"Not settled yet: {', '.join(map(shown_name, sorted(entry.pending)))}."
    if entry.watched_until:
        yield f"A write was in doubt: the audit reads it back after {_at(entry.watched_until)}."
    if entry.clean:
        yield "Nothing is left to do for it."


def shown_name(name: str) -> str:
    return "(existence)" if name == ARCHIVED else name


def _at(milliseconds: int) -> str:
    return format_timestamp(milliseconds * 1000)


@dataclass(frozen=True, slots=True)
class Said:
    """One reading of an event and what it came to; `by` is the version that superseded it."""

    record: RecordKey
    name: str
    came: EventState
    by: Version | None = None


@dataclass(frozen=True, slots=True)
class EventStory:
    """What an event came to as a whole, in a word and in a sentence, and by property."""

    came: EventState
    sentence: str
    said: tuple[Said, ...]


def event_story(
    event_id: str,
    source: str | None,
    *,
    letters: Sequence[Letter],
    entries: Mapping[RecordKey, Entry],
    lines: Sequence[Line],
    waiting: int,
) -> EventStory:
    """Tell an event's story; `waiting` is about how many messages are in the change queue.

    The letters are this event's; of its record an entry may be missing, and is then not judged.
    """
    said = [each for letter in letters for each in _of_letter(letter, entries)]
    known = {(each.record, each.name) for each in said}
    said += [
        each
        for record, entry in entries.items()
        for each in _of_entry(record, entry, event_id, source)
        if (each.record, each.name) not in known
    ]
    lines = [line for line in lines if source in (None, line.says.get("source", source))]
    came = _whole(said, is_dead_letter=bool(letters), lines=lines)
    return EventStory(came, _sentence(came, letters, lines, waiting), tuple(said))


def _of_letter(letter: Letter, entries: Mapping[RecordKey, Entry]) -> Iterator[Said]:
    """Judge each reading of an event that is at hand by what the ledger has of its record."""
    record = letter.record
    if letter.event is None or letter.source is None or record is None:
        return
    entry = entries.get(record, Entry())
    refused_whole = not letter.properties and letter.code not in OUT_OF_TIME
    for name, reading in readings(letter.source, letter.event).items():
        said = _judged(record, name, reading, entry)
        if name in letter.properties or (refused_whole and said.came is EventState.OPEN):
            yield Said(record, name, EventState.REFUSED)
        else:
            yield said


def _judged(record: RecordKey, name: str, reading: Reading, entry: Entry) -> Said:
    version = reading.version
    synced = entry.synced.get(name)
    if synced == version:
        return Said(record, name, EventState.WRITTEN)
    if reading in entry.pending.get(name, ()):
        return Said(record, name, EventState.PENDING)
    if entry.dominates(name, reading):
        by = synced if synced is not None and version < synced else entry.synced[ARCHIVED]
        return Said(record, name, EventState.SUPERSEDED, by)
    return Said(record, name, EventState.OPEN)


def _of_entry(record: RecordKey, entry: Entry, event_id: str, source: str | None) -> Iterator[Said]:
    """Find an event in an entry by its identity alone."""

    def is_its(version: Version) -> bool:
        return version.event_id == event_id and source in (None, version.source)

    for name in sorted(entry.synced.keys() | entry.pending.keys()):
        if any(is_its(reading.version) for reading in entry.pending.get(name, ())):
            yield Said(record, name, EventState.PENDING)
        elif name in entry.synced and is_its(entry.synced[name]):
            yield Said(record, name, EventState.WRITTEN)


def _whole(said: Sequence[Said], *, is_dead_letter: bool, lines: Sequence[Line]) -> EventState:
    if is_dead_letter:
        return EventState.DEAD_LETTER
    found = {each.came for each in said}
    for came in (EventState.PENDING, EventState.WRITTEN):
        if came in found:
            return came
    return _last(lines)


def _last(lines: Sequence[Line]) -> EventState:
    """Return what the last line says that an event came to."""
    for line in reversed(lines):
        if line.fact == DEAD_LETTERED:
            return EventState.REFUSED
        if line.fact == SETTLED:
            return EventState(line.says["came"])
    return EventState.UNKNOWN


def _sentence(
    came: EventState, letters: Sequence[Letter], lines: Sequence[Line], waiting: int
) -> str:
    last = {each: line for line in lines if (each := _last([line])) is not EventState.UNKNOWN}
    match came:
        case EventState.DEAD_LETTER:
            return f"It is a dead letter, {letters[0].code}: {letters[0].reason}."
        case EventState.REFUSED:
            return (
                f"It was refused, last at {last[came].at}. The dead letter is gone: "
                "redriven, deleted or expired."
            )
        case EventState.PENDING:
            return "It is being written, or its writer ended without a word."
        case EventState.WRITTEN if came in last:
            return f"HubSpot vouched for it at {last[came].at}{_where(last[came])}.{_kept(lines)}"
        case EventState.WRITTEN:
            return (
                "HubSpot vouched for it, and nothing newer was written to what is listed."
                f"{_kept(lines)}"
            )
        case EventState.SUPERSEDED:
            by = last[came].says.get("by", "")
            return f"At {last[came].at} HubSpot had newer values of all it says, by event {by}."
        case EventState.OPEN:
            says = last[came].says
            return (
                f"It was tried {says['tries']} times until {last[came].at}, last in vain for "
                f"{says['reason']}; the next try was to come after {says['again_in_seconds']} s. "
                "Later ones may have gone untold."
            )
        case _:
            return (
                "No dead letter, no log line and no ledger entry that was looked at names it: it "
                "was never accepted, or is among some "
                f"{waiting} messages in the change queue."
            )


def _kept(lines: Sequence[Line]) -> str:
    names = sorted({str(line.says["property"]) for line in lines if line.fact == VALUES_KEPT})
    return f" But HubSpot kept another value of {', '.join(names)} than it was sent." * bool(names)


# What ingest logs of a request of which not every event was accepted.
_AT_THE_DOOR: Mapping[str, str] = {
    "payload_ignored": "Not every part of it was wanted",
    "payload_kept": "An event of it could not be made, so the payload was kept",
    "values_left_out": "Values of it were invalid, and left out",
}


def request_sentence(letters: Sequence[Letter], lines: Sequence[Line]) -> str:
    """Say what became of a webhook, given its dead letters and the log lines that name it."""
    told = next((line for line in lines if line.fact in _AT_THE_DOOR), None)
    if told is not None:
        counts = ", ".join(
            f"{told.says.get(name, 0)} {name}" for name in ("accepted", "ignored", "kept")
        )
        keys = ", ".join(told.says.get("keys", ()))
        return (
            f"{_AT_THE_DOOR[told.fact]}: {counts}{f', for {keys}' if keys else ''}; at {told.at}."
        )
    if letters:
        return f"{len(letters)} of its events or payloads are dead letters, as listed."
    return (
        "No dead letter and no log line names it: all of its events were accepted, and go by their "
        "own ids since; or it never came, or the log has expired."
    )


def _where(line: Line) -> str:
    record, trace = line.says.get("hubspot_id"), line.says.get("trace_id")
    return f", in its record {record}, as {trace}" if record else f", as {trace}"
