"""Describe `/ws` as AsyncAPI 3.0, with the schemas of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from service.rest.answers import BOOLEAN, NULLABLE_TEXT, TEXT, TRUE, answer_schemas, ref
from service.rest.event_filter import MAX_PATTERNS, PATTERN
from service.rest.frames import FRAMES
from service.web.asyncapi import Channel, FrameKind, FrameRequest, Schema, asyncapi_document, closed

DOC = """Every change of the contacts of a user, whichever API made it. At first a socket receives all events.

The service closes a socket with 4401 when its token is not valid or ends, 4408 when it does not answer `ping`
for 90 seconds, 1008 when it sends too much or is one too many, 1013 when the database is away, 1001 when the
process ends. Nothing is sent again: `GET /api/v1/contacts/changes` lists what a client has missed. Frames
that are no JSON object, and unknown actions, are ignored."""
TIMESTAMP = {"type": "string", "format": "date-time", "description": "When the frame was sent."}
PATTERNS = {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^({PATTERN.pattern})$"}}
CHANGES = {
    "contact.created": "A contact is new.",
    "contact.updated": "A contact has changed: the contact as it is now.",
    "contact.deleted": "A contact is in the trash (`permanent` false), or gone for good (`permanent` true).",
    "contact.restored": "A contact is back from the trash.",
}
ANSWERS = ("subscribed", "error")
CHANNEL = Channel(
    title="Contacts, live",
    doc=DOC,
    path="/ws",
    query={
        "type": "object",
        "properties": {
            "token": {**TEXT, "description": "An API key (clk_…), or the access token of /auth/login."},
            "user_id": {**TEXT, "description": "With a key of scope system: the user."},
        },
    },
    credentials={
        "header": {"type": "http", "scheme": "bearer"},
        "query": {"type": "httpApiKey", "in": "query", "name": "token"},
    },
)


def live_document(base_url: str) -> dict[str, Any]:
    """Return the document that /api/v1/asyncapi.json answers; `base_url` is the URL that browsers use."""
    return asyncapi_document(CHANNEL, _pushes(), _requests(), _schemas(), base_url)


def _pushes() -> list[FrameKind]:
    record, deleted = ref("ContactRecord"), ref("DeletedContact")
    data = {
        event: deleted if event == "contact.deleted" else record for event in sorted(set(FRAMES.values()))
    }
    error = {"code": {**TEXT, "const": "VALIDATION_ERROR"}, "message": TEXT}
    patterns = {"type": "array", "items": TEXT}
    subscription = {
        "type": "object",
        "properties": {"events": patterns, "except": patterns},
        "required": ["events"],
    }
    return [
        FrameKind("ping", "The first frame, and one every 30 seconds; answer with `pong`.", _event("ping")),
        *(FrameKind(event, CHANGES[event], _event(event, schema)) for event, schema in data.items()),
        FrameKind(
            "subscribed", "The patterns that select the events of this socket.",
            _event("subscribed", subscription),
        ),
        FrameKind(
            "error", "A subscription was refused.",
            _event("error", {"type": "object", "properties": error, "required": list(error)}),
        ),
    ]  # fmt: skip


def _event(name: str, data: Schema | None = None) -> Schema:
    properties: Schema = {"event": {**TEXT, "const": name}, "timestamp": TIMESTAMP}
    if data is not None:
        properties["data"] = data
    return closed({"type": "object", "properties": properties, "required": list(properties)})


def _requests() -> list[FrameRequest]:
    add = f"Select events, at most {MAX_PATTERNS} patterns. The first ones replace the default, all events."
    remove = "Receive these events no more. Of two patterns that match an event, the later one counts."
    pong = {"type": "object", "properties": {"action": {"const": "pong"}}, "required": ["action"]}
    return [
        FrameRequest(FrameKind("pong", "The answer to `ping`.", pong)),
        FrameRequest(FrameKind("subscribe", add, _subscription("subscribe")), ANSWERS),
        FrameRequest(FrameKind("unsubscribe", remove, _subscription("unsubscribe")), ANSWERS),
    ]


def _subscription(action: str) -> Schema:
    """Return the schema of a change of the subscription; the events may also stand in `data`."""
    nested = {"type": "object", "properties": {"events": PATTERNS}, "required": ["events"]}
    return {
        "type": "object",
        "properties": {"action": {"const": action}, "events": PATTERNS, "data": nested},
        "required": ["action"],
        "anyOf": [{"required": ["events"]}, {"required": ["data"]}],
    }


def _schemas() -> dict[str, Schema]:
    """Return the records of events; they have no other fields."""
    record = closed(answer_schemas()["ContactRecord"])
    trashed = {
        **record,
        "properties": {**record["properties"], "permanent": {**BOOLEAN, "const": False}},
        "required": [*record["required"], "permanent"],
    }
    purged = {
        "type": "object",
        "properties": {"id": TEXT, "permanent": {**TRUE, "const": True}, "merged_into": NULLABLE_TEXT},
        "required": ["id", "permanent"],
    }
    return {
        "ContactRecord": record,
        "TrashedContact": trashed,
        "PurgedContact": closed(purged),
        "DeletedContact": {"oneOf": [ref("TrashedContact"), ref("PurgedContact")]},
    }
