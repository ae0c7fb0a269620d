"""`conference.*`: calls, rooms, and the messages of participants to each other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from service.errors import invalid_param, missing_param
from service.ids import ID
from service.live.call_log import LOGGED_EVENTS, LogEntry, notify_log, write_log
from service.live.calls import MISSED
from service.live.guest_names import visible_name
from service.live.media import media_configs
from service.live.rooms import (
    notify_cancellation,
    notify_departures,
    notify_entries,
    notify_evictions,
    notify_reviews,
)
from service.runtime.context import Answer, Context, row, rows
from service.store.database import ResultSet, Transaction, document, documents, encode

TYPES = {"meeting", "connect"}
SWITCHES = ("audio", "video", "screen", "muted")
TEXTS = {"participant_id": 64, "firstname": 255, "lastname": 255, "guest_name": 128}
ONLY_ID = {"participant_id": 64}
ROOM = "conference.room"
OFF = {0, "0", "false", "off", "", None}


@dataclass(frozen=True)
class Dial:
    """The outcome of conference.invite."""

    invitation: dict[str, Any]
    """outcome, room_id, call and missed."""
    recipients: ResultSet
    log: list[LogEntry]
    """A call to somebody who is offline."""


async def join(ctx: Context, hub_id: str, socket_id: str, metadata: dict[str, Any]) -> Answer:
    """Enter a room. Joining again changes neither role nor seat."""
    kind, media, limit = _kind(ctx, metadata, None), _entry(ctx, metadata), ctx.settings.socket_rooms
    joined_rows, attendee_rows, recipients = await ctx.yp(
        "conference_join", ctx.sid, socket_id, hub_id, _room(ctx), kind, media, limit
    )
    joined = document(joined_rows)
    if joined["details"] is None:
        joined["details"] = await ctx.nodes.details(ctx.db, ctx.caller.hub_db, hub_id, joined["room_id"])
    if joined["entered"]:
        service, model = _announcement(kind, joined)
        # Without a sender: the caller may sit in another tab of this browser, and must see the acceptance.
        sender = None if service == "conference.accept" else socket_id
        ctx.push(service, model, recipients, socket_id=sender)
        ctx.presence_changed()
    return {
        "permission": joined["user"]["permission"],
        "details": joined["details"],
        "room": joined["room"],
        # The number of the entry is the time of the database: the clock of a process may be wrong.
        "configs": media_configs(ctx.settings, joined["user"], joined["serial"] // 1_000_000),
        "attendees": rows(attendee_rows),
        "user": joined["user"],
        "serial": joined["serial"],
    }


async def leave(ctx: Context, room_id: str, socket_id: str) -> Answer:
    """Leave a room, and notify those who stay. Leaving again does nothing."""
    result_sets = await ctx.yp("conference_leave", ctx.sid, socket_id, room_id)
    if not result_sets:
        return {"peers": []}
    *room_changes, peer_rows = result_sets
    ctx.after_commit += [lambda: notify_departures(ctx.pusher, room_changes), ctx.call_log.write_soon]
    ctx.presence_changed()
    return {"peers": rows(peer_rows)}


async def update(ctx: Context, room_id: str, socket_id: str, metadata: dict[str, Any]) -> Answer:
    """Publish changes of the caller's devices and texts; do nothing when the socket is not in the room."""
    media = _media(ctx, metadata)
    result_sets = await ctx.yp("conference_update", ctx.sid, socket_id, room_id, encode(media))
    if not result_sets:
        return {}
    attendee_rows, recipients = result_sets
    model = media | {
        "uid": ctx.caller.uid,
        "room_id": room_id,
        "socket_id": socket_id,
        "timestamp": int(time.time() * 1000),
    }
    ctx.push(ctx.service, model, recipients, event=ctx.args.get("event"))
    return row(attendee_rows)


async def broadcast(ctx: Context, socket_id: str, event: str, payload: dict[str, Any]) -> Answer:
    """Send the payload to the online members of the hub and the room; with `to`, to one in the room."""
    hub, to = ctx.caller.hub, ctx.args.get("to")
    if to:
        (recipients,) = await ctx.yp("conference_send", ctx.sid, socket_id, hub, _room(ctx), to)
    else:
        (recipients,) = await ctx.yp("conference_broadcast", ctx.sid, socket_id, hub, _room(ctx))
    ctx.push(ctx.service, payload, recipients, event=event)
    return payload


async def attendee(ctx: Context, participant_id: str) -> Answer:
    """Return the attendee behind an endpoint of the media server; {} when the caller may not see them."""
    hub = ctx.args.get("hub_id")
    (attendee_rows,) = await ctx.yp("conference_attendee", ctx.sid, participant_id, hub, _room(ctx))
    return next(iter(documents(attendee_rows)), {})


async def invite(
    ctx: Context, hub_id: str, guest_id: str, socket_id: str, metadata: dict[str, Any]
) -> Answer:
    """Call a user. When that user is calling the caller already, return their call to answer instead."""
    if guest_id == ctx.caller.uid:
        raise invalid_param("guest_id", "is the caller; call another user")
    kind, media = _kind(ctx, metadata, "connect"), _entry(ctx, metadata)
    room, ring, limit = _room(ctx), ctx.settings.ring_seconds, ctx.settings.socket_rooms

    async def unit(tx: Transaction) -> Dial:
        *_, outcome_rows, recipients = await tx.call(
            "yp", "conference_invite", ctx.sid, socket_id, hub_id, room, guest_id, kind, media, ring, limit
        )
        invitation = document(outcome_rows)
        missed = invitation["missed"]
        log = await write_log(tx, missed | {"event": MISSED, "duration": 0, "invited": 0}) if missed else []
        return Dial(invitation, recipients, log)

    dialled = await ctx.db.transaction("conference_invite", unit)
    invitation, recipients = dialled.invitation, dialled.recipients
    ctx.after_commit.append(lambda: notify_log(ctx.pusher, dialled.log))
    if invitation["outcome"] == "offline":
        return {"offline": 1, "uid": guest_id}
    call: dict[str, Any] = invitation["call"]
    if invitation["outcome"] == "cross":
        return call | {"cross_call": 1, "caller": call}
    if invitation["outcome"] == "ringing":
        model = call | {"room_type": kind, "type": ctx.service}
        ctx.push(ctx.service, model, recipients, socket_id=socket_id)
        ctx.ring_timeouts.schedule()
        ctx.presence_changed()
    return {"room_id": invitation["room_id"], "nid": invitation["room_id"]}


async def accept(ctx: Context, caller: dict[str, Any], socket_id: str) -> Answer:
    """Answer a call. `caller` is the call as it was pushed.

    Notifies the user who is calling, and the other sockets of the user who answers.
    """
    room, caller_socket = _room_of(ctx, caller), _id(caller.get("caller_id"))
    result_sets = await ctx.yp("conference_accept", ctx.sid, socket_id, room, caller_socket)
    if result_sets:
        call_rows, recipients = result_sets
        _push_event(ctx, document(call_rows), recipients, socket_id)
        ctx.presence_changed()
    return caller


async def decline(ctx: Context, caller: dict[str, Any], socket_id: str | None) -> Answer:
    """Decline a ringing call. Again, or too late, this notifies nobody."""
    room, caller_socket = _room_of(ctx, caller), _id(caller.get("caller_id"))
    result_sets = await ctx.yp("conference_decline", ctx.sid, room, caller_socket, socket_id)
    if result_sets:
        call_rows, caller_socket_rows, other_tab_rows = result_sets
        call = document(call_rows)
        _push_event(ctx, call, caller_socket_rows, socket_id)
        ctx.push("conference.revoke", call | {"status": "declined"}, other_tab_rows)
        ctx.after_commit.append(ctx.call_log.write_soon)
    ctx.presence_changed()
    return caller


async def cancel(ctx: Context, room_id: str, socket_id: str) -> Answer:
    """End a room; notify those whose call still rings and those who are in the room."""
    result_sets = await ctx.yp("conference_cancel", ctx.sid, socket_id, ctx.caller.hub, room_id)
    if result_sets:
        _push_end(ctx, room_id, socket_id, result_sets)
    return {}


async def revoke(ctx: Context, hub_id: str, callee: dict[str, Any], socket_id: str) -> Answer:
    """Revoke a call, or take a participant out; notify the callee and the room."""
    guest, room = _peer(callee), _room(ctx)

    result_sets = await ctx.yp("conference_revoke", ctx.sid, socket_id, hub_id, room, guest)
    if not result_sets:
        return {"room_id": None}
    *room_changes, call_rows, recipients = result_sets
    call = document(call_rows)
    model = {name: call[name] for name in ("room_id", "hub_id", "caller_id", "uid")}
    _push_event(ctx, model, recipients, socket_id)
    if meeting := [(node, encode(sockets)) for node, sockets in call["meeting"]]:
        ended = {"room_id": call["room_id"], "room_type": "meeting"}
        ctx.after_commit.append(lambda: notify_cancellation(ctx.pusher, meeting, ended))
    ctx.after_commit += [lambda: notify_departures(ctx.pusher, room_changes), ctx.call_log.write_soon]
    ctx.after_commit.append(lambda: ctx.presence.changed(call["callee_id"], call["db"]))
    return {"room_id": call["room_id"]}


async def get_caller(ctx: Context, guest_id: str) -> Answer:
    """Return the ringing call from the user `guest_id` to the caller of this service; {} without one."""
    (call_rows,) = await ctx.yp("conference_get_caller", ctx.caller.uid, guest_id)
    return row(call_rows)


async def log_call(ctx: Context, callee: dict[str, Any], event: str, duration: float) -> Answer:
    """Log the end of a call in both conversations, within what the service knows. `duration` in ms.

    The service logs every call by itself; here the caller does it at once. Ignore other events.
    """
    if event in LOGGED_EVENTS and (peer := _peer(callee)):

        async def write(tx: Transaction) -> list[LogEntry]:
            result_sets = await tx.call(
                "yp", "call_log_start", ctx.caller.uid, peer, _room(ctx), event, int(duration)
            )
            return await write_log(tx, document(result_sets[0])) if result_sets else []

        log = await ctx.db.transaction("call_log", write)
        ctx.after_commit.append(lambda: notify_log(ctx.pusher, log))
    return callee


async def kick(ctx: Context, room_id: str, socket_id: str, ban: str) -> Answer:
    """Take a participant out of a room; with `ban`, until it ends."""
    return await _remove(ctx, room_id, socket_id, None, ban)


async def deny(ctx: Context, room_id: str, socket_id: str, ban: str) -> Answer:
    """Turn somebody away who waits at the door of a room."""
    return await _remove(ctx, room_id, socket_id, "waiting", ban)


async def admit(ctx: Context, room_id: str, socket_id: str) -> Answer:
    """Let somebody in who waits at the door of a room; without `to`, everybody who waits."""
    entry_rows, room_rows = await ctx.yp("conference_admit", ctx.sid, socket_id, room_id, ctx.args.get("to"))
    ctx.after_commit.append(lambda: notify_entries(ctx.pusher, entry_rows, room_rows))
    return {"admitted": [orjson.Fragment(data) for data, _node, _sockets in entry_rows]}


async def mute(ctx: Context, room_id: str, socket_id: str) -> Answer:
    """Ask a participant for silence; without `to`, all attendees."""
    target_rows, *changes = await ctx.yp("conference_mute", ctx.sid, socket_id, room_id, ctx.args.get("to"))
    for data, node, sockets in target_rows:
        ctx.push(ctx.service, orjson.loads(data) | _by(ctx), [(node, sockets)])
    ctx.after_commit.append(lambda: notify_reviews(ctx.pusher, changes))
    return {"asked": rows(changes[0])}


async def set_role(ctx: Context, room_id: str, socket_id: str, to: str, role: str) -> Answer:
    """Make a participant a host or an attendee."""
    changes = await ctx.yp("conference_set_role", ctx.sid, socket_id, room_id, to, role)
    ctx.after_commit.append(lambda: notify_reviews(ctx.pusher, changes))
    return {"changed": rows(changes[0])}


async def end(ctx: Context, room_id: str, socket_id: str) -> Answer:
    """End a room for everybody; again, this does nothing."""
    result_sets = await ctx.yp("conference_end", ctx.sid, socket_id, room_id)
    if result_sets:
        _push_end(ctx, room_id, socket_id, result_sets)
    return {"room_id": room_id if result_sets else None}


async def lock(ctx: Context, room_id: str, socket_id: str, who: str) -> Answer:
    """Say who waits at the door of a room until a host lets them in."""
    entry_rows, recipients, card_rows = await ctx.yp("conference_lock", ctx.sid, socket_id, room_id, who)
    ctx.after_commit.append(lambda: notify_entries(ctx.pusher, entry_rows, recipients))
    ctx.push(ROOM, document(card_rows) | {"type": ROOM}, recipients)
    return row(card_rows)


async def recording(ctx: Context, room_id: str, socket_id: str, on: str) -> Answer:
    """Mark a room as recorded, or no longer so; the media server does the recording."""
    card_rows, recipients = await ctx.yp("conference_recording", ctx.sid, socket_id, room_id, int(on == "1"))
    room: dict[str, Any] = document(card_rows)
    changed = room.pop("changed")
    ctx.push(ctx.service, room | _by(ctx), recipients)
    return room | {"changed": changed}


async def show_room(ctx: Context, room_id: str, socket_id: str) -> Answer:
    """Change the title and the limits of a room, when some are given.

    Return the room, who waits, the caller as a participant, and new credentials of the media servers.
    """
    title, people, minutes = (ctx.args.get(name) for name in ("title", "people", "minutes"))
    if not title is people is minutes is None:
        top = ctx.settings
        card_rows, recipients = await ctx.yp(
            "conference_room_set",
            ctx.sid,
            socket_id,
            room_id,
            title,
            people,
            minutes,
            top.room_people,
            top.room_minutes,
        )
        ctx.push(ROOM, document(card_rows) | {"type": ROOM}, recipients)
    card_rows, waiting_rows = await ctx.yp("conference_room_get", ctx.sid, socket_id, room_id)
    card: dict[str, Any] = document(card_rows)
    configs = media_configs(ctx.settings, card["user"], card.pop("now"))
    return card | {"configs": configs, "waiting": rows(waiting_rows)}


async def _remove(ctx: Context, room_id: str, socket_id: str, status: str | None, ban: str) -> Answer:
    """Take somebody out of a room, or away from its door, and notify everybody concerned."""
    banned = int(ban == "1")
    *room_changes, removed_rows = await ctx.yp(
        "conference_kick", ctx.sid, socket_id, room_id, ctx.args["to"], status, banned
    )
    by = _by(ctx) | {"banned": banned}
    ctx.after_commit.append(lambda: notify_departures(ctx.pusher, room_changes))
    ctx.after_commit.append(lambda: notify_evictions(ctx.pusher, ctx.presence, removed_rows, ctx.service, by))
    return {"removed": [orjson.Fragment(data) for data, *_ in removed_rows]}


def _by(ctx: Context) -> dict[str, Any]:
    """Return who gives a command, as its recipient sees them."""
    return {"by": ctx.caller.uid, "by_name": ctx.caller.public_name, "type": ctx.service}


def _push_end(ctx: Context, room_id: str, socket_id: str, result_sets: list[ResultSet]) -> None:
    """Notify everybody of a room that has ended: the sets of conference_cancel."""
    recipients, *room_changes = result_sets
    model = {"uid": ctx.caller.uid, "socket_id": socket_id, "room_id": room_id}
    _push_event(ctx, model, recipients, socket_id, "conference.cancel")
    ctx.after_commit += [lambda: notify_departures(ctx.pusher, room_changes), ctx.call_log.write_soon]
    former = [attendee for attendee_rows in room_changes[::2] for attendee in documents(attendee_rows)]
    ctx.presence_changed(*((attendee["uid"], attendee["db"]) for attendee in former if attendee.get("db")))


def _push_event(
    ctx: Context, model: dict[str, Any], recipients: ResultSet, socket_id: str | None, service: str = ""
) -> None:
    """Push the model under the name of the called service, with the keys room_type and type."""
    metadata = ctx.args.get("metadata")
    kind = metadata.get("type") if isinstance(metadata, dict) else None
    room_type = "meeting" if kind == "meeting" else "connect"
    service = service or ctx.service
    event = model | {"room_type": room_type, "type": service}
    ctx.push(service, event, recipients, socket_id=socket_id)


def _room(ctx: Context) -> str | None:
    """Return the room of the request: room_id, else nid."""
    return ctx.args.get("room_id") or ctx.args.get("nid")


def _room_of(ctx: Context, caller: Mapping[str, Any]) -> str | None:
    """Return the room of a call that the client sends back; else the room of the request."""
    return _id(caller.get("room_id")) or _id(caller.get("nid")) or _room(ctx)


def _peer(callee: Mapping[str, Any]) -> str | None:
    """Return the uid in a callee object."""
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


def _announcement(kind: str, joined: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return (service, model) of the push for a new participant (docs/frontend-contract.md#live-updates)."""
    model = joined["user"] | {"room_type": kind} | {name: joined[name] for name in ("details", "serial")}
    if joined["was"]:
        model["was"] = joined["was"]
    service = f"conference.{joined['event']}"
    if service == "conference.accept":
        return service, model | {"active_id": joined["user"]["socket_id"]}
    return service, model | {"type": service}


def _entry(ctx: Context, metadata: Mapping[str, Any]) -> str:
    """Return what a client may publish, and the limits of a room that begins with this entry, as JSON."""
    limits = {"people": ctx.settings.room_people, "minutes": ctx.settings.room_minutes}
    return encode(_media(ctx, metadata) | {name: limit for name, limit in limits.items() if limit})


def _media(ctx: Context, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the switches and short texts that a client may publish; drop everything else."""
    media: dict[str, Any] = {
        name: int(not _is_off(metadata[name])) for name in SWITCHES if metadata.get(name) is not None
    }
    if "screen" not in media and metadata.get("share") is not None:
        media["screen"] = int(not _is_off(metadata["share"]))
    for name, limit in _texts(ctx).items():
        value = ctx.args.get(name) or metadata.get(name)
        if isinstance(value, str) and (text := visible_name(value, limit)):
            media[name] = text
    # The guest page repeats a name of one word as the last name, and a name that dmz.login has answered.
    if media.get("lastname") in {media.get("firstname"), media.get("guest_name")}:
        media.pop("lastname", None)
    if "participant_id" in media and not ID.fullmatch(media["participant_id"]):
        raise invalid_param("metadata.participant_id", "is not an id")
    return media


def _texts(ctx: Context) -> Mapping[str, int]:
    """Return the texts that the caller may set. Names of signed-in users come from their accounts."""
    return ONLY_ID if ctx.caller.signed_in else TEXTS


def _is_off(value: Any) -> bool:
    return isinstance(value, int | str | None) and value in OFF
