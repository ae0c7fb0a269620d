"""`/ws`: frames for everything that happens to the contacts of the person whose token it is.

What to send is read from the feed of his shard (`my_contact_events`), in order and from where the last frame
stood. A note on Redis says only that there is something to read; one that is lost heals with the next one, or
after `Times.look` at the latest.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from service import metrics
from service.database import Database, ResultSet
from service.dialects.rest.envelope import failure
from service.dialects.rest.errors import ApiError
from service.dialects.rest.frames import FRAMES
from service.dialects.rest.notes import KEYS, Notes
from service.dialects.rest.times import wire_time
from service.dialects.rest.tokens import Credential, Gate, bearer
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, EntityMovingError
from service.push import Pusher
from service.ratelimit import RateLimit
from service.request import origin_allowed
from service.session import client_address
from service.settings import Settings
from service.sockets import Client

log = logging.getLogger(__name__)

UNAUTHORIZED = 4401
NO_PONG = 4408
SOCKETS_PER_PERSON = 32
PATTERNS = 64
PAGE = 100
MAX_FRAME = 8192
PATTERN = re.compile(r"\*|[a-z_]{1,32}\.(\*|[a-z_]{1,32})")


@dataclass(frozen=True)
class Times:
    """Seconds."""

    ping: float = 30
    patience: float = 90
    """Without a pong for so long, a socket is closed."""
    look: float = 60
    """How long a lost note, or a token that ended without one, may go unnoticed."""
    retry: float = 2
    """How soon what the database did not answer is asked again."""
    drain: float = 10
    """How long a page waits for sockets that read slowly before it is queued after all."""


class Filter:
    """Which events a socket wants; all until it says otherwise. What it has said last counts."""

    def __init__(self) -> None:
        self._said: dict[str, bool] = {"*": True}
        """Patterns, the latest last, and whether their events are wanted."""
        self._chosen = False

    def subscribe(self, patterns: set[str]) -> None:
        """Want these, besides those asked for before; the first time, these only."""
        if not self._chosen:
            self._said, self._chosen = {}, True
        self._say(patterns, wanted=True)

    def unsubscribe(self, patterns: set[str]) -> None:
        """Want these no more."""
        self._say(patterns, wanted=False)
        self._chosen |= "*" in patterns

    def _say(self, patterns: set[str], *, wanted: bool) -> None:
        kept = {p: w for p, w in self._said.items() if not any(_covers(new, p) for new in patterns)}
        self._said = {**kept, **dict.fromkeys(sorted(patterns), wanted)}
        if not any(self._said.values()):
            self._said = {}

    def wants(self, event: str) -> bool:
        """Whether an event is to be sent."""
        return next((w for p, w in reversed(self._said.items()) if _covers(p, event)), False)

    @property
    def fields(self) -> dict[str, list[str]]:
        """What is wanted and, if there is any, what is not although a wanted pattern has it."""
        wanted = sorted(p for p, w in self._said.items() if w)
        unwanted = sorted(p for p, w in self._said.items() if not w)
        return {"events": wanted, "except": unwanted} if unwanted else {"events": wanted}

    @property
    def size(self) -> int:
        """How many patterns it holds."""
        return len(self._said)


@dataclass(eq=False)
class Socket:
    """One WebSocket of this API."""

    client: Client
    credential: Credential
    user: str | None
    """X-Claw-User-Id it came with."""
    seen: float
    """When it was heard of last, by the clock of the event loop."""
    filter: Filter = field(default_factory=Filter)

    def send(self, event: str, fields: dict[str, Any]) -> None:
        """Queue a frame."""
        self.client.send(frame(event, orjson.dumps(fields).decode() if fields else None))


class Feed:
    """The sockets of one person in this process, and how far they have been told."""

    def __init__(self, uid: str, shard: str) -> None:
        self.uid = uid
        self.shard = shard
        self.rev = 0
        self.sockets: set[Socket] = set()
        self.news = asyncio.Event()
        self.check_access = False
        self.checked = time.monotonic()
        """When every token was last found to be good."""
        self.opening = asyncio.Lock()
        self.task: asyncio.Task[None] | None = None

    def wake(self, *, access: bool = False) -> None:
        """There is something to read, or somebody may have lost his right to."""
        self.check_access |= access
        self.news.set()


class LiveApi:
    """Answers `/ws`."""

    def __init__(
        self, settings: Settings, db: Database, pusher: Pusher, gate: Gate, limit: RateLimit, times: Times
    ) -> None:
        self._settings = settings
        self._db = db
        self._gate = gate
        self._limit = limit
        self._times = times
        self._feeds: dict[str, Feed] = {}
        self._notes = Notes(settings, pusher, self._noted, lambda: list(self._feeds))
        self._pinger: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen and to ping."""
        self._notes.start()
        self._pinger = asyncio.create_task(self._ping_forever())

    async def stop(self) -> None:
        """Close every socket: the process goes away."""
        if self._pinger is not None:
            self._pinger.cancel()
        await self._notes.stop()
        await asyncio.gather(
            *(s.client.close(WSCloseCode.GOING_AWAY, "the server restarts") for s in self._sockets())
        )

    def access_changed(self, uid: str) -> None:
        """Tell every process that a sign-in of this person has ended."""
        self._notes.publish(uid, access=True)

    def _noted(self, uid: str, access: bool) -> None:
        if uid == KEYS:
            for each in self._feeds.values():
                if any(socket.credential.key for socket in each.sockets):
                    each.wake(access=True)
            return
        feed = self._feeds.get(uid)
        if feed is not None:
            feed.wake(access=access)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp handler of the endpoint."""
        refusal = self._refusal(request)
        if refusal is not None:
            return failure(refusal)
        ws = web.WebSocketResponse(max_msg_size=MAX_FRAME)
        if not ws.can_prepare(request):
            return failure(ApiError("UPGRADE_REQUIRED", "This is a WebSocket"))
        await ws.prepare(request)
        client = Client(ws, request, self._settings)
        metrics.SOCKETS.inc()
        try:
            await self._serve(client, request)
        except ApiError as exc:
            self._limit.take(f"guess {client_address(request, self._settings)}")
            await client.close(UNAUTHORIZED, exc.message)
        except (DatabaseUnavailableError, DatabaseTimeoutError):
            await client.close(WSCloseCode.TRY_AGAIN_LATER, "the database is not available")
        finally:
            metrics.SOCKETS.dec()
        return ws

    def _refusal(self, request: web.Request) -> ApiError | None:
        if not origin_allowed(request, self._settings):
            return ApiError("FORBIDDEN", "Pages of this origin may not connect")
        guesser = f"guess {client_address(request, self._settings)}"
        if self._limit.exhausted(guesser):
            retry = self._limit.take(guesser).headers
            return ApiError("RATE_LIMITED", "Too many requests without a valid token", headers=retry)
        return None

    async def _serve(self, client: Client, request: web.Request) -> None:
        """Put the socket among those of its person, and listen to it; ApiError when the token is no good."""
        user = request.headers.get("X-Claw-User-Id") or request.query.get("user_id")
        credential = await self._gate.read(bearer(request, query=True))
        caller = (await self._gate.admit(credential, user)).caller
        client.uid = caller.uid
        feed = self._feeds.setdefault(caller.uid, Feed(caller.uid, caller.db or ""))
        socket = Socket(client, credential, user, time.monotonic())
        feed.sockets.add(socket)
        try:
            if len(feed.sockets) > SOCKETS_PER_PERSON:
                await client.close(WSCloseCode.POLICY_VIOLATION, "too many sockets of one person")
                return
            await self._begin(feed)
            client.release(frame("ping"))
            await self._receive(socket)
        finally:
            await self._leave(socket, feed)

    async def _begin(self, feed: Feed) -> None:
        """Begin at the present, unless another socket has: other calls tell the past."""
        async with feed.opening:
            if feed.task is None:
                _, ((feed.rev, _),) = await self._read(feed, None)
                feed.task = asyncio.create_task(self._tell_forever(feed))
                await self._notes.subscribe(feed.uid)

    async def _leave(self, socket: Socket, feed: Feed) -> None:
        feed.sockets.discard(socket)
        if feed.sockets or self._feeds.get(feed.uid) is not feed:
            return
        del self._feeds[feed.uid]
        if feed.task is not None:
            feed.task.cancel()
        await self._notes.unsubscribe(feed.uid)

    # --- what clients say ------------------------------------------------------------------------

    async def _receive(self, socket: Socket) -> None:
        async for message in socket.client.ws:
            if not socket.client.frames.take(time.monotonic()):
                await socket.client.close(WSCloseCode.POLICY_VIOLATION, "too many frames")
            elif message.type is WSMsgType.TEXT:
                self._frame(socket, message.data)

    def _frame(self, socket: Socket, text: str) -> None:
        try:
            given = orjson.loads(text)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return
        action = given.get("action")
        if action == "pong":
            socket.seen = time.monotonic()
        elif action in {"subscribe", "unsubscribe"}:
            self._change_filter(socket, str(action), given)

    def _change_filter(self, socket: Socket, action: str, given: dict[str, Any]) -> None:
        data = given.get("data")
        events = given.get("events", data.get("events") if isinstance(data, dict) else None)
        patterns = {e for e in events if isinstance(e, str)} if isinstance(events, list) else set()
        if not patterns or not all(PATTERN.fullmatch(p) for p in patterns):
            why = "events is a list of x.y, x.* or *"
        elif socket.filter.size + len(patterns) > PATTERNS:
            why = f"a socket has at most {PATTERNS} patterns"
        else:
            change = socket.filter.subscribe if action == "subscribe" else socket.filter.unsubscribe
            change(patterns)
            socket.send("subscribed", socket.filter.fields)
            return
        socket.send("error", {"code": "VALIDATION_ERROR", "message": why})

    # --- what they are told ----------------------------------------------------------------------

    async def _tell_forever(self, feed: Feed) -> None:
        while True:
            pause = self._times.retry
            try:
                await self._tell(feed)
                pause = self._until_check(feed)
            except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
                log.warning("feed not read", extra={"uid": feed.uid, "error": str(exc)})
            except Exception:
                log.exception("feed not read", extra={"uid": feed.uid})
            with suppress(TimeoutError):
                await asyncio.wait_for(feed.news.wait(), pause)
            feed.news.clear()

    def _until_check(self, feed: Feed) -> float:
        """Seconds until the tokens are due, however much there is to tell."""
        return max(0.0, feed.checked + self._times.look - time.monotonic())

    async def _tell(self, feed: Feed) -> None:
        """Send what is new, page by page."""
        more = True
        while more and feed.sockets:
            if feed.check_access or not self._until_check(feed):
                await self._check_access(feed)
            found, ((rev, more),) = await self._read(feed, feed.rev)
            for _, event, data in found:
                self._emit(feed, event, data)
            # a server that has taken over may be behind
            feed.rev = max(rev, feed.rev)
            await self._drain(feed)

    async def _read(self, feed: Feed, since: int | None) -> list[ResultSet]:
        """A page of the feed, from the shard where its person lives now."""
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
                socket.client.send(text)

    async def _drain(self, feed: Feed) -> None:
        """A long page after a long page would throw out whoever reads at an ordinary pace."""
        until = time.monotonic() + self._times.drain
        # an event for each frame written would cost more
        while time.monotonic() < until and any(s.client.waiting > PAGE for s in feed.sockets):  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def _check_access(self, feed: Feed) -> None:
        """Close the sockets whose token is good for nothing any more; learn where their person lives."""
        now = time.monotonic()
        feed.check_access = False
        ended = []
        try:
            for socket in list(feed.sockets):
                try:
                    admitted = await self._gate.admit(socket.credential, socket.user)
                except ApiError:
                    ended.append(socket)
                else:
                    feed.shard = admitted.caller.db or feed.shard
        except Exception:
            feed.check_access = True
            raise
        feed.checked = now
        # their handlers take them out of the feed
        await asyncio.gather(*(s.client.close(UNAUTHORIZED, "the token has ended") for s in ended))

    async def _ping_forever(self) -> None:
        due = time.monotonic() + self._times.ping
        while True:
            await asyncio.sleep(max(0.0, min([due, *self._limits()]) - time.monotonic()))
            now, wall = time.monotonic(), time.time()
            text = frame("ping") if now >= due else ""
            due = now + self._times.ping if text else due
            gone = []
            for socket in self._sockets():
                if socket.credential.expiry is not None and socket.credential.expiry <= wall:
                    gone.append(socket.client.close(UNAUTHORIZED, "the token has expired"))
                elif now >= socket.seen + self._times.patience:
                    gone.append(socket.client.close(NO_PONG, "no pong"))
                elif text:
                    socket.client.send(text)
            with suppress(Exception):
                await asyncio.gather(*gone)

    def _limits(self) -> list[float]:
        """When the open sockets will have been silent for too long; for one that opens now that is later."""
        return [s.seen + self._times.patience for s in self._sockets() if not s.client.ws.closed]

    def _sockets(self) -> list[Socket]:
        return [socket for feed in self._feeds.values() for socket in feed.sockets]


def frame(event: str, data: str | None = None) -> str:
    """A frame: the event, its data (JSON), and when it was sent."""
    middle = f',"data":{data}' if data is not None else ""
    return f'{{"event":"{event}"{middle},"timestamp":"{wire_time(datetime.now(UTC))}"}}'


def _covers(pattern: str, event: str) -> bool:
    return pattern in {"*", event} or (pattern.endswith(".*") and event.startswith(pattern[:-1]))
