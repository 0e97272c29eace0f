"""What a user of HubSpot's official SDK writes instead of hubsync, in three ways.

As its documentation shows: one client for the life of the process, with its pool of connections. A
call that is refused is caught, and its events are reported as failed.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Any

import hubspot
from hubspot.crm.contacts import (
    ApiException,
    BatchInputSimplePublicObjectBatchInputUpsert,
    SimplePublicObjectBatchInputUpsert,
)

INPUTS_MAX = 100

type Event = dict[str, Any]
type Wire = dict[str, Any]  # a change event as upstream wrote it

BATCHES = hubspot.HubSpot(
    access_token="token",  # noqa: S106 - the stand-ins take any
    host=os.environ["HUBSPOT_BASE_URL"],
).crm.contacts.batch_api


def merged(event: Event) -> list[str]:
    """Merge the events of a record in the order they came, then write a hundred a call."""
    records: dict[str, dict[str, str]] = {}
    sources: dict[str, list[str]] = {}
    for wire in _wires(event):
        records.setdefault(wire["id"], {}).update(_properties(wire))
        sources.setdefault(wire["id"], []).append(wire["eventId"])
    inputs = [(_input(id_, properties), sources[id_]) for id_, properties in records.items()]
    return list(_written(inputs, INPUTS_MAX))


def unmerged(event: Event) -> list[str]:
    """Write the events as they came, a hundred a call."""
    return list(_written(_inputs(event), INPUTS_MAX))


def single(event: Event) -> list[str]:
    """Write each event by a call of its own."""
    return list(_written(_inputs(event), 1))


def _inputs(event: Event) -> list[tuple[SimplePublicObjectBatchInputUpsert, Sequence[str]]]:
    return [(_input(wire["id"], _properties(wire)), [wire["eventId"]]) for wire in _wires(event)]


def _wires(event: Event) -> Iterator[Wire]:
    for record in event["Records"]:
        yield from json.loads(record["body"])["events"]


def _properties(wire: Wire) -> dict[str, str]:
    # Documented: an empty text clears a property.
    return {name: "" if value is None else value for name, value in wire["properties"].items()}


def _input(id_: str, properties: dict[str, str]) -> SimplePublicObjectBatchInputUpsert:
    return SimplePublicObjectBatchInputUpsert(id_property="email", id=id_, properties=properties)


def _written(
    inputs: Iterable[tuple[SimplePublicObjectBatchInputUpsert, Sequence[str]]], size: int
) -> Iterator[str]:
    """Yield the events that were written, as far as the SDK tells."""
    for some in batched(inputs, size, strict=False):
        batch = BatchInputSimplePublicObjectBatchInputUpsert(inputs=[each for each, _ in some])
        try:
            BATCHES.upsert(batch_input_simple_public_object_batch_input_upsert=batch)
        except ApiException:
            continue
        for _, events in some:
            yield from events
