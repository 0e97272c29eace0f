"""The demo's verdict: it must notice whatever is not as it had to be."""

from collections import Counter
from dataclasses import replace

from hubsync_local.demo.report import DeadLetter, Findings
from hubsync_local.demo.scenario import SEEDS, held, scenario

IDS = {name: str(number) for number, name in enumerate(SEEDS)}
ADA = ("contacts", "ada@example.com")


def findings():
    """What a demo finds where all is well."""
    story = scenario(IDS)
    sent = len(list(story.events()))
    return Findings(
        story=story,
        answers=Counter({202: 7}),
        metrics={"EventsAccepted": sent, "EventsWritten": sent - 2, "EventsDeadLettered": 2}
        | {"EventsSuperseded": 0},
        calls=[],
        dead_letters=[
            DeadLetter("grace-2", "", "seats", "INVALID_INTEGER", ""),
            DeadLetter("looms-1", "", "favourite_colour", "PROPERTY_DOESNT_EXIST", ""),
        ],
        records=story.truth(),
    )


def test_there_is_nothing_to_say_where_all_is_well():
    assert list(findings().problems()) == []


def test_the_truth_is_the_newest_reading_of_each_property_that_is_not_refused():
    truth = scenario(IDS).truth()
    assert truth[ADA] == {
        "email": "ada@example.com",
        "firstname": "Ada",
        "lastname": "Lovelace",
        "phone": "+44 20 1815",
        "interests": "maths;music",
    }
    assert truth["contacts", "reader-7@example.com"] == {
        "email": "reader-7@example.com",
        "firstname": "Reader 7",
        "newsletter": "true",
        "seats": "7",
    }
    assert truth["companies", IDS["looms"]] == {"name": "Jacquard Looms", "city": "Calais"}
    assert len(truth) == 400 + 2 + len(SEEDS) + 40


def test_a_wrong_value_a_lost_record_and_a_stranger_are_named():
    good = findings()
    records = {**good.records, ADA: {"firstname": "A. A."}, ("contacts", "9"): {"firstname": "?"}}
    del records["2-123", "car-1"]
    problems = list(replace(good, records=records).problems())
    assert [problem.split(" should")[0] for problem in problems] == [
        "2-123/car-1",
        "contacts/9",
        "contacts/ada@example.com",
    ]


def test_a_refusal_that_is_missing_and_an_event_unaccounted_for_are_named():
    good = findings()
    [refused] = replace(good, dead_letters=good.dead_letters[:1]).problems()
    assert refused.startswith("refused should be")
    [unaccounted] = replace(good, metrics={**good.metrics, "EventsSuperseded": 1}).problems()
    assert unaccounted.endswith("not the same")


def test_values_are_held_as_hubspot_writes_them():
    assert [held(value) for value in (None, True, False, 12, "text", ["a", "b"])] == [
        "",
        "true",
        "false",
        "12",
        "text",
        "a;b",
    ]
