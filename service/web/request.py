"""Read the parameters of a request in every form of the frontend (docs/frontend-contract.md#arguments)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from aiohttp import web

from service.errors import RequestError
from service.web.bodies import read_body
from service.web.origin import PARAM_HEADER

UPLOAD_HEADER = "x-param-xia-data"
FRONTEND_HEADERS = ("x-param-device", "x-param-page-language")
ABSENT_TEXTS = {"undefined", "null", ""}


def from_frontend(request: web.Request) -> bool:
    """Return whether the Drumee frontend is calling, which drops the body of anything but HTTP 200."""
    return any(name in request.headers for name in FRONTEND_HEADERS)


def page_host(request: web.Request) -> str:
    """Return the host name, without port, of the page that calls; "" when the Host header is malformed."""
    try:
        host = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""
    return host if host.isascii() else ""


def page_language(request: web.Request, languages: Sequence[str]) -> str:
    """Return the language of a page for its reader: the one that the browser prefers, else the first."""
    preferred = request.headers.get("Accept-Language", "")[:2].lower()
    return preferred if preferred in languages else languages[0]


async def read_args(request: web.Request) -> dict[str, Any]:
    """Return all parameters by name; the body overrides the query, and the query the headers.

    RequestError 400 for malformed parameters, RequestPayloadError when the body cannot be read.
    """
    args = header_args(request)
    args.update(_upload_args(request))
    args.update(query_args(request))
    if request.body_exists and not is_upload(request):
        args.update(await _body_args(request))
    return args


def is_upload(request: web.Request) -> bool:
    """Return whether the body is a file (docs/frontend-contract.md#uploads), without reading it."""
    return UPLOAD_HEADER in request.headers


def _upload_args(request: web.Request) -> Mapping[str, Any]:
    """Return the parameters of an uploaded file; the frontend encodes its name twice."""
    if not is_upload(request):
        return {}
    args = _json_object(_decode(request.headers[UPLOAD_HEADER]), UPLOAD_HEADER)
    if isinstance(args.get("filename"), str):
        args["filename"] = _decode(args["filename"])
    return args


def header_args(request: web.Request) -> dict[str, Any]:
    """Return the parameters in headers `x-param-<name>`, which are known before the body is read."""
    return {
        name[len(PARAM_HEADER) :].lower(): value
        for name, value in request.headers.items()
        if name.lower().startswith(PARAM_HEADER)
    }


def query_args(request: web.Request) -> dict[str, Any]:
    """Parse flat pairs and bare percent-encoded JSON objects. A + is a plus sign: phone numbers have it."""
    raw = request.rel_url.raw_query_string
    args: dict[str, Any] = {}
    for part in raw.split("&") if raw else ():
        name, equals, value = part.partition("=")
        if equals:
            text = _decode(value)
            if text not in ABSENT_TEXTS:
                args[_decode(name)] = text
        elif part:
            text = _decode(part)
            if text.startswith("{"):
                args.update(_json_object(text, "the query"))
    return args


def _decode(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise RequestError(400, "INVALID_QUERY", "the query is not UTF-8") from None


async def _body_args(request: web.Request) -> dict[str, Any]:
    if request.content_type == "multipart/form-data":
        raise RequestError(415, "UNSUPPORTED_MEDIA", "send JSON, or a urlencoded form")
    body = await read_body(request)
    if request.content_type == "application/x-www-form-urlencoded":
        return _form_args(body)
    if not body.strip():
        return {}
    try:
        return _json_object(body, "the body")
    except RequestError as exc:
        raise _with_hint(exc, request) from None


def _with_hint(error: RequestError, request: web.Request) -> RequestError:
    """Add a hint for clients that send a file without the header that announces it."""
    if request.content_type == "application/json" or request.content_type.startswith("text/"):
        return error
    return RequestError(error.status, error.code, f"{error.reason}; a file needs the header {UPLOAD_HEADER}")


def _form_args(body: bytes) -> dict[str, Any]:
    if body.lstrip().startswith(b"{"):
        # curl -d declares every body a form, and no form begins with a brace.
        return _json_object(body, "the body")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise RequestError(400, "INVALID_BODY", "the form is not UTF-8") from None
    return {name: value for name, value in pairs if value not in ABSENT_TEXTS}


def _json_object(text: str | bytes, source: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except ValueError:
        raise RequestError(400, "INVALID_JSON", f"{source} is not JSON") from None
    if not isinstance(value, dict):
        raise RequestError(400, "INVALID_JSON", f"{source} must be a JSON object")
    return value
