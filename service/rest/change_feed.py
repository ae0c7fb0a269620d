"""Change notifications on Redis: contacts of a user have changed, or a sign-in or an API key has ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from service.live.push import RECONNECT_SECONDS, ROUND_SECONDS, Pusher, contacts_channel
from service.loops import Loop, Loops
from service.settings import Settings
from service.store.redis import publish_once

ACCESS = b"access"
KEYS = "keys"
"""Channel for all users who are connected with an API key: a notification does not name the key."""


def notify_key_change(settings: Settings) -> bool:
    """Make every process check the API keys of its sockets; return False when no Redis is reachable."""
    return publish_once(settings, contacts_channel(KEYS), ACCESS)


class ChangeFeed:
    """Listens for the users whose sockets this process holds, and publishes to the other processes."""

    def __init__(
        self,
        pusher: Pusher,
        on_change: Callable[[str, bool], None],
        connected_users: Callable[[], list[str]],
        loops: Loops,
    ) -> None:
        self._pusher = pusher
        self._on_change = on_change
        self._connected_users = connected_users
        self._pubsub: PubSub | None = None
        self._loops = loops
        self._loop: Loop | None = None

    def start(self) -> None:
        """Start listening."""
        loop = Loop(
            "feed subscriber",
            lambda: self._listen_round(loop),
            every=ROUND_SECONDS,
            retry=RECONNECT_SECONDS,
        )
        self._loop = self._loops.add(loop)

    async def stop(self) -> None:
        """Stop listening."""
        await self._loops.stop(self._loop)

    def publish(self, uid: str, *, access: bool) -> None:
        """Queue a notification for the processes that hold sockets of this user."""
        self._pusher.notify_contacts(uid, ACCESS if access else b"")

    async def subscribe(self, uid: str) -> None:
        """Listen for one more user; while Redis is away, from its return on."""
        if self._pubsub is not None:
            with suppress(RedisError, OSError):
                await self._pubsub.subscribe(contacts_channel(uid))

    async def unsubscribe(self, uid: str) -> None:
        """Stop listening for a user."""
        if self._pubsub is not None:
            with suppress(RedisError, OSError):
                await self._pubsub.unsubscribe(contacts_channel(uid))

    async def _listen_round(self, loop: Loop) -> float:
        """Subscribe, and pass notifications on until the connection breaks."""
        try:
            async with self._pusher.redis.client.pubsub() as pubsub:
                await pubsub.subscribe(*map(contacts_channel, [KEYS, *self._connected_users()]))
                self._pubsub = pubsub
                while True:
                    loop.finished()
                    await self._listen(pubsub)
        finally:
            self._pubsub = None

    async def _listen(self, pubsub: PubSub) -> None:
        message = await pubsub.get_message(timeout=ROUND_SECONDS)
        if message is None:
            await pubsub.ping()
        elif message["type"] in {"subscribe", "message"}:
            # A notification may have been sent just before the subscription began, so look once.
            uid = message["channel"].decode().rpartition(":")[2]
            self._on_change(uid, message["data"] == ACCESS)
