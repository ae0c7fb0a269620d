"""Live updates: one Redis message for each process with recipients, one frame for each of their sockets.

Pub/sub is at most once: with Redis away updates are lost, and clients read again when they reconnect.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service import metrics
from service.database import ResultSet
from service.settings import Settings, redis_urls

log = logging.getLogger(__name__)

QUEUE = 10_000
BATCH = 200
RECONNECT_SECONDS = (0.1, 0.5, 1.0, 2.0)

Deliver = Callable[[list[str], str], None]
Control = Callable[[list[str]], Coroutine[Any, Any, None]]


def channel_of(node: str) -> str:
    """Redis channel of one service process."""
    return f"drumee:push:{node}"


def contacts_channel(uid: str) -> str:
    """Redis channel of what happens to one person's contacts; it says that, not what."""
    return f"drumee:contacts:{uid}"


def live_update(
    service: str,
    model: Any,
    *,
    sender: Mapping[str, Any] | None = None,
    event: str | None = None,
    echo_id: Any = None,
) -> bytes:
    """The frame of a business event (contract 2.4)."""
    options: dict[str, Any] = {"service": service, "keys": "*", "sender": sender or {}}
    if event is not None:
        options["event"] = event
    if echo_id is not None:
        options["echoId"] = echo_id
    return orjson.dumps({"service": "live.update", "model": model, "options": options})


class Pusher:
    """Publishes to other processes, and delivers what they publish to ours."""

    def __init__(self, settings: Settings, node: str) -> None:
        self.node = node
        self._urls = redis_urls(settings.redis)
        self._redis = self._connect()
        self._queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(QUEUE)
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self.listening = asyncio.Event()

    def _connect(self) -> Redis:
        # retries are ours: a call that waits for a dead Redis would hold up requests
        return Redis.from_url(
            self._urls[0], socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 0)
        )

    @property
    def redis(self) -> Redis:
        """The connection pool, for whoever else needs Redis."""
        return self._redis

    def start(self, deliver: Deliver, close: Control) -> None:
        """Begin to publish and to listen."""
        self._tasks = [
            asyncio.create_task(self._publish_forever(), name="publish"),
            asyncio.create_task(self._listen_forever(deliver, close), name="listen"),
        ]

    async def stop(self) -> None:
        """Publish what is queued, then stop."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), 2)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    def send(self, recipients: ResultSet, frame: bytes) -> None:
        """Queue a frame for sockets, given as rows (node, JSON array of socket ids)."""
        for node, sockets in recipients:
            self._put(node, sockets.encode() + b"\n" + frame)

    def close_sockets(self, recipients: ResultSet) -> None:
        """Ask the processes that hold these sockets to close them."""
        for node, sockets in recipients:
            self._put(node, sockets.encode())

    def note(self, uid: str, text: bytes = b"") -> None:
        """Tell the processes that follow this person's contacts that there is something to read."""
        self._queue_message(contacts_channel(uid), text)

    def _put(self, node: str, message: bytes) -> None:
        self._queue_message(channel_of(node), message)

    def _queue_message(self, channel: str, message: bytes) -> None:
        try:
            self._queue.put_nowait((channel, message))
        except asyncio.QueueFull:
            metrics.PUSHES.labels("dropped").inc()

    async def _publish_forever(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            outcome = await self._publish(batch)
            metrics.PUSHES.labels(outcome).inc(len(batch))
            for _ in batch:
                self._queue.task_done()

    async def _publish(self, batch: list[tuple[str, bytes]]) -> str:
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for channel, message in batch:
                    pipe.publish(channel, message)
                await pipe.execute()
        except (RedisError, OSError) as exc:
            log.warning("pushes lost", extra={"count": len(batch), "error": str(exc)})
            await self._next_server()
            return "lost"
        return "sent"

    async def _next_server(self) -> None:
        if len(self._urls) > 1:
            self._urls.append(self._urls.pop(0))
            old, self._redis = self._redis, self._connect()
            await old.aclose()

    async def _listen_forever(self, deliver: Deliver, close: Control) -> None:
        attempt = 0
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(channel_of(self.node))
                    self.listening.set()
                    attempt = 0
                    await self._listen(pubsub, deliver, close)
            except (RedisError, OSError) as exc:
                self.listening.clear()
                pause = RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)]
                attempt += 1
                log.warning("redis is away", extra={"error": str(exc), "again_in": pause})
                await asyncio.sleep(pause)
                await self._next_server()

    async def _listen(self, pubsub: Any, deliver: Deliver, close: Control) -> None:
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=30)
            if message is None:
                await pubsub.ping()
            elif message["type"] == "message":
                await self._receive(message["data"], deliver, close)

    async def _receive(self, data: bytes, deliver: Deliver, close: Control) -> None:
        sockets, newline, frame = data.partition(b"\n")
        try:
            if newline:
                deliver(orjson.loads(sockets), frame.decode())
            else:
                # not waited for: a client that does not read its goodbye holds up nobody's updates
                task = asyncio.create_task(close(orjson.loads(sockets)))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
        except Exception:
            # one bad message must not end the listening for all others
            log.exception("a push could not be delivered")
