"""Leave for calls out of an account's budget, and what each reply says of the account.

One object serves all batches of an account in this process. Permits are reserved for everybody who
waits at once, and each waits for its own slot. A further round, which holds leases, does not queue:
it takes over the earliest slot of a batch that has not begun, and that one takes the new slot.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from hubsync.core import budget
from hubsync.core.budget import Budget, Denied, Granted
from hubsync.core.reply import Ambiguous, Found, NotApplied, Reply, Scope, Usage
from hubsync.errors import Unanswered
from hubsync.ports import Budgets, NoPermit

RESERVED_MAX: Final = 10  # Permits in one write.
LOOKAHEAD_MS: Final = 500  # How far ahead slots are reserved: HubSpot's word reaches them no more.
EXCHANGE_MS: Final = 10_000  # How far ahead a slot may be that is exchanged for a nearer one.
MOMENT_MS: Final = 20
# A further round waits no longer with its leases held; on a slow pace, for so many slots.
URGENT_WAIT_SECONDS: Final = 1.0
URGENT_WAIT_SLOTS: Final = 3
FAILURES_MAX: Final = 3  # In a row, without a success between: then HubSpot is taken to be down.
OUTAGE_MS: Final = 75_000  # Fewer than one probe a minute.
DAILY_MS: Final = 900_000  # One probe in 15 minutes until the daily limit resets.
THROTTLED_MS: Final = 1_000  # Rolling limits free up as their window moves on.
REMAINING_MIN: Final = 1  # Our own pace leaves more; none left means that others use the limit too.
REMAINING_CROWDED: Final = 6  # What we leave free while others use it.
REMAINING_ENOUGH: Final = 10
CROWDED_MS: Final = 60_000
SLOWED_MAX: Final = 4  # Slots left out for one reply.
FALL_MS: Final = 2_000  # Over which what is left of the limit is watched for others' calls.
FALL_SLACK: Final = 8  # Calls: our burst, late sends, and replies that overtake each other.
PAUSED, OUT_OF_TIME, BUDGET_UNANSWERED = "PAUSED", "OUT_OF_TIME", "BUDGET_UNANSWERED"


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who wants a permit, and what came of it."""

    latest: int
    urgent: bool
    slot: int = 0
    refused: NoPermit | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class AccountPermits:
    """The permits of one account."""

    def __init__(
        self,
        budgets: Budgets,
        account: str,
        *,
        limit: float,
        time_zone: ZoneInfo,
        now: Callable[[], float],
        random: Random,
    ) -> None:
        """Take the limit of calls in ten seconds, and the clock in seconds since 1970."""
        self._budgets = budgets
        self._account = account
        self._limit = limit
        self._time_zone = time_zone
        self._now_seconds = now
        self._random = random
        self._unserved: list[_Waiting] = []
        self._server: _Waiting | None = None  # who reserves for all, of those who wait
        self._asleep: list[_Waiting] = []
        self._share = 1.0  # as it was last seen
        self._failures = 0
        self._probing = False
        self._usage: Usage | None = None
        self._left: deque[tuple[int, int]] = deque()  # when, and what was left then
        self._crowded_until = 0

    async def take(self, *, seconds: float, urgent: bool = False) -> NoPermit | None:
        """Wait for a permit, at most so long; None means go."""
        wait = min(seconds, self._urgent_wait_seconds()) if urgent else seconds
        mine = _Waiting(self._now() + round(1000 * wait), urgent)
        self._unserved.append(mine)
        try:
            await self._be_served(mine)
        finally:
            if mine in self._unserved:
                self._unserved.remove(mine)
            if self._server is mine:
                self._hand_over()
        if mine.refused is None:
            await self._sleep(mine)
        return mine.refused

    def _urgent_wait_seconds(self) -> float:
        # Where calls are further apart than that, a record that takes two rounds would never get
        # its second one, and begin anew each time.
        pace = budget.interval_ms(self._limit) / self._share
        return max(URGENT_WAIT_SECONDS, URGENT_WAIT_SLOTS * pace / 1000)

    async def _be_served(self, mine: _Waiting) -> None:
        """Wait until somebody serves; if nobody does, serve all until one's own turn is over."""
        if self._server is not None:
            await mine.woken.wait()
        while mine in self._unserved:
            self._server = mine
            await self._serve()

    def _hand_over(self) -> None:
        self._server = next(iter(self._unserved), None)
        if self._server is not None:
            self._server.woken.set()

    async def _sleep(self, mine: _Waiting) -> None:
        """Wait for the slot, which somebody in a hurry may exchange for a later one."""
        self._asleep.append(mine)
        try:
            while (early := mine.slot - self._now()) > 0:  # noqa: ASYNC110 - the slot may move
                await asyncio.sleep(early / 1000)
        finally:
            self._asleep.remove(mine)

    async def _serve(self) -> None:
        """Reserve slots that are soon for those who wait; one write serves several.

        Slots far ahead are left alone until they are near: what HubSpot says meanwhile may move
        them, and what is reserved is out of reach of that.
        """
        urgent = [each for each in self._unserved if each.urgent]
        waiting = (urgent or self._unserved)[:RESERVED_MAX]
        now, interval = self._now(), budget.interval_ms(self._limit)
        # Somebody in a hurry may reserve far ahead if there is a nearer slot to exchange it for.
        ahead = EXCHANGE_MS if urgent and self._asleep else LOOKAHEAD_MS
        latest = now + ahead

        def reserve(known: Budget) -> tuple[Budget, Granted | Denied]:
            self._share = known.share
            return budget.reserve(known, len(waiting), now=now, interval=interval, latest=latest)

        try:
            answer = await self._budgets.update(self._account, reserve)
        except Unanswered:
            return self._refuse(waiting, NoPermit(BUDGET_UNANSWERED, 0.0))
        match answer:
            case Granted(slots, probe):
                self._probing = self._probing or probe
                for each, slot in zip(waiting, slots, strict=False):
                    self._assign(each, slot)
                if probe:
                    self._refuse(waiting[1:], NoPermit(PAUSED, 0.0))
            case Denied(until, broken=True):
                self._refuse(waiting, NoPermit(PAUSED, max(0.0, (until - now) / 1000)))
            case Denied(until):
                too_late = [each for each in waiting if each.latest < until]
                self._refuse(too_late, NoPermit(OUT_OF_TIME, (until - now) / 1000))
                if self._unserved:
                    pause = max(until - latest, MOMENT_MS) * self._random.uniform(1.0, 1.2)
                    await asyncio.sleep(pause / 1000)
        return None

    def _refuse(self, waiting: Iterable[_Waiting], why: NoPermit) -> None:
        for each in waiting:
            if each in self._unserved:
                self._unserved.remove(each)
                each.refused = why
                each.woken.set()

    def _assign(self, waiting: _Waiting, slot: int) -> None:
        """Give the slot to whoever waits; in a hurry, exchange it with one who holds no lease."""
        if waiting not in self._unserved:
            return  # Cancelled meanwhile; the slot goes by.
        self._unserved.remove(waiting)
        first = min(self._asleep, key=lambda each: each.slot, default=None)
        if waiting.urgent and first is not None and first.slot < slot <= first.latest:
            slot, first.slot = first.slot, slot
        waiting.slot = slot
        waiting.woken.set()
        if slot > waiting.latest:
            waiting.refused = NoPermit(OUT_OF_TIME, 0.0)

    def note(self, usage: Usage) -> None:
        """Remember HubSpot's own count, as the last answer gave it, and as those before did."""
        self._usage = usage
        now = self._now()
        self._left.append((now, usage.remaining))
        while self._left[0][0] < now - FALL_MS:
            self._left.popleft()

    async def heard(self, reply: Reply | Found, *, in_doubt: bool = False) -> None:
        """Take note of a reply: slow down, pause the account, or let it go on.

        What a record that was in doubt before is answered says nothing of the account.
        """
        try:
            await self._heard(reply, in_doubt=in_doubt)
            await self._adapt()
        except Unanswered:
            return  # The next reply says it again.

    async def _heard(self, reply: Reply | Found, *, in_doubt: bool) -> None:
        match reply:
            case NotApplied(code, retry_after, Scope.ACCOUNT):
                await self._stop(code, retry_after)
            case Ambiguous() if not in_doubt:
                await self._failed()
            case Ambiguous() | NotApplied():
                pass
            case _:
                await self._answered()

    async def _stop(self, code: str, retry_after: float | None) -> None:
        if code.startswith("UNREACHABLE"):
            return await self._failed()
        now = self._now()
        if code == "THROTTLED_DAILY":
            until = min(now + DAILY_MS, self._next_midnight())
        elif code.startswith("THROTTLED"):
            until = now + round(THROTTLED_MS * self._random.uniform(1.0, 2.0))
            for each in self._asleep:
                each.slot = max(each.slot, until)
            return await self._change(lambda known: budget.held(known, until=until))
        else:
            until = now + max(OUTAGE_MS, round(1000 * (retry_after or 0)))
        return await self._change(lambda known: budget.broken(known, until=until))

    async def _failed(self) -> None:
        self._failures += 1
        if self._probing or self._failures >= FAILURES_MAX:
            until = self._now() + round(OUTAGE_MS * self._random.uniform(1.0, 1.1))
            await self._change(lambda known: budget.broken(known, until=until))

    async def _answered(self) -> None:
        self._failures = 0
        if self._probing:
            self._probing = False
            now = self._now()
            await self._change(lambda known: budget.mended(known, now=now))

    async def _adapt(self) -> None:
        """Follow HubSpot's own count: its limit, and what is left of it."""
        usage, self._usage = self._usage, None
        if usage is None:
            return
        self._limit = min(self._limit, max(usage.limit, 1))
        now = self._now()
        crowded = now < self._crowded_until
        if not crowded and (others := self._others(now, usage.remaining)) > 0:
            self._crowded_until = now + CROWDED_MS
            await self._change(lambda known: budget.shared(known, others))
        missing = (REMAINING_CROWDED if crowded else REMAINING_MIN) - usage.remaining
        if crowded and usage.remaining > REMAINING_ENOUGH:
            await self._change(budget.hastened)
        if missing > 0:
            self._crowded_until = now + CROWDED_MS
            slots, interval = min(missing, SLOWED_MAX), budget.interval_ms(self._limit)
            await self._change(
                lambda known: budget.slowed(known, slots, now=now, interval=interval)
            )

    def _others(self, now: int, remaining: int) -> float:
        """Return the share of our pace that others use, as far as their calls can be told apart.

        Calls that we could not have made ourselves are theirs. That shows before nothing is left.
        """
        since, before = self._left[0]
        ours = (now - since) / budget.interval_ms(self._limit)
        theirs = before - remaining - ours
        return theirs / ours if now - since >= FALL_MS / 2 and theirs > FALL_SLACK else 0.0

    async def _change(self, change: Callable[[Budget], Budget]) -> None:
        await self._budgets.update(self._account, lambda known: (change(known), None))

    def _next_midnight(self) -> int:
        """Return when the daily limit resets: at midnight of the account's time zone."""
        here = datetime.fromtimestamp(self._now_seconds(), self._time_zone)
        tomorrow = (here + timedelta(days=1)).date()
        midnight = datetime.combine(tomorrow, datetime.min.time(), self._time_zone)
        return round(midnight.timestamp() * 1000)

    def _now(self) -> int:
        return round(self._now_seconds() * 1000)
