"""Describe webhooks in the OpenAPI document: the answers about them, and the payloads that receivers get."""

from __future__ import annotations

from collections.abc import Mapping

from service.rest.answers import INTEGER, TEXT, Schema, list_of, object_of, one_of, ref
from service.webhooks.events import CALL_TYPES, CONTACT_TYPES, INVITATION_TYPES, MEETING_TYPES, PATTERNS, TEST

TIME: Schema = {"type": "string", "format": "date-time"}
UUID: Schema = {"type": "string", "format": "uuid"}
OUTCOMES = ["answered", "declined", "cancelled", "missed"]
HEADERS = {
    "webhook-id": "Id of the event: the same in each attempt.",
    "webhook-timestamp": "Time of the attempt, unix seconds.",
    "webhook-signature": "`v1,` and the signature, in base64; several are separated by blanks.",
}


def webhook_schemas() -> dict[str, Schema]:
    """Return the schemas of the answers about webhooks, and of all payloads, by name."""
    webhook = {
        "id": TEXT, "url": TEXT, "label": _or_null(TEXT), "events": list_of(one_of(*PATTERNS)),
        "active": {"type": "boolean"}, "state": one_of("active", "paused", "failed"), "pending": INTEGER,
        "full": {"type": "boolean"},
        "failures": INTEGER, "failing_since": _or_null(TIME), "last_error": _or_null(TEXT),
        "last_success_at": _or_null(TIME), "next_try_at": _or_null(TIME), "created_at": TIME,
        "updated_at": TIME,
    }  # fmt: skip
    any_payload = {"anyOf": [ref(_schema_name(kind)) for kind in _data_by_type()]}
    delivery = {
        "id": TEXT, "message_id": TEXT, "type": TEXT, "state": one_of("pending", "delivered"),
        "attempts": INTEGER, "status": _or_null(INTEGER), "error": _or_null(TEXT),
        "tried_at": _or_null(TIME), "payload": any_payload,
    }  # fmt: skip
    page = object_of(limit=INTEGER, next=_or_null(TEXT), has_more={"type": "boolean"})
    answers = {
        "WebhookFields": object_of(**webhook),
        "WebhookAnswer": object_of(data=ref("WebhookFields")),
        "Webhooks": object_of(data=list_of(ref("WebhookFields"))),
        "NewWebhook": object_of(data=object_of(secret=TEXT, **webhook)),
        "WebhookSecret": object_of(data=object_of(id=TEXT, secret=TEXT)),
        "WebhookDelivery": object_of(**delivery),
        "DeliveryAnswer": object_of(data=ref("WebhookDelivery")),
        "Deliveries": object_of(data=list_of(ref("WebhookDelivery")), meta=page),
    }
    return answers | {_schema_name(kind): _payload(kind, data) for kind, data in _data_by_type().items()}


def webhook_operations() -> dict[str, Schema]:
    """Return the section `webhooks` of the document: one request for each type of event."""
    return {
        kind: {
            "post": {
                "operationId": f"on.{kind}",
                "tags": ["webhooks"],
                "summary": f"Receive {kind}",
                "security": [],
                "parameters": [
                    {"name": name, "in": "header", "required": True, "description": doc, "schema": TEXT}
                    for name, doc in HEADERS.items()
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": ref(_schema_name(kind))}},
                },
                "responses": {
                    "2XX": {"description": "The event has arrived."},
                    "410": {"description": "No more events, please: the webhook is paused."},
                    "default": {"description": "A failure; the event is sent again."},
                },
            }
        }
        for kind in _data_by_type()
    }


def _data_by_type() -> dict[str, Schema]:
    """Return the schema of the data of each type of event."""
    change = object_of(user_id=UUID, contact=ref("ContactRecord"))
    erasure = object_of(user_id=UUID, contact=ref("PurgedContact"))
    merger = object_of(user_id=UUID, contact=ref("PurgedContact"), merged_into=UUID)
    contact = dict.fromkeys(CONTACT_TYPES, change) | {"purged": erasure, "merged": merger}
    invitation = object_of(inviter_id=UUID, invitee_id=UUID, message=_or_null(TEXT))
    outcome = {"type": ["string", "null"], "enum": [*OUTCOMES, None]}
    call = object_of(
        room_id=TEXT, caller_id=UUID, callee_id=UUID, outcome=outcome,
        answered_at=_or_null(TIME), seconds=_or_null(INTEGER),
    )  # fmt: skip
    room = object_of(room_id=TEXT, hub_id=UUID, title=TEXT)
    seat = object_of(room_id=TEXT, hub_id=UUID, user_id=UUID, name=TEXT)
    meeting = {name: seat if name in {"joined", "left"} else room for name in MEETING_TYPES}
    return {
        **_prefixed("contact", contact),
        **_prefixed("invitation", dict.fromkeys(INVITATION_TYPES, invitation)),
        **_prefixed("call", dict.fromkeys(CALL_TYPES, call)),
        **_prefixed("meeting", meeting),
        TEST: object_of(webhook_id=TEXT),
    }


def _prefixed(kind: str, schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    return {f"{kind}.{name}": schema for name, schema in schemas.items()}


def _payload(kind: str, data: Schema) -> Schema:
    return object_of(type={**TEXT, "const": kind}, timestamp=TIME, data=data)


def _schema_name(kind: str) -> str:
    """Return the name of a payload's schema: ContactCreatedEvent."""
    return "".join(word.capitalize() for word in kind.split(".")) + "Event"


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}
