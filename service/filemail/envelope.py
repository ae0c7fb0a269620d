"""Write answers as JSON, XML or JSONP, always with HTTP 200."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import orjson
from aiohttp import web

from service.errors import RequestError
from service.filemail.errors import INVALID_PARAMETER, filemail_error

CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*){0,5}")
CALLBACK_LENGTH = 128
INVALID_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids."""


def error_fields(error: RequestError) -> dict[str, Any]:
    """Return the fields of an error.

    The name is sent in two fields: the one that clients read and the one that is documented.
    """
    return {
        "responsestatus": error.code,
        "errorcode": error.data["errorcode"],
        "errorname": error.code,
        "errormessage": error.reason,
    }


def callback_name(params: dict[str, str]) -> str | None:
    """Return the callback of a JSONP request, or None; RequestError unless it is a plain name.

    Anything else could smuggle a script into the answer.
    """
    name = params.get("callback")
    if name is None or _wants_xml(params):
        return None
    if len(name) > CALLBACK_LENGTH or not CALLBACK.fullmatch(name):
        raise filemail_error(INVALID_PARAMETER, "Parameter 'callback' is not the name of a function")
    return name


def build_response(params: dict[str, str], callback: str | None, fields: dict[str, Any]) -> web.Response:
    """Write the fields in the format that the parameters ask for."""
    if _wants_xml(params):
        return web.Response(body=_xml(fields), content_type="application/xml", charset="utf-8")
    body = orjson.dumps(fields)
    if callback is None:
        return web.Response(body=body, content_type="application/json", charset="utf-8")
    # JSON allows these two characters inside strings; older JavaScript ends the line at them.
    safe = body.replace("\u2028".encode(), b"\\u2028").replace("\u2029".encode(), b"\\u2029")
    script = b"/**/" + callback.encode() + b"(" + safe + b");"
    return web.Response(body=script, content_type="application/javascript", charset="utf-8")


def _wants_xml(params: dict[str, str]) -> bool:
    return params.get("format", "").lower() == "xml"


def _xml(fields: dict[str, Any]) -> bytes:
    root = ElementTree.Element("response")
    for name, value in fields.items():
        _append(root, name, value)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text


def _append(parent: ElementTree.Element, name: str, value: object) -> None:
    element = ElementTree.SubElement(parent, name)
    if isinstance(value, dict):
        for key, item in value.items():
            _append(element, key, item)
    elif isinstance(value, list):
        for item in value:
            _append(element, name.lower().removesuffix("s"), item)
    else:
        element.text = INVALID_IN_XML.sub("", str(value))
