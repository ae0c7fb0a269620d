"""Counters of what callers may do only so often, in this process and, over Redis, in all of them together."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.store.redis import RedisServers

MEMORY_KEYS = 10_000

Rule = Callable[[Storage], Awaitable[int]]
"""Counts in one place; returns the seconds to wait, 0 when the caller may go on."""


class BoundedMemory(MemoryStorage):
    """Counters of this process. Their number is limited: an attacker may try ever new names."""

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count, after all counters were dropped if there are too many."""
        if len(self.storage) >= MEMORY_KEYS:
            await self.reset()
        return await super().incr(key, expiry, amount)


class Counters:
    """This process counts all the time: a Redis that goes away, or answers too late, opens no new window.

    Redis counts what this process lets pass.
    """

    def __init__(self, redis: RedisServers) -> None:
        self._redis = redis
        self.memory = BoundedMemory()

    async def admit(self, rule: Rule, undo: Rule) -> int:
        """Return the seconds to wait, 0 when neither place refuses; `undo` takes back what `rule` counted."""
        wait = await rule(self.memory)
        if wait:
            return wait
        try:
            wait = await self._redis.ask(lambda redis: rule(_over(redis)))
        except RedisError:
            return 0
        if wait:
            await undo(self.memory)
        return wait

    async def take(self, *counters: tuple[RateLimitItem, str]) -> int:
        """Count once in each of the counters, (limit, name), or in none when one of them is full.

        Return the seconds to wait, 0 when there was room.
        """

        async def rule(storage: Storage) -> int:
            return await _take(storage, *counters)

        async def undo(storage: Storage) -> int:
            for limit, name in counters:
                await count(storage, limit, name, -1)
            return 0

        return await self.admit(rule, undo)

    async def change(self, rule: Rule) -> None:
        """Run a rule in both places."""
        await rule(self.memory)
        with suppress(RedisError):
            await self._redis.ask(lambda redis: rule(_over(redis)))


async def count(storage: Storage, limit: RateLimitItem, name: str, amount: int = 1) -> int:
    """Add to the counter of a name; return its value. A negative amount takes back what was counted."""
    # Not decr(): it makes counters that never expire.
    return await storage.incr(limit.key_for(name), limit.get_expiry(), amount)


async def seconds_left(storage: Storage, limit: RateLimitItem, name: str) -> int:
    """Return how many seconds the window of a counter lasts, at least 1."""
    reset_time = await storage.get_expiry(limit.key_for(name))
    return max(math.ceil(reset_time - time.time()), 1)


async def _take(storage: Storage, *counters: tuple[RateLimitItem, str]) -> int:
    for place, (limit, name) in enumerate(counters):
        if await count(storage, limit, name) > limit.amount:
            for full, key in counters[: place + 1]:
                await count(storage, full, key, -1)
            return await seconds_left(storage, limit, name)
    return 0


def hashed(*names: str) -> str:
    """Return a digest of names: users may type their password as the user name."""
    return hashlib.sha256("\0".join(names).lower().encode()).hexdigest()[:32]


@lru_cache(maxsize=1)
def _over(redis: Redis) -> RedisStorage:
    """Return the counters over this client's connections; they take a millisecond to make."""
    pool: Any = redis.connection_pool  # the types of limits know options of text and numbers only
    return RedisStorage("async+redis://", implementation="redispy", key_prefix="drumee", connection_pool=pool)
