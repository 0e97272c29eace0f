"""Drafts: what a payload says in canonical JSON, before anybody has looked whether it is valid.

Whatever form a payload has, it becomes drafts first, and these become change events in one way.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hubsync.core.event import FAULTS_MAX, ChangeEvent, Rules, parse_events
from hubsync.core.message import encode_events
from hubsync.core.strict_json import Json
from hubsync.errors import Fault, InvalidEvents


class Drafts(NamedTuple):
    """Change events to be, in order. `locate` turns a pointer into `wires` into the payload's own.

    `ignored` counts what nobody wanted; `faults` are those of `failed` events that are no drafts.
    """

    wires: Sequence[Json]
    locate: Callable[[Fault], Fault]
    ignored: int = 0
    failed: int = 0
    faults: tuple[Fault, ...] = ()


class Taken(NamedTuple):
    """Valid events, and as they stand in a message; how many are ignored, the faults of these."""

    events: list[ChangeEvent]
    encoded: list[bytes]
    ignored: int = 0
    faults: tuple[Fault, ...] = ()


def canonical_drafts(body: Json) -> Drafts:
    """Return the drafts of a body that holds change events already: one, or an array of them."""
    if isinstance(body, list):
        return Drafts(body, lambda fault: fault)
    return Drafts([body], lambda fault: fault._replace(pointer=fault.pointer.removeprefix("/0")))


def take_all(drafts: Drafts, rules: Rules) -> Taken:
    """Return every event; InvalidEvents if one is not valid, with the faults of all."""
    faults = [*drafts.faults]
    try:
        taken = _take(drafts.wires, rules)
    except InvalidEvents as error:
        faults += map(drafts.locate, error.faults)
    if faults:
        raise InvalidEvents(faults[:FAULTS_MAX])
    return taken._replace(ignored=drafts.ignored)


def take_valid(drafts: Drafts, rules: Rules) -> Taken:
    """Return the events that are valid. The others are ignored, each for itself."""
    found: list[Taken] = []
    faults = [*drafts.faults]
    for index, wire in enumerate(drafts.wires):
        try:
            found.append(_take([wire], rules))
        except InvalidEvents as error:
            faults += (drafts.locate(_moved(fault, index)) for fault in error.faults)
    invalid = len(drafts.wires) - len(found)
    return Taken(
        [event for each in found for event in each.events],
        [one for each in found for one in each.encoded],
        drafts.ignored + drafts.failed + invalid,
        tuple(faults),
    )


def _take(wires: Sequence[Json], rules: Rules) -> Taken:
    events = parse_events(list(wires), rules)
    return Taken(events, encode_events(events))


def _moved(fault: Fault, index: int) -> Fault:
    """Point to an event at its place, given a pointer to it standing alone in a list."""
    return fault._replace(pointer=f"/{index}{fault.pointer.removeprefix('/0')}")
