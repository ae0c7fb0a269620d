"""The connection to Redis, and commands with a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.settings import Settings, redis_urls

T = TypeVar("T")

ASK_SECONDS = 0.3
"""Longest wait of a request for an answer of Redis."""
AWAY_SECONDS = 5.0
"""Time without commands after one that Redis did not answer."""


class RedisServers:
    """The servers of `DRUMEE_REDIS`, one of which is in use."""

    def __init__(self, settings: Settings) -> None:
        self._urls = redis_urls(settings.redis)
        self._away_until = 0.0
        self.client = self._connect()
        """Connection pool to the server in use."""

    def _connect(self) -> Redis:
        # The loops retry: a call that waits for a dead Redis would hold up requests.
        return Redis.from_url(
            self._urls[0], socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 0)
        )

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Run `work`, for which a request waits, within 0.3 s.

        RedisError when Redis does not answer in that time, and at once for 5 s after that: a Redis that
        hangs would otherwise hold up every sign-in.
        """
        if time.monotonic() < self._away_until:
            raise RedisError("redis was away a moment ago")
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await work(self.client)
        except (RedisError, OSError, TimeoutError) as exc:
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise RedisError(f"redis is away: {exc}") from exc

    async def ping(self) -> None:
        """Raise RedisError or OSError unless Redis answers."""
        # Not client.ping(): redis-py types its result as an awaitable or a bool.
        await self.client.execute_command("PING")  # type: ignore[no-untyped-call]

    async def use_next_server(self) -> None:
        """Connect to the next address, if there is more than one."""
        if len(self._urls) > 1:
            self._urls.append(self._urls.pop(0))
            previous, self.client = self.client, self._connect()
            await previous.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()
