"""Use case: bring records of one account to what their changes say, in full batches.

Read the ledger, leave out what is already written, cut the rest into batches, take the leases of
each batch and let its rounds run. Nothing outlives the call: tasks are awaited, and waits end.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from hubsync.core.change import ARCHIVED, Change, Reading, RecordKey
from hubsync.core.hubspot.batch import Input, Route, cut, place, write_input
from hubsync.core.limits import (
    BATCH_INPUTS_MAX,
    CALLS_AT_ONCE_MAX,
    LEASE_TRIES_MAX,
    LEASE_WAIT_SECONDS_MAX,
    LEASE_WAIT_SECONDS_MIN,
)
from hubsync.core.records import entry as ledger
from hubsync.core.records.entry import Entry, Triage
from hubsync.core.records.entry_codec import fits
from hubsync.core.records.leased_record import RECORD_FULL, LeasedRecord
from hubsync.core.records.outcome import Retryable
from hubsync.errors import Unanswered
from hubsync.ports import LedgerWrite
from hubsync.writer.invocation import Invocation
from hubsync.writer.rounds import LEDGER_UNANSWERED, OUT_OF_TIME, Rounds

LEASED = "LEASED"
TURN_MS: Final = 60_000


class Claim(NamedTuple):
    """A record about to be written: what was read, what acquiring makes of it, what is due."""

    change: Change
    entry: Entry
    leased: LeasedRecord
    due: Mapping[str, Reading]
    route: Route


type Claimed = tuple[Claim, Input]


class Writer:
    """Writes changes of one account within one invocation.

    Afterwards every record is in exactly one of `attempts` (how far it came) and `left` (why it was
    not begun).
    """

    def __init__(self, invocation: Invocation) -> None:
        self.leased_records: dict[RecordKey, LeasedRecord] = {}
        self.left: dict[RecordKey, Retryable] = {}
        self.lease_conflicts = 0
        self._invocation = invocation
        self._ports = invocation.ports
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE_MAX)
        # Who waits for others' leases, by the tries that are left.
        self._waiting: defaultdict[int, list[Change]] = defaultdict(list)

    async def write(self, changes: Sequence[Change]) -> None:
        """Write what is new of the changes; each concerns another record. Ends in time.

        Sending stops early enough for HubSpot, however slow. What still waits then is the ledger or
        the budget, and it is left as after a crash: nobody knows what came of it.
        """
        with suppress(TimeoutError):
            async with self._invocation.writing_time():
                await self._write(changes, LEASE_TRIES_MAX)
        known = self.leased_records.keys() | self.left.keys()
        self._leave((c for c in changes if c.record not in known), Retryable(OUT_OF_TIME))

    async def _write(self, changes: Sequence[Change], tries: int) -> None:
        try:
            entries = await self._ports.ledger.read([change.record for change in changes])
        except Unanswered:
            self._leave(changes, Retryable(LEDGER_UNANSWERED))
            return
        now = self._invocation.now()
        taken_by_others: list[tuple[Change, Entry]] = []
        due: list[Claim] = []
        for change in changes:
            entry = entries[change.record]
            match ledger.triage(entry, change, now=now):
                case Triage.SUPERSEDED:
                    self.leased_records[change.record] = LeasedRecord(change.record, entry, {})
                case Triage.LEASED:
                    taken_by_others.append((change, entry))
                case Triage.DUE:
                    claim = self._claim(change, entry)
                    if claim.leased.halted is None:
                        due.append(claim)
                    else:  # Only an archive is open, and it waits; or the entry has no room.
                        self._leave([change], Retryable(claim.leased.halted))
        async with asyncio.TaskGroup() as group:
            if taken_by_others:
                group.create_task(self._write_later(taken_by_others, tries))
            for batch in _batches(due, now // TURN_MS):
                # Inputs are made when they are soon sent: those of 10,000 are never there at once.
                await self._slots.acquire()
                group.create_task(self._deliver(batch, tries))

    def _claim(self, change: Change, entry: Entry) -> Claim:
        invocation = self._invocation
        rev, until = invocation.rev(), invocation.lease_until
        written_at = self._ports.written_at.get(change.record.account, 0)

        def acquire(taken: Change) -> Entry:
            return ledger.acquired(entry, taken, rev=rev, lease_until=until, written_at=written_at)

        acquired, taken = acquire(change), change
        unanswerable = ledger.unanswerable(entry)
        crowded = (bool(entry.pending) and ledger.crowded(acquired)) or not fits(acquired)
        if unanswerable or crowded:
            # What is pending is settled first; the events in hand wait, but for their word on
            # existence: what is pending may wait for just that.
            words = () if unanswerable else change.readings.get(ARCHIVED, ())
            taken = Change(change.record, {ARCHIVED: words} if words else {})
            acquired = acquire(taken)
        leased = LeasedRecord.begin(taken, acquired, expired=invocation.expired)
        leased.unanswerable = unanswerable
        if crowded and not entry.pending:
            leased.halt(RECORD_FULL)
        due = leased.due()
        return Claim(change, entry, leased, due, leased.route(due))

    async def _write_later(self, taken_by_others: list[tuple[Change, Entry]], tries: int) -> None:
        """Try again after a moment: a live holder releases within a second or two.

        Whoever comes while somebody waits goes along, so that what several batches lost fills one.
        """
        self.lease_conflicts += len(taken_by_others)
        wait = self._wait_seconds(taken_by_others)
        if tries == 1 or not self._invocation.may_send(wait):
            for change, entry in taken_by_others:
                at_most = max(0, entry.lease_until - self._invocation.now()) / 1000
                self.left[change.record] = Retryable(LEASED, at_most=at_most)
            return
        is_first = not self._waiting[tries]
        self._waiting[tries] += [change for change, _ in taken_by_others]
        if is_first:
            await asyncio.sleep(wait)
            await self._write(self._waiting.pop(tries), tries - 1)

    def _wait_seconds(self, taken_by_others: list[tuple[Change, Entry]]) -> float:
        """Wait for the leases to be over if they soon are, else a moment."""
        over = max(entry.lease_until for _, entry in taken_by_others) - self._invocation.now()
        if 0 < over < LEASE_WAIT_SECONDS_MAX * 1000:
            return (over + 1) / 1000
        return self._ports.random.uniform(LEASE_WAIT_SECONDS_MIN, LEASE_WAIT_SECONDS_MAX)

    async def _deliver(self, batch: list[Claimed], tries: int) -> None:
        try:
            lost = await self._deliver_now(batch)
        finally:
            self._slots.release()
        if lost:
            # Somebody else was faster; what he left is read anew.
            await self._write_later([(claim.change, claim.entry) for claim in lost], tries)

    async def _deliver_now(self, batch: list[Claimed]) -> list[Claim]:
        """Take the leases and let the rounds run; return the claims that lost their condition."""
        claims = [claim for claim, _ in batch]
        changes = [claim.change for claim in claims]
        if not self._invocation.may_send():
            self._leave(changes, Retryable(OUT_OF_TIME))
            return []
        permits = self._ports.permits(claims[0].route.account)
        refused = await permits.acquire(seconds=self._invocation.sending_seconds_left())
        if refused is not None:
            self._leave(changes, Retryable(refused.reason, refused.seconds))
            return []
        try:
            losers = await self._ports.ledger.write(
                [LedgerWrite(c.change.record, c.leased.entry, c.entry.rev) for c in claims]
            )
        except Unanswered:
            # The leases may be taken: nothing is sent, and nobody writes until they run out.
            self._leave(changes, Retryable(LEDGER_UNANSWERED))
            await permits.give_back()
            return []
        held = [claim for claim in claims if claim.change.record not in losers]
        self.leased_records.update((claim.change.record, claim.leased) for claim in held)
        made = {item.record: item for _, item in batch}
        await Rounds(self._invocation, permits, made).run([claim.leased for claim in held])
        return [claim for claim in claims if claim.change.record in losers]

    def _leave(self, changes: Iterable[Change], why: Retryable) -> None:
        self.left.update((change.record, why) for change in changes)


# Records in doubt travel apart, so that one which HubSpot cannot answer takes few others along.
_INPUTS_BY_DOUBTS = (BATCH_INPUTS_MAX, 10, 1)


def _inputs_max(claim: Claim) -> int:
    """Return how many inputs a batch with this record may have.

    A batch that was refused whole is cut as small as it had been halved, so that the search for the
    guilty input goes on where it was left. An input that an answer left out goes alone.
    """
    entry = claim.leased.entry
    if entry.left_out:
        return 1
    by_doubts = _INPUTS_BY_DOUBTS[min(entry.doubts, len(_INPUTS_BY_DOUBTS) - 1)]
    return min(by_doubts, BATCH_INPUTS_MAX >> entry.split or 1)


def _batches(claims: Iterable[Claim], turn: int) -> Iterator[list[Claimed]]:
    """Cut batches of each size and route, and yield one of each in turn.

    The order of records is another one in each turn, so that the same ones do not come last each
    time that time or permits run out. It is the same for all consumers within a turn: those that
    have the same records cut like batches, of which one gets all leases.
    """
    by_kind: defaultdict[tuple[int, Route], list[Claim]] = defaultdict(list)
    for claim in sorted(claims, key=lambda claim: place(claim.change.record, turn)):
        by_kind[_inputs_max(claim), claim.route].append(claim)
    cuts = [_cut(same, inputs_max) for (inputs_max, _), same in by_kind.items()]
    while cuts:
        ended = []
        for each in cuts:
            batch = next(each, None)
            if batch is None:
                ended.append(each)
            else:
                yield batch
        cuts = [each for each in cuts if each not in ended]


def _cut(claims: Iterable[Claim], inputs_max: int) -> Iterator[list[Claimed]]:
    made = ((claim, write_input(claim.change.record, claim.due)) for claim in claims)
    return cut(made, count=inputs_max, size=lambda each: each[1].size)
