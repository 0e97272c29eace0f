"""Choices that the protocol leaves open: either way must be right, so these must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from tests.model.attempt import WORDS
from tests.model.protocol import Protocol
from tests.model.state import Lease, Phase, put

if TYPE_CHECKING:
    from tests.model.state import Consumer, Events, Ledger, Readings, State, Step, Values


class SkippedWhenSynced(Protocol):
    """What `synced` dominates is done even while a lease is held or something is pending.

    So an outdated read of the item does no harm: what it shows as dominated, is.
    """

    @override
    def is_superseded(self, state: State, said: Readings) -> bool:
        return not said & ~self.dominated(state.ledger.synced)


class OnePendingReading(Protocol):
    """No value is laid on top of what is pending: that is settled first, and the values wait.

    A word on existence does not: an update that waits for its record would keep its upsert out.
    """

    @override
    def acquire(self, state: State, me: int, hand: Events, said: Readings) -> Step | None:
        return super().acquire(state, me, hand, said & WORDS if state.ledger.pending else said)


class EveryRoundCommitted(Protocol):
    """A further round is committed also if it sends nothing that the ledger lacks."""

    @override
    def is_behind(self, state: State, consumer: Consumer) -> bool:
        return True


class LookAfterDoubt(Protocol):
    """Whoever finds a lease that has run out looks first, and sends what is not there."""

    @override
    def acquire(self, state: State, me: int, hand: Events, said: Readings) -> Step | None:
        step = super().acquire(state, me, hand, said)
        if step is None or state.ledger.lease == Lease.FREE:
            return step
        consumer = step.state.consumers[me]
        if consumer.phase != Phase.REPLY:
            return step
        looking = put(step.state, me, consumer._replace(phase=Phase.LOOK_SILENT))
        return step._replace(state=looking, words="takes {events} and the lease, and looks first")

    @override
    def look_silent(self, state: State, me: int, there: Values) -> State:
        consumer = state.consumers[me]
        if self.is_silenced(consumer):
            return super().look_silent(state, me, there)
        if any(there):
            consumer = self.vouch(consumer, there)
        return put(state, me, self.go_on(consumer))


class EventsApart(Protocol):
    """Events are always tried one by one."""

    @override
    def after_doubt(self, entry: Ledger) -> Ledger:
        return super().after_doubt(entry)._replace(apart=1)


VARIANTS = (SkippedWhenSynced, OnePendingReading, EveryRoundCommitted, LookAfterDoubt, EventsApart)
