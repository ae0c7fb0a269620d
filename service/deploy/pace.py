"""Limit the pace of a deploy: a fixed rate, pauses while the server is loaded, and small steps beside others.

A routine that is replaced empties the routine cache of every connection, so the callers feel the rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from service.store.admin import Connection

LOOK_SECONDS = 0.2
BUSY_THREADS = 3
"""More running threads, ours included, mean that others are at work."""
BUSY_SHARE = 0.5
"""Share of the time that a deploy uses then."""
LONGEST_PAUSE = 1.0
"""Seconds; the change of a big table, which takes an hour, has let others work already."""
LOADED_THREADS = 60
"""With more running threads the deploy waits."""
FLOW_CONTROL = 0.3
"""Share of the time since the last check in which a Galera cluster held its writers back."""


class Pace:
    """Waits between items while the server is loaded."""

    def __init__(self, connection: Connection, rate: float, say: Callable[[str], None]) -> None:
        self._connection = connection
        self._gap = 1 / rate if rate else 0.0
        self._say = say
        self._looked = 0.0
        self._paused: tuple[float, int] | None = None
        """Time of the last check, and nanoseconds that the cluster had held its writers back until then."""
        self._is_busy = False
        self._next = 0.0

    def after_item(self, took: float) -> None:
        """Wait after an item that took this many seconds."""
        now = time.monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._look()
        pause = min(took * (1 / BUSY_SHARE - 1), LONGEST_PAUSE) if self._is_busy else 0.0
        self._next = max(self._next + self._gap, now)
        pause = max(pause, self._next - now)
        if pause > 0:
            time.sleep(pause)

    def _look(self) -> None:
        running, held = self._load()
        if running > LOADED_THREADS or held > FLOW_CONTROL:
            self._say(
                f"paused: {running} threads are running on the server (limit {LOADED_THREADS}), "
                f"its cluster holds writers back for {held:.0%} of the time (limit {FLOW_CONTROL:.0%})"
            )
            while running > LOADED_THREADS or held > FLOW_CONTROL:
                time.sleep(1)
                running, held = self._load()
            self._say("going on")
        self._is_busy = running > BUSY_THREADS
        self._looked = time.monotonic()

    def _load(self) -> tuple[int, float]:
        """Return the running threads, and the share of time since the last check that flow control took.

        `wsrep_flow_control_paused` is an average since the server started: it sees no busy minute, and never
        forgets a bad hour.
        """
        status = dict(
            self._connection.rows(
                "SHOW GLOBAL STATUS "
                "WHERE Variable_name IN ('Threads_running', 'wsrep_flow_control_paused_ns')"
            )
        )
        now, paused = time.monotonic(), int(status.get("wsrep_flow_control_paused_ns", 0))
        before, self._paused = self._paused, (now, paused)
        # A restarted server counts from zero.
        held = max(paused - before[1], 0) / 1e9 / max(now - before[0], 1e-3) if before else 0.0
        return int(status.get("Threads_running", 0)), held
