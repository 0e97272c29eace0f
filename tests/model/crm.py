"""HubSpot, as transitions: what it answers, and what it then holds.

It compares no versions, and takes a request at any time after it was sent. It refuses an input
whole, naming one property or none; it refuses for now, stays silent, or gives no answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.model.scenario import Fault
from tests.model.state import (
    EXISTENCE,
    Kind,
    Readings,
    Request,
    Step,
    lane,
    reading,
    readings_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.model.protocol import Protocol
    from tests.model.scenario import Scenario
    from tests.model.state import HubSpot, State

    type Spend = Callable[[State, Fault], State | None]


class Refusal:
    """What an answer blames: readings by the name of their property, or no property at all.

    `excused` are the readings that may be given up for it.
    """

    __slots__ = ("blamed", "excused")

    def __init__(self, blamed: Readings, excused: Readings) -> None:
        self.blamed, self.excused = blamed, excused


class CRM:
    def __init__(self, scenario: Scenario, protocol: Protocol, spend: Spend) -> None:
        self.scenario = scenario
        self.protocol = protocol
        self.spend = spend

    def answers(self, state: State, me: int) -> Iterator[Step]:
        """Yield what may become of an upsert or an update."""
        sent = state.consumers[me].sent
        request = Request(self.protocol.kind_of(sent), sent)
        if spent := self.spend(state, Fault.THROTTLED):
            after = self.protocol.not_applied(spent, me)
            yield Step(after, me, "is refused for now", is_fault=True)
        if readings_of(sent) & state.ills.poison:
            after = self.protocol.no_answer(self.doubted(state), me)
            yield Step(after, me, "gets no answer for {values}", 0, sent)
            return
        if readings_of(sent) & state.ills.mute:
            yield Step(self.protocol.is_left_out(state, me), me, "is left out of the answer")
            return
        refusals = list(self.refusals(state, request))
        for refusal in refusals:
            yield self.refused(state, me, refusal)
        if not refusals:
            yield from self.unrefused(state, me, request)
        if spent := self.spend(state, Fault.SILENT):
            after = self.protocol.is_left_out(spent, me)
            yield Step(after, me, "finds nothing of its input in the answer", is_fault=True)

    def refusals(self, state: State, request: Request) -> Iterator[Refusal]:
        """Yield everything that HubSpot may say against an input; it says one thing at a time."""
        ills, sent = state.ills, request.sent
        for prop, version in enumerate(sent):
            if version and prop and ills.properties >> prop & 1:
                yield Refusal(lane(prop), lane(prop))
            elif ills.values & reading(prop, version):
                yield Refusal(reading(prop, version), reading(prop, version))
        values = set(sent[1:]) - {0}
        if any(ills.events >> event & 1 for event in values):
            yield Refusal(0, self.unnamed(values))
        if ills.key and request.kind == Kind.UPSERT:
            yield Refusal(0, self.unnamed(values))

    def unnamed(self, values: set[int]) -> Readings:
        """Return what may be given up for a refusal without a name.

        That is all values of an event sent alone, or the word on existence where only the key was.
        """
        if len(values) == 1:
            return self.scenario.readings[min(values)] & ~lane(EXISTENCE)
        return 0 if values else lane(EXISTENCE)

    def refused(self, state: State, me: int, refusal: Refusal, *, is_fault: bool = False) -> Step:
        after = heard(state)._replace(refused=state.refused | refusal.excused)
        after = self.protocol.is_refused(after, me, refusal.blamed)
        sent = state.consumers[me].sent
        named = tuple(
            version if refusal.blamed & reading(prop, version) else 0
            for prop, version in enumerate(sent)
        )
        words = "has {values} refused" if refusal.blamed else "is refused, and no property is named"
        return Step(after, me, words, 0, named, is_fault=is_fault)

    def unrefused(self, state: State, me: int, request: Request) -> Iterator[Step]:
        sent = request.sent
        if self.is_applicable(state, request):
            after = self.protocol.is_vouched(heard(self.applied(state, request)), me, sent)
            yield Step(after, me, "has {values} applied and vouched for", 0, sent)
            yield from self.faulty_writes(state, me, request)
        elif request.kind == Kind.UPDATE:
            after = self.protocol.is_missing(heard(state), me)
            yield Step(after, me, "hears that there is no such record")
        else:
            after = self.protocol.lacks_required(heard(state), me)
            yield Step(after, me, "hears that a required property was not sent")
        if spent := self.spend(state, Fault.LATE):
            after = self.protocol.no_answer(self.doubted(spent), me)
            after = after._replace(late=tuple(sorted((*after.late, request))))
            yield Step(after, me, "gives {values} up, still under way", 0, sent, is_fault=True)

    def faulty_writes(self, state: State, me: int, request: Request) -> Iterator[Step]:
        sent = request.sent
        if spent := self.spend(state, Fault.LOST):
            after = self.protocol.no_answer(self.doubted(self.applied(spent, request)), me)
            yield Step(after, me, "has {values} applied but gets no answer", 0, sent, is_fault=True)
        if spent := self.spend(state, Fault.SILENT):
            after = self.protocol.is_left_out(self.applied(spent, request), me)
            words = "has {values} applied, but the answer leaves it out"
            yield Step(after, me, words, 0, sent, is_fault=True)
        if spent := self.spend(state, Fault.WHIM):
            for prop, version in enumerate(sent):
                if prop and version:
                    which = reading(prop, version)
                    yield self.refused(spent, me, Refusal(which, which), is_fault=True)

    def archive_answers(self, state: State, me: int) -> Iterator[Step]:
        """Yield what may become of an archive. HubSpot answers 204 for an id it does not know."""
        consumer = state.consumers[me]
        request = Request(Kind.ARCHIVE, consumer.sent, consumer.target)
        archived = self.applied(state, request)
        yield Step(self.protocol.archive_answered(heard(archived), me), me, "hears a 204")
        if spent := self.spend(state, Fault.THROTTLED):
            after = self.protocol.not_applied(spent, me)
            yield Step(after, me, "is refused for now", is_fault=True)
        if spent := self.spend(state, Fault.LOST):
            after = self.protocol.no_answer(self.doubted(self.applied(spent, request)), me)
            yield Step(after, me, "has the record archived but gets no answer", is_fault=True)
        if spent := self.spend(state, Fault.LATE):
            after = self.protocol.no_answer(self.doubted(spent), me)
            after = after._replace(late=tuple(sorted((*after.late, request))))
            yield Step(after, me, "gives the archive up, still under way", is_fault=True)

    # What it then holds.

    def is_applicable(self, state: State, request: Request) -> bool:
        if state.crm.alive:
            return True
        required = self.scenario.required
        return request.kind == Kind.UPSERT and not (required and not request.sent[required])

    def applied(self, state: State, request: Request) -> State:
        """Write unconditionally. A reading that is applied is not refused (any more)."""
        if request.kind == Kind.ARCHIVE:
            return archived(state, request)
        if not self.is_applicable(state, request):
            return state
        crm, sent = state.crm, request.sent
        fresh = crm
        if not crm.alive:  # A revived record is a new one.
            word = crm.values[EXISTENCE]
            values = (word, *self.protocol.nothing[1:])
            fresh = crm._replace(values=values, id=crm.id + 1, alive=1, foreign=0)
        values = tuple(new or old for old, new in zip(fresh.values, sent, strict=True))
        refused = state.refused & ~readings_of(sent)
        told = tuple(map(max, crm.told, sent))
        return state._replace(crm=fresh._replace(values=values, told=told), refused=refused)

    def doubted(self, state: State) -> State:
        """Count an ambiguous outcome, as an onlooker does."""
        thresholds = self.scenario.doubts
        if thresholds is None:
            return state
        return state._replace(row=min(state.row + 1, thresholds.most))


def archived(state: State, request: Request) -> State:
    crm = state.crm
    if not crm.alive or crm.id != request.target:
        return state
    word = request.sent[EXISTENCE]
    values = (word, *([0] * (len(crm.values) - 1)))
    crm = known_archived(crm._replace(values=values, alive=0), word)
    return state._replace(crm=crm, refused=state.refused & ~readings_of(request.sent))


def known_true(crm: HubSpot, word: int) -> HubSpot:
    """Let an onlooker take note that a word on existence is true."""
    values = (max(word, crm.values[EXISTENCE]), *crm.values[1:])
    told = (max(word, crm.told[EXISTENCE]), *crm.told[1:])
    return crm._replace(values=values, told=told)


def known_archived(crm: HubSpot, word: int) -> HubSpot:
    return known_true(crm, word)._replace(archived=max(word, crm.archived))


def heard(state: State) -> State:
    """End the row of ambiguous outcomes: HubSpot has answered about the record."""
    return state._replace(row=0)
