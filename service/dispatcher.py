"""The path of a request: dispatch, read, gate, handle, answer, tell (design.md, section 3)."""

from __future__ import annotations

import difflib
import logging
import time
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge
from aiohttp.web_protocol import RequestPayloadError

from service.acl import Service
from service.calls import Calls
from service.context import Context, Download, Upload
from service.database import Database
from service.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    Refused,
    RequestError,
    unavailable,
)
from service.log import request_id
from service.mail import Mailer
from service.presence import Presence
from service.push import Pusher
from service.ratelimit import RateLimit, Verdict
from service.request import from_frontend, header_args, is_upload, origin_allowed, page_host, read_args
from service.rooms import Nodes
from service.schema import ID, load
from service.session import (
    Caller,
    client_address,
    cookie_name,
    open_session,
    session_id,
    set_cookie,
)
from service.settings import Settings
from service.tasks import Background
from service.throttle import Throttle
from service.visit import Visit, observe

log = logging.getLogger(__name__)


class Dispatcher:
    """Answers `/-/svc/<module>.<method>`."""

    def __init__(
        self,
        settings: Settings,
        services: Mapping[str, Service],
        db: Database,
        pusher: Pusher,
        presence: Presence,
        background: Background,
        calls: Calls,
        mailer: Mailer,
    ) -> None:
        self.settings = settings
        self.services = services
        self.service_names = sorted(services)
        self.db = db
        self.pusher = pusher
        self.presence = presence
        self.background = background
        self.calls = calls
        self.mailer = mailer
        self.nodes = Nodes(db)
        self.throttle = Throttle(settings, pusher)
        self.limit = RateLimit(settings.rate_limit)

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp handler of the RPC."""
        exchange = Exchange(self, request)
        visit = Visit(exchange.name, exchange.name if exchange.name in self.services else "unknown")

        async def answer() -> web.Response:
            response = await exchange.run()
            visit.code = exchange.code
            visit.uid = exchange.caller.uid if exchange.caller else None
            return response

        return await observe(request, visit, answer)

    def count(self, request: web.Request, caller: Caller) -> Verdict:
        """Whether this person, or a stranger from this address, may go on."""
        return self.limit.take(caller.uid if caller.signed_in else client_address(request, self.settings))

    def make_context(
        self, request: web.Request, service: str, args: dict[str, Any], caller: Caller
    ) -> Context:
        """What a handler gets; the other APIs call the handlers of the RPC with one of their own."""
        return Context(
            settings=self.settings,
            db=self.db,
            pusher=self.pusher,
            presence=self.presence,
            calls=self.calls,
            nodes=self.nodes,
            throttle=self.throttle,
            mailer=self.mailer,
            service=service,
            service_names=self.service_names,
            args=args,
            caller=caller,
            sid=None,
            host=page_host(request),
            address=client_address(request, self.settings),
            user_agent=_plain(request.headers.get("User-Agent", ""))[:255],
            asked=time.time_ns() // 1000,
        )


class Exchange:
    """One request and its answer."""

    def __init__(self, dispatcher: Dispatcher, request: web.Request) -> None:
        self.dispatcher = dispatcher
        self.request = request
        self.name = request.match_info["service"]
        self.given = header_args(request)
        self.asked = time.time_ns() // 1000
        self.sid: str | None = None
        self.caller: Caller | None = None
        self.context: Context | None = None
        self.code: str | None = None

    async def run(self) -> web.Response:
        """The answer, whatever happens."""
        try:
            return await self._succeed()
        except RequestError as exc:
            error = exc
        except Refused as exc:
            error = self._declared(exc)
        except DatabaseUnavailableError as exc:
            log.warning("database unavailable", extra={"error": str(exc)})
            error = unavailable(exc.what)
        except DatabaseTimeoutError:
            error = RequestError(504, "TIMEOUT", "the database took too long", headers={"Retry-After": "5"})
        except HTTPRequestEntityTooLarge:
            limit = self.dispatcher.settings.body_limit
            error = RequestError(413, "BODY_TOO_LARGE", f"the body is larger than {limit} bytes")
        except RequestPayloadError:
            error = RequestError(400, "INVALID_BODY", "the body cannot be unpacked")
        except Exception:
            log.exception("unexpected error", extra={"service": self.name})
            error = RequestError(
                500, "SERVICE_FAILED", "an error on our side; the request id finds it in the log"
            )
        # what failed has signed nobody in or out
        self.context = None
        await self._find_caller()
        return self._fail(error)

    async def _succeed(self) -> web.Response:
        service = self._dispatch()
        if not origin_allowed(self.request, self.dispatcher.settings):
            raise RequestError(403, "FORBIDDEN_ORIGIN", "pages of this origin may not call")
        self.given = await read_args(self.request)
        args = load(service.schema, self.given)
        await self._gate(service)
        context = self.context = self._make_context(args)
        data = await service.handler(context, **_wanted(service, args))
        self.code = _outcome(data)
        response = self._done(service, context, data if data is not None else {})
        for tell in context.after_commit:
            tell()
        self._note(service, context)
        return response

    def _done(self, service: Service, context: Context, data: Any) -> web.Response:
        """200; or, when a part failed, the status declared for it, except for the frontend (contract 1.8)."""
        if isinstance(data, Download):
            return web.Response(
                body=data.chunks,
                content_type=data.content_type,
                charset="utf-8" if data.content_type.startswith("text/") else None,
                headers={"Content-Disposition": f'attachment; filename="{data.filename}"'}
                if data.filename
                else None,
            )
        code = self.code = context.partial
        if code is None or from_frontend(self.request):
            return self._answer(200, {"data": data})
        status, _ = service.errors[code]
        fields = {"error": code, "error_code": status, "status": status, "reason": self._reason(code)}
        return self._answer(status, {**fields, "request_id": request_id.get(), "data": data})

    def _dispatch(self) -> Service:
        service = self.dispatcher.services.get(self.name)
        if service is None:
            near = difflib.get_close_matches(self.name, self.dispatcher.service_names, n=1)
            hint = f"; perhaps {near[0]}" if near else ""
            raise RequestError(404, "SERVICE_NOT_FOUND", f"there is no service of this name{hint}")
        return service

    async def _gate(self, service: Service) -> None:
        hub = resource = None
        if service.on_hub and service.declaration["permission"].get("fast_check") != "public-api":
            hub, resource = self._id("hub_id"), self._id("room_id") or self._id("nid")
        self._read_sid()
        caller = self.caller = await open_session(self.dispatcher.db, self.sid, hub, resource)
        self._count(caller)
        if caller.stale:
            self.dispatcher.background.start(self.dispatcher.db.call("yp", "session_touch", self.sid))
        if hub is not None and caller.hub is None:
            raise RequestError(404, "HUB_NOT_FOUND", "hub_id names no hub")
        if caller.level < service.level:
            raise self._denied(service, caller)

    def _count(self, caller: Caller) -> None:
        verdict = self.dispatcher.count(self.request, caller)
        if not verdict.allowed:
            reason = f"at most {verdict.limit} requests a minute"
            raise RequestError(429, "RATE_LIMITED", reason, headers=verdict.headers)

    def _id(self, name: str) -> str | None:
        """An id that the gate needs; it is validated once more where the service declares it."""
        value = self.given.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None
        text = str(value).strip()
        return text if ID.fullmatch(text) and text not in {"undefined", "null"} else None

    def _denied(self, service: Service, caller: Caller) -> RequestError:
        if not caller.signed_in:
            return RequestError(401, "NOT_SIGNED_IN", "sign in first (yp.login)")
        return RequestError(
            403,
            "WEAK_PRIVILEGE",
            f"{service.name} needs level {service.level} here; yours is {caller.level}",
        )

    def _make_context(self, args: dict[str, Any]) -> Context:
        assert self.caller is not None  # noqa: S101  # for mypy: the gate has set it
        context = self.dispatcher.make_context(self.request, self.name, args, self.caller)
        context.sid = self.sid
        context.asked = self.asked
        context.upload = self._upload()
        context.echo_id = _scalar(self.given.get("echoId"))
        return context

    def _upload(self) -> Upload | None:
        if not is_upload(self.request):
            return None
        return Upload(str(self.given.get("filename") or ""), self.request.content)

    def _note(self, service: Service, context: Context) -> None:
        if service.log:
            self.dispatcher.background.note(
                service.name, context.caller.uid, context.caller.hub, context.args
            )

    def _declared(self, refused: Refused) -> RequestError:
        """The error that a routine's code stands for, as this service declares it."""
        service = self.dispatcher.services[self.name]
        if refused.code not in service.errors:
            log.error("undeclared code", extra={"service": self.name, "code": refused.code})
            return RequestError(
                500, "SERVICE_FAILED", "an error on our side; the request id finds it in the log"
            )
        status, protocol = service.errors[refused.code]
        reason = refused.detail or self._reason(refused.code)
        # INVALID_PARAM comes as `name: why`, as it does from a schema
        param, colon, _ = refused.detail.partition(":")
        data = {"param": param} if colon else {}
        return RequestError(status, refused.code, reason, protocol=protocol, data=data)

    def _reason(self, code: str) -> str:
        declared = self.dispatcher.services[self.name].declaration["errors"]
        return next((e["doc"] for e in declared if e["code"] == code), code)

    def _read_sid(self) -> None:
        self.sid = session_id(self.request, self.dispatcher.settings, self.given)

    async def _find_caller(self) -> None:
        """Who is calling, for the `__status__` of an error that came before the gate."""
        if self.caller is not None:
            return
        self._read_sid()
        try:
            self.caller = await open_session(self.dispatcher.db, self.sid, None, None)
        except Exception:
            # an error is being answered already, and has to be
            log.exception("nobody knows who calls")

    def _fail(self, error: RequestError) -> web.Response:
        self.code = error.code
        data = {"status": error.code, **error.data}
        if not error.protocol and from_frontend(self.request):
            return self._answer(200, {"data": {**data, "error_code": error.status, "reason": error.reason}})
        fields = {
            "error": error.code,
            "error_code": error.status,
            "status": error.status,
            "reason": error.reason,
            "request_id": request_id.get(),
            "data": data,
        }
        return self._answer(error.status, fields, error.headers)

    def _answer(
        self, status: int, fields: dict[str, Any], headers: Mapping[str, str] | None = None
    ) -> web.Response:
        now = time.time()
        envelope = {
            "__ack__": self.name,
            "__status__": self._connection(),
            "__expiry__": (self.caller and self.caller.expiry) or 0,
            "__timestamp__": int(now * 1000),
            **fields,
        }
        response = web.Response(
            body=orjson.dumps(envelope),
            status=status,
            headers=headers,
            content_type="application/json",
        )
        self._set_cookie(response)
        return response

    def _connection(self) -> str:
        if self.context is not None and self.context.connection is not None:
            return self.context.connection
        if self.caller is not None:
            return self.caller.connection
        # nobody could look: to say offline would sign the person out in his browser
        return "online" if self.sid else "offline"

    def _set_cookie(self, response: web.Response) -> None:
        context = self.context
        if context is None:
            return
        name = cookie_name(self.dispatcher.settings, self.given)
        # the session lives on when it is used, and so must the cookie
        lives_on = context.caller.stale and self.request.cookies.get(name) == self.sid
        if context.new_sid or context.drop_cookie or lives_on:
            sid = None if context.drop_cookie else context.new_sid or self.sid
            set_cookie(response, self.dispatcher.settings, name, sid)


def _wanted(service: Service, args: dict[str, Any]) -> dict[str, Any]:
    if service.takes is None:
        return args
    return {name: args.get(name) for name in service.takes}


def _outcome(data: Any) -> str | None:
    """The code of a refusal that is told as an answer, such as BLOCKED of yp.login; for the log."""
    status = data.get("status") if isinstance(data, dict) else None
    return status if isinstance(status, str) and status.isupper() else None


def _plain(text: str) -> str:
    """A header's text as UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode()


def _scalar(value: Any) -> Any:
    return value if isinstance(value, str | int | float) and len(str(value)) <= 128 else None
