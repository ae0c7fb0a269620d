"""The WebSocket endpoint and the sockets of this process (docs/frontend-contract.md#websocket-frames)."""

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
from service.auth.session import NOBODY, session_id
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, RequestError, TooManyCallsError
from service.live.anonymous import AnonymousPlaces
from service.live.handover import Handover
from service.live.lookups import SessionLookups
from service.live.push import live_update
from service.live.resources import Resources
from service.live.rooms import notify_departures
from service.loops import Loop
from service.settings import Settings
from service.store.database import document
from service.store.shares import SharedCaller
from service.web.address import client_key
from service.web.deadline import deadline
from service.web.origin import origin_allowed
from service.web.ratelimit import Bucket
from service.web.request import read_args

log = logging.getLogger(__name__)

PROTOCOL = "service"
MAX_FRAME = 5000
CLOSE_SECONDS = 2
"""Longest wait for a client that does not read, or does not answer a close frame."""


class Client:
    """One WebSocket with a bounded queue of frames; its writing task lives only while there are any."""

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
        self._transport = request.transport
        self._limit = settings.socket_queue
        self._queue: deque[str] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._held = True

    def release(self, hello: str) -> None:
        """Send the first frame, then the frames that were queued before it."""
        self._held = False
        self._queue.appendleft(hello)
        self._start()

    def send(self, frame: str) -> None:
        """Queue a frame; disconnect a client that does not keep up."""
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
        """Number of queued frames."""
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
        # A close frame would wait behind the frames that the client does not read.
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int, reason: str) -> None:
        """Send the queued frames and a close frame; wait at most 2 s for each of the two."""
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=CLOSE_SECONDS)
        with suppress(ConnectionError, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.ws.close(code=code, message=reason.encode())


class Sockets:
    """All WebSockets of this process."""

    def __init__(self, resources: Resources) -> None:
        self._settings, self._db, self._pusher = resources.settings, resources.db, resources.pusher
        self._presence, self._background = resources.presence, resources.background
        self._loops, self._shares = resources.loops, resources.shares
        self._clients: dict[str, Client] = {}
        self._counts: Counter[str] = Counter()
        """Number of sockets in this process, by session and by person."""
        self._anonymous: AnonymousPlaces[Client] = AnonymousPlaces(
            self._settings.anonymous_sockets, self._settings.anonymous_sockets_address
        )
        self._lookups = SessionLookups(self._settings.socket_lookups)
        self._disconnected: set[str] = set()
        """Ids of sockets that closed, and of which the database may not know yet."""
        self._keepalive: Loop | None = None
        self._handover = Handover(self._db, self._pusher)
        self._has_successors = False

    def start(self) -> None:
        """Start to send sys.keepalive."""
        every = float(self._settings.socket_keepalive)
        self._keepalive = self._loops.add(Loop("keepalive", self._keep_alive, every=every, pause=every))

    def expect_successors(self) -> None:
        """Note that another process takes over the sockets when this one stops."""
        self._has_successors = True

    async def stop(self) -> None:
        """Close every socket, because the process ends.

        Frames that arrive while tabs reconnect to another process are passed on.
        """
        await self._loops.stop(self._keepalive)
        if self._has_successors:
            self._handover.expect([client.id for client in self._clients.values() if client.uid is not None])
        await self.close_all(WSCloseCode.GOING_AWAY, "the server restarts")
        await self._handover.run()

    async def close_all(self, code: int, reason: str) -> None:
        """Close every socket with the same code and reason."""
        await asyncio.gather(*(client.close(code, reason) for client in list(self._clients.values())))

    async def sign_out(self, socket_ids: Iterable[str]) -> None:
        """Send drumate.logout to those of the sockets that this process holds, and close them.

        Their session has ended, in whatever way. A tab that is only closed would reconnect, and go on to
        show names and a conversation, with its microphone open.
        """
        clients = [client for socket_id in socket_ids if (client := self._clients.get(socket_id))]
        for client in clients:
            client.send(live_update("drumate.logout", {"uid": client.uid}).decode())
        await asyncio.gather(
            *(client.close(WSCloseCode.POLICY_VIOLATION, "signed out") for client in clients)
        )

    async def rebind(self, socket_ids: Iterable[str]) -> None:
        """Look up whose those of the sockets are that this process holds: a visitor is somebody now."""
        for socket_id in socket_ids:
            client = self._clients.get(socket_id)
            if client is not None:
                await self._refresh(client)

    async def _refresh(self, client: Client) -> None:
        """Look up whose a socket is; from then on it counts as that person's, and not as a visitor's."""
        with suppress(DatabaseUnavailableError, DatabaseTimeoutError):
            async with self._shares.place(str(client.session), may_refuse=False):
                (user_rows,) = await self._db.call("yp", "socket_user", client.id)
            bound = document(user_rows)
            # It may have been closed meanwhile.
            if bound is None or client.id not in self._clients:
                return
            client.user = bound["user"]
            if (client.uid, client.session) != (bound["uid"], bound["session"]):
                self._release(client)
                client.uid = bound["uid"]
                whose = self._admit(client, bound["session"])
                if whose:
                    await client.close(WSCloseCode.POLICY_VIOLATION, f"too many sockets of {whose}")
                self._presence.changed(bound["uid"], bound["db"])

    def deliver(self, socket_ids: list[str], frame: str) -> None:
        """Queue one frame for each of the sockets that this process holds."""
        for socket_id in socket_ids:
            client = self._clients.get(socket_id)
            if socket_id in self._handover:
                self._handover.take(socket_id, frame)
            elif client is not None:
                client.send(frame)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve a WebSocket until it closes; the aiohttp handler of the endpoint."""
        if not origin_allowed(request, self._settings):
            return web.json_response({"error": "FORBIDDEN_ORIGIN", "status": 403}, status=403)
        # No compression: a deflate window costs 92 KB per socket and half as much time again per frame.
        ws = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            heartbeat=self._settings.socket_keepalive,
            max_msg_size=64 * 1024,
            compress=False,
        )
        if not ws.can_prepare(request):
            return web.json_response({"error": "WEBSOCKET_EXPECTED", "status": 426}, status=426)
        try:
            args = await read_args(request)
        except RequestError:
            args = {}
        sid, token = session_id(request, self._settings, args), _token(args)
        address = client_key(request, self._settings)
        if (sid or token) and not self._lookups.take(address, sid):
            metrics.REFUSED_SOCKETS.labels("too many sessions that do not exist").inc()
            headers = {"Retry-After": "1"}
            return web.json_response({"error": "RATE_LIMITED", "status": 429}, status=429, headers=headers)
        await ws.prepare(request)
        client = Client(ws, request, self._settings)
        self._clients[client.id] = client
        metrics.SOCKETS.inc()
        try:
            if await self._bind(client, request, sid, token):
                await self._receive(client)
        finally:
            del self._clients[client.id]
            metrics.SOCKETS.dec()
            self._release(client)
            # While its frames are passed on it stays registered; `socket_retire` removes what remains.
            if client.uid is not None and client.id not in self._handover:
                # In the background, so that it completes even when the process is stopping.
                self._background.start(self.disconnect(client.id))
        return ws

    async def disconnect(self, socket_id: str) -> None:
        """Keep the socket's places in rooms for the grace period; notify the user's contacts at once."""
        if self._settings.socket_grace == 0:
            await self.free(socket_id)
            return
        self._disconnected.add(socket_id)
        (user_rows,) = await self._db.call("yp", "socket_lose", socket_id)
        self._disconnected.discard(socket_id)
        for uid, shard, is_attendee in user_rows:
            self._presence.changed(uid, shard)
            if is_attendee:
                # If this process ends before, the heartbeat of another one frees the socket.
                self._background.later(self._settings.socket_grace, lambda: self.free(socket_id))

    async def free(self, socket_id: str) -> None:
        """Take the socket out of its rooms and the registry; notify the rooms and the user's contacts."""
        self._disconnected.add(socket_id)
        *room_changes, user_rows = await self._db.call("yp", "socket_free", socket_id)
        self._disconnected.discard(socket_id)
        notify_departures(self._pusher, room_changes)
        for uid, shard in user_rows:
            self._presence.changed(uid, shard)

    async def free_disconnected(self) -> None:
        """Free the sockets that closed while the database was down.

        A socket that cannot be freed does not stop the others: the last error is raised at the end.
        """
        failure: Exception | None = None
        for socket_id in list(self._disconnected):
            try:
                await self.free(socket_id)
            except Exception as exc:
                failure = exc
        if failure is not None:
            raise failure

    async def _bind(self, client: Client, request: web.Request, sid: str | None, token: str | None) -> bool:
        """Bind to the session and send sys.hello, the first frame; False when the socket is refused."""
        if not (sid or token):
            return await self._admit_anonymous(client, request)
        calls = SharedCaller(self._db, self._shares, sid or client_key(request, self._settings))
        try:
            async with deadline(self._settings.request_timeout):
                *room_changes, bound_rows = await calls.call(
                    "yp", "socket_bind", client.id, sid, token, self._pusher.node
                )
        except (DatabaseUnavailableError, DatabaseTimeoutError, TooManyCallsError, TimeoutError):
            self._lookups.give_back(client_key(request, self._settings))
            await self._refuse(client, WSCloseCode.TRY_AGAIN_LATER, "the database is not available")
            return False
        bound = document(bound_rows)
        self._lookups.ended(client_key(request, self._settings), sid, is_known=bound is not None)
        if bound is None:
            return await self._admit_anonymous(client, request)
        client.uid, client.user = bound["uid"], bound["user"]
        notify_departures(self._pusher, room_changes)
        if client.uid == NOBODY and not await self._take_place(client, request):
            return False
        whose = self._admit(client, bound["session"])
        if whose:
            await self._refuse(client, WSCloseCode.POLICY_VIOLATION, f"too many sockets of {whose}")
            return False
        hello = {
            "socket_id": client.id,
            "main_domain": self._settings.public_host,
            "user": bound["user"],
        }
        client.release(_frame("sys.hello", hello))
        if bound["first"] or room_changes:
            self._presence.changed(client.uid, bound["db"])
        return True

    async def _admit_anonymous(self, client: Client, request: web.Request) -> bool:
        """Keep a socket without a session open, as the frontend expects; it receives no live updates."""
        if not await self._take_place(client, request):
            return False
        client.release(_frame("sys.handshake", {"error": "no session"}))
        return True

    async def _take_place(self, client: Client, request: web.Request) -> bool:
        """Give somebody who is not signed in one of the places for them; False when the socket is refused."""
        is_admitted, displaced = self._anonymous.take(client, client_key(request, self._settings))
        if displaced is not None:
            self._background.start(displaced.close(WSCloseCode.TRY_AGAIN_LATER, "others need this place"))
        if not is_admitted:
            await self._refuse(client, WSCloseCode.TRY_AGAIN_LATER, "too many sockets without a session")
        return is_admitted

    def _admit(self, client: Client, session: str) -> str | None:
        """Count one more socket in this process; return whose it is one too many, None when it is not."""
        settings = self._settings
        client.session = session
        limits = {f"session {session}": ("this session", settings.session_sockets)}
        if client.uid != NOBODY:
            limits[f"person {client.uid}"] = ("this person", settings.person_sockets)
        client.counted = tuple(limits)
        self._counts.update(client.counted)
        for key, (whose, limit) in limits.items():
            if self._counts[key] > limit:
                return whose
        return None

    def _release(self, client: Client) -> None:
        for key in client.counted:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
        self._anonymous.release(client)

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
                # orjson parses deeper nesting than it serializes: an echo may raise TypeError.
                with suppress(TypeError):
                    await self._handle_frame(client, message.data)

    async def _handle_frame(self, client: Client, text: str) -> None:
        name, data = _parse(text)
        if name == "sys.ping":
            await self._ping(client, data)
            return
        if client.uid is None or name not in {"sys.hello", "hello", "sys.bind", "bind"}:
            return
        if not client.user.get("signed_in"):
            # A visitor becomes a guest or a user, and a guest gets a name.
            await self._refresh(client)
        if name in {"sys.hello", "hello"}:
            client.send(_frame("sys.hello", {**data, "socket_id": client.id, "user": client.user}))
        else:
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
            # A call without an answer is never refused: it waits.
            async with self._shares.place(str(client.session), may_refuse=False):
                (user_rows,) = await self._db.call("yp", "socket_set_state", client.id, int(active))
            for uid, shard in user_rows:
                self._presence.changed(uid, shard)

    async def _keep_alive(self) -> float:
        frame = _frame("sys.keepalive", {"timestamp": int(time.time() * 1000)})
        for number, client in enumerate(list(self._clients.values())):
            client.send(frame)
            if number % 200 == 199:
                await asyncio.sleep(0)
        return self._settings.socket_keepalive


def _token(args: dict[str, Any]) -> str | None:
    """Return the one-time token of a request."""
    token = args.get("otak")
    return token[:64] if isinstance(token, str) and token.isascii() else None


def _frame(service: str, data: dict[str, Any]) -> str:
    return orjson.dumps({"service": service, "data": data}).decode()


def _parse(text: str) -> tuple[str, dict[str, Any]]:
    """Return (service, data) of `[service, data]` or `{service, data}`; ("", {}) for anything else."""
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
