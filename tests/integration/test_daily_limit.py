"""The whole consumer through a daily limit that is hit in the evening, on the virtual clock."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from hubspot_emulator import Limits
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.builders import raw_event

HOUR = 3600.0
DAILY = 40
EVENTS = 60
PROBE_SECONDS = 15 * 60
ON_THEIR_WAY_SECONDS = 60  # What was begun when the limit was hit is no probe.


def run_from_18(time_zone):
    """Use the day's calls up at once, with more to write all evening long."""
    evening = datetime(2026, 11, 21, 18, 0, tzinfo=ZoneInfo(time_zone))
    pipeline = Pipeline(
        limit=190,
        limits=Limits(per_10_seconds=190, daily=DAILY),
        time_zone=time_zone,
        consumers=2,
        window=1,  # a call for each event
        starts=evening.timestamp(),
    )
    for number in range(EVENTS):
        event = raw_event(eventId=f"e{number}", id=f"p{number}@example.com")
        pipeline.put(event, after=max(0, number - DAILY) * 6 * HOUR / (EVENTS - DAILY))
    return pipeline.run()


@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_a_daily_limit_hit_at_18_is_probed_once_a_quarter_of_an_hour_until_midnight(time_zone):
    pipeline = run_from_18(time_zone)
    midnight = datetime(2026, 11, 22, tzinfo=ZoneInfo(time_zone)).timestamp()
    written = [call.time for call in pipeline.hubspot.calls if call.status == 200]
    refused = [call.time for call in pipeline.hubspot.calls if call.status == 429]
    hit = refused[0]
    assert hit < midnight - 6 * HOUR + 60
    assert [time for time in written if hit + ON_THEIR_WAY_SECONDS < time < midnight] == []
    assert max(refused) < midnight
    probes = [time for time in refused if time > hit + ON_THEIR_WAY_SECONDS]
    assert 20 <= len(probes) <= 24
    assert min(later - sooner for sooner, later in pairwise(probes)) >= PROBE_SECONDS
    # The reset is noticed when the next message comes back, and all is written then.
    assert max(written) < midnight + 2 * PROBE_SECONDS
    assert pipeline.letters == {}
    assert_accounted_for(pipeline, [f"e{number}" for number in range(EVENTS)])
    assert len(pipeline.hubspot.records("contacts")) == EVENTS
