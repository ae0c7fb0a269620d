"""Limit the WebSockets that ask the registry for a session that does not exist."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cachetools import LRUCache

from service.web.address import AddressKey
from service.web.ratelimit import RateLimit

KNOWN_SESSIONS = 20_000


class SessionLookups:
    """Counts lookups before they are made, and gives back those that find a session.

    An address that has used up its lookups gets further ones as its bucket refills. A session that this
    process has seen before is looked up in any case, whatever others try from the same address.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] | None = None) -> None:
        self._limit = RateLimit(per_minute, clock) if clock else RateLimit(per_minute)
        self._known: LRUCache[bytes, bool] = LRUCache(KNOWN_SESSIONS)

    def take(self, address: AddressKey, sid: str | None) -> bool:
        """Count a lookup; return whether it may be made."""
        allowed = self._limit.take(address).allowed
        if not allowed and sid is not None and _digest(sid) in self._known:
            # It is given back, like any other lookup that finds a session.
            self._limit.charge(address, 1)
            return True
        return allowed

    def give_back(self, address: AddressKey) -> None:
        """Take back what `take` has counted."""
        self._limit.charge(address, -1)

    def ended(self, address: AddressKey, sid: str | None, *, is_known: bool) -> None:
        """Note whether a lookup has found a session."""
        if is_known:
            self.give_back(address)
        if sid is None:
            return
        if is_known:
            self._known[_digest(sid)] = True
        else:
            self._known.pop(_digest(sid), None)


def _digest(sid: str) -> bytes:
    return hashlib.sha256(sid.encode()).digest()
