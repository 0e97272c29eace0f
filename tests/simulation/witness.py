"""What a run looks like from outside: who was handed what and when, and what HubSpot answered."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from hubsync.consume import ReceivedEvent
from hubsync.core.change import RecordKey
from hubsync.core.hubspot.batch import Batch
from hubsync.core.hubspot.reply import Ambiguous, Answered, BatchRefused, Reply
from hubsync.core.records.outcome import Superseded, Written
from hubsync.ports import DeadLetter
from tests.simulation.traffic import Record, record_of

type EventId = tuple[str, str]


class Ended(NamedTuple):
    """An event that ended as a dead letter, whatever became of the letter."""

    event: EventId
    code: str
    properties: frozenset[str]  # empty: the event as a whole
    at: float
    doubts: int  # calls for its record without an answer, in a row, up to then


@dataclass(slots=True)
class Witness:
    """Takes down what happens; times are the run's, in seconds since 1970."""

    now: Callable[[], float]
    handed: dict[EventId, float] = field(default_factory=dict)  # first, to any consumer
    heard_out: dict[EventId, float] = field(default_factory=dict)  # first that did not die of it
    written: set[EventId] = field(default_factory=set)
    superseded: set[EventId] = field(default_factory=set)
    letters: list[Ended] = field(default_factory=list)
    deliveries: Counter[EventId] = field(default_factory=Counter)  # since the trouble ended
    _doubts: Counter[Record] = field(default_factory=Counter)

    def hands_over(self, bodies: Iterable[str]) -> None:
        for body in bodies:
            for event in _events(body):
                self.handed.setdefault(event, self.now())

    def comes_back(self, delivery: ReceivedEvent, outcome: object, *, calm: bool) -> None:
        event = delivery.source, delivery.event_id
        self.heard_out.setdefault(event, self.now())
        self.deliveries[event] += calm
        if isinstance(outcome, Written):
            self.written.add(event)
        elif isinstance(outcome, Superseded):
            self.superseded.add(event)

    def answers(self, batch: Batch, reply: Reply | None) -> None:
        """Count doubts in a row, as HubSpot's answers make them; None: the call was cut off."""
        for item in batch.inputs:
            match reply:
                case Answered(verdicts) if item.trace_id in verdicts:
                    self._doubts[_key(item.record)] = 0
                case BatchRefused() if len(batch.inputs) == 1:
                    self._doubts[_key(item.record)] = 0
                case None | Ambiguous():
                    self._doubts[_key(item.record)] += 1
                case _:
                    pass  # Nothing was done, and nothing is known of what was sent before.

    def dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        self.letters += [ended(letter, self.now(), self._doubts) for letter in letters]


def ended(letter: DeadLetter, at: float, doubts: Counter[Record]) -> Ended:
    (event,) = _events(letter.body)
    (wire,) = json.loads(letter.body)["events"]
    rejected, record = letter.rejected, record_of(wire)
    return Ended(event, rejected.code, frozenset(rejected.properties), at, doubts[record])


def _events(body: str) -> list[EventId]:
    message = json.loads(body)
    return [(message["source"], event["eventId"]) for event in message["events"]]


def _key(record: RecordKey) -> Record:
    return record.id_property, record.id
