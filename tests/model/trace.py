"""A finding in words: a numbered trace, with the ledger and the CRM wherever they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.scenario import NAMES
from tests.model.state import EXISTENCE, RANKS, Lease, each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model.explorer import Finding
    from tests.model.state import Events, Ills, Ledger, Readings, State, Step, Values

ACTORS = {-1: "HubSpot", -2: "SQS", -3: "time", -4: "a person"}


def told(finding: Finding) -> str:
    return "\n".join(_lines(finding))


def _lines(finding: Finding) -> Iterator[str]:
    yield f"HubSpot {_ills(finding.start.ills)}; the record {_record(finding.start)}"
    before = finding.start
    for number, step in enumerate(finding.way, 1):
        yield f"{number:3}. {_sentence(step)}"
        if _facts(step.state) != _facts(before):
            yield f"     {_facts(step.state)}"
        before = step.state
    yield f"  => {finding.wrong}"


def _sentence(step: Step) -> str:
    actor = ACTORS.get(step.actor) or f"consumer {'ABCD'[step.actor]}"
    said = step.words.format(events=_events(step.events), values=_values(step.values))
    return f"{actor} {said}"


def _facts(state: State) -> str:
    ledger = state.ledger
    pending = _readings(ledger.pending)
    lease = Lease(ledger.lease).name.lower()
    facts = (
        f"CRM {_crm(state)} | synced {_values(ledger.synced)} | pending {pending} | lease {lease}"
    )
    return f"[{facts}{_more(ledger)}]"


def _more(ledger: Ledger) -> str:
    doubts = f" | doubts {ledger.doubts}" if ledger.doubts else ""
    return f"{doubts} | apart" if ledger.apart else doubts


def _record(state: State) -> str:
    if not state.crm.alive:
        return "is not there"
    return "is there, and somebody else's too" if state.crm.foreign else "is there"


def _crm(state: State) -> str:
    if not state.crm.alive:
        return "none"
    return f"{_values((0, *state.crm.values[1:]))}{' (foreign)' if state.crm.foreign else ''}"


def _ills(ills: Ills) -> str:
    told = [
        f"refuses {_readings(ills.values)}" if ills.values else "",
        f"refuses all of {_names(ills.properties)}" if ills.properties else "",
        f"refuses {_events(ills.events)} without naming a property" if ills.events else "",
        "refuses the key" if ills.key else "",
        f"never mentions {_readings(ills.mute)}" if ills.mute else "",
        f"never answers for {_readings(ills.poison)}" if ills.poison else "",
    ]
    return ", ".join(filter(None, told)) or "takes everything"


def _names(lanes: int) -> str:
    return " ".join(NAMES[prop] for prop in each(lanes))


def _events(events: Events) -> str:
    return ", ".join(f"event {event}" for event in each(events)) or "nothing"


def _values(values: Values) -> str:
    return (
        " ".join(_reading(prop, version) for prop, version in enumerate(values) if version) or "-"
    )


def _readings(readings: Readings) -> str:
    return " ".join(_reading(*divmod(place, RANKS)) for place in each(readings)) or "-"


def _reading(prop: int, version: int) -> str:
    """Show a value by the event that it came from; a word on existence as [2]."""
    return f"[{version}]" if prop == EXISTENCE else f"{NAMES[prop]}={version}"
