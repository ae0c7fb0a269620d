"""Sessions on the wire: where the session id comes from, the cookie that carries it, and the gate."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from aiohttp import web

from service.database import Database, document
from service.errors import EntityMovingError
from service.request import header_args
from service.settings import Settings, usable_cookie_name

NOBODY = "ffffffffffffffff"
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and what he may do in the hub that the request names. From `session_open`."""

    uid: str
    signed_in: int
    stale: int
    expiry: int | None
    dom_id: int | None
    db: str | None
    firstname: str | None
    lastname: str | None
    fullname: str | None
    username: str | None
    email: str | None
    lang: str | None
    guest_name: str | None
    hub: str | None
    area: str | None
    hub_db: str | None
    hub_owner: str | None
    level: int
    moving: int
    """1: the caller, or the hub, is being moved to another shard."""

    @property
    def shown_name(self) -> str | None:
        """The name that others see; never the mail address that stands in for a missing one."""
        if not self.signed_in:
            return self.guest_name
        return self.username if self.fullname == self.email else self.fullname

    @property
    def connection(self) -> str:
        """The word the frontend takes for the state of its session."""
        return "online" if self.signed_in else "offline"


async def open_session(db: Database, sid: str | None, hub: str | None, resource: str | None) -> Caller:
    """The gate: one CALL. EntityMovingError while the caller, or the hub, is on its way to another shard."""
    (rows,) = await db.call("yp", "session_open", sid, hub, resource)
    caller = Caller(**document(rows))
    if caller.moving:
        raise EntityMovingError(f"{caller.uid} or {caller.hub} is being moved")
    return caller


def new_session_id() -> str:
    """A session id nobody can guess."""
    return secrets.token_urlsafe(32)


def cookie_name(settings: Settings, args: Mapping[str, Any]) -> str:
    """Name of the session cookie: `keysel` of the request when it is a usable name."""
    keysel = args.get("keysel")
    if isinstance(keysel, str) and usable_cookie_name(keysel):
        return keysel
    return settings.cookie


def session_id(request: web.Request, settings: Settings, args: Mapping[str, Any]) -> str | None:
    """Session id of a request: the cookie, else the header `x-param-regsid`; never the URL, which is logged.

    `args` may name another cookie, as `keysel`.
    """
    name = cookie_name(settings, args)
    found = request.cookies.get(name) or header_args(request).get(name)
    if isinstance(found, str) and SESSION_ID.fullmatch(found):
        return found
    return None


def set_cookie(response: web.Response, settings: Settings, name: str, sid: str | None) -> None:
    """Set the session cookie, or expire it when `sid` is None (contract 1.5)."""
    options: dict[str, Any] = {
        "path": "/",
        "domain": _cookie_domain(settings.public_host),
        "secure": settings.base_url.startswith("https:"),
        "httponly": True,
        "samesite": "Strict",
    }
    if sid is None:
        response.set_cookie(name, "", max_age=0, **options)
    else:
        response.set_cookie(name, sid, max_age=settings.session_ttl, **options)


def _cookie_domain(host: str) -> str | None:
    """The main domain; an address or a bare name cannot be one, there the cookie stays with its host."""
    try:
        ip_address(host)
    except ValueError:
        return host if "." in host else None
    return None


def client_address(request: web.Request, settings: Settings) -> str:
    """Address of the caller; behind a trusted proxy, what the nearest proxy says."""
    # a proxy may add a line of its own instead of adding to the caller's
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])) if settings.trust_proxy else ""
    found = forwarded.rpartition(",")[2].strip() or request.remote or ""
    try:
        return str(ip_address(found))
    except ValueError:
        return ""
