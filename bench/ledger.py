"""What the ledger costs a consumer in CPU: one read and two writes for each record."""

import asyncio
import gc
import resource
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import boto3

from bench.figures import Figure, Section
from bench.processes import stand_in
from hubsync.core import entry_codec, ledger
from hubsync.core.attempt import Attempt
from hubsync.core.change import ARCHIVED, NO, Change, Reading, RecordKey, Version
from hubsync.core.ledger import ABSENT, Entry, Rev
from hubsync.core.reply import Vouched
from hubsync.edge.aws import CONFIG
from hubsync.edge.ledger import DynamoLedger
from hubsync.ports import LedgerWrite

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RECORDS = 100  # in a call
BATCHES = 60
WARM = 10
TARGET_US = 140
PROPERTIES = ("firstname", "lastname", "phone", "city", "company")


ABOUT = """
CPU of the ledger's client for each record it reads once and writes twice, a hundred records a call,
each with five properties. DynamoDB is another process.
"""


class Work(NamedTuple):
    """What a batch asks of the ledger."""

    records: Sequence[RecordKey]
    acquires: Sequence[LedgerWrite]
    releases: Sequence[LedgerWrite]


def section() -> Section:
    return Section("Ledger", ABOUT, list(_figures()))


def _figures() -> Iterator[Figure]:
    works = [_work(number) for number in range(WARM + BATCHES)]
    with stand_in("aws") as url:
        client = dynamodb(url)
        asyncio.run(_through(client, works[:WARM]))
        gc.collect()
        before = _cpu_seconds()
        asyncio.run(_through(client, works[WARM:]))
        total = _each(before, BATCHES * RECORDS)
        calls = _calls(client)
    yield Figure("ledger, per record", total, "us", at_most=TARGET_US)
    yield Figure("... of that, packing the entry twice", _packed(works[WARM:]), "us")
    yield Figure("... of that, three calls with nothing in them", 3 * calls / RECORDS, "us")


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


async def _through(client: "DynamoDBClient", works: Iterable[Work]) -> None:
    store = DynamoLedger(client, "state", random=Random(0))  # noqa: S311 - jitter
    for work in works:
        await store.read(work.records)
        lost = await store.write(work.acquires) | await store.write(work.releases)
        assert not lost


def _work(number: int) -> Work:
    changes = [_change(number * RECORDS + each) for each in range(RECORDS)]
    attempts = [Attempt.begin(change, _acquired(change)) for change in changes]
    acquires = [LedgerWrite(a.record, a.entry, ABSENT) for a in attempts]
    for attempt in attempts:
        attempt.vouch(attempt.due(), Vouched("171500000001"), "0" * 32)
        attempt.release(rev=Rev("2" * 24), now=0)
    releases = [LedgerWrite(a.record, a.entry, Rev("1" * 24)) for a in attempts]
    return Work([change.record for change in changes], acquires, releases)


def _acquired(change: Change) -> Entry:
    return ledger.acquired(Entry(), change, rev=Rev("1" * 24), lease_until=1_795_000_425_000)


def _change(number: int) -> Change:
    version = Version(1_795_000_000_000_000 + number, 0, "changes", f"evt_{number:08d}", "0" * 16)
    readings = {name: (Reading(version, f"value {number}", upsert=True),) for name in PROPERTIES}
    readings[ARCHIVED] = (Reading(version, NO, upsert=True),)
    return Change(RecordKey("main", "0-1", "email", f"person-{number}@example.com"), readings)


def _packed(works: Sequence[Work]) -> float:
    before = _cpu_seconds()
    for work in works:
        for write in (*work.acquires, *work.releases):
            entry_codec.encode(write.entry)
    return _each(before, len(works) * RECORDS)


def _calls(client: "DynamoDBClient") -> float:
    """Measure what boto3 takes for a call whatever is in it."""
    before = _cpu_seconds()
    for _ in range(BATCHES):
        client.batch_get_item(RequestItems={"state": {"Keys": [{"pk": {"S": "nobody"}}]}})
    return _each(before, BATCHES)


def _each(before: float, count: int) -> float:
    return (_cpu_seconds() - before) / count * 1e6


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
