"""What a ledger does, on the one in memory and on the one in DynamoDB alike."""

import asyncio
import json
import uuid
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Thread

import boto3
import pytest
from botocore.config import Config

from hubsync.core.change import RecordKey
from hubsync.core.limits import ENTRY_BYTES_MAX
from hubsync.core.records.entry import (
    ABSENT,
    Entry,
    Rev,
    Watched,
    acquired,
    audited,
    confirmed,
    refused,
    released,
    watching,
)
from hubsync.edge.ledger import Bookmark, DynamoLedger, item_key
from hubsync.errors import Unanswered
from hubsync.ports import LedgerWrite
from hubsync_local import processes
from hubsync_local.in_memory import MemoryLedger
from hubsync_local.template.reader import read_template
from tests.builders import a_change, a_reading, a_version

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
R1, R2, R3 = Rev("r1"), Rev("r2"), Rev("r3")


@pytest.fixture(params=["moto", "dynoxide"])
def dynamo(request):
    return request.getfixturevalue(f"ledger_in_{request.param}")


@pytest.fixture(params=["memory", "moto", "dynoxide"])
def ledger(request):
    if request.param == "memory":
        return MemoryLedger(page=3)
    return request.getfixturevalue(f"ledger_in_{request.param}")


@pytest.fixture(scope="session")
def ledger_in_moto(local_aws):
    return ledger_in(local_aws)


@pytest.fixture(scope="session")
def ledger_in_dynoxide(aws_with_dynoxide):
    return ledger_in(aws_with_dynoxide)


def ledger_in(some_aws):
    table = read_template(TEMPLATE, aws=some_aws.endpoint, stack="ledger").tables["StateTable"]
    some_aws.build_table(table)
    return DynamoLedger(some_aws.dynamodb, table.name, random=Random(0))


@pytest.fixture
def record():
    """Makes record keys of an account that no other test has."""
    account = uuid.uuid4().hex
    return lambda id_="ada@example.com", *of: RecordKey(account, *(of or ("0-1", "email")), id_)


def write(ledger, *writes):
    return asyncio.run(ledger.write([LedgerWrite(*each) for each in writes]))


def read(ledger, *records):
    return asyncio.run(ledger.read(records))


def test_a_record_never_written_has_the_default_entry(ledger, record):
    assert read(ledger, record()) == {record(): Entry()}


def test_no_records_have_no_entries(ledger):
    assert read(ledger) == {}
    assert write(ledger) == frozenset()


def test_an_entry_is_read_as_it_was_written(ledger, record):
    entry = Entry(
        R1,
        lease_until=1_795_262_825_000,
        synced={"phone": a_version()},
        pending={"city": (a_reading("Z\u00fcrich \U0001f680", 2, upsert=True), a_reading(""))},
        archived=True,
        doubts=2,
        doubted_at=1_795_262_800_000,
        hubspot_id="512",
        trace_id="t",
        due_at=1_795_262_825_001,
        watched={"phone": Watched(a_reading("1"), "+1")},
        watched_until=1_795_266_425_000,
    )
    assert write(ledger, (record(), entry, ABSENT)) == frozenset()
    assert read(ledger, record()) == {record(): entry}


def test_an_entry_is_replaced_whole(ledger, record):
    write(ledger, (record(), Entry(R1, lease_until=5, doubts=1, hubspot_id="512"), ABSENT))
    write(ledger, (record(), Entry(R2), R1))
    assert read(ledger, record()) == {record(): Entry(R2)}


@pytest.mark.parametrize("expected", [ABSENT, R2], ids=["absent", "another rev"])
def test_a_write_whose_condition_fails_changes_nothing(ledger, record, expected):
    write(ledger, (record(), Entry(R1), ABSENT))
    assert write(ledger, (record(), Entry(R3), expected)) == {record()}
    assert read(ledger, record()) == {record(): Entry(R1)}


def test_a_rev_expected_of_a_record_that_is_not_there_fails(ledger, record):
    assert write(ledger, (record(), Entry(R2), R1)) == {record()}
    assert read(ledger, record()) == {record(): Entry()}


def test_losers_do_not_take_others_along(ledger, record):
    records = [record(f"c{n}") for n in range(10)]
    losers = frozenset(records[n] for n in (0, 4, 9))
    write(ledger, *((loser, Entry(R1), ABSENT) for loser in losers))
    assert write(ledger, *((each, Entry(R2), ABSENT) for each in records)) == losers
    assert read(ledger, *records) == {each: Entry(R1 if each in losers else R2) for each in records}


def test_more_than_100_records_are_read_and_written(ledger, record):
    records = [record(f"c{n}") for n in range(250)]
    losers = frozenset(records[n] for n in (0, 99, 100, 249))
    write(ledger, *((loser, Entry(R1), ABSENT) for loser in losers))
    writes = ((each, Entry(R2, doubts=n), ABSENT) for n, each in enumerate(records))
    assert write(ledger, *writes) == losers
    entries = read(ledger, *records)
    assert list(entries) == records
    assert sum(entry.rev == R2 for entry in entries.values()) == 246
    assert entries[records[123]] == Entry(R2, doubts=123)


def test_a_hundred_records_are_read_in_one_call_and_written_in_one(dynamo, record):
    records = [record(f"c{n}") for n in range(100)]
    calls = []

    def count(model, **_given):
        calls.append(model.name)

    events = dynamo._dynamodb.meta.events  # noqa: SLF001 - boto3's own hook, before each call
    events.register("before-call.dynamodb", count)
    read(dynamo, *records)
    write(dynamo, *((each, Entry(R1), ABSENT) for each in records))
    write(dynamo, *((each, Entry(R2), R1) for each in records))
    events.unregister("before-call.dynamodb", count)
    assert calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]


def test_writes_larger_than_one_transaction_are_written(ledger, record):
    records = [record(f"c{n}") for n in range(30)]
    pending = {"notes": (a_reading("x" * 200_000),)}
    assert write(ledger, *((each, Entry(R1, pending=pending), ABSENT) for each in records)) == (
        frozenset()
    )
    assert {entry.rev for entry in read(ledger, *records).values()} == {R1}


def test_every_part_of_a_key_tells_records_apart(ledger, record):
    long = "x" * 3_000
    account = record().account
    records = [
        record("1"),
        record("1", "0-1", "external_id"),
        record("1", "0-2", "email"),
        RecordKey(f"{account}-b", "0-1", "email", "1"),
        record("a#b"),
        record("a%23b"),
        record("a%2523b"),
        RecordKey(account, "0-1", "email#a", "b"),
        RecordKey(account, "0-1", "email", "a#b#"),
        record(f"{long}1"),
        record(f"{long}2"),
        record(sha256(f"{long}1".encode()).hexdigest()),
        record(f"sha256:{sha256(f'{long}1'.encode()).hexdigest()}"),
        record("\u00fc" * 1_100),
        record("Z\u00fcrich \U0001f680"),
    ]
    writes = [(each, Entry(Rev(f"r{n}")), ABSENT) for n, each in enumerate(records)]
    assert write(ledger, *writes) == frozenset()
    assert read(ledger, *records) == {each: entry for each, entry, _ in writes}


def test_of_many_who_want_a_lease_at_once_one_gets_it(ledger, record):
    write(ledger, (record(), Entry(R1), ABSENT))

    async def race():
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(ledger.write([LedgerWrite(record(), Entry(Rev(f"n{n}")), R1)]))
                for n in range(5)
            ]
        return [task.result() for task in tasks]

    lost = asyncio.run(race())
    assert sorted(map(len, lost)) == [0, 1, 1, 1, 1]
    assert read(ledger, record())[record()].rev == f"n{lost.index(frozenset())}"


def test_what_was_left_behind_is_found_from_its_due_time_on(ledger, record):
    for n, due_at in enumerate((0, 1_000, 2_000)):
        write(ledger, (record(f"c{n}"), Entry(R1, due_at=due_at), ABSENT))
    ours = {record(f"c{n}") for n in range(3)}

    def left_over(before):
        found, _ = asyncio.run(ledger.left_over(before, start=None, pages=100))
        return set(found) & ours

    assert left_over(1_000) == set()
    assert left_over(1_001) == {record("c1")}
    assert left_over(2_001) == {record("c1"), record("c2")}
    write(ledger, (record("c1"), Entry(R2), R1))
    assert left_over(2_001) == {record("c2")}


def test_a_scan_goes_on_from_where_the_last_one_ended(ledger, record):
    # In DynamoDB a page has 1 MB.
    left = {"notes": (a_reading("x" * 250_000),)}
    records = [record(f"c{n}") for n in range(9)]
    for each in records:
        write(ledger, (each, Entry(R1, pending=left, due_at=1), ABSENT))
    found, start, runs = [], None, 0
    while start is not None or not runs:
        some, start = asyncio.run(ledger.left_over(2, start=start, pages=1))
        found += some
        runs += 1
    assert runs >= 3
    assert sorted(each for each in found if each in records) == records
    write(ledger, *((each, Entry(R2), R1) for each in records))


def test_a_watch_is_found_once_it_is_over_the_longest_ago_first(ledger, record):
    for n, until in enumerate((0, 30, 10, 20)):
        write(ledger, (record(f"c{n}"), Entry(R1, watched_until=until), ABSENT))

    def watched(before, most=100):
        return asyncio.run(ledger.watched(before, most=most))

    assert watched(10) == []
    assert watched(31) == [record("c2"), record("c3"), record("c1")]
    assert watched(31, most=2) == [record("c2"), record("c3")]
    for n in (1, 2, 3):
        write(ledger, (record(f"c{n}"), Entry(R2), R1))
    assert watched(31) == []


def test_the_sweep_finds_its_place_again(dynamo):
    assert asyncio.run(dynamo.bookmark()) == Bookmark()
    for place in (Bookmark("record#main", 3), Bookmark("record#other"), Bookmark()):
        asyncio.run(dynamo.set_bookmark(place))
        assert asyncio.run(dynamo.bookmark()) == place


def test_the_sweeps_place_is_no_record_to_sweep(dynamo):
    def scan():
        return asyncio.run(dynamo.left_over(10**15, start=None, pages=100))

    before = scan()
    asyncio.run(dynamo.set_bookmark(Bookmark("record#main")))
    assert scan() == before
    asyncio.run(dynamo.set_bookmark(Bookmark()))


# What is in an item at rest


def raw(ledger, record):
    """All that is stored of a record, as bytes."""
    if isinstance(ledger, MemoryLedger):
        return repr(ledger.items[record]).encode()
    key = {"pk": {"S": item_key(record)}}
    answer = ledger._dynamodb.get_item(TableName=ledger._table, Key=key)  # noqa: SLF001 - the bytes themselves
    return repr(answer["Item"]).encode()


def holds_values(ledger, record):
    text = raw(ledger, record)
    shown, sent = b"+43 1 5309" in text, b"004315309" in text
    assert shown <= sent, "what HubSpot shows is kept beside what was sent"
    return sent


PHONE = {"phone": a_reading("004315309")}
TOLD = {"phone": Watched(PHONE["phone"], "+43 1 5309")}


def taken(entry, rev):
    """The entry under a lease, with what is about to be sent."""
    return acquired(entry, a_change(**PHONE), rev=rev, lease_until=1_795_262_825_000)


def told(entry, rev):
    """The entry after HubSpot took what was pending, released."""
    settled = confirmed(entry, PHONE, hubspot_id="512", trace_id="t")
    watched = watching(settled, TOLD, doubted=True, now=1_795_262_825_000)
    return released(watched, rev=rev, now=1_795_262_825_000)


def test_at_rest_an_item_holds_versions_and_no_value(ledger, record):
    held = taken(Entry(), R1)
    write(ledger, (record(), held, ABSENT))
    assert holds_values(ledger, record())
    settled = confirmed(held, PHONE, hubspot_id="512", trace_id="t")
    write(ledger, (record(), released(settled, rev=R2, now=1), R1))
    assert not holds_values(ledger, record())
    entry = read(ledger, record())[record()]
    assert entry == Entry(
        R2, synced={"phone": PHONE["phone"].version}, hubspot_id="512", trace_id="t"
    )


def test_a_refused_value_is_not_kept_either(ledger, record):
    held = taken(Entry(), R1)
    write(ledger, (record(), held, ABSENT))
    write(
        ledger,
        (record(), released(refused(held, {("phone", PHONE["phone"].version)}), rev=R2, now=1), R1),
    )
    assert not holds_values(ledger, record())


def test_after_a_doubt_values_are_kept_until_the_audit_has_seen_them(ledger, record):
    doubtful = taken(taken(Entry(), R1), R2)
    write(ledger, (record(), doubtful, ABSENT))
    watching = told(doubtful, R3)
    write(ledger, (record(), watching, R2))
    assert holds_values(ledger, record())
    assert record() in asyncio.run(ledger.watched(watching.watched_until + 1, most=1000))
    seen = audited(watching, {}, rev=R1, now=watching.watched_until + 1)
    write(ledger, (record(), seen, R3))
    assert not holds_values(ledger, record())
    assert record() not in asyncio.run(ledger.watched(watching.watched_until + 1, most=1000))


def test_a_call_without_an_answer_says_so(record):
    client = boto3.client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{processes.free_port(0)}",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )
    ledger = DynamoLedger(client, "nowhere", random=Random(0))
    with pytest.raises(Unanswered):
        read(ledger, record())
    with pytest.raises(Unanswered):
        write(ledger, (record(), Entry(R1), ABSENT))
    with pytest.raises(Unanswered):
        asyncio.run(ledger.watched(1, most=1))
    with pytest.raises(Unanswered):
        asyncio.run(ledger.left_over(1, start=None, pages=1))
    with pytest.raises(Unanswered):
        asyncio.run(ledger.bookmark())
    with pytest.raises(Unanswered):
        asyncio.run(ledger.set_bookmark(Bookmark()))


def test_a_table_that_is_not_there_is_no_empty_ledger(local_aws, record):
    ledger = DynamoLedger(local_aws.dynamodb, "nowhere", random=Random(0))
    with pytest.raises(Unanswered):
        read(ledger, record())
    with pytest.raises(Unanswered):
        write(ledger, (record(), Entry(R1), ABSENT))


def test_keys_left_over_are_asked_for_as_long_as_some_come(record):
    records = [record(str(n)) for n in range(8)]

    class OneAtATime(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            [(table, asked)] = body["RequestItems"].items()
            left = {table: asked | {"Keys": asked["Keys"][1:]}} if asked["Keys"][1:] else {}
            answer = json.dumps({"Responses": {table: []}, "UnprocessedKeys": left}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_given): ...

    with ThreadingHTTPServer(("127.0.0.1", 0), OneAtATime) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        client = boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{server.server_port}",
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        found = read(DynamoLedger(client, "throttled", random=Random(0)), *records)
        server.shutdown()
    assert found.keys() == set(records)


def test_an_entry_that_no_item_can_hold_takes_no_other_with_it(ledger, record):
    full = Entry(R1, pending={"notes": (a_reading("x" * ENTRY_BYTES_MAX),)})
    lost = write(ledger, (record("full"), full, ABSENT), (record("small"), Entry(R1), ABSENT))
    assert lost == {record("full")}
    assert read(ledger, record("full"), record("small")) == {
        record("full"): Entry(),
        record("small"): Entry(R1),
    }
