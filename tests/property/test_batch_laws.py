"""Batches partition what they are cut from, and a trace id names one write."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hubsync.core.hubspot.batch import cut, write_input
from hubsync.core.hubspot.reply import Answered, Confirmed
from hubsync.core.limits import BATCH_BYTES_MAX, BATCH_INPUTS_MAX, TRACE_ID_CHARACTERS_MAX
from tests.builders import a_message, raw_event
from tests.consumer_harness import ConsumerHarness, tally
from tests.strategies import DUE, LAW, RECORDS

SIZES = st.lists(st.integers(1, BATCH_BYTES_MAX + 10) | st.integers(1, 50_000), max_size=120)


@LAW
@given(SIZES, st.integers(1, BATCH_INPUTS_MAX))
def test_batches_partition_in_order_within_both_bounds(sizes, count):
    batches = list(cut(sizes, size=int, count=count))
    assert [size for batch in batches for size in batch] == sizes
    for batch in batches:
        assert 0 < len(batch) <= count
        assert sum(batch) <= BATCH_BYTES_MAX or len(batch) == 1


@LAW
@given(SIZES)
def test_no_batch_could_have_taken_the_next_ones_first(sizes):
    batches = list(cut(sizes, size=int))
    for batch, following in pairwise(batches):
        full = len(batch) == BATCH_INPUTS_MAX
        assert full or sum(batch) + following[0] > BATCH_BYTES_MAX


@LAW
@given(st.lists(st.tuples(RECORDS, DUE), max_size=5))
def test_a_trace_id_is_the_same_for_the_same_write_and_for_no_other(writes):
    by_trace = {}
    for record, due in writes:
        item = write_input(record, due)
        write = (record, {name: reading.version for name, reading in due.items()})
        assert by_trace.setdefault(item.trace_id, write) == write
        assert write_input(record, dict(reversed(due.items()))).trace_id == item.trace_id
        assert len(item.trace_id) <= TRACE_ID_CHARACTERS_MAX
    assert len(by_trace) <= len(writes)


EVENTS = st.lists(
    st.builds(
        raw_event,
        eventId=st.integers(0, 10**6).map(str),
        id=st.integers(0, 150).map(lambda n: f"c{n}@example.com"),
        objectType=st.sampled_from(["contacts", "companies"]),
        idProperty=st.sampled_from(["email", "external_id"]),
    ),
    max_size=120,
)


@LAW
@given(EVENTS)
def test_every_record_is_in_one_batch_and_no_batch_names_one_twice(events):
    stage = ConsumerHarness()
    batches = []

    async def write(batch):
        batches.append(batch)
        return Answered({item.trace_id: Confirmed(None) for item in batch.inputs})

    stage.write = write
    consumed = stage.consume(a_message(*events))
    assert tally(consumed).total() == len(events)
    named = [item.record for batch in batches for item in batch.inputs]
    assert len(named) == len(set(named))
    for batch in batches:
        route = batch.route
        assert len(batch.inputs) <= BATCH_INPUTS_MAX
        assert len({item.trace_id for item in batch.inputs}) == len(batch.inputs)
        assert {item.record[:3] for item in batch.inputs} == {
            (route.account, route.object_type, route.id_property)
        }
