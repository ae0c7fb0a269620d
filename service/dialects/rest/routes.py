"""The paths of this API, and the way of a request through it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge
from aiohttp.web_protocol import RequestPayloadError

from service.dialects.door import STRANGER, tell
from service.dialects.rest.calls import known_id
from service.dialects.rest.envelope import answer, failure, raw
from service.dialects.rest.errors import ApiError, refused, unauthorized
from service.dialects.rest.live import LiveApi
from service.dialects.rest.once import answered_once
from service.dialects.rest.openapi import document
from service.dialects.rest.operation import PREFIX, Ask, Operation, Reply
from service.dialects.rest.operations import OPERATIONS
from service.dialects.rest.schemas import check_free, load_body, load_query
from service.dialects.rest.tokens import Admitted, Gate, bearer
from service.dialects.rest.totals import Totals
from service.dialects.rest.upload import read_picture
from service.dispatcher import Dispatcher
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, Refused
from service.ratelimit import Verdict
from service.request import origin_allowed
from service.session import client_address
from service.visit import Visit, observe

log = logging.getLogger(__name__)

FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}
METHODS = "GET, HEAD, POST, PATCH, DELETE"
ALLOWED_HEADERS = (
    "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-Id, X-Claw-Source, "
    "X-Claw-User-Id"
)
EXPOSED_HEADERS = (
    "ETag, Location, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id, "
    "X-Claw-Tier, X-Claw-Version, Idempotent-Replayed"
)


class RestApi:
    """Answers `/api/v1/*`."""

    def __init__(self, dispatcher: Dispatcher, gate: Gate, live: LiveApi) -> None:
        self.dispatcher = dispatcher
        self.gate = gate
        self.limit = dispatcher.limit
        self.live = live
        self.totals = Totals()
        self._openapi = orjson.dumps(document(OPERATIONS))

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Every path below /api/v1."""
        paths: dict[str, dict[str, Operation]] = {}
        for operation in OPERATIONS:
            paths.setdefault(operation.path, {})[operation.method] = operation
        for path, methods in paths.items():
            router.add_route("*", PREFIX + path, self._handler(methods))
        router.add_route("*", f"{PREFIX}/openapi.json", self._describe)
        router.add_route("*", PREFIX, self._handler({}))
        router.add_route("*", f"{PREFIX}/{{rest:.*}}", self._handler({}))

    def _handler(self, methods: Mapping[str, Operation]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            method = "GET" if request.method == "HEAD" else request.method
            operation = methods.get(method)
            visit = Visit(*([f"v1/{operation.name}"] * 2 if operation else ["v1", "unknown"]))

            async def respond() -> web.Response:
                response = await Exchange(self, request, operation, methods, visit).respond()
                self._allow_origin(request, response)
                return response

            return await observe(request, visit, respond)

        return handle

    async def _describe(self, request: web.Request) -> web.Response:
        visit = Visit("v1/openapi.json", "v1/openapi.json")

        async def respond() -> web.Response:
            response = self._description(request.method)
            self._allow_origin(request, response)
            return response

        return await observe(request, visit, respond)

    def _description(self, method: str) -> web.Response:
        if method in {"GET", "HEAD"}:
            return raw(200, self._openapi)
        allowed = {"Allow": "GET, HEAD, OPTIONS"}
        if method == "OPTIONS":
            return answer(204, None, allowed)
        return failure(ApiError("METHOD_NOT_ALLOWED", f"Use {allowed['Allow']}", headers=allowed))

    def _allow_origin(self, request: web.Request, response: web.Response) -> None:
        """Pages of the origins that the settings name may read the answer; no cookie is looked at here."""
        origin = request.headers.get("Origin")
        if origin is None or not origin_allowed(request, self.dispatcher.settings):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = "600"


class Exchange:
    """One request and its answer."""

    def __init__(
        self,
        api: RestApi,
        request: web.Request,
        operation: Operation | None,
        methods: Mapping[str, Operation],
        visit: Visit,
    ) -> None:
        self.api = api
        self.request = request
        self.operation = operation
        self.methods = methods
        self.visit = visit
        self.verdict: Verdict | None = None
        self.bucket = ""

    async def respond(self) -> web.Response:
        """The answer, whatever happens."""
        try:
            response = await self._succeed()
        except ApiError as exc:
            self.visit.code = exc.code
            response = failure(exc)
        if self.verdict is not None:
            response.headers.update(self.verdict.headers)
        return response

    async def _succeed(self) -> web.Response:
        if self.request.method == "OPTIONS" and self.methods:
            return answer(204, None, {"Allow": self._allowed()})
        if self.operation is None:
            raise self._no_operation()
        try:
            return self._answered(await self._run(self.operation))
        except Refused as exc:
            error = refused(exc)
            if error is None:
                log.error("unexpected refusal", extra={"service": self.operation.name, "code": exc.code})
            raise error or _our_fault() from None
        except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
            log.warning("database unavailable", extra={"error": str(exc)})
            what = getattr(exc, "what", "the database")
            raise ApiError(
                "SERVICE_UNAVAILABLE", f"Try again: {what} is not available", headers={"Retry-After": "2"}
            ) from None
        except HTTPRequestEntityTooLarge:
            raise ApiError("PAYLOAD_TOO_LARGE", "The body is too large") from None
        except ApiError:
            raise
        except Exception:
            log.exception("unexpected error", extra={"service": self.operation.name})
            raise _our_fault() from None

    def _allowed(self) -> str:
        heads = ["HEAD"] if "GET" in self.methods else []
        return ", ".join([*self.methods, *heads, "OPTIONS"])

    def _no_operation(self) -> ApiError:
        if not self.methods:
            return ApiError("NOT_FOUND", "There is no such path")
        allowed = self._allowed()
        return ApiError("METHOD_NOT_ALLOWED", f"Use {allowed}", headers={"Allow": allowed})

    async def _run(self, operation: Operation) -> Reply:
        admitted = None if operation.public else await self._admit(operation)
        if operation.public:
            self._count(f"address {self._address}")
        caller = admitted.caller if admitted else STRANGER
        self.visit.uid = caller.uid
        key = self.request.match_info.get("id")
        contact = known_id(key) if key is not None else ""
        query = load_query(operation.query_schema, operation.query, self._query())
        body, text = await self._body(operation)
        context = self.api.dispatcher.make_context(self.request, operation.service, {}, caller)
        ask = Ask(
            ctx=context, gate=self.api.gate, request=self.request, admitted=admitted, contact=contact,
            query=query, body=body, if_match=self.request.headers.get("If-Match"), charge=self._charge,
            access_changed=self.api.live.access_changed, totals=self.api.totals,
        )  # fmt: skip
        # each entry of a batch has a key of its own, made of this one
        if operation.once and operation.path != "/contacts/batch":
            reply = await answered_once(ask, operation.run, self.request.path, text)
        else:
            reply = await operation.run(ask)
        tell(context)
        return reply

    async def _admit(self, operation: Operation) -> Admitted:
        """The gate: one CALL. Who guesses is slowed down by his address before it."""
        guesser = f"guess {self._address}"
        if self.api.limit.exhausted(guesser):
            self.verdict = self.api.limit.take(guesser)
            raise ApiError("RATE_LIMITED", "Too many requests without a valid token")
        try:
            token = bearer(self.request, query=operation.query_token)
            credential = await self.api.gate.read(token)
            self._count(credential.bucket)
            if operation.admin:
                admitted = await self.api.gate.administer(credential)
            else:
                admitted = await self.api.gate.admit(credential, self.request.headers.get("X-Claw-User-Id"))
        except ApiError as exc:
            if exc.status == unauthorized().status:
                self.api.limit.take(guesser)
            raise
        if admitted.caller.stale:
            dispatcher = self.api.dispatcher
            dispatcher.background.start(dispatcher.db.call("yp", "api_key_touch", admitted.key))
        return admitted

    def _count(self, bucket: str, cost: int = 1) -> None:
        self.bucket = bucket
        self.verdict = self.api.limit.take(bucket, cost)
        if not self.verdict.allowed:
            raise ApiError("RATE_LIMITED", f"At most {self.verdict.limit} requests a minute")

    def _charge(self, cost: int) -> None:
        if cost:
            self._count(self.bucket, cost)

    @property
    def _address(self) -> str:
        return client_address(self.request, self.api.dispatcher.settings)

    def _query(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, value in self.request.query.items():
            found.setdefault(name, []).append(value)
        return found

    async def _body(self, operation: Operation) -> tuple[dict[str, Any], bytes]:
        """(validated body, what an Idempotency-Key stands for) of a request that has one."""
        if operation.upload:
            content, kind = await read_picture(self.request)
            return {"content": content, "kind": kind}, content
        if operation.body is None:
            return {}, b""
        if self.request.content_type in FORMS and self.request.body_exists:
            raise ApiError("UNSUPPORTED_MEDIA_TYPE", "Send JSON")
        try:
            text = await self.request.read()
        except RequestPayloadError:
            raise _bad_body("cannot be unpacked") from None
        try:
            given = orjson.loads(text) if text.strip() else {}
        except ValueError:
            raise _bad_body("is not JSON") from None
        if operation.free_body:
            return check_free(given), text
        body = load_body(operation.body_schema, given)
        operation.check_either(body)
        return body, text

    def _answered(self, reply: Reply) -> web.Response:
        """The reply; 304 without a body when the caller has it already."""
        etag = reply.headers.get("ETag")
        if self.request.method in {"GET", "HEAD"} and etag and self._is_known(etag):
            kept = {name: value for name, value in reply.headers.items() if name in {"ETag", "Cache-Control"}}
            return answer(304, None, kept)
        response = raw(reply.status, reply.body, reply.headers)
        if reply.body is not None and reply.content_type != "application/json":
            response.content_type, response.charset = reply.content_type, None
        return response

    def _is_known(self, etag: str) -> bool:
        known = self.request.headers.get("If-None-Match", "")
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return "*" in tags or etag.removeprefix("W/") in tags


def _our_fault() -> ApiError:
    return ApiError("INTERNAL_ERROR", "An error on our side; X-Request-Id finds it in the log")


def _bad_body(why: str) -> ApiError:
    return ApiError("VALIDATION_ERROR", f"The body {why}", {"field": "", "constraint": "json"})
