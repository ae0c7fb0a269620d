"""How clients reach the servers that carry audio and video: Jitsi, STUN and TURN."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from service.settings import Settings


def media_configs(settings: Settings, uid: str) -> dict[str, Any]:
    """`configs` of conference.join. Never `stunServers`: the frontend cannot bear it."""
    found: dict[str, Any] = {}
    if settings.jitsi_domain:
        found = {"domain": settings.jitsi_domain, "auth": [settings.jitsi_user, settings.jitsi_password]}
    servers = ice_servers(settings, uid)
    return found | {"iceServers": servers} if servers else found


def ice_servers(settings: Settings, uid: str) -> list[dict[str, Any]]:
    """Servers in the form of RTCPeerConnection; credentials for TURN live for `turn_ttl` seconds.

    The name is `<unix time of its end>:<uid>`, the password its HMAC-SHA1: what coturn expects with
    `use-auth-secret` and the same `static-auth-secret`.
    """
    servers: list[dict[str, Any]] = []
    if stun := _urls(settings.stun_urls):
        servers.append({"urls": stun})
    if turn := _urls(settings.turn_urls):
        username = f"{int(time.time()) + settings.turn_ttl}:{uid}"
        digest = hmac.new(settings.turn_secret.encode(), username.encode(), hashlib.sha1).digest()
        servers.append({"urls": turn, "username": username, "credential": base64.b64encode(digest).decode()})
    return servers


def _urls(text: str) -> list[str]:
    return [url.strip() for url in text.split(",") if url.strip()]
