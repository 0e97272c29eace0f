"""A change event: one valid fact from upstream, in canonical form.

Canonical means that two spellings of one thing become one: type names become type ids, e-mail
addresses lower case, values text. It is done once, here, so that one CRM record has one ledger key.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple

import idna
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, SchemaValidator, core_schema

from hubsync.core.json_codec import Json
from hubsync.core.limits import (
    EVENT_ID_CHARACTERS_MAX,
    ID_CHARACTERS_MAX,
    PROPERTIES_MAX,
    PROPERTY_NAME_CHARACTERS_MAX,
    SEQUENCE_MAX,
    VALUE_CHARACTERS_MAX,
)
from hubsync.core.object_types import CONTACTS, canonical_type
from hubsync.core.property_values import CANONICAL, canonical_value
from hubsync.errors import Fault, InvalidEvents

HUBSPOT_ID: Final = "hs_object_id"  # In a record's key: the id is HubSpot's own.
FAULTS_MAX: Final = 1_000  # Keeps the answer below Lambda's 6 MB, and what it costs in bounds.

type Operation = Literal["upsert", "update", "archive"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_RFC_3339: Final = re.compile(
    # Digits are not given back: there may be a million of them.
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d++)?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
EVENT_ID: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{{1,{EVENT_ID_CHARACTERS_MAX}}}")
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]*")
# A name may become an attribute of a dead letter, where nothing is escaped: no U+FFFE, no U+FFFF.
_NAME: Final = re.compile(r"[^\s,:;\x00-\x1f\x7f-\x9f\ufffe\uffff]+")
_CANONICAL_NAME: Final = core_schema.str_schema(
    strict=True, max_length=PROPERTY_NAME_CHARACTERS_MAX, pattern="^[a-z0-9_]+$"
)
_ARE_CANONICAL: Final = SchemaValidator(
    core_schema.dict_schema(_CANONICAL_NAME, CANONICAL, strict=True)
).isinstance_python
# What stays as it is, also as an e-mail address: ASCII without spaces and upper case.
_CANONICAL_ID: Final = re.compile(r"[!-:<-@\[-~][!-@\[-~]{0,255}")


class Rules(NamedTuple):
    """What validity depends on besides the event itself."""

    object_types: Mapping[str, str] = MappingProxyType({})
    properties_allowed: frozenset[str] | None = None
    occurred_at_max: int | None = None  # microseconds since 1970; None where it was checked before
    empty_updates: bool = False  # allowed: what an update said was refused


def parse_timestamp(text: str) -> int:
    """Return microseconds since 1970 of an RFC 3339 text; digits beyond microseconds are cut."""
    if not _RFC_3339.fullmatch(text):
        raise ValueError("must be RFC 3339 with an offset, like 2026-11-21T10:00:00Z")
    try:
        # In UTC first: an offset can reach beyond the years that can be written again.
        return (datetime.fromisoformat(text.upper()).astimezone(UTC) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        raise ValueError("is no moment of the calendar") from None


def _occurred_at(value: object, info: ValidationInfo) -> int:
    occurred_at = parse_timestamp(value if isinstance(value, str) else "")
    latest = _rules(info).occurred_at_max
    if latest is not None and occurred_at > latest:
        raise ValueError("is more than 5 minutes in the future")
    return occurred_at


def _object_type(name: str, info: ValidationInfo) -> str:
    type_id = canonical_type(name, _rules(info).object_types)
    if type_id is None:
        raise ValueError(
            "is neither a type id, nor a standard name, nor one that HUBSPOT_OBJECT_TYPES maps"
        )
    return type_id


def _id_property(value: str | None, info: ValidationInfo) -> str | None:
    name = value.strip().lower() if value is not None else None
    operation = info.data.get("operation")
    if operation == "upsert":
        if name is None:
            raise ValueError("is required for an upsert")
        if name == HUBSPOT_ID:
            raise ValueError("must be a unique property; HubSpot upserts by no record id")
    if name == HUBSPOT_ID:
        return None
    if name is not None:
        _property_name(name)
    if operation == "update" and name == "email" and info.data.get("object_type") == CONTACTS:
        raise ValueError("email is not offered by HubSpot for updates of contacts; use an upsert")
    return name


def _id(value: object, info: ValidationInfo) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - pydantic turns it into a fault
    return canonical_id(value, info.data.get("object_type"), info.data.get("id_property"))


def canonical_id(text: str, object_type: str | None, id_property: str | None) -> str:
    """Return the one spelling of an id: trimmed; an e-mail address in lower case and punycode."""
    if _CANONICAL_ID.fullmatch(text):
        return text
    text = canonical_value(text.strip())
    if not text:
        raise ValueError("is empty")
    if len(text) > ID_CHARACTERS_MAX:
        raise ValueError(f"has {len(text)} characters; the limit is {ID_CHARACTERS_MAX}")
    if not _LINE.fullmatch(text):
        raise ValueError("holds a line end or a tab")
    return _email(text) if (object_type, id_property) == (CONTACTS, "email") else text


def _email(text: str) -> str:
    local, at, domain = text.lower().rpartition("@")
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            raise ValueError("has no valid domain") from None
    return f"{local}{at}{domain}"


def _property_name(name: str) -> str:
    name = name.lower()
    if not 0 < len(name) <= PROPERTY_NAME_CHARACTERS_MAX:
        raise ValueError(f"a name has 1 to {PROPERTY_NAME_CHARACTERS_MAX} characters")
    if not _NAME.fullmatch(name):
        raise ValueError("a name holds no space, control character, comma, colon or semicolon")
    return name


def is_property_name(name: str) -> bool:
    """Whether a property can have this name, in any case."""
    try:
        _property_name(name)
    except ValueError:
        return False
    return True


def _properties(
    value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo
) -> dict[str, str]:
    operation = info.data.get("operation")
    if value is None and operation == "archive":
        return {}
    if value is None:
        raise ValueError("is required, except for an archive")
    if isinstance(value, dict) and len(value) > PROPERTIES_MAX:
        raise ValueError(f"has {len(value)} properties; the limit is {PROPERTIES_MAX}")
    properties: dict[str, str]
    # Of what comes from the queue, nothing is left to be done.
    properties = value if isinstance(value, dict) and _ARE_CANONICAL(value) else handler(value)
    assert isinstance(value, dict)
    if len(properties) < len(value):
        raise ValueError("has two names that differ in case alone")
    if operation == "update" and not properties and not _rules(info).empty_updates:
        raise ValueError("is empty, so there is nothing to update")
    _check_allowed(properties, _rules(info).properties_allowed)
    return _with_canonical_id(properties, info.data)


def _check_allowed(properties: Mapping[str, str], allowed: frozenset[str] | None) -> None:
    refused = sorted(properties.keys() - allowed) if allowed is not None else []
    if refused:
        raise ValueError(f"the source may not set {', '.join(refused)}")


def _with_canonical_id(properties: dict[str, str], event: dict[str, Any]) -> dict[str, str]:
    name = event.get("id_property")
    if name not in properties or "id" not in event:
        return properties
    if canonical_id(properties[name], event.get("object_type"), name) != event["id"]:
        raise ValueError(f"{name} addresses the record, so it must equal id")
    return {**properties, name: event["id"]}


def _rules(info: ValidationInfo) -> Rules:
    return info.context if isinstance(info.context, Rules) else _NO_RULES


_NO_RULES: Final = Rules()


# What upstream may write, for the description of the interface; the validators are stricter.
type MomentText = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
type Element = str | float | bool
type Value = (
    Annotated[str, Field(max_length=VALUE_CHARACTERS_MAX)] | float | bool | list[Element] | None
)
type Properties = Annotated[
    dict[Annotated[str, Field(max_length=PROPERTY_NAME_CHARACTERS_MAX)], Value],
    Field(max_length=PROPERTIES_MAX),
]


class ChangeEvent(BaseModel):
    """One fact: what a record's properties were, when, and who says so.

    `occurred_at` is in microseconds since 1970. `id_property` is None where `id` is HubSpot's own
    record id. Fields are validated in the order below; later rules look at earlier fields.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        alias_generator=to_camel,
        hide_input_in_errors=True,
    )

    event_id: Annotated[
        str,
        Field(
            min_length=1, max_length=EVENT_ID_CHARACTERS_MAX, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$"
        ),
    ]
    occurred_at: Annotated[int, BeforeValidator(_occurred_at, json_schema_input_type=MomentText)]
    sequence: Annotated[int, Field(ge=0, le=SEQUENCE_MAX)] = 0
    operation: Operation = "upsert"
    object_type: Annotated[str, AfterValidator(_object_type)]
    id_property: Annotated[str | None, AfterValidator(_id_property)] = Field(
        default=None, validate_default=True
    )
    id: Annotated[str, BeforeValidator(_id, json_schema_input_type=str | int)]
    properties: Annotated[
        dict[
            Annotated[str, AfterValidator(_property_name)],
            Annotated[str, BeforeValidator(canonical_value, json_schema_input_type=Value)],
        ],
        WrapValidator(_properties, json_schema_input_type=Properties | None),
    ] = Field(default=None, validate_default=True)


_ALIASES: Final = {name: to_camel(name) for name in ChangeEvent.model_fields}
FIELDS: Final = frozenset(_ALIASES.values())


def parse_events(body: Json, rules: Rules) -> list[ChangeEvent]:
    """Return the change events of a body: one, or an array of them, all or nothing.

    Raises InvalidEvents with one fault per mistake, each with a JSON pointer into the body; after
    FAULTS_MAX of them the rest is not looked at.
    """
    values = body if isinstance(body, list) else [body]
    events: list[ChangeEvent] = []
    faults: list[Fault] = []
    for index, value in enumerate(values):
        try:
            events.append(ChangeEvent.model_validate(value, context=rules))
        except ValidationError as error:
            faults += faults_of(error, f"/{index}" if values is body else "")
        if len(faults) >= FAULTS_MAX:
            break
    if faults:
        raise InvalidEvents(faults[:FAULTS_MAX])
    return events


def faults_of(error: ValidationError, start: str) -> list[Fault]:
    """Return the mistakes of a value; `start` is the pointer to it."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [Fault(start + _pointer(detail["loc"]), _message(detail)) for detail in details]


def _pointer(path: tuple[str | int, ...]) -> str:
    steps = [str(step) for step in path if step != "[key]"]
    if steps:
        # pydantic names a field by its alias, but one that was left out by its own name.
        steps[0] = _ALIASES.get(steps[0], steps[0])
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _message(detail: ErrorDetails) -> str:
    if detail["type"] == "model_type":
        return "must be an object"  # pydantic would name our class
    return detail["msg"].removeprefix("Value error, ")


def encode_event(event: ChangeEvent) -> dict[str, Any]:
    """Return the event as canonical JSON; parsing it gives the same event."""
    fields = {
        "eventId": event.event_id,
        "occurredAt": format_timestamp(event.occurred_at),
        "sequence": event.sequence,
        "operation": event.operation,
        "objectType": event.object_type,
        "idProperty": event.id_property,
        "id": event.id,
        "properties": event.properties,
    }
    return {name: value for name, value in fields.items() if value is not None}


def format_timestamp(microseconds: int) -> str:
    """Return the RFC 3339 text, in UTC, of microseconds since 1970."""
    moment = _EPOCH + microseconds * _MICROSECOND
    return moment.isoformat().replace("+00:00", "Z")
