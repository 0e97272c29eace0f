"""When a value that HubSpot shows is the one that it was sent."""

import pytest

from hubsync.core.change import ARCHIVED
from hubsync.core.records.kept_values import is_same, kept_otherwise
from tests.builders import a_reading


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("1.50", "1.5"),
        ("12", "12.0"),
        ("true", "True"),
        ("yes", "true"),
        ("2026-11-21", "1795219200000"),
        ("2026-11-21T00:00:00Z", "2026-11-21"),
        ("Ada@Example.com", "ada@example.com"),
        ("+43 1 5309-0", "+43153090"),
        ("0043 1 53090", "43153090"),
        (" Graz", "Graz"),
        ("", None),
        ("a;b", "b;a"),
    ],
)
def test_a_value_written_in_another_way_is_the_same(sent, shown):
    assert is_same(sent, shown)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("lead", "customer"),
        ("12", "13"),
        ("true", "false"),
        ("2026-11-21", "2026-11-22"),
        ("+43 1 53090", "+43 1 53091"),
        ("Graz", None),
        ("NaN", "1"),
        ("1" * 100_000, "2" * 100_000),
    ],
)
def test_another_value_is_not(sent, shown):
    assert not is_same(sent, shown)


def test_only_what_is_shown_and_differs_was_kept_otherwise():
    sent = {
        "lifecyclestage": a_reading("lead"),
        "city": a_reading("Graz"),
        "phone": a_reading("1"),
        ARCHIVED: a_reading("false"),
    }
    shown = {"lifecyclestage": "customer", "city": "Graz", ARCHIVED: "?"}
    assert kept_otherwise(sent, shown) == ["lifecyclestage"]
