"""The gate and the first CALL of a request in one packet.

The CALL needs what the gate answers: the user, the shard. So the service takes the last answer for the same
session, key or sign-in as a guess, and sends a check with that answer in front of the CALL: `session_check`,
`api_key_check` or `api_grant_check`. It refuses unless the gate would answer the same again, byte for byte,
and a refusal ends the packet: nothing runs under a guess that does not hold. Then the request begins again,
with the gate alone in front.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

from aiohttp.web_exceptions import HTTPRequestEntityTooLarge

from service.auth.session import Caller
from service.errors import Refused, RequestError, TooManyCallsError
from service.store.connection import Call
from service.store.database import Database, ResultSet, Transaction

T = TypeVar("T")
CHANGED = "SESSION_CHANGED"
MOST_ANSWERS = 4096
"""Sessions of which a process knows the last answer."""
GateArgs = tuple[str | None, str | None, str | None]
"""Arguments of `session_open`: session, hub, resource."""


class GuessError(Exception):
    """The guess does not hold, or could not be checked: ask the gate."""


class Guess(NamedTuple):
    """The last answer of the gate for a session."""

    gate: GateArgs
    answer: str
    caller: Caller

    @property
    def check(self) -> Call:
        """The CALL that refuses when the guess does not hold."""
        session, hub, resource = self.gate
        return "yp", "session_check", (session, hub, resource, self.answer)


async def run_guessed(calls: GuessCaller, work: Awaitable[T], forget: Callable[[], object]) -> T | None:
    """Return the result of work whose CALLs go through `calls`.

    None when the guess does not hold, after `forget`, or was not checked. An end of the work before the
    guess is checked is decided by the gate: its answer might be another one.
    """
    try:
        result = await work
    except (GuessError, TooManyCallsError, RequestError, HTTPRequestEntityTooLarge) as exc:
        if calls.is_checked:
            raise
        if isinstance(exc, GuessError):
            forget()
        return None
    return result if calls.is_checked else None


class GuessCaller:
    """Calls routines under a guess, which `check` verifies in the packet of the first CALL."""

    def __init__(self, db: Database, check: Call) -> None:
        self._db = db
        self._check = check
        self.is_checked = False

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine. GuessError when the guess does not hold: the routine was not called then."""
        if self.is_checked:
            return await self._db.call(db, name, *args)
        return await self._checked(self._db.call_behind(self._check, db, name, *args))

    async def transaction(self, name: str, unit: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run a transaction. GuessError when the guess does not hold: nothing is written."""
        if self.is_checked:
            return await self._db.transaction(name, unit)
        return await self._checked(self._db.transaction(name, unit, self._check))

    async def _checked(self, work: Awaitable[T]) -> T:
        try:
            result = await work
        except Refused as exc:
            if exc.code == CHANGED:
                raise GuessError from None
            self.is_checked = True
            raise
        self.is_checked = True
        return result
