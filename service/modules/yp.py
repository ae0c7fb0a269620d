"""`yp.*`: sign-in, sign-out, and the environment of a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from time import time
from typing import Any

import orjson

from service import __doc__ as description
from service import __version__
from service.auth.session import NOBODY, new_session_id
from service.live.rooms import notify_departures
from service.runtime.context import Answer, Context
from service.runtime.sessions import check_password, end_session
from service.store.database import document

SERVICE_MAP = Path(__file__).with_name("service_map.json")


async def login(ctx: Context) -> Answer:
    """Sign in. Always answers HTTP 200, with the outcome in `status`."""
    ident, password = ctx.args["vars"]["ident"], ctx.args["vars"]["password"]
    sign_in = await check_password(ctx, ident, password)
    if sign_in.uid is None:
        return sign_in.refusal
    uid = sign_in.uid
    ctx.new_sid = new_session_id()
    ttl, most = min(ctx.settings.session_ttl, ctx.settings.session_lifetime), ctx.settings.sessions
    *room_changes, closed_rows, user_rows = await ctx.yp(
        "session_signin", uid, ctx.new_sid, ctx.sid, ttl, most, ctx.user_agent, ctx.address
    )
    # If another user was signed in in this browser, their tabs must not receive updates any more.
    ctx.after_commit.append(lambda: notify_departures(ctx.pusher, room_changes))
    ctx.after_commit.append(lambda: ctx.pusher.close_sockets(closed_rows))
    ctx.presence_changed()
    # The frontend reloads its environment only while it takes itself for offline.
    ctx.connection = "offline"
    return {"status": "ok", **_environment(ctx, document(user_rows))}


async def hello(ctx: Context) -> Answer:
    """Return the user of the session."""
    return _session_user(ctx)


async def ping(ctx: Context) -> Answer:
    """Return {ok, timestamp (ms)}."""
    return {"ok": 1, "timestamp": int(time() * 1000)}


async def reset_session(ctx: Context) -> Answer:
    """End the session of the browser, if there is one."""
    await end_session(ctx)
    return {"id": NOBODY, "signed_in": 0, "connection": "offline"}


async def get_env(ctx: Context) -> Answer:
    """Return the data that the frontend starts with (docs/frontend-contract.md#signing-in)."""
    environment = _anonymous_environment(ctx)
    if ctx.caller.signed_in:
        (user_rows,) = await ctx.yp("get_user", ctx.caller.uid)
        environment = _environment(ctx, document(user_rows))
    return {
        **environment,
        "user": environment["user"] | _session_user(ctx),
        "privilege": 63 if ctx.caller.signed_in else 0,
        "platform": _platform(tuple(ctx.service_names)),
        "main_domain": ctx.settings.public_host,
        "disk": {},
    }


def _environment(ctx: Context, account: dict[str, Any]) -> dict[str, Any]:
    """Return user, hub and organization of a signed-in user. `account` is the answer of `get_user`."""
    return {
        "user": account["user"] | {"signed_in": 1, "connection": "online"},
        "hub": account["hub"],
        "organization": account["organization"] | _link(ctx),
    }


def _anonymous_environment(ctx: Context) -> dict[str, Any]:
    return {
        "user": {"profile": {}, "settings": {}, "quota": {}, "disk_usage": {"total": 0}},
        "hub": {"id": NOBODY, "area": "public", "name": "", "settings": {}, "homepage": ""},
        "organization": {"id": 1, "name": "", "metadata": {}, "privilege": 0, **_link(ctx)},
    }


def _session_user(ctx: Context) -> dict[str, Any]:
    caller = ctx.caller
    return {"id": caller.uid, "signed_in": caller.signed_in, "connection": caller.connection}


def _link(ctx: Context) -> dict[str, str]:
    """Return the host name of the page: the frontend redirects when its own differs from `link`."""
    return {"link": ctx.host, "url": ctx.host}


@cache
def _platform(service_names: tuple[str, ...]) -> dict[str, Any]:
    """Return data that stay the same in a process.

    The map also names services that the frontend refers to but that do not exist here.
    """
    services: dict[str, dict[str, str]] = orjson.loads(SERVICE_MAP.read_bytes())
    for name in service_names:
        module, _, method = name.partition(".")
        services.setdefault(module, {})[method] = name
    return {
        "services": services,
        "intl": ["en", "fr"],
        "arch": "pod",
        "version": __version__,
        "isPublic": 0,
        "wallpaper": {},
        "description": description,
    }
