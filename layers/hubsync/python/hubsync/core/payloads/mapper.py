"""Foreign payloads to drafts of change events, by a source's mapping.

A payload is given to every change of the mapping; each makes one event of it, or one for each
element of a list in it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from hubsync.core.event import format_timestamp
from hubsync.core.json_codec import Json
from hubsync.core.kept_payload import Place, Unmade
from hubsync.core.limits import EVENTS_PER_REQUEST_MAX, MAPPING_STEPS_MAX
from hubsync.core.payloads.jmespath_evaluation import Evaluation, Failed, Scope, TooCostly
from hubsync.core.payloads.jmespath_expression import Expression
from hubsync.core.payloads.mapping import MappedChange, in_change, translated
from hubsync.core.payloads.unvalidated import UnvalidatedEvents
from hubsync.core.property_values import mended
from hubsync.core.timestamps import read_moment
from hubsync.errors import Fault

_PROPERTIES: Final = "properties/"


class Mapped(NamedTuple):
    """What a change made of a payload, or of one element of it; neither wire nor faults: nothing.

    `left_out` are the properties whose values cannot be worked out; the event is made without them.
    Faults point into the source's file: nobody can say where in a payload an expression has looked.
    """

    change: int
    element: int | None
    wire: dict[str, Json] | None = None
    faults: tuple[Fault, ...] = ()
    left_out: Mapping[str, Fault] = MappingProxyType({})
    event_id: str | None = None  # of an event that could not be made, where it is known

    @property
    def place(self) -> Place:
        return Place(self.change, self.element)


class Unmapped(Exception):
    """A payload is beyond what a mapping may cost, or means too many events."""


def map_payload(
    changes: Sequence[MappedChange],
    *,
    headers: Mapping[str, str],
    body: Json,
    mends: bool = False,
) -> UnvalidatedEvents:
    """Return the drafts of the events that a payload means; none if no change is about it.

    `mends` says that property values lose the characters that no value may hold.
    """
    try:
        made = make(changes, headers=headers, body=body, mends=mends)
    except Unmapped as error:
        unmade = Unmade(Place(), (Fault("/change", str(error)),))
        return UnvalidatedEvents([], [], lambda fault: fault, unmade=(unmade,))
    good = [each for each in made if each.wire is not None]
    return UnvalidatedEvents(
        [each.wire for each in good],
        [each.place for each in good],
        partial(_locate, good),
        ignored=_count_ignored(changes, made),
        unmade=tuple(
            Unmade(each.place, each.faults, each.event_id) for each in made if each.faults
        ),
        left_out={n: each.left_out for n, each in enumerate(good) if each.left_out},
    )


def make(
    changes: Sequence[MappedChange],
    *,
    headers: Mapping[str, str],
    body: Json,
    mends: bool = False,
) -> list[Mapped]:
    """Return what each change makes of each of its elements, in order; raises Unmapped.

    An event id that an earlier event of the payload has gets the place of its change appended, so
    that events of one payload differ. The later one wins where both set one property.
    """
    evaluation = Evaluation(MAPPING_STEPS_MAX)
    mend = mended if mends else _as_found
    scope: Scope = {"headers": dict(headers), "body": body}
    made: list[Mapped] = []
    event_ids: set[Json] = set()
    try:
        for place, change in enumerate(changes):
            for each in _make(change, place, evaluation, scope, mend):
                made.append(_told_apart(each, event_ids))
                if len(event_ids) > EVENTS_PER_REQUEST_MAX:
                    raise Unmapped(f"gives more than {EVENTS_PER_REQUEST_MAX} events")
    except TooCostly:
        raise Unmapped(f"takes more than {MAPPING_STEPS_MAX} steps for this payload") from None
    return made


def _make(
    change: MappedChange,
    place: int,
    evaluation: Evaluation,
    payload: Scope,
    mend: Callable[[Json], Json],
) -> Iterator[Mapped]:
    try:
        elements = _elements(change, evaluation, payload)
    except Failed as error:
        yield Mapped(place, None, faults=(Fault(f"/change/{place}/for_each", str(error)),))
        return
    readers = [
        _Reader(name, f"{_PROPERTIES}{name}", expression, _conversion(change, name, mend))
        for name, expression in change.properties.items()
    ]
    for element, item in elements:
        scope = {**payload, "item": item}
        try:
            wanted = change.when is None or evaluation.is_true(change.when, scope)
        except Failed as error:
            fault = _at(place, element, Fault("/when", str(error)))
            yield Mapped(place, element, faults=(fault,))
            continue
        if not wanted:
            yield Mapped(place, element)
            continue
        wire, faults = _wire(change, element, evaluation, scope, readers)
        if not faults:
            yield Mapped(place, element, wire)
            continue
        located = {key: _at(place, element, Fault(f"/{key}", why)) for key, why in faults.items()}
        if all(key.startswith(_PROPERTIES) for key in located):
            left_out = {key.removeprefix(_PROPERTIES): each for key, each in located.items()}
            yield Mapped(place, element, wire, left_out=left_out)
        else:
            event_id = None if "fields/event_id" in faults else str(wire["eventId"])
            yield Mapped(place, element, faults=tuple(located.values()), event_id=event_id)


def _elements(
    change: MappedChange, evaluation: Evaluation, payload: Scope
) -> Iterable[tuple[int | None, Json]]:
    if change.for_each is None:
        return [(None, payload["body"])]
    found = evaluation.value(change.for_each, payload)
    if isinstance(found, list):
        if len(found) > EVENTS_PER_REQUEST_MAX:
            raise Failed(f"gives {len(found)} elements; the limit is {EVENTS_PER_REQUEST_MAX}")
        return enumerate(found)
    if change.when is None or evaluation.is_true(change.when, {**payload, "item": None}):
        raise Failed("gives no list")
    return []  # The change is about other payloads.


class _Reader(NamedTuple):
    """How a property is read, made once for all elements."""

    name: str
    key: str
    expression: Expression
    convert: Callable[[Json], Json]


def _wire(
    change: MappedChange,
    element: int | None,
    evaluation: Evaluation,
    scope: Scope,
    readers: Sequence[_Reader],
) -> tuple[dict[str, Json], dict[str, str]]:
    """Return an event as far as it can be worked out, and for the keys that cannot, why."""
    faults: dict[str, str] = {}

    def read(key: str, expression: Expression, convert: Callable[[Json], Json]) -> Json:
        try:
            return convert(evaluation.value(expression, scope))
        except (Failed, ValueError) as error:
            faults[key] = str(error)
            return None

    fields = change.fields
    event_id = read("fields/event_id", fields.event_id, _event_id)
    wire = change.frame() | {
        "eventId": event_id if element is None else f"{event_id}#{element}",
        "occurredAt": read("fields/occurred_at", fields.occurred_at, _occurred_at),
        "id": read("fields/id", fields.id, _given),
    }
    if fields.sequence is not None:
        sequence = read("fields/sequence", fields.sequence, _as_found)
        wire |= {} if sequence is None else {"sequence": sequence}
    if change.operation != "archive":
        found = {name: read(key, expression, convert) for name, key, expression, convert in readers}
        wire["properties"] = {name: value for name, value in found.items() if value is not None}
    return wire, faults


def _conversion(
    change: MappedChange, name: str, mend: Callable[[Json], Json]
) -> Callable[[Json], Json]:
    table = change.values.get(name)
    return mend if table is None else lambda value: translated(mend(value), table)


def _as_found(value: Json) -> Json:
    return value


def _given(value: Json) -> Json:
    if value is None:
        raise ValueError("is null, or not there")
    return value


def _event_id(value: Json) -> str:
    value = _given(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError("is neither text nor a whole number")  # noqa: TRY004 - a fault
    if not value:
        raise ValueError("is empty")  # With an element's place appended, nobody would notice.
    return value


def _occurred_at(value: Json) -> str:
    return format_timestamp(read_moment(_given(value)))


def _told_apart(made: Mapped, event_ids: set[Json]) -> Mapped:
    if made.wire is None:
        return made
    event_id = made.wire["eventId"]
    if event_id in event_ids:
        event_id = f"{event_id}+{made.change}"
    event_ids.add(event_id)
    return made._replace(wire={**made.wire, "eventId": event_id})


def _count_ignored(changes: Sequence[MappedChange], made: Sequence[Mapped]) -> int:
    """Count elements of which nothing came, or the payload if it has none."""
    lists = [change.for_each.text if change.for_each else None for change in changes]
    wanted = {(lists[m.change], m.element) for m in made if m.wire is not None or m.faults}
    elements = {(lists[m.change], m.element) for m in made if m.element is not None}
    ignored = len(elements - wanted)
    return ignored if wanted else max(1, ignored)


def _locate(made: Sequence[Mapped], fault: Fault) -> Fault:
    """Turn a pointer into canonical events into one into the source's file."""
    _, index, *steps = fault.pointer.split("/")
    each = made[int(index)]
    return _at(each.change, each.element, in_change(Fault("/".join(["", *steps]), fault.message)))


def _at(place: int, element: int | None, fault: Fault) -> Fault:
    message = fault.message if element is None else f"element {element}: {fault.message}"
    return Fault(f"/change/{place}{fault.pointer}", message)
