"""Tokens (JWT, HS256) with which a media server admits one person to one room, for a short time.

The service knows the secrets of the media servers; a page gets only what is signed with them. Nothing here
is stored or logged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from joserfc import jwt
from joserfc.jwk import OctKey

from service.settings import Settings

CLOCK_SECONDS = 30
"""The clock of a media server may be so much behind that of the database."""


def media_room(hub_id: str, room_id: str) -> str:
    """Return the name of a room at a media server: 32 hexadecimal digits.

    Not the id of the room: another hub may have a room with the same one, whose host is somebody else. Jitsi
    reads small letters only, and `*` as all rooms.
    """
    return hashlib.sha256(f"{hub_id} {room_id}".encode()).hexdigest()[:32]


def jitsi_token(settings: Settings, attendee: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Return room, token and expires (unix time) for the token plug-in of Prosody.

    A host of this moment is moderator, in the words of both plug-ins that read it: `moderator` and
    `affiliation`. `attendee`: row of `attendee_card`; `now`: unix time of the database.
    """
    is_host = attendee["role"] == "host"
    user = {
        "id": attendee["uid"],
        "name": _name(attendee),
        "moderator": is_host,
        "affiliation": "owner" if is_host else "member",
    }
    claims = {
        "iss": settings.jitsi_app_id,
        "aud": "jitsi",
        "sub": settings.jitsi_domain,
        "room": media_room(attendee["hub_id"], attendee["room_id"]),
        "moderator": is_host,
        "context": {"user": user},
    }
    return _signed(settings, settings.jitsi_app_secret, claims, now) | {"room": claims["room"]}


def livekit_token(settings: Settings, attendee: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Return url, room, token and expires (unix time) for LiveKit.

    The identity is the socket: LiveKit admits each identity once, and a person may come with two devices.
    `attendee`: row of `attendee_card`; `now`: unix time of the database.
    """
    room = media_room(attendee["hub_id"], attendee["room_id"])
    grants = {
        "room": room,
        "roomJoin": True,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
        "roomAdmin": attendee["role"] == "host",
    }
    claims = {
        "iss": settings.livekit_api_key,
        "sub": attendee["socket_id"],
        "name": _name(attendee),
        "metadata": orjson.dumps({"uid": attendee["uid"]}).decode(),
        "video": grants,
    }
    signed = _signed(settings, settings.livekit_api_secret, claims, now)
    return {"url": settings.livekit_url, "room": room, **signed}


def _name(attendee: Mapping[str, Any]) -> str:
    """Return the name that the others in the room see."""
    return f"{attendee['firstname']} {attendee['lastname']}".strip() or str(attendee["username"])


def _signed(settings: Settings, secret: str, claims: Mapping[str, Any], now: int) -> dict[str, Any]:
    expires = now + settings.media_ttl
    claims = {**claims, "nbf": now - CLOCK_SECONDS, "exp": expires}
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))
    return {"token": token, "expires": expires}
