"""Tell the mutual contacts of a person whether he is offline, online or in a conference."""

from __future__ import annotations

import asyncio
import logging

from service.database import Database, ResultSet, document
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.push import Pusher, live_update

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.03
"""Changes of one person within this time are told once, with the state that holds at its end."""


class Presence:
    """Publishes `user.connection_status`, off the path of the request that caused it."""

    def __init__(self, db: Database, pusher: Pusher) -> None:
        self._db = db
        self._pusher = pusher
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, str] = {}
        """Who changed once more while he was told of: the shard he lives in by now."""

    def changed(self, uid: str | None, shard: str | None) -> None:
        """The state of this person may have changed. Guests have no contacts: their shard is None."""
        if not (uid and shard):
            return
        if uid in self._pending:
            self._again[uid] = shard
        else:
            self._pending[uid] = asyncio.create_task(self._settle(uid, shard))

    async def publish(self, uid: str, shard: str) -> dict[str, object]:
        """Tell the contacts now; returns {user_id, status}."""
        model, recipients = await self._look(uid, shard)
        self._pusher.send(recipients, live_update("user.connection_status", model))
        return model

    async def _look(self, uid: str, shard: str) -> tuple[dict[str, object], ResultSet]:
        """His state, and whom to tell: read where he lives, also when he was moved a moment ago."""
        while True:
            state, recipients = await self._db.call(shard, "presence_recipients", uid)
            ((_, moved_to),) = state
            if moved_to is None:
                model: dict[str, object] = document(state)
                return model, recipients
            shard = moved_to

    async def _settle(self, uid: str, shard: str) -> None:
        try:
            await self._tell_until_true(uid, shard)
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("presence not told", extra={"uid": uid, "error": str(exc)})
        finally:
            del self._pending[uid]
            self._again.pop(uid, None)

    async def _tell_until_true(self, uid: str, shard: str) -> None:
        """Tell the state, then look once more: another process may have told an older one after us."""
        told = None
        while True:
            shard = self._again.pop(uid, shard)
            await asyncio.sleep(SETTLE_SECONDS)
            model, recipients = await self._look(uid, shard)
            if model == told and uid not in self._again:
                return
            told = model
            self._pusher.send(recipients, live_update("user.connection_status", model))

    async def stop(self) -> None:
        """Wait for what is on its way."""
        await asyncio.gather(*self._pending.values(), return_exceptions=True)
