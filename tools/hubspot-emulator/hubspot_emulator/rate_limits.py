"""Rate limits: a rolling window of ten seconds per app, and a count per day for the account."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Literal
from zoneinfo import ZoneInfo

WINDOW_SECONDS = 10
type Policy = Literal["TEN_SECONDLY_ROLLING", "DAILY"]
BURST: Policy = "TEN_SECONDLY_ROLLING"
DAILY: Policy = "DAILY"


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls allowed; 0 stands for no limit.

    Documented: 190 and 625,000 are those of a private app in a Professional account.
    """

    per_10_seconds: int = 190
    daily: int = 625_000


UNLIMITED = Limits(0, 0)


class Throttled(Exception):
    def __init__(self, policy: Policy, retry_after_seconds: int) -> None:
        super().__init__(policy)
        self.policy = policy
        self.retry_after_seconds = retry_after_seconds


@dataclass(slots=True)
class _Window:
    calls: deque[tuple[float, int]] = field(default_factory=deque)
    used: int = 0

    def slide(self, now: float) -> None:
        while self.calls and self.calls[0][0] <= now - WINDOW_SECONDS:
            self.used -= self.calls.popleft()[1]

    def take(self, now: float, cost: int) -> None:
        self.calls.append((now, cost))
        self.used += cost

    def used_since(self, moment: float) -> int:
        return sum(cost for time, cost in self.calls if time > moment)


class Meter:
    """Counts the calls that were let through.

    Assumed: a refused call does not count, neither for the window nor for the day.
    """

    def __init__(self, limits: Limits, time_zone: str) -> None:
        self.limits = limits
        self.daily_used = 0
        self._zone = ZoneInfo(time_zone)
        self._midnight = 0.0
        self._windows: dict[str, _Window] = {}

    def take(self, app: str, cost: int, now: float) -> None:
        """Count a call of this cost, or raise `Throttled`."""
        window = self._at(app, now)
        limits = self.limits
        if limits.daily and self.daily_used + cost > limits.daily:
            raise Throttled(DAILY, ceil(self._midnight - now))
        if limits.per_10_seconds and window.used + cost > limits.per_10_seconds:
            oldest = window.calls[0][0] if window.calls else now
            raise Throttled(BURST, ceil(oldest + WINDOW_SECONDS - now))
        self.daily_used += cost
        if limits.per_10_seconds:
            window.take(now, cost)

    def headers(self, app: str, now: float, *, oauth: bool) -> dict[str, str]:
        """Documented: those of the day are left out for OAuth apps; `Secondly` is deprecated."""
        window = self._at(app, now)
        headers: dict[str, str] = {}
        if limit := self.limits.per_10_seconds:
            second = limit // WINDOW_SECONDS
            headers = {
                "X-HubSpot-RateLimit-Max": str(limit),
                "X-HubSpot-RateLimit-Remaining": str(max(0, limit - window.used)),
                "X-HubSpot-RateLimit-Interval-Milliseconds": str(WINDOW_SECONDS * 1000),
                "X-HubSpot-RateLimit-Secondly": str(second),
                "X-HubSpot-RateLimit-Secondly-Remaining": str(
                    max(0, second - window.used_since(now - 1))
                ),
            }
        if self.limits.daily and not oauth:
            headers["X-HubSpot-RateLimit-Daily"] = str(self.limits.daily)
            remaining = max(0, self.limits.daily - self.daily_used)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(remaining)
        return headers

    def _at(self, app: str, now: float) -> _Window:
        if now >= self._midnight:
            self._midnight = _next_midnight(now, self._zone)
            self.daily_used = 0
        window = self._windows.setdefault(app, _Window())
        window.slide(now)
        return window


def _next_midnight(now: float, zone: ZoneInfo) -> float:
    today = datetime.fromtimestamp(now, zone)
    tomorrow = (today + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return tomorrow.timestamp()
