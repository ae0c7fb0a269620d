"""Build AsyncAPI 3.0 documents, each of one WebSocket of this service.

Payloads are JSON Schema draft 07, as AsyncAPI has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from service import __version__

Schema = dict[str, Any]

LICENSE = {"name": "AGPL-3.0-or-later", "url": "https://www.gnu.org/licenses/agpl-3.0.html"}


class FrameKind(NamedTuple):
    """A frame."""

    name: str
    doc: str
    payload: Schema


class FrameRequest(NamedTuple):
    """A frame that the service takes, and the names of the frames that answer it."""

    message: FrameKind
    replies: tuple[str, ...] = ()


class Channel(NamedTuple):
    """One WebSocket."""

    title: str
    doc: str
    path: str
    query: Schema
    """The parameters of the address."""
    credentials: Mapping[str, Schema]
    """Security schemes by name; each of them is enough."""


def asyncapi_document(
    channel: Channel,
    pushes: Iterable[FrameKind],
    requests: Iterable[FrameRequest],
    schemas: Mapping[str, Schema],
    base_url: str,
) -> dict[str, Any]:
    """Return the document of a WebSocket: the frames that the service sends, and those that it takes.

    `schemas` are those that payloads refer to, by name; `base_url` is the URL that browsers use.
    """
    sent, taken = list(pushes), list(requests)
    messages = {message.name: _message(message) for message in (*sent, *(r.message for r in taken))}
    address = urlsplit(base_url)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": channel.title,
            "version": __version__,
            "license": LICENSE,
            "contact": {"name": "The maintainers of the service"},
            "description": channel.doc,
            "tags": [{"name": "live"}],
        },
        "defaultContentType": "application/json",
        "servers": {
            "site": {
                "host": address.netloc,
                "protocol": "wss" if address.scheme == "https" else "ws",
                "security": [{"$ref": f"#/components/securitySchemes/{n}"} for n in channel.credentials],
            }
        },
        "channels": {
            "socket": {
                "address": channel.path,
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                "bindings": {"ws": {"method": "GET", "query": channel.query}},
            }
        },
        "operations": _operations(sent, taken),
        "components": {
            "messages": messages,
            "schemas": dict(schemas),
            "securitySchemes": dict(channel.credentials),
        },
    }


def _message(message: FrameKind) -> dict[str, Any]:
    return {"name": message.name, "description": message.doc, "payload": message.payload}


def _operations(sent: Iterable[FrameKind], taken: Iterable[FrameRequest]) -> dict[str, Any]:
    """Return the operations, as the service sees them: it sends pushes, and receives requests."""
    channel = {"$ref": "#/channels/socket"}
    operations: dict[str, Any] = {
        "push": {
            "action": "send",
            "channel": channel,
            "messages": [_in_channel(message.name) for message in sent],
            "description": "What the service sends.",
        }
    }
    for request in taken:
        operation = {
            "action": "receive",
            "channel": channel,
            "messages": [_in_channel(request.message.name)],
            "description": request.message.doc,
        }
        if request.replies:
            reply = {"channel": channel, "messages": [_in_channel(name) for name in request.replies]}
            operation["reply"] = reply
        operations[f"take.{request.message.name}"] = operation
    return operations


def _in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/socket/messages/{name}"}


def closed(schema: Schema) -> Schema:
    """Return a schema whose objects have no other properties than those it names, at any depth."""
    changed = dict(schema)
    if "properties" in schema:
        changed.setdefault("additionalProperties", False)
        changed["properties"] = {name: closed(field) for name, field in schema["properties"].items()}
    if isinstance(schema.get("items"), dict):
        changed["items"] = closed(schema["items"])
    return changed
