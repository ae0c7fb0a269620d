"""Notify the mutual contacts of a user whether the user is offline, online or in a conference."""

from __future__ import annotations

import asyncio
import logging

import orjson

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.live.push import Pusher, live_update
from service.log import kind_of
from service.store.database import Database, ResultSet, RoutineCaller, document

log = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.03
"""Changes of one user within this time make one notification, with the state at its end."""


class Presence:
    """Publishes `user.connection_status`, outside the request that caused the change."""

    def __init__(self, db: Database, pusher: Pusher) -> None:
        self._db = db
        self._pusher = pusher
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """The running notification, by user id."""
        self._changed_again: dict[str, str] = {}
        """Shard, by user id, of users who changed during their notification."""

    def changed(self, uid: str | None, shard: str | None) -> None:
        """Schedule a notification. Guests have neither contacts nor a shard (None): nothing happens."""
        if not (uid and shard):
            return
        if uid in self._tasks:
            self._changed_again[uid] = shard
        else:
            self._tasks[uid] = asyncio.create_task(self._notify(uid, shard))

    async def publish(self, db: RoutineCaller, uid: str, shard: str) -> dict[str, object]:
        """Notify the contacts now, as a part of a request; return {user_id, status}."""
        model, recipients = await self._read(db, uid, shard)
        self._pusher.send(recipients, live_update("user.connection_status", model))
        return model

    async def _read(self, db: RoutineCaller, uid: str, shard: str) -> tuple[dict[str, object], ResultSet]:
        """Return {user_id, status} and the recipients, from the shard that the user was last moved to."""
        while True:
            state_rows, recipients = await db.call(shard, "presence_recipients", uid)
            ((_, moved_to),) = state_rows
            if moved_to is None:
                model: dict[str, object] = document(state_rows)
                return model, recipients
            shard = moved_to

    async def _is(self, uid: str, shard: str, model: dict[str, object]) -> bool:
        """Return whether this is the state of a user, without a look for the recipients."""
        ((data, moved_to),), *_ = await self._db.call(shard, "presence_state", uid)
        return moved_to is None and orjson.loads(data) == model

    async def _notify(self, uid: str, shard: str) -> None:
        try:
            await self._notify_until_current(uid, shard)
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("presence not published", extra={"uid": uid, "error": kind_of(exc)})
        except Exception:
            log.exception("presence not published", extra={"uid": uid})
        finally:
            del self._tasks[uid]
            self._changed_again.pop(uid, None)

    async def _notify_until_current(self, uid: str, shard: str) -> None:
        """Publish the state until a second read confirms it.

        Another process may publish an older state after ours; the second read makes sure that the last word
        is a true one. Where nobody is notified, there is no second read.
        """
        published: dict[str, object] = {}
        while True:
            shard = self._changed_again.pop(uid, shard)
            await asyncio.sleep(DEBOUNCE_SECONDS)
            if published and await self._is(uid, shard, published) and uid not in self._changed_again:
                return
            published, recipients = await self._read(self._db, uid, shard)
            self._pusher.send(recipients, live_update("user.connection_status", published))
            if not recipients and uid not in self._changed_again:
                # nobody hears an older state either; who comes online later asks for the state
                return

    async def stop(self) -> None:
        """Wait for the notifications that are under way."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
