"""Kept payloads mapped anew: what could not be made an event, with the source's file of today."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hubsync.core import json_codec
from hubsync.core.event import Rules
from hubsync.core.kept_payload import Kept, Place, Unmade
from hubsync.core.limits import CLOCK_SKEW_SECONDS_MAX
from hubsync.core.message import pack
from hubsync.core.payloads.source import Source
from hubsync.core.payloads.unvalidated import UnvalidatedEvents, take_valid
from hubsync.errors import Fault, NotJson
from hubsync.ingest import drafts_of


class Remapped(NamedTuple):
    """What came of a kept payload: messages of `made` events, and what still cannot be made.

    Neither: no change of the source is about it any more.
    """

    bodies: tuple[str, ...] = ()
    made: int = 0
    still: Kept | None = None


def remap(
    kept: Kept,
    sources: Mapping[str, Source],
    *,
    object_types: Mapping[str, str],
    now: float,
) -> Remapped:
    """Map what of a payload failed, and nothing else; `now` is in seconds since 1970."""
    source = sources.get(kept.envelope.source)
    if source is None:
        return _failed(kept, Fault("", f"there is no source {kept.envelope.source}"))
    if kept.body is None:
        return _failed(kept, Fault("", "the source kept no payload"))
    try:
        body = json_codec.parse(kept.body, source.form)
    except NotJson as error:
        return _failed(kept, Fault("", str(error)))
    latest = round((now + CLOCK_SKEW_SECONDS_MAX) * 1_000_000)
    rules = Rules(object_types, source.properties_allowed, latest)
    drafts = _chosen(drafts_of(source, kept.headers, body), [each.place for each in kept.unmade])
    taken = take_valid(drafts, rules)
    head = kept.envelope.model_dump(by_alias=True) | {"account": source.account, "tries": 0}
    still = kept._replace(unmade=taken.unmade) if taken.unmade else None
    return Remapped(tuple(pack(taken.encoded, head=head)), len(taken.encoded), still)


def _failed(kept: Kept, fault: Fault) -> Remapped:
    first, *others = kept.unmade
    return Remapped(still=kept._replace(unmade=(first._replace(faults=(fault,)), *others)))


def _chosen(drafts: UnvalidatedEvents, failed: Sequence[Place]) -> UnvalidatedEvents:
    """Return the drafts that are from the places that failed before."""
    at = [n for n, place in enumerate(drafts.places) if _is_among(place, failed)]

    def locate(fault: Fault) -> Fault:
        _, index, *steps = fault.pointer.split("/")
        return drafts.locate(fault._replace(pointer="/".join(["", str(at[int(index)]), *steps])))

    return UnvalidatedEvents(
        [drafts.wires[n] for n in at],
        [drafts.places[n] for n in at],
        locate,
        unmade=tuple(each for each in drafts.unmade if _touches(each, failed)),
        left_out={new: drafts.left_out[n] for new, n in enumerate(at) if n in drafts.left_out},
    )


def _is_among(place: Place, failed: Sequence[Place]) -> bool:
    return any(
        (each.change is None or each.change == place.change)
        and (each.element is None or each.element == place.element)
        for each in failed
    )


def _touches(unmade: Unmade, failed: Sequence[Place]) -> bool:
    """Whether something that failed before fails still, perhaps together with its whole list."""
    place = unmade.place
    return _is_among(place, failed) or any(
        place.change in (None, each.change) and place.element is None for each in failed
    )
