"""Sessions: the session id of a request, the cookie that carries it, and the caller behind it."""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from service.errors import EntityMovingError
from service.settings import Settings, usable_cookie_name
from service.store.database import RoutineCaller
from service.web.request import header_args

NOBODY = "ffffffffffffffff"
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request, and their rights in the hub that the request names. From `session_open`."""

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
    def public_name(self) -> str | None:
        """The name that others see; never the email address, which `fullname` holds without a name."""
        if not self.signed_in:
            return self.guest_name
        return self.username if self.fullname == self.email else self.fullname

    @property
    def has_session(self) -> bool:
        """Whether the request belongs to a session: of a user, a guest, or a visitor who is neither."""
        return self.expiry is not None

    @property
    def connection(self) -> str:
        """The state of the session as the frontend names it: online or offline."""
        return "online" if self.signed_in else "offline"


async def open_session(db: RoutineCaller, sid: str | None, hub: str | None, resource: str | None) -> Caller:
    """Return the caller of a session, in one CALL.

    Raises EntityMovingError while the user, or the hub, is being moved to another shard.
    """
    caller, _ = await open_session_as_text(db, sid, hub, resource)
    return caller


async def open_session_as_text(
    db: RoutineCaller, sid: str | None, hub: str | None, resource: str | None
) -> tuple[Caller, str]:
    """Return what `open_session` returns, and the answer of the gate as it came."""
    (((answer,),),) = await db.call("yp", "session_open", sid, hub, resource)
    caller = Caller(**orjson.loads(answer))
    if caller.moving:
        raise EntityMovingError(f"{caller.uid} or {caller.hub} is being moved")
    return caller, answer


def new_session_id() -> str:
    """Return a session id of 256 random bits, as 43 characters."""
    return secrets.token_urlsafe(32)


def successor_id(secret: bytes, sid: str) -> str:
    """Return the session id that replaces a visitor's when they become a guest.

    It is the same for all tabs that send `sid`, and cannot be guessed from it without the secret.
    """
    digest = hmac.digest(secret, f"successor of session {sid}".encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def cookie_name(settings: Settings, args: Mapping[str, Any]) -> str:
    """Return the name of the session cookie: `keysel` of the request when it is a valid cookie name."""
    keysel = args.get("keysel")
    if isinstance(keysel, str) and usable_cookie_name(keysel):
        return keysel
    return settings.cookie


def session_id(request: web.Request, settings: Settings, args: Mapping[str, Any]) -> str | None:
    """Return the session id of a request: the cookie, else the header `x-param-regsid`.

    It never comes from the URL, which proxies log. `args` may name another cookie, as `keysel`.
    """
    name = cookie_name(settings, args)
    sid = request.cookies.get(name) or header_args(request).get(name)
    if isinstance(sid, str) and SESSION_ID.fullmatch(sid):
        return sid
    return None


def set_session_cookie(response: web.Response, settings: Settings, name: str, sid: str | None) -> None:
    """Set the session cookie, or expire it when `sid` is None (docs/frontend-contract.md#session-cookie)."""
    domain = settings.cookie_domain or None
    set_cookie(response, settings, name, sid, settings.session_ttl, domain=domain)


def set_cookie(
    response: web.StreamResponse,
    settings: Settings,
    name: str,
    value: str | None,
    seconds: int,
    *,
    domain: str | None = None,
) -> None:
    """Set a cookie that pages cannot read and other sites do not cause to be sent; None expires it.

    Without a domain, only the host that sets it gets it back.
    """
    response.set_cookie(
        name,
        value or "",
        max_age=0 if value is None else seconds,
        path="/",
        domain=domain,
        secure=settings.base_url.startswith("https:"),
        httponly=True,
        samesite="Strict",
    )


ANONYMOUS = Caller(
    uid=NOBODY, signed_in=0, stale=0, expiry=None, dom_id=None, db=None, firstname=None, lastname=None,
    fullname=None, username=None, email=None, lang=None, guest_name=None, hub=None, area=None, hub_db=None,
    hub_owner=None, level=0, moving=0,
)  # fmt: skip
"""The caller of a request without credentials."""


def parse_caller(data: str, *, stale: int = 0, expiry: int | None = None) -> Caller:
    """Return the caller from the JSON of `caller_card`; EntityMovingError while the user is being moved."""
    caller = Caller(**orjson.loads(data), stale=stale, expiry=expiry)
    if caller.moving:
        raise EntityMovingError(f"{caller.uid} is being moved")
    return caller
