"""How often somebody may do something: a token bucket each, in this process."""

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


class Bucket:
    """So much a minute, all at once if need be; it fills again evenly over the minute."""

    __slots__ = ("_left", "_since", "_size")

    def __init__(self, size: int, now: float) -> None:
        self._size = size
        self._left, self._since = float(size), now

    def left(self, now: float) -> float:
        """How much is in it."""
        return min(float(self._size), self._left + (now - self._since) * self._size / 60)

    def take(self, now: float, cost: int = 1) -> bool:
        """Take something out of it, if there is enough; what is dearer than a full one needs a full one."""
        left = self.left(now)
        if left < min(cost, self._size):
            return False
        self._left, self._since = max(left - cost, 0.0), now
        return True


class RateLimit:
    """A bucket of `per_minute` requests for each key; 0: any number.

    Of 10,000 keys the one used longest ago is forgotten, which can only be in its favour.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._rate = per_minute / 60
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str, cost: int = 1) -> Verdict:
        """Count one request of a caller, or one that is as dear as `cost` of them."""
        if not self._size:
            return Verdict(allowed=True, limit=0, remaining=0, reset=0, retry_after=0)
        now = self._clock()
        bucket = self._buckets.get(key) or Bucket(self._size, now)
        allowed = bucket.take(now, cost)
        if allowed:
            self._buckets[key] = bucket
            self._buckets.move_to_end(key)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        left = bucket.left(now)
        return Verdict(
            allowed=allowed,
            limit=self._size,
            remaining=int(left),
            reset=math.ceil((self._size - left) / self._rate),
            retry_after=0 if allowed else max(1, math.ceil((cost - left) / self._rate)),
        )

    def exhausted(self, key: str) -> bool:
        """Whether the next request of a caller would be refused; nothing is counted."""
        bucket = self._buckets.get(key)
        return bucket is not None and bucket.left(self._clock()) < 1
