"""What the ledger costs a consumer in CPU: one read and two writes for each record."""

import asyncio
import gc
import resource
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import boto3

from hubsync.core.change import ARCHIVED, NO, Change, Reading, RecordKey, Version
from hubsync.core.hubspot.reply import Confirmed
from hubsync.core.records import entry as ledger
from hubsync.core.records import entry_codec
from hubsync.core.records.entry import ABSENT, Entry, Rev
from hubsync.core.records.leased_record import LeasedRecord
from hubsync.edge.aws_clients import CONFIG
from hubsync.edge.ledger import DynamoLedger, item_key
from hubsync.ports import LedgerWrite
from hubsync_bench.figures import Figure, Section
from hubsync_bench.processes import stand_in

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

RECORDS = 100  # in a call
BATCHES = 20
ROUNDS = 6
TARGET_US = 140
PROPERTIES = ("firstname", "lastname", "phone", "city", "company")


ABOUT = f"""
CPU of the ledger's client for each record it reads once and writes twice, a hundred records a call,
each with five properties. DynamoDB is another process. The least of {ROUNDS} rounds counts.
"""


class Work(NamedTuple):
    """What a batch asks of the ledger."""

    records: Sequence[RecordKey]
    acquires: Sequence[LedgerWrite]
    releases: Sequence[LedgerWrite]


def section() -> Section:
    return Section("Ledger", ABOUT, list(_figures()))


def _figures() -> Iterator[Figure]:
    with stand_in("aws") as url:
        client = dynamodb(url)
        _round(client, ROUNDS)  # warms
        rounds = [_round(client, number) for number in range(ROUNDS)]
    ours, boto3s, packing, calls = map(min, zip(*rounds, strict=True))
    yield Figure("ledger, per record", ours, "us", at_most=TARGET_US)
    yield Figure("... of that, packing the entry twice", packing, "us")
    yield Figure("... of that, three calls with nothing in them", calls, "us")
    yield Figure("the same items by boto3 as it is, in one thread", boto3s, "us")
    yield Figure("ledger / boto3 as it is", ours / boto3s, tracked=True)


def _round(client: "DynamoDBClient", number: int) -> tuple[float, ...]:
    """Return what each takes for a record, in microseconds."""
    first = number * 2 * BATCHES
    works, others = (
        [_work(start + each) for each in range(BATCHES)] for start in (first, first + BATCHES)
    )
    ledger = DynamoLedger(client, "state", random=Random(0))  # noqa: S311 - jitter
    return (
        _us_each(lambda: asyncio.run(_through(ledger, works))),
        _us_each(lambda: _through_boto3(client, others)),
        _us_each(lambda: _pack(works)),
        _us_each(lambda: _call(client, 3 * BATCHES)),
    )


def _us_each(act: Callable[[], None]) -> float:
    gc.collect()  # What was before is not measured.
    before = _cpu_seconds()
    act()
    return (_cpu_seconds() - before) / (BATCHES * RECORDS) * 1e6


def dynamodb(url: str) -> "DynamoDBClient":
    """Connect as shipped, but for the address."""
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",  # noqa: S106 - nobody checks it
        config=CONFIG,
    )


async def _through(ledger: DynamoLedger, works: Iterable[Work]) -> None:
    for work in works:
        await ledger.read(work.records)
        lost = await ledger.write(work.acquires) | await ledger.write(work.releases)
        assert not lost


def _through_boto3(client: "DynamoDBClient", works: Iterable[Work]) -> None:
    """Read and write the same items by what boto3 offers for it."""
    for work in works:
        keys = [{"pk": {"S": item_key(record)}} for record in work.records]
        client.batch_get_item(RequestItems={"state": {"Keys": keys}})
        for writes in (work.acquires, work.releases):
            client.transact_write_items(TransactItems=[_put(each) for each in writes])


def _put(write: LedgerWrite) -> "TransactWriteItemTypeDef":
    return {
        "Put": {
            "TableName": "state",
            "Item": {
                "pk": {"S": item_key(write.record)},
                "rev": {"S": write.entry.rev},
                "entry": {"B": entry_codec.encode(write.entry)},
            },
        }
    }


def _work(number: int) -> Work:
    changes = [_change(number * RECORDS + each) for each in range(RECORDS)]
    leased_records = [LeasedRecord.begin(change, _acquired(change)) for change in changes]
    acquires = [LedgerWrite(a.record, a.entry, ABSENT) for a in leased_records]
    for leased in leased_records:
        leased.confirm(leased.due(), Confirmed("171500000001"), "0" * 32)
        leased.release(rev=Rev("2" * 24), now=0)
    releases = [LedgerWrite(a.record, a.entry, Rev("1" * 24)) for a in leased_records]
    return Work([change.record for change in changes], acquires, releases)


def _acquired(change: Change) -> Entry:
    return ledger.acquired(Entry(), change, rev=Rev("1" * 24), lease_until=1_795_000_425_000)


def _change(number: int) -> Change:
    version = Version(1_795_000_000_000_000 + number, 0, "changes", f"evt_{number:08d}", "0" * 16)
    readings = {name: (Reading(version, f"value {number}", upsert=True),) for name in PROPERTIES}
    readings[ARCHIVED] = (Reading(version, NO, upsert=True),)
    return Change(RecordKey("main", "0-1", "email", f"person-{number}@example.com"), readings)


def _pack(works: Iterable[Work]) -> None:
    for work in works:
        for write in (*work.acquires, *work.releases):
            entry_codec.encode(write.entry)


def _call(client: "DynamoDBClient", times: int) -> None:
    """Call with nothing in it: what boto3 takes for a call, whatever it holds."""
    for _ in range(times):
        client.batch_get_item(RequestItems={"state": {"Keys": [{"pk": {"S": "nobody"}}]}})


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
