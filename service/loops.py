"""Run the endless tasks of a process, count their rounds, and report those that are late or dead.

A loop ends only when it is cancelled. After a failed round it tries again, with a pause that grows up to a
limit. It logs an error with its trace, or without it when a server is only unreachable, and does not repeat
the same error while it recurs within a minute.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from redis.exceptions import RedisError

from service import metrics
from service.background import end
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.log import kind_of
from service.retry import pause_after

log = logging.getLogger(__name__)

Round = Callable[[], Awaitable[float]]
"""Does the work of one round; returns the pause before the next one, in seconds."""

LATE_ROUNDS = 4
"""A loop is late when it has not finished a round for this many of its periods."""
REPEAT_SECONDS = 60.0
"""An error that recurs within this time is logged once."""
RETRY_SECONDS = (0.5, 5.0)
"""Pauses after failures: the first, and the longest."""
MAX_SIGNATURES = 50
UNREACHABLE = (DatabaseUnavailableError, DatabaseTimeoutError, RedisError, OSError)
"""A server is unreachable: the text of the error is enough, without a trace."""
NUMBERS = re.compile(r"\b(?=[a-f]*[0-9])[0-9a-f]+\b")
"""Numbers and ids, which vary in the texts of the same error."""


class Loop:
    """One endless task."""

    def __init__(
        self,
        name: str,
        work: Round,
        *,
        every: float,
        pause: float = 0.0,
        retry: tuple[float, float] = RETRY_SECONDS,
        uid: str | None = None,
    ) -> None:
        """Start the loop.

        `every`: seconds in which a round should end. `pause`: seconds before the first round. `retry`: first
        and longest pause after failures, seconds. `uid`: the user whom the loop serves; None for a loop of
        the process.
        """
        self.name = name
        self.uid = uid
        self._work = work
        self._every = every
        self._retry = retry
        self._failures = 0
        self._last_logged: dict[str, float] = {}
        """time.monotonic() of the last round that failed with an error, by the signature of the error."""
        self._failure_logged = False
        self._wake_event = asyncio.Event()
        self._stopping = False
        self._finished_at = time.monotonic()
        self._rounds = metrics.LOOP_ROUNDS.labels(name, "ok")
        self._failed_rounds = metrics.LOOP_ROUNDS.labels(name, "failed")
        self._last_round_metric = metrics.LOOP_LAST.labels(name)
        self._last_round_metric.set_to_current_time()
        self._task = asyncio.create_task(self._run(pause), name=name)

    @property
    def trouble(self) -> str:
        """`dead` when the task ended by itself, `late` when no round ended for several periods, else ""."""
        if self._task.done():
            return "dead"
        return "late" if self.is_late(time.monotonic() - self._finished_at) else ""

    def is_late(self, seconds: float) -> bool:
        """Return whether a loop of this kind is late when its last round ended so long ago."""
        return seconds > LATE_ROUNDS * self._every

    def wake(self) -> None:
        """Start the next round now; after a failure, at the end of the pause."""
        self._wake_event.set()

    def finished(self) -> None:
        """Count a round. Endless work calls this after each step."""
        self._finished_at = time.monotonic()
        self._rounds.inc()
        self._last_round_metric.set_to_current_time()
        if self._failures:
            self._recover()

    def cancel(self) -> None:
        """Cancel the loop without waiting for its end."""
        self._stopping = True
        self._task.cancel()

    async def stop(self) -> None:
        """Cancel the loop, and wait for its end."""
        self._stopping = True
        await end(self._task)

    async def _run(self, pause: float) -> None:
        await asyncio.sleep(pause)
        while not self._stopping:
            try:
                pause = await self._work()
            except Exception as exc:
                self._record_failure(exc)
                await asyncio.sleep(self._retry_pause())
            else:
                self.finished()
                await self._sleep(pause)

    async def _sleep(self, pause: float) -> None:
        if pause > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake_event.wait()
        else:
            # Yield to other tasks: the round may not have awaited anything.
            await asyncio.sleep(0)
        self._wake_event.clear()

    def _retry_pause(self) -> float:
        first, longest = self._retry
        return pause_after(self._failures, first, min(longest, self._every))

    def _record_failure(self, exc: Exception) -> None:
        """Count a failed round, and log its error unless it recurs."""
        self._failures += 1
        self._failed_rounds.inc()
        now = time.monotonic()
        signature = f"{type(exc).__name__} {NUMBERS.sub('#', str(exc))} {_number(exc)}"
        recurs = now - self._last_logged.get(signature, -REPEAT_SECONDS) < REPEAT_SECONDS
        if len(self._last_logged) >= MAX_SIGNATURES:
            self._last_logged.clear()
        self._last_logged[signature] = now
        if recurs:
            return
        self._failure_logged = True
        fields = {"loop": self.name, "uid": self.uid, "error": kind_of(exc)}
        if isinstance(exc, UNREACHABLE):
            log.warning("a round of a loop failed", extra=fields)
        else:
            log.error("a round of a loop failed", extra=fields, exc_info=exc)

    def _recover(self) -> None:
        if self._failure_logged:
            fields = {"loop": self.name, "uid": self.uid, "failures": self._failures}
            log.info("a loop works again", extra=fields)
        self._failures, self._failure_logged = 0, False


class Loops:
    """All loops of a process."""

    def __init__(self) -> None:
        self._loops: set[Loop] = set()
        self.set_aside = 0
        """Number of owners whose records cannot be built at the moment (service/live/catch_up.py)."""

    def add(self, loop: Loop) -> Loop:
        """Watch a running loop; return it."""
        self._loops.add(loop)
        return loop

    def cancel(self, loop: Loop) -> None:
        """Cancel a loop without waiting for its end, and stop watching it."""
        self._loops.discard(loop)
        loop.cancel()

    async def stop(self, *loops: Loop | None) -> None:
        """Cancel loops, wait for their end, and stop watching them."""
        for loop in loops:
            if loop is not None:
                self._loops.discard(loop)
                await loop.stop()

    def troubles(self) -> dict[str, str]:
        """Return `late` or `dead` by loop name; a loop of one user counts only when it is dead.

        The loops of the other workers of this host count as well: all have the same, and each notes the end
        of its last round in the metrics that the workers share.
        """
        troubles: dict[str, str] = {}
        last_rounds, now = metrics.last_rounds(), time.time()
        for loop in self._loops:
            trouble = loop.trouble
            if not trouble and not loop.uid and loop.is_late(now - last_rounds.get(loop.name, now)):
                trouble = "late"
            if trouble and not (loop.uid and trouble == "late"):
                troubles[loop.name] = min(trouble, troubles.get(loop.name, trouble))
        return dict(sorted(troubles.items()))


def _number(exc: Exception) -> str:
    """Return the error number of the server, which tells errors apart; other numbers in a text vary."""
    return str(exc.args[0]) if exc.args and isinstance(exc.args[0], int) else ""
