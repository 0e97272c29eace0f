import pytest

from hubsync.core.object_types import STANDARD, canonical_type, path_segment

CUSTOM = {"p1_car": "2-123"}


@pytest.mark.parametrize(
    ("name", "type_id"),
    [
        ("contacts", "0-1"),
        (" Contacts ", "0-1"),
        ("0-1", "0-1"),
        ("listings", "0-420"),
        ("contracts", "contracts"),
        ("2-123", "2-123"),
        ("p1_car", "2-123"),
        ("P1_Car", "2-123"),
        ("cars", None),
        ("", None),
        ("0-", None),
        ("00-1", None),
        ("0-01", None),
        ("\u0660-1", None),
        ("0-1/../x", None),
    ],
)
def test_a_type_has_one_canonical_id_however_it_is_named(name, type_id):
    assert canonical_type(name, CUSTOM) == type_id


def test_a_custom_name_does_not_take_a_standard_types_place():
    assert canonical_type("contacts", {"contacts": "2-9"}) == "0-1"


@pytest.mark.parametrize("name", STANDARD)
def test_every_standard_types_id_is_canonical_itself(name):
    assert canonical_type(STANDARD[name], {}) == STANDARD[name]


@pytest.mark.parametrize(
    ("type_id", "segment"),
    [
        ("0-1", "contacts"),
        ("0-2", "companies"),
        ("0-3", "deals"),
        ("0-5", "tickets"),
        ("0-7", "products"),
        ("0-8", "line_items"),
        ("contracts", "contracts"),
        ("0-420", "0-420"),
        ("2-123", "2-123"),
    ],
)
def test_a_path_names_the_seven_commonest_types_and_numbers_the_others(type_id, segment):
    assert path_segment(type_id) == segment
