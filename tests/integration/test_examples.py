"""What foreign payloads say arrives in HubSpot, through the mapping, the queue and the consumer."""

import pytest

from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.examples import payloads, sources, tell

# Type, property and value that address a record, and some of what it holds; None: it is archived.
RECORDS = {
    "debezium": {
        ("contacts", "external_id", "1001"): None,
        ("contacts", "external_id", "1002"): {"email": "grace@example.com", "lastname": "Example"},
        ("contacts", "external_id", "1003"): {"email": "mary@example.com", "firstname": "Mary"},
    },
    "github": {("tickets", "external_id", "2900000001"): None},
    "hubspot": {
        ("contacts", "external_id", "5001"): {"firstname": "Ada"},
        ("contacts", "external_id", "5002"): None,
    },
    "shopify": {("contacts", "email", "ada@example.com"): {"firstname": "Ada", "city": "London"}},
    "slack": {("contacts", "email", "ada@example.com"): {"phone": "+44 20 7946 0001"}},
    "stripe": {("contacts", "external_id", "cus_Example0001"): None},
}


@pytest.mark.parametrize("source", sources())
def test_what_an_upstream_system_says_reaches_its_records_in_any_order(source):
    told = [e for name in payloads() if name.startswith(f"{source}-") for e in tell(name).events]
    pipeline = Pipeline(window=2)
    for event in reversed(told):
        pipeline.put(event)
    pipeline.run()
    assert_accounted_for(pipeline, [event["eventId"] for event in told])
    assert pipeline.letters == {}
    for (kind, name, value), expected in RECORDS[source].items():
        record = pipeline.hubspot.find(kind, value, by=name)
        held = None if record is None else {key: record.properties[key] for key in expected or {}}
        assert held == expected
