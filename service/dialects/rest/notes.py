"""Notes on Redis: the contacts of somebody have changed, a sign-in of his has ended, or a key is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from service.push import RECONNECT_SECONDS, Pusher, contacts_channel
from service.settings import Settings, redis_urls
from service.tasks import end

log = logging.getLogger(__name__)

ACCESS = b"access"
KEYS = "keys"
"""Stands for everybody who has come with an API key: any of them may have been dropped."""


def tell_keys(settings: Settings) -> bool:
    """Have every process look at the keys of its sockets; False when no Redis has heard it."""
    heard = False
    for url in redis_urls(settings.redis):
        with suppress(RedisError, OSError), Redis.from_url(url, socket_timeout=2) as redis:
            redis.publish(contacts_channel(KEYS), ACCESS)
            heard = True
    return heard


class Notes:
    """Listens for the people whose sockets this process holds."""

    def __init__(
        self,
        settings: Settings,
        pusher: Pusher,
        noted: Callable[[str, bool], None],
        people: Callable[[], list[str]],
    ) -> None:
        self._pusher = pusher
        self._noted = noted
        self._people = people
        self._pubsub: Any = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen_forever())

    async def stop(self) -> None:
        """Stop listening."""
        await end(self._task)

    def publish(self, uid: str, *, access: bool) -> None:
        """Queue a note for the processes that hold sockets of this person."""
        self._pusher.note(uid, ACCESS if access else b"")

    async def subscribe(self, uid: str) -> None:
        """Listen for one more person; with Redis away, as soon as it is back."""
        if self._pubsub is not None:
            with suppress(RedisError, OSError):
                await self._pubsub.subscribe(contacts_channel(uid))

    async def unsubscribe(self, uid: str) -> None:
        """Listen for one less."""
        if self._pubsub is not None:
            with suppress(RedisError, OSError):
                await self._pubsub.unsubscribe(contacts_channel(uid))

    async def _listen_forever(self) -> None:
        attempt = 0
        while True:
            try:
                async with self._pusher.redis.pubsub() as pubsub:
                    await pubsub.subscribe(*map(contacts_channel, [KEYS, *self._people()]))
                    self._pubsub, attempt = pubsub, 0
                    await self._listen(pubsub)
            except (RedisError, OSError) as exc:
                pause = RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)]
                attempt += 1
                log.warning("redis is away", extra={"error": str(exc), "again_in": pause})
                await asyncio.sleep(pause)
            finally:
                self._pubsub = None

    async def _listen(self, pubsub: Any) -> None:
        while True:
            message = await pubsub.get_message(timeout=30)
            if message is None:
                await pubsub.ping()
            elif message["type"] in {"subscribe", "message"}:
                # a subscription that has just begun may have missed a note
                uid = message["channel"].decode().rpartition(":")[2]
                self._noted(uid, message["data"] == ACCESS)
