"""The pipeline under every setting of every switch of the emulator."""

import pytest

from hubspot_emulator import SETTINGS, Limits, Switches
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.integration.scenarios import EXCEPT, EXISTING, ID, SCENARIOS, VERSIONS, expected

EVERY_SETTING = [(switch, each) for switch, settings in SETTINGS.items() for each in settings]
# Low enough that calls are throttled; a batch must fit in even where each input counts as a call.
CALLS_PER_10_SECONDS = {"one per input": 150}


def a_pipeline(switch, setting):
    limits = Limits(CALLS_PER_10_SECONDS.get(setting, 12), daily=0)
    switches = Switches.from_text({switch: setting})
    pipeline = Pipeline(switches=switches, limits=limits, versions=VERSIONS)
    for object_type, properties in EXISTING.values():
        pipeline.hubspot.create(object_type, properties)
    pipeline.hubspot.merge("contacts", ID["eve"], ID["eve_before"])
    for scenario in SCENARIOS.values():
        for after, events in ((0, scenario.events), (60, scenario.later)):
            if events:
                pipeline.put(*events, after=after)
    return pipeline


def found(hubspot, key, names):
    object_type, by, id_ = key
    record = hubspot.find(object_type, id_, by=by)
    return None if record is None else {name: record.properties.get(name) for name in names}


@pytest.mark.parametrize(("switch", "setting"), EVERY_SETTING)
def test_the_main_scenarios_end_well(switch, setting):
    pipeline = a_pipeline(switch, setting).run()
    truth = expected(switch, setting)
    events = [e for s in SCENARIOS.values() for e in (*s.events, *s.later)]
    assert pipeline.letters == truth.letters
    assert_accounted_for(pipeline, [event["eventId"] for event in events])
    crm = {key: found(pipeline.hubspot, key, names or ()) for key, names in truth.crm.items()}
    assert crm == truth.crm
    assert pipeline.unclean == []


def test_exceptions_are_made_for_settings_that_exist():
    assert EXCEPT.keys() <= set(EVERY_SETTING)


def test_the_pass_meets_every_kind_of_answer():
    calls = a_pipeline(*EVERY_SETTING[0]).run().hubspot.calls
    assert {call.status for call in calls} == {200, 204, 207, 409, 429}
