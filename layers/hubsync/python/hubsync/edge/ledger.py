"""The ledger in DynamoDB: one item for each record, read and written a hundred at a time.

An item is a key, what conditions and queries look at, and one binary attribute with the rest: what
is packed is marshalled once, where a map would cost as much for every reading. Writes replace the
whole item on the condition that its `rev` is the expected one.
"""

import asyncio
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import batched, chain
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.change import RecordKey
from hubsync.core.limits import (
    ENTRY_BYTES_MAX,
    READS_AT_ONCE_MAX,
    TRANSACTION_BYTES_MAX,
    TRANSACTION_ITEMS_MAX,
)
from hubsync.core.records.entry import ABSENT, Entry, Rev
from hubsync.core.records.entry_codec import decode, encode
from hubsync.edge.dynamodb_json import Wire
from hubsync.errors import Unanswered
from hubsync.ports import LedgerWrite

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES_MAX: Final = 3
_KEY_BYTES_MAX: Final = 2048  # Documented: a partition key's limit.
_CONDITION_FAILED: Final = "ConditionalCheckFailed"
_WAIT_SECONDS: Final = 0.2
WATCHED_INDEX: Final = "watched"
_YES: Final = "1"
_HASHED: Final = "%%"
_BOOKMARK: Final[dict[str, Any]] = {"pk": {"S": "sweep"}}


def item_key(record: RecordKey) -> str:
    """Return the partition key of a record's item; an id too long for one is hashed."""
    account, object_type, id_property, id_ = record
    kind = _kind(account, object_type, id_property)
    key = kind + _escaped(id_)
    if len(key) <= _KEY_BYTES_MAX // 4 or len(key.encode()) <= _KEY_BYTES_MAX:
        return key
    # Escaped text never has %% in it, so no id can be spelled to meet another's digest.
    return kind + _HASHED + sha256(id_.encode()).hexdigest()


@lru_cache(maxsize=256)  # There are few, and a key is made three times for each record.
def _kind(*parts: str) -> str:
    """Return what the keys of a kind of records begin with."""
    return "".join(part + "#" for part in ("record", *map(_escaped, parts)))


def _escaped(part: str) -> str:
    return part.replace("%", "%25").replace("#", "%23") if "%" in part or "#" in part else part


def _unescaped(part: str) -> str:
    return part.replace("%23", "#").replace("%25", "%")


class Bookmark(NamedTuple):
    """Where a cycle of sweeps is: `start` is None at its beginning.

    `left` counts the records that the cycle has found and could not settle.
    """

    start: str | None = None
    left: int = 0


class DynamoLedger:
    """The ledger of all accounts in one table. botocore blocks, so calls run in awaited threads."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, *, random: Random) -> None:
        self._dynamodb = dynamodb
        self._wire = Wire(dynamodb)
        self._table = table
        self._random = random

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        """Return the entry of every record, read eventually consistent; Unanswered if none came.

        A stale entry does no harm: a write on its `rev` fails, and what it says is synced is.
        """
        parts = [*batched(records, TRANSACTION_ITEMS_MAX, strict=False)]
        # Several at once, since nothing can be sent before all of them are here.
        shares = [parts[n::READS_AT_ONCE_MAX] for n in range(min(len(parts), READS_AT_ONCE_MAX))]
        found = await asyncio.gather(*(asyncio.to_thread(self._read_all, each) for each in shares))
        return dict(chain.from_iterable(each.items() for each in found))

    def _read_all(self, parts: Iterable[Sequence[RecordKey]]) -> dict[RecordKey, Entry]:
        return dict(chain.from_iterable(self._read(part).items() for part in parts))

    def _read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        by_key = {item_key(record): record for record in records}
        entries = dict.fromkeys(records, Entry())
        wanted = [{"pk": {"S": key}} for key in by_key]
        in_vain = 0
        while in_vain < TRIES_MAX:
            try:
                answer = self._wire.batch_get_item(self._table, wanted)
            except (BotoCoreError, ClientError) as error:
                raise Unanswered("the ledger could not be read") from error
            if "Responses" not in answer:  # botocore passes over what is no JSON.
                raise Unanswered("the ledger's answer cannot be read")
            for item in answer["Responses"].get(self._table, []):
                entries[by_key[item["pk"]["S"]]] = _entry(item)
            left = answer.get("UnprocessedKeys", {}).get(self._table)
            if not left:
                return entries
            # A throttle, or items of over 16 MB: it goes on for as long as anything comes.
            in_vain = 0 if len(left["Keys"]) < len(wanted) else in_vain + 1
            wanted = left["Keys"]
            time.sleep(_WAIT_SECONDS * self._random.uniform(0.5, 2**in_vain))
        raise Unanswered("the ledger is throttled")

    async def left_over(
        self, before: int, *, start: str | None, pages: int
    ) -> tuple[list[RecordKey], str | None]:
        """Scan for records that were left with a lease or readings, due before a moment in ms.

        Reads at most so many pages of 1 MB from `start` on, and returns where to go on; None at the
        end. A scan, since an index on what is in progress would cost two more writes a record.
        """
        return await asyncio.to_thread(self._left_over, before, start, pages)

    def _left_over(
        self, before: int, start: str | None, pages: int
    ) -> tuple[list[RecordKey], str | None]:
        found: list[RecordKey] = []
        request: dict[str, Any] = {
            "TableName": self._table,
            "FilterExpression": "due_at < :before",
            "ExpressionAttributeValues": {":before": {"N": str(before)}},
        }
        for _ in range(pages):
            if start is not None:
                request["ExclusiveStartKey"] = {"pk": {"S": start}}
            try:
                answer = self._dynamodb.scan(**request)
            except (BotoCoreError, ClientError) as error:
                raise Unanswered("the ledger could not be scanned") from error
            found += map(_record, answer["Items"])
            start = answer.get("LastEvaluatedKey", {}).get("pk", {}).get("S")
            if start is None:
                break
        return found, start

    async def bookmark(self) -> Bookmark:
        """Return where the last scan ended, and what its cycle had left until then."""
        return await asyncio.to_thread(self._bookmark)

    def _bookmark(self) -> Bookmark:
        try:
            answer = self._dynamodb.get_item(TableName=self._table, Key=_BOOKMARK)
        except (BotoCoreError, ClientError) as error:
            raise Unanswered("the sweep's bookmark could not be read") from error
        item = answer.get("Item", {})
        return Bookmark(item.get("start", {}).get("S"), _number(item, "left"))

    async def set_bookmark(self, bookmark: Bookmark) -> None:
        await asyncio.to_thread(self._set_bookmark, bookmark)

    def _set_bookmark(self, bookmark: Bookmark) -> None:
        item = _BOOKMARK | {"left": {"N": str(bookmark.left)}}
        if bookmark.start is not None:
            item["start"] = {"S": bookmark.start}
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item)
        except (BotoCoreError, ClientError) as error:
            raise Unanswered("the sweep's bookmark could not be written") from error

    async def watched(self, before: int, *, most: int) -> list[RecordKey]:
        """Return records whose watch ended before a moment in ms, longest ago first."""
        return await asyncio.to_thread(self._watched, before, most)

    def _watched(self, before: int, most: int) -> list[RecordKey]:
        try:
            answer = self._dynamodb.query(
                TableName=self._table,
                IndexName=WATCHED_INDEX,
                KeyConditionExpression="watching = :yes AND watched_until < :before",
                ExpressionAttributeValues={":yes": {"S": _YES}, ":before": {"N": str(before)}},
                Limit=most,
            )
        except (BotoCoreError, ClientError) as error:
            raise Unanswered("the index of watched records could not be read") from error
        return [_record(item) for item in answer["Items"]]

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:
        """Write entries on their conditions; return the records whose condition failed.

        An entry too large for an item is lost like those, and takes no other with it.
        """
        lost: set[RecordKey] = set()
        for some in _transactions(writes, self._table, lost):
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
            self._wire.transact_write_items(self._table, puts)
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            return [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
        except (BotoCoreError, ClientError) as error:
            raise Unanswered("the ledger could not be written") from error
        return []


def _transactions(
    writes: Sequence[LedgerWrite], table: str, too_large: set[RecordKey]
) -> Iterator[dict[RecordKey, dict[str, Any]]]:
    """Cut writes into transactions of at most 100 items and 3.5 MB.

    An entry that no item can hold would make its whole transaction fail: it is left out, and its
    record put into `too_large`.
    """
    some: dict[RecordKey, dict[str, Any]] = {}
    size = 0
    for write in writes:
        packed = encode(write.entry)
        if len(packed) > ENTRY_BYTES_MAX:
            too_large.add(write.record)
            continue
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
    item: dict[str, Any] = {
        "pk": {"S": item_key(write.record)},
        "rev": {"S": entry.rev},
        "entry": {"B": b64encode(packed).decode()},
    }
    if _HASHED in item["pk"]["S"]:
        item["record"] = {"S": json.dumps(write.record)}  # The key holds but a digest of its id.
    if entry.due_at:
        item["due_at"] = {"N": str(entry.due_at)}
    if entry.watched_until:
        item["watching"] = {"S": _YES}
        item["watched_until"] = {"N": str(entry.watched_until)}
    put = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    if write.expected != ABSENT:
        put["ConditionExpression"] = "rev = :rev"
        put["ExpressionAttributeValues"] = {":rev": {"S": write.expected}}
    return put


def _entry(item: Any) -> Entry:  # noqa: ANN401 - DynamoDB's own shape
    return decode(
        b64decode(item["entry"]["B"]),
        rev=Rev(item["rev"]["S"]),
        due_at=_number(item, "due_at"),
        watched_until=_number(item, "watched_until"),
    )


def _number(item: Any, name: str) -> int:  # noqa: ANN401
    return int(item[name]["N"]) if name in item else 0


def _record(item: Any) -> RecordKey:  # noqa: ANN401
    if "record" in item:
        return RecordKey(*json.loads(item["record"]["S"]))
    return RecordKey(*map(_unescaped, item["pk"]["S"].split("#")[1:]))
