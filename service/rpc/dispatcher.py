"""Answer `/-/svc`: dispatch, read, gate, handle, answer, notify (docs/architecture.md#a-request)."""

from __future__ import annotations

import asyncio
import difflib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote

import orjson
from aiohttp import web

from service.auth.one_packet import GateArgs, Guess, GuessCaller, run_guessed
from service.auth.session import (
    NOBODY,
    Caller,
    cookie_name,
    open_session,
    open_session_as_text,
    session_id,
    set_session_cookie,
)
from service.contacts.form_numbers import contact_for_form
from service.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    Failure,
    Refusal,
    RequestError,
)
from service.ids import ID, SOCKET_ID
from service.log import request_id
from service.rpc.declarations import Service
from service.rpc.methods import check_request
from service.runtime.context import Answer, Context, Download, Upload, run_after_commit
from service.runtime.exchange import Exchange
from service.runtime.process import Process
from service.runtime.services_log import ServicesLog
from service.store.database import RoutineCaller
from service.web.access_log import RequestLog
from service.web.bodies import is_big, is_encoded, refuses_encoded
from service.web.byte_range import byte_range
from service.web.deadline import allow
from service.web.fields import load
from service.web.request import from_frontend, header_args, is_upload, query_args, read_args

log = logging.getLogger(__name__)

ONE_PACKET = frozenset({
    "contact.get_contact", "contact.show_contact", "contact.my_contacts", "contact.search", "contact.add",
    "contact.update", "conference.join", "conference.leave", "conference.update", "conference.broadcast",
})  # fmt: skip
"""Services whose handlers do nothing before their first CALL that could not be done twice: the gate travels
with that CALL (service/auth/one_packet.py)."""


class Dispatcher:
    """Answers `/-/svc/<module>.<method>`."""

    def __init__(self, process: Process, services: Mapping[str, Service]) -> None:
        self.process = process
        self.services = services
        self.services_log = ServicesLog(process.db, process.background)

    @refuses_encoded
    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request for a service."""
        return await RpcExchange(self, request, request.match_info["service"], {}).run()

    async def handle_file(self, request: web.Request) -> web.Response:
        """Answer a file: the frontend asks for it by a path of its own."""
        path_args = {name: request.match_info[name] for name in ("nid", "hub_id")}
        return await RpcExchange(self, request, FILE_SERVICE, path_args).run()


FILE_SERVICE = "media.orig"
RETRY_SOON = {"Retry-After": "2"}
FAILURES = {
    Failure.MOVING: RequestError(
        503,
        "UNAVAILABLE",
        "this data is being moved and is not available, try again",
        headers=RETRY_SOON,
    ),
    Failure.UNAVAILABLE: RequestError(
        503, "UNAVAILABLE", "the database is not available, try again", headers=RETRY_SOON
    ),
    Failure.TIMEOUT: RequestError(504, "TIMEOUT", "the database took too long", headers={"Retry-After": "5"}),
    Failure.BODY_TOO_LARGE: RequestError(413, "BODY_TOO_LARGE", "the body is larger than {body_limit} bytes"),
    Failure.BODY_UNREADABLE: RequestError(400, "INVALID_BODY", "the body cannot be read"),
    Failure.BODY_SLOW: RequestError(408, "BODY_TIMEOUT", "the body did not arrive in time"),
    Failure.BODY_ENCODED: RequestError(415, "UNSUPPORTED_MEDIA", "send the body uncompressed"),
    Failure.RATE_LIMITED: RequestError(429, "RATE_LIMITED", "at most {rate_limit} requests a minute"),
    Failure.TOO_MANY_AT_ONCE: RequestError(
        429, "RATE_LIMITED", "too many of your requests wait already", headers=RETRY_SOON
    ),
    Failure.UNEXPECTED: RequestError(
        500, "SERVICE_FAILED", "an error on our side; the log has it under the request id"
    ),
}
"""Failures of the service in the words of this API."""


class RpcExchange(Exchange):
    """One request for a service."""

    api_name: ClassVar = "rpc"
    failures: ClassVar = FAILURES

    def __init__(
        self, dispatcher: Dispatcher, request: web.Request, name: str, path_args: Mapping[str, str]
    ) -> None:
        self.name = name
        self.path_args = path_args
        self.service = dispatcher.services.get(self.name)
        label = self.name if self.service else "unknown"
        super().__init__(dispatcher.process, request, RequestLog(self.name, label))
        self.services_log = dispatcher.services_log
        self.raw_args = header_args(request)
        self.received_us = time.time_ns() // 1000
        self.sid: str | None = None
        self.gate_asked = False

    async def answer(self) -> web.Response:
        """Call the service and wrap what it returns in the envelope."""
        if is_encoded(self.request):
            raise self.failure(Failure.BODY_ENCODED)
        service = self._dispatch()
        check_request(self.request, self.process.settings, service.writes)
        await self._admit_body(service)
        self.raw_args = {**await read_args(self.request), **self.path_args}
        args = load(service.schema, self.raw_args)
        context, answer = await self._guessed(service, args) or await self._gated(service, args)
        data: object = answer
        if service.answers_numbers and context.from_frontend:
            data = _with_form_numbers(data)
        if isinstance(data, Download):
            data = await _begun(self._requested_part(data))
        self.entry.code = _outcome(data)
        response = self._success(service, context, data if data is not None else {})
        run_after_commit(context)
        self._log_service(service, context)
        return response

    async def _gated(self, service: Service, args: dict[str, Any]) -> tuple[Context, Answer]:
        """Run the handler behind the gate; return its context and its answer."""
        await self._gate(service)
        assert self.caller is not None  # noqa: S101  # for mypy: the gate has set it
        context = self.context = self._make_context(args, self.caller)
        allow(service.timeout)
        return context, await service.handler(context, **_handler_args(service, args))

    async def _guessed(self, service: Service, args: dict[str, Any]) -> tuple[Context, Answer] | None:
        """Run the handler with the gate in the packet of its first CALL (service/auth/one_packet.py).

        None when there is no guess, or when it does not hold.
        """
        if service.name not in ONE_PACKET:
            return None
        guess = self.process.gate_answers.get(self._gate_args(service))
        if guess is None or not _admits(guess, service):
            return None
        self.gate_asked = True
        calls = GuessCaller(self.process.db, guess.check)

        async def work() -> tuple[Context, Answer]:
            self.count_caller(guess.caller)
            context = self._make_context(args, guess.caller, calls)
            allow(service.timeout)
            return context, await service.handler(context, **_handler_args(service, args))

        try:
            outcome = await run_guessed(
                calls, work(), lambda: self.process.gate_answers.pop(guess.gate, None)
            )
        finally:
            if calls.is_checked:
                self.caller = guess.caller
        if outcome is not None:
            self.context = outcome[0]
        return outcome

    def _success(self, service: Service, context: Context, data: object) -> web.Response:
        """Return 200, or the declared status of a part that failed (docs/frontend-contract.md#statuses)."""
        if isinstance(data, Download):
            return web.Response(
                body=data.chunks,
                status=206 if data.span else 200,
                content_type=data.content_type,
                charset=data.charset if data.content_type.startswith("text/") else None,
                headers=_download_headers(data),
            )
        code = self.entry.code = context.partial
        if code is None or from_frontend(self.request):
            return self._answer(200, {"data": data})
        status, _ = service.errors[code]
        fields = {"error": code, "error_code": status, "status": status, "reason": self._reason(code)}
        return self._answer(status, {**fields, "request_id": request_id.get(), "data": data})

    def _requested_part(self, download: Download) -> Download:
        """Return the part of a file that the header Range asks for; RequestError 416 when there is none."""
        if download.part is None or not download.size:
            return download
        span = byte_range(self.request, download.size, download.etag)
        return replace(download, span=span, chunks=download.part(span)) if span else download

    def _dispatch(self) -> Service:
        if self.service is None:
            matches = difflib.get_close_matches(self.name, self.process.service_names, n=1)
            hint = f"; perhaps {matches[0]}" if matches else ""
            raise RequestError(404, "SERVICE_NOT_FOUND", f"there is no service of this name{hint}")
        return self.service

    async def _admit_body(self, service: Service) -> None:
        """Raise RequestError 401 for a big body of somebody without a session: it is not even read.

        The session must be known without the body, so `keysel` stands in a header or in the query.
        """
        if service.level == 0 or not is_big(self.request) or is_upload(self.request):
            return
        args = self.raw_args | query_args(self.request)
        sid = session_id(self.request, self.process.settings, args)
        caller = await open_session(self.process.db, sid, None, None)
        if caller.uid == NOBODY:
            self.caller = caller
            self.count_caller(caller)
            raise self._denied(service, caller)

    async def _gate(self, service: Service) -> None:
        """Find the caller and their level: one CALL. RequestError when the level is too low."""
        gate = self._gate_args(service)
        self.gate_asked = True
        caller, answer = await open_session_as_text(self.process.db, *gate)
        self.caller = caller
        if service.name in ONE_PACKET:
            self.process.gate_answers[gate] = Guess(gate, answer, caller)
        self.count_caller(caller)
        if caller.stale:
            lifetime = self.process.settings.session_lifetime
            touch = self.process.db.call("yp", "session_touch", self.sid, lifetime)
            self.process.background.start(touch)
        if gate[1] is not None and caller.hub is None:
            raise RequestError(404, "HUB_NOT_FOUND", "hub_id names no hub")
        if caller.level < service.level:
            raise self._denied(service, caller)

    def _gate_args(self, service: Service) -> GateArgs:
        """Return session, hub and resource for the gate."""
        self._read_sid()
        if service.on_hub and service.declaration["permission"].get("fast_check") != "public-api":
            return self.sid, self._id("hub_id"), self._id("room_id") or self._id("nid")
        return self.sid, None, None

    def _id(self, name: str) -> str | None:
        """Return an id for the gate, or None; validation against the declaration refuses malformed ids."""
        value = self.raw_args.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            return None
        text = str(value).strip()
        return text if ID.fullmatch(text) and text not in {"undefined", "null"} else None

    def _denied(self, service: Service, caller: Caller) -> RequestError:
        if not caller.signed_in:
            return RequestError.not_signed_in()
        return RequestError(
            403,
            "WEAK_PRIVILEGE",
            f"{service.name} needs level {service.level} here; yours is {caller.level}",
        )

    def _make_context(self, args: dict[str, Any], caller: Caller, db: RoutineCaller | None = None) -> Context:
        context = self.make_context(self.name, args, caller, db)
        context.sid = self.sid
        context.received_us = self.received_us
        context.upload = self._upload()
        context.socket_id = _socket(self.raw_args.get("socket_id"))
        context.echo_id = _scalar(self.raw_args.get("echoId"))
        return context

    def _upload(self) -> Upload | None:
        if not is_upload(self.request):
            return None
        return Upload(str(self.raw_args.get("filename") or ""), self.request.content)

    def _log_service(self, service: Service, context: Context) -> None:
        if service.log:
            caller = context.caller
            self.services_log.add(service.name, caller.uid, caller.hub, context.args)

    def name_refusal(self, refusal: Refusal) -> RequestError | None:
        """Return the error that the service declares for the code of a routine."""
        if self.service is None or refusal.code not in self.service.errors:
            return None
        status, protocol = self.service.errors[refusal.code]
        # The same form as that of an invalid parameter that a schema refuses.
        names_field = refusal.field and refusal.reason
        reason = f"{refusal.field}: {refusal.reason}" if names_field else refusal.reason
        data: dict[str, Any] = {"param": refusal.field} if names_field else {}
        headers = {}
        if refusal.retry_after:
            data["retry_after"] = refusal.retry_after
            headers["Retry-After"] = str(refusal.retry_after)
        return RequestError(
            status,
            refusal.code,
            reason or self._reason(refusal.code),
            protocol=protocol,
            data=data,
            headers=headers,
        )

    def _reason(self, code: str) -> str:
        declared = self.service.declaration["errors"] if self.service else ()
        return next((e["doc"] for e in declared if e["code"] == code), code)

    def _read_sid(self) -> None:
        self.sid = session_id(self.request, self.process.settings, self.raw_args)

    async def _find_caller(self) -> None:
        """Find the caller for the `__status__` of an error that came before the gate, and count the request.

        RequestError when the caller sends too many. A second gate would fail, or wait, as the first one
        did. An encoded body and a service that does not exist cost no CALL: such requests are refused by
        their headers alone.
        """
        if self.caller is not None or self.timeout is None:
            return
        self._read_sid()
        if self.gate_asked or self.service is None or is_encoded(self.request):
            return
        try:
            async with asyncio.timeout_at(self.timeout.when()):
                self.caller = await open_session(self.process.db, self.sid, None, None)
        except (DatabaseUnavailableError, DatabaseTimeoutError, TimeoutError):
            return  # The original error is answered all the same.
        except Exception:
            log.exception("cannot find the caller of a failed request")
            return
        self.count_caller(self.caller)

    async def write_error(self, error: RequestError) -> web.Response:
        """Return the envelope of an error; the frontend gets business refusals as HTTP 200."""
        try:
            await self._find_caller()
        except RequestError as exc:
            error = exc
        data = {"status": error.code, **error.data}
        if not self._keeps_status(error) and from_frontend(self.request):
            return self._answer(200, self._refusal_for_frontend(error, data))
        # At 400 the frontend opens an empty dialog over the whole page.
        is_dialog = error.status == 400 and from_frontend(self.request)
        status = 412 if is_dialog else error.status
        fields = {
            "error": error.code,
            "error_code": status,
            "status": status,
            "reason": error.reason,
            "request_id": request_id.get(),
            "data": data,
        }
        return self._answer(status, fields, error.headers)

    def _keeps_status(self, error: RequestError) -> bool:
        """Return whether the frontend, too, gets the HTTP status of the error."""
        declared = self.service.errors.get(error.code) if self.service else None
        return error.protocol or (declared is not None and declared[1])

    def _refusal_for_frontend(self, error: RequestError, data: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a business refusal, in the form that the caller of this service reads.

        A caller of a list takes whatever `data` is for the list, so it gets an empty one; the code stands
        beside it.
        """
        why: dict[str, Any] = {"error_code": error.status, "reason": error.reason}
        if self.service is not None and self.service.declaration["returns"]["type"] == "array":
            return {"data": [], "code": error.code, **why}
        refused_as = self.service.declaration.get("refused_as") if self.service else None
        return {"__ack__": refused_as or self.name, "data": {**data, **why}}

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
        # The session is unknown; "offline" would make the browser sign the user out.
        return "online" if self.sid else "offline"

    def _set_cookie(self, response: web.Response) -> None:
        context = self.context
        if context is None:
            return
        name = cookie_name(self.process.settings, self.raw_args)
        # Use extends the session, so the cookie must be extended as well.
        is_extended = context.caller.stale and self.request.cookies.get(name) == self.sid
        if context.new_sid or context.drop_cookie or is_extended:
            sid = None if context.drop_cookie else context.new_sid or self.sid
            set_session_cookie(response, self.process.settings, name, sid)


def _admits(guess: Guess, service: Service) -> bool:
    """Return whether the gate would let a caller in who is as the guess says, and has nothing else to do."""
    caller = guess.caller
    return not caller.stale and caller.level >= service.level and (not guess.gate[1] or bool(caller.hub))


def _handler_args(service: Service, args: dict[str, Any]) -> dict[str, Any]:
    if service.takes is None:
        return args
    return {name: args.get(name) for name in service.takes}


def _download_headers(download: Download) -> dict[str, str]:
    """Return the headers by which a browser saves a file under its name, instead of showing it."""
    headers = {}
    if download.filename:
        # RFC 6266: the second form for names that are not ASCII.
        plain = download.filename.encode("ascii", "replace").decode().replace("?", "_")
        name = f"filename=\"{plain}\"; filename*=UTF-8''{quote(download.filename, safe='')}"
        short = f'filename="{plain}"' if plain == download.filename else name
        headers["Content-Disposition"] = f"attachment; {short}"
    if download.size is not None:
        headers["Content-Length"] = str(len(download.span or range(download.size)))
    if download.part is not None:
        headers |= {"Accept-Ranges": "bytes", "ETag": download.etag}
    if download.span:
        headers["Content-Range"] = f"bytes {download.span[0]}-{download.span[-1]}/{download.size}"
    return headers


async def _begun(download: Download) -> Download:
    """Return a download whose first chunk is there: what fails until then is still answered as an error."""
    first = await anext(download.chunks, b"")

    async def chunks() -> AsyncIterator[bytes]:
        yield first
        async for chunk in download.chunks:
            yield chunk

    return replace(download, chunks=chunks())


def _with_form_numbers(data: object) -> object:
    """Return a contact with numbers that the edit form of the frontend takes; other answers as they are."""
    contact = orjson.loads(orjson.dumps(data)) if isinstance(data, orjson.Fragment) else data
    return contact_for_form(contact) if isinstance(contact, dict) and "mobile" in contact else data


def _outcome(data: object) -> str | None:
    """Return the code of a refusal in an ordinary answer, such as BLOCKED of yp.login, for the log."""
    status = data.get("status") if isinstance(data, dict) else None
    return status if isinstance(status, str) and status.isupper() else None


def _socket(value: object) -> str | None:
    return value if isinstance(value, str) and SOCKET_ID.fullmatch(value) else None


def _scalar(value: object) -> str | int | float | None:
    return value if isinstance(value, str | int | float) and len(str(value)) <= 128 else None
