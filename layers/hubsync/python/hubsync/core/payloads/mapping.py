"""A source's mapping: what its file says of foreign payloads, and the mistakes in that.

A property's expression that finds nothing leaves the property alone. JMESPath cannot tell null from
what is not there, and half a payload must not empty a record. A mapping says where null clears:
`member(body, 'phone')`, or `not_null(body.phone, '')`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf

from hubsync.core.event import Operation, Rules, parse_events
from hubsync.core.json_codec import Json
from hubsync.core.limits import VALUES_PER_TABLE_MAX
from hubsync.core.payloads.jmespath_expression import Expression, parse_expression
from hubsync.core.property_values import canonical_value
from hubsync.errors import Fault, InvalidEvents

_OF_PAYLOAD: Final = ("headers", "body")
_OF_ELEMENT: Final = (*_OF_PAYLOAD, "item")
# None of these needs a schema of its own: it is part of the source's.
_CONFIG: Final = ConfigDict(
    frozen=True, strict=True, extra="forbid", hide_input_in_errors=True, defer_build=True
)
# Where the parts of an event come from, in the source's file.
_KEYS: Final = {
    "eventId": "fields/event_id",
    "occurredAt": "fields/occurred_at",
    "sequence": "fields/sequence",
    "operation": "operation",
    "objectType": "object_type",
    "idProperty": "id_property",
    "id": "fields/id",
}

type OfPayload = Annotated[
    InstanceOf[Expression],
    BeforeValidator(lambda text: parse_expression(text, names=_OF_PAYLOAD)),
]
type OfElement = Annotated[
    InstanceOf[Expression],
    BeforeValidator(lambda text: parse_expression(text, names=_OF_ELEMENT)),
]


type Translation = Annotated[
    dict[str, Annotated[str, BeforeValidator(canonical_value)]],
    Field(min_length=1, max_length=VALUES_PER_TABLE_MAX),
]
OTHERS: Final = "*"  # The row of a table for all values that have none.


class Fields(BaseModel):
    model_config = _CONFIG

    id: OfElement
    event_id: OfElement
    occurred_at: OfElement
    sequence: OfElement | None = None


class MappedChange(BaseModel):
    """One `[[change]]`: which payloads it is about, and the event it makes of them."""

    model_config = _CONFIG

    when: OfElement | None = None
    for_each: OfPayload | None = None
    object_type: str
    operation: Operation = "upsert"
    id_property: str | None = None
    fields: Fields
    properties: dict[str, OfElement] = {}
    values: dict[str, Translation] = {}  # by property: upstream's value, and HubSpot's for it

    def frame(self) -> dict[str, Any]:
        """Return the parts of an event that are the same for every payload."""
        frame = {"operation": self.operation, "objectType": self.object_type}
        return frame if self.id_property is None else {**frame, "idProperty": self.id_property}


def mistakes(change: MappedChange, rules: Rules) -> list[Fault]:
    """Return what makes every event of a change invalid, whatever the payload says."""
    if change.operation == "archive" and change.properties:
        return [Fault("/properties", "are not for an archive, which sets none")]
    if unknown := [name for name in change.values if name not in change.properties]:
        return [Fault(f"/values/{name}", "is a table for no property above") for name in unknown]
    sample = "ada@example.com"
    addressed = (change.id_property or "").strip().lower()
    wire = change.frame() | {
        "eventId": "e-1",
        "occurredAt": "2000-01-01T00:00:00Z",
        "id": sample,
        "properties": {n: sample if n.lower() == addressed else "" for n in change.properties},
    }
    try:
        parse_events(wire, rules)
    except InvalidEvents as error:
        return [in_change(fault) for fault in error.faults]
    return []


def translated(value: Json, table: Mapping[str, str]) -> Json:
    """Return HubSpot's value for upstream's, or for each of a list; ValueError if there is none.

    A number or boolean stands in the table as HubSpot would be sent it. Null stays null.
    """
    if value is None:
        return None
    if isinstance(value, list):
        return [translated(element, table) for element in value]
    found = table.get(canonical_value(value), table.get(OTHERS))
    if found is None:
        raise ValueError("is none of the values in its table, which has no row '*'")
    return found


def in_change(fault: Fault) -> Fault:
    """Turn a pointer into a canonical event into one into its change."""
    name = fault.pointer.removeprefix("/")
    return fault._replace(pointer=f"/{_KEYS.get(name, name)}" if name else "")
