"""The fate of each change event, and what becomes of the messages that brought them."""

from collections.abc import Mapping
from dataclasses import dataclass

from hubsync.core.attempt import Attempt
from hubsync.core.change import ARCHIVED, Reading
from hubsync.core.reply import Reason


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


type Fate = Written | Superseded | Rejected | Retryable


def fate(readings: Mapping[str, Reading], attempt: Attempt, *, lease_seconds: float) -> Fate:
    """Return what an event came to, given its readings and the end of its record's attempt.

    `lease_seconds` is how long our lease would still last; a record in doubt waits for its end.
    """
    if attempt.in_doubt:
        return Retryable(attempt.halted or "IN_DOUBT", at_most=lease_seconds)
    refused: dict[str, Reason] = {}
    written = False
    for name, reading in readings.items():
        if attempt.has_written(name, reading.version):
            written = True
        elif (name, reading.version) in attempt.refused:
            refused[name] = attempt.refused[name, reading.version]
        elif not attempt.entry.dominates(name, reading):
            return Retryable(attempt.halted or "OPEN", attempt.retry_after_seconds or 0.0)
    if refused:
        return _rejected(refused)
    return Written() if written else Superseded()


def _rejected(refused: Mapping[str, Reason]) -> Rejected:
    refused = {name: why for name, why in refused.items() if name != ARCHIVED} or refused
    whole = next((why for name, why in refused.items() if name not in why.properties), None)
    if whole is not None:
        return Rejected(whole.code, whole.message, (), whole.correlation_id)
    names = tuple(sorted(refused))
    reason = refused[names[0]]
    return Rejected(reason.properties[names[0]], reason.message, names, reason.correlation_id)
