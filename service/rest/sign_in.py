"""Operations on sign-ins: login, refresh, logout, the user who calls, and where that user is signed in."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import orjson

from service.errors import RequestError
from service.ids import STORE_ID, to_wire
from service.rest.errors import rest_error, unauthorized
from service.rest.operation import ApiRequest, ApiResponse
from service.rest.tokens import (
    REFRESH,
    REFRESH_SECONDS,
    Gate,
    bearer_token,
    new_refresh,
    session_fields,
)
from service.runtime.sessions import check_password, revoke
from service.store.database import documents
from service.web.timestamps import wire_seconds


class User(NamedTuple):
    """The user of a sign-in, as the routines of grants return them."""

    uid: str
    email: str
    fullname: str | None


async def login(request: ApiRequest) -> ApiResponse:
    """Exchange a password for an access token (24 hours) and a refresh token (30 days)."""
    ctx, email, password = request.ctx, request.body["email"], request.body["password"]
    sign_in = await check_password(ctx, email, password)
    if sign_in.uid is None:
        raise _sign_in_error(sign_in.refusal)
    grant, refresh = secrets.token_hex(8), new_refresh()
    ttl, most = min(REFRESH_SECONDS, ctx.settings.session_lifetime), ctx.settings.sessions
    ((user_row,),) = await ctx.yp(
        "api_grant_add", sign_in.uid, grant, refresh, ttl, most, ctx.user_agent, ctx.address
    )
    return await _session(request.gate, grant, refresh, User(*user_row))


async def renew(request: ApiRequest) -> ApiResponse:
    """Exchange a refresh token for a new pair of tokens.

    A token is exchanged again for 30 seconds after its first use, because tabs share it. A later use ends the
    sign-in.
    """
    token, refresh = request.body["refresh_token"], new_refresh()
    if not REFRESH.fullmatch(token):
        raise unauthorized()
    lifetime = request.ctx.settings.session_lifetime
    (grant_rows,) = await request.ctx.yp("api_grant_refresh", token, refresh, REFRESH_SECONDS, lifetime)
    if not grant_rows:
        raise unauthorized()
    outcome, grant, *user_row = grant_rows[0]
    user = User(*user_row)
    if outcome == "reused":
        request.notify_access_change(user.uid)
        raise unauthorized()
    return await _session(request.gate, grant, refresh, user)


async def logout(request: ApiRequest) -> ApiResponse:
    """End the sign-in of the access token in the header, or of the refresh token in the body."""
    token = request.body.get("refresh_token", "")
    if REFRESH.fullmatch(token):
        (uid_rows,) = await request.ctx.yp("api_grant_drop", None, token)
    else:
        credential = await request.gate.read(bearer_token(request.http))
        (uid_rows,) = await request.ctx.yp("api_grant_drop", credential.grant, None)
    for (uid,) in uid_rows:
        request.notify_access_change(uid)
    return ApiResponse(200, b'{"data":{"success":true}}')


async def list_sessions(request: ApiRequest) -> ApiResponse:
    """List the sign-ins of the user: browsers, this API (rest), the login-token API (token)."""
    (session_rows,) = await request.ctx.yp("session_list", request.ctx.caller.uid, own_grant(request))
    sessions = [_session_listed(session) for session in documents(session_rows)]
    return ApiResponse(200, orjson.dumps({"data": sessions}))


async def end_sessions(request: ApiRequest) -> ApiResponse:
    """Sign the user out everywhere, in browsers and in all APIs. API keys go on."""
    own = own_grant(request)
    count = await revoke(request.ctx, None, own if request.query["keep_current"] else None)
    request.notify_access_change(request.ctx.caller.uid)
    return ApiResponse(200, orjson.dumps({"data": {"ended": count}}))


async def end_other_sessions(request: ApiRequest) -> ApiResponse:
    """End all sign-ins of the user but the one that calls."""
    everywhere = request.body.get("current_id") == ""
    count = await revoke(request.ctx, None, None if everywhere else own_grant(request))
    request.notify_access_change(request.ctx.caller.uid)
    return ApiResponse(200, orjson.dumps({"data": {"revoked": count}}))


async def end_session(request: ApiRequest) -> ApiResponse:
    """End one of the sign-ins of the user, of any kind. Its access and refresh tokens become void."""
    session = request.http.match_info["session"]
    if not STORE_ID.fullmatch(session) or not await revoke(request.ctx, session, None):
        raise rest_error("NOT_FOUND", "You have no such sign-in")
    request.notify_access_change(request.ctx.caller.uid)
    return ApiResponse(200, orjson.dumps({"data": {"id": session, "deleted": True}}))


def own_grant(request: ApiRequest) -> str:
    """Return the id of the sign-in that calls."""
    return request.admission.grant if request.admission else ""


def _session_listed(session: dict[str, Any]) -> dict[str, Any]:
    """Return a sign-in in the documented words, and in those that clients read."""
    return {
        "id": session["id"],
        "kind": session["kind"],
        "device_label": session["ua"] or "Unknown device",
        "device_name": None,
        "user_agent": session["ua"],
        "address": session["address"],
        "ip_address": session["address"],
        "created_at": wire_seconds(session["ctime"]),
        "last_used_at": wire_seconds(session["mtime"]),
        "last_seen_at": wire_seconds(session["mtime"]),
        "expires_at": wire_seconds(session["expiry"]),
        "current": bool(session["current"]),
        "is_current": bool(session["current"]),
    }


async def _session(gate: Gate, grant: str, refresh: str, user: User) -> ApiResponse:
    """Return the tokens of a sign-in."""
    token = await gate.sign(user.uid, user.email, grant)
    fields = session_fields(token, refresh, grant, user_fields(*user))
    return ApiResponse(200, orjson.dumps(fields))


def user_fields(uid: str, email: str, fullname: str | None) -> dict[str, Any]:
    """Return a user in the words of this API."""
    return {
        "id": to_wire(uid),
        "email": email,
        "display_name": fullname or email,
        "role": "user",
    }


def _sign_in_error(refusal: dict[str, Any]) -> RequestError:
    if refusal["status"] == "WRONG_CREDENTIALS":
        return rest_error("UNAUTHORIZED", "Wrong email address or password")
    if refusal["status"] == "BLOCKED":
        wait = str(refusal["retry_after"])
        return rest_error("RATE_LIMITED", "Too many attempts", headers={"Retry-After": wait})
    return rest_error("FORBIDDEN", "This account cannot be used")
