"""The heartbeat of this process, and the work that all processes do for each other."""

from __future__ import annotations

import logging
import os
import secrets
import socket

from aiohttp import WSCloseCode

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.live.call_log import CallLog
from service.live.calls import RingTimeouts
from service.live.catch_up import CatchUp
from service.live.expiry import expire_history, expire_reports
from service.live.resources import Resources
from service.live.rooms import (
    notify_closed,
    notify_departures,
    notify_entries,
    notify_evictions,
    notify_reviews,
)
from service.live.sockets import Sockets
from service.log import kind_of
from service.loops import Loop, Round
from service.store.database import ResultSet

log = logging.getLogger(__name__)

BEAT_SECONDS = 3.0
STALE_SECONDS = 9
"""A process without a beat for this long is suspected to be dead."""
WAIT_SECONDS = 6
"""A suspect that does not beat again is reaped 6 to 9 s later, so 15 to 21 s after its last beat."""
ENDED_SECONDS = 2.0
"""A socket whose session has ended, or whose account is frozen, is closed in the second round."""
CATCH_UP_SECONDS = 5.0
"""Longest round of the catch-up; it takes that long where many records are stale."""
PURGE_SECONDS = 60.0
PURGE_ROWS = 1000
EVICTIONS = 100
REVIEWS = 100


def new_node_id() -> str:
    """Return a random id for this process, 16 hex digits."""
    return secrets.token_hex(8)


class Heartbeat:
    """Registers this process as alive, and does what all processes do for each other.

    Each part is a loop of its own: a part that fails or takes long does not stop the others.
    """

    def __init__(
        self, resources: Resources, sockets: Sockets, ring_timeouts: RingTimeouts, call_log: CallLog
    ) -> None:
        self._db, self._pusher, self._presence = resources.db, resources.pusher, resources.presence
        self._loops = resources.loops
        self._sockets = sockets
        self._ring_timeouts, self._call_log = ring_timeouts, call_log
        self._grace = resources.settings.socket_grace
        """Seconds that a disconnected socket keeps its seat in a room."""
        self._catch_up = CatchUp(self._db, self._loops, resources.settings.phone_region)
        self._address = f"{socket.gethostname()}:{os.getpid()}"
        self._registered_at = 0
        """When the registry created the row of this process; another value means that it was reaped."""
        self._own_loops: list[Loop] = []
        self._evictions: Loop | None = None
        self._ended: set[str] = set()
        """Sockets to close in the next round of "ended sessions"."""

    async def start(self) -> None:
        """Beat once, then start the loops."""
        _, self._registered_at = await self._refresh()
        self._start_loop("heartbeat", self._beat, BEAT_SECONDS)
        self._start_loop("ring timeouts", self._expire_calls, BEAT_SECONDS)
        self._start_loop("call log", self._log_calls, BEAT_SECONDS)
        self._evictions = self._start_loop("evictions", self._evict, BEAT_SECONDS)
        self._start_loop("room rights", self._review, BEAT_SECONDS)
        self._start_loop("ended sessions", self._close_ended, ENDED_SECONDS)
        self._start_loop("catch-up", self._catch_up.round, CATCH_UP_SECONDS)
        self._start_loop("session purge", self._purge, PURGE_SECONDS)
        self._start_loop("history", self._expire_history, PURGE_SECONDS)
        self._start_loop("import reports", self._expire_reports, PURGE_SECONDS)

    @property
    def is_alive(self) -> bool:
        """Whether this process beats: others do not take it for dead."""
        return bool(self._own_loops) and not self._own_loops[0].trouble

    def _start_loop(self, name: str, work: Round, every: float) -> Loop:
        loop = self._loops.add(Loop(name, work, every=every, pause=every))
        self._own_loops.append(loop)
        return loop

    async def stop(self) -> None:
        """Retire this process: its sockets are lost, and keep their seats for the grace period."""
        await self._loops.stop(*self._own_loops)
        self._own_loops = []
        try:
            (user_rows,) = await self._db.call("yp", "socket_reset", self._pusher.node, self._grace)
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("this process could not retire; others will reap it", extra={"error": kind_of(exc)})
            return
        self._notify_presence(user_rows)

    async def _beat(self) -> float:
        known, registered_at = await self._refresh()
        if not known or registered_at != self._registered_at:
            # Another process declared this one dead and removed its sockets from the registry.
            log.warning("this process was taken for dead; its sockets must reconnect")
            await self._sockets.close_all(WSCloseCode.SERVICE_RESTART, "please reconnect")
            # Only now: when closing fails, the next beat closes them again.
            self._registered_at = registered_at
        return BEAT_SECONDS

    async def _refresh(self) -> tuple[bool, int]:
        """Beat and reap dead processes; return whether the registry knew this one, and since when."""
        user_rows, ((known, registered_at),) = await self._db.call(
            "yp", "socket_refresh", self._pusher.node, self._address, STALE_SECONDS, WAIT_SECONDS, self._grace
        )
        self._notify_presence(user_rows)
        return bool(known), int(registered_at)

    async def _expire_calls(self) -> float:
        await self._ring_timeouts.expire()
        return BEAT_SECONDS

    async def _log_calls(self) -> float:
        await self._call_log.write()
        return BEAT_SECONDS

    async def _evict(self) -> float:
        """Take those out of their rooms who are no longer allowed in, and notify everybody concerned."""
        *room_changes, eviction_rows = await self._db.call("yp", "conference_evict", EVICTIONS)
        notify_departures(self._pusher, room_changes)
        notify_evictions(self._pusher, self._presence, eviction_rows)
        return BEAT_SECONDS

    async def _review(self) -> float:
        """Renew rights by the grants, find hosts where none is left, end rooms, and fill free places."""
        notify_reviews(self._pusher, await self._db.call("yp", "conference_review", REVIEWS))
        while result_sets := await self._db.call("yp", "conference_fill"):
            notify_entries(self._pusher, *result_sets)
        while result_sets := await self._db.call("yp", "conference_overdue"):
            notify_closed(self._pusher, self._presence, result_sets)
        return BEAT_SECONDS

    async def _close_ended(self) -> float:
        """Close the sockets of this process whose session has ended or whose account was frozen.

        Each process looks after its own, so that they end while Redis is away, too. A page in a room gets
        `conference.revoke` first: those who have ended are evicted now, and closed in the next round.
        """
        (socket_rows,) = await self._db.call("yp", "socket_ended", self._pusher.node)
        ended = {socket_id for (socket_id,) in socket_rows}
        if self._evictions and ended - self._ended:
            self._evictions.wake()
        await self._sockets.sign_out(ended & self._ended)
        self._ended = ended
        return ENDED_SECONDS

    async def _purge(self) -> float:
        """Delete expired sessions and close their sockets; find sockets that nobody holds."""
        (socket_rows,) = await self._db.call("yp", "session_purge", PURGE_ROWS)
        self._pusher.close_sockets(socket_rows)
        await self._sockets.lose_strays()
        return PURGE_SECONDS

    async def _expire_history(self) -> float:
        await expire_history(self._db)
        return PURGE_SECONDS

    async def _expire_reports(self) -> float:
        await expire_reports(self._db)
        return PURGE_SECONDS

    def _notify_presence(self, user_rows: ResultSet) -> None:
        """Notify the contacts of users, rows (uid, shard)."""
        for uid, shard in user_rows:
            self._presence.changed(uid, shard)
