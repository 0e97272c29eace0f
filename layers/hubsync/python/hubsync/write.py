"""Use case: bring records of one account to what their changes say, in full batches.

A record goes its way under a lease: acquire, send, settle, perhaps further rounds, release. Nothing
outlives the call: every task is awaited, every wait has an end.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from hubsync.core import ledger
from hubsync.core.attempt import Attempt, EventId
from hubsync.core.batch import Batch, Input, Route, archive_input, by_route, cut, write_input
from hubsync.core.change import ARCHIVED, Change, RecordKey
from hubsync.core.event import HUBSPOT_ID
from hubsync.core.ledger import Entry, Rev, Standing
from hubsync.core.limits import (
    BATCH_INPUTS_MAX,
    CALLS_AT_ONCE_MAX,
    LEASE_MARGIN_SECONDS,
    LEASE_TRIES_MAX,
    LEASE_WAIT_SECONDS_MAX,
    LEASE_WAIT_SECONDS_MIN,
    SEND_SECONDS_LEFT_MIN,
)
from hubsync.core.outcome import Retryable
from hubsync.core.reply import Ambiguous, NotApplied, Reason
from hubsync.core.settle import Next, Sent, settle
from hubsync.errors import Unanswered
from hubsync.ports import LedgerWrite, Ports, Terms

OUT_OF_TIME = "OUT_OF_TIME"
LEASED = "LEASED"
LEDGER_UNANSWERED = "LEDGER_UNANSWERED"
NOT_FOUND = "NOT_FOUND"
READ_UNANSWERED = "READ_UNANSWERED"

type Expired = Callable[[EventId], bool]  # whether an event has waited long enough for its record


@dataclass(frozen=True, slots=True)
class Claim:
    """A record about to be written: what was read, what acquiring makes of it, its first input."""

    change: Change
    entry: Entry
    attempt: Attempt
    route: Route
    input: Input


class Writer:
    """Writes changes of one account within one invocation.

    Afterwards every record is in exactly one of `attempts` (how far it came) and `left` (why it was
    not begun).
    """

    def __init__(self, ports: Ports, terms: Terms, *, deadline: float, expired: Expired) -> None:
        """Take the invocation's end, on the event loop's clock."""
        self.attempts: dict[RecordKey, Attempt] = {}
        self.left: dict[RecordKey, Retryable] = {}
        self.lease_conflicts = 0
        self._ports = ports
        self._expired = expired
        self._deadline = deadline
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE_MAX)
        lease_seconds = self._seconds_left() + terms.late_write_seconds + LEASE_MARGIN_SECONDS
        self._lease_until = self._now() + round(lease_seconds * 1000)

    @property
    def lease_seconds_left(self) -> float:
        """How long a lease taken by this writer lasts from now."""
        return max(0.0, (self._lease_until - self._now()) / 1000)

    async def write(self, changes: Sequence[Change], tries: int = LEASE_TRIES_MAX) -> None:
        """Write what is new of the changes; each concerns another record."""
        try:
            entries = await self._ports.ledger.read([change.record for change in changes])
        except Unanswered:
            self._leave(changes, Retryable(LEDGER_UNANSWERED))
            return
        now, leased, due = self._now(), [], []
        for change in changes:
            entry = entries[change.record]
            match ledger.standing(entry, change, now=now):
                case Standing.SUPERSEDED:
                    self.attempts[change.record] = Attempt(change.record, entry, {})
                case Standing.LEASED:
                    leased.append((change, entry))
                case Standing.DUE:
                    due.append(self._begin(change, entry))
        async with asyncio.TaskGroup() as group:
            for batch in _batches(due):
                group.create_task(self._deliver(batch, tries))
            if leased:
                group.create_task(self._write_later(leased, tries))

    def _begin(self, change: Change, entry: Entry) -> Claim:
        acquired = ledger.acquired(entry, change, rev=self._rev(), lease_until=self._lease_until)
        attempt = Attempt.begin(change, acquired)
        due = attempt.due()
        return Claim(change, entry, attempt, attempt.route(due), write_input(change.record, due))

    async def _write_later(self, leased: list[tuple[Change, Entry]], tries: int) -> None:
        """Try again after a moment: a live holder releases within a second or two."""
        self.lease_conflicts += len(leased)
        wait = self._ports.random.uniform(LEASE_WAIT_SECONDS_MIN, LEASE_WAIT_SECONDS_MAX)
        if tries == 1 or self._seconds_left() < SEND_SECONDS_LEFT_MIN + wait:
            for change, entry in leased:
                at_most = max(0, entry.lease_until - self._now()) / 1000
                self.left[change.record] = Retryable(LEASED, at_most=at_most)
            return
        await asyncio.sleep(wait)
        await self.write([change for change, _ in leased], tries - 1)

    async def _deliver(self, claims: list[Claim], tries: int) -> None:
        async with self._slots:
            lost = await self._deliver_now(claims)
        if lost:
            # Somebody else was faster; what he left is read anew.
            await self._write_later([(claim.change, claim.entry) for claim in lost], tries)

    async def _deliver_now(self, claims: list[Claim]) -> list[Claim]:
        """Take the leases, write, release; return the claims that lost their condition."""
        changes = [claim.change for claim in claims]
        if self._seconds_left() < SEND_SECONDS_LEFT_MIN:
            self._leave(changes, Retryable(OUT_OF_TIME))
            return []
        try:
            losers = await self._ports.ledger.write(
                [LedgerWrite(c.change.record, c.attempt.entry, c.entry.rev) for c in claims]
            )
        except Unanswered:
            # The leases may be taken: nothing is sent, and nobody writes until they run out.
            self._leave(changes, Retryable(LEDGER_UNANSWERED))
            return []
        held = [claim for claim in claims if claim.change.record not in losers]
        self.attempts.update((claim.change.record, claim.attempt) for claim in held)
        await self._rounds(held)
        await self._release([claim.attempt for claim in held])
        return [claim for claim in claims if claim.change.record in losers]

    async def _rounds(self, claims: list[Claim]) -> None:
        """Send what is due, and again, until nothing is or nothing may be sent."""
        inputs = {claim.change.record: claim.input for claim in claims}
        again = [claim.attempt for claim in claims]
        groups: list[list[Attempt]] = []
        while again or groups:
            if not groups:
                groups = _groups(again)
                again = []
            after = await self._round(groups.pop(0), inputs)
            again += after.again
            groups += after.groups
            await self._read_back(after.read_back)

    async def _round(self, group: list[Attempt], made: dict[RecordKey, Input]) -> Next:
        """Send one batch and settle it. `made` holds inputs that were made before they were due."""
        group = await self._commit(group)
        if not group:
            return Next()
        if self._seconds_left() < SEND_SECONDS_LEFT_MIN:
            for attempt in group:
                attempt.halt(OUT_OF_TIME)
            return Next()
        route = group[0].route(group[0].due())
        sent = await self._inputs(route, group, made)
        if not sent:
            return Next(again=[attempt for attempt in group if not attempt.over])
        reply = await self._ports.write(Batch(route, tuple(item for _, item in sent)))
        after = settle(sent, reply)
        for attempt, _ in sent:
            self._settle_not_found(attempt)
        return after

    async def _inputs(
        self, route: Route, group: list[Attempt], made: dict[RecordKey, Input]
    ) -> list[Sent]:
        if route.operation == "archive":
            return await self._archive_inputs(route, group)
        return [(attempt, _input(attempt, made)) for attempt in group]

    async def _archive_inputs(self, route: Route, group: list[Attempt]) -> list[Sent]:
        """Find the record ids that HubSpot archives by; a record it does not know is archived."""
        known = {
            a.record: a.record.id if route.id_property == HUBSPOT_ID else a.entry.hubspot_id
            for a in group
        }
        unknown = [attempt for attempt in group if known[attempt.record] is None]
        if unknown:
            found = await self._ports.read(route, [a.record.id for a in unknown], [])
            if isinstance(found, NotApplied | Ambiguous):
                for attempt in group:
                    attempt.halt(found.code)  # A read changes nothing, so nothing is in doubt.
                return []
            for attempt in unknown:
                if attempt.record.id not in found:
                    attempt.halt(READ_UNANSWERED)
                elif (shown := found[attempt.record.id]) is None:
                    attempt.vouch(attempt.due(), None, "")
                else:
                    known[attempt.record] = shown.hubspot_id
        return [
            (attempt, archive_input(attempt.record, attempt.due(), hubspot_id))
            for attempt in group
            if (hubspot_id := known[attempt.record]) is not None
        ]

    def _settle_not_found(self, attempt: Attempt) -> None:
        """Give up events that have waited long enough for their record; the others wait on."""
        if attempt.not_found is None:
            return
        reason = Reason(
            NOT_FOUND, "HubSpot knows no such record", {}, attempt.not_found.correlation_id
        )
        events = {r.version.event for readings in attempt.open.values() for r in readings}
        attempt.refuse_events({event for event in events if self._expired(event)}, reason)
        attempt.not_found = None
        if attempt.open:
            attempt.halt(NOT_FOUND)

    async def _read_back(self, silent: Sequence[Sent]) -> None:
        """See what is there of inputs that two finished answers left out."""
        for attempt, item in silent:
            record = item.record
            route = Route(record.account, record.object_type, "update", record.id_property)
            names = [name for name in item.readings if name != ARCHIVED]
            found = await self._ports.read(route, [record.id], names)
            if isinstance(found, NotApplied | Ambiguous):
                attempt.halt(found.code)
            elif record.id not in found:
                attempt.halt(READ_UNANSWERED)  # Silence once more; it may be there after all.
            elif (shown := found[record.id]) is None:
                attempt.not_found = Reason("UNVOUCHED", "HubSpot left the record out", {})
                self._settle_not_found(attempt)
            elif all((shown.properties.get(n) or "") == item.readings[n].value for n in names):
                attempt.vouch(item.readings, shown.hubspot_id, item.trace_id)
            else:
                message = "HubSpot neither wrote nor refused the record"
                attempt.refuse(item.readings, Reason("UNVOUCHED", message, {}))

    async def _commit(self, group: list[Attempt]) -> list[Attempt]:
        """Commit what a further round sends, before it does; return the records that may go on."""
        behind = [attempt for attempt in group if attempt.uncommitted(attempt.due())]
        if not behind:
            return group
        expected = [attempt.entry.rev for attempt in behind]
        for attempt in behind:
            attempt.commit(attempt.due(), rev=self._rev())
        lost = await self._record(behind, expected)
        return [attempt for attempt in group if attempt.record not in lost]

    async def _release(self, attempts: Sequence[Attempt]) -> None:
        """Record what was settled and give the leases back, but for records in doubt."""
        certain = [attempt for attempt in attempts if not attempt.in_doubt]
        expected = [attempt.entry.rev for attempt in certain]
        for attempt in certain:
            attempt.release(rev=self._rev())
        await self._record(certain, expected)

    async def _record(self, attempts: list[Attempt], expected: list[Rev]) -> frozenset[RecordKey]:
        """Write the attempts' entries; where that is not confirmed, their events are not done."""
        if not attempts:
            return frozenset()
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
        return lost

    def _leave(self, changes: Iterable[Change], why: Retryable) -> None:
        self.left.update((change.record, why) for change in changes)

    def _rev(self) -> Rev:
        return Rev(f"{self._ports.random.getrandbits(96):024x}")

    def _now(self) -> int:
        return round(self._ports.now() * 1000)

    def _seconds_left(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()


# Records in doubt travel apart, so that one which HubSpot cannot answer takes few others along.
_INPUTS_BY_DOUBTS = (BATCH_INPUTS_MAX, 10, 1)


def _batches(claims: Iterable[Claim]) -> Iterator[list[Claim]]:
    def apart(claim: Claim) -> int:
        return min(claim.attempt.entry.doubts, len(_INPUTS_BY_DOUBTS) - 1)

    by_doubts = groupby(sorted(claims, key=apart), key=apart)
    for doubts, some in by_doubts:
        for same in by_route((claim.route, claim) for claim in some).values():
            yield from cut(same, count=_INPUTS_BY_DOUBTS[doubts], size=lambda c: c.input.size)


def _groups(attempts: Iterable[Attempt]) -> list[list[Attempt]]:
    """Group what is due again by its call; a batch's records still fit one by their bytes."""
    routed = by_route((attempt.route(attempt.due()), attempt) for attempt in attempts)
    return list(routed.values())


def _input(attempt: Attempt, made: dict[RecordKey, Input]) -> Input:
    return made.pop(attempt.record, None) or write_input(attempt.record, attempt.due())
