"""Slow down guessing of passwords, per account and address; counted in Redis, for all processes."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.push import Pusher
from service.settings import Settings

WINDOW_SECONDS = 15 * 60
MEMORY_KEYS = 10_000


class Throttle:
    """Counts failures in windows of 15 minutes. With Redis away each process counts for itself."""

    def __init__(self, settings: Settings, pusher: Pusher) -> None:
        self._pusher = pusher
        self._limits = {
            "account": settings.login_attempts,
            "address": settings.login_attempts_address,
        }
        self._memory: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def attempt(self, account: str, address: str) -> int:
        """Count an attempt; 0 when it may go on, else how many seconds to wait."""
        keys = {kind: _key(kind, who) for kind, who in (("account", account), ("address", address))}

        async def count(redis: Redis) -> list[Any]:
            async with redis.pipeline(transaction=True) as pipe:
                for key in keys.values():
                    pipe.incr(key)
                    pipe.expire(key, WINDOW_SECONDS, nx=True)
                    pipe.ttl(key)
                return await pipe.execute()

        try:
            found = await self._pusher.ask(count)
        except RedisError:
            found = [n for key in keys.values() for n in self._count_in_memory(key)]
        counts = dict(zip(keys, zip(found[::3], found[2::3], strict=True), strict=True))
        waits = [max(ttl, 1) for kind, (count, ttl) in counts.items() if count > self._limits[kind]]
        return max(waits, default=0)

    async def succeeded(self, account: str, address: str) -> None:
        """It was the right password: forget the attempts of the account, and this one of the address."""
        self._memory.pop(_key("account", account), None)

        async def forget(redis: Redis) -> None:
            async with redis.pipeline(transaction=False) as pipe:
                pipe.delete(_key("account", account))
                pipe.decr(_key("address", address))
                await pipe.execute()

        with suppress(RedisError):
            await self._pusher.ask(forget)

    def _count_in_memory(self, key: str) -> tuple[int, bool, int]:
        """(attempts, True, seconds left), as Redis answers."""
        count, until = self._memory.pop(key, (0, 0.0))
        now = time.monotonic()
        if until < now:
            count, until = 0, now + WINDOW_SECONDS
        self._memory[key] = (count + 1, until)
        if len(self._memory) > MEMORY_KEYS:
            self._memory.popitem(last=False)
        return count + 1, True, int(until - now)


def _key(kind: str, who: str) -> str:
    """Hashed: what people type for a name may be a password."""
    return f"drumee:login:{kind}:{hashlib.sha256(who.lower().encode()).hexdigest()[:32]}"
