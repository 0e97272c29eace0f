"""Step 6, what a consumer makes of a verdict: which readings are settled, and what it sends next.

A consumer's `entry` is the ledger's item as it will be at the next write. Its open readings are
those that are pending or in hand, neither refused in this invocation nor dominated.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.model.state import (
    EXISTENCE,
    Consumer,
    Events,
    Halt,
    Kind,
    Lanes,
    Readings,
    Values,
    Watch,
    each,
    lane,
    newest,
    readings_of,
    up_to,
)

if TYPE_CHECKING:
    from tests.model.scenario import Scenario
    from tests.model.state import Ledger

WORDS = lane(EXISTENCE)


class Attempt:
    REFUSAL_ROUNDS = 1
    """Rounds for older readings, in one invocation. hubsync has 3; one shows the same sooner."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.nothing: Values = (0,) * len(scenario.properties)
        self.everything: Events = sum(1 << rank for rank in scenario.ranks)
        self.dominated = cache(self._dominated)
        self.said_by = cache(self._said_by)

    def _said_by(self, events: Events) -> Readings:
        return sum(self.scenario.readings[event] for event in each(events))

    def is_archive(self, version: int) -> bool:
        return bool(self.scenario.archives >> version & 1)

    def _dominated(self, synced: Values) -> Readings:
        """Return every reading that is settled: those up to `synced`, and before an archive."""
        archive = synced[EXISTENCE] if self.is_archive(synced[EXISTENCE]) else 0
        return sum(up_to(prop, max(version, archive - 1)) for prop, version in enumerate(synced))

    def laid(self, entry: Ledger, said: Readings) -> Readings:
        """Lay the newest reading in hand on top of what is pending, never in place of it."""
        fresh = said & ~self.dominated(entry.synced)
        pending = entry.pending
        for prop in self.scenario.properties:
            version = newest(prop, fresh)
            if version > newest(prop, pending):
                pending = self.on_top(prop, version, pending)
        return pending

    def on_top(self, prop: int, version: int, pending: Readings) -> Readings:
        return pending | readings_of((*self.nothing[:prop], version))

    def open(self, consumer: Consumer) -> Readings:
        entry = consumer.entry
        assert entry is not None
        readings = entry.pending | consumer.said
        return readings & ~consumer.refused & ~self.dominated(entry.synced)

    # What is sent.

    def due(self, consumer: Consumer) -> Values:
        """Return the newest open reading of every property that is not held.

        An archive goes alone. Where events are tried apart, the oldest goes alone, but with the
        newest word that the record exists.
        """
        due = self.newest_due(consumer)
        word = due[EXISTENCE]
        if word and self.is_archive(word):
            if not consumer.archive_waits:
                return (word, *self.nothing[1:])
            due, word = (0, *due[1:]), 0
        assert consumer.entry is not None
        if not consumer.entry.apart or not any(due[1:]):
            return due
        event = min(version for version in due[1:] if version)
        return (word, *(version if version == event else 0 for version in due[1:]))

    def newest_due(self, consumer: Consumer) -> Values:
        readings = self.open(consumer)
        return tuple(
            0 if consumer.held >> prop & 1 else newest(prop, readings)
            for prop in self.scenario.properties
        )

    def kind_of(self, due: Values) -> Kind:
        """The newest word on existence decides; where none is open, the record is there or not."""
        word = due[EXISTENCE]
        if not word:
            return Kind.UPDATE
        return Kind.ARCHIVE if self.is_archive(word) else Kind.UPSERT

    # What verdicts mean.

    def vouch(self, consumer: Consumer, sent: Values) -> Consumer:
        """Settle what was written and all that is older. Any upsert vouches for existence."""
        entry = consumer.entry
        assert entry is not None
        synced = tuple(map(max, entry.synced, sent))
        pending = entry.pending & ~self.dominated(synced)
        entry = entry._replace(synced=synced, pending=pending)
        return self.answered(consumer._replace(entry=entry))

    def refuse(self, consumer: Consumer, blamed: Readings) -> Consumer:
        """Drop what HubSpot refused, and nothing else: what it names, else the event it was of."""
        properties = set(consumer.sent[1:]) - {0}
        if blamed:
            gone = blamed & self.open(consumer)
        elif not properties:
            return self.answered(self.refuse_key(consumer))
        elif len(properties) > 1:
            assert consumer.entry is not None
            consumer = consumer._replace(entry=consumer.entry._replace(apart=1))
            gone = 0
        else:
            gone = self.open(consumer) & self.values_of(*properties)
        return self.answered(self.drop(consumer, gone))

    def values_of(self, event: int) -> Readings:
        """Return the values of an event that is refused alone: its word on existence goes on."""
        return self.scenario.readings[event] & ~WORDS

    def refuse_key(self, consumer: Consumer) -> Consumer:
        """Only the key was sent: its word goes on with an older value that waits, or is refused."""
        if consumer.held:
            return consumer._replace(held=consumer.held | 1 << EXISTENCE)
        same = [v for v in each(WORDS) if self.is_archive(v) == self.is_archive(consumer.sent[0])]
        return self.drop(consumer, sum(1 << version for version in same) & self.open(consumer))

    def miss(self, consumer: Consumer, expired: Events) -> Consumer:
        """HubSpot lacks the record, or a property that it requires and that was not sent.

        What brings it may be on its way. Only events that have waited for it long enough are
        refused, with all that they say; after a doubt the wait begins anew. Archives miss nothing.
        """
        if not consumer.doubted:
            consumer = self.drop(
                consumer, self.open(consumer) & self.said_by(self.missing(expired))
            )
        consumer = self.answered(consumer)
        return consumer._replace(halted=Halt.MISSING) if self.open(consumer) else consumer

    def missing(self, events: Events) -> Events:
        """Return the events that can miss a record, or a property of it."""
        return events & ~self.scenario.archives

    def give_up(self, consumer: Consumer, lost: Readings) -> Consumer:
        """Drop what HubSpot never answered for, reading by reading."""
        consumer = self.drop(consumer, lost)
        if self.open(consumer) and not self.open(consumer) & ~WORDS:
            return self.turn_to_older(consumer)
        return self.answered(consumer)

    def drop(self, consumer: Consumer, gone: Readings) -> Consumer:
        """Take readings out of what is open. Older ones in their place wait for all the rest."""
        if not gone:
            return consumer
        assert consumer.entry is not None
        dropped = consumer._replace(
            refused=consumer.refused | gone,
            entry=consumer.entry._replace(pending=consumer.entry.pending & ~gone),
            unrecorded=consumer.doubted,
        )
        return dropped._replace(held=dropped.held | self.uncovered(dropped, gone))

    def uncovered(self, consumer: Consumer, gone: Readings) -> Lanes:
        """Return the properties of which something older stands in for what has gone."""
        left = self.open(consumer)
        return sum(
            1 << prop
            for prop in self.scenario.properties[1:]
            if 0 < newest(prop, left) < newest(prop, gone)
        )

    def answered(self, consumer: Consumer) -> Consumer:
        """Any definite answer about the record ends the row of doubts."""
        assert consumer.entry is not None
        entry = consumer.entry._replace(doubts=0, left_out=(), silences=0)
        return self.turn_to_older(consumer._replace(entry=entry, unrecorded=consumer.doubted))

    def turn_to_older(self, consumer: Consumer) -> Consumer:
        """Let what is held go on once all else is settled, so many times an invocation."""
        left = sum(
            1 << prop for prop in self.scenario.properties if self.open(consumer) & lane(prop)
        )
        held = consumer.held & left
        consumer = consumer._replace(held=held)
        if not left or left & ~held & ~self.waiting_lane(consumer):
            return consumer
        if not held:
            return consumer._replace(halted=Halt.MISSING)
        if consumer.rounds == self.REFUSAL_ROUNDS:
            return consumer._replace(halted=Halt.NOT_NOW)
        return consumer._replace(held=0, rounds=consumer.rounds + 1)

    def waiting_lane(self, consumer: Consumer) -> Lanes:
        return 1 << EXISTENCE if consumer.archive_waits else 0

    def hold_archive(self, consumer: Consumer, expired: Events) -> Consumer:
        """Let an archive wait that is older than a written value.

        An upsert between the two may be on its way, and would make a record without that value.
        """
        word = newest(EXISTENCE, self.open(consumer))
        assert consumer.entry is not None
        newer = max(consumer.entry.synced[1:], default=0) > word
        if not self.is_archive(word) or not newer or expired >> word & 1:
            return consumer
        return self.turn_to_older(consumer._replace(archive_waits=1))

    # What is written into the ledger.

    def released(self, consumer: Consumer) -> Ledger:
        """Return the item without its lease. A record with nothing pending starts afresh."""
        entry = self.watching(consumer)
        assert entry is not None
        if entry.pending:
            return entry._replace(lease=0)
        return entry._replace(lease=0, apart=0, doubts=0, left_out=(), silences=0)

    def watching(self, consumer: Consumer) -> Ledger | None:
        """Let the audit watch what was written after a doubt, if there is anything to look at."""
        entry = consumer.entry
        if entry is None or not self.scenario.audit or not consumer.doubted:
            return entry
        return entry._replace(watched=self.watch(entry))

    def watch(self, entry: Ledger) -> int:
        """Values are too large here; an archive is watched by its key."""
        return Watch.VALUES if self.is_archive(entry.synced[EXISTENCE]) else entry.watched
