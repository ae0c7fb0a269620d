"""Open the app passwords of CardDAV clients, with a limit on wrong ones."""

from __future__ import annotations

from dataclasses import dataclass

from limits import RateLimitItemPerMinute

from service.auth.counters import Counters, hashed
from service.auth.keys import KEY
from service.auth.session import Caller, parse_caller
from service.auth.throttle import WINDOW_MINUTES
from service.background import Background
from service.settings import Settings
from service.store.database import RoutineCaller
from service.store.redis import RedisServers
from service.web.address import AddressKey
from service.web.email_address import normal_email

MOST = 50
"""App passwords of one user."""


@dataclass(frozen=True, slots=True)
class AppSignIn:
    """The outcome of `AppPasswords.open`: the caller, or a refusal."""

    caller: Caller | None = None
    retry_after: int = 0
    """Seconds until this address should try again as this user; 0: the app password is merely wrong."""


class AppPasswords:
    """Opens app passwords: the one way into an address book for CardDAV clients.

    An app password has 128 random bits, so nobody guesses it, and a right one is never refused. The limits
    only tell a client that keeps sending a wrong one to wait. They count for one user from one address, and
    for the address.
    """

    def __init__(
        self, settings: Settings, db: RoutineCaller, redis: RedisServers, background: Background
    ) -> None:
        self._db = db
        self._counters = Counters(redis)
        self._background = background
        self._wrong = RateLimitItemPerMinute(settings.login_attempts, WINDOW_MINUTES, "app-password")
        self._wrong_address = RateLimitItemPerMinute(
            settings.login_attempts_address, WINDOW_MINUTES, "app-password-address"
        )

    async def open(self, email: str, key: str, address: AddressKey) -> AppSignIn:
        """Return the caller of an app password: one CALL. `email` is that of its user, as they type it.

        `address` is the caller's. The use of the app password is recorded in the background.
        """
        name = normal_email(email)
        caller_rows = []
        if name is not None and KEY.fullmatch(key):
            (caller_rows,) = await self._db.call("yp", "app_password_open", name, key)
        if not caller_rows:
            pair = (self._wrong, hashed(name or "", address))
            return AppSignIn(
                retry_after=await self._counters.take(pair, (self._wrong_address, hashed(address)))
            )
        data, stale = caller_rows[0]
        if stale:
            self._background.start(self._db.call("yp", "api_key_touch", key))
        return AppSignIn(parse_caller(data, stale=stale))
