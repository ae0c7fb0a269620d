"""`/ws`: send every change to the contacts of a user as a frame.

The events are read from the user's shard (`my_contact_events`), in order and from the last one that was sent.
A notification on Redis only says that there is something to read. When one is lost, the next one makes up for
it, and after `Times.poll` seconds the events are read anyway.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from service import metrics
from service.auth.session import Caller
from service.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    EntityMovingError,
    RequestError,
    TooManyCallsError,
)
from service.live.client import Client
from service.live.push import Pusher
from service.loops import Loop, Loops
from service.rest.change_feed import KEYS, ChangeFeed
from service.rest.envelope import error_response
from service.rest.errors import rest_error
from service.rest.event_filter import MAX_PATTERNS, PATTERN, EventFilter
from service.rest.frames import FRAMES
from service.rest.guesses import Guesses
from service.rest.tokens import Credential, Gate, bearer_token
from service.settings import Settings
from service.store.database import Database, ResultSet, encode
from service.store.shares import Shares
from service.web.address import client_key
from service.web.deadline import deadline
from service.web.origin import origin_allowed
from service.web.timestamps import wire_time

UNAUTHORIZED = 4401
NO_PONG = 4408
SOCKETS_PER_USER = 32
PAGE = 100
MAX_FRAME = 8192


@dataclass(frozen=True)
class Times:
    """Intervals and time limits, in seconds."""

    ping: float = 30
    pong_timeout: float = 90
    """A socket without a pong for so long is closed."""
    poll: float = 60
    """Events and tokens are checked at least this often, in case a notification was lost."""
    access: float = 3
    """Tokens and accounts that ended without a notification are found after this time."""
    retry: float = 2
    """Delay before a failed CALL is tried again."""
    drain: float = 10
    """A page of events waits at most this long for slow sockets before it is queued."""


@dataclass(eq=False)
class Socket:
    """One WebSocket of this API."""

    client: Client
    credential: Credential
    user: str | None
    """X-Claw-User-Id of its request."""
    last_pong: float
    """Time of the last pong, on the monotonic clock."""
    filter: EventFilter = field(default_factory=EventFilter)

    def send(self, event: str, fields: dict[str, Any]) -> None:
        """Queue a frame."""
        self.client.send(frame(event, orjson.dumps(fields).decode() if fields else None))


class Feed:
    """The sockets of one user in this process, and the revision up to which they have received events."""

    def __init__(self, uid: str, shard: str) -> None:
        self.uid = uid
        self.shard = shard
        self.rev = 0
        self.sockets: set[Socket] = set()
        self.check_access = False
        self.checked_at = time.monotonic()
        """Time of the last check of all tokens, on the monotonic clock."""
        self.opening = asyncio.Lock()
        self.loop: Loop | None = None

    def wake(self, *, access: bool = False) -> None:
        """Read events now; with `access`, check the tokens of the sockets first."""
        self.check_access |= access
        if self.loop is not None:
            self.loop.wake()


class WebSocketApi:
    """Answers `/ws`."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        pusher: Pusher,
        gate: Gate,
        guesses: Guesses,
        shares: Shares,
        loops: Loops,
        times: Times,
    ) -> None:
        self._settings = settings
        self._db = db
        self._gate = gate
        self.guesses = guesses
        self._shares = shares
        self._times = times
        self._feeds: dict[str, Feed] = {}
        self._loops = loops
        self._change_feed = ChangeFeed(pusher, self._on_change, lambda: list(self._feeds), loops)
        self._pinger: Loop | None = None
        self._access_checks: Loop | None = None
        self._ping_due = 0.0

    def start(self) -> None:
        """Start listening and pinging."""
        self._change_feed.start()
        self._ping_due = time.monotonic() + self._times.ping
        every = self._times.ping
        self._pinger = self._loops.add(Loop("feed pings", self._ping, every=every, pause=every))
        every = self._times.access
        self._access_checks = self._loops.add(Loop("feed access", self._find_ended, every=every, pause=every))

    async def stop(self) -> None:
        """Close every socket, because the process ends."""
        await self._loops.stop(self._pinger, self._access_checks)
        await self._change_feed.stop()
        await asyncio.gather(
            *(s.client.close(WSCloseCode.GOING_AWAY, "the server restarts") for s in self._sockets())
        )

    def notify_access_change(self, uid: str) -> None:
        """Make every process check the tokens of a user's sockets."""
        self._change_feed.publish(uid, access=True)

    def _on_change(self, uid: str, access: bool) -> None:
        if uid == KEYS:
            for feed in self._feeds.values():
                if any(socket.credential.key for socket in feed.sockets):
                    feed.wake(access=True)
            return
        user_feed = self._feeds.get(uid)
        if user_feed is not None:
            user_feed.wake(access=access)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to open a socket; return when it is closed."""
        refusal = await self._refusal(request)
        if refusal is not None:
            return error_response(refusal)
        ws = web.WebSocketResponse(max_msg_size=MAX_FRAME, compress=False)
        if not ws.can_prepare(request):
            return error_response(rest_error("UPGRADE_REQUIRED", "Connect with a WebSocket"))
        await ws.prepare(request)
        client = Client(ws, request, self._settings)
        metrics.SOCKETS.inc()
        try:
            await self._serve(client, request)
        except RequestError as exc:
            self.guesses.take(client_key(request, self._settings), bearer_token(request, query=True))
            await client.close(UNAUTHORIZED, exc.reason)
        except (DatabaseUnavailableError, DatabaseTimeoutError, TooManyCallsError, TimeoutError):
            await client.close(WSCloseCode.TRY_AGAIN_LATER, "the database is not available")
        finally:
            metrics.SOCKETS.dec()
        return ws

    async def _refusal(self, request: web.Request) -> RequestError | None:
        if not origin_allowed(request, self._settings):
            return rest_error("FORBIDDEN", "Pages of this origin may not connect")
        guess = client_key(request, self._settings), bearer_token(request, query=True)
        if self.guesses.is_exhausted(*guess) and not await self._is_valid(request):
            retry = self.guesses.take(*guess).headers
            return rest_error("RATE_LIMITED", "Too many requests without a valid token", headers=retry)
        return None

    async def _is_valid(self, request: web.Request) -> bool:
        """Return whether the token of a request is valid; an invalid one need not cost a WebSocket."""
        try:
            await self._admit(request)
        except RequestError:
            return False
        except (DatabaseUnavailableError, DatabaseTimeoutError, TooManyCallsError, TimeoutError):
            pass
        return True

    async def _admit(self, request: web.Request) -> tuple[Credential, str | None, Caller]:
        """Return token, X-Claw-User-Id and caller of a request; RequestError for an invalid token."""
        user = request.headers.get("X-Claw-User-Id") or request.query.get("user_id")
        credential = await self._gate.read(bearer_token(request, query=True))
        async with deadline(self._settings.request_timeout), self._shares.place(credential.bucket):
            return credential, user, (await self._gate.admit(credential, user)).caller

    async def _serve(self, client: Client, request: web.Request) -> None:
        """Add the socket to the feed of its user and read its frames; RequestError for an invalid token."""
        credential, user, caller = await self._admit(request)
        client.uid = caller.uid
        feed = self._feeds.setdefault(caller.uid, Feed(caller.uid, caller.db or ""))
        socket = Socket(client, credential, user, time.monotonic())
        feed.sockets.add(socket)
        try:
            if len(feed.sockets) > SOCKETS_PER_USER:
                await client.close(WSCloseCode.POLICY_VIOLATION, "too many sockets of one user")
                return
            await self._begin(feed)
            client.release([frame("ping")])
            await self._receive(socket)
        finally:
            await self._leave(socket, feed)

    async def _begin(self, feed: Feed) -> None:
        """Start the feed at the present, unless another socket has. Clients read the past from /changes."""
        async with feed.opening:
            if feed.loop is None:
                _, ((feed.rev, _),) = await self._read(feed, None)
                retry = (self._times.retry, self._times.retry)
                feed.loop = self._loops.add(
                    Loop(
                        "feed",
                        partial(self._send_events, feed),
                        every=self._times.poll,
                        retry=retry,
                        uid=feed.uid,
                    )
                )
                await self._change_feed.subscribe(feed.uid)

    async def _leave(self, socket: Socket, feed: Feed) -> None:
        feed.sockets.discard(socket)
        if feed.sockets or self._feeds.get(feed.uid) is not feed:
            return
        del self._feeds[feed.uid]
        if feed.loop is not None:
            self._loops.cancel(feed.loop)
        await self._change_feed.unsubscribe(feed.uid)

    async def _receive(self, socket: Socket) -> None:
        async for message in socket.client.ws:
            if not socket.client.frames.take(time.monotonic()):
                await socket.client.close(WSCloseCode.POLICY_VIOLATION, "too many frames")
            elif message.type is WSMsgType.TEXT:
                self._handle_frame(socket, message.data)

    def _handle_frame(self, socket: Socket, text: str) -> None:
        try:
            fields = orjson.loads(text)
        except ValueError:
            return
        if not isinstance(fields, dict):
            return
        action = fields.get("action")
        if action == "pong":
            socket.last_pong = time.monotonic()
        elif action in {"subscribe", "unsubscribe"}:
            self._change_filter(socket, str(action), fields)

    def _change_filter(self, socket: Socket, action: str, fields: dict[str, Any]) -> None:
        data = fields.get("data")
        events = fields.get("events", data.get("events") if isinstance(data, dict) else None)
        patterns = {e for e in events if isinstance(e, str)} if isinstance(events, list) else set()
        if not patterns or not all(PATTERN.fullmatch(p) for p in patterns):
            problem = "events must be a list of x.y, x.* or *"
        elif socket.filter.size + len(patterns) > MAX_PATTERNS:
            problem = f"a socket may have at most {MAX_PATTERNS} patterns"
        else:
            change = socket.filter.subscribe if action == "subscribe" else socket.filter.unsubscribe
            change(patterns)
            socket.send("subscribed", socket.filter.fields)
            return
        socket.send("error", {"code": "VALIDATION_ERROR", "message": problem})

    def _until_check(self, feed: Feed) -> float:
        """Return the seconds until the tokens must be checked."""
        return max(0.0, feed.checked_at + self._times.poll - time.monotonic())

    async def _send_events(self, feed: Feed) -> float:
        """Send new events, page by page; return the seconds until the tokens must be checked."""
        more = True
        while more and feed.sockets:
            if feed.check_access or not self._until_check(feed):
                await self._check_access(feed)
            event_rows, ((rev, more),) = await self._read(feed, feed.rev)
            for _, event, data in event_rows:
                self._emit(feed, event, data)
            # After a failover the new server may be behind.
            feed.rev = max(rev, feed.rev)
            await self._drain(feed)
        return self._until_check(feed)

    async def _read(self, feed: Feed, since: int | None) -> list[ResultSet]:
        """Return a page of events, from the user's present shard."""
        with suppress(EntityMovingError):
            return await self._db.call(feed.shard, "my_contact_events", feed.uid, since, PAGE)
        await self._check_access(feed)
        return await self._db.call(feed.shard, "my_contact_events", feed.uid, since, PAGE)

    def _emit(self, feed: Feed, event: str, data: str) -> None:
        name = FRAMES[event]
        if event == "deleted":
            data = f'{data.rstrip()[:-1]},"permanent":false}}'
        text = frame(name, data)
        for socket in list(feed.sockets):
            if socket.filter.wants(name):
                socket.client.say(text)

    async def _drain(self, feed: Feed) -> None:
        """Wait until the sockets have sent most of a page: several at once would exceed their queues."""
        until = time.monotonic() + self._times.drain
        # Polling costs less than an event for each frame.
        while time.monotonic() < until and any(s.client.waiting > PAGE for s in feed.sockets):  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _check_access(self, feed: Feed) -> None:
        """Close the sockets whose tokens have ended; update the shard of the user."""
        now = time.monotonic()
        feed.check_access = False
        expired = []
        try:
            for socket in list(feed.sockets):
                try:
                    admission = await self._gate.admit(socket.credential, socket.user)
                except RequestError:
                    expired.append(socket)
                else:
                    feed.shard = admission.caller.db or feed.shard
        except Exception:
            feed.check_access = True
            raise
        feed.checked_at = now
        # Their handlers remove them from the feed.
        await asyncio.gather(*(s.client.close(UNAUTHORIZED, "the token has ended") for s in expired))

    async def _find_ended(self) -> float:
        """Check the tokens of users of whom one has ended, or whose account was frozen."""
        sockets = [
            {"uid": feed.uid, "grant": socket.credential.grant or None, "key": socket.credential.key or None}
            for feed in self._feeds.values()
            for socket in feed.sockets
        ]
        if sockets:
            (uid_rows,) = await self._db.call("yp", "api_access_ended", encode(sockets))
            for (uid,) in uid_rows:
                self._on_change(uid, access=True)
        return self._times.access

    async def _ping(self) -> float:
        """Ping when due, and close expired and silent sockets; return the seconds until the next round."""
        now, wall = time.monotonic(), time.time()
        text = frame("ping") if now >= self._ping_due else ""
        self._ping_due = now + self._times.ping if text else self._ping_due
        closings = []
        for socket in self._sockets():
            if socket.credential.expiry is not None and socket.credential.expiry <= wall:
                closings.append(socket.client.close(UNAUTHORIZED, "the token has expired"))
            elif now >= socket.last_pong + self._times.pong_timeout:
                closings.append(socket.client.close(NO_PONG, "no pong"))
            elif text:
                socket.client.say(text)
        with suppress(Exception):
            await asyncio.gather(*closings)
        return max(0.0, min([self._ping_due, *self._pong_deadlines()]) - time.monotonic())

    def _pong_deadlines(self) -> list[float]:
        """Return when each open socket will have been silent for too long."""
        return [s.last_pong + self._times.pong_timeout for s in self._sockets() if not s.client.ws.closed]

    def _sockets(self) -> list[Socket]:
        return [socket for feed in self._feeds.values() for socket in feed.sockets]


def frame(event: str, data: str | None = None) -> str:
    """Return the text of a frame: the event, its data (JSON text) and the time of sending."""
    middle = f',"data":{data}' if data is not None else ""
    return f'{{"event":"{event}"{middle},"timestamp":"{wire_time(datetime.now(UTC))}"}}'
