"""The types of events, and their payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from service.ids import to_wire
from service.web.timestamps import wire_time

Data = Mapping[str, Any]

CONTACT_TYPES = ("created", "updated", "deleted", "restored", "purged", "merged")
INVITATION_TYPES = ("received", "accepted", "refused", "withdrawn")
CALL_TYPES = ("started", "answered", "ended", "missed")
MEETING_TYPES = ("started", "ended", "joined", "left")
TEST = "webhook.test"
TYPES = (
    *(f"contact.{name}" for name in CONTACT_TYPES),
    *(f"invitation.{name}" for name in INVITATION_TYPES),
    *(f"call.{name}" for name in CALL_TYPES),
    *(f"meeting.{name}" for name in MEETING_TYPES),
)
PATTERNS = ("*", *dict.fromkeys(f"{name.partition('.')[0]}.*" for name in TYPES), *TYPES)
"""Everything that a subscription may name."""


def payload(delivery: Data) -> str:
    """Return the body of a delivery, JSON; `delivery` is a row of webhook_delivery_card.

    Every attempt has the same bytes.
    """
    kind = str(delivery["type"])
    data = SHAPES[kind.partition(".")[0]](delivery["data"])
    return orjson.dumps({"type": kind, "timestamp": _time(delivery["at"]), "data": data}).decode()


def _contact(data: Data) -> dict[str, Any]:
    merged_into = data["merged_into"]
    return {
        "user_id": to_wire(data["user_id"]),
        "contact": data["contact"],
        **({"merged_into": to_wire(merged_into)} if merged_into else {}),
    }


def _invitation(data: Data) -> dict[str, Any]:
    return {
        "inviter_id": to_wire(data["inviter_id"]),
        "invitee_id": to_wire(data["invitee_id"]),
        "message": data["message"],
    }


def _call(data: Data) -> dict[str, Any]:
    answered_at, ended_at = data.get("answered_at"), data.get("ended_at")
    is_over = ended_at is not None or data["status"] not in {"ringing", "accepted"}
    return {
        "room_id": data["room_id"],
        "caller_id": to_wire(data["caller_id"]),
        "callee_id": to_wire(data["callee_id"]),
        "outcome": _outcome(data) if is_over else None,
        "answered_at": _time(answered_at),
        "seconds": round((ended_at - answered_at) / 1000) if is_over and answered_at and ended_at else None,
    }


def _outcome(data: Data) -> str:
    if data.get("answered_at") is not None:
        return "answered"
    outcomes = {"declined": "declined", "cancelled": "cancelled", "revoked": "cancelled"}
    return outcomes.get(data["status"], "missed")


def _meeting(data: Data) -> dict[str, Any]:
    fields = {"room_id": data["room_id"], "hub_id": to_wire(data["hub_id"])}
    if "user_id" not in data:
        return {**fields, "title": data["title"]}
    return {**fields, "user_id": to_wire(data["user_id"]), "name": data["name"]}


def _test(data: Data) -> dict[str, Any]:
    return {"webhook_id": data["webhook_id"]}


SHAPES: dict[str, Callable[[Data], dict[str, Any]]] = {
    "contact": _contact,
    "invitation": _invitation,
    "call": _call,
    "meeting": _meeting,
    "webhook": _test,
}
"""The data of a payload by the first word of its type."""


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else wire_time(datetime.fromtimestamp(milliseconds / 1000, UTC))
