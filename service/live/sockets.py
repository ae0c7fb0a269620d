"""The WebSocket endpoint and the sockets of this process (docs/frontend-contract.md#websocket-frames)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from service import metrics
from service.auth.session import NOBODY, session_id
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, RequestError, TooManyCallsError
from service.live.anonymous import AnonymousPlaces
from service.live.arrivals import Arrivals
from service.live.client import ROUNDS, Client
from service.live.lookups import SessionLookups
from service.live.push import Receivers, live_update
from service.live.resources import Resources
from service.live.rooms import notify_departures
from service.loops import Loop
from service.store.database import document, encode
from service.store.shares import SharedCaller
from service.web.address import client_key
from service.web.deadline import deadline
from service.web.origin import origin_allowed
from service.web.request import read_args

log = logging.getLogger(__name__)

PROTOCOL = "service"
MAX_FRAME = 5000
PAGE_CLOSED = {WSCloseCode.OK, WSCloseCode.GOING_AWAY}
LOST_SECONDS = 1.0
"""Period in which lost sockets are recorded, and ended after their grace period."""
LATE_SECONDS = 3.0
"""Longest round of that which is no trouble."""
LOST_ROWS = 100
STRAY_SECONDS = 60
"""Age of a socket in the registry at which a process must know it."""
PING_ROUNDS, PONG_ROUNDS = 6, 3
"""A client that is silent for so many rounds is asked; one that stays silent for so many more is lost."""


class Absence(NamedTuple):
    """A socket that broke; both are times of time.monotonic()."""

    heard: float
    """When the last frame of the client came."""
    broke: float
    """When the connection ended; when it ended because the client was silent, as `heard`."""
    ends: float
    """When the socket leaves its rooms."""


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
        self._absences: dict[str, Absence] = {}
        """Sockets that broke, and of which the database may not know yet."""
        self._unsure: set[str] = set()
        """Sockets that were refused because no answer came: the database may have bound them."""
        self._arrivals = Arrivals(resources, lambda client: client.id in self._clients)
        self._keepalive: Loop | None = None
        self._losses: Loop | None = None
        self._is_stopping = False
        self._round = 0
        self._round_at = 0.0

    def start(self) -> None:
        """Start to send sys.keepalive and pings, and to record what breaks."""
        every = self._settings.socket_keepalive / ROUNDS
        self._keepalive = self._loops.add(Loop("keepalive", self._keep_alive, every=every, pause=every))
        self._arrivals.start()
        self._losses = self._loops.add(Loop("lost sockets", self._end_lost, every=LATE_SECONDS))

    @property
    def receivers(self) -> Receivers:
        """What this process does with messages of others."""
        handed_over = self._arrivals.handed_over
        return Receivers(self.deliver, self.sign_out, self.rebind, self._hand_over, handed_over)

    async def stop(self) -> None:
        """Close every socket, because the process ends. They are lost in the database already."""
        self._is_stopping = True
        await self._loops.stop(self._keepalive, self._losses)
        await self._arrivals.stop()
        await self.close_all(WSCloseCode.GOING_AWAY, "the server restarts")

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
        """Send one frame to each of the sockets that this process holds; the others have closed."""
        closed = []
        for socket_id in socket_ids:
            client = self._clients.get(socket_id)
            if client is not None and not client.is_successor_known:
                client.deliver(frame)
            else:
                closed.append(socket_id)
        metrics.FRAMES.inc(len(socket_ids) - len(closed))
        if closed:
            self._pusher.keep(closed, [frame])

    def _hand_over(self, socket_ids: list[str], node: str) -> None:
        """Put the unconfirmed frames of sockets into their mailboxes: `node` has their successors.

        A dead connection ends for lack of a pong. A living one stays open: the Drumee frontend opens a second
        one when it signs in, and would answer a close with a third, again and again.
        """
        for socket_id in socket_ids:
            client = self._clients.get(socket_id)
            if client is not None:
                client.is_successor_known = True
                self._pusher.keep([socket_id], client.for_mailbox)
        self._pusher.answer_hand_over(node, socket_ids)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve a WebSocket until it closes; the aiohttp handler of the endpoint."""
        if self._is_stopping:
            return web.json_response({"error": "SERVICE_UNAVAILABLE", "status": 503}, status=503)
        if not origin_allowed(request, self._settings):
            return web.json_response({"error": "FORBIDDEN_ORIGIN", "status": 403}, status=403)
        # No compression: a deflate window costs 92 KB per socket and half as much time again per frame.
        ws = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            # Pings are sent, and pongs counted, by one loop for all sockets.
            autoping=False,
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
        grace = self._settings.socket_grace
        try:
            if await self._bind(client, request, sid, token) and await self._receive(client):
                grace = self._settings.socket_close_grace
            await client.closed()
        finally:
            del self._clients[client.id]
            metrics.SOCKETS.dec()
            self._release(client)
            if client.uid is not None and not client.is_successor_known:
                self._lose(client, grace)
        return ws

    def _lose(self, client: Client, grace: int) -> None:
        """Keep the seats and the frames of a socket for its tab, which may be back within `grace` seconds."""
        self._pusher.keep([client.id], client.for_mailbox)
        # The end of a connection is a sign of life, unless it ends because there was none.
        broke = client.heard if client.is_silent else time.monotonic()
        self._absences[client.id] = Absence(client.heard, broke, broke + grace)
        if self._losses is not None:
            self._losses.wake()

    async def _end_lost(self) -> float:
        """Record the sockets that broke, and end those whose grace period is over."""
        await self._record_lost()
        failure: Exception | None = None
        limit, is_full = LOST_ROWS, True
        while is_full:
            try:
                is_full = await self._expire(limit) == limit
            except (DatabaseUnavailableError, DatabaseTimeoutError):
                raise
            except Exception as exc:
                # One that cannot be ended must not keep the others: one by one, in an order of chance.
                failure, is_full, limit = exc, limit > 1 or failure is None, 1
        if failure is not None:
            raise failure
        return LOST_SECONDS

    async def _record_lost(self) -> None:
        """Tell the database which sockets broke, with the rest of their grace period.

        It may have been away for a part of that.
        """
        while batch := dict(list(self._absences.items())[:LOST_ROWS]):
            now = time.monotonic()
            rows = [
                {
                    "id": socket_id,
                    "silent": round(now - absence.heard),
                    "broken": round(now - absence.broke),
                    "rest": round(max(absence.ends - now, 0)),
                }
                for socket_id, absence in batch.items()
            ]
            await self._db.call("yp", "socket_disconnect", encode(rows))
            for socket_id in batch:
                self._absences.pop(socket_id, None)
            self._unsure.difference_update(batch)

    async def lose_strays(self) -> None:
        """Record as lost what the registry counts as open here, and no client holds."""
        (socket_rows,) = await self._db.call("yp", "socket_held", self._pusher.node, STRAY_SECONDS)
        strays = {socket_id for (socket_id,) in socket_rows} - self._clients.keys() - self._absences.keys()
        now = time.monotonic()
        self._absences |= dict.fromkeys(strays, Absence(now, now, now + self._settings.socket_grace))
        if strays and self._losses is not None:
            self._losses.wake()

    async def _expire(self, limit: int) -> int:
        """End lost sockets; notify their rooms and the contacts of their users; return how many."""
        *room_changes, user_rows = await self._db.call("yp", "socket_expire", limit)
        notify_departures(self._pusher, room_changes)
        for uid, shard in user_rows:
            self._presence.changed(uid, shard)
        return len(user_rows)

    async def _bind(self, client: Client, request: web.Request, sid: str | None, token: str | None) -> bool:
        """Bind to the session and send sys.hello, the first frame; False when the socket is refused."""
        if not (sid or token):
            return await self._admit_anonymous(client, request)
        calls = SharedCaller(self._db, self._shares, sid or client_key(request, self._settings))
        try:
            async with deadline(self._settings.request_timeout):
                if self._unsure:
                    # The page that was refused may be the one that connects now.
                    await self._record_lost()
                *room_changes, bound_rows = await calls.call(
                    "yp", "socket_bind", client.id, sid, token, self._pusher.node
                )
        except (DatabaseUnavailableError, DatabaseTimeoutError, TooManyCallsError, TimeoutError):
            # The answer may have been lost behind the commit: then nobody would ever end this socket.
            self._unsure.add(client.id)
            self._lose(client, self._settings.socket_grace)
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
        await client.greet(_frame("sys.hello", hello))
        # In the background: it reads what the client sends meanwhile.
        self._background.start(
            self._arrivals.catch_up(client, bound["former"], bound["mailboxes"], bound["holder"])
        )
        if bound["first"] or room_changes:
            self._presence.changed(client.uid, bound["db"])
        return True

    async def _admit_anonymous(self, client: Client, request: web.Request) -> bool:
        """Keep a socket without a session open, as the frontend expects; it receives no live updates."""
        if not await self._take_place(client, request):
            return False
        client.say(_frame("sys.handshake", {"error": "no session"}))
        client.release()
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
        client.say(_frame("sys.handshake", {"error": reason}))
        client.release()
        await client.close(code, reason)

    async def _receive(self, client: Client) -> bool:
        """Handle frames until the connection ends; return whether the page was closed or reloaded.

        A page whose script closes the socket, without a code, goes on and connects again.
        """
        while True:
            client.is_read = True
            message = await client.ws.receive()
            client.is_read = False
            if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
                return message.type is WSMsgType.CLOSE and message.data in PAGE_CLOSED
            client.heard = time.monotonic()
            if message.type is WSMsgType.PONG and client.is_asked():
                client.answered()
                continue
            if not client.frames.take(time.monotonic()):
                log.warning("socket sends too much", extra={"socket": client.id, "uid": client.uid})
                metrics.REFUSED_SOCKETS.labels("too many frames").inc()
                await client.close(WSCloseCode.POLICY_VIOLATION, "too many frames")
                return False
            if message.type is WSMsgType.PING:
                with suppress(ConnectionError, RuntimeError):
                    await client.ws.pong(message.data)
            elif message.type is WSMsgType.TEXT and len(message.data) <= MAX_FRAME:
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
            client.say(_frame("sys.hello", {**data, "socket_id": client.id, "user": client.user}))
        else:
            client.say(_frame("sys.socket_bound", {**client.user, "socket_id": client.id, "uid": client.uid}))

    async def _ping(self, client: Client, data: dict[str, Any]) -> None:
        kind = str(data.get("type"))
        if kind == "checkConnection":
            client.say(_frame("sys.ping", {"ok": 1}))
        elif kind in {"publishOnlineStatus", "publishOfflineStatus"}:
            await self._set_state(client, active=kind == "publishOnlineStatus")
        elif kind not in {"debug", "showConnections"}:
            client.say(_frame("sys.ping", {**data, "ok": 1}))

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
        """Ask silent clients, drop those that do not answer, and send sys.keepalive to a part of all.

        Each client gets it once in `ROUNDS` rounds, so that no round reaches all of them.
        """
        every = self._settings.socket_keepalive / ROUNDS
        now = time.monotonic()
        # A process that was frozen has not read the answers yet.
        late = max(now - self._round_at - 2 * every, 0) if self._round_at else 0
        self._round, self._round_at = (self._round + 1) % ROUNDS, now
        frame = _frame("sys.keepalive", {"timestamp": int(time.time() * 1000)})
        for number, client in enumerate(list(self._clients.values())):
            if client.is_asked():
                client.excuse(late)
                queued, sent = client.owes(now)
                if sent >= PONG_ROUNDS * every or queued >= ROUNDS * every:
                    client.is_silent = True
                    client.abort()
            elif client.has_unconfirmed or now - client.heard >= PING_ROUNDS * every:
                client.ask(now)
            if client.keepalive_round == self._round:
                client.say(frame)
            if number % 200 == 199:
                await asyncio.sleep(0)
        return every


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
