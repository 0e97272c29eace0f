"""What must hold. Each check says in words what is wrong, or nothing.

The promise is judged by the events and the CRM alone, never by what the ledger believes; what the
ledger believes is a lemma, checked for the protocol but not needed to convict a mutant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.scenario import Fault
from tests.model.state import (
    EXISTENCE,
    Events,
    Phase,
    Place,
    Readings,
    State,
    Watch,
    each,
    is_clean,
    lane,
    newest,
    reading,
    readings_of,
    up_to,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.model.protocol import Protocol

    type StepCheck = Callable[[Protocol, State, State], str]

# Safety.
BACK = "the CRM goes back to an older value"
LOST = "an event is lost"
UNTRUE = "an event is reported done that was neither written nor superseded"
GROUNDLESS = "an event is rejected though something of it is open, neither refused nor in vain"
STANDS = "an event is rejected for a value that the CRM holds"
TWICE = "an event ends both as done and as a dead letter"
DELETED = "a record is deleted that is somebody else's as well"
# At rest.
LEFT = "the record is left with a lease or a pending reading, and nobody to care"
OLD = "at rest the CRM holds an older value than the newest that was not refused"
GONE = "at rest there is no record, and the newest word on that says that it exists"
THERE = "at rest there is a record, and the newest word on that says that it is archived"
APART = "at rest the ledger does not say what the CRM holds"
WATCHED = "at rest the audit still has the record to look at"
# Progress.
STUCK = "from here nothing leads to rest"
ENDLESS = "from here invocations without a fault do not settle everything"
SLOW = "from the start a good value waits for more than one refusal of each other property"
KEPT = "a record that is settled waits for others of its batch"
# Lemmas.
FORGOTTEN = "the ledger forgets what HubSpot was told"
JUMBLED = "something is pending that is dominated"
TWO = "a lease is taken from a consumer that is still writing"

REMAINS = frozenset({LEFT, OLD, GONE, THERE, APART, WATCHED, STUCK, ENDLESS, SLOW})

NOT_WRITING = frozenset({Phase.IDLE, Phase.DEAD_LETTER, Phase.DELETE})
REPEATING = frozenset({Fault.DUPLICATE, Fault.REDRIVE, Fault.CRASH})


def promise(protocol: Protocol, before: State, after: State) -> str:
    """Tell what is wrong with a step, for those whom the promise was given."""
    if after.crm != before.crm:
        if before.crm.foreign and before.crm.alive and not after.crm.alive:
            return DELETED
        if _goes_back(before, after):
            return BACK
    if after.queue != before.queue and _loses(after):
        return LOST
    if after.done != before.done and not _were_done(protocol, before, after):
        return UNTRUE
    if after.rejected != before.rejected:
        if wrong := _rejection(protocol, after, after.rejected & ~before.rejected):
            return wrong
        if after.rejected & after.done and not protocol.scenario.faults & REPEATING:
            return TWICE
    if any(consumer.phase == Phase.NEIGHBOUR for consumer in after.consumers):
        return KEPT
    return ""


def lemmas(protocol: Protocol, before: State, after: State) -> str:
    """Tell what is wrong with the ledger. An outdated read does no harm because of these."""
    if after.ledger.lease != before.ledger.lease and _takes_from_writer(after):
        return TWO
    if any(new < old for old, new in zip(before.ledger.synced, after.ledger.synced, strict=True)):
        return FORGOTTEN
    if after.ledger.pending & protocol.dominated(after.ledger.synced):
        return JUMBLED
    return ""


def rest(protocol: Protocol, state: State) -> str:
    """Tell what is wrong with a state in which nothing is left to do."""
    if not is_clean(state.ledger):
        return LEFT
    if state.ledger.watched != Watch.NOTHING:
        return WATCHED
    kept = _kept(protocol, state)
    word = newest(EXISTENCE, kept)
    unknown = _words(protocol, state) & ~up_to(EXISTENCE, word)
    if protocol.is_archive(word):
        return THERE if state.crm.alive and not unknown else ""
    if not state.crm.alive:
        return GONE if word and not unknown else ""
    if _is_older(protocol, state, kept):
        return OLD
    return APART if _differs(state) else ""


def _kept(protocol: Protocol, state: State) -> Readings:
    """Return the readings that must have been written, or covered by newer ones.

    Left out is what an archive may have taken along, and all of events that SQS has given up.
    """
    readings = protocol.said_by(state.done | state.rejected) & ~state.refused
    archive = max(newest(EXISTENCE, readings & protocol.scenario.archives), state.crm.archived)
    before = sum(up_to(prop, archive) for prop in protocol.scenario.properties[1:])
    return readings & ~before


def _words(protocol: Protocol, state: State) -> Readings:
    """Return the words on existence of events that were given up: they may stand or not."""
    given_up = (state.dead | state.expired) & ~state.rejected
    return protocol.said_by(given_up) & lane(EXISTENCE)


def _is_older(protocol: Protocol, state: State, kept: Readings) -> bool:
    return any(
        state.crm.values[prop] < newest(prop, kept) for prop in protocol.scenario.properties[1:]
    )


def _differs(state: State) -> bool:
    return any(
        held != told and told > state.crm.archived and not state.refused & reading(prop, held)
        for prop, (held, told) in enumerate(zip(state.crm.values, state.ledger.synced, strict=True))
        if prop
    )


def _takes_from_writer(state: State) -> bool:
    return any(c.phase not in NOT_WRITING and not c.holds for c in state.consumers)


def _goes_back(before: State, after: State) -> bool:
    """A value that HubSpot has refused since it held it may be replaced by an older one.

    What an archive takes along has not gone back: that is for the word on existence to tell.
    """
    pairs = zip(before.crm.values, after.crm.values, strict=True)
    same = before.crm.id == after.crm.id and after.crm.alive
    return any(
        new < old and not before.refused & reading(prop, old)
        for prop, (old, new) in enumerate(pairs)
        if same or prop == EXISTENCE
    )


def _loses(state: State) -> bool:
    known = state.dead | state.expired | state.done
    return any(
        place == Place.DELETED and event and not known >> event & 1
        for event, place in enumerate(state.queue)
    )


def _were_done(protocol: Protocol, before: State, after: State) -> bool:
    settled = _settled(after)
    return not protocol.said_by(after.done & ~before.done) & ~settled


def _rejection(protocol: Protocol, state: State, rejected: Events) -> str:
    """A dead letter is for what was refused, or waited for in vain, once nothing is open."""
    repeated = protocol.scenario.faults & REPEATING
    for event in each(rejected):
        readings = protocol.scenario.readings[event]
        if readings & ~state.refused & ~_settled(state):
            return GROUNDLESS
        if readings & state.refused & ~state.marks & _held(state) and not repeated:
            return STANDS
    return ""


def _held(state: State) -> Readings:
    return readings_of(state.crm.values) if state.crm.alive else 0


def _settled(state: State) -> Readings:
    """Return the readings that the CRM has held, or newer ones, or an archive has taken along."""
    crm = state.crm
    return sum(up_to(prop, max(version, crm.archived - 1)) for prop, version in enumerate(crm.told))
