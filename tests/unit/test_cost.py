"""What 10,000 events cost: calls of HubSpot's, reads and writes of the ledger."""

from collections import Counter
from typing import NamedTuple

import pytest

from hubsync.core.message import encode_events, pack
from hubsync_local.in_memory import MemoryLedger
from tests.builders import an_event
from tests.consumer_harness import ConsumerHarness, tally

EVENTS = 10_000
HEAD = {
    "account": "main",
    "source": "changes",
    "receivedAt": "2026-11-21T12:00:00Z",
    "requestId": "r-1",
}


class CountingLedger(MemoryLedger):
    """Counts the items read and written."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    async def read(self, records):
        self.counts["read"] += len(records)
        return await super().read(records)

    async def write(self, writes):
        self.counts["written"] += len(writes)
        return await super().write(writes)


class Cost(NamedTuple):
    outcomes: dict[str, int]
    calls: int
    ledger: dict[str, int]


@pytest.fixture(scope="module")
def costs():
    """What the same 10,000 events cost, each on a contact of its own, the first and second time."""
    stage = ConsumerHarness()
    stage.ledger = CountingLedger()
    events = [
        an_event(eventId=f"e{n}", id=f"c{n}@example.com", properties={"phone": str(n)})
        for n in range(EVENTS)
    ]
    bodies = list(pack(encode_events(events), head=HEAD))
    return [cost(stage, bodies) for _ in range(2)]


def cost(stage, bodies):
    calls, counts = len(stage.calls), Counter(stage.ledger.counts)
    outcomes = tally(stage.consume(*bodies))
    return Cost(dict(outcomes), len(stage.calls) - calls, dict(stage.ledger.counts - counts))


def test_a_written_record_costs_one_read_and_two_writes_of_the_ledger(costs):
    assert costs[0] == Cost(
        {"Written": EVENTS}, EVENTS / 100, {"read": EVENTS, "written": 2 * EVENTS}
    )


def test_a_clean_duplicate_costs_no_call_and_no_write(costs):
    assert costs[1] == Cost({"Superseded": EVENTS}, 0, {"read": EVENTS})
