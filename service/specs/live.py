"""Build the AsyncAPI 3.0 document of the WebSocket of the frontend from the pushes of `acl/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.rpc.declarations import Service
from service.specs.rpc import answer_schema
from service.web.asyncapi import Channel, FrameKind, FrameRequest, Schema, asyncapi_document, closed

UPDATE = "live.update"
DOC = """The WebSocket of the Drumee frontend, with the sub-protocol `service`. `/-/docs/` shows it to people.

Open it with a token of `bootstrap.authn`. `sys.hello` is the first frame; a socket without a session gets
`sys.handshake` instead, and no live updates. A page that connects again names its former socket in
`bootstrap.authn`, and first gets the frames that it has missed. Frames of the client that are longer than
5,000 characters, no JSON, or of another name are ignored. Any field of a model may be null; those that may be
absent are not required."""
TEXT = {"type": "string"}
NULLABLE_TEXT = {"type": ["string", "null"]}
SENDER = closed(
    {
        "type": "object",
        "description": "The user who caused it; empty when that is nobody, or must not matter.",
        "properties": {
            **dict.fromkeys(("uid", "id", "firstname", "lastname", "fullname"), NULLABLE_TEXT),
            "socket_id": {**TEXT, "description": "The tab with this socket drops the frame."},
        },
    }
)
FREE = {"type": "object"}
PINGS = {
    "checkConnection": "Answered with `ok`: 1.",
    "publishOnlineStatus": "The user is at this page again; contacts learn of it. No answer.",
    "publishOfflineStatus": "The user is away from this page; contacts learn of it. No answer.",
}


def frontend_document(
    services: Mapping[str, Service], pushes: Mapping[str, Mapping[str, Any]], base_url: str, cookie: str
) -> dict[str, Any]:
    """Return the document that /-/asyncapi.json answers.

    `base_url` is the URL that browsers use, and `cookie` the name of the session cookie.
    """
    channel = Channel(
        title="Drumee live updates",
        doc=DOC,
        path="/-/websocket/",
        query={
            "type": "object",
            "properties": {"otak": {**TEXT, "description": "Token of bootstrap.authn."}},
        },
        credentials={
            "token": {"type": "httpApiKey", "in": "query", "name": "otak"},
            "cookie": {"type": "httpApiKey", "in": "cookie", "name": cookie},
        },
    )
    messages = [
        FrameKind(name, f"{push['doc']} To {push['to']}.", frame_schema(name, push, services))
        for name, push in pushes.items()
    ]
    return asyncapi_document(channel, messages, _requests(), {}, base_url)


def frame_schema(name: str, push: Mapping[str, Any], services: Mapping[str, Service]) -> Schema:
    """Return the schema of a frame that is pushed under this name."""
    content = _content(push, services)
    if name.startswith("sys."):
        return _object(service={**TEXT, "const": name}, data=content)
    options = _object(service={**TEXT, "const": name}, keys={**TEXT, "const": "*"}, sender=SENDER)
    options["properties"] |= {
        "event": {**TEXT, "description": "The word by which the caller names the event."},
        "echoId": {"type": ["string", "number", "boolean"], "description": "That of the call."},
    }
    return _object(service={**TEXT, "const": UPDATE}, model=content, options=options)


def frame_name(frame: Mapping[str, Any]) -> str:
    """Return the name under which a frame is declared."""
    return str(frame["options"]["service"] if frame["service"] == UPDATE else frame["service"])


def _content(push: Mapping[str, Any], services: Mapping[str, Service]) -> Schema:
    """Return the schema of the model, or of the data of a system frame."""
    if "answers_as" in push:
        return closed(answer_schema(services[push["answers_as"]].declaration["returns"]))
    if "model" not in push:
        return {}
    content = answer_schema({"type": "object", "properties": push["model"]})
    required = [name for name in push["model"] if name not in push.get("sometimes", ())]
    content |= {"type": "object", "required": required}
    return {**closed(content), "additionalProperties": bool(push.get("open"))}


def _requests() -> list[FrameRequest]:
    other = "Any other ping comes back as it was sent, with `ok`: 1."
    ping = {"properties": {"type": TEXT}, "type": "object"}
    pings = "\n".join(f"- `{kind}`: {doc}" for kind, doc in PINGS.items())
    return [
        FrameRequest(
            FrameKind("client.ping", f"By `type`:\n\n{pings}\n\n{other}", _request(["sys.ping"], ping)),
            ("sys.ping",),
        ),
        FrameRequest(
            FrameKind(
                "client.hello", "Asks for `sys.hello` again; other fields of the data come back as well.",
                _request(["sys.hello", "hello"]),
            ),
            ("sys.hello",),
        ),
        FrameRequest(
            FrameKind(
                "client.bind", "Asks whose this socket is now: a visitor may have signed in.",
                _request(["sys.bind", "bind"]),
            ),
            ("sys.socket_bound",),
        ),
    ]  # fmt: skip


def _request(names: list[str], data: Schema = FREE) -> Schema:
    """Return the schema of a frame of the client: `[service, data]`, or an object of both."""
    service = {**TEXT, "enum": names}
    pair = {"type": "array", "items": [service, data], "minItems": 1, "additionalItems": True}
    fields = {"type": "object", "properties": {"service": service, "data": data}, "required": ["service"]}
    return {"oneOf": [pair, fields]}


def _object(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
