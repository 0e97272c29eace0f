"""Ledger and budgets in memory, and permits without a limit, for tests, simulations and figures.

The ledger keeps entries as the bytes that DynamoDB would hold, so that both forget the same things.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hubsync.core.change import RecordKey
from hubsync.core.hubspot.rate_budget import Budget
from hubsync.core.hubspot.reply import ReadResult, Reply, Usage
from hubsync.core.limits import ENTRY_BYTES_MAX
from hubsync.core.records.entry import ABSENT, Entry, Rev
from hubsync.core.records.entry_codec import decode, encode
from hubsync.ports import LedgerWrite, PermitDenied


class Item(NamedTuple):
    rev: Rev
    due_at: int
    watched_until: int
    packed: bytes


class MemoryLedger:
    """`page` is how many records a page of a scan has: DynamoDB's hold 1 MB."""

    def __init__(self, *, page: int = 1000) -> None:
        self.items: dict[RecordKey, Item] = {}
        self._page = page

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        return {record: self.entry(record) for record in records}

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:
        lost = set()
        for write in writes:
            item = self.items.get(write.record)
            entry, packed = write.entry, encode(write.entry)
            stands = write.expected == (ABSENT if item is None else item.rev)
            if stands and len(packed) <= ENTRY_BYTES_MAX:
                self.items[write.record] = Item(
                    entry.rev, entry.due_at, entry.watched_until, packed
                )
            else:
                lost.add(write.record)
        return frozenset(lost)

    def entry(self, record: RecordKey) -> Entry:
        if record not in self.items:
            return Entry()
        item = self.items[record]
        return decode(
            item.packed, rev=item.rev, due_at=item.due_at, watched_until=item.watched_until
        )

    async def left_over(
        self, before: int, *, start: str | None, pages: int
    ) -> tuple[list[RecordKey], str | None]:
        # Entries are never deleted, so a place in their order stays where it is.
        first = 0 if start is None else int(start)
        end = first + pages * self._page
        scanned = list(self.items.items())[first:end]
        due = [record for record, item in scanned if 0 < item.due_at < before]
        return due, str(end) if end < len(self.items) else None

    async def watched(self, before: int, *, most: int) -> list[RecordKey]:
        items = sorted(self.items.items(), key=lambda pair: pair[1].watched_until)
        return [record for record, item in items if 0 < item.watched_until < before][:most]


class Unlimited:
    """Permits for an account without a limit."""

    async def acquire(self, *, seconds: float, urgent: bool = False) -> PermitDenied | None:  # noqa: ARG002
        return None

    async def give_back(self) -> None: ...

    async def observe(self, reply: Reply | ReadResult, *, in_doubt: bool = False) -> None: ...

    def note(self, usage: Usage) -> None: ...


def unlimited(_account: str) -> Unlimited:
    return Unlimited()


class MemoryBudgets:
    """The budgets of all accounts in memory: the twin of those in DynamoDB."""

    def __init__(self) -> None:
        self.budgets: dict[str, Budget] = {}

    async def update[T](self, account: str, change: Callable[[Budget], tuple[Budget, T]]) -> T:
        self.budgets[account], answer = change(self.of(account))
        return answer

    def of(self, account: str) -> Budget:
        return self.budgets.get(account, Budget())
