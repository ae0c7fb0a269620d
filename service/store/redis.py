"""The connection to the Redis master, and commands with a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from weakref import WeakSet

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry as BlockingRetry
from redis.sentinel import Sentinel as BlockingSentinel

from service import metrics
from service.settings import RedisSentinels, Settings, redis_sentinels, redis_urls

T = TypeVar("T")

ASK_SECONDS = 0.3
"""Longest wait of a request for an answer of Redis."""
AWAY_SECONDS = 5.0
"""Longest time without commands after one that Redis did not answer."""
CHECK_SECONDS = 2.0
"""Period of the check that the server in use is the master."""
SENTINEL_SECONDS = 0.5
"""Longest wait for a Sentinel before the next one is asked."""


class RedisServers:
    """The servers of `DRUMEE_REDIS`, of which the master is in use.

    A replica would pass a message on to its own subscribers only, and refuse to count. So each new connection
    checks the role, and `check_master` checks it again: a master may become a replica.
    """

    def __init__(self, settings: Settings) -> None:
        named = redis_sentinels(settings.redis)
        self._named = named
        self._urls = [] if named else redis_urls(settings.redis)
        self._sentinel = _sentinel(named) if named else None
        self._connections: WeakSet[Any] = WeakSet()
        """Connections of all clients of this object, open or closed."""
        self._away_until = 0.0
        self.client = self._connect()
        """Connection pool to the server in use."""

    def _connect(self) -> Redis:
        # The loops retry: a call that waits for a dead Redis would hold up requests.
        options: dict[str, Any] = {
            "socket_connect_timeout": 1,
            "socket_timeout": 2,
            "retry": Retry(NoBackoff(), 0),
            "redis_connect_func": self._introduce,
        }
        if self._sentinel and self._named:
            client: Redis = self._sentinel.master_for(self._named.master, **self._named.account, **options)
            return client
        return Redis.from_url(self._urls[0], **options)

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Run `work`, for which a request waits, within 0.3 s.

        RedisError when Redis does not answer in that time, and at once until it answers `check_master`, or
        for 5 s: a Redis that hangs would otherwise hold up every sign-in.
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
        """Raise RedisError or OSError unless the master answers."""
        try:
            reply = await self.client.execute_command("HELLO")  # type: ignore[no-untyped-call]
        except ResponseError:
            return
        _refuse_replica(reply)

    async def check_master(self) -> None:
        """Go on to the master if the server in use is another one, hangs, or is away.

        Raise RedisError or OSError when no master is known.
        """
        client = self.client
        addresses = {connection: _address(connection) for connection in self._connections}
        try:
            await self._follow_sentinels()
            await self.ping()
        except (RedisError, OSError) as exc:
            metrics.REDIS_MASTER.set(0)
            # Without a name only a new connection fails. The open ones may be to a master that answers, and
            # to close them loses the updates that are on their way.
            if len(self._urls) > 1:
                await self._replace(client)
            elif not isinstance(exc, MasterNotFoundError):
                for connection, address in addresses.items():
                    # Others may have gone on to the master while the server in use did not answer.
                    if _address(connection) == address:
                        await connection.disconnect(nowait=True)
            raise
        metrics.REDIS_MASTER.set(1)
        self._away_until = 0.0

    async def _follow_sentinels(self) -> None:
        """Close the connections to a former master: it may hang and not close them.

        Those to the master stay open: they may be newer than the last check.
        """
        if self._sentinel and self._named:
            try:
                master = await self._sentinel.discover_master(self._named.master)
            except RedisConnectionError:
                # Sentinels may be away, or name none for a moment: a server that answers as master is kept.
                return
            for connection in list(self._connections):
                if _address(connection) != master:
                    await connection.disconnect(nowait=True)

    async def _introduce(self, connection: Any) -> None:
        self._connections.add(connection)
        await _connect_to_master(connection)

    async def use_next_server(self, failed: Redis) -> None:
        """Connect to the next address, if there is more than one and `failed` is still in use.

        Connections through Sentinel ask for the master by themselves.
        """
        if len(self._urls) > 1:
            await self._replace(failed)

    async def _replace(self, failed: Redis) -> None:
        # Several loops see the same failure: only the first one goes on, else two would come back here.
        if self.client is failed:
            self._urls = [*self._urls[1:], *self._urls[:1]]
            self.client = self._connect()
            await failed.aclose()

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()
        if self._sentinel:
            await self._sentinel.aclose()


def publish_once(settings: Settings, channel: str, message: bytes) -> bool:
    """Publish from a command on all servers, or on the master; return False when none is reachable."""
    named = redis_sentinels(settings.redis)
    if named:
        once = {**_patience(SENTINEL_SECONDS), "retry": BlockingRetry(NoBackoff(), 0)}
        manager = BlockingSentinel(named.addresses, sentinel_kwargs={**named.sentinel_account, **once})  # type: ignore[no-untyped-call]
        clients = [manager.master_for(named.master, **named.account, **_patience(2))]  # type: ignore[no-untyped-call]
    else:
        clients = [BlockingRedis.from_url(url, socket_timeout=2) for url in redis_urls(settings.redis)]
    published = [_publishes(client, channel, message) for client in clients]
    return any(published)


def _publishes(client: BlockingRedis, channel: str, message: bytes) -> bool:
    try:
        with client:
            client.publish(channel, message)
    except (RedisError, OSError):
        return False
    return True


def _sentinel(named: RedisSentinels) -> Sentinel:
    options = {**named.sentinel_account, **_patience(SENTINEL_SECONDS), "retry": Retry(NoBackoff(), 0)}
    return Sentinel(named.addresses, sentinel_kwargs=options)  # type: ignore[no-untyped-call]


def _address(connection: Any) -> tuple[Any, Any]:
    return getattr(connection, "host", None), getattr(connection, "port", None)


def _patience(seconds: float) -> dict[str, Any]:
    return {"socket_connect_timeout": seconds, "socket_timeout": seconds}


async def _connect_to_master(connection: Any) -> None:
    """Introduce a new connection, and refuse a replica."""
    await connection.on_connect()
    # Not ROLE: accounts that may not run dangerous commands may say HELLO.
    await connection.send_command("HELLO", check_health=False)
    try:
        reply = await connection.read_response()
    except ResponseError:
        return
    _refuse_replica(reply)


def _refuse_replica(reply: Any) -> None:
    """Raise RedisConnectionError unless an answer to HELLO is that of a master."""
    fields = reply if isinstance(reply, dict) else dict(zip(reply[::2], reply[1::2], strict=True))
    role = fields.get(b"role", fields.get("role"))
    if role not in {b"master", "master"}:
        raise RedisConnectionError("redis is not the master")
