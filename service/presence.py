"""Tell the mutual contacts of a person whether he is offline, online or in a conference."""

from __future__ import annotations

import asyncio
import logging

from service.database import Database, document
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
        self._again: set[str] = set()

    def changed(self, uid: str | None, shard: str | None) -> None:
        """The state of this person may have changed. Guests have no contacts: their shard is None."""
        if not (uid and shard):
            return
        if uid in self._pending:
            self._again.add(uid)
        else:
            self._pending[uid] = asyncio.create_task(self._settle(uid, shard))

    async def publish(self, uid: str, shard: str) -> dict[str, object]:
        """Tell the contacts now; returns {user_id, status}."""
        state, recipients = await self._db.call(shard, "presence_recipients", uid)
        model: dict[str, object] = document(state)
        self._pusher.send(recipients, live_update("user.connection_status", model))
        return model

    async def _settle(self, uid: str, shard: str) -> None:
        try:
            await self._tell_until_true(uid, shard)
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("presence not told", extra={"uid": uid, "error": str(exc)})
        finally:
            del self._pending[uid]
            self._again.discard(uid)

    async def _tell_until_true(self, uid: str, shard: str) -> None:
        """Tell the state, then look once more: another process may have told an older one after us."""
        told = None
        while True:
            self._again.discard(uid)
            await asyncio.sleep(SETTLE_SECONDS)
            state, recipients = await self._db.call(shard, "presence_recipients", uid)
            model: dict[str, object] = document(state)
            if model == told and uid not in self._again:
                return
            told = model
            self._pusher.send(recipients, live_update("user.connection_status", model))

    async def stop(self) -> None:
        """Wait for what is on its way."""
        await asyncio.gather(*self._pending.values(), return_exceptions=True)
