"""How fast a deploy may go: a fixed rate, a pause while the server is loaded, and small steps beside others.

A routine that is replaced empties the routine cache of every connection, so the callers feel the rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from service.deploy.connection import Connection

LOOK_SECONDS = 0.2
BUSY_THREADS = 3
"""More than this running, ourselves included: others are at work."""
BUSY_SHARE = 0.5
"""The part of the time that we use then."""
LOADED_THREADS = 60
"""More than this: we wait."""
FLOW_CONTROL = 0.3
"""Part of the last moment in which a Galera cluster held its writers back."""


class Throttle:
    """Waits between items, as long as is polite."""

    def __init__(self, connection: Connection, rate: float, say: Callable[[str], None]) -> None:
        self._connection = connection
        self._gap = 1 / rate if rate else 0.0
        self._say = say
        self._looked = 0.0
        self._is_busy = False
        self._next = 0.0

    def after_item(self, took: float) -> None:
        """Wait after an item that took this many seconds."""
        now = time.monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._look()
        pause = took * (1 / BUSY_SHARE - 1) if self._is_busy else 0.0
        self._next = max(self._next + self._gap, now)
        pause = max(pause, self._next - now)
        if pause > 0:
            time.sleep(pause)

    def _look(self) -> None:
        running, held = self._load()
        if running > LOADED_THREADS or held > FLOW_CONTROL:
            self._say(f"paused: {running} threads are running on the server (limit {LOADED_THREADS})")
            while running > LOADED_THREADS or held > FLOW_CONTROL:
                time.sleep(1)
                running, held = self._load()
            self._say("going on")
        self._is_busy = running > BUSY_THREADS
        self._looked = time.monotonic()

    def _load(self) -> tuple[int, float]:
        found = dict(
            self._connection.rows(
                "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_running', 'wsrep_flow_control_paused')"
            )
        )
        return int(found.get("Threads_running", 0)), float(found.get("wsrep_flow_control_paused", 0))
