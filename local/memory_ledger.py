"""The ledger in memory: the twin of the one in DynamoDB, for simulations and tests.

It keeps entries as the bytes that DynamoDB would hold, so that both forget the same things.
"""

from collections.abc import Sequence

from hubsync.core.change import RecordKey
from hubsync.core.entry_codec import decode, encode
from hubsync.core.ledger import ABSENT, Entry, Rev
from hubsync.ports import LedgerWrite


class MemoryLedger:
    def __init__(self) -> None:
        self.items: dict[RecordKey, tuple[Rev, int, bytes]] = {}

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        return {record: self.entry(record) for record in records}

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:
        lost = set()
        for write in writes:
            rev = self.items.get(write.record, (ABSENT,))[0]
            if rev == write.expected:
                entry = write.entry
                self.items[write.record] = (entry.rev, entry.lease_until, encode(entry))
            else:
                lost.add(write.record)
        return frozenset(lost)

    def entry(self, record: RecordKey) -> Entry:
        if record not in self.items:
            return Entry()
        rev, lease_until, packed = self.items[record]
        return decode(packed, rev=rev, lease_until=lease_until)
