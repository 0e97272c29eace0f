"""What the consumer counts for alarms, when an account as a whole cannot be written to."""

import asyncio
from pathlib import Path

import pytest

from functions.consumer.app import counts
from hubspot_emulator import Fault
from hubsync.consume import Consumed
from hubsync.errors import Unanswered
from hubsync_local.template.intrinsics import parse
from hubsync_local.virtual.pipeline import Pipeline
from tests.builders import raw_event

HOUR = 3600.0


def counted(pipeline, name, *, within):
    """Return the metric of the invocations that began within the seconds."""
    return sum(
        counts(Consumed((), each.outcomes, 0, 0))[name]
        for each in pipeline.invocations
        if within[0] <= each.began < within[1]
    )


def alarm_of(name):
    template = parse((Path(__file__).parents[2] / "template.yaml").read_text("utf-8"))
    return template["Resources"][name]["Properties"]


@pytest.mark.parametrize("kind", ["expired_token", "no secret"])
def test_a_refused_token_and_the_pause_it_makes_are_counted_until_it_is_mended(kind):
    async def refused(pipeline):
        portal = pipeline.portals["main"]
        pipeline.hubspot.faults.extend([Fault(kind="expired_token")])
        if kind == "no secret":
            del pipeline.portals["main"]
        await asyncio.sleep(HOUR)
        pipeline.hubspot.faults.clear()
        pipeline.portals["main"] = portal

    pipeline = Pipeline(limit=100, during=refused)
    for number in range(60):
        pipeline.put(
            raw_event(eventId=f"e{number}", id=f"p{number}@example.com"), after=number * 120
        )
    pipeline.run()
    # In every quarter of an hour, which is what the alarms look at.
    for quarter in range(4):
        within = (quarter * HOUR / 4, (quarter + 1) * HOUR / 4)
        assert counted(pipeline, "TokenRefused", within=within) > 0
        assert counted(pipeline, "EventsPaused", within=within) > 0
    after = (HOUR + 900, 4 * HOUR)
    assert counted(pipeline, "EventsWritten", within=after) > 0
    assert counted(pipeline, "TokenRefused", within=after) == 0
    assert counted(pipeline, "EventsPaused", within=after) == 0


@pytest.mark.parametrize("what", ["ledger", "budgets"])
def test_a_ledger_without_an_answer_is_counted_in_every_five_minutes_until_it_is_back(what):
    async def unanswered(*_given):
        raise Unanswered("no")

    async def a_moment(*_given):
        await asyncio.sleep(0)

    async def back(pipeline):
        await asyncio.sleep(HOUR)
        setattr(pipeline.slow, what, a_moment)

    pipeline = Pipeline(limit=100, during=back)
    setattr(pipeline.slow, what, unanswered)
    for number in range(60):
        pipeline.put(
            raw_event(eventId=f"e{number}", id=f"p{number}@example.com"), after=number * 120
        )
    pipeline.run()
    alarm = alarm_of("LedgerIsUnanswered")
    assert (alarm["Statistic"], alarm["ComparisonOperator"]) == ("Sum", "GreaterThanThreshold")
    period, looked_at = alarm["Period"], alarm["EvaluationPeriods"]
    sums = [
        counted(pipeline, alarm["MetricName"], within=(start, start + period))
        for start in range(0, int(HOUR), period)
    ]
    # It fires where so many sums running are above the threshold, and does so at the first chance.
    assert all(each > alarm["Threshold"] for each in sums[:looked_at])
    assert all(each > alarm["Threshold"] for each in sums)
    after = (HOUR + 900, 4 * HOUR)
    assert counted(pipeline, "LedgerUnanswered", within=after) == 0
    assert counted(pipeline, "EventsWritten", within=after) > 0
