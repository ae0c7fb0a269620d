"""`yp.*`: sign-in, sign-out, and the environment of a page."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from time import time
from typing import Any

import orjson

from service import __doc__ as description
from service import __version__
from service.auth.session import NOBODY
from service.runtime.context import Answer, Context
from service.runtime.sessions import check_password, end_session, sign_in
from service.settings import SIGNUP_CLOSED
from service.store.database import document

SERVICE_MAP = Path(__file__).with_name("service_map.json")


async def login(ctx: Context) -> Answer:
    """Sign in. Always answers HTTP 200, with the outcome in `status`."""
    ident, password = ctx.args["vars"]["ident"], ctx.args["vars"]["password"]
    outcome = await check_password(ctx, ident, password)
    if outcome.uid is None:
        return outcome.refusal
    return {"status": "ok", **_environment(ctx, await sign_in(ctx, outcome.uid))}


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
        "platform": _platform(tuple(ctx.service_names), ctx.settings.signup),
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
def _platform(service_names: tuple[str, ...], signup: str) -> dict[str, Any]:
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
        "isPublic": int(signup != SIGNUP_CLOSED),
        "wallpaper": {},
        "description": description,
    }
