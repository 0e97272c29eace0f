"""Signed webhooks become HubSpot records, in full batches, through the whole stack."""

import itertools
import json
import random
from datetime import UTC, datetime, timedelta

EVENTS, CONTACTS, EVENTS_PER_REQUEST = 10_000, 1_000, 1_000
# Ten batches for each of five windows, and half as much again for leases that are elsewhere.
CALLS_MAX = 75
START = datetime(2026, 11, 1, tzinfo=UTC)
SEED = 20261121
# What upstream may send, and what HubSpot then holds.
VALUES = {
    "firstname": [("Ada", "Ada"), ("Łódź 🙂", "Łódź 🙂"), (None, None), ("", None)],
    "lastname": [("Lovelace", "Lovelace"), (" spaced ", " spaced "), ("ﬁ\tname", "ﬁ\tname")],
    "newsletter": [(True, "true"), (False, "false"), ("true", "true")],
    "seats": [(12, "12"), (1.5, "1.5"), (1e3, "1000"), (-0.0, "0"), (None, None)],
    "interests": [(["chess", "maths"], "chess;maths"), (["music"], "music"), ([], None)],
}


def an_event(rng, number):
    """An event of a random contact at a random time, with two random properties."""
    chosen = {name: rng.choice(VALUES[name]) for name in rng.sample(sorted(VALUES), 2)}
    event = {
        "eventId": f"main-job-{number}",
        "occurredAt": (START + timedelta(microseconds=rng.randrange(10**12))).isoformat(),
        "objectType": "contacts",
        "idProperty": "email",
        "id": f"main-job-{rng.randrange(CONTACTS)}@example.com",
        "properties": {name: sent for name, (sent, _) in chosen.items()},
    }
    return event, {name: held for name, (_, held) in chosen.items()}


def truth(events):
    """What HubSpot must hold: of all readings sorted by time, the last one of each property."""
    contacts = {}
    for event, held in sorted(events, key=lambda pair: pair[0]["occurredAt"]):
        contacts.setdefault(event["id"], {"email": event["id"]}).update(held)
    return {
        email: {name: value for name, value in properties.items() if value is not None}
        for email, properties in contacts.items()
    }


def test_ten_thousand_events_on_a_thousand_contacts_are_few_calls_and_the_newest_wins(driver):
    rng = random.Random(SEED)
    events = [an_event(rng, number) for number in range(EVENTS)]
    sent = [event for event, _ in events]
    rng.shuffle(sent)
    calls_before = len(driver.calls())
    for some in itertools.batched(sent, EVENTS_PER_REQUEST, strict=True):
        answer = driver.post(json.dumps(some, ensure_ascii=False).encode())
        assert (answer.status_code, answer.json()["accepted"]) == (202, EVENTS_PER_REQUEST)
    driver.settle()
    calls = driver.calls()[calls_before:]
    found = {mail: held for mail, held in driver.contacts().items() if mail.startswith("main-job")}
    assert found == truth(events), f"seed {SEED}"
    assert len(calls) <= CALLS_MAX
    assert {call["status"] for call in calls} == {200}
    assert sum(call["inputs"] for call in calls) / len(calls) > 66, "batches are mostly full"
