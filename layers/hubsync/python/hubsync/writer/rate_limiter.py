"""Leave for calls out of an account's budget, and what each reply says of the account.

One object serves all batches of an account in this process. Permits are reserved for everybody who
waits at once, and each waits for its own slot. A further round, which holds leases, does not queue:
it takes over the earliest slot of a batch that has not begun, and that one takes the new slot.

Processes share the slots fairly by age: the longer a process has been without a slot, the further
ahead it may reserve one, so the process that has waited longest comes first, whoever is quickest.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from hubsync.core.hubspot import rate_budget
from hubsync.core.hubspot.rate_budget import Budget, Denied, Granted
from hubsync.core.hubspot.reply import Ambiguous, NotApplied, ReadResult, Reply, Scope, Usage
from hubsync.errors import Unanswered
from hubsync.ports import Budgets, PermitDenied

RESERVED_MAX: Final = 10  # Permits in one write.
LOOKAHEAD_MS: Final = 500  # How far ahead slots are reserved: HubSpot's word reaches them no more.
# How much further ahead a process may reserve one slot, by the time that it has been without one.
# All of them together wait that long in the worst case, so it grows with the time between slots.
AGED_MS_MAX, AGED_SLOTS_MAX = 2_000, 20
EXCHANGE_MS: Final = 10_000  # How far ahead a slot may be that is exchanged for a nearer one.
MOMENT_MS: Final = 20
# A further round waits no longer with its leases held; on a slow pace, for so many slots.
URGENT_WAIT_SECONDS: Final = 1.0
URGENT_WAIT_SLOTS: Final = 3
FAILURES_MAX: Final = 3  # In a row, without a success between: then HubSpot is taken to be down.
OUTAGE_MS: Final = 75_000  # Fewer than one probe a minute.
DAILY_MS: Final = 900_000  # One probe in 15 minutes until the daily limit resets.
THROTTLED_MS: Final = 1_000  # Rolling limits free up as their window moves on.
HELD_MS_MAX: Final = 10_000  # A longer Retry-After is a pause, which ends with a probe.
# Shares of the limit, in whole calls, but of at most 100: what they allow for grows no further.
# Measured: with slack that did, another client of the same token was throttled thrice as often.
# Our own pace leaves a hundredth of 100; less left means that others use the limit, too. Of a limit
# of 10 our own pace may leave nothing.
SHARED_LIMIT_MAX: Final = 100
REMAINING_MIN: Final = 0.01
REMAINING_CROWDED: Final = 0.06  # What we leave free while others use it.
REMAINING_ENOUGH: Final = 0.10
CROWDED_MS: Final = 60_000
SLOWED_MAX: Final = 4  # Slots left out for one reply.
FALL_MS: Final = 2_000  # Over which what is left of the limit is watched for others' calls.
# Of the limit: late sends, and replies that overtake each other. Of a small one, a few calls.
FALL_SLACK, FALL_SLACK_MIN = 0.08, 3
PAUSED, OUT_OF_TIME, BUDGET_UNANSWERED = "PAUSED", "OUT_OF_TIME", "BUDGET_UNANSWERED"


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who wants a permit, and what came of it."""

    latest: int
    urgent: bool
    slot: int = 0
    refused: PermitDenied | None = None
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
        self._without_since: int | None = None  # since when somebody waits and no slot came
        self._failures = 0
        self._probing = False
        self._usage: Usage | None = None
        self._left: deque[tuple[int, int]] = deque()  # when, and what was left then
        self._crowded_until = 0

    async def acquire(self, *, seconds: float, urgent: bool = False) -> PermitDenied | None:
        """Wait for a permit, at most so long; None means go."""
        wait = min(seconds, self._urgent_wait_seconds()) if urgent else seconds
        mine = _Waiting(self._now() + round(1000 * wait), urgent)
        self._unserved.append(mine)
        try:
            async with asyncio.timeout(wait):
                await self._be_served(mine)
        except TimeoutError:
            if mine in self._unserved:
                mine.refused = PermitDenied(OUT_OF_TIME, 0.0)
        finally:
            if mine in self._unserved:
                self._unserved.remove(mine)
            if self._server is mine:
                self._hand_over()
            if not self._unserved:
                self._without_since = None
        if mine.refused is None:
            await self._sleep(mine)
        return mine.refused

    async def give_back(self) -> None:
        """Let others have a permit that was taken and is not used.

        Whoever waits here takes it at once; else it goes back to the budget, as far as it can. A
        probe that was not made says nothing, so the next one to ask may make it.
        """
        await self._free(self._now())

    async def _free(self, slot: int) -> None:
        if not self._probing and self._assign(self._unserved, slot):
            return
        self._probing = False
        interval = rate_budget.interval_ms(self._limit)
        with suppress(Unanswered):  # Then it goes by.
            await self._change(lambda known: rate_budget.given_back(known, slot, interval=interval))

    def _urgent_wait_seconds(self) -> float:
        # Where calls are further apart than that, a record that takes two rounds would never get
        # its second one, and begin anew each time.
        pace = rate_budget.interval_ms(self._limit) / self._share
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
        now, interval = self._now(), rate_budget.interval_ms(self._limit)
        # Somebody in a hurry may reserve far ahead if there is a nearer slot to exchange it for.
        ahead = EXCHANGE_MS if urgent and self._asleep else LOOKAHEAD_MS
        in_time = max(each.latest for each in waiting)
        latest = min(now + ahead, in_time)
        aged_max = max(AGED_MS_MAX, AGED_SLOTS_MAX * round(interval / self._share))
        if self._without_since is None:
            self._without_since = now
        aged = min(now - self._without_since, aged_max)
        first = min(now + ahead + aged, in_time)

        def reserve(known: Budget) -> tuple[Budget, Granted | Denied]:
            self._share = known.share
            return rate_budget.reserve(
                known, len(waiting), now=now, interval=interval, latest=latest, first=first
            )

        try:
            answer = await self._budgets.update(self._account, reserve)
        except Unanswered:
            return self._refuse(waiting, PermitDenied(BUDGET_UNANSWERED, 0.0))
        match answer:
            case Granted(slots, probe):
                self._probing = self._probing or probe
                self._without_since = self._now()
                unused = [slot for slot in slots if not self._assign(waiting, slot)]
                if probe:
                    self._refuse(waiting, PermitDenied(PAUSED, 0.0))
                for slot in reversed(unused):
                    await self._free(slot)
            case Denied(until, broken=True):
                self._refuse(waiting, PermitDenied(PAUSED, max(0.0, (until - now) / 1000)))
            case Denied(until):
                too_late = [each for each in waiting if each.latest < until]
                self._refuse(too_late, PermitDenied(OUT_OF_TIME, (until - now) / 1000))
                if self._unserved:
                    # The slot comes nearer while our age reaches further.
                    missing = until - now - ahead - aged
                    pause = missing - min(missing / 2, aged_max - aged)
                    pause = max(pause, MOMENT_MS) * self._random.uniform(1.0, 1.2)
                    await asyncio.sleep(pause / 1000)
        return None

    def _refuse(self, waiting: Iterable[_Waiting], why: PermitDenied) -> None:
        for each in waiting:
            if each in self._unserved:
                self._unserved.remove(each)
                each.refused = why
                each.woken.set()

    def _assign(self, some: Sequence[_Waiting], slot: int) -> bool:
        """Give the slot to one that waits, who may be in a hurry; False if it is of use to none."""
        for waiting in sorted(some, key=lambda each: not each.urgent):
            if waiting in self._unserved and self._fits(waiting, slot):
                self._unserved.remove(waiting)
                waiting.woken.set()
                return True
        return False

    def _fits(self, waiting: _Waiting, slot: int) -> bool:
        """Take the slot if it is in time, or in a hurry that of one that holds no lease."""
        first = min(self._asleep, key=lambda each: each.slot, default=None)
        if waiting.urgent and first is not None and first.slot < slot <= first.latest:
            slot, first.slot = first.slot, slot
        waiting.slot = slot
        return slot <= waiting.latest

    def note(self, usage: Usage) -> None:
        """Remember HubSpot's own count, as the last answer gave it, and as those before did."""
        self._usage = usage
        now = self._now()
        self._left.append((now, usage.remaining))
        while self._left[0][0] < now - FALL_MS:
            self._left.popleft()

    async def observe(self, reply: Reply | ReadResult, *, in_doubt: bool = False) -> None:
        """Take note of a reply: slow down, pause the account, or let it go on.

        What a record that was in doubt before is answered says nothing of the account.
        """
        try:
            await self._heard(reply, in_doubt=in_doubt)
            await self._adapt()
        except Unanswered:
            return  # The next reply says it again.

    async def _heard(self, reply: Reply | ReadResult, *, in_doubt: bool) -> None:
        match reply:
            case NotApplied(code, retry_after, Scope.ACCOUNT):
                await self._stop(code, retry_after)
            case Ambiguous() if self._probing or not in_doubt:
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
            until = max(until, now + round(1000 * (retry_after or 0)))
        elif code.startswith("THROTTLED"):
            asked = round(1000 * (retry_after or 0))
            until = now + max(asked, round(THROTTLED_MS * self._random.uniform(1.0, 2.0)))
            if asked <= HELD_MS_MAX:
                if self._probing:  # It answers.
                    await self._answered()
                for each in self._asleep:
                    each.slot = max(each.slot, until)
                return await self._change(lambda known: rate_budget.held(known, until=until))
        else:
            until = now + max(OUTAGE_MS, round(1000 * (retry_after or 0)))
        return await self._change(lambda known: rate_budget.broken(known, until=until))

    async def _failed(self) -> None:
        self._failures += 1
        if self._probing or self._failures >= FAILURES_MAX:
            self._probing = False
            until = self._now() + round(OUTAGE_MS * self._random.uniform(1.0, 1.1))
            await self._change(lambda known: rate_budget.broken(known, until=until))

    async def _answered(self) -> None:
        self._failures = 0
        if self._probing:
            self._probing = False
            now = self._now()
            await self._change(lambda known: rate_budget.mended(known, now=now))

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
            await self._change(lambda known: rate_budget.shared(known, others))
        share = REMAINING_CROWDED if crowded else REMAINING_MIN
        counted = min(self._limit, SHARED_LIMIT_MAX)
        missing = int(share * counted) - usage.remaining
        enough = usage.remaining > REMAINING_ENOUGH * counted
        if self._share < 1 and (enough or not crowded):
            await self._change(lambda known: rate_budget.hastened(known, self._limit))
        if missing > 0:
            self._crowded_until = now + CROWDED_MS
            slots, interval = min(missing, SLOWED_MAX), rate_budget.interval_ms(self._limit)
            await self._change(
                lambda known: rate_budget.slowed(known, slots, now=now, interval=interval)
            )

    def _others(self, now: int, remaining: int) -> float:
        """Return the share of our pace that others use, as far as their calls can be told apart.

        Calls that we could not have made ourselves are theirs. That shows before nothing is left.
        """
        since, before = self._left[0]
        ours = (now - since) / rate_budget.interval_ms(self._limit)
        theirs = before - remaining - ours
        slack = max(FALL_SLACK * min(self._limit, SHARED_LIMIT_MAX), FALL_SLACK_MIN)
        return theirs / ours if now - since >= FALL_MS / 2 and theirs > slack else 0.0

    async def _change(self, change: Callable[[Budget], Budget]) -> None:
        def changed(known: Budget) -> tuple[Budget, None]:
            after = change(known)
            self._share = after.share
            return after, None

        await self._budgets.update(self._account, changed)

    def _next_midnight(self) -> int:
        """Return when the daily limit resets: at midnight of the account's time zone."""
        here = datetime.fromtimestamp(self._now_seconds(), self._time_zone)
        tomorrow = (here + timedelta(days=1)).date()
        midnight = datetime.combine(tomorrow, datetime.min.time(), self._time_zone)
        return round(midnight.timestamp() * 1000)

    def _now(self) -> int:
        return round(self._now_seconds() * 1000)
