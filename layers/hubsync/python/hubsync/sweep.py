"""Use case: finish what was left behind, when no message will bring the record back.

A holder that died leaves a lease and its readings; a throttled one its readings. Their events come
back from the queue, unless they ended as dead letters that expired. The sweep takes such records,
long after the queue should have, and lets them go through the same protocol without any event.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from hubsync.core.change import Change, RecordKey
from hubsync.core.limits import SWEEP_GRACE_SECONDS
from hubsync.core.records.leased_record import EventId, LeasedRecord
from hubsync.core.records.outcome import Retryable
from hubsync.ports import LedgerScan, Ports, WritePolicy
from hubsync.writer.invocation import Invocation
from hubsync.writer.rounds import OUT_OF_TIME
from hubsync.writer.writer import Writer


class Swept(NamedTuple):
    """What a run came to, and where the next one goes on; None: at the beginning."""

    found: int
    settled: int
    refused: tuple[tuple[EventId, str], ...]  # readings given up, with the code of the reason
    next_start: str | None
    left: int = 0  # what cannot be settled for now; what there was no time for is found again
    is_cycle_over: bool = False  # all of the table was looked through


async def sweep(
    survey: LedgerScan,
    *,
    start: str | None,
    pages: int,
    ports: Ports,
    policy: WritePolicy,
    deadline: float,
) -> Swept:
    """Re-assert what is left of the records found in so many pages; raises Unanswered."""
    invocation = Invocation.begin(
        ports, policy, deadline=deadline, expired=_long_ago, in_hand=_long_ago
    )
    before = invocation.now() - SWEEP_GRACE_SECONDS * 1000
    records, next_start = await survey.left_over(before, start=start, pages=pages)
    leased_records, left = await reassert(records, invocation)
    settled = sum(1 for leased in leased_records if not leased.open and not leased.in_doubt)
    refused = [
        (version.event, reason.code)
        for leased in leased_records
        for (_, version), reason in leased.refused.items()
    ]
    halted = [leased.halted for leased in leased_records] + [retryable.reason for retryable in left]
    # What there was no time for is found again. Where a whole run settles nothing, it moves on, so
    # that what cannot be settled does not hold up all that lies behind.
    again = OUT_OF_TIME in halted and settled > 0
    return Swept(
        len(records),
        settled,
        tuple(sorted(set(refused))),
        start if again else next_start,
        left=0 if again else len(records) - settled,
        is_cycle_over=next_start is None and not again,
    )


async def reassert(
    records: Sequence[RecordKey], invocation: Invocation
) -> tuple[list[LeasedRecord], list[Retryable]]:
    """Write what is pending of records, one account after the other, in an order of no account's.

    Return how far records came, and why the others were not begun.
    """
    by_account: defaultdict[str, list[Change]] = defaultdict(list)
    for record in records:
        by_account[record.account].append(Change(record, {}))
    leased_records: list[LeasedRecord] = []
    left: list[Retryable] = []
    accounts = [*by_account.values()]
    invocation.ports.random.shuffle(accounts)
    for changes in accounts:
        writer = Writer(invocation)
        await writer.write(changes)
        leased_records += writer.leased_records.values()
        left += writer.left.values()
    return leased_records, left


def _long_ago(_event: EventId) -> bool:
    # What the sweep finds was left more than its grace ago, so nothing of it is waited for; and the
    # sweep itself reports what is given up.
    return True
