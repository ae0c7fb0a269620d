"""Limit the attempts to sign in, so that guessing is slow and nobody can shut out anybody else.

Three counters, of 15 minutes each, stand against guessing:

- an account from one address: full, it refuses this address at this account, and nobody else;
- an address: full, it makes the attempts from this address wait for each other;
- an account from all addresses: full, it makes each address wait between two attempts at it.

Browsers that have signed in to the account before have a counter of their own (service/auth/devices.py) and
pass the three, as OWASP's "device cookies" describe it.
"""

from __future__ import annotations

from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import Storage

from service.auth.counters import Counters, count, hashed, seconds_left
from service.settings import Settings
from service.store.redis import RedisServers
from service.web.address import AddressKey

WINDOW_MINUTES = 15
FIRST_PAUSE, LONGEST_PAUSE = 10, 60
"""Seconds between two attempts; the pause doubles with each fifth of the limit that is counted beyond it."""
PAUSE_STEPS = 5


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """One attempt to sign in."""

    name: str
    """As the registry compares names. Accounts that exist and others are counted alike."""
    address: AddressKey
    device: str = ""
    """The browser, when it has signed in to this account before; else ""."""


class Throttle:
    """Counts attempts before the password is verified, and takes back those with the right one.

    Attempts that are refused do not count.
    """

    def __init__(self, settings: Settings, redis: RedisServers) -> None:
        self._counters = Counters(redis)
        self._device = _window(settings.login_attempts, "login-device")
        self._pair = _window(settings.login_attempts, "login-account-address")
        self._address = _window(settings.login_attempts_address, "login-address")
        self._account = _window(settings.login_attempts_account, "login-account")
        self._pause = RateLimitItemPerSecond(1, LONGEST_PAUSE, "login-pause")

    async def attempt(self, attempt: SignInAttempt) -> int:
        """Count an attempt; return the seconds to wait before another one, 0 when this one is allowed."""

        async def undo(storage: Storage) -> int:
            return 0 if attempt.device else await self._take_back(storage, attempt)

        return await self._counters.admit(lambda storage: self._count(storage, attempt), undo)

    async def succeeded(self, attempt: SignInAttempt) -> None:
        """Forgive the failures of this browser, or of this address at this account."""

        async def forgive(storage: Storage) -> int:
            if not attempt.device:
                await self._take_back(storage, attempt)
                await storage.clear(self._pair.key_for(_pair(attempt)))
            else:
                await storage.clear(self._device.key_for(hashed(attempt.device)))
            return 0

        await self._counters.change(forgive)

    async def _count(self, storage: Storage, attempt: SignInAttempt) -> int:
        if attempt.device and await self._counts_as_known(storage, attempt.device):
            return 0
        if await count(storage, self._pair, _pair(attempt)) > self._pair.amount:
            await count(storage, self._pair, _pair(attempt), -1)
            return await seconds_left(storage, self._pair, _pair(attempt))
        from_address = await count(storage, self._address, hashed(attempt.address))
        at_account = await count(storage, self._account, hashed(attempt.name))
        wait = await self._wait(storage, self._address, from_address, attempt.address)
        wait = wait or await self._wait(storage, self._account, at_account, attempt.name, attempt.address)
        if wait:
            await self._take_back(storage, attempt)
        return wait

    async def _counts_as_known(self, storage: Storage, device: str) -> bool:
        """Count for a browser; False when it has failed too often and is treated like an unknown one."""
        name = hashed(device)
        if await count(storage, self._device, name) <= self._device.amount:
            return True
        await count(storage, self._device, name, -1)
        return False

    async def _wait(self, storage: Storage, limit: RateLimitItem, counted: int, *names: str) -> int:
        """Return 0 below the limit; from there on, let one attempt pass in each pause."""
        if counted < limit.amount:
            return 0
        seconds = pause_seconds(counted, limit.amount)
        name = hashed(limit.namespace, *names)
        if await storage.incr(self._pause.key_for(name), seconds) == 1:
            return 0
        return await seconds_left(storage, self._pause, name)

    async def _take_back(self, storage: Storage, attempt: SignInAttempt) -> int:
        await count(storage, self._pair, _pair(attempt), -1)
        await count(storage, self._address, hashed(attempt.address), -1)
        await count(storage, self._account, hashed(attempt.name), -1)
        return 0


def pause_seconds(counted: int, limit: int) -> int:
    """Return the pause between two attempts when `counted` have failed."""
    doublings = (counted - limit) // max(limit // PAUSE_STEPS, 1)
    return min(FIRST_PAUSE << min(doublings, 10), LONGEST_PAUSE)


def _window(amount: int, name: str) -> RateLimitItem:
    return RateLimitItemPerMinute(amount, WINDOW_MINUTES, name)


def _pair(attempt: SignInAttempt) -> str:
    return hashed(attempt.name, attempt.address)
