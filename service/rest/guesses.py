"""Count the requests without a valid token, which are limited by address."""

from __future__ import annotations

import time
from collections.abc import Callable

from cachetools import LRUCache

from service.auth.counters import hashed
from service.web.address import AddressKey
from service.web.ratelimit import MAX_BUCKETS, Allowance, RateLimit

REPEATS = 10
"""Times as many requests with invalid tokens of before as with new ones, of one address."""


class Guesses:
    """Allows `per_minute` different invalid tokens of an address, and as many requests with each of them.

    Attackers send ever new tokens. A page that was left open sends its old one again and again. That fills
    a bucket of its own, and not the one that others behind the same address need for their first refusal,
    which tells them to sign in again. Of all tokens together, an address may repeat REPEATS times as many.
    Tokens beyond MAX_BUCKETS are forgotten, and count as new ones.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._new = RateLimit(per_minute, clock)
        self._same = RateLimit(per_minute, clock)
        self._repeats = RateLimit(per_minute * REPEATS, clock)
        self._refused: LRUCache[str, bool] = LRUCache(MAX_BUCKETS)

    def take(self, address: AddressKey, token: str | None) -> Allowance:
        """Count a request with an invalid token, or without one."""
        pair = hashed(address, token or "")
        if pair in self._refused:
            same = self._same.take(pair)
            return self._repeats.take(address) if same.allowed else same
        allowance = self._new.take(address)
        if allowance.allowed:
            self._refused[pair] = True
        return allowance

    def is_exhausted(self, address: AddressKey, token: str | None) -> bool:
        """Return whether the next request would be refused if its token is invalid, without counting one."""
        pair = hashed(address, token or "")
        if pair in self._refused:
            return self._same.is_exhausted(pair) or self._repeats.is_exhausted(address)
        return self._new.is_exhausted(address)
