"""The places of this process for WebSockets without a session, shared among addresses."""

from __future__ import annotations

from collections import defaultdict
from typing import Generic, TypeVar

from service.web.address import AddressKey

Holder = TypeVar("Holder")


class AnonymousPlaces(Generic[Holder]):
    """At most `most` places, and `most_of_address` of them for one address.

    When all are taken, an address with few of them gets one of the address with the most, so nobody can take
    all of them from everybody else.
    """

    def __init__(self, most: int, most_of_address: int) -> None:
        self._most = most
        self._most_of_address = most_of_address
        self._by_address: defaultdict[AddressKey, dict[Holder, None]] = defaultdict(dict)
        """Holders by address, the oldest first."""
        self._addresses: dict[Holder, AddressKey] = {}

    def take(self, holder: Holder, address: AddressKey) -> tuple[bool, Holder | None]:
        """Return whether there is a place, and who has to give up theirs."""
        displaced = None
        own = len(self._by_address.get(address, ()))
        if own >= self._most_of_address:
            return False, None
        if len(self._addresses) >= self._most:
            largest = max(self._by_address.values(), key=len)
            if len(largest) <= own + 1:
                return False, None
            displaced = next(iter(largest))
            self.release(displaced)
        self._by_address[address][holder] = None
        self._addresses[holder] = address
        return True, displaced

    def release(self, holder: Holder) -> None:
        """Free the place of a holder, if it has one."""
        address = self._addresses.pop(holder, None)
        if address is None:
            return
        del self._by_address[address][holder]
        if not self._by_address[address]:
            del self._by_address[address]
