"""One connection to MariaDB: send a statement, read all its results at once.

The only module that knows the driver (docs/decisions/aiomysql.md).
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncmy.connection
import asyncmy.errors
import pymysql
from asyncmy.constants.CLIENT import DEPRECATE_EOF, SSL

from service.settings import DatabaseServer
from service.store.literals import call_statement, fill
from service.store.server_errors import ends_connection, translate
from service.tls import TLSError

ResultSet = list[tuple[Any, ...]]
Call = tuple[str, str, tuple[Any, ...]]
"""Database, routine, arguments."""
CHARSET = "utf8mb4"
NO_TLS = 2026
"""Number of the driver's errors of TLS."""
IN_TRANSACTION, NO_BACKSLASH_ESCAPES = 1, 512
"""Bits of the server's status."""


class _Driver(asyncmy.connection.Connection):
    """Asks for an EOF packet behind the rows, and for TLS where the settings do.

    Without an EOF packet, asyncmy 0.2.18 takes a row that begins with a value of 16 MB or more for their end.
    With a server that offers no TLS, it would go on without.
    """

    async def _get_server_information(self) -> None:
        await super()._get_server_information()  # type: ignore[misc]
        self.server_capabilities &= ~DEPRECATE_EOF  # type: ignore[attr-defined]
        if self._ssl_context and not self.server_capabilities & SSL:  # type: ignore[attr-defined]
            raise asyncmy.errors.OperationalError(NO_TLS, "the server offers no TLS")


async def connect(
    server: DatabaseServer, *, autocommit: bool, session: str, seconds: float
) -> PooledConnection:
    """Connect, and run the statement `session`. Raises errors of pymysql, and OSError.

    `seconds`: the longest time of a later statement.
    """
    try:
        arguments = server.connect_args
    except TLSError as exc:
        raise OSError(str(exc)) from exc
    raw = _Driver(  # type: ignore[no-untyped-call]
        **arguments, autocommit=autocommit, charset=CHARSET, init_command=session
    )
    try:
        await raw.connect()
    except asyncmy.errors.MySQLError as exc:
        raise as_pymysql(exc) from exc
    return PooledConnection(server, raw, seconds)


class PooledConnection:
    """Runs one statement after the other, each within a time limit."""

    __slots__ = ("_expired", "_loop", "_raw", "_seconds", "_status", "is_leaving", "server")

    def __init__(self, server: DatabaseServer, raw: Any, seconds: float) -> None:
        self.server = server
        self.is_leaving = False
        """Set: nobody uses it after the present user."""
        self._raw = raw
        self._seconds = seconds
        self._status: int = raw.server_status
        """Of the server, after the last statement. asyncmy 0.2.18 itself forgets to set it to 0."""
        self._expired = False
        self._loop = asyncio.get_running_loop()

    @property
    def is_open(self) -> bool:
        """Whether it can take a statement."""
        return self._raw.connected and not self._raw._stream_broken

    @property
    def is_reusable(self) -> bool:
        """Whether the next user may have it: without autocommit, an open transaction would leak."""
        return self.is_open and not self.is_leaving and not self._status & IN_TRANSACTION

    def close(self) -> None:
        """Close it. A statement that runs fails."""
        transport = self._raw._transport
        if transport is not None:
            # `close` alone would wait until a server that hangs takes what was written.
            transport.abort()
        self._raw.close()

    async def run(
        self,
        db: str,
        name: str,
        args: tuple[Any, ...],
        then: tuple[str, tuple[Any, ...]] | None = None,
        check: Call | None = None,
    ) -> list[ResultSet]:
        """CALL a routine, behind the CALL `check` and followed by SQL, `then`; return all result sets.

        All of it is one packet, which the first error ends.
        """
        backslash = not self._status & NO_BACKSLASH_ESCAPES
        statement = call_statement(db, name, args, backslash=backslash)
        if check is not None:
            statement = call_statement(*check, backslash=backslash) + b"; " + statement
        if then is not None:
            statement += fill(*then, backslash=backslash)
        return await self._run(statement)

    async def query(self, statement: str, args: tuple[Any, ...] = ()) -> list[ResultSet]:
        """Run a statement, or several; each `%s` stands for an argument."""
        backslash = not self._status & NO_BACKSLASH_ESCAPES
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
                if result.description is None:
                    self._status = result.server_status
                else:
                    results.append(list(result.rows))
                if not result.has_next:
                    return results
                await raw.next_result()
        except asyncmy.errors.MySQLError as exc:
            error = as_pymysql(exc)
            if ends_connection(error):
                self.close()
            raise translate(TimeoutError() if self._expired else error) from error
        except BaseException as exc:
            self.close()
            if isinstance(exc, OSError):
                raise translate(exc) from exc
            raise
        finally:
            timer.cancel()

    def _expire(self) -> None:
        self._expired = True
        self.close()


def as_pymysql(exc: asyncmy.errors.MySQLError) -> pymysql.err.MySQLError:
    """Return the error of pymysql, which the rest of the project knows, for one of this driver."""
    kind: type[pymysql.err.MySQLError] = getattr(pymysql.err, type(exc).__name__)
    return kind(*exc.args)
