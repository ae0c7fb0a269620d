"""This process among the others: its heartbeat, and the burial of processes that died."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time

import orjson
from aiohttp import WSCloseCode

from service.calls import Calls
from service.database import Database, ResultSet
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.presence import Presence
from service.push import Pusher
from service.rooms import tell_evicted, tell_left
from service.sockets import Sockets

log = logging.getLogger(__name__)

BEAT_SECONDS = 3.0
STALE_SECONDS = 9
WAIT_SECONDS = 6
"""A ghost is suspected 9 to 12 s after its last beat and buried 6 to 9 s later: well within 30 s."""
PURGE_EVERY = 20
PURGE_ROWS = 1000
CATCH_UP_ROWS = 200
EVICTIONS = 100


def new_node_id() -> str:
    """Id of a process."""
    return secrets.token_hex(8)


class Heartbeat:
    """Tells the registry that this process lives."""

    def __init__(
        self, db: Database, pusher: Pusher, presence: Presence, sockets: Sockets, calls: Calls, grace: int
    ) -> None:
        self._db = db
        self._pusher = pusher
        self._presence = presence
        self._sockets = sockets
        self._calls = calls
        self._grace = grace
        self._address = f"{socket.gethostname()}:{os.getpid()}"
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Beat once, then go on."""
        await self._beat()
        self._task = asyncio.create_task(self._beat_forever())

    async def stop(self) -> None:
        """Say goodbye: our sockets are nobody's any more, their places in rooms wait for them."""
        if self._task is not None:
            self._task.cancel()
        try:
            (people,) = await self._db.call("yp", "socket_retire", self._pusher.node)
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("left without goodbye", extra={"error": str(exc)})
            return
        self._bury([], people)

    async def _beat_forever(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            beats += 1
            try:
                if not await self._beat():
                    # another process took us for dead, and our sockets are no longer in the registry
                    log.warning("this process was taken for dead; its sockets must reconnect")
                    await self._sockets.close_all(WSCloseCode.SERVICE_RESTART, "please reconnect")
                await self._sockets.forget_leftovers()
                await self._calls.expire()
                await self._catch_up()
                await self._evict()
                if beats % PURGE_EVERY == 0:
                    (expired,) = await self._db.call("yp", "session_purge", PURGE_ROWS)
                    self._pusher.close_sockets(expired)
            except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
                log.warning("heartbeat failed", extra={"error": str(exc)})

    async def _catch_up(self) -> None:
        """Records of contacts that are stale because a big group or tag changed, or many were loaded."""
        for shard in await self._db.shards():
            started = time.monotonic()
            done = CATCH_UP_ROWS
            while done == CATCH_UP_ROWS and time.monotonic() - started < BEAT_SECONDS:
                ((done, owner),) = (await self._db.call(shard, "contact_catch_up", CATCH_UP_ROWS))[0]
                if owner:
                    self._pusher.note(owner)

    async def _beat(self) -> bool:
        """Whether the registry knew this process."""
        node, limits = self._pusher.node, (STALE_SECONDS, WAIT_SECONDS)
        *rooms, people, known = await self._db.call(
            "yp", "socket_refresh", node, self._address, limits[0], limits[1], self._grace
        )
        self._bury(rooms, people)
        return bool(known[0][0])

    async def _evict(self) -> None:
        """Whoever may no longer be in a room leaves it."""
        *rooms, evicted = await self._db.call("yp", "conference_evict", EVICTIONS)
        tell_left(self._pusher, rooms)
        tell_evicted(self._pusher, evicted)
        for data, _node, _sockets, shard in evicted:
            self._presence.changed(orjson.loads(data)["uid"], shard)

    def _bury(self, rooms: list[ResultSet], people: ResultSet) -> None:
        tell_left(self._pusher, rooms)
        for uid, shard in people:
            self._presence.changed(uid, shard)
