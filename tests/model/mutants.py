"""The protocol with one part left out, for each part: every one of these must be caught.

Each comes with a scenario that is enough to catch it, mostly with the one fault that the part is
there for. The sweep is off where it could come to the rescue: it is a last resort.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, override

from tests.model import checks
from tests.model.protocol import Protocol, Step, ended, received
from tests.model.state import (
    IDLE,
    Budget,
    Consumer,
    Fault,
    Lease,
    Phase,
    Scenario,
    is_clean,
    put,
)

if TYPE_CHECKING:
    from tests.model.checks import StepCheck
    from tests.model.state import Events, Pending, State, Values


class NoLease(Protocol):
    """Read, write HubSpot, then commit if `rev` is unchanged. `holds` says that it is."""

    @override
    def begin(self, state: State, me: int, hand: Events) -> Step | None:
        if hand and self.is_superseded(state, hand):
            return super().begin(state, me, hand)
        sent = self.newest(self.lay(state, hand, 0), state, hand)
        consumer = Consumer(Phase.REPLY, hand, sent, holds=1)
        after = received(state, hand)._replace(consumers=put(state.consumers, me, consumer))
        return Step(after, me, "takes {events} and sends {values}", hand, sent)

    @override
    def release(self, state: State, me: int) -> Step:
        step = super().release(state, me)
        if not state.consumers[me].holds:
            return step
        others = tuple(other._replace(holds=0) for other in step.state.consumers)
        return step._replace(
            state=step.state._replace(consumers=others), words="commits, rev being unchanged"
        )


class ReceiveCountTrusted(Protocol):
    """All that is pending is in hand, and received for the first time: none of it was sent."""

    counts_receives = True

    @override
    def is_over(self, state: State, hand: Events) -> bool:
        pending = 0
        for versions in state.pending:
            for version in versions:
                pending |= 1 << version
        never_sent = not hand & ~state.unseen and not pending & ~hand
        return super().is_over(state, hand) or never_sent


class IntentAfterwards(Protocol):
    """The lease is taken, but what is about to be sent is not written down."""

    @override
    def intent(self, state: State, laid: Pending) -> Pending:
        return state.pending


class OlderForgotten(Protocol):
    """A newer reading takes the place of the pending one, instead of lying on top of it."""

    @override
    def on_top(self, version: int, rest: Values) -> Values:
        return (version,)


class FirstRoundOnly(Protocol):
    """A further round is sent without being committed first."""

    @override
    def further_intent(self, state: State, laid: Pending) -> Pending:
        return state.pending


class ForgottenWhenNotApplied(Protocol):
    """A 429 takes what was not applied out of `pending`: the messages come back anyway."""

    @override
    def still_pending(self, state: State, consumer: Consumer, synced: Values) -> Pending:
        if consumer.phase == Phase.RELEASE_NOT_APPLIED:
            return tuple(() for _ in state.pending)
        return super().still_pending(state, consumer, synced)


class SkippedThoughUnclean(Protocol):
    """What is pending counts as dominating: another consumer will see to it."""

    @override
    def is_superseded(self, state: State, hand: Events) -> bool:
        told = tuple(
            max((synced, *pending))
            for synced, pending in zip(state.synced, state.pending, strict=True)
        )
        return self.dominates(told, hand)


class ReleasedInDoubt(Protocol):
    """No answer came: the lease is given back, `pending` is kept."""

    @override
    def no_answer(self, state: State, me: int) -> State:
        after = ended(state, me)
        return after._replace(lease=Lease.FREE) if state.consumers[me].holds else after


class LeaseWithoutDelta(Protocol):
    """The lease ends with its holder, not Delta later."""

    @override
    def is_over(self, state: State, hand: Events) -> bool:
        return state.lease == Lease.LEFT


class LeaseShorterThanHolder(Protocol):
    """The lease may end while its holder still waits for HubSpot."""

    @override
    def is_over(self, state: State, hand: Events) -> bool:
        return not state.late


class OwnReadingsOnly(Protocol):
    """Only what is in hand is sent, not what a crashed holder left pending."""

    @override
    def newest(self, pending: Pending, state: State, hand: Events) -> Values:
        return tuple(
            next((v for v in versions if hand >> v & 1 and v > synced), 0)
            for versions, synced in zip(self.versions, state.synced, strict=True)
        )


class ItemsExpire(Protocol):
    """An item at rest is deleted after a while."""

    @override
    def sweep(self, state: State, me: int) -> Step | None:
        if is_clean(state) and any(state.synced):
            return Step(state._replace(synced=self.nothing), me, "deletes the old item")
        return super().sweep(state, me)


class NoSweep(Protocol):
    """Nobody looks after what lies pending without a message."""

    @override
    def sweep(self, state: State, me: int) -> Step | None:
        return None


class DoneBeforeRelease(Protocol):
    """Messages are deleted on HubSpot's reply, before the ledger knows of it."""

    @override
    def vouched(self, state: State, me: int) -> State:
        consumer = state.consumers[me]
        judged = self.judge(consumer, tuple(map(max, state.synced, consumer.sent)))
        early = self.delete(state._replace(consumers=put(state.consumers, me, judged)), me).state
        after = early._replace(lease=state.lease, consumers=put(early.consumers, me, consumer))
        return super().vouched(after, me)


class RejectedUnconfirmed(Protocol):
    """A message is deleted first, and its dead letter sent then."""

    @override
    def judge(self, consumer: Consumer, synced: Values) -> Consumer:
        return super().judge(consumer, synced)._replace(phase=Phase.DELETE)

    @override
    def delete(self, state: State, me: int) -> Step:
        step = super().delete(state, me)
        rejected = state.consumers[me].rejected
        phase = Phase.DEAD_LETTER if rejected else Phase.IDLE
        consumer = Consumer(phase, rejected=rejected)
        return step._replace(
            state=step.state._replace(consumers=put(step.state.consumers, me, consumer))
        )

    @override
    def dead_letter(self, state: State, me: int) -> Step:
        step = super().dead_letter(state, me)
        return step._replace(
            state=step.state._replace(consumers=put(step.state.consumers, me, IDLE))
        )


class ReadBackInDoubt(Protocol):
    """No answer came: the consumer reads back at once, and gives up what is not there (yet)."""

    @override
    def no_answer(self, state: State, me: int) -> State:
        consumer = state.consumers[me]._replace(phase=Phase.READ_BACK)
        return state._replace(consumers=put(state.consumers, me, consumer))


@dataclass(frozen=True, slots=True)
class Mutant:
    without: str
    """The part left out, as docs/protocol.md names it."""
    protocol: type[Protocol]
    scenario: Scenario
    wrong: str

    @property
    def step_checks(self) -> tuple[StepCheck, ...]:
        """Nothing on the way is looked at where the harm is in what remains."""
        return () if self.wrong in {checks.OLD, checks.LEFT} else (checks.promise,)


def mutant(
    without: str,
    protocol: type[Protocol],
    wrong: str,
    *faults: Fault,
    events: int = 2,
    sweep: bool = False,
) -> Mutant:
    """Build a mutant with as many faults as are named, on one property."""
    budgets = (Budget(len(faults), frozenset(faults)),) if faults else ()
    one_property = tuple(frozenset({0}) for _ in range(events))
    return Mutant(
        without,
        protocol,
        Scenario(f"without {without}", one_property, 2, budgets, sweep),
        wrong,
    )


MUTANTS = (
    mutant("the lease", NoLease, checks.OLD, Fault.DUPLICATE),
    mutant(
        "distrust of the receive count",
        ReceiveCountTrusted,
        checks.OLD,
        Fault.LATE,
        Fault.GIVEN_UP,
        Fault.REDRIVE,
        sweep=True,
    ),
    mutant("intent before the write", IntentAfterwards, checks.BACK, Fault.LOST),
    mutant(
        "older pending readings kept",
        OlderForgotten,
        checks.BACK,
        Fault.LOST,
        Fault.BAD,
        events=3,
    ),
    mutant(
        "every round committed",
        FirstRoundOnly,
        checks.BACK,
        Fault.LOST,
        Fault.BAD,
        events=3,
    ),
    mutant(
        "pending kept when not applied",
        ForgottenWhenNotApplied,
        checks.BACK,
        Fault.LOST,
        Fault.THROTTLED,
    ),
    mutant(
        "skipping only what is synced and clean",
        SkippedThoughUnclean,
        checks.UNTRUE,
        Fault.DUPLICATE,
    ),
    mutant("the lease held in doubt", ReleasedInDoubt, checks.OLD, Fault.LATE),
    mutant("a lease that outlives late writes", LeaseWithoutDelta, checks.OLD, Fault.LATE),
    mutant("a lease that outlives its holder", LeaseShorterThanHolder, checks.OLD),
    mutant("sending all that is pending", OwnReadingsOnly, checks.BACK, Fault.LOST),
    mutant("items that stay", ItemsExpire, checks.BACK, Fault.DUPLICATE, sweep=True),
    mutant("the sweep", NoSweep, checks.LEFT, Fault.CRASH, Fault.GIVEN_UP, sweep=True),
    mutant("done only after the release", DoneBeforeRelease, checks.LEFT, Fault.CRASH),
    mutant("reading back under a new lease", ReadBackInDoubt, checks.BACK, Fault.LATE),
    mutant("dead letters confirmed", RejectedUnconfirmed, checks.LOST, Fault.BAD, Fault.CRASH),
)
