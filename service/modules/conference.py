"""`conference.*`: who calls whom, who is in which room, and what participants tell each other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson

from service.calls import LOGGED_EVENTS, Entry, write_log
from service.context import Context, row, rows
from service.database import ResultSet, Transaction, document, documents
from service.errors import invalid_param, missing_param
from service.media import media_configs
from service.rooms import tell_left
from service.schema import ID

TYPES = {"meeting", "connect"}
SWITCHES = ("audio", "video", "screen", "muted")
TEXTS = {"participant_id": 64, "firstname": 255, "lastname": 255, "guest_name": 128}
ONLY_ID = {"participant_id": 64}
OFF = {0, "0", "false", "off", "", None}


async def join(ctx: Context, hub_id: str, socket_id: str, metadata: dict[str, Any]) -> Any:
    """Enter a room. Joining again is harmless: role and place are kept."""
    kind, media, limit = _kind(ctx, metadata, None), _media(ctx, metadata), ctx.settings.socket_rooms
    found, others, recipients = await ctx.yp(
        "conference_join", ctx.sid, socket_id, hub_id, _room(ctx), kind, media, limit
    )
    joined = document(found)
    if joined["details"] is None:
        joined["details"] = await ctx.nodes.details(ctx.caller.hub_db, hub_id, joined["room_id"])
    if joined["entered"]:
        service, model = _announcement(ctx, kind, joined)
        # an acceptance must reach whoever calls, even from another tab of the same browser
        sender = None if service == "conference.accept" else socket_id
        ctx.push(service, model, recipients, socket_id=sender)
        ctx.presence_changed()
    return {
        "permission": joined["user"]["permission"],
        "details": joined["details"],
        "configs": media_configs(ctx.settings, ctx.caller.uid),
        "attendees": rows(others),
        "user": joined["user"],
        "serial": joined["serial"],
    }


async def leave(ctx: Context, room_id: str, socket_id: str) -> Any:
    """Leave a room; whoever stays is told. Leaving twice is harmless."""
    found = await ctx.yp("conference_leave", ctx.sid, socket_id, room_id)
    if not found:
        return {"peers": []}
    *news, peers = found
    ctx.after_commit.append(lambda: tell_left(ctx.pusher, news))
    ctx.presence_changed()
    return {"peers": rows(peers)}


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
    (recipients,) = await ctx.yp("conference_broadcast", ctx.sid, socket_id, ctx.caller.hub, _room(ctx))
    ctx.push(ctx.service, payload, recipients, event=event)
    return payload


async def attendee(ctx: Context, participant_id: str) -> Any:
    """Who is behind an endpoint of the media server; an empty object for whoever may not know."""
    hub = ctx.args.get("hub_id")
    (found,) = await ctx.yp("conference_attendee", ctx.sid, participant_id, hub, _room(ctx))
    return next(iter(documents(found)), {})


async def invite(ctx: Context, hub_id: str, guest_id: str, socket_id: str, metadata: dict[str, Any]) -> Any:
    """Ring somebody. Who calls back at the same moment gets the other's call to answer instead."""
    if guest_id == ctx.caller.uid:
        raise invalid_param("guest_id", "nobody can call himself")
    kind, media = _kind(ctx, metadata, "connect"), _media(ctx, metadata)
    room, ring, limit = _room(ctx), ctx.settings.ring_seconds, ctx.settings.socket_rooms
    *_, found, recipients = await ctx.yp(
        "conference_invite", ctx.sid, socket_id, hub_id, room, guest_id, kind, media, ring, limit
    )
    answer = document(found)
    call = answer["call"]
    if answer["outcome"] == "offline":
        return {"offline": 1, "uid": guest_id}
    if answer["outcome"] == "cross":
        return call | {"cross_call": 1, "caller": call}
    if answer["outcome"] == "ringing":
        model = call | {"room_type": kind, "type": ctx.service}
        ctx.push(ctx.service, model, recipients, socket_id=socket_id)
        ctx.calls.ringing()
        ctx.presence_changed()
    return {"room_id": answer["room_id"], "nid": answer["room_id"]}


async def accept(ctx: Context, caller: dict[str, Any], socket_id: str) -> Any:
    """Pick up: the caller, and the caller of this service on his other sockets, are told."""
    room, calling = _room_of(ctx, caller), _id(caller.get("caller_id"))
    found = await ctx.yp("conference_accept", ctx.sid, socket_id, room, calling)
    if found:
        accepted, recipients = found
        _inform(ctx, document(accepted), recipients, socket_id)
        ctx.presence_changed()
    return caller


async def decline(ctx: Context, caller: dict[str, Any], socket_id: str | None) -> Any:
    """Turn a ringing call down; saying so again, or too late, is harmless and reaches nobody."""
    room, calling = _room_of(ctx, caller), _id(caller.get("caller_id"))
    found = await ctx.yp("conference_decline", ctx.sid, room, calling, socket_id)
    if found:
        declined, his_socket, my_tabs = found
        call = document(declined)
        _inform(ctx, call, his_socket, socket_id)
        ctx.push("conference.revoke", call | {"status": "declined"}, my_tabs)
    ctx.presence_changed()
    return caller


async def cancel(ctx: Context, room_id: str, socket_id: str) -> Any:
    """Give a room up; those who ring and those who are in it are told."""
    found = await ctx.yp("conference_cancel", ctx.sid, socket_id, ctx.caller.hub, room_id)
    if found:
        recipients, *rooms = found
        model = {"uid": ctx.caller.uid, "socket_id": socket_id, "room_id": room_id}
        _inform(ctx, model, recipients, socket_id)
        ctx.after_commit.append(lambda: tell_left(ctx.pusher, rooms))
        ctx.presence_changed()
    return {}


async def revoke(ctx: Context, hub_id: str, callee: dict[str, Any], socket_id: str) -> Any:
    """Take an invitation back; it is logged as cancelled on both sides."""
    guest, room = _peer(callee), _room(ctx)

    async def take_back(tx: Transaction) -> tuple[list[ResultSet], list[Entry]]:
        found = await tx.call("yp", "conference_revoke", ctx.sid, socket_id, hub_id, room, guest)
        log = await write_log(tx, document(found[-2]), "cancel", 0) if len(found) > 1 else []
        return found, log

    found, log = await ctx.db.transaction("conference_revoke", take_back)
    if len(found) > 1:
        *rooms, revoked, recipients = found
        call = document(revoked)
        model = {name: call[name] for name in ("room_id", "hub_id", "caller_id", "uid")}
        _inform(ctx, model, recipients, socket_id)
        ctx.after_commit.append(lambda: tell_left(ctx.pusher, rooms))
        ctx.after_commit.append(lambda: ctx.presence.changed(call["callee_id"], call["callee_db"]))
        _tell_log(ctx, log)
    known = found[0] if len(found) == 1 else found[-2] if found else []
    return {"room_id": document(known)["room_id"] if known else room}


async def get_caller(ctx: Context, guest_id: str) -> Any:
    """The call with which somebody is ringing the caller of this service; an empty object when he is not."""
    (found,) = await ctx.yp("conference_get_caller", ctx.caller.uid, guest_id)
    return row(found)


async def log_call(ctx: Context, callee: dict[str, Any], event: str, duration: float | None) -> Any:
    """Log a call in both conversations, once; what is no end of a call is ignored."""
    if event in LOGGED_EVENTS and (peer := _peer(callee)):
        milliseconds = int(duration) if event == "leave" and duration else 0

        async def write(tx: Transaction) -> list[Entry]:
            (found,) = await tx.call("yp", "call_log_start", ctx.caller.uid, peer, _room(ctx))
            call = document(found)
            if call is None:
                return []
            return await write_log(tx, call, event, milliseconds, invited=call["invited"])

        _tell_log(ctx, await ctx.db.transaction("call_log", write))
    return callee


def _tell_log(ctx: Context, log: list[Entry]) -> None:
    for entry, sockets in log:
        ctx.push("chat.post", entry, sockets)


def _inform(ctx: Context, model: dict[str, Any], recipients: ResultSet, socket_id: str | None) -> None:
    """Push under the name of the called service, with what the frontend expects of every such push."""
    metadata = ctx.args.get("metadata")
    kind = metadata.get("type") if isinstance(metadata, dict) else None
    told = model | {"room_type": "meeting" if kind == "meeting" else "connect", "type": ctx.service}
    ctx.push(ctx.service, told, recipients, socket_id=socket_id)


def _room(ctx: Context) -> str | None:
    """The room that the request names, under either of its names."""
    return ctx.args.get("room_id") or ctx.args.get("nid")


def _room_of(ctx: Context, caller: Mapping[str, Any]) -> str | None:
    """The room of an invitation that the client hands back."""
    return _id(caller.get("room_id")) or _id(caller.get("nid")) or _room(ctx)


def _peer(callee: Mapping[str, Any]) -> str | None:
    """Uid of the person behind a callee object."""
    return _id(callee.get("entity_id")) or _id(callee.get("drumate_id")) or _id(callee.get("uid"))


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and ID.fullmatch(value) else None


def _kind(ctx: Context, metadata: Mapping[str, Any], default: str | None) -> str:
    kind = ctx.args.get("type") or metadata.get("type") or ctx.args.get("room_type") or default
    if kind is None:
        raise missing_param("type")
    if not (isinstance(kind, str) and kind in TYPES):
        raise invalid_param("type", "must be one of connect, meeting")
    return kind


def _announcement(ctx: Context, kind: str, joined: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """(service, model) of the push that tells the others of a new participant (contract 2.5)."""
    model = joined["user"] | {"room_type": kind} | {name: joined[name] for name in ("details", "serial")}
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
    for name, limit in _texts(ctx).items():
        value = ctx.args.get(name) or metadata.get(name)
        if isinstance(value, str) and value:
            found[name] = value[:limit]
    if "participant_id" in found and not ID.fullmatch(found["participant_id"]):
        raise invalid_param("metadata.participant_id", "is not an id")
    return orjson.dumps(found).decode()


def _texts(ctx: Context) -> Mapping[str, int]:
    """Texts that the caller may set: people with an account are known by the names they have there."""
    return ONLY_ID if ctx.caller.signed_in else TEXTS


def _is_off(value: Any) -> bool:
    return isinstance(value, int | str | None) and value in OFF
