"""The answer on the wire: JSON, XML, or JSONP; always HTTP 200."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import orjson
from aiohttp import web

from service.dialects.filemail.errors import INVALID_PARAMETER, ApiError

CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*){0,5}")
CALLBACK_LENGTH = 128
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document can hold."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def failure(error: ApiError) -> dict[str, Any]:
    """The fields of an error: the name stands where the documents and where the clients look for it."""
    return {
        "responsestatus": error.name,
        "errorcode": error.code,
        "errorname": error.name,
        "errormessage": error.message,
    }


def callback_of(given: dict[str, str]) -> str | None:
    """The function of a JSONP call; ApiError when it is no plain name, which a script could be hidden in."""
    name = given.get("callback")
    if name is None or _is_xml(given):
        return None
    if len(name) > CALLBACK_LENGTH or not CALLBACK.fullmatch(name):
        raise ApiError(INVALID_PARAMETER, "Parameter 'callback' is not the name of a function")
    return name


def answer(given: dict[str, str], callback: str | None, fields: dict[str, Any]) -> web.Response:
    """The response to a call with these parameters."""
    if _is_xml(given):
        return web.Response(
            body=_xml(fields), content_type="application/xml", charset="utf-8", headers=HEADERS
        )
    body = orjson.dumps(fields)
    if callback is None:
        return web.Response(body=body, content_type="application/json", charset="utf-8", headers=HEADERS)
    # JSON allows two characters that end a line in older JavaScript
    safe = body.replace("\u2028".encode(), b"\\u2028").replace("\u2029".encode(), b"\\u2029")
    script = b"/**/" + callback.encode() + b"(" + safe + b");"
    return web.Response(body=script, content_type="application/javascript", charset="utf-8", headers=HEADERS)


def _is_xml(given: dict[str, str]) -> bool:
    return given.get("format", "").lower() == "xml"


def _xml(fields: dict[str, Any]) -> bytes:
    root = ElementTree.Element("response")
    for name, value in fields.items():
        _append(root, name, value)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _append(parent: ElementTree.Element, name: str, value: Any) -> None:
    element = ElementTree.SubElement(parent, name)
    if isinstance(value, dict):
        for key, item in value.items():
            _append(element, key, item)
    elif isinstance(value, list):
        for item in value:
            _append(element, name.lower().removesuffix("s"), item)
    else:
        element.text = NO_XML.sub("", str(value))
