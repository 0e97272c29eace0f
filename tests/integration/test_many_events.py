"""10,000 events in one window, with bad ones among them, and under all faults at once."""

import asyncio
from collections import Counter
from itertools import batched
from random import Random

import pytest

from hubspot_emulator import Fault, Switches
from hubsync.core.event import encode_event
from hubsync.core.message import encode_events, pack
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.builders import an_event
from tests.integration.faults import (
    FAULTS,
    NAMES,
    REFUSALS,
    assert_crm_correct,
    assert_never_went_back,
)

EVENTS = 10_000
HEAD = {"account": "main", "source": "changes", "receivedAt": "2026-11-21T12:00:00Z"}
SEED = 20261121


def at(number):
    return f"2026-11-21T{8 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"


def an_upsert(number, key, **properties):
    """The event of this number; the greater the number, the newer the event."""
    return an_event(
        eventId=f"e{number}",
        occurredAt=at(number),
        id=f"c{key}@example.com",
        properties=properties,
    )


def delivered(events, *faults):
    pipeline = Pipeline(faults=faults)
    for body in pack(encode_events(events), head=HEAD | {"requestId": "r-1"}):
        pipeline.sqs.put(body, visible_at=pipeline.now())
    pipeline.run()
    assert_accounted_for(pipeline, [event.event_id for event in events])
    return pipeline


def shown(pipeline, key, *names):
    properties = pipeline.hubspot.find("contacts", f"c{key}@example.com", by="email").properties
    return {name: properties.get(name) for name in names}


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("unnamed", 400, "VALIDATION_ERROR"), ("conflict", 409, "CONFLICT")],
)
def test_ten_poison_inputs_cost_ten_dead_letters_and_150_calls(kind, status, code):
    poisoned = set(Random(SEED).sample(range(EVENTS), 10))
    events = [
        an_upsert(n, n, company="poison" if n in poisoned else f"C{n}") for n in range(EVENTS)
    ]
    pipeline = delivered(events, Fault(kind=kind, property="company", value="poison"))
    assert pipeline.letters == {f"e{n}": (code, ()) for n in poisoned}
    assert pipeline.outcomes == {"Written": EVENTS - 10, "Rejected": 10}
    statuses = Counter(call.status for call in pipeline.hubspot.calls)
    assert statuses.keys() == {200, status}
    # 14 to find each, and one with its key alone.
    assert statuses.total() <= EVENTS // 100 + 150
    good = [n for n in range(EVENTS) if n not in poisoned]
    assert all(shown(pipeline, n, "company") == {"company": f"C{n}"} for n in good)


TAKEN, SENSITIVE, UNKNOWN = range(0, EVENTS, 100), range(7, EVENTS, 500), range(13, EVENTS, 200)


def an_odd_event(number):
    """One in a hundred brings a taken e-mail address, one in five hundred a passport's number."""
    more = {"operation": "update"} if number % 2 else {}
    id_ = f"gone-{number}" if number in UNKNOWN else f"k{number}"
    properties = {"phone": str(number), "city": f"C{number}"}
    if number in TAKEN:
        properties["email"] = f"taken{number}@example.com"
    elif not number % 2:
        properties["email"] = f"own{number}@example.com"
    if number in SENSITIVE:
        properties["passport_number"] = "X1"
    return an_event(
        eventId=f"e{number}", idProperty="external_id", id=id_, properties=properties, **more
    )


@pytest.mark.parametrize("not_found", ["400", "404"])
def test_10000_events_with_every_kind_of_answer_cost_250_extra_calls(not_found):
    pipeline = Pipeline(
        switches=Switches(taken_value_form="mixed", update_key_not_found=not_found),
        scopes=frozenset({"crm.objects.contacts.write", "crm.objects.contacts.read"}),
    )
    for number in TAKEN:
        pipeline.hubspot.create("contacts", {"email": f"taken{number}@example.com"})
    for number in range(1, EVENTS, 2):
        if number not in UNKNOWN:
            pipeline.hubspot.create("contacts", {"external_id": f"k{number}"})
    events = [an_odd_event(number) for number in range(EVENTS)]
    for body in pack(encode_events(events), head=HEAD | {"requestId": "r-1"}):
        pipeline.sqs.put(body, visible_at=pipeline.now())
    pipeline.run()
    assert_accounted_for(pipeline, [event.event_id for event in events])
    expected = {f"e{n}": ("MISSING_SENSITIVE_SCOPES", ("passport_number",)) for n in SENSITIVE}
    expected |= {f"e{n}": ("NOT_FOUND", ()) for n in UNKNOWN}
    told = {event: end for event, end in pipeline.letters.items() if event in expected}
    assert told == expected
    taken = {
        event: names for event, (_, names) in pipeline.letters.items() if event not in expected
    }
    assert taken == {f"e{n}": ("email",) for n in TAKEN}
    for number in set(range(EVENTS)) - set(UNKNOWN):
        found = pipeline.hubspot.find("contacts", f"k{number}", by="external_id").properties
        assert (found["phone"], found["city"]) == (str(number), f"C{number}")
    extra = len(pipeline.hubspot.calls) - EVENTS // 100
    assert extra <= 250


def test_22_bad_values_on_100_contacts_cost_no_good_event_anything():
    random = Random(SEED)
    # The newest of 7 contacts and the ones before them of 4 win against all good ones.
    winning = {*range(EVENTS - 100, EVENTS - 93), *range(EVENTS - 200, EVENTS - 196)}
    bad = winning | {*random.sample(range(EVENTS - 200), 11)}
    events = [
        an_upsert(n, n % 100, seats="many" if n in bad else n, city=n)
        for n in random.sample(range(EVENTS), EVENTS)
    ]
    pipeline = delivered(events)
    newest = {key: max(n for n in range(key, EVENTS, 100) if n not in bad) for key in range(100)}
    assert pipeline.letters == {f"e{n}": ("INVALID_INTEGER", ("seats",)) for n in winning}
    assert [shown(pipeline, key, "seats", "city") for key in range(100)] == [
        {"seats": str(newest[key]), "city": str(EVENTS - 100 + key)} for key in range(100)
    ]


def test_five_consumers_at_once_on_a_thousand_contacts_make_75_calls_at_most():
    random = Random(SEED)
    events = [
        an_upsert(n, random.randrange(1000), **{random.choice(NAMES): f"{n:04}"})
        for n in random.sample(range(EVENTS), EVENTS)
    ]
    pipeline = Pipeline(consumers=5, window=8)  # Some forty messages, a fifth of them each.

    async def a_moment(*_given):
        await asyncio.sleep(random.uniform(0.05, 0.5))

    pipeline.slow.ledger = pipeline.slow.reply = a_moment
    for some in batched(events, 1000, strict=True):
        for body in pack(encode_events(some), head=HEAD | {"requestId": "r-1"}):
            pipeline.sqs.put(body, visible_at=pipeline.now())
    pipeline.run()
    assert_accounted_for(pipeline, [event.event_id for event in events])
    assert_crm_correct(pipeline, [encode_event(event) for event in events])
    assert len(pipeline.hubspot.calls) <= 75


def mixed(names, *, contacts):
    random = Random(SEED)
    faults = [Fault.model_validate(FAULTS[name] | {"probability": 0.05}) for name in names]
    events = [
        an_upsert(n, n % contacts, **{random.choice(NAMES): f"{n:04}"})
        for n in random.sample(range(EVENTS), EVENTS)
    ]
    pipeline = delivered(events, *faults)
    assert {call.fault for call in pipeline.hubspot.calls} >= {fault.kind for fault in faults}
    assert_crm_correct(pipeline, [encode_event(event) for event in events])
    return pipeline


def test_all_faults_that_pass_at_5_percent_each_cost_only_what_was_in_doubt_five_times():
    pipeline = mixed([name for name in FAULTS if name not in REFUSALS], contacts=100)
    assert {code for code, _ in pipeline.letters.values()} <= {"NO_ANSWER"}
    assert len(pipeline.letters) <= EVENTS / 100
    assert_never_went_back(pipeline.hubspot)


def test_faults_that_refuse_at_5_percent_each_among_doubtful_ones_lose_nothing():
    # HubSpot refuses here what it took before or takes later, so a value may go back meanwhile.
    pipeline = mixed([*REFUSALS, "504-late", "lost_reply"], contacts=2000)
    assert {code for code, _ in pipeline.letters.values()} <= set(REFUSALS.values())
