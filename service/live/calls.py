"""Calls between two users that end without either: they ring too long, or one blocks the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.live.call_log import CallLog
from service.live.push import Pusher, live_update
from service.live.resources import Resources
from service.live.rooms import notify_closed
from service.store.database import ResultSet, document

MISSED = "missed"


class MissedCall(NamedTuple):
    """A call that `call_expire` has ended."""

    card: dict[str, Any]
    """The call, with callee_id."""
    caller_socket_rows: ResultSet
    callee_socket_rows: ResultSet


def watch_blocks(resources: Resources, call_log: CallLog) -> None:
    """Tell both sides of the calls that a block ends, whatever has set it, and log them."""

    def end_rings(result_sets: list[ResultSet]) -> None:
        _notify_declined(resources.pusher, result_sets)
        if result_sets:
            call_log.write_soon()

    def end_calls(result_sets: list[ResultSet]) -> None:
        notify_closed(resources.pusher, resources.presence, result_sets)
        if result_sets:
            call_log.write_soon()

    resources.db.watch("call_block", end_rings)
    resources.db.watch("call_separate", end_calls)


def _notify_declined(pusher: Pusher, result_sets: Sequence[ResultSet]) -> None:
    """Tell both sides of calls that `call_block` has ended; three result sets for each call."""
    for card_rows, caller_socket_rows, callee_socket_rows in zip(*[iter(result_sets)] * 3, strict=True):
        model = document(card_rows) | {"room_type": "connect", "status": "declined"}
        refusal = model | {"type": "conference.decline"}
        pusher.send(caller_socket_rows, live_update("conference.decline", refusal))
        revocation = model | {"type": "conference.revoke"}
        pusher.send(callee_socket_rows, live_update("conference.revoke", revocation))


class RingTimeouts:
    """Ends the calls that nobody answers."""

    def __init__(self, resources: Resources, call_log: CallLog) -> None:
        self._db, self._pusher, self._background = resources.db, resources.pusher, resources.background
        self._call_log = call_log
        self.ring_seconds = resources.settings.ring_seconds

    def schedule(self) -> None:
        """End the call that begins to ring now, once its time is over.

        The heartbeats of all processes do the same, in case this one does not live that long.
        """
        self._background.later(self.ring_seconds, self.expire)

    async def expire(self) -> None:
        """End every call that is due as missed, and notify both sides."""
        while missed := await self._expire_one():
            self._notify_missed(missed)
            self._call_log.write_soon()

    async def _expire_one(self) -> MissedCall | None:
        """End one call; None when none is due."""
        result_sets = await self._db.call("yp", "call_expire")
        if not result_sets:
            return None
        card_rows, caller_socket_rows, callee_socket_rows = result_sets
        return MissedCall(document(card_rows), caller_socket_rows, callee_socket_rows)

    def _notify_missed(self, missed: MissedCall) -> None:
        """Show the caller a refusal, and stop the ringing of the callee."""
        model = missed.card | {"room_type": "connect", "status": MISSED}
        refusal = model | {"type": "conference.decline", "uid": missed.card["callee_id"]}
        self._pusher.send(missed.caller_socket_rows, live_update("conference.decline", refusal))
        revocation = model | {"type": "conference.revoke"}
        self._pusher.send(missed.callee_socket_rows, live_update("conference.revoke", revocation))
