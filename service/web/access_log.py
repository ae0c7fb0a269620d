"""Access log of every API: request id, CALL counter, log line and metrics of each request."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

from service import metrics
from service.log import CallCounter, calls_of_request, request_id

log = logging.getLogger(__name__)

Response = TypeVar("Response", bound=web.StreamResponse)
CLIENT_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class RequestLog:
    """One request, as the access log and the metrics name it."""

    service: str
    label: str
    """Its name in the metrics: that of an operation, or "unknown"."""
    uid: str | None = None
    code: str | None = None
    """Code of the error that it ended with."""


async def log_request(
    request: web.Request, entry: RequestLog, work: Callable[[], Awaitable[Response]]
) -> Response:
    """Do `work`, log it, and return its answer with the request id: the caller's own id when it is usable."""
    started = time.perf_counter()
    client_id = request.headers.get("X-Request-Id", "")
    rid = client_id if CLIENT_REQUEST_ID.fullmatch(client_id) else secrets.token_hex(8)
    request_id.set(rid)
    counter = CallCounter()
    calls_of_request.set(counter)
    response = await work()
    if not response.prepared:
        response.headers["X-Request-Id"] = rid
    seconds = time.perf_counter() - started
    metrics.observe_request(entry.label, response.status, seconds)
    log.info(
        "request",
        extra={
            "service": entry.service,
            "status": response.status,
            "code": entry.code,
            "uid": entry.uid,
            "ms": round(seconds * 1000, 2),
            "calls": counter.calls,
            "trips": counter.trips,
            "db_ms": round(counter.seconds * 1000, 2),
        },
    )
    return response
