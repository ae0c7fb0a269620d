"""`yp.*`: signing in, and what a page needs to know of its visitor."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from time import time
from typing import Any

import orjson

from service import __doc__ as description
from service.context import Context
from service.database import document
from service.passwords import verify_password
from service.rooms import tell_left
from service.session import NOBODY, new_session_id
from service.sessions import end_session

SERVICE_MAP = Path(__file__).with_name("service_map.json")
ACCOUNT_STATES = {
    "archived": "ARCHIVED",
    "deleted": "ARCHIVED",
    "frozen": "frozen",
    "locked": "locked",
}


async def login(ctx: Context) -> Any:
    """Sign in. Always HTTP 200: the outcome is `status`. Takes as long for an account that does not exist."""
    ident, password = ctx.args["vars"]["ident"], ctx.args["vars"]["password"]
    (found,) = await ctx.yp("drumate_login", ident)
    uid, password_hash, state = found[0] if found else (None, None, None)
    # counted before it is verified: guesses sent all at once are counted, too
    wait = await ctx.throttle.attempt(uid or ident, ctx.address)
    if wait:
        return {"status": "BLOCKED", "retry_after": wait}
    if not await verify_password(password, password_hash):
        return {"status": "WRONG_CREDENTIALS"}
    if state != "active":
        return {"status": ACCOUNT_STATES[state]}
    await ctx.throttle.succeeded(uid, ctx.address)
    ctx.new_sid = new_session_id()
    ttl = ctx.settings.session_ttl
    *rooms, strangers, person = await ctx.yp(
        "session_signin", uid, ctx.new_sid, ctx.sid, ttl, ctx.user_agent, ctx.address
    )
    # somebody else was signed in in this browser: his tabs must hear nothing more
    ctx.after_commit.append(lambda: tell_left(ctx.pusher, rooms))
    ctx.after_commit.append(lambda: ctx.pusher.close_sockets(strangers))
    ctx.presence_changed()
    # the frontend reads its environment again only if it does not yet believe to be online
    ctx.connection = "offline"
    return {"status": "ok", **_person(ctx, document(person))}


async def hello(ctx: Context) -> Any:
    """Who the session belongs to."""
    return _visitor(ctx)


async def ping(ctx: Context) -> Any:
    """A sign of life."""
    return {"ok": 1, "timestamp": int(time() * 1000)}


async def reset_session(ctx: Context) -> Any:
    """End the session of the browser, if it has one."""
    await end_session(ctx)
    return {"id": NOBODY, "signed_in": 0, "connection": "offline"}


async def get_env(ctx: Context) -> Any:
    """Everything the frontend needs before it shows anything (contract 3.6)."""
    person = _stranger(ctx)
    if ctx.caller.signed_in:
        (found,) = await ctx.yp("get_user", ctx.caller.uid)
        person = _person(ctx, document(found))
    return {
        **person,
        "user": person["user"] | _visitor(ctx),
        "privilege": 63 if ctx.caller.signed_in else 0,
        "platform": _platform(tuple(ctx.service_names)),
        "main_domain": ctx.settings.public_host,
        "disk": {},
    }


def _person(ctx: Context, found: dict[str, Any]) -> dict[str, Any]:
    """user, hub and organization of somebody who is signed in."""
    return {
        "user": found["user"] | {"signed_in": 1, "connection": "online"},
        "hub": found["hub"],
        "organization": found["organization"] | _link(ctx),
    }


def _stranger(ctx: Context) -> dict[str, Any]:
    return {
        "user": {"profile": {}, "settings": {}, "quota": {}, "disk_usage": {"total": 0}},
        "hub": {"id": NOBODY, "area": "public", "name": "", "settings": {}, "homepage": ""},
        "organization": {"id": 1, "name": "", "metadata": {}, "privilege": 0, **_link(ctx)},
    }


def _visitor(ctx: Context) -> dict[str, Any]:
    caller = ctx.caller
    return {"id": caller.uid, "signed_in": caller.signed_in, "connection": caller.connection}


def _link(ctx: Context) -> dict[str, str]:
    """The frontend compares `link` with the host name of its page, and redirects when they differ."""
    return {"link": ctx.host, "url": ctx.host}


@cache
def _platform(service_names: tuple[str, ...]) -> dict[str, Any]:
    """Constant per process. Names that the frontend refers to and nobody serves are in the map on purpose."""
    services: dict[str, dict[str, str]] = orjson.loads(SERVICE_MAP.read_bytes())
    for name in service_names:
        module, _, method = name.partition(".")
        services.setdefault(module, {})[method] = name
    return {
        "services": services,
        "intl": ["en", "fr"],
        "arch": "pod",
        "version": "0.1.0",
        "isPublic": 0,
        "wallpaper": {},
        "description": description,
    }
