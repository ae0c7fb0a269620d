"""How often one caller may ask: a token bucket each, in this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a caller has left."""

    allowed: bool
    limit: int
    """Requests that a full bucket holds; 0: no limit."""
    remaining: int
    reset: int
    """Seconds until the bucket is full again."""
    retry_after: int
    """Seconds until one more is allowed; 0 when one is."""

    @property
    def headers(self) -> dict[str, str]:
        """RateLimit-* of draft-ietf-httpapi-ratelimit-headers-06, and Retry-After when it is refused."""
        if not self.limit:
            return {}
        found = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }
        return found if self.allowed else {**found, "Retry-After": str(self.retry_after)}


class RateLimit:
    """`per_minute` requests for each key, all at once if need be; 0: any number.

    A bucket fills again evenly over the minute. Of 10,000 keys the one used longest ago is forgotten, which
    can only be in its favour.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._rate = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: int = 1) -> Verdict:
        """Count one request of a caller, or one that is as dear as `cost` of them."""
        if not self._size:
            return Verdict(allowed=True, limit=0, remaining=0, reset=0, retry_after=0)
        now = self._clock()
        left = self._level(key, now)
        allowed = left >= min(cost, self._size)
        if allowed:
            left = max(left - cost, 0)
            self._buckets[key] = (left, now)
            self._buckets.move_to_end(key)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        return Verdict(
            allowed=allowed,
            limit=self._size,
            remaining=int(left),
            reset=math.ceil((self._size - left) / self._rate),
            retry_after=0 if allowed else max(1, math.ceil((cost - left) / self._rate)),
        )

    def exhausted(self, key: str) -> bool:
        """Whether the next request of a caller would be refused; nothing is counted."""
        return bool(self._size) and self._level(key, self._clock()) < 1

    def _level(self, key: str, now: float) -> float:
        left, since = self._buckets.get(key, (float(self._size), now))
        return min(float(self._size), left + (now - since) * self._rate)
