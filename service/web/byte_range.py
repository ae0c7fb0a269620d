"""Parts of a body: the header Range of RFC 9110."""

from __future__ import annotations

from aiohttp import web

from service.errors import RequestError


def byte_range(request: web.Request, size: int, etag: str) -> range | None:
    """Return the bytes that a request asks for; None for all of them.

    Several ranges and those of an earlier version (If-Range) get everything, which RFC 9110 allows.
    RequestError 416 when the body has none of the bytes.
    """
    headers = request.headers
    if request.method != "GET" or "Range" not in headers or headers.get("If-Range", etag) != etag:
        return None
    try:
        start, stop, _ = request.http_range.indices(size)
    except ValueError:
        return None
    if start < stop:
        return range(start, stop)
    content_range = {"Content-Range": f"bytes */{size}"}
    raise RequestError(416, "RANGE_NOT_SATISFIABLE", f"the file has {size} bytes", headers=content_range)
