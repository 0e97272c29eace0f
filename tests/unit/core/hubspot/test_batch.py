import json

import pytest

from hubsync.core.change import ARCHIVED, RecordKey
from hubsync.core.hubspot.batch import (
    Batch,
    Route,
    archive_input,
    by_route,
    cut,
    place,
    route_of,
    write_input,
)
from hubsync.core.limits import BATCH_BYTES_MAX, BATCH_INPUTS_MAX, TRACE_ID_CHARACTERS_MAX
from tests.builders import ADA, a_batch, a_reading, an_input

BY_ID = RecordKey("main", "0-1", "hs_object_id", "512")
BY_KEY = ADA._replace(id_property="external_id", id="u-1")
ALIVE = {ARCHIVED: a_reading("false", upsert=True)}
ARCHIVE = {ARCHIVED: a_reading("true")}


def body(item):
    return json.loads(item.encoded)


def test_an_upsert_input_has_id_properties_and_trace_id_but_not_our_own_property():
    item = write_input(ADA, {"firstname": a_reading("Zo\u00eb"), "phone": a_reading(""), **ALIVE})
    assert body(item) == {
        "id": "ada@example.com",
        "idProperty": "email",
        "properties": {"firstname": "Zo\u00eb", "phone": ""},
        "objectWriteTraceId": item.trace_id,
    }


def test_an_update_by_record_id_has_no_id_property():
    assert "idProperty" not in body(write_input(BY_ID, {"phone": a_reading("1")}))


def test_an_archive_input_is_hubspots_own_id_alone():
    assert body(archive_input(ADA, ARCHIVE, "512")) == {"id": "512"}


def test_a_batch_is_the_inputs_and_nothing_else():
    batch = a_batch("ada@example.com", "bea@example.com")
    assert json.loads(batch.encode()) == {"inputs": [body(item) for item in batch.inputs]}


def test_an_inputs_size_is_in_bytes():
    assert an_input(properties={"a": "\u00fc"}).size == an_input(properties={"a": "u"}).size + 1


@pytest.mark.parametrize(
    ("record", "readings", "operation"),
    [
        (BY_KEY, ALIVE, "upsert"),
        (BY_KEY, {"phone": a_reading()}, "update"),
        (ADA, {"phone": a_reading()}, "upsert"),  # contacts are not updated by e-mail address
        (BY_ID, {"phone": a_reading()}, "update"),
        (ADA, ARCHIVE, "archive"),
        (BY_ID, ARCHIVE, "archive"),
    ],
)
def test_the_newest_word_on_existence_decides_the_call(record, readings, operation):
    assert route_of(record, readings) == Route("main", "0-1", operation, record.id_property)


def test_a_trace_id_is_the_same_for_the_same_write_everywhere():
    readings = {"a": a_reading("1"), "b": a_reading("2", at=5)}
    item = write_input(ADA, readings)
    assert item.trace_id == write_input(ADA, dict(reversed(readings.items()))).trace_id
    # Written down, so that another machine or release does not trace otherwise unnoticed.
    assert item.trace_id == "b2b55797e6d19411780cad40b7a6d45c"
    assert len(item.trace_id) <= TRACE_ID_CHARACTERS_MAX


def test_a_trace_id_differs_by_record_and_by_reading():
    readings = {"a": a_reading("1")}
    others = [
        write_input(ADA._replace(id="bea@example.com"), readings),
        write_input(ADA._replace(account="other"), readings),
        write_input(ADA, {"b": a_reading("1")}),
        write_input(ADA, {"a": a_reading("1", at=1)}),
        write_input(ADA, {"a": a_reading("1", event_id="e-2")}),
        write_input(ADA, {**readings, "b": a_reading("2")}),
        write_input(ADA, readings),
    ]
    assert len({item.trace_id for item in others}) == len(others)


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])],
)
def test_batches_are_full_but_for_the_last(count, sizes):
    batches = list(cut(range(count), size=lambda _: 1))
    assert [len(batch) for batch in batches] == sizes
    assert [item for batch in batches for item in batch] == list(range(count))


def test_a_batch_is_also_cut_by_its_bytes():
    half = BATCH_BYTES_MAX // 2
    assert list(cut([half, half, 1, BATCH_BYTES_MAX + 1, 1], size=int)) == [
        [half, half],
        [1],
        [BATCH_BYTES_MAX + 1],
        [1],
    ]


def test_records_in_doubt_are_cut_smaller():
    assert [len(batch) for batch in cut(range(25), size=lambda _: 1, count=10)] == [10, 10, 5]


def test_what_differs_in_account_type_operation_or_property_travels_apart():
    routes = [
        Route("main", "0-1", "upsert", "email"),
        Route("other", "0-1", "upsert", "email"),
        Route("main", "0-2", "upsert", "email"),
        Route("main", "0-1", "update", "email"),
        Route("main", "0-1", "upsert", "external_id"),
    ]
    pairs = [(route, n) for n in range(2) for route in routes]
    assert by_route(pairs) == {route: [0, 1] for route in routes}


def test_a_full_batch_of_small_inputs_is_well_below_the_bytes_allowed():
    batch = a_batch(*(f"{n}@example.com" for n in range(BATCH_INPUTS_MAX)))
    assert isinstance(batch, Batch)
    assert len(batch.encode()) < BATCH_BYTES_MAX


def test_records_stand_in_another_order_in_each_turn_which_is_the_same_for_all():
    records = [RecordKey("main", "0-1", "email", f"{n}@example.com") for n in range(50)]
    first, again, next_ = (
        sorted(records, key=lambda record: place(record, turn)) for turn in (1, 1, 2)
    )
    assert first == again
    assert first != next_
