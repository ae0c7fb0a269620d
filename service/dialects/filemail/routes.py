"""The paths of this API, and the way of a request through it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from service.dialects.door import STRANGER, caller_of, tell
from service.dialects.filemail.calls import CALLS, TOKEN_SECONDS, Call
from service.dialects.filemail.envelope import answer, callback_of, failure
from service.dialects.filemail.errors import (
    INTERRUPTION,
    INVALID_PARAMETER,
    INVALID_REQUEST,
    INVALID_TOKEN,
    NOT_FOUND,
    PARAMETER_MISSING,
    UNKNOWN_ERROR,
    ApiError,
    refused,
)
from service.dialects.filemail.schemas import check, read_parameters
from service.dispatcher import Dispatcher
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, EntityMovingError, Refused
from service.session import Caller
from service.visit import Visit, observe

log = logging.getLogger(__name__)

COOKIE = "logintoken"
TOKEN = re.compile(r"[0-9a-f]{32}")
LOGIN, LOGOUT = "authentication/login", "authentication/logout"


@dataclass(slots=True)
class Exchange:
    """What is known of a request so far."""

    name: str
    given: dict[str, str] = field(default_factory=dict)
    callback: str | None = None
    uid: str | None = None


class LoginTokenApi:
    """Answers `/api/contacts/*` and `/api/authentication/*`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Every path below /api/ but those of /api/v1/."""
        router.add_route("*", "/api/{call:(?!v1/|v1$).*}", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """aiohttp handler of all paths. The address is never logged: tokens and passwords stand in it."""
        exchange = Exchange(request.match_info["call"].strip("/").lower())
        known = f"api/{exchange.name}" if exchange.name in CALLS else "unknown"
        visit = Visit(known, known)

        async def respond() -> web.Response:
            fields = await self._outcome(request, exchange)
            response = answer(exchange.given, exchange.callback, fields)
            self._set_cookie(response, exchange.name, fields)
            visit.uid, visit.code = exchange.uid, fields.get("errorname")
            return response

        return await observe(request, visit, respond)

    async def _outcome(self, request: web.Request, exchange: Exchange) -> dict[str, Any]:
        """The fields of the answer, whatever happens."""
        try:
            return await self._run(request, exchange)
        except ApiError as exc:
            return failure(exc)
        except Refused as exc:
            error = refused(exc, exchange.given)
            if error is None:
                log.error("unexpected refusal", extra={"service": exchange.name, "code": exc.code})
            return failure(error or ApiError(UNKNOWN_ERROR, "An error on our side"))
        except EntityMovingError:
            return failure(ApiError(INTERRUPTION, "Your data is being moved just now, try again soon"))
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("database unavailable", extra={"error": str(exc)})
            return failure(ApiError(INTERRUPTION, "The service is interrupted, try again soon"))
        except HTTPRequestEntityTooLarge:
            return failure(ApiError(INVALID_REQUEST, "The body is too large"))
        except Exception:
            log.exception("unexpected error", extra={"service": exchange.name})
            return failure(ApiError(UNKNOWN_ERROR, "An error on our side"))

    async def _run(self, request: web.Request, exchange: Exchange) -> dict[str, Any]:
        given = exchange.given = await read_parameters(request)
        if given.get("format", "json").lower() not in {"json", "xml"}:
            raise ApiError(INVALID_PARAMETER, "Parameter 'format' is neither JSON nor XML")
        exchange.callback = callback_of(given)
        if request.method not in {"GET", "POST"}:
            raise ApiError(INVALID_REQUEST, "Use GET or POST")
        call = CALLS.get(exchange.name)
        if call is None:
            raise ApiError(NOT_FOUND, "There is no such call")
        caller = STRANGER if exchange.name == LOGIN else await self._caller(given)
        exchange.uid = caller.uid
        self._count(request, caller)
        return await self._call(request, call, caller, given)

    async def _call(
        self, request: web.Request, call: Call, caller: Caller, given: dict[str, str]
    ) -> dict[str, Any]:
        checked = check(call.schema, given)
        if COOKIE in given:
            checked[COOKIE] = given[COOKIE]
        context = self._dispatcher.make_context(request, call.service, {}, caller)
        fields = await call.run(context, checked)
        tell(context)
        return fields

    def _count(self, request: web.Request, caller: Caller) -> None:
        verdict = self._dispatcher.count(request, caller)
        if not verdict.allowed:
            raise ApiError(INTERRUPTION, f"At most {verdict.limit} requests a minute, try again soon")

    async def _caller(self, given: dict[str, str]) -> Caller:
        """The gate. Only the parameter counts: a cookie comes along with requests that nobody meant."""
        token = given.get("logintoken")
        if token is None:
            raise ApiError(PARAMETER_MISSING, 'Required parameter missing: "logintoken"')
        found = (
            await self._dispatcher.db.call("yp", "api_token_open", token) if TOKEN.fullmatch(token) else [[]]
        )
        if not found[0]:
            raise ApiError(INVALID_TOKEN, "The login token is invalid or has expired")
        data, expiry, stale = found[0][0]
        caller = caller_of(data, stale=stale, expiry=expiry)
        if caller.stale:
            self._dispatcher.background.start(self._dispatcher.db.call("yp", "api_token_touch", token))
        return caller

    def _set_cookie(self, response: web.Response, name: str, fields: dict[str, Any]) -> None:
        """The one open client takes its token from a cookie of this name; we never read it."""
        if "errorcode" in fields or name not in {LOGIN, LOGOUT}:
            return
        secure = self._dispatcher.settings.base_url.startswith("https:")
        token, age = (fields["logintoken"], TOKEN_SECONDS) if name == LOGIN else ("", 0)
        response.set_cookie(
            COOKIE, token, max_age=age, path="/", httponly=True, secure=secure, samesite="Strict"
        )
