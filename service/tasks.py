"""Work that no answer waits for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from service.database import Database
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0
MAX_NOTES = 10_000


async def end(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks and wait until they have ended.

    Once is not enough: in Python 3.11 `asyncio.wait_for` loses a cancellation that comes together with what
    it waits for (bpo-37658), and a loop goes on.
    """
    left = {task for task in tasks if task is not None}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)


class Background:
    """Tasks that are finished before the process ends, and the notes of `log: true` services."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._notes: list[dict[str, Any]] = []
        self._flusher: asyncio.Task[None] | None = None
        self._stopped = False

    def start(self, work: Awaitable[Any]) -> None:
        """Run `work`; a failure is logged."""
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        """Run `work()` in so many seconds, unless the process ends before."""

        if self._stopped:
            return

        def begin() -> None:
            self._timers.discard(timer)
            self.start(work())

        timer = asyncio.get_running_loop().call_later(seconds, begin)
        self._timers.add(timer)

    def note(self, service: str, uid: str, hub: str | None, args: dict[str, Any]) -> None:
        """Write a call to the services log, with others of the same second in one CALL."""
        if len(self._notes) >= MAX_NOTES:
            return
        self._notes.append(
            {"name": service, "uid": uid, "hub_id": hub, "args": args, "ctime": int(time.time())}
        )
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush_later())

    async def stop(self) -> None:
        """Write what is noted and wait for what runs, and for what that begins."""
        self._stopped = True
        for timer in self._timers:
            timer.cancel()
        if self._flusher is not None:
            self._flusher.cancel()
            await self._flush()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        self._flusher = None
        await self._flush()

    async def _flush(self) -> None:
        notes, self._notes = self._notes, []
        if notes:
            await self._guard(self._db.call("yp", "analytics_log", orjson.dumps(notes).decode()))

    async def _guard(self, work: Awaitable[Any]) -> None:
        try:
            await work
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("background work failed", extra={"error": str(exc)})
        except Exception:
            log.exception("background work failed")
