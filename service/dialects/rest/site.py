"""The site itself: how it is, what it offers, and who has keys to it."""

from __future__ import annotations

from typing import Any

import orjson

from service.context import Context, together
from service.database import documents
from service.dialects.rest.envelope import TIER
from service.dialects.rest.errors import ApiError
from service.dialects.rest.notes import KEYS
from service.dialects.rest.operation import Ask, Reply
from service.dialects.rest.times import wire_seconds
from service.dialects.rest.tokens import new_key
from service.health import RETRY, health
from service.ids import OURS, from_wire, to_wire

NO_STORE = {"Cache-Control": "no-store"}


async def site_health(ask: Ask) -> Reply:
    """Whether the service works: ok, or degraded while live updates wait. 503 when it does not."""
    found = await health(ask.ctx.db, ask.ctx.pusher)
    if found["status"] == "down":
        raise ApiError("SERVICE_UNAVAILABLE", "The database is not available", found, RETRY)
    return Reply(200, orjson.dumps({"data": found}), NO_STORE)


async def site_status(ask: Ask) -> Reply:
    """What a client needs to know before anybody signs in: there are people, and a password is enough."""
    fields = {
        "mode": "multi_user",
        "setup_required": False,
        "registration_enabled": False,
        "two_factor_enabled": False,
    }
    return Reply(200, orjson.dumps({"data": fields, "tier": TIER}))


async def my_keys(ask: Ask) -> Reply:
    """The caller's API keys: how each begins, its scope, and when it was used last."""
    return await _listed(ask, ask.ctx.caller.uid)


async def list_keys(ask: Ask) -> Reply:
    """Everybody's API keys, or those of one person or scope."""
    user = ask.query.get("user_id")
    return await _listed(ask, None if user is None else _uid(user), ask.query.get("scope"))


async def add_key(ask: Ask) -> Reply:
    """A new API key, shown this once. It is that of `user_id`, or else of X-Claw-User-Id."""
    who = _whose(ask)
    key, label = new_key(), ask.body.get("label") or ""

    async def work(ctx: Context) -> dict[str, Any]:
        (((key_id, uid),),) = await ctx.yp("api_key_add", who, key, ask.body["scope"])
        await ctx.yp("api_key_name", key_id, label)
        (found,) = await ctx.yp("api_key_list", uid)
        return next(made for made in documents(found) if made["id"] == key_id)

    made = _shown(await together(ask.ctx, work))
    return Reply(201, orjson.dumps({"data": {"key": key, **made}}), NO_STORE)


async def drop_key(ask: Ask) -> Reply:
    """Revoke an API key; WebSockets that came with it are closed."""
    key_id = ask.request.match_info["key"]
    if OURS.fullmatch(key_id):
        (((dropped,),),) = await ask.ctx.yp("api_key_drop", key_id)
        if dropped:
            ask.access_changed(KEYS)
            return Reply(200, orjson.dumps({"data": {"id": key_id, "deleted": True}}))
    raise ApiError("NOT_FOUND", "There is no such key")


async def _listed(ask: Ask, uid: str | None, scope: str | None = None) -> Reply:
    (found,) = await ask.ctx.yp("api_key_list", uid)
    keys = [_shown(key) for key in documents(found) if scope in {None, key["scope"]}]
    return Reply(200, orjson.dumps({"data": keys}))


def _whose(ask: Ask) -> str:
    """Id or e-mail address of the person whom a new key is for."""
    named = ask.request.headers.get("X-Claw-User-Id")
    if user := ask.body.get("user_id"):
        return from_wire(user) or str(user)
    if not named:
        raise ApiError("USER_CONTEXT_REQUIRED", "user_id, or X-Claw-User-Id, says whose key it is to be")
    return _uid(named)


def _uid(user: str) -> str:
    """Our id of a person; that of nobody for what can be none."""
    return from_wire(user) or ""


def _shown(key: dict[str, Any]) -> dict[str, Any]:
    """A key in the words of the document and, where its clients have others, in theirs as well."""
    return {
        "id": key["id"],
        "user_id": to_wire(key["uid"]),
        "prefix": key["prefix"],
        "key_prefix": key["prefix"],
        "scope": key["scope"],
        "scopes": [key["scope"]],
        "label": key["label"] or None,
        "name": key["label"],
        "created_at": wire_seconds(key["created_at"]),
        "last_used_at": wire_seconds(key["last_used_at"]),
    }
