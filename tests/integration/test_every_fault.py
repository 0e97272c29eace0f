"""The pipeline under every fault of the emulator: nothing is lost, nothing falsely reported."""

from random import Random

import pytest

from hubspot_emulator import Fault
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.integration.faults import (
    FAULTS,
    NAMES,
    assert_crm_correct,
    assert_explained,
    assert_given_up_rightly,
    assert_never_went_back,
)
from tests.integration.scenarios import archive, update, upsert

MESSAGE_EVENTS = 5


def readings(second, event_id, *names):
    return dict.fromkeys(names, f"{second:02} {event_id}")


def traffic(random, hubspot):
    """Contacts known and unknown, by every key, each with several events, in any order."""
    events = []

    def add(make, second, id_, names=(), **more):
        event_id = f"e{len(events):03}"
        events.append(make(event_id, second, id_, **more, **readings(second, event_id, *names)))

    for n in range(24):
        for second in (1, 2, 3):
            add(upsert, second, f"c{n}@example.com", random.sample(NAMES, 2))
    for n in range(12):
        add(upsert, 1, f"x-{n}", NAMES, by="external_id")
        add(update, 2, f"x-{n}", random.sample(NAMES, 1), by="external_id")
    for n in range(6):
        id_ = hubspot.create("contacts", {"email": f"old{n}@example.com"})
        for second in (1, 2):
            add(update, second, id_, random.sample(NAMES, 2))
    for n in range(6):
        hubspot.create("contacts", {"email": f"gone{n}@example.com"})
        add(archive, 3, f"gone{n}@example.com", by="email")
        add(upsert, 2, f"gone{n}@example.com", random.sample(NAMES, 2))
    random.shuffle(events)
    return events


def deliver(pipeline, events):
    for start in range(0, len(events), MESSAGE_EVENTS):
        pipeline.put(*events[start : start + MESSAGE_EVENTS])
    return pipeline.run()


@pytest.mark.parametrize("chance", [{"times": 3}, {"probability": 0.05}], ids=["first", "often"])
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_alone(name, chance):
    pipeline = Pipeline(faults=[Fault.model_validate(FAULTS[name] | chance)], window=2)
    events = traffic(Random(name), pipeline.hubspot)
    deliver(pipeline, events)
    assert any(call.fault for call in pipeline.hubspot.calls), "no fault struck"
    assert_accounted_for(pipeline, [event["eventId"] for event in events])
    assert_crm_correct(pipeline, events)
    assert_never_went_back(pipeline.hubspot)
    assert_given_up_rightly(pipeline, events)
    assert_explained(pipeline.letters, name)
