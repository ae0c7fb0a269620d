"""The aiohttp application: its parts, its paths, and the order in which it starts and stops."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import hdrs, web

from service import PACKAGE, metrics
from service.background import Background
from service.carddav.routes import CardDavApi, to_tree
from service.contacts import uploads
from service.filemail.routes import LoginTokenApi
from service.frontend.site import FrontendSite, describe_file, to_frontend
from service.live.call_log import CallLog
from service.live.calls import RingTimeouts, watch_blocks
from service.live.heartbeat import Heartbeat, new_node_id
from service.live.presence import Presence
from service.live.push import Pusher
from service.live.readiness import Readiness
from service.live.resources import Resources
from service.live.rooms import Nodes
from service.live.sockets import Sockets
from service.loops import Loop, Loops
from service.mail.outbox import Mailer
from service.mail.pages import MailPages
from service.pages.routes import Pages
from service.reference import ASSETS, asyncapi_of_frontend, openapi_of_rpc, read_asset, reference_page
from service.rest.guesses import Guesses
from service.rest.routes import RestApi
from service.rest.tokens import Gate
from service.rest.websocket import Times, WebSocketApi
from service.rpc.declarations import Service
from service.rpc.dispatcher import Dispatcher
from service.rpc.startup_checks import load_services
from service.runtime.process import Process
from service.schema.routines import RENDERING, callers_within
from service.settings import Settings
from service.store.database import Database
from service.store.health import DATABASE_AWAY, RETRY, health, when_database_answers
from service.store.redis import RedisServers
from service.store.shares import Shares
from service.web.address import client_address
from service.web.answers import DEMO_POLICY, plain_error, protect_answer
from service.web.bodies import close_if_unread, has_unknown_transfer_coding, must_refuse
from service.web.deadline import deadline
from service.web.local import may_ask
from service.webhooks.deliverer import Webhooks

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

DISPATCHER = web.AppKey("dispatcher", Dispatcher)
SOCKETS = web.AppKey("sockets", Sockets)
PUSHER = web.AppKey("pusher", Pusher)
DATABASE = web.AppKey("database", Database)
READINESS = web.AppKey("readiness", Readiness)
LOOPS = web.AppKey("loops", Loops)
SETTINGS = web.AppKey("settings", Settings)
REFERENCE = web.AppKey("reference", str)
DEMO = web.AppKey("demo", str)


async def make_app(settings: Settings, times: Times | None = None) -> web.Application:
    """Return the application; DeclarationError when declarations, handlers and routines do not match."""
    async with AsyncExitStack() as after_failure:
        db = Database(settings)
        # A worker tries again while MariaDB is away: its connections must not pile up.
        after_failure.push_async_callback(db.close)
        services = await load_services(db)
        app = _assemble(settings, services, db, times or Times())
        after_failure.pop_all()
        return app


@asynccontextmanager
async def command_process(settings: Settings) -> AsyncIterator[Process]:
    """Yield the objects of a process that serves nobody: a command. Its frames are sent."""
    db = Database(settings)
    parts = _build(settings, {}, db, Times())
    process = parts.process
    process.pusher.start(parts.sockets.receivers)
    try:
        yield process
    finally:
        await process.background.stop()
        await process.pusher.stop()
        await db.close()


def _assemble(
    settings: Settings, services: Mapping[str, Service], db: Database, times: Times
) -> web.Application:
    """Return the application of these services, with its paths and its background work."""
    parts = _build(settings, services, db, times)
    app = web.Application(client_max_size=settings.body_limit, middlewares=[json_errors])
    app[DISPATCHER], app[SOCKETS], app[DATABASE] = parts.dispatcher, parts.sockets, db
    app[READINESS] = parts.readiness
    app[PUSHER], app[LOOPS] = parts.process.pusher, parts.process.loops
    app[SETTINGS] = settings
    app[REFERENCE] = reference_page()
    app[DEMO] = (PACKAGE / "templates" / "demo.html").read_text()
    _add_routes(app.router, parts)
    app.on_response_prepare.extend([describe_file, protect_answer])
    app.cleanup_ctx.append(parts.run)
    # aiohttp serves requests until on_shutdown returns, and runs the cleanup contexts after that.
    app.on_shutdown.append(parts.close_sockets)
    return app


@dataclass(frozen=True)
class Parts:
    """The parts of the application that start, stop or serve paths."""

    process: Process
    dispatcher: Dispatcher
    sockets: Sockets
    heartbeat: Heartbeat
    readiness: Readiness
    pages: MailPages
    webhooks: Webhooks
    gate: Gate
    live: WebSocketApi
    frontend: FrontendSite | None
    db: Database

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """Start the background work, and stop it when the application ends."""
        process, pusher, settings = self.process, self.process.pusher, self.process.settings
        pusher.start(self.sockets.receivers)
        self.sockets.start()
        self.live.start()
        await when_database_answers(self.heartbeat.start)
        for probe in self.db.home.loops:
            process.loops.add(probe)
        process.mailer.start()
        self.webhooks.start()
        sweeping = process.loops.add(
            Loop("uploads", lambda: uploads.sweep_round(settings), every=uploads.SWEEP_SECONDS)
        )
        # Until the process is subscribed, updates for its sockets reach nobody.
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await pusher.listening.wait()
        yield
        await process.loops.stop(sweeping)
        await process.mailer.stop()
        await self.webhooks.stop()
        await self.dispatcher.services_log.stop()
        await process.background.stop()
        # Once more, for a socket that came while the others were closed.
        await self.heartbeat.stop()
        await process.presence.stop()
        await pusher.stop()
        await self.db.close()

    async def close_sockets(self, _: web.Application) -> None:
        """Close all WebSockets. They are lost before: what is pushed meanwhile waits for their tabs."""
        await self.heartbeat.stop()
        await asyncio.gather(self.sockets.stop(), self.live.stop())


def _build(settings: Settings, services: Mapping[str, Service], db: Database, times: Times) -> Parts:
    """Build the parts, none of which is started."""
    loops, background = Loops(), Background()
    pusher = Pusher(RedisServers(settings), new_node_id(), loops, settings.socket_grace)
    presence = Presence(db, pusher)
    resources = Resources(settings, db, Shares(settings), pusher, presence, background, loops, Nodes())
    sockets = Sockets(resources)
    call_log = CallLog(resources)
    ring_timeouts = RingTimeouts(resources, call_log)
    mailer = Mailer(settings, db, background, loops)
    process = Process(resources, call_log, ring_timeouts, mailer, [*services])
    gate, guesses = Gate(db), Guesses(settings.rate_limit)
    heartbeat = Heartbeat(resources, sockets, ring_timeouts, call_log)
    db.on_commit(callers_within("shard", *RENDERING), pusher.notify_contacts)
    watch_blocks(resources, call_log)
    return Parts(
        process=process,
        dispatcher=Dispatcher(process, services),
        sockets=sockets,
        heartbeat=heartbeat,
        readiness=Readiness(resources, heartbeat),
        pages=MailPages(settings, db, mailer),
        webhooks=Webhooks(settings, db, loops),
        gate=gate,
        live=WebSocketApi(settings, db, pusher, gate, guesses, process.shares, loops, times),
        frontend=FrontendSite(settings) if settings.frontend_dir else None,
        db=db,
    )


def _add_routes(router: web.UrlDispatcher, parts: Parts) -> None:
    """Add all paths of the application."""
    router.add_route("*", "/-/svc/{service:.*}", parts.dispatcher.handle)
    router.add_route("*", "/-/{instance}/svc/{service:.*}", parts.dispatcher.handle)
    # The viewer of pictures joins a root that ends in a slash, and a path that begins with one.
    router.add_get("/-/{slash:/?}file/{format}/{nid}/{hub_id}", parts.dispatcher.handle_file)
    router.add_get("/-/websocket/", parts.sockets.handle)
    router.add_get("/-/health", _health)  # Its checks have a limit of their own.
    router.add_get("/-/ready", _ready)
    router.add_get("/-/metrics", in_time(_metrics))
    router.add_get("/-/docs/", in_time(_docs))
    router.add_get("/-/openapi.json", in_time(_openapi))
    router.add_get("/-/asyncapi.json", in_time(_asyncapi))
    router.add_get(f"/-/assets/{{asset:{'|'.join(map(re.escape, ASSETS))}}}", in_time(_asset))
    router.add_get("/-/demo/", in_time(_demo))
    router.add_get("/-/mail/", in_time(parts.pages.outbox))
    router.add_route("GET", "/-/mail/stop/{mail:[0-9a-f]{16}}", in_time(parts.pages.stop))
    router.add_route("POST", "/-/mail/stop/{mail:[0-9a-f]{16}}", in_time(parts.pages.stop))
    RestApi(parts.process, parts.gate, parts.live).add_routes(router)
    router.add_get("/ws", parts.live.handle)
    LoginTokenApi(parts.process).add_routes(router)
    CardDavApi(parts.process).add_routes(router)
    Pages(parts.process).add_routes(router)
    router.add_get("/", in_time(to_frontend if parts.frontend else _to_reference))
    # GET and HEAD are those of browsers; whatever else comes here looks for an address book.
    router.add_route("*", "/", to_tree)
    if parts.frontend:
        router.add_get("/-/", in_time(parts.frontend.page))
        parts.frontend.add_files(router)


def in_time(handler: Handler) -> Handler:
    """Give a page the deadline of a request, and answer 503 when the database does not answer until then."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            async with deadline(request.app[SETTINGS].request_timeout):
                return await handler(request)
        except (*DATABASE_AWAY, TimeoutError):
            response = plain_error(503, "UNAVAILABLE")
            response.headers.update(RETRY)
            return response

    return handle


@web.middleware
async def json_errors(request: web.Request, handler: Any) -> web.StreamResponse:
    """Answer every error as JSON, also for unknown paths and methods: the frontend parses all answers."""
    try:
        if has_unknown_transfer_coding(request):
            raise web.HTTPNotImplemented  # RFC 9112, 6.1
        if must_refuse(request):
            raise web.HTTPUnsupportedMediaType
        response: web.StreamResponse = await handler(request)
    except web.HTTPException as exc:
        if exc.status < 400:
            await close_if_unread(request, exc)
            raise
        response = plain_error(exc.status, exc.reason)
        if hdrs.ALLOW in exc.headers:
            response.headers[hdrs.ALLOW] = exc.headers[hdrs.ALLOW]
    except Exception:
        resource = request.match_info.route.resource
        log.exception("unexpected error", extra={"path": resource.canonical if resource else None})
        response = plain_error(500, "SERVICE_FAILED")
    await close_if_unread(request, response)
    return response


async def _health(request: web.Request) -> web.Response:
    pusher = request.app[PUSHER]
    listening = pusher.listening.is_set()
    report = await health(
        request.app[DATABASE], pusher.redis, request.app[LOOPS], node=pusher.node, listening=listening
    )
    down = report["status"] == "down"
    return web.json_response(report, status=503 if down else 200, headers=RETRY if down else None)


async def _ready(request: web.Request) -> web.Response:
    """Answer 200 while this process may get traffic, else 503: the check of a balancer."""
    is_ready = request.app[READINESS].asked()
    return web.json_response(
        {"ready": is_ready}, status=200 if is_ready else 503, headers=None if is_ready else RETRY
    )


async def _metrics(request: web.Request) -> web.Response:
    settings = request.app[SETTINGS]
    if not may_ask(request, client_address(request, settings), settings.metrics_from):
        raise web.HTTPForbidden
    for pool in request.app[DATABASE].pools:
        used, size = pool.usage()
        metrics.POOL.labels(pool.name, "used").set(used)
        metrics.POOL.labels(pool.name, "open").set(size)
    text, content_type = metrics.render()
    return web.Response(body=text, content_type=content_type, charset="utf-8")


async def _docs(request: web.Request) -> web.Response:
    return web.Response(text=request.app[REFERENCE], content_type="text/html")


async def _openapi(request: web.Request) -> web.Response:
    """Describe the services for tools (service/specs)."""
    return web.Response(body=openapi_of_rpc(request.app[SETTINGS].cookie), content_type="application/json")


async def _asyncapi(request: web.Request) -> web.Response:
    """Describe the WebSocket of the frontend for tools."""
    settings = request.app[SETTINGS]
    body = asyncapi_of_frontend(settings.base_url, settings.cookie)
    return web.Response(body=body, content_type="application/json")


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["asset"]
    headers = {hdrs.CACHE_CONTROL: "max-age=300"}
    return web.Response(text=read_asset(name), content_type=ASSETS[name], charset="utf-8", headers=headers)


async def _demo(request: web.Request) -> web.Response:
    """Serve the demo page: users of `make demo` see and call each other."""
    headers = {"Content-Security-Policy": DEMO_POLICY}
    return web.Response(text=request.app[DEMO], content_type="text/html", headers=headers)


async def _to_reference(_: web.Request) -> web.Response:
    raise web.HTTPFound("/-/docs/")
