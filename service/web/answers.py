"""Security headers of all answers, and errors outside of the APIs."""

from __future__ import annotations

from aiohttp import hdrs, web

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Its icon is an image, and the QR code that sets up a phone is one in a data URI.
DEMO_POLICY = f"{PAGE_POLICY}; img-src 'self' data:"
HEADERS = {
    hdrs.CACHE_CONTROL: "no-store",
    # Not no-referrer: with that, browsers send `Origin: null` for the forms of our own pages.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
SERVER = "drumee"


async def protect_answer(_: web.BaseRequest, response: web.StreamResponse) -> None:
    """Protect an answer of the application: a handler of its signal on_response_prepare."""
    protect(response)


def protect(response: web.StreamResponse) -> None:
    """Add the headers that an answer does not set itself; name no versions."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    is_page = response.content_type == "text/html"
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else POLICY)
    response.headers[hdrs.SERVER] = SERVER


def plain_error(status: int, code: str) -> web.Response:
    """Return an error as JSON, in the envelope of the RPC: its frontend parses all answers."""
    body = {"error": code, "error_code": status, "status": status, "reason": code, "data": []}
    return web.json_response({"__ack__": "", "__status__": "offline", **body}, status=status)
