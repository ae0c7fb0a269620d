"""Whether this process may get traffic (`/-/ready`), and the way out of it when it is stopped.

How the process is doing is another question, which `/-/health` answers.
"""

from __future__ import annotations

import asyncio
import logging
import time

from service import metrics
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.live.heartbeat import Heartbeat
from service.live.resources import Resources
from service.log import kind_of

log = logging.getLogger(__name__)

BALANCER_SECONDS = 30.0
"""A balancer that has asked within this time is there."""
POLL_SECONDS = 0.3


class Readiness:
    """Says whether this process may get traffic."""

    def __init__(self, resources: Resources, heartbeat: Heartbeat) -> None:
        self._settings, self._db, self._node = resources.settings, resources.db, resources.pusher.node
        self._heartbeat = heartbeat
        self._is_leaving = False
        self._asked_at = 0.0
        """When this worker was last asked, unix time."""

    @property
    def is_ready(self) -> bool:
        """Whether the process has started, is not about to stop, and its heartbeat reaches the database.

        A short failure of the database changes nothing: requests wait for the next home node.
        """
        return not self._is_leaving and self._heartbeat.is_alive

    def asked(self) -> bool:
        """Answer a balancer."""
        self._asked_at = time.time()
        metrics.READY_ASKED.labels("ready").set(self._asked_at)
        return self.is_ready

    async def leave(self) -> None:
        """Leave the balancer before the process stops, so that no call fails and no socket comes back here.

        Wait until another process can take the sockets, answer 503 to the balancer, and wait until it has
        noticed. Without a balancer, which asks `/-/ready`, return at once.
        """
        asked_at = max(self._asked_at, metrics.ready_asked())
        if time.time() - asked_at > BALANCER_SECONDS:
            return
        await self._await_successor()
        self._is_leaving = True
        await asyncio.sleep(self._settings.drain_seconds)

    async def _await_successor(self) -> None:
        """Wait until another process is alive that does not stop itself."""
        deadline = time.monotonic() + self._settings.successor_seconds
        while not await self._has_successor():
            if time.monotonic() > deadline:
                log.warning("no other process is ready to take over the sockets")
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _has_successor(self) -> bool:
        try:
            (((others,),),) = await self._db.call("yp", "node_leave", self._node)
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("other processes cannot be looked up", extra={"error": kind_of(exc)})
            return False
        return bool(others)
