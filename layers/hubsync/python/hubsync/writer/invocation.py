"""What holds for one invocation: its ports, its end, and how long a lease taken in it lasts."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from hubsync.core.limits import (
    LEASE_MARGIN_SECONDS,
    SEND_SECONDS_LEFT_MIN,
    WRITE_SECONDS_LEFT_MIN,
)
from hubsync.core.records.entry import Rev
from hubsync.core.records.leased_record import EventId
from hubsync.ports import Ports, WritePolicy

type Expired = Callable[[EventId], bool]
"""Whether an event has waited long enough for a record that HubSpot does not know."""
type InHand = Callable[[EventId], bool]
"""Whether an event is here, so that it becomes a dead letter if it is given up."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """The time and the means of one run; `deadline` is on the event loop's clock."""

    ports: Ports
    deadline: float
    lease_until: int  # ms since 1970
    expired: Expired
    in_hand: InHand
    _revs: Iterator[Rev]

    @classmethod
    def begin(
        cls,
        ports: Ports,
        policy: WritePolicy,
        *,
        deadline: float,
        expired: Expired,
        in_hand: InHand,
    ) -> "Invocation":
        """Start now. A lease outlives the invocation by the time a late write may take."""
        seconds = deadline - asyncio.get_running_loop().time()
        lease_seconds = seconds + policy.late_write_seconds + LEASE_MARGIN_SECONDS
        lease_until = round((ports.now() + lease_seconds) * 1000)
        return cls(ports, deadline, lease_until, expired, in_hand, _revs(ports.random))

    def now(self) -> int:
        """Return the moment in ms since 1970."""
        return round(self.ports.now() * 1000)

    def seconds_left(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    def lease_seconds_left(self) -> float:
        """Return how long a lease taken in this invocation lasts from now."""
        return max(0.0, (self.lease_until - self.now()) / 1000)

    def sending_seconds_left(self) -> float:
        """Return how long a call may still begin."""
        return max(0.0, self.seconds_left() - SEND_SECONDS_LEFT_MIN)

    def may_send(self, after_seconds: float = 0.0) -> bool:
        """Whether a call could still be answered in time."""
        return self.seconds_left() - after_seconds >= SEND_SECONDS_LEFT_MIN

    def writing_time(self) -> asyncio.Timeout:
        """Return what ends the writing while there is time to hand back what is open."""
        return asyncio.timeout_at(self.deadline - WRITE_SECONDS_LEFT_MIN)

    def rev(self) -> Rev:
        """Return a token that no other write of an entry has."""
        return next(self._revs)


def _revs(random: Random) -> Iterator[Rev]:
    start = f"{random.getrandbits(96):024x}"
    return (Rev(f"{start}-{number}") for number in count())
