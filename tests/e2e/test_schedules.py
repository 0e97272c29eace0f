"""SweepFunction and AuditFunction, as their schedules invoke them, through the whole stack."""

import asyncio
import json
import time
import uuid
from random import Random

import httpx
import pytest

from hubsync.core.change import RecordKey
from hubsync.core.records.entry import ABSENT, Entry, Rev, Watched
from hubsync.edge.ledger import DynamoLedger
from hubsync.ports import LedgerWrite
from hubsync_local.lambda_runtime import Returned
from tests.builders import a_reading

LONG_AGO = 1


@pytest.fixture
def ledger(driver):
    driver.settle()
    return DynamoLedger(driver.stack.aws.dynamodb, driver.stack.ready["table"], random=Random(0))


@pytest.fixture
def email():
    return f"{uuid.uuid4().hex}@example.com"


def write(ledger, email, entry):
    record = RecordKey("main", "0-1", "email", email)
    lost = asyncio.run(ledger.write([LedgerWrite(record, entry, ABSENT)]))
    assert lost == frozenset()
    return lambda: asyncio.run(ledger.read([record]))[record]


def upsert(driver, email, **properties):
    """Write to HubSpot past the ledger, with the app's own token."""
    item = {"id": email, "idProperty": "email", "properties": properties}
    url = f"{driver.stack.ready['hubspot']}/crm/objects/2026-03/contacts/batch/upsert"
    headers = {"Authorization": "Bearer token"}
    httpx.post(url, json={"inputs": [item]}, headers=headers).raise_for_status()


def metrics(driver, function):
    """The metrics of a function's last run."""
    lines = driver.stack.runtimes[function].log.read_text().splitlines()
    found = [json.loads(line) for line in lines if '"_aws"' in line][-1]
    names = [each["Name"] for each in found["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
    return {name: sum(found[name]) for name in names}


SWEPT = {"CycleLeftOver": 0}


def test_the_sweep_function_finishes_what_a_dead_holder_left(driver, ledger, email):
    pending = {"phone": (a_reading("1", upsert=True),)}
    read = write(
        ledger, email, Entry(Rev("r"), lease_until=LONG_AGO, due_at=LONG_AGO, pending=pending)
    )
    assert driver.stack.runtimes["SweepFunction"].invoke({}) == Returned(None)
    assert driver.contacts()[email]["phone"] == "1"
    assert read().clean
    assert metrics(driver, "SweepFunction") == SWEPT | {"RecordsLeftOver": 1, "RecordsSwept": 1}
    assert driver.stack.runtimes["SweepFunction"].invoke({}) == Returned(None)
    assert metrics(driver, "SweepFunction") == SWEPT | {"RecordsLeftOver": 0, "RecordsSwept": 0}


def test_the_audit_function_writes_back_what_an_older_value_covered(driver, ledger, email):
    upsert(driver, email, phone="2")
    upsert(driver, email, phone="1")  # As a write does that was given up, and landed after all.
    newest = a_reading("2", upsert=True)
    entry = Entry(
        Rev("r"),
        synced={"phone": newest.version},
        watched={"phone": Watched(newest, "2")},
        watched_until=int(time.time() * 1000) - 1000,
    )
    read = write(ledger, email, entry)
    assert driver.stack.runtimes["AuditFunction"].invoke({}) == Returned(None)
    assert driver.contacts()[email]["phone"] == "2"
    assert (read().clean, read().watched) == (True, {})
    assert metrics(driver, "AuditFunction") == {
        "RecordsAudited": 1,
        "RecordsUnaudited": 0,
        "WritesLandedLate": 1,
        "WritesByOthers": 0,
    }
    log = driver.stack.runtimes["AuditFunction"].log.read_text()
    assert "write_landed_late" in log
    assert email not in log
