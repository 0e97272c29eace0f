"""Property values: what each kind of property accepts, and what it makes of it.

A check takes the text of a value and returns the text to store, or a `Flaw`. Flaws carry HubSpot's
codes and sentences.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from hubspot_emulator.http_messages import iso
from hubspot_emulator.portal import ObjectType, PropertyDefinition
from hubspot_emulator.switches import Switches

VALUE_CHARACTERS_MAX = 65_536  # Documented: properties guide, the size of a text property.
SECONDS_DIGITS_MAX = 10
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Assumed: text between one @ and a dotted name without blanks; HubSpot also knows the real domains.
EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>.]+(?:\.[^@\s,;<>.]+)+")
# ASCII, since other digits are digits to Python too.
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DATE_LIKE = re.compile(r"\d+[-/]\d+[-/]\d+", re.ASCII)
LONG = re.compile(r"-?\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one property of one input."""

    code: str
    message: str
    name: str = ""


type Check = Callable[[str], str | Flaw]
type Merge = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one object type, by property name; most properties only have a longest value."""

    checks: Mapping[str, Check | None]
    merges: Mapping[str, Merge]  # what a value becomes on top of the one that is there
    dates: frozenset[str]
    unique: tuple[str, ...]


def rules(kind: ObjectType, switches: Switches) -> Rules:
    definitions = kind.properties
    merges = {name: merge for name, d in definitions.items() if (merge := _merge(d, switches))}
    return Rules(
        checks={name: _check(definition, switches) for name, definition in definitions.items()},
        merges=merges,
        dates=frozenset(name for name, d in definitions.items() if d.type == "date"),
        unique=tuple(name for name, d in definitions.items() if d.unique),
    )


def unknown(name: str) -> Flaw:
    return Flaw("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist', name)


def too_long(name: str, value: str) -> Flaw:
    # Assumed: code and text of an overlong value are not published.
    message = f"{name} has {len(value)} characters; the limit is {VALUE_CHARACTERS_MAX}"
    return Flaw("INVALID_LENGTH", message, name)


def normalised_date(value: str) -> str:
    """Make of any known way to write a moment the day it falls on, as `/2026-09/` paths do."""
    moment = _epoch_moment(value) or _iso_moment(value)
    return value if moment is None else moment.date().isoformat()


def _check(definition: PropertyDefinition, switches: Switches) -> Check | None:
    if not definition.settable:
        return _read_only(definition, switches)
    if definition.rule is not None:
        return {"email": _email, "letters": _letters}[definition.rule]
    if definition.stages:
        return _stage(definition)
    match definition.type:
        case "enumeration":
            return _enumeration(definition, switches)
        case "number":
            return _number(definition.name, switches)
        case other:
            return PLAIN_CHECKS.get(other)


def _read_only(definition: PropertyDefinition, switches: Switches) -> Check:
    calculated = definition.calculated and switches.read_only_text == "long"
    sort = "calculated" if calculated else "read only"
    message = f'"{definition.name}" is a {sort} property; its value cannot be set.'
    flaw = Flaw("READ_ONLY_VALUE", message)
    return lambda _: flaw


def _email(value: str) -> str | Flaw:
    key = value.strip().lower()
    if not key or EMAIL.fullmatch(key):
        return key
    return Flaw("INVALID_EMAIL", f"Email address {value} is invalid")


def _letters(value: str) -> str | Flaw:
    if value == "" or value.isalpha():
        return value
    return Flaw("INVALID_ALPHA", "Enter only letters")


def _stage(definition: PropertyDefinition) -> Check:
    valid = {stage for stages in definition.stages.values() for stage in stages} | {""}
    options = ", ".join(
        f"pipelineId={pipeline} : [{', '.join(stages)}]"
        for pipeline, stages in definition.stages.items()
    )

    def check(value: str) -> str | Flaw:
        if value in valid:
            return value
        message = f"{value} is not a valid pipeline stage ID. Valid options are: {options}"
        return Flaw("INVALID_OPTION", message)

    return check


def _one_of(values: tuple[str, ...], listed: str) -> Check:
    valid = frozenset(values) | {""}

    def check(value: str) -> str | Flaw:
        return value if value in valid else _no_option(value, listed)

    return check


def _enumeration(definition: PropertyDefinition, switches: Switches) -> Check:
    values = tuple(option.value for option in definition.options)
    listed = _listed(definition, switches)
    if not definition.multiple:
        return _one_of(values, listed)
    valid = frozenset(values)

    def check(value: str) -> str | Flaw:
        wrong = [part for part in _parts(value) if part not in valid]
        return _no_option(wrong[0], listed) if wrong else value

    return check


def _listed(definition: PropertyDefinition, switches: Switches) -> str:
    if switches.option_list_style == "short":
        return ", ".join(option.value for option in definition.options)
    return ", ".join(
        f'label: "{option.label or option.value}"\nvalue: "{option.value}"\n'
        f"display_order: {order}\nhidden: {str(option.hidden).lower()}\nread_only: false\n"
        for order, option in enumerate(definition.options)
    )


def _no_option(value: str, listed: str) -> Flaw:
    return Flaw("INVALID_OPTION", f"{value} was not one of the allowed options: [{listed}]")


def _parts(value: str) -> list[str]:
    return [part for part in value.split(";") if part]


def _number(name: str, switches: Switches) -> Check:
    def check(value: str) -> str | Flaw:
        if value == "" or NUMBER.fullmatch(value):
            return value
        if switches.number_error_code == "INVALID_INTEGER" and DATE_LIKE.match(value):
            return _no_long(value)
        return Flaw(switches.number_error_code, f"{name} was not a valid number")

    return check


def _no_long(value: str) -> Flaw:
    return Flaw("INVALID_LONG", f"{value} was not a valid long.")


def _date(value: str) -> str | Flaw:
    """Accept `YYYY-MM-DD`, or milliseconds of a midnight in UTC."""
    if value == "" or _is_day(value):
        return value
    moment = _millisecond_moment(value) or _iso_moment(value)
    if moment is None:
        return _no_long(value)
    if moment == moment.replace(hour=0, minute=0, second=0, microsecond=0):
        return moment.date().isoformat()
    fraction = moment.microsecond // 1000
    time = f"{moment.hour}:{moment.minute}:{moment.second}.{fraction}"
    return Flaw("INVALID_DATE", f"{value} is at {time} UTC, not midnight!")


def _datetime(value: str) -> str | Flaw:
    """Accept ISO 8601, kept as it is, or milliseconds, which answers show as ISO 8601."""
    if value == "" or _iso_moment(value):
        return value
    moment = _millisecond_moment(value)
    return _no_long(value) if moment is None else iso(moment.timestamp())


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _iso_moment(value: str) -> datetime | None:
    if not DATE_LIKE.match(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter where UTC has it in the year 0 or 10000
        return None


def _millisecond_moment(value: str) -> datetime | None:
    if not LONG.fullmatch(value):
        return None
    try:
        return EPOCH + timedelta(milliseconds=int(value))
    except (ValueError, OverflowError):
        return None


def _epoch_moment(value: str) -> datetime | None:
    """Tell seconds from milliseconds by magnitude: 10 digits reach to the year 2286."""
    if not LONG.fullmatch(value):
        return None
    seconds = len(value.lstrip("-")) <= SECONDS_DIGITS_MAX
    return _millisecond_moment(f"{value}000" if seconds else value)


def _merge(definition: PropertyDefinition, switches: Switches) -> Merge | None:
    if definition.forward_only:
        return _forward(tuple(option.value for option in definition.options))
    if definition.multiple:
        return _union if switches.append_semantics == "set union" else _concatenation
    return None


def _forward(order: tuple[str, ...]) -> Merge:
    """Documented: a lifecycle stage only moves forward; to go back it must be cleared first.

    A current value that is no option, as an edit by hand may leave it, holds nothing back.
    """
    places = {value: place for place, value in enumerate(order)}

    def merge(current: str, value: str) -> str:
        backwards = value and places[value] < places.get(current, 0)
        return current if backwards else value

    return merge


def _union(current: str, value: str) -> str:
    if not value.startswith(";"):
        return value
    return ";".join(dict.fromkeys(_parts(current) + _parts(value)))


def _concatenation(current: str, value: str) -> str:
    return ";".join(_parts(current) + _parts(value)) if value.startswith(";") else value


PLAIN_CHECKS: Mapping[str, Check] = {
    "bool": _one_of(("true", "false"), "true, false"),
    "date": _date,
    "datetime": _datetime,
}
