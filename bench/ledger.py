"""What the ledger costs a consumer in CPU: one read and two writes for each record."""

import asyncio
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

import boto3

from hubsync.core import entry_codec, ledger
from hubsync.core.attempt import Attempt
from hubsync.core.change import NO, Change, Reading, RecordKey, Version
from hubsync.core.ledger import Rev
from hubsync.core.reply import Vouched
from hubsync.edge.aws import CONFIG
from hubsync.edge.ledger import DynamoLedger
from hubsync.ports import LedgerWrite

RECORDS = 100
BATCHES = 60
WARM = 10
PROPERTIES = ("firstname", "lastname", "phone", "city", "company")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `target` is an upper bound, None where there is none."""

    name: str
    value: float
    unit: str
    target: float | None = None


def rows() -> Iterator[Row]:
    with stand_in() as url:
        yield Row(
            "ledger, client CPU per record: 1 read, 2 writes, 100 a call",
            asyncio.run(_written(url)),
            "us",
            140,
        )
    yield Row("of that, packing the entry twice", _packed(), "us")


@contextmanager
def stand_in() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.dynamodb_stand_in"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def _written(url: str) -> float:
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="y",  # noqa: S106 - nobody checks it
        config=CONFIG,
    )
    store = DynamoLedger(client, "state", random=Random(0))  # noqa: S311 - jitter
    for number in range(WARM):
        await _write_batch(store, number)
    spent = [await _write_batch(store, number) for number in range(WARM, WARM + BATCHES)]
    return sum(spent) / (BATCHES * RECORDS) * 1e6


async def _write_batch(store: DynamoLedger, number: int) -> float:
    """Do what a batch does to the ledger: read, acquire, release; return the calls' CPU seconds."""
    changes = [_change(number * RECORDS + each) for each in range(RECORDS)]
    before = _cpu_seconds()
    entries = await store.read([change.record for change in changes])
    spent = _cpu_seconds() - before
    attempts = [Attempt.begin(each, _acquired(entries[each.record], each)) for each in changes]
    acquire = [LedgerWrite(a.record, a.entry, entries[a.record].rev) for a in attempts]
    release = []
    for attempt in attempts:
        rev = attempt.entry.rev
        attempt.vouch(attempt.due(), Vouched("171500000001"), "0" * 32)
        attempt.release(rev=Rev(f"released {attempt.record.id}"), now=0)
        release.append(LedgerWrite(attempt.record, attempt.entry, rev))
    before = _cpu_seconds()
    assert not await store.write(acquire)
    assert not await store.write(release)
    return spent + _cpu_seconds() - before


def _acquired(entry: ledger.Entry, change: Change) -> ledger.Entry:
    return ledger.acquired(
        entry, change, rev=Rev(f"acquired {change.record.id}"), lease_until=1_795_000_425_000
    )


def _change(number: int) -> Change:
    version = Version(1_795_000_000_000_000 + number, 0, "changes", f"evt_{number:08d}", "0" * 16)
    readings = {name: (Reading(version, f"value {number}", upsert=True),) for name in PROPERTIES}
    readings[":archived"] = (Reading(version, NO, upsert=True),)
    return Change(RecordKey("main", "0-1", "email", f"person-{number}@example.com"), readings)


def _packed() -> float:
    change = _change(0)
    entry = _acquired(ledger.Entry(), change)
    before, runs = _cpu_seconds(), 5_000
    for _ in range(runs):
        packed = entry_codec.encode(entry)
        entry_codec.encode(entry)
    entry_codec.decode(packed, rev=entry.rev, lease_until=0)
    return (_cpu_seconds() - before) / runs * 1e6


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
