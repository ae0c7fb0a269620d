"""Write answers as JSON, with the headers that clients of this API read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
from aiohttp import web

from service.errors import RequestError

TIER = "free"
VERSION = "1"
HEADERS = {
    "X-Claw-Tier": TIER,
    "X-Claw-Version": VERSION,
    "Vary": "Authorization, Origin",
}


def json_response(
    status: int, fields: dict[str, Any] | None, headers: dict[str, str] | None = None
) -> web.Response:
    """Return a JSON response; without a body when `fields` is None."""
    return raw_response(status, None if fields is None else orjson.dumps(fields), headers)


def raw_response(
    status: int, body: bytes | AsyncIterator[bytes] | None, headers: dict[str, str] | None = None
) -> web.Response:
    """Return a response whose body is JSON text already, or a file whose type the caller sets."""
    return web.Response(
        body=body,
        status=status,
        headers={**HEADERS, **(headers or {})},
        content_type=None if body is None else "application/json",
        charset=None if body is None else "utf-8",
    )


def error_response(error: RequestError) -> web.Response:
    """Return the response of an error."""
    return json_response(error.status, {"error": error_fields(error)}, error.headers)


def error_fields(error: RequestError) -> dict[str, Any]:
    """Return code, message and, if the error has any, details."""
    fields: dict[str, Any] = {"code": error.code, "message": error.reason}
    return {**fields, "details": error.data} if error.data else fields
