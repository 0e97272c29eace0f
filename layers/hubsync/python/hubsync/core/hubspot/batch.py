"""Batches: inputs for one HubSpot call, as full as may be."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import NamedTuple

from hubsync.core.change import ARCHIVED, YES, Reading, RecordKey
from hubsync.core.compact import compact
from hubsync.core.event import HUBSPOT_ID, Operation
from hubsync.core.hubspot.reply import TraceId
from hubsync.core.limits import BATCH_BYTES_MAX, BATCH_INPUTS_MAX
from hubsync.core.object_types import CONTACTS


class Route(NamedTuple):
    """What all inputs of one batch have in common."""

    account: str
    object_type: str
    operation: Operation
    id_property: str


class Input(NamedTuple):
    """One record's part of a batch. `encoded` is its JSON, made once: it is also measured."""

    record: RecordKey
    readings: Mapping[str, Reading]
    trace_id: TraceId
    encoded: bytes

    @property
    def size(self) -> int:
        return len(self.encoded)


class Batch(NamedTuple):
    """At most 100 inputs for one call, never two for one record."""

    route: Route
    inputs: tuple[Input, ...]

    def encode(self) -> bytes:
        return b'{"inputs":[%s]}' % b",".join(item.encoded for item in self.inputs)


def route_of(record: RecordKey, readings: Mapping[str, Reading]) -> Route:
    """Return the call that writes these readings: the newest word on existence decides.

    Where no such word is open, the record was made already, or is not ours to make.
    """
    existence = readings.get(ARCHIVED)
    # Documented: contacts are not updated by e-mail address.
    by_email = (record.object_type, record.id_property) == (CONTACTS, "email")
    operation: Operation = "upsert" if by_email else "update"
    if existence is not None:
        operation = "archive" if existence.value == YES else "upsert"
    return Route(record.account, record.object_type, operation, record.id_property)


def write_input(record: RecordKey, readings: Mapping[str, Reading]) -> Input:
    """Return the input that writes these readings to a record by upsert or update."""
    trace_id = _trace_id(record, readings)
    body: dict[str, object] = {"id": record.id}
    if record.id_property != HUBSPOT_ID:
        body["idProperty"] = record.id_property
    body["properties"] = {
        name: reading.value for name, reading in readings.items() if name != ARCHIVED
    }
    body["objectWriteTraceId"] = trace_id
    return Input(record, readings, trace_id, compact(body))


def archive_input(record: RecordKey, readings: Mapping[str, Reading], hubspot_id: str) -> Input:
    """Return the input that archives a record; HubSpot takes its own record ids only."""
    return Input(
        record,
        readings,
        _trace_id(record, readings),
        compact({"id": hubspot_id}),
    )


def _trace_id(record: RecordKey, readings: Mapping[str, Reading]) -> TraceId:
    # The same write has the same id, on every retry and every machine. HubSpot attributes errors by
    # it; it does not deduplicate by it (no such thing is documented).
    facts = [record, sorted((name, reading.version) for name, reading in readings.items())]
    return TraceId(blake2b(compact(facts), digest_size=16).hexdigest())


def place(record: RecordKey, turn: int) -> bytes:
    """Return where a record stands among others; another order in each turn, for all the same."""
    return blake2b(f"{turn}#{record.id}".encode(), digest_size=8).digest()


def cut[T](
    items: Iterable[T], *, size: Callable[[T], int], count: int = BATCH_INPUTS_MAX
) -> Iterator[list[T]]:
    """Cut items into lists of at most `count`, each below the bytes a body may have."""
    batch: list[T] = []
    total = 0
    for item in items:
        length = size(item)
        if batch and (len(batch) == count or total + length > BATCH_BYTES_MAX):
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += length
    if batch:
        yield batch


def by_route[T](items: Iterable[tuple[Route, T]]) -> dict[Route, list[T]]:
    routes: defaultdict[Route, list[T]] = defaultdict(list)
    for route, item in items:
        routes[route].append(item)
    return routes
