"""Limit the sessions that one guest link opens, and those of visitors who are neither users nor guests."""

from __future__ import annotations

from limits import RateLimitItemPerDay, RateLimitItemPerHour

from service.auth.counters import Counters, hashed
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
        return await self._counters.take(
            (self._from_address, hashed(link, address)), (self._of_link, hashed(link))
        )

    async def admit_visitor(self, address: AddressKey) -> int:
        """Count one more session of a visitor; return the seconds to wait, 0 when it may be opened."""
        return await self._counters.take((self._visitors, hashed(address)))
