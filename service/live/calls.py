"""Calls between two users: the log entries in both conversations, and the calls that ring too long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.live.push import Pusher, live_update
from service.live.resources import Resources
from service.store.database import ResultSet, Transaction, document

LOGGED_EVENTS = {"cancel", "leave", "reject", "decline"}
MISSED = "missed"


class LogEntry(NamedTuple):
    """A call in the conversation of one side."""

    message: dict[str, Any]
    """As `chat.post` shows it."""
    socket_rows: ResultSet
    """(node, JSON array of socket ids) of that side."""


class MissedCall(NamedTuple):
    """A call that `call_expire` has ended."""

    card: dict[str, Any]
    """The call, with callee_id, message_id, caller_db and callee_db."""
    caller_socket_rows: ResultSet
    callee_socket_rows: ResultSet
    log: list[LogEntry]


async def write_log(
    tx: Transaction, call: Mapping[str, Any], event: str, duration: int, *, invited: int = 1
) -> list[LogEntry]:
    """Log a call in both conversations; return the entries, the caller's first.

    The list is empty when the call is logged already, or when the two may not call each other. `call` holds
    uid (the caller), callee_id, message_id, caller_db and callee_db. `duration` is in milliseconds.
    """
    caller, callee, message_id = call["uid"], call["callee_id"], call["message_id"]
    caller_db, callee_db = call["caller_db"], call["callee_db"]
    caller_sets = await tx.call(
        caller_db, "call_log", caller, callee, message_id, caller, event, duration, invited
    )
    if not caller_sets:
        return []
    callee_sets = await tx.call(callee_db, "call_log", callee, caller, message_id, caller, event, duration, 1)
    return [
        LogEntry(document(message_rows), socket_rows)
        for message_rows, socket_rows in filter(None, (caller_sets, callee_sets))
    ]


def notify_declined(pusher: Pusher, result_sets: Sequence[ResultSet]) -> None:
    """Tell both sides of calls that `call_block` has ended; three result sets for each call."""
    for card_rows, caller_socket_rows, callee_socket_rows in zip(*[iter(result_sets)] * 3, strict=True):
        model = document(card_rows) | {"room_type": "connect", "status": "declined"}
        refusal = model | {"type": "conference.decline"}
        pusher.send(caller_socket_rows, live_update("conference.decline", refusal))
        revocation = model | {"type": "conference.revoke"}
        pusher.send(callee_socket_rows, live_update("conference.revoke", revocation))


class RingTimeouts:
    """Ends the calls that nobody answers."""

    def __init__(self, resources: Resources) -> None:
        self._db, self._pusher, self._background = resources.db, resources.pusher, resources.background
        self.ring_seconds = resources.settings.ring_seconds

    def schedule(self) -> None:
        """End the call that begins to ring now, once its time is over.

        The heartbeats of all processes do the same, in case this one does not live that long.
        """
        self._background.later(self.ring_seconds, self.expire)

    async def expire(self) -> None:
        """End every call that is due as missed; log it for both sides and notify them.

        A call that cannot be logged ends without a log entry, so that it neither rings for ever nor keeps
        others ringing. Its error is raised once no call is due any more.
        """
        failure: Exception | None = None
        more = True
        while more:
            try:
                more = await self._expire_one()
            except (DatabaseUnavailableError, DatabaseTimeoutError):
                raise
            except Exception as exc:
                failure = exc
                more = await self._expire_one(logged=False)
        if failure is not None:
            raise failure

    async def _expire_one(self, *, logged: bool = True) -> bool:
        """End one call; False when none is due."""

        async def unit(tx: Transaction) -> MissedCall | None:
            result_sets = await tx.call("yp", "call_expire")
            if not result_sets:
                return None
            card_rows, caller_socket_rows, callee_socket_rows = result_sets
            card: dict[str, Any] = document(card_rows)
            log = await write_log(tx, card, MISSED, 0) if logged else []
            return MissedCall(card, caller_socket_rows, callee_socket_rows, log)

        missed = await self._db.transaction("call_expire", unit)
        if missed:
            self._notify_missed(missed)
        return missed is not None

    def _notify_missed(self, missed: MissedCall) -> None:
        """Show the caller a refusal, stop the ringing of the callee, and show both the log entry."""
        card = missed.card
        model = {name: card[name] for name in card.keys() - {"message_id", "caller_db", "callee_db"}}
        model |= {"room_type": "connect", "status": MISSED}
        refusal = model | {"type": "conference.decline", "uid": card["callee_id"]}
        self._pusher.send(missed.caller_socket_rows, live_update("conference.decline", refusal))
        revocation = model | {"type": "conference.revoke"}
        self._pusher.send(missed.callee_socket_rows, live_update("conference.revoke", revocation))
        for message, socket_rows in missed.log:
            self._pusher.send(socket_rows, live_update("chat.post", message))
