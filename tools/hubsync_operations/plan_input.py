"""What an operator gives `hubsync plan`: the body of a webhook, or a message of the queue."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hubsync.core import json_codec
from hubsync.core.event import ChangeEvent, Rules
from hubsync.core.limits import CLOCK_SKEW_SECONDS_MAX
from hubsync.core.message import Delivered, parse_message
from hubsync.core.payloads.source import Source
from hubsync.errors import Fault, InvalidEvents
from hubsync.ingest import take

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Given:
    """The events that would be written, and what is wrong with the others."""

    account: str
    source: str
    events: Sequence[ChangeEvent]
    faults: Sequence[Fault] = ()
    unknown: Sequence[str] = ()  # pointers to members that no rule knows


def parse_given(
    body: bytes,
    source: Source,
    *,
    object_types: Mapping[str, str],
    now: float,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Given:
    """Parse a body as the source's, or a message, which names its own; raises NotJson.

    A webhook with an invalid event is refused whole, so then none of its events are there. An
    invalid event of a message becomes a dead letter, and the others are written. `now` is in
    seconds since 1970.
    """
    contents = parse_message(body.decode(errors="replace"), Rules(object_types))
    if contents is not None:
        events = [each.event for each in contents.events if each.event is not None]
        faults = list(_faults(contents.events))
        return Given(contents.envelope.account, contents.envelope.source, events, faults)
    rules = Rules(
        object_types,
        source.properties_allowed,
        occurred_at_max=round((now + CLOCK_SKEW_SECONDS_MAX) * 1_000_000),
    )
    try:
        taken = take(source, headers, json_codec.parse(body, source.form), rules)
    except InvalidEvents as error:
        return Given(source.account, source.name, [], error.faults)
    return Given(source.account, source.name, taken.events, taken.faults, taken.unknown)


def _faults(delivered: Sequence[Delivered]) -> Iterator[Fault]:
    for index, each in enumerate(delivered):
        if each.event is None:
            pointer, _, message = each.fault.partition(" ")
            yield Fault(f"/events/{index}{pointer}", message)
