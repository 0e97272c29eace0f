"""Use case: send what is due of records under our lease, until nothing is, and release them."""

import asyncio
from collections.abc import Sequence

from hubsync.core.attempt import Attempt
from hubsync.core.batch import Batch, Input, Route, archive_input, by_route, write_input
from hubsync.core.change import ARCHIVED, RecordKey
from hubsync.core.event import HUBSPOT_ID
from hubsync.core.ledger import Rev
from hubsync.core.look import (
    Look,
    judge_contradicted,
    judge_silent,
    judge_unanswerable,
    seen,
    wait_for_look,
)
from hubsync.core.reply import Ambiguous, Answered, Found, NotApplied, Reason, Vouched
from hubsync.core.settle import Next, Sent, settle
from hubsync.errors import Unanswered
from hubsync.invocation import Invocation
from hubsync.ports import LedgerWrite, NoPermit, Permits

OUT_OF_TIME = "OUT_OF_TIME"
LEDGER_UNANSWERED = "LEDGER_UNANSWERED"
READ_UNANSWERED = "READ_UNANSWERED"
NOT_FOUND = "NOT_FOUND"


class Rounds:
    """The calls of one batch of records: the first, and those that its replies make necessary."""

    def __init__(
        self, invocation: Invocation, permits: Permits, made: dict[RecordKey, Input]
    ) -> None:
        """Take the account's permits, and the inputs that were made when the batch was cut.

        The permit of the first call was taken before the leases were.
        """
        self._permits = permits
        self._permit_in_hand = True
        self._invocation = invocation
        self._ports = invocation.ports
        self._made = made

    async def run(self, attempts: Sequence[Attempt]) -> None:
        """Send, settle and release records whose leases were taken with their first readings.

        Where that is cut off, the records are in doubt.
        """
        try:
            await self._run(attempts)
        except asyncio.CancelledError:
            for attempt in attempts:
                attempt.doubt(OUT_OF_TIME)
            raise

    async def _run(self, attempts: Sequence[Attempt]) -> None:
        # What a batch sends first is one call's, and was committed with the leases.
        after = await self._round([attempt for attempt in attempts if not attempt.over])
        self._made.clear()  # From now on, what is due is not what they were made of.
        groups, again = after.groups, await self._due_again(after)
        while again or groups:
            if not groups:
                groups, again = _by_call(again), []
            after = await self._round(await self._commit(groups.pop(0)))
            groups += after.groups
            again += await self._due_again(after)
        await self._release(attempts)

    async def _due_again(self, after: Next) -> list[Attempt]:
        """Return whom there is more to send of, once those are judged whom one has to look at."""
        for attempt, item in after.read_back:
            judge_silent(attempt, item, await self._look(item))
            self._give_up_unknown(attempt)
            after.go_on(attempt)
        for attempt, item, reason in after.contradicted:
            judge_contradicted(attempt, item, reason, await self._look(item, in_doubt=True))
            after.go_on(attempt)
        return after.again

    async def _round(self, group: list[Attempt]) -> Next:
        """Send one batch and settle it."""
        if not group:
            return Next()
        route = group[0].route(group[0].due())
        sent = await self._inputs(route, group)
        if len(sent) == 1 and sent[0][0].unanswerable:
            attempt, item = sent.pop()
            attempt.unanswerable = False
            # The leases it was sent under have run out: it cannot land after the look.
            judge_unanswerable(attempt, item, await self._look(item, in_doubt=True))
        after = await self._send(route, sent) if sent else Next()
        for attempt in group:
            self._give_up_unknown(attempt)
        # A record found archived already was not sent; what is newer than that still is due.
        listed = {attempt.record for attempt in after.attempts()}
        after.again += [a for a in group if not a.over and a.record not in listed]
        return after

    async def _send(self, route: Route, sent: list[Sent]) -> Next:
        refused = await self._permit()
        if refused is not None:
            for attempt, _ in sent:
                attempt.halt(refused.reason, refused.seconds)
            return Next()
        in_doubt = any(attempt.entry.doubts > 0 for attempt, _ in sent)
        reply = await self._ports.write(Batch(route, tuple(item for _, item in sent)))
        await self._permits.heard(reply, in_doubt=in_doubt)
        after = settle(sent, reply)
        if isinstance(reply, Answered):
            self._ports.written_at[route.account] = self._invocation.now()
            for attempt, _ in sent:
                self._give_up_unknown(attempt)
        return after

    async def _permit(self) -> NoPermit | None:
        """Ask for one call more, whatever it is for: None means that time and permit are there."""
        if not self._invocation.may_send():
            return NoPermit(OUT_OF_TIME, 0.0)
        if self._permit_in_hand:
            self._permit_in_hand = False
            return None
        seconds = self._invocation.sending_seconds_left()
        return await self._permits.take(seconds=seconds, urgent=True)

    async def _read(
        self, route: Route, ids: Sequence[str], names: Sequence[str], *, in_doubt: bool = False
    ) -> Found | NotApplied | Ambiguous:
        refused = await self._permit()
        if refused is not None:
            return NotApplied(refused.reason, refused.seconds)
        found = await self._ports.read(route, ids, names)
        await self._permits.heard(found, in_doubt=in_doubt)
        return found

    async def _inputs(self, route: Route, group: list[Attempt]) -> list[Sent]:
        if route.operation == "archive":
            return await self._archive_inputs(route, group)
        return [(attempt, self._input(attempt)) for attempt in group]

    def _input(self, attempt: Attempt) -> Input:
        made = self._made.get(attempt.record)
        return made or write_input(attempt.record, attempt.due())

    async def _archive_inputs(self, route: Route, group: list[Attempt]) -> list[Sent]:
        """Find the record ids that HubSpot archives by; a record it does not know is archived."""
        by_own_id = route.id_property == HUBSPOT_ID
        known = {a.record: a.record.id if by_own_id else a.entry.hubspot_id for a in group}
        unknown = [attempt for attempt in group if known[attempt.record] is None]
        if unknown:
            found = await self._read(route, [a.record.id for a in unknown], [])
            for attempt in unknown:
                if isinstance(found, NotApplied | Ambiguous):
                    wait_for_look(attempt, found)
                elif attempt.record.id not in found:
                    attempt.halt(READ_UNANSWERED)
                elif (shown := found[attempt.record.id]) is None:
                    attempt.vouch(attempt.due(), Vouched(None), "")
                else:
                    known[attempt.record] = shown.hubspot_id
        return [
            (attempt, archive_input(attempt.record, attempt.due(), hubspot_id))
            for attempt in group
            if (hubspot_id := known[attempt.record]) is not None
        ]

    def _give_up_unknown(self, attempt: Attempt) -> None:
        """Give up events that have waited long enough for their record; the others wait on."""
        if attempt.not_found is None:
            return
        due = attempt.due()
        if attempt.route(due).operation == "archive":
            attempt.not_found = None
            attempt.vouch(due, Vouched(None), "")  # What is not there is archived.
            return
        reason = Reason(
            NOT_FOUND, "HubSpot knows no such record", {}, attempt.not_found.correlation_id
        )
        events = {r.version.event for readings in attempt.open.values() for r in readings}
        expired = {event for event in events if self._invocation.expired(event)}
        attempt.refuse_events(expired, reason)
        attempt.not_found = None
        if attempt.open:
            attempt.halt(NOT_FOUND)

    async def _look(self, item: Input, *, in_doubt: bool = False) -> Look:
        """Read a record back."""
        record = item.record
        route = Route(record.account, record.object_type, "update", record.id_property)
        names = [name for name in item.readings if name != ARCHIVED]
        found = await self._read(route, [record.id], names, in_doubt=in_doubt)
        if isinstance(found, NotApplied | Ambiguous):
            return found
        if record.id not in found:
            return NotApplied(READ_UNANSWERED)  # Silence: it may be there after all.
        return seen(item, found[record.id])

    async def _commit(self, group: list[Attempt]) -> list[Attempt]:
        """Commit what a further round sends, before it does; return the records that may go on."""
        behind = [attempt for attempt in group if attempt.uncommitted(attempt.due())]
        if not behind:
            return group
        expected = [attempt.entry.rev for attempt in behind]
        for attempt in behind:
            attempt.commit(attempt.due(), rev=self._invocation.rev())
        await self._record(behind, expected)
        return [attempt for attempt in group if not attempt.in_doubt]

    async def _release(self, attempts: Sequence[Attempt]) -> None:
        """Record what was settled and give the leases back, but for records in doubt."""
        certain = [attempt for attempt in attempts if not attempt.in_doubt]
        expected = [attempt.entry.rev for attempt in certain]
        for attempt in certain:
            attempt.release(rev=self._invocation.rev(), now=self._invocation.now())
        await self._record(certain, expected)

    async def _record(self, attempts: Sequence[Attempt], expected: Sequence[Rev]) -> None:
        """Write the attempts' entries; where that is not confirmed, their events are not done."""
        if not attempts:
            return
        pairs = zip(attempts, expected, strict=True)
        try:
            lost = await self._ports.ledger.write(
                [LedgerWrite(attempt.record, attempt.entry, rev) for attempt, rev in pairs]
            )
        except Unanswered:
            lost = frozenset(attempt.record for attempt in attempts)
        for attempt in attempts:
            if attempt.record in lost:
                attempt.doubt(LEDGER_UNANSWERED)


def _by_call(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """Group what is due by its call; the records of one batch still fit one by count and bytes."""
    routed = by_route((attempt.route(attempt.due()), attempt) for attempt in attempts)
    return list(routed.values())
