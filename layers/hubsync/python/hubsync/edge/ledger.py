"""The ledger in DynamoDB: one item for each record, read and written a hundred at a time.

An item is a key, `rev`, `lease_until` and one binary attribute with the rest: what is packed is
marshalled once, where a map would cost as much for every reading. Writes replace the whole item on
the condition that its `rev` is the expected one.
"""

import asyncio
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import batched
from random import Random
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.change import RecordKey
from hubsync.core.entry_codec import decode, encode
from hubsync.core.ledger import ABSENT, Entry, Rev
from hubsync.core.limits import TRANSACTION_BYTES_MAX, TRANSACTION_ITEMS_MAX
from hubsync.errors import Unanswered
from hubsync.ports import LedgerWrite

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES_MAX: Final = 3
_KEY_BYTES_MAX: Final = 2048  # Documented: a partition key's limit.
_CONDITION_FAILED: Final = "ConditionalCheckFailed"
_WAIT_SECONDS: Final = 0.2


def item_key(record: RecordKey) -> str:
    """Return the partition key of a record's item; an id too long for one is hashed."""
    key = "record#" + "#".join(map(_escaped, record))
    if len(key.encode()) <= _KEY_BYTES_MAX:
        return key
    return "record#" + "#".join((*record[:3], "sha256:" + sha256(record.id.encode()).hexdigest()))


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("#", "%23")


class DynamoLedger:
    """The ledger of all accounts in one table. boto3 blocks, so calls run in awaited threads."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, *, random: Random) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._random = random

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        """Return the entry of every record, read eventually consistent; Unanswered if none came.

        A stale entry does no harm: a write on its `rev` fails, and what it says is synced is.
        """
        parts = [
            asyncio.to_thread(self._read, some)
            for some in batched(records, TRANSACTION_ITEMS_MAX, strict=False)
        ]
        entries: dict[RecordKey, Entry] = {}
        for part in parts:
            entries |= await part
        return entries

    def _read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        by_key = {item_key(record): record for record in records}
        entries = dict.fromkeys(records, Entry())
        wanted = [{"pk": {"S": key}} for key in by_key]
        for _ in range(TRIES_MAX):
            request = {self._table: {"Keys": wanted}}
            try:
                answer = self._dynamodb.batch_get_item(RequestItems=request)  # type: ignore[arg-type] # same fields
            except (BotoCoreError, ClientError) as error:
                raise Unanswered("the ledger could not be read") from error
            for item in answer["Responses"].get(self._table, []):
                entries[by_key[item["pk"]["S"]]] = _entry(item)
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if not left:
                return entries
            wanted = [dict(key) for key in left["Keys"]]  # type: ignore[arg-type] # as sent
        raise Unanswered("the ledger is throttled")

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:
        """Write entries on their conditions; return the records whose condition failed."""
        lost: set[RecordKey] = set()
        for some in _transactions(writes, self._table):
            lost |= await self._write(some)
        return frozenset(lost)

    async def _write(self, actions: dict[RecordKey, dict[str, Any]]) -> set[RecordKey]:
        """Write all that can be: a transaction fails whole, and names those who made it fail."""
        lost: set[RecordKey] = set()
        waits = 0
        while actions:
            reasons = await asyncio.to_thread(self._transact, list(actions.values()))
            if not reasons:
                return lost
            losers = {
                record
                for record, reason in zip(actions, reasons, strict=True)
                if reason == _CONDITION_FAILED
            }
            lost |= losers
            actions = {record: put for record, put in actions.items() if record not in losers}
            if not losers:
                # A conflict with another transaction, or a throttle: no condition was lost.
                waits += 1
                if waits == TRIES_MAX:
                    raise Unanswered("the ledger could not be written")
                await asyncio.sleep(_WAIT_SECONDS * self._random.uniform(0.5, 2**waits))
        return lost

    def _transact(self, puts: list[dict[str, Any]]) -> list[str]:
        """Write all or nothing; return why not, for each item, or nothing."""
        try:
            self._dynamodb.transact_write_items(TransactItems=puts)  # type: ignore[arg-type] # same fields
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            return [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
        except (BotoCoreError, ClientError) as error:
            raise Unanswered("the ledger could not be written") from error
        return []


def _transactions(
    writes: Sequence[LedgerWrite], table: str
) -> Iterator[dict[RecordKey, dict[str, Any]]]:
    """Cut writes into transactions of at most 100 items and 3.5 MB."""
    some: dict[RecordKey, dict[str, Any]] = {}
    size = 0
    for write in writes:
        packed = encode(write.entry)
        full = len(some) == TRANSACTION_ITEMS_MAX or size + len(packed) > TRANSACTION_BYTES_MAX
        if some and full:
            yield some
            some, size = {}, 0
        some[write.record] = {"Put": _put(write, packed, table)}
        size += len(packed)
    if some:
        yield some


def _put(write: LedgerWrite, packed: bytes, table: str) -> dict[str, Any]:
    entry = write.entry
    put: dict[str, Any] = {
        "TableName": table,
        "Item": {
            "pk": {"S": item_key(write.record)},
            "rev": {"S": entry.rev},
            "lease_until": {"N": str(entry.lease_until)},
            "entry": {"B": packed},
        },
    }
    if write.expected == ABSENT:
        return put | {"ConditionExpression": "attribute_not_exists(pk)"}
    return put | {
        "ConditionExpression": "rev = :rev",
        "ExpressionAttributeValues": {":rev": {"S": write.expected}},
    }


def _entry(item: Any) -> Entry:  # noqa: ANN401 - DynamoDB's own shape
    return decode(
        item["entry"]["B"], rev=Rev(item["rev"]["S"]), lease_until=int(item["lease_until"]["N"])
    )
