"""Limit the sessions that one guest link opens, and those of visitors who are neither users nor guests."""

from __future__ import annotations

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour
from limits.aio.storage import Storage

from service.auth.counters import Counters, count, hashed, seconds_left
from service.settings import Settings
from service.store.redis import RedisServers
from service.web.address import AddressKey


class GuestLimits:
    """Counts the sessions of a link, from one address in an hour and from everywhere in a day.

    Sessions of visitors count as well, from one address in an hour.
    """

    def __init__(self, settings: Settings, redis: RedisServers) -> None:
        self._counters = Counters(redis)
        self._from_address = RateLimitItemPerHour(settings.guest_sessions_address, 1, "guests-address")
        self._visitors = RateLimitItemPerHour(settings.visitor_sessions_address, 1, "visitors-address")
        self._of_link = RateLimitItemPerDay(settings.guest_sessions, 1, "guests")

    async def admit(self, link: str, address: AddressKey) -> int:
        """Count one more session of a link; return the seconds to wait, 0 when it may be opened."""
        return await self._admit((self._from_address, hashed(link, address)), (self._of_link, hashed(link)))

    async def admit_visitor(self, address: AddressKey) -> int:
        """Count one more session of a visitor; return the seconds to wait, 0 when it may be opened."""
        return await self._admit((self._visitors, hashed(address)))

    async def _admit(self, *counters: tuple[RateLimitItem, str]) -> int:
        async def rule(storage: Storage) -> int:
            return await _take(storage, *counters)

        async def undo(storage: Storage) -> int:
            for limit, name in counters:
                await count(storage, limit, name, -1)
            return 0

        return await self._counters.admit(rule, undo)


async def _take(storage: Storage, *counters: tuple[RateLimitItem, str]) -> int:
    """Count in each of the counters, or in none when one of them is full."""
    for place, (limit, name) in enumerate(counters):
        if await count(storage, limit, name) > limit.amount:
            for full, key in counters[: place + 1]:
                await count(storage, full, key, -1)
            return await seconds_left(storage, limit, name)
    return 0
