"""Signing in and out, and who is calling."""

from __future__ import annotations

import secrets
from typing import Any

import orjson

from service.dialects.rest.errors import ApiError, unauthorized
from service.dialects.rest.operation import Ask, Reply
from service.dialects.rest.tokens import (
    REFRESH,
    REFRESH_SECONDS,
    Gate,
    bearer,
    new_refresh,
    session_fields,
)
from service.ids import to_wire
from service.sessions import check_password


async def login(ask: Ask) -> Reply:
    """Exchange a password for an access token (24 hours) and a refresh token (30 days)."""
    found = await check_password(ask.ctx, ask.body["email"], ask.body["password"])
    if found.uid is None:
        raise _no_login(found.refusal)
    grant, refresh = secrets.token_hex(8), new_refresh()
    ((row,),) = await ask.ctx.yp("api_grant_add", found.uid, grant, refresh, REFRESH_SECONDS)
    return await _signed_in(ask.gate, grant, refresh, row)


async def renew(ask: Ask) -> Reply:
    """Exchange a refresh token for a new pair. Used twice, it ends the sign-in."""
    token, refresh = ask.body["refresh_token"], new_refresh()
    if not REFRESH.fullmatch(token):
        raise unauthorized()
    (found,) = await ask.ctx.yp("api_grant_refresh", token, refresh, REFRESH_SECONDS)
    if not found:
        raise unauthorized()
    outcome, grant, *person = found[0]
    if outcome == "reused":
        ask.access_changed(person[0])
        raise unauthorized()
    return await _signed_in(ask.gate, grant, refresh, person)


async def logout(ask: Ask) -> Reply:
    """End the sign-in of the access token in the header, or of the refresh token in the body."""
    token = ask.body.get("refresh_token", "")
    if REFRESH.fullmatch(token):
        (found,) = await ask.ctx.yp("api_grant_drop", None, token)
    else:
        credential = await ask.gate.read(bearer(ask.request))
        (found,) = await ask.ctx.yp("api_grant_drop", credential.grant, None)
    for (uid,) in found:
        ask.access_changed(uid)
    return Reply(200, b'{"data":{"success":true}}')


async def me(ask: Ask) -> Reply:
    """Who is calling."""
    caller = ask.ctx.caller
    return Reply(200, orjson.dumps({"data": _user(caller.uid, caller.email or "", caller.fullname)}))


async def _signed_in(gate: Gate, grant: str, refresh: str, person: Any) -> Reply:
    uid, email, fullname = person
    token = await gate.sign(uid, email, grant)
    fields = session_fields(token, refresh, grant, _user(uid, email, fullname))
    return Reply(200, orjson.dumps(fields), {"Cache-Control": "no-store"})


def _user(uid: str, email: str, fullname: str | None) -> dict[str, Any]:
    return {"id": to_wire(uid), "email": email, "display_name": fullname or email, "role": "user"}


def _no_login(refusal: dict[str, Any]) -> ApiError:
    if refusal["status"] == "WRONG_CREDENTIALS":
        return ApiError("UNAUTHORIZED", "Wrong e-mail address or password")
    if refusal["status"] == "BLOCKED":
        wait = str(refusal["retry_after"])
        return ApiError("RATE_LIMITED", "Too many attempts", headers={"Retry-After": wait})
    return ApiError("FORBIDDEN", "This account cannot be used")
