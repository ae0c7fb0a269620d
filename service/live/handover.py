"""Frames for the sockets of a process that stops, passed on to the sockets that replace them.

A tab needs a moment to reconnect. Live updates of this moment are addressed to its closed socket.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.live.push import Pusher
from service.log import kind_of
from service.store.database import Database, encode

log = logging.getLogger(__name__)

WAIT_SECONDS = 5.0
"""A tab that has not reconnected until then reads its lists again."""
POLL_SECONDS = 0.1


class Handover:
    """Keeps frames until the successor of their socket is known."""

    def __init__(self, db: Database, pusher: Pusher) -> None:
        self._db, self._pusher = db, pusher
        self._frames: dict[str, list[str]] = {}
        """By closed socket without a successor: its frames."""
        self._successors: dict[str, tuple[str, str]] = {}
        """By closed socket: the process of its successor, and its id as a JSON array."""

    def expect(self, socket_ids: Iterable[str]) -> None:
        """Keep the frames of these sockets from now on."""
        self._frames.update((socket_id, []) for socket_id in socket_ids)

    def __contains__(self, socket_id: str) -> bool:
        return socket_id in self._frames or socket_id in self._successors

    def take(self, socket_id: str, frame: str) -> None:
        """Keep a frame, or pass it on."""
        if socket_id in self._successors:
            self._pusher.send([self._successors[socket_id]], frame.encode())
        else:
            self._frames[socket_id].append(frame)

    async def run(self) -> None:
        """Pass frames on until every socket has a successor, for 5 s at most."""
        deadline = time.monotonic() + WAIT_SECONDS
        while self._frames and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
            try:
                (rows,) = await self._db.call("yp", "socket_successors", encode([*self._frames]))
            except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
                log.warning("successors of sockets cannot be looked up", extra={"error": kind_of(exc)})
                continue
            for former, node, successor in rows:
                self._successors[former] = (node, successor)
                for frame in self._frames.pop(former, []):
                    self.take(former, frame)
