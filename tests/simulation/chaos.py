"""Ports through which things go wrong: crashes at any step, calls that get no answer, delays."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from hubsync.core.change import RecordKey
from hubsync.core.hubspot.batch import Batch, Route
from hubsync.core.hubspot.rate_budget import Budget
from hubsync.core.hubspot.reply import ReadResult, Reply, Unread
from hubsync.core.records.entry import Entry
from hubsync.edge.hubspot import HubSpot
from hubsync.errors import Unanswered
from hubsync.ports import DeadLetter, LedgerWrite, Permits, Ports, Resend
from hubsync_local.in_memory import MemoryBudgets, MemoryLedger
from hubsync_local.virtual.sqs import SimulatedSqs

LATENCY_SECONDS_MAX = 0.4


class Crash(BaseException):
    """The invocation dies here, and nobody hears of what it did."""


@dataclass(slots=True)
class Chaos:
    """What may happen at each step of one invocation."""

    random: Random
    crash_at: int | None  # after so many steps
    unanswered: float  # the chance that a call gets no answer
    trace: Callable[[str], None]
    steps: int = 0

    async def act[T](self, name: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Carry out a call, with a step before and one after it."""
        await self._step(f"{name} begins")
        lost = self.random.random() < self.unanswered
        if lost and self.random.random() < 0.5:
            raise Unanswered(name)
        result = await effect()
        await self._step(f"{name} ends")
        if lost:
            raise Unanswered(name)
        return result

    async def _step(self, name: str) -> None:
        await asyncio.sleep(self.random.uniform(0, LATENCY_SECONDS_MAX))
        self.steps += 1
        if self.steps == self.crash_at:
            self.trace(f"crash: {name}")
            raise Crash


class PerilousLedger:
    def __init__(self, ledger: MemoryLedger, perils: Chaos) -> None:
        self._ledger = ledger
        self._perils = perils

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        return await self._perils.act("read", lambda: self._ledger.read(records))

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:
        return await self._perils.act("ledger write", lambda: self._ledger.write(writes))


class PerilousBudgets:
    """What a process knows the budgets by; each invocation brings perils of its own."""

    def __init__(self, budgets: MemoryBudgets) -> None:
        self._budgets = budgets
        self.perils: Chaos | None = None

    async def update[T](self, account: str, change: Callable[[Budget], tuple[Budget, T]]) -> T:
        assert self.perils is not None
        return await self.perils.act("budget", lambda: self._budgets.update(account, change))


class PerilousQueue:
    def __init__(
        self,
        sqs: SimulatedSqs,
        perils: Chaos,
        now: Callable[[], float],
        buried: Callable[[Sequence[DeadLetter]], None],
    ) -> None:
        """Take the queue, and what hears of dead letters that reach theirs."""
        self._sqs = sqs
        self._perils = perils
        self._now = now
        self._buried = buried

    async def dead_letter(self, letters: Sequence[DeadLetter], *, seconds: float) -> frozenset[int]:  # noqa: ARG002 - a port
        def bury() -> frozenset[int]:
            self._buried(letters)
            return self._sqs.dead_letter(letters)

        return await self._confirmed("dead letter", bury)

    async def resend(self, messages: Sequence[Resend], *, seconds: float) -> frozenset[int]:  # noqa: ARG002 - a port
        return await self._confirmed("resend", lambda: self._sqs.resend(messages, self._now()))

    async def postpone(self, delays: Mapping[str, int], *, seconds: float) -> None:  # noqa: ARG002
        async def postpone() -> None:
            self._sqs.postpone(delays, self._now())

        try:
            await self._perils.act("postpone", postpone)
        except Unanswered:
            return  # The queue's own visibility stands.

    async def _confirmed(self, name: str, send: Callable[[], frozenset[int]]) -> frozenset[int]:
        async def effect() -> frozenset[int]:
            return send()

        try:
            return await self._perils.act(name, effect)
        except Unanswered:
            return frozenset()


def perilous_ports(
    perils: Chaos,
    *,
    hubspot: HubSpot,
    ledger: MemoryLedger,
    permits: Callable[[str], Permits],
    now: Callable[[], float],
    random: Random,
    answers: Callable[[Batch, Reply | None], None],
    call_seconds_max: float = 0.0,
) -> Ports:
    """Return ports with perils; a call to HubSpot takes up to so many seconds longer.

    `answers` hears of each write what became of it; None: it was cut off.
    """
    certain = Chaos(perils.random, perils.crash_at, 0.0, perils.trace)

    async def slowly[T](effect: Callable[[], Awaitable[T]]) -> T:
        seconds = random.uniform(0, call_seconds_max) if call_seconds_max else 0.0
        on_the_way = seconds * random.random()
        await asyncio.sleep(on_the_way)
        answer = await effect()
        await asyncio.sleep(seconds - on_the_way)
        return answer

    async def write(batch: Batch) -> Reply:
        # HubSpot's own faults are the emulator's; here only crashes and time are added.
        name = f"{batch.route.operation}"
        reply = None
        try:
            reply = await certain.act(name, lambda: slowly(lambda: hubspot.write(batch)))
        finally:
            answers(batch, reply)
        return reply

    async def read(route: Route, ids: Sequence[str], names: Sequence[str]) -> ReadResult | Unread:
        return await certain.act(
            "read back", lambda: slowly(lambda: hubspot.read(route, ids, names))
        )

    return Ports(
        write=write,
        read=read,
        ledger=PerilousLedger(ledger, perils),
        permits=permits,
        now=now,
        random=random,
    )
