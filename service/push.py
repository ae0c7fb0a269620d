"""Live updates: one Redis message for each process with recipients, one frame for each of their sockets.

What no process has heard, because Redis or the connection to it is away, is held for some seconds and sent
again: a restart of Redis loses nothing, but may bring something twice. What takes longer is lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service import metrics
from service.database import ResultSet
from service.settings import Settings, redis_urls
from service.tasks import end

log = logging.getLogger(__name__)

T = TypeVar("T")

QUEUE = 10_000
BATCH = 200
HOLD_SECONDS = 10.0
NOT_HELD = 0.0
"""`until` of what nobody has to hear: mostly nobody follows the contacts that are written."""
RETRY_SECONDS = 0.2
ASK_SECONDS = 0.3
AWAY_SECONDS = 5.0
RECONNECT_SECONDS = (0.1, 0.5, 1.0, 2.0)

Deliver = Callable[[list[str], str], None]
Control = Callable[[list[str]], Coroutine[Any, Any, None]]


class Message(NamedTuple):
    """What goes to one process, and until when it is worth it."""

    channel: str
    text: bytes
    until: float


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
        self._queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE)
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._held: list[Message] = []
        self._retry_at = 0.0
        self._stopping = False
        self._away_until = 0.0
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

    async def ask(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Ask Redis for what a request waits for; RedisError soon, and at once for a while after it was away.

        A Redis that hangs instead of dying would else hold up every sign-in for seconds.
        """
        if time.monotonic() < self._away_until:
            raise RedisError("redis was away a moment ago")
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await work(self._redis)
        except (RedisError, OSError, TimeoutError) as exc:
            self._away_until = time.monotonic() + AWAY_SECONDS
            raise RedisError(f"redis is away: {exc}") from exc

    def start(self, deliver: Deliver, close: Control) -> None:
        """Begin to publish and to listen."""
        self._tasks = [
            asyncio.create_task(self._publish_forever(), name="publish"),
            asyncio.create_task(self._listen_forever(deliver, close), name="listen"),
        ]

    async def stop(self) -> None:
        """Publish what is queued, then stop; what nobody hears now is not waited for."""
        self._stopping = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._queue.join(), 2)
        await end(*self._tasks)
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
        """Tell the processes that follow this person's contacts, if any, that there is something to read."""
        self._queue_message(Message(contacts_channel(uid), text, NOT_HELD))

    def _put(self, node: str, message: bytes) -> None:
        self._queue_message(Message(channel_of(node), message, time.monotonic() + HOLD_SECONDS))

    def _queue_message(self, message: Message) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            metrics.PUSHES.labels("dropped").inc()

    async def _publish_forever(self) -> None:
        while True:
            batch = await self._batch()
            if self._held and time.monotonic() >= self._retry_at:
                batch, self._held = [*self._held, *batch], []
            waiting = {message.channel for message in self._held}
            # what was held goes first: the updates of one process keep their order
            self._held += [message for message in batch if message.channel in waiting]
            if len(self._held) > QUEUE:
                self._done("dropped", len(self._held) - QUEUE)
                self._held = self._held[-QUEUE:]
            unheard = await self._publish([message for message in batch if message.channel not in waiting])
            if unheard:
                self._hold(unheard)

    async def _batch(self) -> list[Message]:
        """What is queued; nothing when it is time to look after what is held."""
        patience = max(self._retry_at - time.monotonic(), 0) if self._held else None
        try:
            batch = [await asyncio.wait_for(self._queue.get(), patience)]
        except TimeoutError:
            return []
        while len(batch) < BATCH and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch

    def _hold(self, unheard: list[Message]) -> None:
        """Keep for a while what no process has heard: it, or we, are reconnecting to Redis, or it died."""
        now = time.monotonic()
        self._retry_at = now + RETRY_SECONDS
        still = [m for m in unheard if m.until > now and not self._stopping]
        self._held = [*still, *self._held]
        lost = len(unheard) - len(still)
        if lost:
            log.warning("pushes lost", extra={"count": lost})
            self._done("lost", lost)

    def _done(self, outcome: str, count: int) -> None:
        metrics.PUSHES.labels(outcome).inc(count)
        for _ in range(count):
            self._queue.task_done()

    async def _publish(self, batch: list[Message]) -> list[Message]:
        """Publish; what nobody has heard."""
        if not batch:
            return []
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for message in batch:
                    pipe.publish(message.channel, message.text)
                hearers = await pipe.execute()
        except (RedisError, OSError) as exc:
            log.warning("redis does not take pushes", extra={"count": len(batch), "error": str(exc)})
            await self._next_server()
            return batch
        unheard = [m for m, count in zip(batch, hearers, strict=True) if not count and m.until != NOT_HELD]
        self._done("sent", len(batch) - len(unheard))
        return unheard

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
