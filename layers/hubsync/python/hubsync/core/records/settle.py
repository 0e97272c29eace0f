"""What a reply means for each record of a batch, and which records to send again, and with whom."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import assert_never

from hubsync.core.change import ARCHIVED, RecordKey
from hubsync.core.hubspot.batch import Input
from hubsync.core.hubspot.reply import (
    PROPERTY_FAULTS,
    REQUEST_FAULTS,
    REQUIRED_FAULTS,
    SENSITIVE,
    Ambiguous,
    Answered,
    BatchRefused,
    Confirmed,
    NotApplied,
    NotFound,
    Reason,
    Refused,
    Reply,
    Taken,
    TooLarge,
    Verdict,
)
from hubsync.core.records.leased_record import LeasedRecord

type Sent = tuple[LeasedRecord, Input]


@dataclass(slots=True)
class FollowUp:
    """What is to be done after a reply. Records in none of the lists are settled, or left."""

    again: list[LeasedRecord] = field(default_factory=list)  # with whatever else is due
    groups: list[list[LeasedRecord]] = field(default_factory=list)  # each in a batch of its own
    read_back: list[Sent] = field(default_factory=list)  # silence twice: look what is there
    contradicted: list[tuple[LeasedRecord, Input, Reason]] = field(default_factory=list)
    # Refused now, but perhaps taken when no answer came: look what is there.
    missed: list[tuple[LeasedRecord, Reason]] = field(default_factory=list)
    # HubSpot lacks the record, or a property that it requires: perhaps on its way.
    taken: list[tuple[Sequence[Sent], BatchRefused]] = field(default_factory=list)
    # A batch refused for a value that another record has: look which values are taken.

    def leased_records(self) -> Iterator[LeasedRecord]:
        """Yield the records of all lists."""
        yield from self.again
        for group in self.groups:
            yield from group
        yield from (leased for leased, _ in self.read_back)
        yield from (leased for leased, _, _ in self.contradicted)
        yield from (leased for leased, _ in self.missed)
        for sent, _ in self.taken:
            yield from (leased for leased, _ in sent)

    def refuse(self, leased: LeasedRecord, item: Input, reason: Reason) -> None:
        """Refuse an input, and go on with what is left of its record."""
        if _lacks_required(reason, item):
            self.missed.append((leased, reason))
        elif leased.contradicts(item.readings):
            self.contradicted.append((leased, item, reason))
        else:
            leased.refuse(item.readings, reason)
            self.go_on(leased)

    def go_on(self, leased: LeasedRecord) -> None:
        if not leased.over:
            self.again.append(leased)


def _lacks_required(reason: Reason, item: Input) -> bool:
    """Whether all that is wrong is that something was not sent: that is no fault of what was."""
    named = reason.properties.items()
    return bool(named) and all(
        code in REQUIRED_FAULTS and name not in item.readings for name, code in named
    )


def settle(
    sent: Sequence[Sent], reply: Reply, *, written: Collection[str] = frozenset()
) -> FollowUp:
    """Apply a reply to the records of its batch. Silence about an input is never success.

    `written` are names of properties that HubSpot is known to take of us.
    """
    match reply:
        case Answered(verdicts):
            after = FollowUp()
            for leased, item in sent:
                _apply(verdicts.get(item.trace_id), leased, item, after)
            return after
        case BatchRefused():
            return _blame(sent, reply, written)
        case TooLarge(reason):
            if len(sent) == 1:
                return _refuse_all(sent, reason)
            return FollowUp(groups=_halves([leased for leased, _ in sent]))
        case NotApplied(code, retry_after_seconds):
            for leased, _ in sent:
                leased.halt(code, retry_after_seconds)
        case Ambiguous(code):
            for leased, _ in sent:
                leased.doubt(code)
        case _:
            assert_never(reply)
    return FollowUp()


def _apply(verdict: Verdict | None, leased: LeasedRecord, item: Input, after: FollowUp) -> None:
    match verdict:
        case Confirmed():
            leased.confirm(item.readings, verdict, item.trace_id)
        case Refused(reason):
            after.refuse(leased, item, reason)
            return
        case NotFound(reason):
            after.missed.append((leased, reason))
            return
        case None:
            leased.left_out(item.trace_id)
            if leased.is_silenced(item.trace_id):
                after.read_back.append((leased, item))
            else:
                after.groups.append([leased])
            return
        case _:
            assert_never(verdict)
    after.go_on(leased)


def _blame(
    sent: Sequence[Sent], refused: BatchRefused, written: Collection[str] = frozenset()
) -> FollowUp:
    """Find the input that a whole batch was refused for: by what HubSpot names, else by halves.

    `written` are names of properties that HubSpot is known to take of us.
    """
    reason, ids = refused.reason, refused.ids
    if reason.code == "OBJECT_NOT_FOUND" and (missed := _missed(sent, reason, ids)):
        return missed
    if reason.code == SENSITIVE:
        return _blame_unwritten(sent, reason, written)
    if len(sent) == 1 or reason.code in REQUEST_FAULTS:
        return _refuse_all(sent, reason)
    faulty = [name for name, code in reason.properties.items() if code in PROPERTY_FAULTS]
    if any(name in item.readings for _, item in sent for name in faulty):
        return _refuse_property(sent, reason, faulty)
    if refused.taken is not None:
        return _blame_taken(sent, refused, refused.taken)
    suspects: list[LeasedRecord] = []
    others: list[LeasedRecord] = []
    for leased, item in sent:
        named = item.record.id in ids or any(name in item.readings for name in reason.properties)
        (suspects if named else others).append(leased)
    if suspects and others:
        return FollowUp(groups=[others, suspects])
    return FollowUp(groups=_halves(suspects or others))


def _missed(sent: Sequence[Sent], reason: Reason, ids: frozenset[str]) -> FollowUp | None:
    """Let named records be waited for, and the others go on; None where none is named."""
    alone = len(sent) == 1
    after = FollowUp()
    for leased, item in sent:
        if alone or item.record.id in ids:
            after.missed.append((leased, reason))
        else:
            after.go_on(leased)
    return after if after.missed else None


def _blame_taken(sent: Sequence[Sent], refused: BatchRefused, taken: Taken) -> FollowUp:
    """Refuse the taken value of the input that brought it, where there is one that fits.

    A second input with the value may be that of the record which has it: then a look tells.
    """
    guilty = {
        item.record
        for _, item in sent
        if item.record.id == taken.written_to or _brings(item, taken)
    }
    return blame(sent, refused, guilty) if len(guilty) == 1 else FollowUp(taken=[(sent, refused)])


def blame(sent: Sequence[Sent], refused: BatchRefused, guilty: Collection[RecordKey]) -> FollowUp:
    """Refuse the inputs of guilty records and let the others go on; without any, halves tell."""
    if not guilty:
        return _blame(sent, BatchRefused(refused.reason, refused.ids))
    after = FollowUp()
    for leased, item in sent:
        if item.record in guilty:
            after.refuse(leased, item, refused.reason)
        else:
            after.go_on(leased)
    return after


def _brings(item: Input, taken: Taken) -> bool:
    reading = item.readings.get(taken.name)
    # Folded, since HubSpot shows e-mail addresses in lower case (observed).
    return reading is not None and reading.value.lower() == (taken.value or "").lower() != ""


def _blame_unwritten(sent: Sequence[Sent], reason: Reason, written: Collection[str]) -> FollowUp:
    """Look for a sensitive property among those that HubSpot was not seen to take."""

    def unwritten(item: Input) -> list[str]:
        return [name for name in item.readings if name != ARCHIVED and name not in written]

    suspects = [leased for leased, item in sent if unwritten(item)]
    if len(sent) == 1 or len({*chain(*(unwritten(item) for _, item in sent))}) == 1:
        after = FollowUp()
        for leased, item in sent:
            names = unwritten(item)
            if len(sent) == 1 or names:
                named = dict.fromkeys(names, SENSITIVE) if len(names) == 1 else {}
                after.refuse(leased, item, replace(reason, properties=named))
            else:
                after.go_on(leased)
        return after
    if suspects and len(suspects) < len(sent):
        others = [leased for leased, item in sent if not unwritten(item)]
        return FollowUp(groups=[others, suspects])
    return FollowUp(groups=_halves([leased for leased, _ in sent]))


def _refuse_property(sent: Sequence[Sent], reason: Reason, faulty: list[str]) -> FollowUp:
    only = Reason(
        reason.code,
        reason.message,
        {name: reason.properties[name] for name in faulty},
        reason.correlation_id,
    )
    after = FollowUp()
    for leased, item in sent:
        if any(name in item.readings for name in faulty):
            after.refuse(leased, item, only)
        else:
            after.go_on(leased)
    return after


def _refuse_all(sent: Sequence[Sent], reason: Reason) -> FollowUp:
    after = FollowUp()
    for leased, item in sent:
        after.refuse(leased, item, reason)
    return after


def _halves(leased_records: list[LeasedRecord]) -> list[list[LeasedRecord]]:
    for leased in leased_records:
        leased.halved()
    middle = (len(leased_records) + 1) // 2
    return [leased_records[:middle], leased_records[middle:]]
