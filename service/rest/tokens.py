"""Authenticate callers by API key or access token (JWT, HS256); issue keys and tokens."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from aiohttp import web
from cachetools import LRUCache
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.auth.keys import KEY
from service.auth.one_packet import MOST_ANSWERS
from service.auth.secret import SigningSecret
from service.auth.session import ANONYMOUS, Caller, parse_caller
from service.errors import RequestError
from service.ids import STORE_ID, from_wire, to_wire
from service.rest.envelope import TIER
from service.rest.errors import rest_error, unauthorized
from service.store.connection import Call
from service.store.database import Database

ACCESS_SECONDS = 24 * 3600
REFRESH_SECONDS = 30 * 86_400
REFRESH = re.compile(r"clr_[0-9a-f]{48}")
JWT_LENGTH = 2048
CLAIMS = jwt.JWTClaimsRegistry(leeway=30, exp={"essential": True}, sid={"essential": True})
"""The leeway in seconds allows for clocks that differ between hosts."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Key or token of a request whose form is valid; the registry has not checked it yet."""

    key: str = ""
    """An API key."""
    grant: str = ""
    """The sign-in of an access token whose signature is valid."""
    expiry: int | None = None
    """Expiry of the access token, unix seconds."""

    @property
    def bucket(self) -> str:
        """Return the key of its rate limit."""
        return self.grant or hashlib.sha256(self.key.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Admission:
    """The authenticated caller and their rights."""

    caller: Caller
    scope: str
    """agent, system or sync of a key (carddav opens nothing here); user with an access token."""
    grant: str
    key: str


class AdmissionGuess(NamedTuple):
    """The last answer of the gate for a key or a sign-in, and the CALL that refuses when it does not hold."""

    check: Call
    admission: Admission


def new_refresh() -> str:
    """Return a new refresh token."""
    return f"clr_{secrets.token_hex(24)}"


class Gate:
    """Authenticates requests: one CALL of the registry for each."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._secret = SigningSecret(db)
        self._guesses: LRUCache[tuple[Credential, str | None], AdmissionGuess] = LRUCache(MOST_ANSWERS)

    async def _signer(self) -> OctKey:
        return OctKey.import_key(await self._secret.get())

    async def sign(self, uid: str, email: str, grant: str) -> str:
        """Return an access token for a sign-in: the same one for all calls within a second.

        The vendor's client refreshes again whenever a refresh has changed its token. So this ends it.
        """
        now = int(time.time())
        claims = {
            "sub": to_wire(uid), "email": email, "role": "user", "sid": grant,
            "iat": now, "exp": now + ACCESS_SECONDS,
        }  # fmt: skip
        return jwt.encode({"alg": "HS256"}, claims, await self._signer(), algorithms=["HS256"])

    async def read(self, token: str | None) -> Credential:
        """Parse a key or an access token and verify its signature; RequestError 401 when it is invalid."""
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
        if not isinstance(grant, str) or not STORE_ID.fullmatch(grant):
            raise unauthorized()
        return Credential(grant=grant, expiry=int(claims["exp"]))

    async def admit(self, credential: Credential, user: str | None) -> Admission:
        """Return the caller; `user` is X-Claw-User-Id. RequestError when the registry refuses them."""
        guess = await (self._by_key(credential, user) if credential.key else self._by_grant(credential))
        self._guesses[credential, user] = guess
        return guess.admission

    def guess(self, credential: Credential, user: str | None) -> AdmissionGuess | None:
        """Return the last admission of this caller, to be checked; None when `admit` has to find it."""
        guess = self._guesses.get((credential, user))
        # a key that was not used for a while is touched by the gate
        return None if guess is None or guess.admission.caller.stale else guess

    def forget(self, credential: Credential, user: str | None) -> None:
        """Forget a guess that does not hold."""
        self._guesses.pop((credential, user), None)

    async def administer(self, credential: Credential) -> Admission:
        """Return an administrator: the holder of a key of scope system. RequestError 403 for all others."""
        if not credential.key:
            await self.admit(credential, None)
            raise _insufficient()
        (key_rows,) = await self._db.call("yp", "api_key_open", credential.key, None)
        if not key_rows:
            raise unauthorized()
        _, stale, scope = key_rows[0]
        if scope != "system":
            raise _insufficient()
        return Admission(replace(ANONYMOUS, stale=stale), scope, "", credential.key)

    @staticmethod
    def require_sign_in(admission: Admission) -> None:
        """Raise RequestError 403 for an API key."""
        if not admission.grant:
            raise rest_error("INSUFFICIENT_SCOPE", "This requires the access token of a sign-in")

    async def _by_grant(self, credential: Credential) -> AdmissionGuess:
        grant = credential.grant
        (caller_rows,) = await self._db.call("yp", "api_grant_open", grant)
        if not caller_rows:
            raise unauthorized()
        answer = caller_rows[0][0]
        caller = parse_caller(answer, expiry=credential.expiry)
        check = "yp", "api_grant_check", (grant, answer)
        return AdmissionGuess(check, Admission(caller, "user", grant, ""))

    async def _by_key(self, credential: Credential, user: str | None) -> AdmissionGuess:
        key, uid = credential.key, from_wire(user) if user else None
        (key_rows,) = await self._db.call("yp", "api_key_open", key, uid)
        if not key_rows:
            raise unauthorized()
        data, stale, scope = key_rows[0]
        if data is None:
            problem = "names no user" if user else "is required with a key of this scope"
            raise rest_error("USER_CONTEXT_REQUIRED", f"X-Claw-User-Id {problem}")
        check = "yp", "api_key_check", (key, uid, f"{stale} {scope} {data}")
        return AdmissionGuess(check, Admission(parse_caller(data, stale=stale), scope, "", key))


def _insufficient() -> RequestError:
    return rest_error("INSUFFICIENT_SCOPE", "This requires an API key of scope system")


def bearer_token(request: web.Request, *, query: bool = False) -> str | None:
    """Return the token of the Authorization header or, where browsers cannot send one, of the query."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.query.get("token") if query else None


def session_fields(token: str, refresh: str, grant: str, user: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of login and refresh, in the documented spelling and in that of the clients."""
    fields = {
        "access_token": token, "refresh_token": refresh, "refresh_token_id": grant,
        "token_type": "Bearer", "expires_in": ACCESS_SECONDS, "user": user,
        "accessToken": token, "refreshToken": refresh,
    }  # fmt: skip
    return {"data": fields, "accessToken": token, "refreshToken": refresh, "user": user, "tier": TIER}
