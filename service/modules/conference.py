"""`conference.*`: who is in which room, and what participants tell each other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson

from service.context import Context, row
from service.database import document, documents
from service.errors import invalid_param, missing_param
from service.rooms import tell_left
from service.schema import ID

TYPES = {"meeting", "connect"}
SWITCHES = ("audio", "video", "screen", "muted")
TEXTS = {"participant_id": 64, "firstname": 255, "lastname": 255, "guest_name": 128}
OFF = {0, "0", "false", "off", "", None}


async def join(ctx: Context, hub_id: str, socket_id: str, metadata: dict[str, Any]) -> Any:
    """Enter a room. Joining again is harmless: role and place are kept."""
    kind = ctx.args.get("type") or metadata.get("type") or ctx.args.get("room_type")
    if kind is None:
        raise missing_param("type")
    if not isinstance(kind, str) or kind not in TYPES:
        raise invalid_param("type", "must be one of connect, meeting")
    room = ctx.args.get("room_id") or ctx.args.get("nid")
    found, recipients = await ctx.yp(
        "conference_join", ctx.sid, socket_id, hub_id, room, kind, _media(ctx, metadata)
    )
    joined = document(found)
    user, details = joined["user"], joined["details"]
    if joined["entered"]:
        service, model = _announcement(ctx, kind, joined)
        ctx.push(service, model, recipients, socket_id=socket_id)
        ctx.presence_changed()
    return {
        "permission": user["permission"],
        "details": details,
        "configs": _configs(ctx),
        "attendees": joined["attendees"],
        "user": user,
    }


async def leave(ctx: Context, room_id: str, socket_id: str) -> Any:
    """Leave a room; whoever stays is told. Leaving twice is harmless."""
    found = await ctx.yp("conference_leave", ctx.sid, socket_id, room_id)
    if not found:
        return {"peers": []}
    ctx.after_commit.append(lambda: tell_left(ctx.pusher, found))
    ctx.presence_changed()
    return {"peers": document(found[0])["peers"]}


async def update(ctx: Context, room_id: str, socket_id: str, metadata: dict[str, Any]) -> Any:
    """Tell what changed on the caller's side; nothing happens when his socket is not in the room."""
    media = _media(ctx, metadata)
    found = await ctx.yp("conference_update", ctx.sid, socket_id, room_id, media)
    if not found:
        return {}
    attendee, recipients = found
    model = orjson.loads(media) | {
        "uid": ctx.caller.uid,
        "room_id": room_id,
        "socket_id": socket_id,
        "timestamp": int(time.time() * 1000),
    }
    ctx.push(ctx.service, model, recipients, event=ctx.args.get("event"))
    return row(attendee)


async def broadcast(ctx: Context, socket_id: str, event: str, payload: dict[str, Any]) -> Any:
    """Send the payload to the members of the hub who are online and to everybody in the room."""
    room = ctx.args.get("room_id") or ctx.args.get("nid")
    (recipients,) = await ctx.yp("conference_broadcast", ctx.sid, socket_id, ctx.caller.hub, room)
    ctx.push(ctx.service, payload, recipients, event=event)
    return payload


async def attendee(ctx: Context, participant_id: str) -> Any:
    """Who is behind an endpoint of the media server; an empty object for whoever may not know."""
    (found,) = await ctx.yp("conference_attendee", ctx.sid, participant_id)
    return next(iter(documents(found)), {})


def _announcement(ctx: Context, kind: str, joined: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(service, model) of the push that tells the others of a new participant (contract 2.5)."""
    model = joined["user"] | {"room_type": kind, "details": joined["details"]}
    if kind == "connect" and ctx.args["isCallee"] == "1":
        return "conference.accept", model | {"active_id": joined["user"]["socket_id"]}
    service = "conference.start" if joined["event"] == "start" else "conference.join"
    return service, model | {"type": service}


def _media(ctx: Context, metadata: Mapping[str, Any]) -> str:
    """What a client may tell of itself, as JSON: switches and short texts; anything else is dropped."""
    found: dict[str, Any] = {
        name: int(not _is_off(metadata[name])) for name in SWITCHES if metadata.get(name) is not None
    }
    if "screen" not in found and metadata.get("share") is not None:
        found["screen"] = int(not _is_off(metadata["share"]))
    for name, limit in TEXTS.items():
        value = ctx.args.get(name) or metadata.get(name)
        if isinstance(value, str) and value:
            found[name] = value[:limit]
    if "participant_id" in found and not ID.fullmatch(found["participant_id"]):
        raise invalid_param("metadata.participant_id", "is not an id")
    return orjson.dumps(found).decode()


def _is_off(value: Any) -> bool:
    return isinstance(value, int | str | None) and value in OFF


def _configs(ctx: Context) -> dict[str, Any]:
    """The Jitsi deployment; without one, nothing (clients then cannot open the media)."""
    settings = ctx.settings
    if not settings.jitsi_domain:
        return {}
    return {"domain": settings.jitsi_domain, "auth": [settings.jitsi_user, settings.jitsi_password]}
