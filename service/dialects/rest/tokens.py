"""Who calls: API keys, access tokens (JWT, HS256) and the refresh tokens behind them."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.database import Database
from service.dialects.door import STRANGER, caller_of
from service.dialects.rest.envelope import TIER
from service.dialects.rest.errors import ApiError, unauthorized
from service.ids import OURS, from_wire, to_wire
from service.session import Caller

ACCESS_SECONDS = 24 * 3600
REFRESH_SECONDS = 30 * 86_400
KEY = re.compile(r"clk_[0-9a-f]{32}")
REFRESH = re.compile(r"clr_[0-9a-f]{48}")
JWT_LENGTH = 2048
CLAIMS = jwt.JWTClaimsRegistry(leeway=30, exp={"essential": True}, sid={"essential": True})
"""The leeway is for nodes whose clocks differ."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request shows, before the registry has been asked about it."""

    key: str = ""
    """An API key."""
    grant: str = ""
    """The sign-in that an access token with a right signature belongs to."""
    expiry: int | None = None
    """When the access token ends, unix seconds."""

    @property
    def bucket(self) -> str:
        """What its rate is counted under."""
        return self.grant or hashlib.sha256(self.key.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who calls, and with which rights."""

    caller: Caller
    scope: str
    """agent, system or sync of a key; user with an access token."""
    grant: str
    key: str


def new_key() -> str:
    """An API key."""
    return f"clk_{secrets.token_hex(16)}"


def new_refresh() -> str:
    """A refresh token."""
    return f"clr_{secrets.token_hex(24)}"


class Gate:
    """Knows the signing secret, and asks the registry about everything else: one CALL a request."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._secret: OctKey | None = None

    async def _signer(self) -> OctKey:
        if self._secret is None:
            ((row,),) = await self._db.call("yp", "api_secret_get")
            self._secret = OctKey.import_key(bytes.fromhex(row[0]))
        return self._secret

    async def sign(self, uid: str, email: str, grant: str) -> str:
        """An access token of this sign-in."""
        now = int(time.time())
        claims = {
            "sub": to_wire(uid), "email": email, "role": "user", "sid": grant,
            "iat": now, "exp": now + ACCESS_SECONDS,
        }  # fmt: skip
        return jwt.encode({"alg": "HS256"}, claims, await self._signer(), algorithms=["HS256"])

    async def read(self, token: str | None) -> Credential:
        """What a token says, if it is one; ApiError 401."""
        if token and KEY.fullmatch(token):
            return Credential(key=token)
        if not token or token.startswith("clk_") or len(token) > JWT_LENGTH:
            raise unauthorized()
        try:
            claims = jwt.decode(token, await self._signer(), algorithms=["HS256"]).claims
            CLAIMS.validate(claims)
        except (JoseError, ValueError, TypeError):
            raise unauthorized() from None
        grant = claims["sid"]
        if not isinstance(grant, str) or not OURS.fullmatch(grant):
            raise unauthorized()
        return Credential(grant=grant, expiry=int(claims["exp"]))

    async def admit(self, credential: Credential, user: str | None) -> Admitted:
        """Who calls; `user` is X-Claw-User-Id. ApiError when nobody does."""
        if credential.key:
            return await self._by_key(credential.key, user)
        (found,) = await self._db.call("yp", "api_grant_open", credential.grant)
        if not found:
            raise unauthorized()
        return Admitted(caller_of(found[0][0], expiry=credential.expiry), "user", credential.grant, "")

    async def administer(self, credential: Credential) -> Admitted:
        """Who runs the site: the holder of a key of scope system. ApiError 403 for all others."""
        if not credential.key:
            await self.admit(credential, None)
            raise _insufficient()
        (found,) = await self._db.call("yp", "api_key_open", credential.key, None)
        if not found:
            raise unauthorized()
        _, stale, scope = found[0]
        if scope != "system":
            raise _insufficient()
        return Admitted(replace(STRANGER, stale=stale), scope, "", credential.key)

    async def _by_key(self, key: str, user: str | None) -> Admitted:
        (found,) = await self._db.call("yp", "api_key_open", key, from_wire(user) if user else None)
        if not found:
            raise unauthorized()
        data, stale, scope = found[0]
        if data is None:
            what = "names nobody" if user else "is required with a key of this scope"
            raise ApiError("USER_CONTEXT_REQUIRED", f"X-Claw-User-Id {what}")
        return Admitted(caller_of(data, stale=stale), scope, "", key)


def _insufficient() -> ApiError:
    return ApiError("INSUFFICIENT_SCOPE", "This takes an API key of scope system")


def bearer(request: web.Request, *, query: bool = False) -> str | None:
    """The token of a request: of the Authorization header; where a browser cannot send one, of the query."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.query.get("token") if query else None


def session_fields(token: str, refresh: str, grant: str, user: dict[str, Any]) -> dict[str, Any]:
    """What login and refresh answer: the clients' spelling, and that of the document."""
    fields = {
        "access_token": token, "refresh_token": refresh, "refresh_token_id": grant,
        "token_type": "Bearer", "expires_in": ACCESS_SECONDS, "user": user,
        "accessToken": token, "refreshToken": refresh,
    }  # fmt: skip
    return {"data": fields, "accessToken": token, "refreshToken": refresh, "user": user, "tier": TIER}
