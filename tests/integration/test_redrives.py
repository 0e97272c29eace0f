"""Dead letters that are redriven: some, in any order, at any age, before the mending and after."""

from random import Random

import pytest

from hubspot_emulator import Fault
from hubsync_local.virtual.pipeline import Pipeline
from tests.builders import raw_event
from tests.integration.faults import NAMES, assert_crm_correct, assert_never_went_back

DAY = 24 * 3600
SEEDS = range(40)
# What HubSpot refuses until somebody mends it, and what passes by itself.
REFUSING = (
    Fault(kind="unnamed", property="company"),
    Fault(kind="conflict", property="notes"),
)
PASSING = (
    Fault(kind="lost_reply", probability=0.15),
    Fault(kind="late_write", seconds=200, probability=0.1),
    Fault(kind="locked", probability=0.1),
)


class AgeingPipeline(Pipeline):
    """A pipeline whose clock goes on from run to run."""

    _passed = 0.0

    def now(self):
        return super().now() + self._passed

    def wait(self, seconds):
        self._passed += self._seconds() + seconds
        self._seconds = lambda: 0.0


def an_event(random, number):
    """The event of this number; the greater the number, the newer it is."""
    names = random.sample(NAMES, random.randint(1, len(NAMES)))
    properties = dict.fromkeys(names, f"{number:03}")
    if random.random() < 0.4:
        properties[random.choice(["company", "notes"])] = f"{number:03}"
    return raw_event(
        eventId=f"e{number}",
        operation="upsert",
        occurredAt=f"2026-11-21T11:00:{number:02}Z",
        id=f"c{random.randint(0, 2)}@example.com",
        properties=properties,
    )


def deliver(pipeline, random, events):
    for event in random.sample(events, len(events)):
        pipeline.put(event, after=random.choice([0, 0, 5, 60]))
    pipeline.run()


def redrive(pipeline, random, count):
    for _ in range(count):
        number = random.randrange(len(pipeline.sqs.letters))
        pipeline.sqs.redrive(number, pipeline.now() + random.choice([0, 0, 30]))
    pipeline.run()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_redrive_never_makes_the_crm_older(seed):
    random = Random(seed)
    pipeline = AgeingPipeline(faults=[*REFUSING, *PASSING], seed=seed, window=3)
    events = [an_event(random, number) for number in range(20)]
    late = random.sample(events, 5)
    deliver(pipeline, random, [event for event in events if event not in late])
    for faults in ([*REFUSING, *PASSING], REFUSING[:1], PASSING, late, ()):
        pipeline.wait(random.choice([0, 60, 3600, random.uniform(0, 13 * DAY)]))
        if faults is late:
            deliver(pipeline, random, late)
        else:
            pipeline.hubspot.faults.clear()
            pipeline.hubspot.faults.extend(faults)
        redrive(pipeline, random, random.randint(0, len(pipeline.sqs.letters)))
        assert_never_went_back(pipeline.hubspot)
    redrive(pipeline, random, len(pipeline.sqs.letters))
    assert pipeline.sqs.letters == []
    assert_never_went_back(pipeline.hubspot)
    assert_crm_correct(pipeline, events)
    assert pipeline.unclean == []
