import pytest

from hubsync.core.change import (
    ARCHIVED,
    Change,
    Reading,
    RecordKey,
    Version,
    change_of,
    coalesce,
    merged,
    readings,
    record_key,
)
from tests.builders import ADA, NOON, a_change, a_reading, a_version, an_event


def test_a_later_reading_wins_over_an_earlier_one_whatever_came_first():
    old, new = a_reading("old", 0), a_reading("new", 1)
    change = a_change(firstname=new) | a_change(firstname=old)
    assert change == a_change(firstname=[new, old])


def test_merging_keeps_the_properties_of_both():
    first, second = a_reading("Ada"), a_reading("1", event_id="e-2")
    assert a_change(firstname=first) | a_change(phone=second) == a_change(
        firstname=first, phone=second
    )


def test_a_repeated_reading_is_kept_once():
    reading = a_reading()
    assert merged([reading], [reading, reading]) == (reading,)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (a_version(at=0, sequence=9), a_version(at=1, sequence=0)),
        (a_version(sequence=0, source="z"), a_version(sequence=1, source="a")),
        (a_version(source="a", event_id="z"), a_version(source="b", event_id="a")),
        (a_version(event_id="a", digest="z"), a_version(event_id="b", digest="a")),
        (a_version(digest="a"), a_version(digest="b")),
    ],
    ids=["time", "sequence", "source", "event id", "digest"],
)
def test_versions_are_ordered_by_time_then_sequence_source_event_and_content(older, newer):
    assert older < newer


@pytest.mark.parametrize("said", [{"properties": {"phone": "1"}}, {"operation": "archive"}])
def test_two_events_with_one_identity_are_still_ordered(said):
    one, other = (readings("changes", an_event(**fields)) for fields in ({}, said))
    versions = {reading.version for found in (one, other) for reading in found.values()}
    assert len(versions) == 2
    assert len({version.event for version in versions}) == 1


def test_an_upsert_says_that_the_record_exists():
    version = Version(NOON, 0, "changes", "e-1", digest="")
    found = readings("changes", an_event(properties={"phone": "1"}))
    digests = {reading.version.digest for reading in found.values()}
    assert len(digests) == 1
    version = version._replace(digest=digests.pop())
    assert found == {
        "phone": Reading(version, "1", upsert=True),
        ARCHIVED: Reading(version, "false", upsert=True),
    }


def test_an_update_says_nothing_of_existence():
    event = an_event(operation="update", idProperty="external_id", id="u-1")
    assert list(readings("changes", event)) == ["firstname"]
    assert not readings("changes", event)["firstname"].upsert


def test_an_archive_says_nothing_but_that():
    event = an_event(operation="archive", properties={"firstname": "Ada"})
    (reading,) = readings("changes", event).items()
    assert (reading[0], reading[1].value) == (ARCHIVED, "true")


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({}, ADA),
        ({"objectType": "2-9", "idProperty": "Plate", "id": "X"}, ("main", "2-9", "plate", "X")),
        (
            {"operation": "update", "idProperty": None, "id": "512"},
            ("main", "0-1", "hs_object_id", "512"),
        ),
    ],
)
def test_a_record_is_known_by_account_type_property_and_id(fields, key):
    assert record_key("main", an_event(**fields)) == RecordKey(*key)


def test_coalescing_leaves_one_change_for_each_record():
    bea = ADA._replace(id="bea@example.com")
    first, second, third = (a_reading(str(n), n, f"e-{n}") for n in range(3))
    changes = [
        change_of(ADA, {"phone": first}),
        change_of(bea, {"phone": second}),
        change_of(ADA, {"phone": third}),
    ]
    assert coalesce(changes) == {
        ADA: a_change(phone=[third, first]),
        bea: Change(bea, {"phone": (second,)}),
    }


def test_coalesced_changes_are_in_the_order_of_ids_whatever_came_first():
    records = [ADA._replace(id=f"{name}@example.com") for name in ("cy", "ada", "bea")]
    changes = [change_of(record, {"phone": a_reading("1")}) for record in records]
    assert [record.id[:3] for record in coalesce(changes)] == ["ada", "bea", "cy@"]
