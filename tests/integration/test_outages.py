"""The whole consumer through long outages, with its shared budget, on the virtual clock."""

import asyncio

from hubspot_emulator import Fault
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.builders import raw_event

HOUR = 3600.0
BEGINS, ENDS = 600.0, 600.0 + 48 * HOUR


def an_event(number):
    return raw_event(eventId=f"e{number}", id=f"p{number % 30}@example.com", sequence=number)


def test_an_outage_of_48_hours_loses_nothing_and_is_made_up_for_within_20_minutes():
    async def outage(pipeline):
        await asyncio.sleep(BEGINS)
        pipeline.hubspot.faults.extend([Fault(kind="status", status=503)])
        await asyncio.sleep(48 * HOUR)
        pipeline.hubspot.faults.clear()

    pipeline = Pipeline(limit=190, during=outage)
    numbers = range(80)
    for number in numbers:
        pipeline.put(an_event(number), after=number * 50 * HOUR / 80)
    pipeline.run()
    assert pipeline.letters == {}
    assert_accounted_for(pipeline, [f"e{number}" for number in numbers])
    start = pipeline.now() - pipeline.settled_at
    calls = [c.time for c in pipeline.hubspot.calls if BEGINS <= c.time - start < ENDS]
    assert 0 < len(calls) < 48 * 60
    # Events go on arriving for almost two hours after its end.
    assert pipeline.settled_at < 50 * HOUR + 20 * 60


def test_an_outage_that_only_archives_wait_for_is_noticed_to_have_ended():
    async def outage(pipeline):
        await asyncio.sleep(HOUR)
        pipeline.hubspot.faults.clear()

    pipeline = Pipeline(limit=190, faults=[Fault(kind="status", status=503)], during=outage)
    for number in range(5):
        pipeline.hubspot.create("contacts", {"email": f"p{number}@example.com"})
        pipeline.put(
            raw_event(
                eventId=f"e{number}",
                id=f"p{number}@example.com",
                operation="archive",
                properties=None,
            )
        )
    pipeline.run()
    # An archive asks for the records' ids first: that is the probe, and what mends the account.
    assert_accounted_for(pipeline, [f"e{number}" for number in range(5)])
    assert all(record.archived_at for record in pipeline.hubspot.records("contacts"))
    assert pipeline.settled_at < HOUR + 20 * 60
