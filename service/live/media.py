"""Addresses and credentials of the media servers for clients: Jitsi, STUN and TURN."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from service.settings import Settings


def media_configs(settings: Settings, uid: str, now: int) -> dict[str, Any]:
    """Return `configs` of conference.join.

    The key `stunServers` never occurs: the frontend fails on it.
    """
    configs: dict[str, Any] = {}
    if settings.jitsi_domain:
        # The frontend appends the domain to the name.
        login = settings.jitsi_user.partition("@")[0]
        configs = {"domain": settings.jitsi_domain, "auth": [login, settings.jitsi_password]}
    servers = ice_servers(settings, uid, now)
    return configs | {"iceServers": servers} if servers else configs


def ice_servers(settings: Settings, uid: str, now: int) -> list[dict[str, Any]]:
    """Return STUN and TURN servers in the form of RTCPeerConnection.

    TURN credentials are valid for `turn_ttl` seconds from `now`, unix time. The user name is
    `<expiry, unix time>:<uid>`, the password its HMAC-SHA1, as coturn expects with `use-auth-secret` and the
    same `static-auth-secret`.
    """
    servers: list[dict[str, Any]] = []
    if stun := _urls(settings.stun_urls):
        servers.append({"urls": stun})
    if turn := _urls(settings.turn_urls):
        username = f"{now + settings.turn_ttl}:{uid}"
        digest = hmac.new(settings.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
        servers.append({"urls": turn, "username": username, "credential": base64.b64encode(digest).decode()})
    return servers


def _urls(text: str) -> list[str]:
    return [url.strip() for url in text.split(",") if url.strip()]
