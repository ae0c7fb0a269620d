"""Limit how many CALLs of one person are in the database at once; the others wait in order.

Without this limit, a person with a big address book and many connections takes all connections of a process,
and everybody else waits behind them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from service.errors import TooManyCallsError
from service.settings import Settings
from service.store.database import ResultSet, RoutineCaller, Transaction

T = TypeVar("T")


class Share:
    """The places of one person: `size` at once, given in the order of asking."""

    def __init__(self, size: int) -> None:
        self.places = asyncio.Semaphore(size)
        self.users = 0
        """Units of work that have a place, or wait for one."""


class Shares:
    """The share of each person in the connections of this process."""

    def __init__(self, settings: Settings) -> None:
        self._size = settings.person_calls
        self._most = settings.person_calls + settings.person_queue
        self._shares: dict[str, Share] = {}

    @asynccontextmanager
    async def place(self, key: str, *, may_refuse: bool = True) -> AsyncIterator[None]:
        """Wait for a place; TooManyCallsError when too many wait already and `may_refuse`."""
        share = self._shares.setdefault(key, Share(self._size))
        if may_refuse and share.users >= self._most:
            raise TooManyCallsError(key)
        share.users += 1
        try:
            async with share.places:
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[key]


class SharedCaller:
    """Calls routines within the share of one person. Only the first unit of work of a request is refused."""

    def __init__(self, db: RoutineCaller, shares: Shares, key: str) -> None:
        self._db = db
        self._shares = shares
        self._key = key
        self._is_admitted = False
        self.is_waiting = False
        """Whether it waits for a place, or did so when it was cancelled."""

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine."""
        async with self._place():
            return await self._db.call(db, name, *args)

    async def transaction(self, name: str, unit: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a transaction, which takes one place."""
        async with self._place():
            return await self._db.transaction(name, unit)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        self.is_waiting = True
        async with self._shares.place(self._key, may_refuse=not self._is_admitted):
            self.is_waiting, self._is_admitted = False, True
            yield
