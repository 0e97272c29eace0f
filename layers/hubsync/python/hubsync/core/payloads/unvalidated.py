"""Drafts: what a payload says in canonical JSON, before anybody has looked whether it is valid.

Whatever form a payload has, it becomes drafts first, and these become change events in one way.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from hubsync.core.event import (
    FAULTS_MAX,
    FIELDS,
    ChangeEvent,
    Rules,
    is_property_name,
    parse_events,
)
from hubsync.core.json_codec import Json
from hubsync.core.kept_payload import Place, Unmade
from hubsync.core.limits import UNKNOWN_MAX
from hubsync.core.message import INVALID_VALUE, Marks, encode_events
from hubsync.errors import Fault, InvalidEvents

_NOTHING: Final[Mapping[int, Mapping[str, Fault]]] = MappingProxyType({})


class UnvalidatedEvents(NamedTuple):
    """Change events to be, in order, each with its place.

    `locate` turns a pointer into `wires` into the payload's own. `ignored` counts what nobody
    wanted. `left_out` has by event the properties whose values could not be worked out.
    """

    wires: Sequence[Json]
    places: Sequence[Place]
    locate: Callable[[Fault], Fault]
    ignored: int = 0
    unmade: tuple[Unmade, ...] = ()
    left_out: Mapping[int, Mapping[str, Fault]] = _NOTHING

    @property
    def faults(self) -> list[Fault]:
        """Return what is known to be wrong before any event is validated."""
        values = [fault for faults in self.left_out.values() for fault in faults.values()]
        return [*(fault for each in self.unmade for fault in each.faults), *values]


class ValidEvents(NamedTuple):
    """Valid events, and as they stand in a message.

    `ignored` counts what nobody wanted, `refused` the values that were left out of the events.
    `faults` are those of values and of what no event could be made of.
    """

    events: list[ChangeEvent]
    encoded: list[bytes]
    ignored: int = 0
    refused: int = 0
    unmade: tuple[Unmade, ...] = ()
    faults: tuple[Fault, ...] = ()
    unknown: tuple[str, ...] = ()


def canonical_drafts(body: Json) -> UnvalidatedEvents:
    """Return the drafts of a body that holds change events already: one, or an array of them."""
    if isinstance(body, list):
        return UnvalidatedEvents(
            body, [Place(None, n) for n in range(len(body))], lambda fault: fault
        )
    return UnvalidatedEvents(
        [body], [Place()], lambda fault: fault._replace(pointer=fault.pointer.removeprefix("/0"))
    )


def take_all(drafts: UnvalidatedEvents, rules: Rules) -> ValidEvents:
    """Return every event; InvalidEvents if one is not valid, with the faults of all."""
    faults = drafts.faults
    try:
        events = parse_events(list(drafts.wires), rules)
        encoded = encode_events(events)
    except InvalidEvents as error:
        faults += map(drafts.locate, error.faults)
    if faults:
        raise InvalidEvents(faults[:FAULTS_MAX])
    return ValidEvents(events, encoded, drafts.ignored, unknown=_unknown(drafts))


def take_valid(drafts: UnvalidatedEvents, rules: Rules) -> ValidEvents:
    """Return the events that can be made, each without the values that are invalid in themselves.

    An event says in its message which properties it lacks.
    """
    if not drafts.faults:
        try:
            return take_all(drafts, rules)
        except InvalidEvents:
            pass  # One by one it shows which.
    events: list[ChangeEvent] = []
    encoded: list[bytes] = []
    unmade, faults, refused = [*drafts.unmade], drafts.faults, 0
    for index, wire in enumerate(drafts.wires):
        known = drafts.left_out.get(index, {})
        try:
            valid = _without_invalid_values(wire, known, rules)
            encoded += encode_events([valid.event], [valid.marks])
        except InvalidEvents as error:
            found = tuple(drafts.locate(_moved(fault, index)) for fault in error.faults)
            unmade.append(Unmade(drafts.places[index], found, _event_id(wire)))
            faults += found
            continue
        events.append(valid.event)
        refused += len(valid.marks.refused)
        faults += (drafts.locate(_moved(fault, index)) for fault in valid.faults)
    return ValidEvents(
        events,
        encoded,
        drafts.ignored,
        refused,
        tuple(unmade),
        tuple(faults[:FAULTS_MAX]),
        _unknown(drafts),
    )


def _unknown(drafts: UnvalidatedEvents) -> tuple[str, ...]:
    """Return pointers to members that no rule knows, such as misspelt ones, up to a bound."""
    found = (
        drafts.locate(Fault(f"/{index}/{_step(name)}", "")).pointer
        for index, wire in enumerate(drafts.wires)
        if isinstance(wire, dict) and not wire.keys() <= FIELDS
        for name in wire
        if name not in FIELDS
    )
    return tuple(islice(found, UNKNOWN_MAX))


def _step(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _event_id(wire: Json) -> str | None:
    found = wire.get("eventId") if isinstance(wire, dict) else None
    return found if isinstance(found, str) else None


class _Valid(NamedTuple):
    event: ChangeEvent
    marks: Marks
    faults: Sequence[Fault]


def _without_invalid_values(wire: Json, known: Mapping[str, Fault], rules: Rules) -> _Valid:
    """Return an event and what of it is refused; InvalidEvents if more than values is wrong."""
    try:
        (event,) = parse_events([wire], rules._replace(empty_updates=bool(known)))
    except InvalidEvents as error:
        faults = error.faults
    else:
        return _Valid(event, _marks(known), ())
    invalid = [name for name in map(_property_of, faults) if name is not None]
    if len(invalid) < len(faults) or not isinstance(wire, dict):
        raise InvalidEvents(faults)
    properties = wire["properties"]
    assert isinstance(properties, dict)
    left = {name: value for name, value in properties.items() if name not in invalid}
    (event,) = parse_events([{**wire, "properties": left}], rules._replace(empty_updates=True))
    return _Valid(event, _marks([*known, *invalid]), faults)


def _marks(names: Iterable[str]) -> Marks:
    return Marks({name.lower(): INVALID_VALUE for name in names})


def _property_of(fault: Fault) -> str | None:
    """Return the property whose value is at fault; None if it is anything else."""
    _, _, *steps = fault.pointer.split("/")
    match steps:
        case ["properties", step]:
            name = step.replace("~1", "/").replace("~0", "~")
            return name if is_property_name(name) else None
    return None


def _moved(fault: Fault, index: int) -> Fault:
    """Point to an event at its place, given a pointer to it standing alone in a list."""
    return fault._replace(pointer=f"/{index}{fault.pointer.removeprefix('/0')}")
