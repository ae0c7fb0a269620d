"""Slow down guessing of passwords, per account and address; counted in Redis, for all processes."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict

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

    async def wait_seconds(self, account: str, address: str) -> int:
        """0, or how long this account or address must wait before it may try again."""
        waits = [await self._wait(kind, who) for kind, who in (("account", account), ("address", address))]
        return max(waits)

    async def failed(self, account: str, address: str) -> None:
        """Count a failure."""
        for kind, who in (("account", account), ("address", address)):
            await self._count(_key(kind, who))

    async def succeeded(self, account: str) -> None:
        """Forget the failures of an account; those of the address stay."""
        key = _key("account", account)
        self._memory.pop(key, None)
        try:
            await self._pusher.redis.delete(key)
        except (RedisError, OSError):
            return

    async def _wait(self, kind: str, who: str) -> int:
        key = _key(kind, who)
        try:
            async with self._pusher.redis.pipeline(transaction=False) as pipe:
                pipe.get(key)
                pipe.ttl(key)
                text, ttl = await pipe.execute()
            failures = int(text or 0)
        except (RedisError, OSError):
            failures, until = self._memory.get(key, (0, 0.0))
            ttl = int(until - time.monotonic()) + 1
        return max(ttl, 1) if failures >= self._limits[kind] and ttl > 0 else 0

    async def _count(self, key: str) -> None:
        try:
            async with self._pusher.redis.pipeline(transaction=True) as pipe:
                pipe.incr(key)
                pipe.expire(key, WINDOW_SECONDS, nx=True)
                await pipe.execute()
        except (RedisError, OSError):
            self._count_in_memory(key)

    def _count_in_memory(self, key: str) -> None:
        count, until = self._memory.pop(key, (0, 0.0))
        now = time.monotonic()
        if until < now:
            count, until = 0, now + WINDOW_SECONDS
        self._memory[key] = (count + 1, until)
        if len(self._memory) > MEMORY_KEYS:
            self._memory.popitem(last=False)


def _key(kind: str, who: str) -> str:
    """Hashed: what people type for a name may be a password."""
    return f"drumee:login:{kind}:{hashlib.sha256(who.lower().encode()).hexdigest()[:32]}"
