"""Choices that the protocol leaves open: either way must be right, so these must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from tests.model.protocol import Protocol, Step
from tests.model.state import Lease, Phase, put, reading

if TYPE_CHECKING:
    from tests.model.state import Events, Pending, Readings, State, Values


class RejectedWhenTheRestIsSettled(Protocol):
    """An event with a refused reading becomes a dead letter once nothing else of it is open."""

    @override
    def is_rejected(self, event: int, refused: Readings, synced: Values) -> bool:
        return all(
            synced[prop] >= event or refused & reading(prop, event)
            for prop in self.properties_of[event]
        )


class SkippedWhenSynced(Protocol):
    """What `synced` dominates is done even while a lease is held or something is pending.

    So an outdated read of the item does no harm: what it shows as dominated, is.
    """

    @override
    def is_superseded(self, state: State, hand: Events) -> bool:
        return self.dominates(state.synced, hand)


class OnePendingReading(Protocol):
    """Nothing is laid on top of a pending reading: that one is settled first, the newer waits."""

    @override
    def on_top(self, version: int, rest: Values) -> Values:
        return rest or (version,)


class RemovalsUncommitted(Protocol):
    """A further round that sends nothing new from what is in hand is not committed first."""

    @override
    def further_intent(self, state: State, laid: Pending) -> Pending:
        known = all(
            set(versions) <= set(before)
            for versions, before in zip(laid, state.pending, strict=True)
        )
        return state.pending if known else laid


class ReadBackAfterDoubt(Protocol):
    """Whoever finds a lease that has run out reads back first, and gives up what is not there."""

    @override
    def acquire(self, state: State, me: int, hand: Events) -> Step:
        step = super().acquire(state, me, hand)
        if state.lease == Lease.FREE or not any(step.values):
            return step
        consumer = step.state.consumers[me]._replace(phase=Phase.READ_BACK)
        after = step.state._replace(consumers=put(step.state.consumers, me, consumer))
        return Step(after, me, "takes {events} and the lease, and reads back first", hand)


class EventsApart(Protocol):
    """HubSpot names no reading: events are sent one at a time, and refused whole."""

    @override
    def newest(self, pending: Pending, state: State, hand: Events) -> Values:
        newest = super().newest(pending, state, hand)
        oldest_event = min(filter(None, newest), default=0)
        return tuple(version if version == oldest_event else 0 for version in newest)

    @override
    def refuse(self, state: State, me: int, which: Readings) -> State:
        whole = sum(
            reading(prop, version)
            for prop, version in enumerate(state.consumers[me].sent)
            if version
        )
        return super().refuse(state._replace(refused=state.refused | whole), me, whole)


VARIANTS = (
    RejectedWhenTheRestIsSettled,
    SkippedWhenSynced,
    OnePendingReading,
    RemovalsUncommitted,
    ReadBackAfterDoubt,
    EventsApart,
)
