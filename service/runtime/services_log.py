"""The services log: calls of the services that declare `log: true`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from service.background import Background
from service.store.database import Database, encode

FLUSH_SECONDS = 1.0
MAX_ENTRIES = 10_000


class ServicesLog:
    """Writes calls to `yp.services_log`, those of one second in one CALL."""

    def __init__(self, db: Database, background: Background) -> None:
        self._db = db
        self._background = background
        self._entries: list[dict[str, Any]] = []
        self._flusher: asyncio.Task[None] | None = None

    def add(self, service: str, uid: str, hub: str | None, args: dict[str, Any]) -> None:
        """Log a call within a second; drop it when 10,000 wait already."""
        if len(self._entries) >= MAX_ENTRIES:
            return
        self._entries.append(
            {"name": service, "uid": uid, "hub_id": hub, "args": args, "ctime": int(time.time())}
        )
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush_later())

    async def stop(self) -> None:
        """Write the calls that wait."""
        if self._flusher is not None:
            self._flusher.cancel()
            self._flush()

    async def _flush_later(self) -> None:
        await asyncio.sleep(FLUSH_SECONDS)
        self._flusher = None
        self._flush()

    def _flush(self) -> None:
        entries, self._entries = self._entries, []
        if entries:
            self._background.start(self._write(entries))

    async def _write(self, entries: list[dict[str, Any]]) -> None:
        await self._db.call("yp", "analytics_log", encode(entries))
