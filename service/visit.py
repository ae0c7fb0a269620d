"""What is noted of every request, whichever API it came by: its id, its CALLs, a log line, the metrics."""

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
from service.database import calls_of_request
from service.log import request_id

log = logging.getLogger(__name__)

Answer = TypeVar("Answer", bound=web.StreamResponse)
GIVEN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True)
class Visit:
    """One request, as the log and the metrics tell it."""

    service: str
    label: str
    """Its name in the metrics: one of those there are, or "unknown"."""
    uid: str | None = None
    code: str | None = None
    """The error it ended with."""


async def observe(request: web.Request, visit: Visit, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer of `work`, with the request's id; the caller's own id when it is a sane one."""
    started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    rid = given if GIVEN_REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    request_id.set(rid)
    counter = [0, 0]
    calls_of_request.set(counter)
    response = await work()
    if not response.prepared:
        response.headers["X-Request-Id"] = rid
    seconds = time.perf_counter() - started
    metrics.observe_request(visit.label, response.status, seconds)
    log.info(
        "request",
        extra={
            "service": visit.service,
            "status": response.status,
            "code": visit.code,
            "uid": visit.uid,
            "ms": round(seconds * 1000, 2),
            "calls": counter[0],
            "trips": counter[1],
        },
    )
    return response
