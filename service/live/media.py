"""Addresses and credentials of the media servers for clients: Jitsi, LiveKit, STUN and TURN."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from service.live.media_tokens import jitsi_token, livekit_token
from service.settings import Settings, parse_list


def media_configs(settings: Settings, attendee: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Return `configs` of conference.join and conference.room for one attendee, a row of `attendee_card`.

    Empty for who waits at the door. `now`: unix time of the database. The key `stunServers` never occurs:
    the frontend fails on it.
    """
    configs: dict[str, Any] = {}
    if attendee["status"] == "waiting":
        return configs
    if settings.jitsi_domain:
        # The frontend appends the domain to the name.
        login = settings.jitsi_user.partition("@")[0]
        configs = {"domain": settings.jitsi_domain, "auth": [login, settings.jitsi_password]}
    if settings.jitsi_app_id:
        configs["jitsi"] = jitsi_token(settings, attendee, now)
    if settings.livekit_url:
        configs["livekit"] = livekit_token(settings, attendee, now)
    servers = ice_servers(settings, attendee["uid"], now)
    return configs | {"iceServers": servers} if servers else configs


def ice_servers(settings: Settings, uid: str, now: int) -> list[dict[str, Any]]:
    """Return STUN and TURN servers in the form of RTCPeerConnection.

    TURN credentials are valid for `turn_ttl` seconds from `now`, unix time. The user name is
    `<expiry, unix time>:<uid>`, the password its HMAC-SHA1, as coturn expects with `use-auth-secret` and the
    same `static-auth-secret`.
    """
    servers: list[dict[str, Any]] = []
    if stun := parse_list(settings.stun_urls):
        servers.append({"urls": stun})
    if turn := parse_list(settings.turn_urls):
        username = f"{now + settings.turn_ttl}:{uid}"
        digest = hmac.new(settings.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
        servers.append({"urls": turn, "username": username, "credential": base64.b64encode(digest).decode()})
    return servers
