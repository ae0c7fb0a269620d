"""The answer on the wire: JSON, with the headers that clients of this API look at."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from service.dialects.rest.errors import ApiError

TIER = "free"
VERSION = "1"
HEADERS = {
    "X-Claw-Tier": TIER,
    "X-Claw-Version": VERSION,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Origin",
}


def answer(status: int, fields: Any, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer; `fields` None: one without a body."""
    return raw(status, None if fields is None else orjson.dumps(fields), headers)


def raw(status: int, body: bytes | None, headers: dict[str, str] | None = None) -> web.Response:
    """An answer whose JSON is at hand already."""
    return web.Response(
        body=body,
        status=status,
        headers={**HEADERS, **(headers or {})},
        content_type=None if body is None else "application/json",
        charset=None if body is None else "utf-8",
    )


def failure(error: ApiError) -> web.Response:
    """The answer of an error."""
    return answer(error.status, {"error": shown(error)}, error.headers)


def shown(error: ApiError) -> dict[str, Any]:
    """The fields of an error."""
    found: dict[str, Any] = {"code": error.code, "message": error.message}
    return {**found, "details": error.details} if error.details else found
