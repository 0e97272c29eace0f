"""The example sources say exactly these events of their upstream systems' payloads."""

import pytest

from hubsync.core.source import load_source
from tests.examples import FOLDER, Told, payloads, sources, tell

CONTACT = {"operation": "upsert", "objectType": "0-1", "idProperty": "external_id"}
ARCHIVE = CONTACT | {"operation": "archive", "properties": {}}
CONTACT_BY_EMAIL = CONTACT | {"idProperty": "email", "sequence": 0}

TOLD = {
    "debezium-batch": Told(
        [
            CONTACT
            | {
                "eventId": "28581700:1003#0",
                "occurredAt": "2026-11-21T10:00:00Z",
                "sequence": 28581700,
                "id": "1003",
                "properties": {
                    "email": "mary@example.com",
                    "firstname": "Mary",
                    "lastname": "Example",
                    "notes": "",
                    "signed_up_at": "1780000000000",
                },
            },
            ARCHIVE
            | {
                "eventId": "28582000:1001#1",
                "occurredAt": "2026-11-21T10:01:00Z",
                "sequence": 28582000,
                "id": "1001",
            },
        ],
        ignored=1,
    ),
    "debezium-create-with-schema": Told(
        [
            CONTACT
            | {
                "eventId": "28581900:1002#0",
                "occurredAt": "2026-11-21T10:00:00.123000Z",
                "sequence": 28581900,
                "id": "1002",
                "properties": {
                    "email": "grace@example.com",
                    "firstname": "Grace",
                    "lastname": "Example",
                    "notes": "Wrote to us",
                    "signed_up_at": "1795255200000",
                },
            }
        ],
        ignored=0,
    ),
    "debezium-update": Told(
        [
            CONTACT
            | {
                "eventId": "28581784:1001#0",
                "occurredAt": "2026-11-21T10:00:00.123000Z",
                "sequence": 28581784,
                "id": "1001",
                "properties": {
                    "email": "ada@example.com",
                    "firstname": "Ada",
                    "lastname": "",
                    "signed_up_at": "1780000000123",
                },
            }
        ],
        ignored=0,
    ),
    "github-issues-closed": Told(
        [
            CONTACT
            | {
                "eventId": "d-1",
                "occurredAt": "2026-11-21T10:00:00Z",
                "sequence": 0,
                "objectType": "0-5",
                "id": "2900000001",
                "properties": {
                    "subject": "example-org/engine #7 The engine weaves no flowers",
                    "content": "",
                    "hs_pipeline": "0",
                    "hs_pipeline_stage": "4",
                },
            }
        ],
        ignored=0,
    ),
    "github-issues-deleted": Told(
        [
            ARCHIVE
            | {
                "eventId": "d-2",
                "occurredAt": "2026-11-21T10:00:00Z",
                "sequence": 1,
                "objectType": "0-5",
                "id": "2900000001",
            }
        ],
        ignored=0,
    ),
    "github-ping": Told([], ignored=1),
    "hubspot-contacts": Told(
        [
            CONTACT
            | {
                "eventId": "1148522653-5001-1795255200123#0",
                "occurredAt": "2026-11-21T10:00:00.123000Z",
                "sequence": 0,
                "id": "5001",
                "properties": {"firstname": "Ada"},
            },
            CONTACT
            | {
                "eventId": "1148522654-5001-1795255200124#1",
                "occurredAt": "2026-11-21T10:00:00.124000Z",
                "sequence": 0,
                "id": "5001",
                "properties": {"lastname": ""},
            },
            ARCHIVE
            | {
                "eventId": "1148522656-5002-1795255260000#3",
                "occurredAt": "2026-11-21T10:01:00Z",
                "sequence": 0,
                "id": "5002",
            },
        ],
        ignored=1,
    ),
    "shopify-customers-delete": Told([], ignored=1),
    "shopify-customers-update": Told(
        [
            CONTACT_BY_EMAIL
            | {
                "eventId": "w-1",
                "occurredAt": "2026-11-21T10:00:00Z",
                "sequence": 1795255201877,
                "id": "ada@example.com",
                "properties": {
                    "firstname": "Ada",
                    "lastname": "Example",
                    "phone": "",
                    "address": "12 Example Square",
                    "city": "London",
                    "zip": "SW1Y 4AA",
                    "country": "United Kingdom",
                },
            }
        ],
        ignored=0,
    ),
    "slack-url-verification": Told([], ignored=1),  # Answered before the mapping is asked.
    "slack-user-change": Told(
        [
            CONTACT_BY_EMAIL
            | {
                "eventId": "Ev0EXAMPLE0001",
                "occurredAt": "2026-11-21T10:00:00.000200Z",
                "id": "ada@example.com",
                "properties": {
                    "firstname": "Ada",
                    "lastname": "Example",
                    "phone": "+44 20 7946 0001",
                    "jobtitle": "",
                },
            }
        ],
        ignored=0,
    ),
    "stripe-customer-deleted": Told(
        [
            ARCHIVE
            | {
                "eventId": "evt_1T0example0002",
                "occurredAt": "2026-11-21T10:00:01Z",
                "sequence": 1,
                "id": "cus_Example0001",
            }
        ],
        ignored=0,
    ),
    "stripe-customer-updated": Told(
        [
            CONTACT
            | {
                "eventId": "evt_1T0example0001",
                "occurredAt": "2026-11-21T10:00:00Z",
                "sequence": 0,
                "id": "cus_Example0001",
                "properties": {
                    "email": "Ada@Example.com",
                    "lastname": "Ada Example",
                    "phone": "",
                    "address": "12 Example Square",
                    "city": "London",
                    "zip": "SW1Y 4AA",
                    "country": "GB",
                },
            }
        ],
        ignored=0,
    ),
}


def test_every_payload_is_told_and_every_example_has_one():
    assert sorted(TOLD) == payloads()
    assert sorted({name.partition("-")[0] for name in TOLD}) == sources()


@pytest.mark.parametrize("payload", TOLD)
def test_a_payload_becomes(payload):
    assert tell(payload) == TOLD[payload]


@pytest.mark.parametrize("name", sources())
def test_an_example_never_answers_4xx_to_what_its_upstream_system_signed(name):
    """Third parties repeat what is refused, and then give the address up."""
    assert load_source(FOLDER / f"{name}.toml").invalid == "ignore"


@pytest.mark.parametrize("name", sources())
def test_an_example_allows_the_properties_that_it_sets_and_no_others(name):
    source = load_source(FOLDER / f"{name}.toml")
    named = {property_ for change in source.change for property_ in change.properties}
    addressed = {change.id_property for change in source.change}
    assert source.properties_allowed == named | addressed
