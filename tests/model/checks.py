"""What must hold. Each check says in words what is wrong, or None."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.state import Place, each, is_clean, reading

if TYPE_CHECKING:
    from tests.model.protocol import Protocol
    from tests.model.state import State


def wrong_step(protocol: Protocol, before: State, after: State) -> str | None:
    if after.crm != before.crm:
        for prop, (old, new) in enumerate(zip(before.crm, after.crm, strict=True)):
            if new < old and not before.refused & reading(prop, old):
                return "the CRM goes back to an older value"
    if after.synced != before.synced and any(map(int.__lt__, after.synced, before.synced)):
        return "the ledger forgets what HubSpot was told"
    return wrong_account(protocol, after)


def wrong_account(protocol: Protocol, state: State) -> str | None:
    """Every event is in the queue, a dead letter, expired as one, or rightly done."""
    known = state.dead | state.expired | state.done
    for event, place in enumerate(state.queue):
        if event and place == Place.DELETED and not known >> event & 1:
            return f"event {event} is lost"
    if not protocol.dominates(state.synced, state.done):
        return "an event is reported done that was neither written nor superseded"
    return None


def wrong_rest(protocol: Protocol, state: State) -> str | None:
    """At rest nothing is left to do, and the CRM holds the newest of what was not refused."""
    if not is_clean(state):
        return "the record is left as it is, its lease or a pending reading with nobody to care"
    for prop, held in enumerate(state.crm):
        newest = max((v for v in each(state.done) if prop in protocol.properties_of[v]
                      and not state.refused & reading(prop, v)), default=0)
        if held < newest:
            return "at rest, and the CRM holds an older value than the newest not refused"
        if held != state.synced[prop] and not state.refused & reading(prop, held):
            return "at rest, and the ledger differs from the CRM"
    return None
