"""A portal: its object types, and the definitions of their properties.

A portal is data, from a TOML or JSON file such as `portal.toml` beside this module, which is the
default. Types and properties say only what differs from the usual.
"""

import json
import tomllib
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

type ValueType = Literal[
    "bool", "date", "datetime", "enumeration", "number", "phone_number", "string"
]
type Sensitivity = Literal["non_sensitive", "sensitive", "highly_sensitive"]

FIELD_TYPES: dict[str, str] = {
    "bool": "booleancheckbox",
    "date": "date",
    "datetime": "date",
    "enumeration": "select",
    "number": "number",
    "phone_number": "phonenumber",
    "string": "text",
}
UNIQUE_PROPERTIES_MAX = 10  # Documented: properties guide, per object type.


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Option(_Frozen):
    value: str
    label: str = ""
    hidden: bool = False

    @model_validator(mode="before")
    @classmethod
    def from_text(cls, given: object) -> object:
        return {"value": given, "label": given} if isinstance(given, str) else given


class PropertyDefinition(_Frozen):
    """One property of an object type; `name` is the key it stands under."""

    name: str = ""
    label: str = ""
    type: ValueType = "string"
    field_type: str = ""
    group: str = "information"
    description: str = ""
    options: tuple[Option, ...] = ()
    stages: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # pipeline: its stages
    rule: Literal["email", "letters"] | None = None
    unique: bool = False
    read_only: bool = False
    calculated: bool = False
    forward_only: bool = False  # later options replace earlier ones, never the reverse
    sensitivity: Sensitivity = "non_sensitive"
    default: str | None = None  # what a new record gets
    filled: Literal["id", "created", "modified"] | None = None  # what HubSpot itself puts here
    required_when: str | None = None  # 2026-09: required where that property has a value
    hubspot_defined: bool = False

    @model_validator(mode="after")
    def options_decide(self) -> Self:
        values = {option.value for option in self.options}
        if self.options and self.default is not None and self.default not in values:
            msg = f"default {self.default!r} is none of the options"
            raise ValueError(msg)
        if self.forward_only and (self.type != "enumeration" or self.multiple or self.stages):
            msg = "only an enumeration of single options can be forward_only"
            raise ValueError(msg)
        return self

    @property
    def settable(self) -> bool:
        return not (self.read_only or self.calculated or self.filled)

    @property
    def multiple(self) -> bool:
        return self.type == "enumeration" and self.field_type == "checkbox"


class Shown(_Frozen):
    """The properties that an answer shows beside those of the request, per operation."""

    create: tuple[str, ...] | None = None
    update: tuple[str, ...] | None = None
    upsert: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


class ObjectType(_Frozen):
    name: str = ""
    type_id: str
    singular: str
    properties: dict[str, PropertyDefinition]
    created: str = "createdate"
    modified: str = "hs_lastmodifieddate"
    url: bool = False  # Observed: results of contacts carry the address of the record's page.
    required: tuple[tuple[str, ...], ...] = ()  # 2026-09: of each group one must have a value
    shown: Shown = Shown()

    @model_validator(mode="after")
    def names_are_of_properties(self) -> Self:
        named = [("required", group) for group in self.required]
        named += [(f"shown.{name}", names or ()) for name, names in self.shown]
        named += [
            (f"properties.{name}.required_when", (definition.required_when,))
            for name, definition in self.properties.items()
            if definition.required_when is not None
        ]
        for where, names in named:
            unknown = [name for name in names if name not in self.properties]
            if unknown:
                msg = f"{where} names {unknown[0]!r}, which is no property"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def at_most_ten_unique(self) -> Self:
        unique = [name for name, definition in self.properties.items() if definition.unique]
        if len(unique) > UNIQUE_PROPERTIES_MAX:
            msg = f"{self.type_id} has {len(unique)} unique properties; the limit is 10"
            raise ValueError(msg)
        return self

    @cached_property
    def is_contact(self) -> bool:
        return self.type_id == "0-1"

    @cached_property
    def system_shown(self) -> tuple[str, ...]:
        return (self.created, self.modified, "hs_object_id")


class Portal(_Frozen):
    portal_id: int = 10000001
    time_zone: str = "UTC"
    types: dict[str, ObjectType] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def complete(cls, given: object) -> object:
        """Name types and properties by their keys, and give each type HubSpot's own properties."""
        if isinstance(given, dict) and isinstance(given.get("types"), dict):
            types = {name: _completed(name, kind) for name, kind in given["types"].items()}
            return {**given, "types": types}
        return given

    @field_validator("time_zone")
    @classmethod
    def is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            msg = f"no time zone {name!r}"
            raise ValueError(msg) from None
        return name

    @model_validator(mode="after")
    def ids_are_unique(self) -> Self:
        ids = [kind.type_id for kind in self.types.values()]
        if len(set(ids)) < len(ids):
            msg = f"two object types share a type id: {sorted(ids)}"
            raise ValueError(msg)
        paths = Counter(path for kind in self.types.values() for path in self._paths(kind))
        shared = [path for path, kinds in paths.items() if kinds > 1]
        if shared:
            msg = f"two object types would be found at {shared[0]!r}"
            raise ValueError(msg)
        return self

    @cached_property
    def by_path(self) -> dict[str, ObjectType]:
        """Everything that can stand for `{objectType}` in a path."""
        return {path: kind for kind in self.types.values() for path in self._paths(kind)}

    def _paths(self, kind: ObjectType) -> set[str]:
        return {kind.type_id, kind.name, f"p{self.portal_id}_{kind.singular}"}


def load_portal(file: Path) -> Portal:
    """Read a portal from TOML, or from JSON where the file's name ends so."""
    text = file.read_text(encoding="utf-8")
    return Portal.model_validate(
        json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    )


def _completed(name: str, kind: object) -> object:
    if not isinstance(kind, dict):
        return kind
    created = kind.get("created", "createdate")
    modified = kind.get("modified", "hs_lastmodifieddate")
    own = kind.get("properties", {})
    if not (isinstance(created, str) and isinstance(modified, str) and isinstance(own, dict)):
        return kind  # of a shape that the model refuses by name
    system = {
        "hs_object_id": {"type": "number", "filled": "id"},
        created: {"type": "datetime", "filled": "created"},
        modified: {"type": "datetime", "filled": "modified"},
    }
    everything = {key: {**value, "hubspot_defined": True} for key, value in system.items()} | own
    properties = {key: _named(key, definition) for key, definition in everything.items()}
    return {**kind, "name": name, "properties": properties}


def _named(name: str, definition: object) -> object:
    if not isinstance(definition, dict):
        return definition
    kind = definition.get("type", "string")
    usual = {"name": name, "label": name.replace("_", " ").capitalize()}
    usual["field_type"] = FIELD_TYPES.get(kind, "text") if isinstance(kind, str) else "text"
    return {**usual, **definition}


DEFAULT = load_portal(Path(__file__).with_name("portal.toml"))
