"""Route the paths of this API and answer their requests."""

from __future__ import annotations

import re
from typing import ClassVar

from aiohttp import web

from service.auth.session import ANONYMOUS, Caller, parse_caller, set_cookie
from service.errors import Failure, Refusal, RequestError
from service.filemail.endpoints import ENDPOINTS, TOKEN_SECONDS, Endpoint, Fields
from service.filemail.envelope import build_response, callback_name, error_fields
from service.filemail.errors import (
    FAILURES,
    INVALID_PARAMETER,
    INVALID_REQUEST,
    INVALID_TOKEN,
    NOT_FOUND,
    PARAMETER_MISSING,
    filemail_error,
    name_refusal,
)
from service.filemail.schemas import Params, check, read_params
from service.runtime.context import run_after_commit
from service.runtime.exchange import Exchange
from service.runtime.process import Process
from service.web.access_log import RequestLog
from service.web.bodies import is_encoded, refuses_encoded

COOKIE = "logintoken"
"""Name of the cookie that login sets; the parameter has the same name."""
TOKEN = re.compile(r"[0-9a-f]{32}")
METHODS = {"GET", "POST"}
LOGIN, LOGOUT = "authentication/login", "authentication/logout"


class LoginTokenApi:
    """Answers `/api/contacts/*` and `/api/authentication/*`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add every path below /api/ except those of /api/v1/."""
        router.add_route("*", "/api/{path:(?!v1/|v1$).*}", self.handle)

    @refuses_encoded
    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request for any of the paths."""
        return await FilemailExchange(self._process, request).run()


class FilemailExchange(Exchange):
    """One request, always answered with HTTP 200.

    Its URL is never logged: the query holds tokens and passwords.
    """

    api_name: ClassVar = "login-token"
    failures: ClassVar = FAILURES

    def __init__(self, process: Process, request: web.Request) -> None:
        self.path = request.match_info["path"].strip("/").lower()
        self.endpoint = ENDPOINTS.get(self.path)
        label = f"api/{self.path}" if self.endpoint else "unknown"
        super().__init__(process, request, RequestLog(label, label))
        self.params: Params = {}
        """The parameters before validation."""
        self.callback: str | None = None

    async def answer(self) -> web.Response:
        """Run the endpoint and write its fields."""
        endpoint = await self._read()
        caller = self.caller = ANONYMOUS if self.path == LOGIN else await self._find_caller()
        self.count_caller(caller)
        fields = await self._run(endpoint, caller)
        response = build_response(self.params, self.callback, fields)
        self._set_cookie(response, fields)
        return response

    async def _read(self) -> Endpoint:
        """Read the parameters; return the endpoint. RequestError when the request cannot be for one.

        Format and callback come first: they decide how an error is written.
        """
        reads_body = self.endpoint and self.request.method in METHODS and not is_encoded(self.request)
        params = self.params = await read_params(self.request, with_body=bool(reads_body))
        if params.get("format", "json").lower() not in {"json", "xml"}:
            raise filemail_error(INVALID_PARAMETER, "Parameter 'format' is neither JSON nor XML")
        self.callback = callback_name(params)
        if is_encoded(self.request):
            raise self.failure(Failure.BODY_ENCODED)
        if self.request.method not in METHODS:
            error = filemail_error(INVALID_REQUEST, "Use GET or POST")
            error.headers["Allow"] = "GET, POST"
            raise error
        if self.endpoint is None:
            raise filemail_error(NOT_FOUND, "There is no such call")
        return self.endpoint

    async def _run(self, endpoint: Endpoint, caller: Caller) -> Fields:
        params = check(endpoint.schema, endpoint.declarations, self.params)
        if COOKIE in self.params:
            params[COOKIE] = self.params[COOKIE]
        context = self.context = self.make_context(endpoint.service, {}, caller)
        fields = await endpoint.run(context, params)
        run_after_commit(context)
        return fields

    async def _find_caller(self) -> Caller:
        """Return the user of the login token; RequestError without a valid one.

        The cookie does not count: browsers add it to requests that other sites trigger.
        """
        token = self.params.get(COOKIE)
        if token is None:
            raise filemail_error(PARAMETER_MISSING, 'Required parameter missing: "logintoken"')
        db, token_rows = self.process.db, []
        if TOKEN.fullmatch(token):
            (token_rows,) = await db.call("yp", "api_token_open", token)
        if not token_rows:
            self.count_caller(ANONYMOUS)
            raise filemail_error(INVALID_TOKEN, "The login token is invalid or has expired")
        data, expiry, stale = token_rows[0]
        caller = parse_caller(data, stale=stale, expiry=expiry)
        if caller.stale:
            lifetime = self.process.settings.session_lifetime
            self.process.background.start(db.call("yp", "api_token_touch", token, lifetime))
        return caller

    def _set_cookie(self, response: web.Response, fields: Fields) -> None:
        """Set or expire the cookie of the token: pyfilemail reads it from there, this API never does."""
        if self.path not in {LOGIN, LOGOUT}:
            return
        token = fields[COOKIE] if self.path == LOGIN else None
        set_cookie(response, self.process.settings, COOKIE, token, TOKEN_SECONDS)

    def name_refusal(self, refusal: Refusal) -> RequestError | None:
        """Return the error of this API for a refusal."""
        return name_refusal(refusal, self.params)

    async def write_error(self, error: RequestError) -> web.Response:
        """Write an error in the format that the request asks for."""
        response = build_response(self.params, self.callback, error_fields(error))
        response.headers.update(error.headers)
        return response
