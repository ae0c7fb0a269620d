"""Operations on app passwords: the keys with which phones and mail programs open CardDAV."""

from __future__ import annotations

from typing import Any

import orjson

from service.auth.app_passwords import MOST
from service.auth.device_setup import PROFILE_TYPE, CardDavAccount
from service.auth.keys import new_key
from service.ids import STORE_ID
from service.rest.errors import rest_error
from service.rest.operation import ApiRequest, ApiResponse
from service.store.database import documents
from service.web.timestamps import wire_seconds


async def list_app_passwords(request: ApiRequest) -> ApiResponse:
    """List the app passwords of the user, each with its name and the time of its last use."""
    (key_rows,) = await request.ctx.yp("api_key_list", request.ctx.caller.uid)
    fields = [_listed(key) for key in documents(key_rows) if key["scope"] == "carddav"]
    return ApiResponse(200, orjson.dumps({"data": fields}))


async def add_app_password(request: ApiRequest) -> ApiResponse:
    """Make an app password for one device. Only this answer shows it, also as a URI and as a QR code."""
    account, created_at = await _add(request)
    entry = _entry(account.key_id, account.name, account.password[:8], created_at, None)
    sign_in = {
        "password": account.password,
        "username": account.email,
        "server": account.server,
        "setup_uri": account.uri,
        "qr_code": account.qr_code,
    }
    return ApiResponse(201, orjson.dumps({"data": {**entry, **sign_in}}))


async def add_profile(request: ApiRequest) -> ApiResponse:
    """Make an app password for one Apple device, and return it as a configuration profile (.mobileconfig)."""
    account, _ = await _add(request)
    disposition = {"Content-Disposition": 'attachment; filename="contacts.mobileconfig"'}
    return ApiResponse(201, account.profile(), disposition, content_type=PROFILE_TYPE)


async def _add(request: ApiRequest) -> tuple[CardDavAccount, int]:
    """Make an app password; return the account for its device, and the time in unix seconds."""
    caller, key, name = request.ctx.caller, new_key(), request.body["name"]
    (((key_id, created_at),),) = await request.ctx.yp("app_password_add", caller.uid, key, name, MOST)
    server = request.ctx.settings.base_url
    return CardDavAccount(server, caller.email or "", key, key_id, name), created_at


async def drop_app_password(request: ApiRequest) -> ApiResponse:
    """Revoke an app password. Its device is refused at its next request."""
    key_id = request.http.match_info["key"]
    if STORE_ID.fullmatch(key_id):
        (((dropped,),),) = await request.ctx.yp("app_password_drop", request.ctx.caller.uid, key_id)
        if dropped:
            return ApiResponse(200, orjson.dumps({"data": {"id": key_id, "deleted": True}}))
    raise rest_error("NOT_FOUND", "You have no such app password")


def _listed(key: dict[str, Any]) -> dict[str, Any]:
    return _entry(key["id"], key["label"], key["prefix"], key["created_at"], key["last_used_at"])


def _entry(key_id: str, name: str, prefix: str, created_at: int, last_used_at: int | None) -> dict[str, Any]:
    return {
        "id": key_id,
        "name": name,
        "prefix": prefix,
        "created_at": wire_seconds(created_at),
        "last_used_at": wire_seconds(last_used_at),
    }
