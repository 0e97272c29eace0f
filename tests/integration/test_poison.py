"""An input that HubSpot answers every batch with 500 for, among many others."""

from collections import Counter

import pytest

from hubspot_emulator import Fault
from hubsync.core.limits import LEASE_MARGIN_SECONDS
from hubsync_local.virtual.pipeline import (
    INVOCATION_SECONDS,
    POLICY,
    Pipeline,
    assert_accounted_for,
)
from tests.builders import NOON, raw_event

LEASE_SECONDS = INVOCATION_SECONDS + POLICY.late_write_seconds + LEASE_MARGIN_SECONDS
EVENTS = 10_000
PACKED = 250  # events in one message


def events(count=EVENTS):
    return [raw_event(eventId=f"e{n}", id=f"c{n}@example.com") for n in range(count)]


@pytest.mark.parametrize("window", [40, 5], ids=["at once", "in eight invocations"])
def test_one_poison_input_among_10000_is_one_dead_letter_and_delays_few_for_two_leases(window):
    pipeline = Pipeline(
        faults=[Fault(kind="status", status=500, id="c4217@example.com")], window=window
    )
    sent = events()
    for first in range(0, EVENTS, PACKED):
        pipeline.put(*sent[first : first + PACKED])
    pipeline.run()
    assert pipeline.letters == {"e4217": ("NO_ANSWER", ("firstname",))}
    assert_accounted_for(pipeline, [event["eventId"] for event in sent])
    assert pipeline.unclean == []
    delays = [record.created_at - NOON / 1e6 for record in pipeline.hubspot.records("contacts")]
    assert len(delays) == EVENTS - 1
    delayed = [seconds for seconds in delays if seconds >= 1]
    assert len(delayed) <= 200
    assert max(delayed) <= 2 * LEASE_SECONDS + 1


def test_an_outage_of_an_hour_makes_nobody_a_dead_letter():
    # Five records: together, together, and then alone, eight times in all.
    pipeline = Pipeline(faults=[Fault(kind="status", status=500, times=2 + 6 * 5)], window=1)
    for event in events(5):
        pipeline.put(event)
    pipeline.run()
    assert pipeline.letters == {}
    assert Counter(call.status for call in pipeline.hubspot.calls) == {500: 32, 200: 5}
