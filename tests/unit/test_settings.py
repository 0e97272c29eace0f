import pytest

from hubsync.errors import Misconfigured
from hubsync.settings import IngestSettings, load
from hubsync.writer_settings import ConsumerSettings, versions_by_type

CONSUMER = {
    "CHANGE_QUEUE_URL": "http://sqs.example.com/change",
    "DEAD_LETTER_QUEUE_URL": "http://sqs.example.com/dead",
    "STATE_TABLE": "state",
    "HUBSPOT_TOKEN_SECRETS": '{"main": "hubsync/hubspot/main"}',
}
TYPES = '{"p1_car": "2-123"}'


def consumer(**environment):
    return load(ConsumerSettings, CONSUMER | environment)


def versions(text, types=TYPES):
    return versions_by_type(consumer(HUBSPOT_API_VERSIONS=text, HUBSPOT_OBJECT_TYPES=types))


def test_the_environment_becomes_typed_settings():
    settings = consumer(
        HUBSPOT_BASE_URL="http://127.0.0.1:3001",
        HUBSPOT_LATE_WRITE_SECONDS="60",
        HUBSPOT_TIME_ZONE="Europe/Berlin",
        HUBSPOT_OBJECT_TYPES=TYPES,
        NOT_FOUND_RETRY_SECONDS="0",
        UNKNOWN="is ignored",
    )
    assert settings.model_dump() == {
        "change_queue_url": "http://sqs.example.com/change",
        "object_types": {"p1_car": "2-123"},
        "dead_letter_queue_url": "http://sqs.example.com/dead",
        "state_table": "state",
        "base_url": "http://127.0.0.1:3001",
        "api_versions": {"default": "2026-03"},
        "token_secrets": {"main": "hubsync/hubspot/main"},
        "requests_per_10_seconds": 100.0,
        "late_write_seconds": 60.0,
        "not_found_retry_seconds": 0.0,
        "time_zone": "Europe/Berlin",
    }


def test_what_is_not_set_has_the_documented_default():
    settings = consumer()
    assert (settings.base_url, settings.time_zone) == ("https://api.hubapi.com", "UTC")
    assert (settings.late_write_seconds, settings.not_found_retry_seconds) == (300, 600)


def test_all_that_is_missing_is_named_at_once():
    with pytest.raises(Misconfigured) as caught:
        load(ConsumerSettings, {})
    assert all(name in str(caught.value) for name in CONSUMER)
    with pytest.raises(Misconfigured, match=r"CHANGE_QUEUE_URL.*WEBHOOK_SECRETS_PREFIX"):
        load(IngestSettings, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHANGE_QUEUE_URL", ""),
        ("HUBSPOT_TOKEN_SECRETS", "no JSON"),
        ("HUBSPOT_TOKEN_SECRETS", "[]"),
        ("HUBSPOT_TOKEN_SECRETS", '{"main": 5}'),
        ("HUBSPOT_LATE_WRITE_SECONDS", "-1"),
        ("HUBSPOT_LATE_WRITE_SECONDS", "3601"),
        ("HUBSPOT_LATE_WRITE_SECONDS", "soon"),
        ("HUBSPOT_LATE_WRITE_SECONDS", "nan"),
        ("NOT_FOUND_RETRY_SECONDS", "-1"),
        ("HUBSPOT_TIME_ZONE", "Mars/Olympus"),
        ("HUBSPOT_TIME_ZONE", "../etc/passwd"),
        ("HUBSPOT_API_VERSIONS", '{"default": "v4"}'),
        ("HUBSPOT_API_VERSIONS", '{"default": "2026-3"}'),
        ("HUBSPOT_API_VERSIONS", '{"default": "2026-03/../x"}'),
        ("HUBSPOT_OBJECT_TYPES", '{"p1_car": "vehicle"}'),
        ("HUBSPOT_OBJECT_TYPES", '{"p1_car": "2-123", "P1_Car": "2-124"}'),
    ],
)
def test_a_wrong_setting_is_named(name, value):
    with pytest.raises(Misconfigured, match=name):
        consumer(**{name: value})


def test_a_custom_types_name_is_known_in_any_case():
    assert consumer(HUBSPOT_OBJECT_TYPES='{" P1_Car": "2-123"}').object_types == {"p1_car": "2-123"}


def test_a_mistake_does_not_quote_what_may_be_secret():
    with pytest.raises(Misconfigured) as caught:
        consumer(HUBSPOT_TOKEN_SECRETS='{"main": ["pat-na1-secret"]}')
    assert "pat-na1-secret" not in str(caught.value)


def test_versions_are_by_type_id_however_the_type_is_named():
    assert versions('{"contacts": "v3", "0-420": "v3", "P1_Car": "2026-09-beta"}') == {
        "default": "2026-03",
        "0-1": "v3",
        "0-420": "v3",
        "2-123": "2026-09-beta",
    }
    assert versions('{"default": "v3"}') == {"default": "v3"}


@pytest.mark.parametrize(
    "text", ['{"contacts": "v3", "0-1": "v3"}', '{"goals": "v3", "0-74": "v3"}']
)
def test_two_names_of_one_type_are_an_error(text):
    with pytest.raises(Misconfigured, match="named twice"):
        versions(text)


def test_a_version_for_a_type_nobody_knows_is_an_error():
    with pytest.raises(Misconfigured, match="'cars' is no object type"):
        versions('{"cars": "v3"}')
