"""The aiohttp application: what is built at start, which paths there are, and in which order it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from aiohttp import web

from service import ROOT, metrics, uploads
from service.acl import check_routines, load_declarations, load_pushes
from service.calls import Calls
from service.database import Database
from service.deploy.files import callers_within
from service.dialects.filemail.routes import LoginTokenApi
from service.dialects.rest.live import LiveApi, Times
from service.dialects.rest.routes import RestApi
from service.dialects.rest.tokens import Gate
from service.dispatcher import Dispatcher
from service.floor import load_schema
from service.health import RETRY, health
from service.log import WIRE
from service.mail import Mailer
from service.mail_pages import MailPages
from service.node import Heartbeat, new_node_id
from service.presence import Presence
from service.push import Pusher
from service.reference import render_reference
from service.settings import Settings
from service.sockets import Sockets
from service.tasks import Background

log = logging.getLogger(__name__)

DISPATCHER = web.AppKey("dispatcher", Dispatcher)
SOCKETS = web.AppKey("sockets", Sockets)
PUSHER = web.AppKey("pusher", Pusher)
DATABASE = web.AppKey("database", Database)
REFERENCE = web.AppKey("reference", str)
DEMO = web.AppKey("demo", str)


RUNNER_OPTIONS: dict[str, Any] = {
    # the frontend sends lists, too, as a query: 500 addresses to leave out make 30 KB
    "max_line_size": 65_536,
    "max_field_size": 65_536,
    "access_log": None,
    "logger": WIRE,
    "keepalive_timeout": 75,
}
"""How aiohttp's runner serves the application."""


async def make_app(settings: Settings, times: Times | None = None) -> web.Application:
    """The application; raises DeclarationError when declarations, handlers and routines do not fit."""
    services = load_declarations()
    db = Database(settings)
    check_routines(services, await load_schema(db))
    pusher = Pusher(settings, new_node_id())
    presence = Presence(db, pusher)
    background = Background(db)
    sockets = Sockets(settings, db, pusher, presence, background)
    calls = Calls(db, pusher, background, settings.ring_seconds)
    mailer = Mailer(settings, db, background)
    pages = MailPages(settings, db, mailer)
    dispatcher = Dispatcher(settings, services, db, pusher, presence, background, calls, mailer)
    gate = Gate(db)
    live = LiveApi(settings, db, pusher, gate, dispatcher.limit, times or Times())
    db.follow(callers_within("shard", "my_contacts_render"), pusher.note)
    heartbeat = Heartbeat(db, pusher, presence, sockets, calls, settings.socket_grace)

    app = web.Application(client_max_size=settings.body_limit, middlewares=[json_errors])
    app[DISPATCHER], app[SOCKETS], app[PUSHER], app[DATABASE] = dispatcher, sockets, pusher, db
    app.router.add_route("*", "/-/svc/{service:.*}", dispatcher.handle)
    app.router.add_route("*", "/-/{instance}/svc/{service:.*}", dispatcher.handle)
    app.router.add_get("/-/websocket/", sockets.handle)
    app.router.add_get("/-/health", _health)
    app.router.add_get("/-/metrics", _metrics)
    app[REFERENCE] = render_reference(services, load_pushes())
    app.router.add_get("/-/docs/", _docs)
    app[DEMO] = (ROOT / "service/templates/demo.html").read_text()
    app.router.add_get("/-/demo/", _demo)
    app.router.add_get("/-/mail/", pages.outbox)
    app.router.add_route("GET", "/-/mail/stop/{mail:[0-9a-f]{16}}", pages.stop)
    app.router.add_route("POST", "/-/mail/stop/{mail:[0-9a-f]{16}}", pages.stop)
    RestApi(dispatcher, gate, live).add_routes(app.router)
    app.router.add_get("/ws", live.handle)
    LoginTokenApi(dispatcher).add_routes(app.router)
    app.router.add_get("/", _to_reference)

    async def lifecycle(_: web.Application) -> AsyncIterator[None]:
        pusher.start(sockets.deliver, sockets.close_some)
        sockets.start()
        live.start()
        await heartbeat.start()
        mailer.start()
        sweeping = asyncio.create_task(uploads.sweep_forever(settings), name="uploads")
        # before this, an update meant for us would be published to nobody
        with suppress(TimeoutError):
            await asyncio.wait_for(pusher.listening.wait(), 2)
        yield
        sweeping.cancel()
        await mailer.stop()
        await background.stop()
        await heartbeat.stop()
        await presence.stop()
        await pusher.stop()
        await db.close()

    app.cleanup_ctx.append(lifecycle)

    async def close_sockets(_: web.Application) -> None:
        await asyncio.gather(sockets.stop(), live.stop())

    # requests are still served while sockets say goodbye; the pools close last
    app.on_shutdown.append(close_sockets)
    return app


@web.middleware
async def json_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """Every answer is JSON, also to paths and methods that do not exist: the frontend parses all of them."""
    try:
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return _plain_error(exc.status, exc.reason)
    except Exception:
        log.exception("unexpected error", extra={"path": request.path})
        return _plain_error(500, "SERVICE_FAILED")
    if request.content.exception() is not None:
        # aiohttp closes the connection when it comes upon the rest of the body: the client must know
        response.force_close()
    return response


def _plain_error(status: int, code: str) -> web.Response:
    body = {"error": code, "error_code": status, "status": status, "reason": code, "data": []}
    return web.json_response({"__ack__": "", "__status__": "offline", **body}, status=status)


async def _health(request: web.Request) -> web.Response:
    found = await health(request.app[DATABASE], request.app[PUSHER])
    down = found["status"] == "down"
    return web.json_response(found, status=503 if down else 200, headers=RETRY if down else None)


async def _metrics(request: web.Request) -> web.Response:
    for pool in request.app[DATABASE].pools:
        used, size = pool.usage()
        metrics.POOL.labels(pool.name, "used").set(used)
        metrics.POOL.labels(pool.name, "open").set(size)
    text, content_type = metrics.render()
    return web.Response(body=text, content_type=content_type, charset="utf-8")


async def _docs(request: web.Request) -> web.Response:
    return web.Response(text=request.app[REFERENCE], content_type="text/html")


async def _demo(request: web.Request) -> web.Response:
    """People of `make demo` who see and call each other: the shortest client there is."""
    return web.Response(text=request.app[DEMO], content_type="text/html")


async def _to_reference(_: web.Request) -> web.Response:
    raise web.HTTPFound("/-/docs/")
