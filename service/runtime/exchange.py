"""The path of a request to its answer: one for all APIs.

    run → log_request → answer, or an error → explain → write_error → finish

An API adds its wire format: how it reads a request, does the work and writes the result (`answer`), what it
calls a refusal (`name_refusal`) and the failures of the service (`failures`), and how it writes an error.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web
from aiohttp.web_exceptions import HTTPRequestEntityTooLarge
from aiohttp.web_protocol import RequestPayloadError

from service.auth import devices
from service.auth.session import Caller, set_cookie
from service.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    EntityMovingError,
    Failure,
    Refusal,
    Refused,
    RequestError,
    SlowBodyError,
    TooManyCallsError,
)
from service.log import calls_of_request
from service.runtime.context import Context
from service.runtime.process import Process
from service.store.changes import sign_as
from service.store.database import RoutineCaller
from service.store.shares import SharedCaller
from service.web.access_log import RequestLog, log_request
from service.web.address import AddressKey, client_key
from service.web.bodies import FROM_USER
from service.web.deadline import deadline
from service.web.ratelimit import Allowance

log = logging.getLogger(__name__)

SECONDS_OF_ONE = 0.02
"""Seconds in the database that count as one request against the rate limit."""
FAILURES: Mapping[type[Exception], Failure] = {
    EntityMovingError: Failure.MOVING,
    DatabaseUnavailableError: Failure.UNAVAILABLE,
    DatabaseTimeoutError: Failure.TIMEOUT,
    TooManyCallsError: Failure.TOO_MANY_AT_ONCE,
    HTTPRequestEntityTooLarge: Failure.BODY_TOO_LARGE,
    RequestPayloadError: Failure.BODY_UNREADABLE,
    SlowBodyError: Failure.BODY_SLOW,
}
"""Exceptions that need no look at the log."""


class Exchange(ABC):
    """One request and its answer."""

    api_name: ClassVar[str] = "system"
    """What the history of a contact calls this API."""
    failures: ClassVar[Mapping[Failure, RequestError]]
    """Each failure in the words of this API; {body_limit} and {rate_limit} are numbers of the settings."""

    def __init__(self, process: Process, request: web.Request, entry: RequestLog) -> None:
        self.process = process
        self.request = request
        self.entry = entry
        """The entry of the request in the access log."""
        self.caller: Caller | None = None
        self.context: Context | None = None
        self.allowance: Allowance | None = None
        """State of the rate limit, once the request was counted."""
        self._counted = ""
        """Key of the rate limit that it counts against."""
        self.timeout: asyncio.Timeout | None = None
        """The deadline of the request, once it has begun."""
        self.calls: SharedCaller | None = None
        """Calls routines for the handler, once the caller is known."""

    async def run(self) -> web.Response:
        """Answer the request, whatever happens, and log it."""
        return await log_request(self.request, self.entry, self._respond)

    async def _respond(self) -> web.Response:
        try:
            async with deadline(self.process.settings.request_timeout) as self.timeout:
                response = await self.answer()
        except Exception as exc:
            # A failed request has signed nobody in or out: its session changes must not reach the cookies.
            self.context = None
            error = self.explain(self._late(exc))
            response = await self.write_error(error)
            self.entry.code = error.code
        self._charge_time()
        self.finish(response)
        self._set_device_cookie(response)
        self.entry.uid = self.caller.uid if self.caller else None
        if self.caller and self.caller.signed_in:
            self.request[FROM_USER] = True
        return response

    def _late(self, exc: Exception) -> Exception:
        """Return what ended the request: its deadline, or the exception itself."""
        if isinstance(exc, TimeoutError) and self.timeout is not None and self.timeout.expired():
            is_waiting = self.calls is not None and self.calls.is_waiting
            return TooManyCallsError() if is_waiting else DatabaseTimeoutError("the deadline of the request")
        return exc

    def _set_device_cookie(self, response: web.Response) -> None:
        cookie = self.context.new_device_cookie if self.context else ""
        if cookie:
            set_cookie(response, self.process.settings, devices.COOKIE, cookie, devices.COOKIE_SECONDS)

    @abstractmethod
    async def answer(self) -> web.Response:
        """Do what the request asks for."""

    @abstractmethod
    def name_refusal(self, refusal: Refusal) -> RequestError | None:
        """Return what this API calls a refusal; None for one that none of its requests can bring about."""

    @abstractmethod
    async def write_error(self, error: RequestError) -> web.Response:
        """Return the answer of an error."""

    def finish(self, response: web.Response) -> None:  # noqa: B027  # most APIs have nothing to add
        """Add what every answer of this API has, also that of an error."""

    def explain(self, exc: Exception) -> RequestError:
        """Return the error that an exception ends the request with; log what an operator should know."""
        if isinstance(exc, RequestError):
            return exc
        if isinstance(exc, Refused):
            return self.name_refusal(exc.refusal) or self._undeclared(exc.refusal)
        if exc is self.request.content.exception():
            # The client went away in the middle of the body; nobody reads the answer.
            return self.failure(Failure.BODY_UNREADABLE)
        failure = next((f for kind, f in FAILURES.items() if isinstance(exc, kind)), Failure.UNEXPECTED)
        if failure is Failure.UNEXPECTED:
            log.error("unexpected error", exc_info=exc, extra={"service": self.entry.service})
        # The store logs outages of the database, once for all requests.
        return self.failure(failure)

    def _undeclared(self, refusal: Refusal) -> RequestError:
        log.error("undeclared refusal", extra={"service": self.entry.service, "code": refusal.code})
        return self.failure(Failure.UNEXPECTED)

    def failure(self, failure: Failure) -> RequestError:
        """Return a failure in the words of this API."""
        settings = self.process.settings
        return self.failures[failure].with_numbers(
            body_limit=settings.body_limit, rate_limit=settings.rate_limit
        )

    def _charge_time(self) -> None:
        """Count the time that the request has spent in the database against the rate limit."""
        if self.allowance is not None and self.allowance.allowed:
            cost = int(calls_of_request.get().seconds / SECONDS_OF_ONE)
            if cost:
                self.allowance = self.process.limit.charge(self._counted, cost)

    def make_context(
        self, service: str, args: dict[str, Any], caller: Caller, db: RoutineCaller | None = None
    ) -> Context:
        """Return the context of the handler, whose CALLs count against the share of the caller.

        They go through `db`, by default that of the process.
        """
        sign_as(caller.uid if caller.signed_in else None, self.api_name)
        self.calls = SharedCaller(db or self.process.db, self.process.shares, self._key_of(caller))
        return self.process.make_context(self.request, service, args, caller, self.calls)

    def _key_of(self, caller: Caller) -> str:
        """Return whom the limits count: the user, or the address when anonymous."""
        return caller.uid if caller.signed_in else self.address_key

    @property
    def address_key(self) -> AddressKey:
        """Key under which limits count the address of the caller."""
        return client_key(self.request, self.process.settings)

    def count(self, key: str, cost: int = 1) -> None:
        """Count the request as `cost` against the rate limit of a key; RequestError when that is too much."""
        self.allowance, self._counted = self.process.limit.take(key, cost), key
        if not self.allowance.allowed:
            error = self.failure(Failure.RATE_LIMITED)
            error.headers |= self.allowance.headers
            raise error

    def count_caller(self, caller: Caller) -> None:
        """Count the request against the rate limit of the user, or of the address when anonymous."""
        self.count(self._key_of(caller))
