"""The example sources say exactly these events of their upstream systems' payloads."""

import pytest

from hubsync.core.payloads.source import load_source
from hubsync_operations.source_cases import tell
from tests.examples import CASES, FOLDER, payloads, sources


def test_every_example_has_payloads():
    assert sorted({name.partition("-")[0] for name in payloads()}) == sources()


@pytest.mark.parametrize("payload", payloads())
def test_a_payload_becomes(payload):
    case = CASES[payload]
    assert tell(case, {}) == case.expected()


@pytest.mark.parametrize("payload", payloads())
def test_nothing_of_a_payload_is_invalid(payload):
    assert not CASES[payload].expected().keys() & {"faults", "kept"}


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


@pytest.mark.parametrize("name", sources())
def test_an_example_tells_of_the_request_that_comes_first(name):
    assert "# First request: " in (FOLDER / f"{name}.toml").read_text("utf-8")


@pytest.mark.parametrize("name", sources())
def test_an_archive_is_ordered_after_all_else_of_its_moment(name):
    """Times of many upstream systems are whole seconds."""
    changes = load_source(FOLDER / f"{name}.toml").change
    archives = [change for change in changes if change.operation == "archive"]
    for change in archives:
        assert change.fields.sequence is not None
