"""Run work in the background of requests, and end endless tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.log import kind_of

log = logging.getLogger(__name__)


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks and wait until they have ended.

    One cancellation is not enough: in Python 3.11 `asyncio.wait_for` loses a cancellation that arrives
    together with the result it waits for (bpo-37658), and the task goes on.
    """
    pending = {task for task in tasks if task is not None}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)


class Background:
    """Tasks that complete before the process ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._stopped = False

    def start(self, work: Awaitable[Any]) -> None:
        """Run `work`; log its failure."""
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def later(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        """Run `work()` after `seconds`, unless the process ends before."""

        if self._stopped:
            return

        def begin() -> None:
            self._timers.discard(timer)
            self.start(work())

        timer = asyncio.get_running_loop().call_later(seconds, begin)
        self._timers.add(timer)

    async def stop(self) -> None:
        """Drop the timers; wait for the running tasks and for those that they start."""
        self._stopped = True
        for timer in self._timers:
            timer.cancel()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guard(self, work: Awaitable[Any]) -> None:
        try:
            await work
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("background work failed", extra={"error": kind_of(exc)})
        except Exception:
            log.exception("background work failed")
