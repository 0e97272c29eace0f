"""What the consumer needs from outside, as callables and protocols. Effects are arguments."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, Protocol

from hubsync.core.change import RecordKey
from hubsync.core.hubspot.batch import Batch, Route
from hubsync.core.hubspot.rate_budget import Budget
from hubsync.core.hubspot.reply import ReadResult, Reply, Unread
from hubsync.core.records.entry import Entry, Rev
from hubsync.core.records.outcome import Rejected

type Write = Callable[[Batch], Awaitable[Reply]]
type Read = Callable[[Route, Sequence[str], Sequence[str]], Awaitable[ReadResult | Unread]]


class PermitDenied(NamedTuple):
    """Why there is no permit, and how long there will be none, in seconds, as far as is known."""

    reason: str
    seconds: float


class Permits(Protocol):
    """Leave for calls of one account, and what the replies say of it."""

    async def acquire(self, *, seconds: float, urgent: bool = False) -> PermitDenied | None:
        """Wait for a permit, at most so long; None means go. An urgent one hardly waits."""

    async def give_back(self) -> None:
        """Let others have a permit that was taken and is not used."""

    async def observe(self, reply: Reply | ReadResult, *, in_doubt: bool = False) -> None:
        """Take note of a reply; `in_doubt`: it is about a record that was in doubt before."""


class Budgets(Protocol):
    """One budget for each account, shared by all consumers."""

    async def update[T](self, account: str, change: Callable[[Budget], tuple[Budget, T]]) -> T:
        """Apply a change to what is there, as if nobody else did; raises Unanswered."""


class LedgerWrite(NamedTuple):
    """An entry to be written if the one there still has the expected rev."""

    record: RecordKey
    entry: Entry
    expected: Rev


class Ledger(Protocol):
    """One entry for each record. Both calls raise Unanswered where they got no answer."""

    async def read(self, records: Sequence[RecordKey]) -> dict[RecordKey, Entry]:
        """Return the entry of every record; one never written has the default entry."""

    async def write(self, writes: Sequence[LedgerWrite]) -> frozenset[RecordKey]:
        """Write entries whose condition holds, and return the records whose condition failed.

        A record that fails does not take the others with it.
        """


class LedgerScan(Protocol):
    """Looks over all entries, for the sweep and the audit. Raises Unanswered, as a ledger does."""

    async def left_over(
        self, before: int, *, start: str | None, pages: int
    ) -> tuple[list[RecordKey], str | None]:
        """Return records left with a lease or readings, due before a moment, and where to go on."""

    async def watched(self, before: int, *, most: int) -> list[RecordKey]:
        """Return records whose watch ended before a moment, longest ago first."""


class DeadLetter(NamedTuple):
    """A change event given up, as a message of its own, and why."""

    body: str
    account: str
    rejected: Rejected


class Resend(NamedTuple):
    """A message to put back with the unsettled events of an older one."""

    body: str
    account: str
    delay_seconds: int


class Queue(Protocol):
    """Where events come from and go back to.

    Each call ends after so many seconds, and returns the positions that SQS confirmed until then.
    """

    async def dead_letter(
        self, letters: Sequence[DeadLetter], *, seconds: float
    ) -> frozenset[int]: ...

    async def resend(self, messages: Sequence[Resend], *, seconds: float) -> frozenset[int]: ...

    async def postpone(self, delays: Mapping[str, int], *, seconds: float) -> None:
        """Hide messages, by receipt handle, for that long; best effort."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that writing does to the world, and what it is told by it."""

    write: Write
    read: Read
    ledger: Ledger
    permits: Callable[[str], Permits]  # by account
    now: Callable[[], float]  # wall clock, seconds since 1970
    random: Random
    # When HubSpot last answered a write, by account, in ms; it lives as long as the process.
    written_at: dict[str, int] = field(default_factory=dict)
    # Properties that HubSpot took of us, by account and object type; it lives as long.
    written_names: defaultdict[tuple[str, str], set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )


class WritePolicy(NamedTuple):
    """What the operator chose, as far as the consumer's decisions depend on it."""

    late_write_seconds: float
    not_found_retry_seconds: float
