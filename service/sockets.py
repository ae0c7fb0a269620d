"""The WebSocket endpoint `/-/websocket/` (contract 2.1-2.4) and the sockets this process holds."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from service import metrics
from service.database import Database, document
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, RequestError
from service.presence import Presence
from service.push import Pusher
from service.ratelimit import Bucket
from service.request import origin_allowed, read_args
from service.rooms import tell_left
from service.session import session_id
from service.settings import Settings
from service.tasks import Background

log = logging.getLogger(__name__)

PROTOCOL = "service"
MAX_FRAME = 5000
ANONYMOUS = ""
"""Stands for the session of those who have none."""


class Client:
    """One WebSocket: a bounded queue of frames, written by a task that lives only while there are any."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, settings: Settings) -> None:
        self.id = secrets.token_hex(12)
        self.frames = Bucket(settings.socket_frames, time.monotonic())
        self.session: str | None = None
        self.active = True
        self.ws = ws
        self.uid: str | None = None
        self.user: dict[str, Any] = {}
        self._transport = request.transport
        self._limit = settings.socket_queue
        self._queue: deque[str] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._held = True

    def release(self, hello: str) -> None:
        """Send the first frame, then whatever arrived before it."""
        self._held = False
        self._queue.appendleft(hello)
        self._start()

    def send(self, frame: str) -> None:
        """Queue a frame; a client that does not keep up is disconnected."""
        if self.ws.closed:
            return
        self._queue.append(frame)
        metrics.FRAMES.inc()
        if len(self._queue) > self._limit:
            self._disconnect()
        else:
            self._start()

    @property
    def waiting(self) -> int:
        """Frames that are queued."""
        return len(self._queue)

    def _start(self) -> None:
        if self._writer is None and not self._held:
            self._writer = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._queue:
                await self.ws.send_str(self._queue.popleft())
        except (ConnectionError, RuntimeError):
            self._queue.clear()
        finally:
            self._writer = None

    def _disconnect(self) -> None:
        log.warning(
            "socket too slow, disconnected",
            extra={"socket": self.id, "uid": self.uid, "waiting": len(self._queue)},
        )
        metrics.SLOW_SOCKETS.inc()
        self._queue.clear()
        # a close frame would wait behind what the client does not read
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and close."""
        with suppress(ConnectionError, RuntimeError, TimeoutError):
            await asyncio.wait_for(self.ws.close(code=code, message=reason.encode()), 2)


class Sockets:
    """All WebSockets of this process."""

    def __init__(
        self,
        settings: Settings,
        db: Database,
        pusher: Pusher,
        presence: Presence,
        background: Background,
    ) -> None:
        self._settings = settings
        self._db = db
        self._pusher = pusher
        self._presence = presence
        self._background = background
        self._clients: dict[str, Client] = {}
        self._of_session: Counter[str] = Counter()
        self._leftovers: set[str] = set()
        self._keepalive: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send sys.keepalive."""
        self._keepalive = asyncio.create_task(self._keep_alive())

    async def stop(self) -> None:
        """Close every socket: the process goes away."""
        if self._keepalive is not None:
            self._keepalive.cancel()
        await self.close_all(WSCloseCode.GOING_AWAY, "the server restarts")

    async def close_all(self, code: int, reason: str) -> None:
        """Close every socket with the same words."""
        await asyncio.gather(*(c.close(code, reason) for c in list(self._clients.values())))

    async def close_some(self, socket_ids: Iterable[str]) -> None:
        """Close the sockets of a session that has ended."""
        clients = [c for i in socket_ids if (c := self._clients.get(i))]
        await asyncio.gather(*(c.close(WSCloseCode.POLICY_VIOLATION, "signed out") for c in clients))

    def deliver(self, socket_ids: list[str], frame: str) -> None:
        """Queue one frame for each of the given sockets that we hold."""
        for socket_id in socket_ids:
            client = self._clients.get(socket_id)
            if client is not None:
                client.send(frame)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp handler of the endpoint."""
        if not origin_allowed(request, self._settings):
            return web.json_response({"error": "FORBIDDEN_ORIGIN", "status": 403}, status=403)
        ws = web.WebSocketResponse(
            protocols=(PROTOCOL,), heartbeat=self._settings.socket_keepalive, max_msg_size=64 * 1024
        )
        if not ws.can_prepare(request):
            return web.json_response({"error": "WEBSOCKET_EXPECTED", "status": 426}, status=426)
        try:
            args = await read_args(request)
        except RequestError:
            args = {}
        await ws.prepare(request)
        client = Client(ws, request, self._settings)
        self._clients[client.id] = client
        metrics.SOCKETS.inc()
        try:
            if await self._bind(client, request, args):
                await self._receive(client)
        finally:
            del self._clients[client.id]
            metrics.SOCKETS.dec()
            self._forget_session(client.session)
            if client.uid is not None:
                # finished even when the process is told to stop in the middle of it
                self._background.start(self.lose(client.id))
        return ws

    async def lose(self, socket_id: str) -> None:
        """The connection is gone. In a room it keeps its place for a while; the contacts are told at once."""
        if self._settings.socket_grace == 0:
            await self.forget(socket_id)
            return
        self._leftovers.add(socket_id)
        (person,) = await self._db.call("yp", "socket_lose", socket_id)
        self._leftovers.discard(socket_id)
        for uid, shard, kept in person:
            self._presence.changed(uid, shard)
            if kept:
                # should this process end before, the heartbeat of another one does it
                self._background.later(self._settings.socket_grace, lambda: self.forget(socket_id))

    async def forget(self, socket_id: str) -> None:
        """The socket will not come back: its rooms and its person's contacts are told."""
        self._leftovers.add(socket_id)
        *rooms, person = await self._db.call("yp", "socket_free", socket_id)
        self._leftovers.discard(socket_id)
        tell_left(self._pusher, rooms)
        for uid, shard in person:
            self._presence.changed(uid, shard)

    async def forget_leftovers(self) -> None:
        """Sockets that closed while the database was away."""
        for socket_id in list(self._leftovers):
            await self.forget(socket_id)

    async def _bind(self, client: Client, request: web.Request, args: dict[str, Any]) -> bool:
        """Bind to the session and send sys.hello, the first frame; False when the socket is of no use."""
        sid = session_id(request, self._settings, args)
        token = args.get("otak")
        token = token[:64] if isinstance(token, str) and token.isascii() else None
        if not (sid or token):
            return await self._admit_anonymous(client)
        try:
            *rooms, result = await self._db.call(
                "yp", "socket_bind", client.id, sid, token, self._pusher.node
            )
        except (DatabaseUnavailableError, DatabaseTimeoutError):
            await self._refuse(client, WSCloseCode.TRY_AGAIN_LATER, "the database is not available")
            return False
        bound = document(result)
        if bound is None:
            return await self._admit_anonymous(client)
        client.uid, client.user = bound["uid"], bound["user"]
        tell_left(self._pusher, rooms)
        if not self._admit(client, bound["session"], self._settings.session_sockets):
            await self._refuse(client, WSCloseCode.POLICY_VIOLATION, "too many sockets of this session")
            return False
        hello = {
            "socket_id": client.id,
            "main_domain": self._settings.public_host,
            "user": bound["user"],
        }
        client.release(_frame("sys.hello", hello))
        if bound["first"] or rooms:
            self._presence.changed(client.uid, bound["db"])
        return True

    async def _admit_anonymous(self, client: Client) -> bool:
        """Without a session the socket stays open, as the frontend expects, and hears nothing."""
        if not self._admit(client, ANONYMOUS, self._settings.anonymous_sockets):
            await self._refuse(client, WSCloseCode.TRY_AGAIN_LATER, "too many sockets without a session")
            return False
        client.release(_frame("sys.handshake", {"error": "no session"}))
        return True

    def _admit(self, client: Client, session: str, limit: int) -> bool:
        """Whether the session may have one more socket in this process."""
        client.session = session
        self._of_session[session] += 1
        return self._of_session[session] <= limit

    def _forget_session(self, session: str | None) -> None:
        if session is not None:
            self._of_session[session] -= 1
            if not self._of_session[session]:
                del self._of_session[session]

    async def _refuse(self, client: Client, code: int, reason: str) -> None:
        metrics.REFUSED_SOCKETS.labels(reason).inc()
        client.release(_frame("sys.handshake", {"error": reason}))
        await client.close(code, reason)

    async def _receive(self, client: Client) -> None:
        async for message in client.ws:
            if not client.frames.take(time.monotonic()):
                log.warning("socket sends too much", extra={"socket": client.id, "uid": client.uid})
                metrics.REFUSED_SOCKETS.labels("too many frames").inc()
                await client.close(WSCloseCode.POLICY_VIOLATION, "too many frames")
                return
            if message.type is WSMsgType.TEXT and len(message.data) <= MAX_FRAME:
                # what can be read can be nested too deep to be echoed
                with suppress(TypeError):
                    await self._frame(client, message.data)

    async def _frame(self, client: Client, text: str) -> None:
        name, data = _parse(text)
        if name == "sys.ping":
            await self._ping(client, data)
        elif name in {"sys.hello", "hello"} and client.uid is not None:
            client.send(_frame("sys.hello", {**data, "socket_id": client.id, "user": client.user}))
        elif name in {"sys.bind", "bind"} and client.uid is not None:
            client.send(
                _frame("sys.socket_bound", {**client.user, "socket_id": client.id, "uid": client.uid})
            )

    async def _ping(self, client: Client, data: dict[str, Any]) -> None:
        kind = str(data.get("type"))
        if kind == "checkConnection":
            client.send(_frame("sys.ping", {"ok": 1}))
        elif kind in {"publishOnlineStatus", "publishOfflineStatus"}:
            await self._set_state(client, active=kind == "publishOnlineStatus")
        elif kind not in {"debug", "showConnections"}:
            client.send(_frame("sys.ping", {**data, "ok": 1}))

    async def _set_state(self, client: Client, *, active: bool) -> None:
        if client.active == active:
            return
        client.active = active
        with suppress(DatabaseUnavailableError, DatabaseTimeoutError):
            (result,) = await self._db.call("yp", "socket_set_state", client.id, int(active))
            for uid, shard in result:
                self._presence.changed(uid, shard)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._settings.socket_keepalive)
            frame = _frame("sys.keepalive", {"timestamp": int(time.time() * 1000)})
            for number, client in enumerate(list(self._clients.values())):
                client.send(frame)
                if number % 200 == 199:
                    await asyncio.sleep(0)


def _frame(service: str, data: dict[str, Any]) -> str:
    return orjson.dumps({"service": service, "data": data}).decode()


def _parse(text: str) -> tuple[str, dict[str, Any]]:
    """(service, data) of `[service, data]` or `{service, data}`; ("", {}) for anything else."""
    try:
        frame = orjson.loads(text)
    except ValueError:
        return "", {}
    if isinstance(frame, dict):
        frame = [frame.get("service"), frame.get("data")]
    if not (isinstance(frame, list) and frame and isinstance(frame[0], str)):
        return "", {}
    data = frame[1] if len(frame) > 1 else None
    return frame[0], data if isinstance(data, dict) else {}
