"""What must hold. Each check says in words what is wrong, or nothing.

The promise is judged by the events and the CRM alone, never by what the ledger believes; what the
ledger believes is a lemma, checked for the protocol but not needed to convict a mutant.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tests.model.state import Phase, Place, State, each, is_clean, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.model.protocol import Protocol

    type StepCheck = Callable[[Protocol, State, State], str]

WRITING = frozenset(Phase) - {Phase.IDLE, Phase.DEAD_LETTER, Phase.DELETE}

BACK = "the CRM goes back to an older value"
LOST = "an event is lost"
UNTRUE = "an event is reported done that was neither written nor superseded"
LEFT = "the record is left with a lease or a pending reading, and nobody to care"
OLD = "at rest the CRM holds an older value than the newest that was not refused"
APART = "at rest the ledger does not say what the CRM holds"
STUCK = "from here nothing leads to rest"
FORGOTTEN = "the ledger forgets what HubSpot was told"
JUMBLED = "pending readings are not newest first, or dominated"
TWO = "a lease is taken from a consumer that is still writing"


def promise(protocol: Protocol, before: State, after: State) -> str:
    """Tell what is wrong with a step, for those whom the promise was given."""
    if after.crm != before.crm and _goes_back(before, after):
        return BACK
    if after.queue != before.queue and _loses(after):
        return LOST
    if after.done != before.done and not _was_done(protocol, before, after):
        return UNTRUE
    return ""


def lemmas(_protocol: Protocol, before: State, after: State) -> str:
    """Tell what is wrong with the ledger. An outdated read does no harm because of these."""
    if after.lease != before.lease and _takes_from_writer(after):
        return TWO
    if after.synced == before.synced and after.pending == before.pending:
        return ""
    if any(new < old for old, new in zip(before.synced, after.synced, strict=True)):
        return FORGOTTEN
    for synced, versions in zip(after.synced, after.pending, strict=True):
        if any(newer <= older for newer, older in pairwise((*versions, synced))):
            return JUMBLED
    return ""


def rest(protocol: Protocol, state: State) -> str:
    """Tell what is wrong with a state in which nothing is left to do."""
    if not is_clean(state):
        return LEFT
    for prop, held in enumerate(state.crm):
        if held < newest_not_refused(protocol, state, prop):
            return OLD
        if held != state.synced[prop] and not state.refused & reading(prop, held):
            return APART
    return ""


def newest_not_refused(protocol: Protocol, state: State, prop: int) -> int:
    """Sort the readings of all events that are no dead letters, and take the last."""
    return max(
        (
            event
            for event in each(state.done)
            if prop in protocol.properties_of[event] and not state.refused & reading(prop, event)
        ),
        default=0,
    )


def _takes_from_writer(state: State) -> bool:
    return any(consumer.phase in WRITING and not consumer.holds for consumer in state.consumers)


def _goes_back(before: State, after: State) -> bool:
    """A value that HubSpot has refused since it held it may be replaced by an older one."""
    return any(
        new < old and not before.refused & reading(prop, old)
        for prop, (old, new) in enumerate(zip(before.crm, after.crm, strict=True))
    )


def _loses(state: State) -> bool:
    known = state.dead | state.expired | state.done
    return any(
        place == Place.DELETED and event and not known >> event & 1
        for event, place in enumerate(state.queue)
    )


def _was_done(protocol: Protocol, before: State, after: State) -> bool:
    return all(
        after.crm[prop] >= event
        for event in each(after.done & ~before.done)
        for prop in protocol.properties_of[event]
    )
