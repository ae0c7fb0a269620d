"""Read the parameters of a request in all the forms that the frontend uses (contract 1.2-1.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from aiohttp import web

from service.errors import RequestError
from service.settings import Settings

PARAM_HEADER = "x-param-"
UPLOAD_HEADER = "x-param-xia-data"
FRONTEND_HEADERS = ("x-param-device", "x-param-page-language")
ABSENT_TEXTS = {"undefined", "null", ""}


def from_frontend(request: web.Request) -> bool:
    """Whether the Drumee frontend is calling; it drops the body of anything but HTTP 200."""
    return any(name in request.headers for name in FRONTEND_HEADERS)


def origin_allowed(request: web.Request, settings: Settings) -> bool:
    """Browsers say which page sends a request or opens a socket; other clients say nothing."""
    origin = request.headers.get("Origin")
    if origin is None or origin.rstrip("/") in settings.origins:
        return True
    return origin.partition("//")[2] == request.host


def page_host(request: web.Request) -> str:
    """Host name, without the port, of the page that calls; "" when the Host header is no such thing."""
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""
    return host if host.isascii() else ""


async def read_args(request: web.Request) -> dict[str, Any]:
    """All parameters by name: headers, below the query, below the body.

    RequestPayloadError when the body cannot be unpacked.
    """
    args = header_args(request)
    args.update(_upload_args(request))
    args.update(_query_args(request.rel_url.raw_query_string))
    if request.body_exists and not is_upload(request):
        args.update(await _body_args(request))
    return args


def is_upload(request: web.Request) -> bool:
    """Whether the body is a file (contract 1.6); it is not read here, however big it is."""
    return UPLOAD_HEADER in request.headers


def _upload_args(request: web.Request) -> Mapping[str, Any]:
    """What is said about an uploaded file; its name was encoded twice."""
    if not is_upload(request):
        return {}
    found = _json_object(_decode(request.headers[UPLOAD_HEADER]), UPLOAD_HEADER)
    if isinstance(found.get("filename"), str):
        found["filename"] = _decode(found["filename"])
    return found


def header_args(request: web.Request) -> dict[str, Any]:
    """Arguments that travel as `x-param-<name>`: all there are before the others could be read."""
    found = {}
    for name, value in request.headers.items():
        if name[:8].lower() == PARAM_HEADER:
            found[name[8:].lower()] = value
    return found


def _query_args(raw: str) -> dict[str, Any]:
    """Flat pairs, and bare percent-encoded JSON objects. A + is a plus: phone numbers hold it."""
    found: dict[str, Any] = {}
    for part in raw.split("&") if raw else ():
        name, equals, value = part.partition("=")
        if equals:
            text = _decode(value)
            if text not in ABSENT_TEXTS:
                found[_decode(name)] = text
        elif part:
            text = _decode(part)
            if text.startswith("{"):
                found.update(_json_object(text, "the query"))
    return found


def _decode(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise RequestError(400, "INVALID_QUERY", "the query is not UTF-8") from None


async def _body_args(request: web.Request) -> dict[str, Any]:
    body = await request.read()
    if request.content_type == "application/x-www-form-urlencoded":
        return _form_args(body)
    if request.content_type == "multipart/form-data":
        raise RequestError(415, "UNSUPPORTED_MEDIA", "send JSON, or a urlencoded form")
    if not body.strip():
        return {}
    try:
        return _json_object(body, "the body")
    except RequestError as exc:
        raise _with_hint(exc, request) from None


def _with_hint(error: RequestError, request: web.Request) -> RequestError:
    """Whoever sends a file and does not say so is told how it is said."""
    if request.content_type == "application/json" or request.content_type.startswith("text/"):
        return error
    return RequestError(error.status, error.code, f"{error.reason}; a file needs the header {UPLOAD_HEADER}")


def _form_args(body: bytes) -> dict[str, Any]:
    if body.lstrip().startswith(b"{"):
        # curl -d calls everything a form, and no form begins with a brace
        return _json_object(body, "the body")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise RequestError(400, "INVALID_BODY", "the form is not UTF-8") from None
    return {name: value for name, value in pairs if value not in ABSENT_TEXTS}


def _json_object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except ValueError:
        raise RequestError(400, "INVALID_JSON", f"{what} is not JSON") from None
    if not isinstance(found, dict):
        raise RequestError(400, "INVALID_JSON", f"{what} must be a JSON object")
    return found
