"""Calls between two people: the log that each leaves in both conversations, and the ones nobody answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.database import Database, ResultSet, Transaction, document
from service.push import Pusher, live_update
from service.tasks import Background

LOGGED_EVENTS = {"cancel", "leave", "reject", "decline"}
MISSED = "missed"

Entry = tuple[dict[str, Any], ResultSet]
"""A log entry as one side sees it, and the sockets of that side."""


async def write_log(
    tx: Transaction, call: Mapping[str, Any], event: str, duration: int, *, invited: int = 1
) -> list[Entry]:
    """Log a call in both conversations, the caller's first; empty when it was logged before, or may not be.

    `call` holds uid (who called), callee_id, message_id, caller_db and callee_db. `duration` in milliseconds.
    """
    caller, callee, message = call["uid"], call["callee_id"], call["message_id"]
    here, there = call["caller_db"], call["callee_db"]
    mine = await tx.call(here, "call_log", caller, callee, message, caller, event, duration, invited)
    if not mine:
        return []
    his = await tx.call(there, "call_log", callee, caller, message, caller, event, duration, 1)
    return [(document(found), sockets) for found, sockets in filter(None, (mine, his))]


class Calls:
    """Ends the calls that ring for too long."""

    def __init__(self, db: Database, pusher: Pusher, background: Background, ring_seconds: int) -> None:
        self._db = db
        self._pusher = pusher
        self._background = background
        self.ring_seconds = ring_seconds

    def ringing(self) -> None:
        """A call has begun to ring: look after it when its time is over.

        The heartbeats look as well, in case this process is gone by then.
        """
        self._background.later(self.ring_seconds, self.expire)

    async def expire(self) -> None:
        """Declare missed whatever has rung long enough; both sides are told, and find it in their logs."""
        while await self._expire_one():
            pass

    async def _expire_one(self) -> bool:
        async def unit(tx: Transaction) -> tuple[list[ResultSet], list[Entry]]:
            found = await tx.call("yp", "call_expire")
            log = await write_log(tx, document(found[0]), MISSED, 0) if found else []
            return found, log

        found, log = await self._db.transaction("call_expire", unit)
        if found:
            self._tell_missed(found, log)
        return bool(found)

    def _tell_missed(self, found: list[ResultSet], log: list[Entry]) -> None:
        card, caller, callee = found
        call = document(card)
        model = {name: call[name] for name in call.keys() - {"message_id", "caller_db", "callee_db"}}
        model |= {"room_type": "connect", "status": MISSED}
        answer = model | {"type": "conference.decline", "uid": call["callee_id"]}
        self._pusher.send(caller, live_update("conference.decline", answer))
        hush = model | {"type": "conference.revoke"}
        self._pusher.send(callee, live_update("conference.revoke", hush))
        for entry, sockets in log:
            self._pusher.send(sockets, live_update("chat.post", entry))
