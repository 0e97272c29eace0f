"""A finding in words: a numbered trace, with the ledger and the CRM wherever they change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.state import RANKS, Lease, each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model.explorer import Finding
    from tests.model.protocol import Step
    from tests.model.state import Events, Readings, State, Values

PROPERTIES = "pqrs"
ACTORS = {-1: "HubSpot", -2: "SQS"}


def told(finding: Finding) -> str:
    return "\n".join(_lines(finding))


def _lines(finding: Finding) -> Iterator[str]:
    yield f"values HubSpot refuses: {_readings(finding.start.bad)}"
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
    pending = ", ".join(
        f"{PROPERTIES[prop]}: {' over '.join(map(str, versions))}"
        for prop, versions in enumerate(state.pending)
        if versions
    )
    return (
        f"[CRM {_values(state.crm)} | synced {_values(state.synced)} | "
        f"pending {pending or '-'} | lease {Lease(state.lease).name.lower()}]"
    )


def _events(events: Events) -> str:
    return ", ".join(f"event {event}" for event in each(events)) or "nothing"


def _values(values: Values) -> str:
    return " ".join(f"{PROPERTIES[p]}={v}" for p, v in enumerate(values) if v) or "-"


def _readings(readings: Readings) -> str:
    places = (divmod(place, RANKS) for place in each(readings))
    return " ".join(f"{PROPERTIES[prop]}={version}" for prop, version in places) or "none"
