"""What foreign payloads say arrives in HubSpot, through the mapping, the queue and the consumer."""

from random import Random

import pytest

from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.examples import payloads, sources, tell

SEED = 20_261_121
# Type, property and value that address a record, and some of what it holds; None: it is archived.
RECORDS = {
    "auth0": {
        ("contacts", "external_id", "auth0|example0001"): {"email": "ada@example.com"},
        ("contacts", "external_id", "github|example0002"): {},
        ("contacts", "external_id", "auth0|example0003"): None,
    },
    "calendly": {
        ("contacts", "email", "ada@example.com"): {
            "firstname": "Ada B Example",
            "lastname": "Example",
        }
    },
    "clerk": {
        ("contacts", "external_id", "user_Example0001"): {
            "email": "ada@example.com",
            "lastname": "Example",
        },
        ("contacts", "external_id", "user_Example0002"): None,
    },
    "debezium": {
        ("contacts", "external_id", "1001"): None,
        ("contacts", "external_id", "1002"): {"email": "grace@example.com", "lastname": "Example"},
        ("contacts", "external_id", "1003"): {"email": "mary@example.com", "firstname": "Mary"},
    },
    "github": {("tickets", "external_id", "2900000001"): None},
    "hubspot": {
        ("contacts", "external_id", "5001"): None,
        ("contacts", "external_id", "5002"): None,
        ("contacts", "external_id", "5003"): None,
        ("contacts", "external_id", "5004"): None,
        ("contacts", "external_id", "5005"): {"email": "grace@example.com"},
        ("contacts", "external_id", "5006"): {},
        ("contacts", "external_id", "5007"): {},
        ("contacts", "external_id", "5008"): None,
        ("contacts", "external_id", "5010"): {},
    },
    "intercom": {
        ("contacts", "external_id", "65example0001"): {
            "lastname": "Ada Example",
            "phone": "+442079460001",
        },
        ("contacts", "external_id", "65example0002"): None,
    },
    "segment": {("contacts", "external_id", "u-1"): {"company": "Example Ltd"}},
    "shopify": {("contacts", "email", "ada@example.com"): {"firstname": "Ada", "city": "London"}},
    "slack": {("contacts", "email", "ada@example.com"): {"phone": "+44 20 7946 0001"}},
    "stripe": {("contacts", "external_id", "cus_Example0001"): None},
    "typeform": {("contacts", "email", "ada@example.com"): {"firstname": "Ada"}},
    "woocommerce": {
        ("contacts", "email", "ada@example.com"): {"firstname": "Ada", "city": "London"}
    },
    "zendesk": {
        ("contacts", "external_id", "7001"): {
            "email": "ada.new@example.com",
            "lastname": "Ada Example",
        },
        ("contacts", "external_id", "7002"): None,
    },
}
ORDERS = {
    "as they lie": lambda events: events,
    "reversed": lambda events: events[::-1],
    "shuffled": lambda events: Random(SEED).sample(events, len(events)),
    "shuffled once more": lambda events: Random(SEED + 1).sample(events, len(events)),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("source", sources())
def test_what_an_upstream_system_says_reaches_its_records_in_any_order(source, order):
    told = [e for name in payloads() if name.startswith(f"{source}-") for e in tell(name).events]
    pipeline = Pipeline(window=2)
    for event in ORDERS[order](told):
        pipeline.put(event)
    pipeline.run()
    assert_accounted_for(pipeline, [event["eventId"] for event in told])
    assert pipeline.letters == {}
    for (kind, name, value), expected in RECORDS[source].items():
        record = pipeline.hubspot.find(kind, value, by=name)
        held = None if record is None else {key: record.properties[key] for key in expected or {}}
        assert held == expected, value


@pytest.mark.parametrize("order", ORDERS)
def test_a_customer_of_stripe_that_is_filled_in_the_second_of_its_making_stays_filled(order):
    """The events of one second are told apart by what they are, and not by their ids."""
    told = [tell(f"stripe-customer-{what}").events[0] for what in ("created", "updated")]
    assert told[0]["occurredAt"] == told[1]["occurredAt"]
    assert told[0]["eventId"] > told[1]["eventId"]
    pipeline = Pipeline(window=2)
    for event in ORDERS[order](told):
        pipeline.put(event)
    pipeline.run()
    record = pipeline.hubspot.find("contacts", "cus_Example0001", by="external_id")
    assert record.properties["lastname"] == "Ada Example"
