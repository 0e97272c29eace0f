"""A model of what a standard SQS queue promises, and no more: at least once, in any order.

It keeps messages until they are deleted, hides those in hand, counts receives, and now and then
hands out a copy of a message that somebody else is holding.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from hubsync.consume import QueueMessage
from hubsync.core.message import afresh
from hubsync.core.records.outcome import Rejected
from hubsync.ports import DeadLetter, Resend

VISIBILITY_SECONDS = 725


@dataclass(slots=True)
class Stored:
    body: str
    visible_at: float
    receives: int = 0


class SimulatedSqs:
    """ChangeQueue and DeadLetterQueue."""

    def __init__(self, random: Random, *, duplicates: float, receives_max: int) -> None:
        self._random = random
        self._receives_max = receives_max
        self._duplicates = duplicates
        self._count = 0
        self.stored: dict[str, Stored] = {}
        self.letters: list[DeadLetter] = []
        self.expired: list[DeadLetter] = []

    def put(self, body: str, *, visible_at: float) -> None:
        self._count += 1
        self.stored[f"m{self._count}"] = Stored(body, visible_at)

    def receive(self, now: float, *, most: int) -> list[QueueMessage]:
        ready = [
            id_
            for id_, message in self.stored.items()
            if message.visible_at <= now or self._random.random() < self._duplicates
        ]
        taken = self._random.sample(ready, min(most, len(ready)))
        worn_out = [id_ for id_ in taken if self.stored[id_].receives == self._receives_max]
        for id_ in worn_out:
            self.letters += _letters(self.stored.pop(id_).body)
        return [self._hand_out(id_, now) for id_ in taken if id_ not in worn_out]

    def seconds_until_visible(self, now: float) -> float:
        """Return how long a receive would find nothing, at most a minute."""
        soonest = min((message.visible_at for message in self.stored.values()), default=now + 60)
        return min(max(soonest - now, 0.0), 60.0)

    def _hand_out(self, id_: str, now: float) -> QueueMessage:
        message = self.stored[id_]
        message.receives += 1
        message.visible_at = now + VISIBILITY_SECONDS
        return QueueMessage(id_, f"{id_}/{message.receives}", message.body, message.receives)

    def delete(self, id_: str) -> None:
        self.stored.pop(id_, None)  # A copy may have been deleted already.

    def dead_letter(self, letters: Sequence[DeadLetter]) -> frozenset[int]:
        self.letters += letters
        return frozenset(range(len(letters)))

    def resend(self, messages: Sequence[Resend], now: float) -> frozenset[int]:
        for message in messages:
            self.put(message.body, visible_at=now + message.delay_seconds)
        return frozenset(range(len(messages)))

    def postpone(self, delays: Mapping[str, int], now: float) -> None:
        for handle, seconds in delays.items():
            message = self.stored.get(handle.partition("/")[0])
            if message is not None:
                message.visible_at = now + seconds

    def expire(self, number: int) -> None:
        self.expired.append(self.letters.pop(number))

    def redrive(self, number: int, now: float) -> None:
        message = json.loads(self.letters.pop(number).body)
        events = [afresh(event) for event in message["events"]]
        self.put(json.dumps(message | {"events": events}), visible_at=now)


def _letters(body: str) -> list[DeadLetter]:
    """Return what SQS moves by itself, event by event as the operator's command shows it."""
    message = json.loads(body)
    exhausted = Rejected("RECEIVES_EXHAUSTED", "received too often")
    return [
        DeadLetter(json.dumps({**message, "tries": 0, "events": [event]}), "main", exhausted)
        for event in message["events"]
    ]
