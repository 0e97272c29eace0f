"""The schemas of the HTTP interface: the code's own models, and those of what is answered."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from hubsync.core.event import ChangeEvent
from hubsync.core.limits import EVENTS_PER_REQUEST_MAX, UNKNOWN_MAX
from hubsync.core.payloads.cloud_event import CloudEvent

type Tree = dict[str, Any]  # a part of the document

FIELDS: Final = {
    "eventId": "Unique within its source. A repeat of it is harmless.",
    "occurredAt": "When it was true: RFC 3339 with an offset, at most 5 minutes ahead. The newest "
    "value of a property wins.",
    "sequence": "Orders events of one moment: a row version, a log sequence number, an offset.",
    "operation": "What to do. An update fails where the record is missing.",
    "objectType": "A standard name or a type id; `contacts` and `0-1` are one type. The name of a "
    "custom object must be known to the deployment.",
    "idProperty": "The unique property that `id` is a value of. Required for an upsert; without "
    "it, `id` is HubSpot's record id.",
    "id": "Which record.",
    "properties": "Required but for an archive. A list is joined with `;`, null clears.",
}
ENVELOPE: Final = {
    "id": "Becomes the change event's `eventId`.",
    "time": "Becomes the change event's `occurredAt`. CloudEvents need none; hubsync does.",
    "data": "A change event without `eventId` and `occurredAt`, or with the same.",
    "data_base64": "The same as JSON in base64, instead of `data`.",
}


class Accepted(BaseModel):
    """What was taken in."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    accepted: int
    ignored: int
    kept: int
    unknown: list[str] = Field(default=[], max_length=UNKNOWN_MAX)
    request_id: str


class Challenge(BaseModel):
    """Slack's challenge, echoed."""

    model_config = ConfigDict(extra="forbid")

    challenge: str


class Fault(BaseModel):
    """One mistake: where, as a JSON pointer into the body, and what."""

    model_config = ConfigDict(extra="forbid")

    pointer: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str


class InvalidEvents(Problem):
    """A problem with every fault of the events, up to 1,000."""

    errors: list[Fault]


class _Plain(GenerateJsonSchema):
    """Schemas without the titles that pydantic makes of names."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - the base's
        return False


def schemas() -> Tree:
    """Return every schema by its name."""
    models = (ChangeEvent, CloudEvent, Accepted, Challenge, Problem, InvalidEvents)
    _, found = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Plain,
    )
    named: Tree = found["$defs"]
    change, envelope = named["ChangeEvent"], named["CloudEvent"]
    _describe(change, FIELDS)
    change["description"] = "What a record's properties were at a moment, and who says so."
    named["ChangeEventData"] = _without(change, ("eventId", "occurredAt"))
    _describe(envelope, ENVELOPE)
    envelope["properties"]["data"] = {"description": ENVELOPE["data"], **ref("ChangeEventData")}
    envelope["required"].append("time")
    envelope["description"] = (
        "An event as CloudEvents 1.0 have it. In binary mode the attributes are headers, `ce-id` "
        "and so on, and the body is the data."
    )
    named["Payload"] = {"description": "Whatever JSON the source's mapping reads."}
    return named


def _describe(schema: Tree, descriptions: Mapping[str, str]) -> None:
    for name, description in descriptions.items():
        schema["properties"][name] = {"description": description} | schema["properties"][name]


def _without(schema: Tree, names: tuple[str, ...]) -> Tree:
    kept = {name: part for name, part in schema["properties"].items() if name not in names}
    return schema | {
        "title": "ChangeEventData",
        "description": "A change event whose `eventId` and `occurredAt` its envelope has.",
        "properties": kept,
        "required": [name for name in schema["required"] if name not in names],
    }


def ref(name: str) -> Tree:
    return {"$ref": f"#/components/schemas/{name}"}


def array_of(name: str) -> Tree:
    return {"type": "array", "items": ref(name), "maxItems": EVENTS_PER_REQUEST_MAX}
