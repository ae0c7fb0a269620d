"""Operations on the installation: health, capabilities, API keys."""

from __future__ import annotations

from typing import Any

import orjson

from service.auth.keys import new_key
from service.ids import STORE_ID, from_wire, to_wire
from service.rest.change_feed import KEYS
from service.rest.envelope import TIER
from service.rest.errors import rest_error
from service.rest.operation import ApiRequest, ApiResponse
from service.runtime.context import Context, in_transaction
from service.store.database import documents
from service.store.health import RETRY, health
from service.web.timestamps import wire_seconds


async def get_health(request: ApiRequest) -> ApiResponse:
    """Report ok, or degraded when live updates wait or a loop is late; 503 when the database is down."""
    report = await health(
        request.db,
        request.ctx.pusher.redis,
        request.ctx.loops,
        node=request.ctx.pusher.node,
        listening=request.ctx.pusher.listening.is_set(),
    )
    if report["status"] == "down":
        raise rest_error("SERVICE_UNAVAILABLE", "The database is not available", report, RETRY)
    return ApiResponse(200, orjson.dumps({"data": report}))


async def get_status(request: ApiRequest) -> ApiResponse:
    """Describe sign-in to clients: user accounts exist, a password is enough, nobody can register."""
    fields = {
        "mode": "multi_user",
        "setup_required": False,
        "registration_enabled": False,
        "two_factor_enabled": False,
    }
    return ApiResponse(200, orjson.dumps({"data": fields, "tier": TIER}))


async def list_own_keys(request: ApiRequest) -> ApiResponse:
    """List the caller's API keys, each with its prefix, its scope and the time of its last use."""
    return await _list(request, request.ctx.caller.uid)


async def list_keys(request: ApiRequest) -> ApiResponse:
    """List the API keys of all users, or of one user or scope."""
    user = request.query.get("user_id")
    return await _list(request, None if user is None else _uid(user), request.query.get("scope"))


async def add_key(request: ApiRequest) -> ApiResponse:
    """Create an API key for `user_id`, or else for X-Claw-User-Id. Only this answer shows the key."""
    user = _key_owner(request)
    key, label = new_key(), request.body.get("label") or ""

    async def work(ctx: Context) -> dict[str, Any]:
        (((key_id, uid),),) = await ctx.yp("api_key_add", user, key, request.body["scope"])
        await ctx.yp("api_key_name", key_id, label)
        (key_rows,) = await ctx.yp("api_key_list", uid)
        return next(row for row in documents(key_rows) if row["id"] == key_id)

    fields = _key_fields(await in_transaction(request.ctx, work))
    return ApiResponse(201, orjson.dumps({"data": {"key": key, **fields}}))


async def drop_key(request: ApiRequest) -> ApiResponse:
    """Revoke an API key and close the WebSockets that were opened with it."""
    key_id = request.http.match_info["key"]
    if STORE_ID.fullmatch(key_id):
        (((dropped,),),) = await request.ctx.yp("api_key_drop", key_id)
        if dropped:
            request.notify_access_change(KEYS)
            return ApiResponse(200, orjson.dumps({"data": {"id": key_id, "deleted": True}}))
    raise rest_error("NOT_FOUND", "There is no such key")


async def _list(request: ApiRequest, uid: str | None, scope: str | None = None) -> ApiResponse:
    (key_rows,) = await request.ctx.yp("api_key_list", uid)
    keys = [_key_fields(key) for key in documents(key_rows) if scope in {None, key["scope"]}]
    return ApiResponse(200, orjson.dumps({"data": keys}))


def _key_owner(request: ApiRequest) -> str:
    """Return id or email address of the user that a new key is for."""
    named_user = request.http.headers.get("X-Claw-User-Id")
    if user := request.body.get("user_id"):
        return from_wire(user) or str(user)
    if not named_user:
        raise rest_error("USER_CONTEXT_REQUIRED", "user_id or X-Claw-User-Id must name the user of the key")
    return _uid(named_user)


def _uid(user: str) -> str:
    """Return the id in our form, or "", which no user has, for a text that is no id."""
    return from_wire(user) or ""


def _key_fields(key: dict[str, Any]) -> dict[str, Any]:
    """Return a key under the documented names and under those that clients read."""
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
