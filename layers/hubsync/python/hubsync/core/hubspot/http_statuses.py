"""What each status means, and what is done about it: a row for each that HubSpot is known to send.

A 2xx has no row: what such an answer means stands in its body (`protocol.py`).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from hubsync.core.hubspot.reply import (
    Ambiguous,
    BatchRefused,
    NotApplied,
    Reason,
    Reply,
    Scope,
    Taken,
    TooLarge,
)

LOCK_SECONDS: Final = 2.0  # Documented: how long a lock after a large upsert lasts.


class Failure(NamedTuple):
    """An answer that is no 2xx, as far as HubSpot said anything."""

    code: str
    reason: Reason
    ids: frozenset[str]  # of inputs that it names
    category: str | None
    policy: str  # of a 429: which limit was hit
    retry_after_seconds: float | None
    taken: Taken | None = None


type Action = Callable[[Failure], Reply]


def refuse(failure: Failure) -> Reply:
    """Nothing was written; find whom it is about, by name or by halves, and refuse that."""
    return BatchRefused(failure.reason, failure.ids, failure.taken)


def halve(failure: Failure) -> Reply:
    """Nothing was written; less may pass."""
    return TooLarge(failure.reason)


def wait(failure: Failure) -> Reply:
    """Nothing was written, for a reason that passes: try these inputs again."""
    return NotApplied(failure.code, failure.retry_after_seconds)


def wait_for_lock(failure: Failure) -> Reply:
    return NotApplied(failure.code, max(failure.retry_after_seconds or 0, LOCK_SECONDS))


def pause(failure: Failure) -> Reply:
    """Nothing was written, nor will be by any other call of the account, for now."""
    return NotApplied(failure.code, failure.retry_after_seconds, Scope.ACCOUNT)


def pause_by_policy(failure: Failure) -> Reply:
    code = f"{failure.code}_{failure.policy}"
    return NotApplied(code, failure.retry_after_seconds, Scope.ACCOUNT)


def refuse_or_pause(failure: Failure) -> Reply:
    """Tell a scope that is missing for this object type from an app that may do nothing."""
    return refuse(failure) if failure.category == "MISSING_SCOPES" else pause(failure)


def doubt(failure: Failure) -> Reply:
    """Nobody knows what was written, or will be."""
    return Ambiguous(failure.code)


class Row(NamedTuple):
    meaning: str
    action: Action
    code: str = ""  # in place of HTTP_ and the status


# Documented, unless it says otherwise: error handling guide, and the guides of objects and limits.
STATUSES: Final[Mapping[int, Row]] = MappingProxyType(
    {
        400: Row("the request, or what some input holds, is not valid", refuse),
        401: Row("the token is missing, expired or unreadable", pause),
        403: Row("a scope is missing, or the app is blocked", refuse_or_pause),
        404: Row("no such path, object type or record", refuse),
        405: Row("this object type cannot be written so (assumed)", refuse),
        408: Row("the request did not arrive in time (assumed)", doubt),
        409: Row("a unique value belongs to another record (observed)", refuse),
        413: Row("the body is too large (assumed)", halve, "TOO_LARGE"),
        414: Row("the address is too long, or a record has over 250 merges", refuse),
        422: Row("what some input holds is not valid (assumed)", refuse),
        423: Row("a large upsert holds the records", wait_for_lock, "LOCKED"),
        429: Row("a rate limit was hit; the policy says which", pause_by_policy, "THROTTLED"),
        477: Row("the account is migrating; Retry-After says for how long", pause),
        500: Row("HubSpot failed (observed)", doubt),
        502: Row("processing limits; pause a few seconds", doubt),
        503: Row("HubSpot is unavailable", doubt),
        504: Row("processing limits; pause a few seconds", doubt),
        521: Row("HubSpot's server is down", doubt),
        522: Row("the connection timed out", doubt),
        523: Row("HubSpot's server cannot be reached", doubt),
        524: Row("no answer within 100 s", doubt),
        525: Row("HubSpot's certificate failed", doubt),
        526: Row("HubSpot's certificate is not valid", doubt),
    }
)
_SERVER_ERROR: Final = Row("something behind HubSpot's edge failed", doubt)
_OTHER: Final = Row("nothing that HubSpot is known to say", wait)


def row(status: int) -> Row:
    """Return what holds for a status. After any 5xx the write may still land."""
    return STATUSES.get(status, _SERVER_ERROR if status >= 500 else _OTHER)  # noqa: PLR2004 - the class of server errors
