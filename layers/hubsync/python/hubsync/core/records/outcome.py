"""The fate of each change event, and what becomes of the messages that brought them."""

from collections.abc import Mapping
from dataclasses import dataclass

from hubsync.core.change import ARCHIVED, Reading
from hubsync.core.hubspot.reply import Reason
from hubsync.core.message import INVALID_VALUE, NO_MARKS
from hubsync.core.records.leased_record import MORE_REFUSED, NOT_FOUND, LeasedRecord


@dataclass(frozen=True, slots=True)
class Written:
    """HubSpot vouched for one of its readings."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """HubSpot has newer readings of everything it says."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A reading of it was refused: it becomes a dead letter."""

    code: str
    message: str
    properties: tuple[str, ...] = ()
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Retryable:
    """Some reading of it is not settled: it comes back.

    `at_least` and `at_most` bound the delay in seconds; in between, the back-off decides.
    """

    reason: str
    at_least: float = 0.0
    at_most: float | None = None
    refused: Mapping[str, str] = (
        NO_MARKS  # property: code, of its readings that are refused already
    )
    anew: bool = False  # what it has waited before for something missing does not count

    @property
    def missing(self) -> bool:
        """Whether it waits for something that may be on its way: its record, or an upsert."""
        return self.reason == NOT_FOUND


type Outcome = Written | Superseded | Rejected | Retryable


def outcome_of(
    readings: Mapping[str, Reading],
    leased: LeasedRecord,
    *,
    lease_seconds: float,
    marks: Mapping[str, str] = NO_MARKS,
) -> Outcome:
    """Return what an event came to, given its readings and the end of its record's attempt.

    `marks` are the properties of it that were refused before, each with its code. An event with a
    refused reading is rejected once nothing of it is open. `lease_seconds` is how long our lease
    would still last; a record in doubt waits for its end.
    """
    entry, _ = leased.certain
    refused: dict[str, Reason] = {}
    written = still_open = False
    for name, reading in readings.items():
        if leased.has_written(name, reading.version):
            written = True
        elif (name, reading.version) in leased.refused:
            refused[name] = leased.refused[name, reading.version]
        elif not entry.dominates(name, reading):
            still_open = True
    # While the record is in doubt, an event with nothing of its own written stays: it is what
    # brings the record back.
    if still_open or (leased.in_doubt and not written):
        return _retryable(leased, lease_seconds, marks_of(refused))
    refused |= reasons_of(marks)
    if refused:
        return rejection(refused)
    return Written() if written else Superseded()


def _retryable(leased: LeasedRecord, lease_seconds: float, refused: Mapping[str, str]) -> Retryable:
    if leased.in_doubt:
        reason = leased.halted or "IN_DOUBT"
        return Retryable(reason, at_most=lease_seconds, refused=refused)
    # More of what was refused is tried at once: there is nothing to wait for.
    at_most = 1.0 if leased.halted == MORE_REFUSED else None
    at_least = leased.retry_after_seconds or 0.0
    return Retryable(leased.halted or "OPEN", at_least, at_most, refused, leased.waits_anew)


def marks_of(refused: Mapping[str, Reason]) -> dict[str, str]:
    """Return what an event's message says of its refused properties: a code for each."""
    return {
        name: reason.properties.get(name, reason.code)
        for name, reason in refused.items()
        if name != ARCHIVED
    }


def reasons_of(marks: Mapping[str, str]) -> dict[str, Reason]:
    return {name: Reason(code, _told(name, code), {name: code}) for name, code in marks.items()}


def _told(name: str, code: str) -> str:
    if code == INVALID_VALUE:
        return f"the payload had no valid value for {name}, which was left out"
    return f"HubSpot refused {name} ({code})"


def rejection(refused: Mapping[str, Reason]) -> Rejected:
    """Return the rejection of an event, given what of it was refused and why."""
    refused = {name: why for name, why in refused.items() if name != ARCHIVED} or refused
    whole = next((why for name, why in refused.items() if name not in why.properties), None)
    if whole is not None:
        return Rejected(whole.code, whole.message, (), whole.correlation_id)
    names = tuple(sorted(refused))
    # Of HubSpot's refusals the letter can be redriven, so they name it, if there are any.
    first = min(names, key=lambda name: refused[name].code == INVALID_VALUE)
    reason = refused[first]
    return Rejected(reason.properties[first], reason.message, names, reason.correlation_id)
