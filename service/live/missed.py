"""What a page has missed: the mailbox of its former socket, and what holds now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import orjson

from service.live import mailbox
from service.live.push import live_update
from service.live.resources import Resources

HAND_OVER_SECONDS = 0.5
"""Longest wait for the process that holds the former socket of a page."""
RING = "conference.invite"
SIGNALS = {RING, "conference.accept", "conference.decline", "conference.cancel", "conference.revoke"}
"""Live updates that open or close the window of a call."""

Signal = tuple[str, str | None]
"""Name and room of a live update."""


class MissedUpdates:
    """Collects the frames for pages that connect."""

    def __init__(self, resources: Resources) -> None:
        self._db, self._pusher, self._shares = resources.db, resources.pusher, resources.shares
        self._nodes = resources.nodes
        self._awaited: dict[str, asyncio.Event] = {}
        """Former sockets whose process is asked for their unconfirmed frames."""

    async def of_former(self, former: str, holder: str | None, successor: str) -> list[str]:
        """Return the frames in the mailbox of a former socket; from now on they go to its successor.

        `holder`: the process that still holds the former socket, because it has not noticed the break. Raise
        RedisError when Redis is away.
        """
        if holder is not None:
            await self._await_hand_over(holder, former)
        redis, node = self._pusher.redis, self._pusher.node
        return await redis.ask(lambda client: mailbox.take(client, former, node, successor))

    async def complete(
        self, stored: Sequence[str], socket_id: str, former: str | None, session: str, queued: Iterable[str]
    ) -> list[str]:
        """Return the frames of a mailbox without what is over, and what holds now unless they tell it.

        `queued` are frames that the new socket has, or was pushed, already.
        """
        async with self._shares.place(session, may_refuse=False):
            room_rows, news_rows = await self._db.call("yp", "socket_missed", socket_id, former)
        news = [await self._frame(*row) for row in news_rows]
        current, ended = _without_ended_rings(stored, {room for (room,) in room_rows})
        heard = {_signal(frame) for frame in queued}
        current = [
            frame for frame in current if _signal(frame) not in heard or _signal(frame)[0] not in SIGNALS
        ]
        known = heard | {_signal(frame) for frame in current}
        known |= {(name, room) for name in SIGNALS for room in ended}
        return current + [frame for frame in news if _signal(frame) not in known]

    async def _frame(self, service: str, data: str, hub: str, shard: str | None) -> str:
        """Build a live update; add the details of the room when its hub has a shard."""
        model: dict[str, Any] = orjson.loads(data)
        if shard is not None:
            model["details"] = await self._nodes.details(self._db, shard, hub, model["room_id"])
        return live_update(service, model).decode()

    async def _await_hand_over(self, holder: str, former: str) -> None:
        """Wait until a process has put the unconfirmed frames of a socket into its mailbox."""
        handed_over = self._awaited[former] = asyncio.Event()
        try:
            self._pusher.ask_to_hand_over(holder, former)
            with suppress(TimeoutError):
                async with asyncio.timeout(HAND_OVER_SECONDS):
                    await handed_over.wait()
        finally:
            self._awaited.pop(former, None)

    def handed_over(self, socket_ids: list[str]) -> None:
        """Note that the frames of these sockets are in their mailboxes."""
        for socket_id in socket_ids:
            if socket_id in self._awaited:
                self._awaited[socket_id].set()


def _without_ended_rings(stored: Sequence[str], ringing: set[str]) -> tuple[list[str], set[str | None]]:
    """Leave out calls that rang and ended while the page was away, and their end: it has no window to close.

    A ring that may have arrived has a window: only its end stays. Return the frames, and the rooms of the
    calls that are left out.
    """
    signals = [(frame, *_signal(frame.removeprefix(mailbox.REPEATED))) for frame in stored]
    ended = {
        room
        for frame, name, room in signals
        if name == RING and room not in ringing and not frame.startswith(mailbox.REPEATED)
    }
    current = [
        frame.removeprefix(mailbox.REPEATED)
        for frame, name, room in signals
        if not (name in SIGNALS and room in ended) and not (name == RING and room not in ringing)
    ]
    return current, ended


def _signal(frame: str) -> Signal:
    """Return the name and the room of a frame.

    The model of `messages.read` is a list, and a participant chooses that of `conference.broadcast`.
    """
    message: dict[str, Any] = orjson.loads(frame)
    model = message.get("model")
    room = model.get("room_id") if isinstance(model, dict) else None
    return message.get("options", {}).get("service", ""), room if isinstance(room, str) else None
