"""Operations on the account of the user who calls: name, password, and a new one for a forgotten one."""

from __future__ import annotations

from dataclasses import replace

import orjson

from service.accounts import passwords
from service.accounts.mails import send_link
from service.accounts.signup import FORGOT_PASSWORD
from service.accounts.strength import WEAK
from service.errors import RequestError
from service.rest.errors import rest_error
from service.rest.operation import ApiRequest, ApiResponse
from service.rest.sign_in import own_grant, user_fields

SUCCESS = b'{"data":{"success":true}}'


async def me(request: ApiRequest) -> ApiResponse:
    """Return the user who is calling."""
    return _me(request)


async def update_me(request: ApiRequest) -> ApiResponse:
    """Change the name of the user: the first word is the first name. Users have no pictures here."""
    ctx, name = request.ctx, request.body.get("display_name")
    if request.body.get("avatar_path"):
        details = {"field": "avatar_path", "constraint": "unsupported"}
        raise rest_error("UNPROCESSABLE", "Users have no pictures here", details)
    if name:
        first, _, last = " ".join(name.split()).partition(" ")
        await ctx.yp("account_rename", ctx.caller.uid, first, last)
        ctx.caller = replace(ctx.caller, fullname=f"{first} {last}".strip(), firstname=first, lastname=last)
    return _me(request)


async def change_password(request: ApiRequest) -> ApiResponse:
    """Change the password. All other sign-ins of the user end; API keys and app passwords go on."""
    old, new = request.body["current_password"], request.body["new_password"]
    try:
        await passwords.change_password(request.ctx, old, new, own_grant(request))
    except RequestError as exc:
        raise _password_error(exc) from None
    request.notify_access_change(request.ctx.caller.uid)
    return ApiResponse(200, SUCCESS)


async def forgot_password(request: ApiRequest) -> ApiResponse:
    """Mail a link for a new password. The answer does not tell whether the address has an account."""
    try:
        await send_link(request.ctx, FORGOT_PASSWORD, request.body["email"], "en")
    except RequestError as exc:
        raise _password_error(exc) from None
    return ApiResponse(200, SUCCESS)


def _me(request: ApiRequest) -> ApiResponse:
    caller = request.ctx.caller
    fields = user_fields(caller.uid, caller.email or "", caller.fullname)
    return ApiResponse(
        200, orjson.dumps({"data": {**fields, "avatar_path": None, "password_changed_at": None}})
    )


def _password_error(error: RequestError) -> RequestError:
    """Return an error of accounts in the words of this API."""
    if error.status == 429:
        return rest_error("RATE_LIMITED", error.reason, headers=dict(error.headers or {}))
    if error.code == WEAK:
        return rest_error(
            "VALIDATION_ERROR", error.reason, {"field": "new_password", "constraint": "strength"}
        )
    if error.code == "WRONG_PASSWORD":
        return rest_error("FORBIDDEN", "This is not your password")
    return error
