"""Check the password of a sign-in, for all APIs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from limits import RateLimitItemPerHour

from service.auth.counters import Counters, hashed
from service.auth.devices import Devices
from service.auth.passwords import verify_password
from service.auth.throttle import SignInAttempt, Throttle
from service.settings import Settings
from service.store.database import RoutineCaller
from service.store.redis import RedisServers
from service.web.address import AddressKey, address_key

ACCOUNT_STATES = {
    "archived": "ARCHIVED",
    "deleted": "ARCHIVED",
    "frozen": "frozen",
    "locked": "locked",
}


@dataclass(frozen=True)
class SignIn:
    """The outcome of a sign-in: the account, or the refusal."""

    uid: str | None = None
    device_cookie: str = ""
    """The cookie by which the browser is known from now on."""
    refusal: dict[str, Any] = field(default_factory=dict)
    """status: BLOCKED (and retry_after, seconds), WRONG_CREDENTIALS, or the state of the account."""


class Passwords:
    """Checks passwords, with the limits against guessing: the one way to an account for all APIs."""

    def __init__(self, settings: Settings, db: RoutineCaller, redis: RedisServers) -> None:
        self._throttle = Throttle(settings, redis)
        self._devices = Devices(db)
        self._counters = Counters(redis)
        self._mails = RateLimitItemPerHour(settings.account_mails_address, 1, "account-mails")
        self._choices = RateLimitItemPerHour(settings.password_choices_address, 1, "password-choices")

    async def admit_mail(self, address: AddressKey) -> int:
        """Count a mail with a link that somebody asks for without signing in; return the seconds to wait."""
        return await self._counters.take((self._mails, hashed(address)))

    async def admit_choice(self, address: AddressKey) -> int:
        """Count a new password that is judged, which costs CPU; return the seconds to wait."""
        return await self._counters.take((self._choices, hashed(address)))

    async def check(
        self, db: RoutineCaller, ident: str, password: str, address: str, device_cookie: str
    ) -> SignIn:
        """Verify the password of an account, named by email or user name.

        Takes as long, and is limited in the same way, for an account that does not exist. `address` and
        `device_cookie` are the caller's.
        """
        ((account,),) = await db.call("yp", "drumate_login", ident)
        name, uid, password_hash, state = account
        device = await self._devices.find(device_cookie, uid or "")
        attempt = SignInAttempt(name, address_key(address), device)
        # Count before verifying: guesses that arrive at the same moment count, too.
        wait = await self._throttle.attempt(attempt)
        if wait:
            return SignIn(refusal={"status": "BLOCKED", "retry_after": wait})
        if not await verify_password(password, password_hash):
            return SignIn(refusal={"status": "WRONG_CREDENTIALS"})
        if state != "active":
            return SignIn(refusal={"status": ACCOUNT_STATES[state]})
        await self._throttle.succeeded(attempt)
        return SignIn(uid, await self._devices.issue(device_cookie, uid))
