"""Route the paths of this API and answer their requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

import orjson
from aiohttp import web

from service.auth.one_packet import GuessCaller, run_guessed
from service.auth.session import ANONYMOUS
from service.errors import Failure, Refusal, RequestError
from service.rest.asyncapi import live_document
from service.rest.contacts import parse_contact_id
from service.rest.count_cache import CountCache
from service.rest.envelope import error_response, json_response, raw_response
from service.rest.errors import FAILURES, invalid_body, name_refusal, rest_error, unauthorized
from service.rest.idempotency import run_idempotently
from service.rest.openapi import document
from service.rest.operation import PREFIX, ApiRequest, ApiResponse, Operation
from service.rest.operations import OPERATIONS
from service.rest.schemas import load_body, load_free_body, load_query
from service.rest.tokens import Admission, Credential, Gate, bearer_token
from service.rest.upload import read_picture
from service.rest.websocket import WebSocketApi
from service.runtime.context import run_after_commit
from service.runtime.exchange import Exchange
from service.runtime.process import Process
from service.store.database import RoutineCaller
from service.web.access_log import RequestLog
from service.web.bodies import is_encoded, read_body, refuses_encoded
from service.web.deadline import allow
from service.web.origin import origin_allowed

T = TypeVar("T")

ONE_PACKET = frozenset({
    "contacts.list", "contacts.get", "contacts.create", "contacts.update", "contacts.custom",
})  # fmt: skip
"""Operations whose handlers do nothing before their first CALL that could not be done twice: the gate travels
with that CALL (service/auth/one_packet.py)."""
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


@cache
def _documents(base_url: str) -> dict[str, bytes]:
    """Return the documents of this API as JSON, by file name; `base_url` is that of browsers."""
    return {
        "openapi.json": orjson.dumps(document(OPERATIONS)),
        "asyncapi.json": orjson.dumps(live_document(base_url)),
    }


class RestApi:
    """Answers `/api/v1/*`."""

    def __init__(self, process: Process, gate: Gate, websockets: WebSocketApi) -> None:
        self.process = process
        self.gate = gate
        self.websockets = websockets
        self.guesses = websockets.guesses
        self.count_cache = CountCache()
        self.documents = _documents(process.settings.base_url)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add every path below /api/v1."""
        paths: dict[str, dict[str, Operation]] = {}
        for operation in OPERATIONS:
            paths.setdefault(operation.path, {})[operation.method] = operation
        for path, methods in paths.items():
            router.add_route("*", PREFIX + path, self._handler(methods))
        for name in self.documents:
            router.add_route("*", f"{PREFIX}/{name}", self._describe)
        router.add_route("*", PREFIX, self._handler({}))
        router.add_route("*", f"{PREFIX}/{{rest:.*}}", self._handler({}))

    def _handler(self, methods: Mapping[str, Operation]) -> Callable[[web.Request], Awaitable[web.Response]]:
        @refuses_encoded
        async def handle(request: web.Request) -> web.Response:
            return await OperationExchange(self, request, methods).run()

        return handle

    @refuses_encoded
    async def _describe(self, request: web.Request) -> web.Response:
        label = f"v1/{request.path.rpartition('/')[2]}"
        return await DescriptionExchange(self, request, label, label).run()


class RestExchange(Exchange):
    """One request below /api/v1."""

    api_name: ClassVar = "rest"
    failures: ClassVar = FAILURES

    def __init__(self, api: RestApi, request: web.Request, service: str, label: str) -> None:
        super().__init__(api.process, request, RequestLog(service, label))
        self.api = api

    def name_refusal(self, refusal: Refusal) -> RequestError | None:
        """Return the error of this API for a refusal."""
        return name_refusal(refusal)

    async def write_error(self, error: RequestError) -> web.Response:
        """Return the response of an error."""
        return error_response(error)

    def finish(self, response: web.Response) -> None:
        """Add the headers of the rate limit and, for pages of allowed origins, of CORS.

        Credentials are not allowed: this API reads no cookie.
        """
        if self.allowance is not None:
            response.headers.update(self.allowance.headers)
        origin = self.request.headers.get("Origin")
        if origin is None or not origin_allowed(self.request, self.process.settings):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        if self.request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
            response.headers["Access-Control-Max-Age"] = "600"


class DescriptionExchange(RestExchange):
    """A request for the OpenAPI document, or the AsyncAPI document."""

    async def answer(self) -> web.Response:
        """Return the document."""
        if is_encoded(self.request):
            raise self.failure(Failure.BODY_ENCODED)
        if self.request.method in {"GET", "HEAD"}:
            return raw_response(200, self.api.documents[self.request.path.rpartition("/")[2]])
        allowed = {"Allow": "GET, HEAD, OPTIONS"}
        if self.request.method == "OPTIONS":
            return json_response(204, None, allowed)
        raise rest_error("METHOD_NOT_ALLOWED", f"Use {allowed['Allow']}", headers=allowed)


class OperationExchange(RestExchange):
    """A request for one of the operations of a path."""

    def __init__(self, api: RestApi, request: web.Request, methods: Mapping[str, Operation]) -> None:
        operation = methods.get("GET" if request.method == "HEAD" else request.method)
        name = f"v1/{operation.name}" if operation else "v1"
        super().__init__(api, request, name, name if operation else "unknown")
        self.operation = operation
        self.methods = methods
        self.token: str | None = None
        self.bucket = ""
        """Key of the rate limit that the request counts against."""

    async def answer(self) -> web.Response:
        """Run the operation; answer OPTIONS and methods without an operation."""
        if is_encoded(self.request):
            raise self.failure(Failure.BODY_ENCODED)
        if self.request.method == "OPTIONS" and self.methods:
            return json_response(204, None, {"Allow": self._allowed()})
        if self.operation is None:
            raise self._no_operation()
        return self._write(await self._run(self.operation))

    def _allowed(self) -> str:
        heads = ["HEAD"] if "GET" in self.methods else []
        return ", ".join([*self.methods, *heads, "OPTIONS"])

    def _no_operation(self) -> RequestError:
        if not self.methods:
            return rest_error("NOT_FOUND", "There is no such path")
        allowed = self._allowed()
        return rest_error("METHOD_NOT_ALLOWED", f"Use {allowed}", headers={"Allow": allowed})

    async def _run(self, operation: Operation) -> ApiResponse:
        if operation.public:
            self.count(f"address {self.address_key}")
            response = await self._handled(operation, None, self.process.db)
        else:
            credential = await self._credential(operation)
            guessed = await self._guessed(operation, credential)
            response = guessed or await self._gated(operation, credential)
        assert self.context is not None  # noqa: S101  # for mypy: the handler had it
        run_after_commit(self.context)
        return response

    async def _credential(self, operation: Operation) -> Credential:
        """Return the key or token, counted against its rate limit. RequestError without a valid one."""
        self.token = bearer_token(self.request, query=operation.query_token)
        credential = await self._limited(self.api.gate.read(self.token))
        self.bucket = credential.bucket
        self.count(self.bucket)
        return credential

    async def _gated(self, operation: Operation, credential: Credential) -> ApiResponse:
        """Run the operation behind the gate, one CALL. RequestError when the registry refuses the caller."""
        if operation.admin:
            admission = await self._limited(self.api.gate.administer(credential))
        else:
            admission = await self._limited(self.api.gate.admit(credential, self._user))
        if operation.signed_in:
            self.api.gate.require_sign_in(admission)
        if admission.caller.stale:
            touch = self.process.db.call("yp", "api_key_touch", admission.key)
            self.process.background.start(touch)
        return await self._handled(operation, admission, self.process.db)

    async def _guessed(self, operation: Operation, credential: Credential) -> ApiResponse | None:
        """Run the operation with the gate in the packet of its first CALL (service/auth/one_packet.py).

        None when there is no guess, or when it does not hold.
        """
        guess = self.api.gate.guess(credential, self._user) if operation.name in ONE_PACKET else None
        if guess is None:
            return None
        calls = GuessCaller(self.process.db, guess.check)
        work = self._handled(operation, guess.admission, calls)
        response = await run_guessed(calls, work, lambda: self.api.gate.forget(credential, self._user))
        if response is None:
            self.caller = self.context = None
        return response

    async def _handled(
        self, operation: Operation, admission: Admission | None, calls: RoutineCaller
    ) -> ApiResponse:
        """Read the parameters and run the handler, whose CALLs go through `calls`."""
        caller = self.caller = admission.caller if admission else ANONYMOUS
        path_id = self.request.match_info.get("id")
        contact_id = parse_contact_id(path_id) if path_id is not None else ""
        query = load_query(operation.query_schema, operation.query, self._query())
        body, raw_body = await self._body(operation)
        context = self.context = self.make_context(operation.service, {}, caller, calls)
        request = ApiRequest(
            ctx=context,
            db=self.process.db,
            gate=self.api.gate,
            http=self.request,
            admission=admission,
            contact_id=contact_id,
            query=query,
            body=body,
            if_match=self.request.headers.get("If-Match"),
            charge=self._charge,
            notify_access_change=self.api.websockets.notify_access_change,
            count_cache=self.api.count_cache,
        )
        allow(operation.timeout)
        # A batch derives a key for each of its operations from the one of the request.
        if operation.idempotent and operation.path != "/contacts/batch":
            return await run_idempotently(request, operation.handler, self.request.path, raw_body)
        return await operation.handler(request)

    @property
    def _user(self) -> str | None:
        """The user whom a key of scope system acts for."""
        return self.request.headers.get("X-Claw-User-Id")

    async def _limited(self, attempt: Awaitable[T]) -> T:
        """Return the result of an authentication. Invalid tokens are limited (service/rest/guesses.py).

        A valid one passes, whatever others send from the same address.
        """
        try:
            return await attempt
        except RequestError as exc:
            if exc.status == unauthorized().status:
                self._count_guess(self.token)
            raise

    def _count_guess(self, token: str | None) -> None:
        """Count an invalid token; RequestError when the address has sent too many, or this one too often."""
        allowance = self.api.guesses.take(self.address_key, token)
        if not allowance.allowed:
            self.allowance = allowance
            raise rest_error("RATE_LIMITED", "Too many requests without a valid token")

    def _charge(self, cost: int) -> None:
        if cost:
            self.count(self.bucket, cost)

    def _query(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for name, value in self.request.query.items():
            values.setdefault(name, []).append(value)
        return values

    async def _body(self, operation: Operation) -> tuple[dict[str, Any], bytes]:
        """Return the validated body, and the bytes that tell a repeated request from a different one."""
        if operation.upload:
            content, kind = await read_picture(self.request)
            return {"content": content, "kind": kind}, content
        if operation.body is None:
            return {}, b""
        if self.request.content_type in FORMS and self.request.body_exists:
            raise rest_error("UNSUPPORTED_MEDIA_TYPE", "Send JSON")
        raw_body = await read_body(self.request)
        try:
            fields = orjson.loads(raw_body) if raw_body.strip() else {}
        except ValueError:
            raise invalid_body("is not JSON") from None
        if operation.free_body:
            return load_free_body(fields), raw_body
        body = load_body(operation.body_schema, fields)
        operation.check_either(body)
        return body, raw_body

    def _write(self, response: ApiResponse) -> web.Response:
        """Return the HTTP response: 304 without a body when the client has this version already."""
        etag = response.headers.get("ETag")
        if self.request.method in {"GET", "HEAD"} and etag and self._is_known(etag):
            return json_response(304, None, {"ETag": etag})
        http_response = raw_response(response.status, response.chunks or response.body, response.headers)
        if response.content_type != "application/json":
            http_response.content_type, http_response.charset = response.content_type, None
        return http_response

    def _is_known(self, etag: str) -> bool:
        known = self.request.headers.get("If-None-Match", "")
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return "*" in tags or etag.removeprefix("W/") in tags
