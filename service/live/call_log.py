"""The log of calls: an entry in both conversations for every call that has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.live.push import Pusher, live_update
from service.live.resources import Resources
from service.store.database import ResultSet, Transaction, document

LOGGED_EVENTS = {"cancel", "leave", "reject", "decline"}
"""The events of conference.logCall."""


class LogEntry(NamedTuple):
    """A call in the conversation of one side."""

    message: dict[str, Any]
    """As `chat.post` shows it."""
    socket_rows: ResultSet
    """(node, JSON array of socket ids) of that side."""


async def write_log(tx: Transaction, call: Mapping[str, Any]) -> list[LogEntry]:
    """Log a call in both conversations; return the entries, the caller's first.

    The list is empty when the call is logged already, or when the two may not call each other. `call` is a
    row of `call_log_take`. Without callee_db only the caller gets an entry.
    """
    caller, callee, message_id = call["uid"], call["callee_id"], call["message_id"]
    caller_db, callee_db = call["caller_db"], call["callee_db"]
    event, duration, invited = call["event"], call["duration"], call["invited"]
    caller_sets = await tx.call(
        caller_db, "call_log", caller, callee, message_id, caller, event, duration, invited
    )
    if not caller_sets:
        return []
    callee_sets: list[ResultSet] = []
    if callee_db is not None:
        callee_sets = await tx.call(
            callee_db, "call_log", callee, caller, message_id, caller, event, duration, 1
        )
    return [
        LogEntry(document(message_rows), socket_rows)
        for message_rows, socket_rows in filter(None, (caller_sets, callee_sets))
    ]


def notify_log(pusher: Pusher, log: list[LogEntry]) -> None:
    """Show the entries to those in whose conversations they are."""
    for message, socket_rows in log:
        pusher.send(socket_rows, live_update("chat.post", message))


class CallLog:
    """Logs every call that has ended, whoever is left to say so: no client and no process is needed."""

    def __init__(self, resources: Resources) -> None:
        self._db, self._pusher, self._background = resources.db, resources.pusher, resources.background

    def write_soon(self) -> None:
        """Log the calls that have just ended. The heartbeats do the same, in case this process dies."""
        self._background.start(self.write())

    async def write(self) -> None:
        """Log all calls that are due.

        A call that cannot be logged is given up, so that it neither fails for ever nor keeps others
        unlogged. Its error is raised once no call is due any more.
        """
        failure: Exception | None = None
        more = True
        while more:
            try:
                more = await self._write_one()
            except (DatabaseUnavailableError, DatabaseTimeoutError):
                raise
            except Exception as exc:
                failure = exc
                more = await self._write_one(entries=False)
        if failure is not None:
            raise failure

    async def _write_one(self, *, entries: bool = True) -> bool:
        """Log one call; False when none is due."""

        async def unit(tx: Transaction) -> list[LogEntry] | None:
            result_sets = await tx.call("yp", "call_log_due")
            if not result_sets:
                return None
            call = document(result_sets[0])
            return await write_log(tx, call) if call and entries else []

        log = await self._db.transaction("call_log_due", unit)
        notify_log(self._pusher, log or [])
        return log is not None
