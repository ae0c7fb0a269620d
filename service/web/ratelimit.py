"""Limit the requests of each caller with token buckets, in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

MAX_BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """State of a rate limit after a request was counted."""

    allowed: bool
    limit: int
    """Requests that a full bucket allows; 0: no limit."""
    remaining: int
    reset: int
    """Seconds until the bucket is full again."""
    retry_after: int
    """Seconds until the refused request is allowed; 0 when it was allowed."""

    @property
    def headers(self) -> dict[str, str]:
        """Return RateLimit-* (draft-ietf-httpapi-ratelimit-headers-06), and Retry-After after a refusal."""
        if not self.limit:
            return {}
        headers = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }
        return headers if self.allowed else {**headers, "Retry-After": str(self.retry_after)}


class Bucket:
    """Allows `size` requests a minute, also in one burst, and refills evenly.

    Our own, because the library `limits` counts in windows (docs/decisions/rate-limit.md).
    """

    __slots__ = ("_level", "_since", "_size")

    def __init__(self, size: int, now: float) -> None:
        self._size = size
        self._level, self._since = float(size), now

    def level(self, now: float) -> float:
        """Return how many requests are allowed at `now`."""
        return min(float(self._size), self._level + (now - self._since) * self._size / 60)

    def take(self, now: float, cost: int = 1) -> bool:
        """Take `cost` requests if they are available; a cost above the size takes a full bucket."""
        level = self.level(now)
        if level < min(cost, self._size):
            return False
        self._level, self._since = max(level - cost, 0.0), now
        return True

    def charge(self, now: float, cost: int) -> None:
        """Take `cost` requests, available or not; the bucket never owes more than its size."""
        self._level, self._since = max(self.level(now) - cost, -float(self._size)), now


class RateLimit:
    """A bucket of `per_minute` requests for each key; 0: no limit.

    Only MAX_BUCKETS are stored. The least recently used one is evicted, so its caller starts with a full one.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = per_minute
        self._rate = per_minute / 60
        self._clock = clock
        self._buckets: LRUCache[str, Bucket] = LRUCache(MAX_BUCKETS)

    def take(self, key: str, cost: int = 1) -> Allowance:
        """Count a request that costs as much as `cost` ordinary ones."""
        if not self._size:
            return Allowance(allowed=True, limit=0, remaining=0, reset=0, retry_after=0)
        now = self._clock()
        bucket = self._buckets.get(key) or Bucket(self._size, now)
        allowed = bucket.take(now, cost)
        if allowed:
            self._buckets[key] = bucket
        return self._allowance(bucket.level(now), allowed=allowed, cost=cost)

    def _allowance(self, level: float, *, allowed: bool, cost: int = 0) -> Allowance:
        return Allowance(
            allowed=allowed,
            limit=self._size,
            remaining=max(0, int(level)),
            reset=math.ceil((self._size - level) / self._rate),
            retry_after=0 if allowed else max(1, math.ceil((cost - level) / self._rate)),
        )

    def charge(self, key: str, cost: int) -> Allowance:
        """Count work that is done already: the caller may owe as much as a full bucket."""
        if not self._size:
            return Allowance(allowed=True, limit=0, remaining=0, reset=0, retry_after=0)
        now = self._clock()
        bucket = self._buckets.get(key) or Bucket(self._size, now)
        bucket.charge(now, cost)
        self._buckets[key] = bucket
        return self._allowance(bucket.level(now), allowed=True)

    def is_exhausted(self, key: str) -> bool:
        """Return whether the next request would be refused, without counting one."""
        bucket = self._buckets.get(key)
        return bucket is not None and bucket.level(self._clock()) < 1
