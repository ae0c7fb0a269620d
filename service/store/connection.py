"""One connection to MariaDB: send a statement, read all its results at once."""

from __future__ import annotations

import asyncio
from typing import Any

import aiomysql
import pymysql

from service.settings import DatabaseServer
from service.store.literals import call_statement, fill
from service.store.server_errors import ends_connection, translate

ResultSet = list[tuple[Any, ...]]
CHARSET = "utf8mb4"
IN_TRANSACTION, NO_BACKSLASH_ESCAPES = 1, 512
"""Bits of the server's status."""


async def connect(
    server: DatabaseServer, *, autocommit: bool, session: str, seconds: float
) -> PooledConnection:
    """Connect, and run the statement `session`. Raises errors of pymysql, and OSError.

    `seconds`: the longest time of a later statement.
    """
    raw = await aiomysql.connect(
        **server.connect_args, autocommit=autocommit, charset=CHARSET, init_command=session
    )
    return PooledConnection(server, raw, seconds)


class PooledConnection:
    """Runs one statement after the other, each within a time limit."""

    __slots__ = ("_expired", "_loop", "_raw", "_seconds", "is_leaving", "server")

    def __init__(self, server: DatabaseServer, raw: Any, seconds: float) -> None:
        self.server = server
        self.is_leaving = False
        """Set: nobody uses it after the present user."""
        self._raw = raw
        self._seconds = seconds
        self._expired = False
        self._loop = asyncio.get_running_loop()

    @property
    def is_open(self) -> bool:
        """Whether it can take a statement."""
        return not self._raw.closed and not self._raw._reader.at_eof()

    @property
    def is_reusable(self) -> bool:
        """Whether the next user may have it: without autocommit, an open transaction would leak."""
        return self.is_open and not self.is_leaving and not self._raw.server_status & IN_TRANSACTION

    def close(self) -> None:
        """Close it. A statement that runs fails."""
        writer = self._raw._writer
        if writer is not None:
            # `close` alone would wait until a server that hangs takes what was written.
            writer.transport.abort()
        self._raw.close()

    async def run(
        self, db: str, name: str, args: tuple[Any, ...], then: str = "", then_args: tuple[Any, ...] = ()
    ) -> list[ResultSet]:
        """CALL a routine, followed by the SQL `then` in the same packet; return all result sets."""
        backslash = not self._raw.server_status & NO_BACKSLASH_ESCAPES
        statement = call_statement(db, name, args, backslash=backslash)
        return await self._run(statement + fill(then, then_args, backslash=backslash) if then else statement)

    async def query(self, statement: str, args: tuple[Any, ...] = ()) -> list[ResultSet]:
        """Run a statement, or several; each `%s` stands for an argument."""
        backslash = not self._raw.server_status & NO_BACKSLASH_ESCAPES
        return await self._run(fill(statement, args, backslash=backslash))

    async def _run(self, statement: bytes) -> list[ResultSet]:
        """Send SQL and read all its result sets, so that an error after the first one is raised.

        Raises what `translate` makes of the error. The connection is closed after any error but those that
        the server itself reports: what follows on it is unknown.
        """
        raw = self._raw
        results: list[ResultSet] = []
        timer = self._loop.call_later(self._seconds, self._expire)
        try:
            await raw.query(statement)
            while True:
                # The cursors of the driver read the same; each costs a statement as much as its CALL.
                result = raw._result
                if result.description is not None:
                    results.append(list(result.rows))
                if not result.has_next:
                    return results
                await raw.next_result()
        except pymysql.err.MySQLError as exc:
            if ends_connection(exc):
                self.close()
            error = translate(TimeoutError() if self._expired else exc)
            raise error from exc
        except BaseException as exc:
            self.close()
            if isinstance(exc, OSError | asyncio.IncompleteReadError):
                raise translate(exc) from exc
            raise
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._expired = True
        self.close()
