"""One WebSocket: its bounded queue of frames, and what of them has arrived."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from aiohttp import WSCloseCode, web

from service import metrics
from service.live import mailbox
from service.settings import Settings
from service.web.ratelimit import Bucket

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2
"""Longest wait for a client that does not read, or does not answer a close frame."""
ROUNDS = 20
"""Rounds of the keepalive in one period of sys.keepalive."""
UNCONFIRMED = mailbox.MOST_FRAMES
"""Frames of one client that wait for a pong behind them."""
STRAIGHT_BYTES = 32 * 1024
"""A frame is written at once while fewer bytes wait for the client; else it waits in the queue."""
PING = None
"""Entry of a queue of frames: send a ping."""


class Client:
    """One WebSocket with a bounded queue of frames; its writing task lives only while there are any.

    A frame counts as arrived when the client has answered a ping that was sent behind it: TCP takes frames
    for a connection that is dead.
    """

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, settings: Settings) -> None:
        self.id = secrets.token_hex(12)
        self.frames = Bucket(settings.socket_frames, time.monotonic())
        self.session: str | None = None
        self.counted: tuple[str, ...] = ()
        """The keys under which the limits of this process count it."""
        self.active = True
        self.ws = ws
        self.uid: str | None = None
        self.user: dict[str, Any] = {}
        self.heard = time.monotonic()
        """When the last sign of life came."""
        self._asked: float | None = None
        """When the ping was queued that the client has not answered yet."""
        self._pinged: float | None = None
        """When that ping was sent: the frames before it may take their time."""
        self.is_silent = False
        """It was dropped because it gave no sign of life."""
        self.keepalive_round = secrets.randbelow(ROUNDS)
        self.is_successor_known = False
        """Another socket has taken over its seats and its frames."""
        self._transport = request.transport
        self._limit = settings.socket_queue
        self._queue: deque[str | None] = deque()
        self._unconfirmed: list[str] = []
        self._late: list[str] = []
        """Live updates that came while the connection was being closed."""
        self._before_ping = 0
        """Number of unconfirmed frames before the ping."""
        self._writer: asyncio.Task[None] | None = None
        self._closing: asyncio.Event | None = None
        self._answer = asyncio.Event()
        """Set by each answer to a ping, and by the end of the connection."""
        self.is_read = False
        """Somebody waits for the next frame of the client."""
        self._held = True

    async def greet(self, hello: str) -> None:
        """Send the first frame; the others wait for `release`."""
        with suppress(ConnectionError, RuntimeError):
            await self.ws.send_str(hello)

    def release(self, first: Sequence[str] = ()) -> None:
        """Send these frames, then those that were queued before."""
        self._held = False
        self._queue.extendleft(reversed(first))
        self._unconfirmed[:0] = first
        if self._queue:
            self._start()

    def send(self, frame: str) -> None:
        """Send a live update, or queue it; disconnect a client that does not keep up."""
        metrics.FRAMES.inc()
        self._send(frame)

    def _send(self, frame: str) -> None:
        if self._put(frame):
            self._unconfirmed.append(frame)
            if len(self._unconfirmed) > UNCONFIRMED:
                del self._unconfirmed[0]
                self._before_ping = max(self._before_ping - 1, 0)

    def deliver(self, frame: str) -> None:
        """Send a live update; while the connection is being closed, keep it behind those before it."""
        if self.ws.closed:
            self._late.append(frame)
            del self._late[:-UNCONFIRMED]
        else:
            self.send(frame)

    def send_all(self, frames: Sequence[str]) -> None:
        """Queue live updates in their order."""
        for frame in frames:
            self.send(frame)

    def say(self, frame: str) -> None:
        """Send a frame of the connection itself, which nobody misses later."""
        metrics.FRAMES.inc()
        self._put(frame)

    def _put(self, frame: str) -> bool:
        if self.ws.closed:
            return False
        if self._writes_straight():
            self._transport.write(_packet(frame))  # type: ignore[union-attr]
            return True
        self._queue.append(frame)
        if len(self._queue) > self._limit:
            self._drop_slow()
        else:
            self._start()
        return True

    def _writes_straight(self) -> bool:
        """Return whether nothing is before the next frame, and the client reads."""
        if self._queue or self._held or self._writer is not None:
            return False
        transport = self._transport
        return (
            transport is not None
            and not transport.is_closing()
            and transport.get_write_buffer_size() < STRAIGHT_BYTES
        )

    def ask(self, now: float) -> None:
        """Send a ping behind all frames."""
        self._asked, self._pinged = now, None
        self._before_ping = len(self._unconfirmed)
        self._queue.append(PING)
        self._start()

    def answered(self) -> None:
        """Take the answer to a ping: the frames before it have arrived."""
        self._asked = self._pinged = None
        del self._unconfirmed[: self._before_ping]
        self._before_ping = 0
        self._answer.set()

    def excuse(self, seconds: float) -> None:
        """Give the client more time, because this process has not read its answers."""
        if self._asked is not None:
            self._asked += seconds
        if self._pinged is not None:
            self._pinged += seconds

    def is_asked(self) -> bool:
        """Return whether the client owes an answer."""
        return self._asked is not None

    def owes(self, now: float) -> tuple[float, float]:
        """Return for how long the answer to a ping is due: since it was queued, and since it was sent."""
        return now - (self._asked or now), now - (self._pinged or now)

    @property
    def has_unconfirmed(self) -> bool:
        """Whether frames were sent that may not have arrived."""
        return bool(self._unconfirmed)

    @property
    def for_mailbox(self) -> list[str]:
        """What belongs into the mailbox: updates that may not have arrived, marked so, then late ones."""
        return [*mailbox.repeated(self._unconfirmed), *self._late]

    @property
    def queued(self) -> list[str]:
        """The frames that are not sent yet."""
        return [frame for frame in self._queue if frame is not None]

    @property
    def waiting(self) -> int:
        """Number of queued frames."""
        return len(self._queue)

    def _start(self) -> None:
        if self._writer is None and not self._held:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._queue:
                frame = self._queue.popleft()
                if frame is None:
                    self._pinged = time.monotonic()
                    await self.ws.ping()
                else:
                    await self.ws.send_str(frame)
        except (ConnectionError, RuntimeError):
            self._queue.clear()
        finally:
            self._writer = None

    def _drop_slow(self) -> None:
        log.warning(
            "socket too slow, disconnected",
            extra={"socket": self.id, "uid": self.uid, "waiting": len(self._queue)},
        )
        metrics.SLOW_SOCKETS.inc()
        self.abort()

    def abort(self) -> None:
        """Drop the connection. A close frame would wait behind the frames that the client does not read."""
        self._queue.clear()
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Send the queued frames and a close frame; wait at most 2 s for each of the two.

        A client that answers the close frame has all frames before it. aiohttp waits for that answer only
        when nobody reads meanwhile; otherwise a ping goes before.
        """
        self._closing = asyncio.Event()
        try:
            if self._writer is not None:
                await asyncio.wait({self._writer}, timeout=CLOSE_SECONDS)
            # The writer drops them when it finds the connection closed.
            waiting_ids = {id(frame) for frame in self._queue}
            is_read = self.is_read
            if is_read and not self._held:
                await self._confirm()
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.ws.close(code=code, message=reason.encode())
            if not is_read and self.ws.close_code != WSCloseCode.ABNORMAL_CLOSURE:
                self._unconfirmed = [frame for frame in self._unconfirmed if id(frame) in waiting_ids]
        except (ConnectionError, RuntimeError, TimeoutError):
            pass
        finally:
            self._closing.set()

    async def _confirm(self) -> None:
        """Ask the client for 2 s at most, until it has all frames."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                while self._unconfirmed and not self.ws.closed:
                    self._answer.clear()
                    if not self.is_asked():
                        self.ask(time.monotonic())
                    await self._answer.wait()

    async def closed(self) -> None:
        """Wait until a close frame that this side has sent is answered."""
        self._answer.set()
        if self._closing is not None:
            await self._closing.wait()


@lru_cache(maxsize=16)
def _packet(frame: str) -> bytes:
    """Return a text frame as it goes over the wire (RFC 6455, 5.2): encoded once for all who get it.

    aiohttp encodes it for each of them, in a task of its own.
    """
    payload = frame.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload
