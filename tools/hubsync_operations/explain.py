"""Gathers what a stack knows of a record or an event, for the story to be told."""

from dataclasses import dataclass

from hubsync.core.change import RecordKey
from hubsync.core.records.entry import Entry
from hubsync_operations.dead_letter import Filter, Letter
from hubsync_operations.dead_letter_queue import visit
from hubsync_operations.event_history import EventStory, event_story, events_of, request_sentence
from hubsync_operations.logs import Lines
from hubsync_operations.target import Target


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside the ledger. `is_complete` says that every dead letter was looked at."""

    letters: tuple[Letter, ...]
    is_complete: bool
    logs: Lines
    waiting: int  # messages in the change queue, about


@dataclass(frozen=True, slots=True)
class OfRecord:
    """A record's ledger entry, its dead letters, and what was logged of the events they name."""

    record: RecordKey
    entry: Entry
    beside: Beside


@dataclass(frozen=True, slots=True)
class OfEvent:
    """An event's story, and what it was made of."""

    story: EventStory
    beside: Beside


@dataclass(frozen=True, slots=True)
class OfRequest:
    """What became of a webhook, in a sentence, and what it was made of."""

    sentence: str
    beside: Beside


def explain_request(target: Target, request_id: str, *, since_ms: int) -> OfRequest:
    """Gather for a webhook, by the id that its answer had."""
    letters: list[Letter] = []
    look = visit(target.queues, Filter(requests=frozenset({request_id})), letters.append)
    logs = target.logs.about(frozenset({request_id}), since_ms=since_ms)
    beside = Beside(_in_order(letters), look.complete, logs, target.queues.waiting())
    return OfRequest(request_sentence(beside.letters, logs.found), beside)


async def explain_record(target: Target, record: RecordKey, *, since_ms: int) -> OfRecord:
    entry = await target.entry(record)
    letters: list[Letter] = []
    look = visit(target.queues, Filter(), letters.append)
    letters = [letter for letter in letters if letter.record == record]
    logs = target.logs.about(events_of(entry, letters), since_ms=since_ms)
    beside = Beside(_in_order(letters), look.complete, logs, target.queues.waiting())
    return OfRecord(record, entry, beside)


async def explain_event(
    target: Target, event_id: str, source: str | None, record: RecordKey | None, *, since_ms: int
) -> OfEvent:
    """Gather for an event; a record that it may be about is looked at too."""
    letters: list[Letter] = []
    wanted = Filter(
        events=frozenset({event_id}), sources=frozenset() if source is None else frozenset({source})
    )
    look = visit(target.queues, wanted, letters.append)
    named = [letter.record for letter in letters] + [record]
    entries = {each: await target.entry(each) for each in dict.fromkeys(named) if each is not None}
    # Of a payload that was kept the log tells by its request.
    requests = [each.request_id for each in letters if each.kept and each.request_id]
    logs = target.logs.about(frozenset({event_id, *requests}), since_ms=since_ms)
    beside = Beside(_in_order(letters), look.complete, logs, target.queues.waiting())
    story = event_story(
        event_id,
        source,
        letters=beside.letters,
        entries=entries,
        lines=logs.found,
        waiting=beside.waiting,
    )
    return OfEvent(story, beside)


def _in_order(letters: list[Letter]) -> tuple[Letter, ...]:
    return tuple(sorted(letters, key=lambda letter: letter.at))
