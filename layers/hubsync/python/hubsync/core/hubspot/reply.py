"""Everything HubSpot can answer to a batch, as a closed set of values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple, NewType

TraceId = NewType("TraceId", str)

# Faults of the property itself: they hold for every input that carries it, whatever the value.
PROPERTY_FAULTS: Final = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
# Faults of the request: they hold for every input, so there is no guilty one to look for.
REQUEST_FAULTS: Final = frozenset(
    {"NON_UNIQUE_ID_PROPERTY", "UNKNOWN_OBJECT_TYPE", "MISSING_SCOPES", "HTTP_404", "HTTP_405"}
)
# The call needs a scope for sensitive data: some property in it is sensitive, and none is named.
SENSITIVE: Final = "MISSING_SENSITIVE_SCOPES"
# A property that was not sent has to be: whoever brings it may be on its way.
REQUIRED_FAULTS: Final = frozenset(
    {"MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY"}
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused, in our words: HubSpot's own texts quote values.

    `properties` are those HubSpot named, whether we sent them or not, each with its code.
    """

    code: str
    message: str
    properties: Mapping[str, str]
    correlation_id: str | None = None


class Confirmed(NamedTuple):
    """HubSpot shows the input among its results, and with it the properties as it has them."""

    hubspot_id: str | None
    shown: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Refused:
    """HubSpot refused the input for what it holds."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class NotFound:
    """HubSpot knows no such record, so nothing was written."""

    reason: Reason


type Verdict = Confirmed | Refused | NotFound


@dataclass(frozen=True, slots=True)
class Answered:
    """A finished answer: a verdict for each input it speaks of. The others are unmentioned."""

    verdicts: Mapping[TraceId, Verdict]


class Taken(NamedTuple):
    """A unique value that another record has, as far as HubSpot says which."""

    name: str  # of the property
    value: str | None = None
    written_to: str | None = None  # the id of the record that was to have it
    existing_id: str | None = None  # of the record that has it


@dataclass(frozen=True, slots=True)
class BatchRefused:
    """The batch was refused as a whole and nothing was written: some input is to blame."""

    reason: Reason
    ids: frozenset[str] = frozenset()  # the inputs' ids that HubSpot named
    taken: Taken | None = None


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The body was too large; nothing was written."""

    reason: Reason


class Scope(Enum):
    """How far a refusal for now reaches."""

    BATCH = "these inputs"
    ACCOUNT = "every call of the account"


@dataclass(frozen=True, slots=True)
class NotApplied:
    """Nothing was written, for a reason that is not the inputs': they are tried again."""

    code: str
    retry_after_seconds: float | None = None
    scope: Scope = Scope.BATCH


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Nobody knows what was written, or will be."""

    code: str


class Usage(NamedTuple):
    """HubSpot's own count of an account: its limit in ten seconds, and what is left of it."""

    limit: int
    remaining: int


class HistoryValue(NamedTuple):
    """A value that a property took, and who set it: HubSpot's sourceType and sourceId."""

    value: str
    source: tuple[str, str]


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record as batch/read shows it; histories, newest first, only where they were asked for."""

    hubspot_id: str
    properties: Mapping[str, str | None]
    histories: Mapping[str, tuple[HistoryValue, ...]] = field(default_factory=dict)


def shown_text(value: object) -> str | None:
    """Return a property's value as text that every wire takes, since it may go into the ledger."""
    return None if value is None else str(value).encode(errors="replace").decode()


type ReadResult = Mapping[str, ShownRecord | None]
"""By the id asked for: the record, or None where HubSpot says it has none. Silence is neither."""
type Unread = BatchRefused | NotApplied | Ambiguous
"""Why a record could not be seen."""
type Reply = Answered | BatchRefused | TooLarge | NotApplied | Ambiguous
