"""The connections of one kind to the home node, lent in the order of asking."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pymysql

from service.background import end
from service.errors import DatabaseUnavailableError
from service.log import kind_of
from service.settings import DatabaseServer, Settings
from service.store import connection as connections
from service.store.connection import PooledConnection
from service.store.home import Home
from service.store.nodes import UNKNOWN_VARIABLE
from service.store.outages import LONG_SECONDS, Outages

CONNECT_SECONDS = 3.0
"""For a connection to one server, its greeting included; then the next server is tried."""
READS, READS_AND_WRITES = 1, 7
"""Values of wsrep_sync_wait: which statements wait until the node has applied what others have committed."""


def session_statement(settings: Settings, *, read_only: bool) -> str:
    """Return the statement that every connection runs before its first CALL."""
    return (
        f"SET SESSION max_statement_time = {settings.db_timeout}, "
        # A node has a short limit, which is for writes of other nodes (galera.cnf).
        "innodb_lock_wait_timeout = 50, "
        # Locks resolve conflicts: after waiting for one, a statement must see the writes of its holder.
        "tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON, "
        "group_concat_max_len = 67108864, "
        # Servers for people at a prompt limit these.
        "sql_safe_updates = 0, sql_select_limit = 18446744073709551615, "
        # Joins keep the order of their first table (my_contact_records): no blocks, no hashes.
        "join_cache_level = 2, "
        f"tx_read_only = {int(read_only)}"
    )


class Pool:
    """Connections of one kind to the home node. At most `settings.db_pool` are lent at once."""

    def __init__(self, settings: Settings, outages: Outages, home: Home, *, read_only: bool) -> None:
        self.name = "read" if read_only else "write"
        self._home = home
        self._read_only = read_only
        self._session = session_statement(settings, read_only=read_only)
        self._sync_wait = READS if read_only else READS_AND_WRITES
        self._timeout = settings.db_timeout + 2
        """Seconds for a statement, and for the wait before it; the limit of the server itself comes first."""
        self._outages = outages
        self._turns = settings.db_pool
        """How many more may have a connection; while somebody waits, none."""
        self._free: list[PooledConnection] = []
        self._lent: set[PooledConnection] = set()
        self._waiting: deque[asyncio.Future[PooledConnection | None]] = deque()
        """Those who wait for a turn; each gets a connection with it, or opens one."""
        self._opening: dict[asyncio.Task[PooledConnection], DatabaseServer] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._returned = asyncio.Event()
        """Set when a connection comes back, for a pool that closes."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[PooledConnection]:
        """Lend a connection; raises what `acquire` raises."""
        connection = await self.acquire()
        try:
            yield connection
        finally:
            self.release(connection)

    async def acquire(self) -> PooledConnection:
        """Return a connection, which goes back by `release`.

        DatabaseUnavailableError when no server answers or none is free in time.
        """
        started = time.monotonic()
        try:
            connection = await self._turn()
            return connection if connection is not None else await self._open_in_turn(started)
        except TimeoutError:
            self._outages.unavailable("no free connection")
            raise _undone(DatabaseUnavailableError(f"no free connection for {self._timeout} s")) from None
        except DatabaseUnavailableError as exc:
            self._outages.unavailable(kind_of(exc))
            raise
        except asyncio.CancelledError:
            if time.monotonic() - started >= LONG_SECONDS:
                self._outages.unavailable("no free connection")
            raise

    async def _turn(self) -> PooledConnection | None:
        """Wait for a turn; return a connection, or None when it must be opened.

        TimeoutError when that takes too long.
        """
        connection: PooledConnection | None
        if self._turns:
            self._turns -= 1
            while self._free:
                connection = self._free.pop()
                if connection.is_open:
                    self._lent.add(connection)
                    return connection
            return None
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[PooledConnection | None] = loop.create_future()
        self._waiting.append(turn)
        timer = loop.call_later(self._timeout, _give_up, turn)
        try:
            connection = await turn
        except asyncio.CancelledError:
            # The turn may have come in the same moment.
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_back(turn.result())
            raise
        finally:
            timer.cancel()
        if connection is not None and not connection.is_open:
            self._lent.discard(connection)
            return None
        return connection

    def release(self, connection: PooledConnection) -> None:
        """Take a connection back, and lend it to the next in line."""
        self._lent.discard(connection)
        if self._is_closed:
            self._returned.set()
        if connection.is_reusable and not self._is_closed:
            self._end_turn(connection)
        else:
            connection.close()
            self._end_turn(None)

    def _end_turn(self, connection: PooledConnection | None) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                if connection is not None:
                    self._lent.add(connection)
                turn.set_result(connection)
                return
        self._turns += 1
        if connection is not None:
            self._free.append(connection)

    def _give_back(self, connection: PooledConnection | None) -> None:
        if connection is None:
            self._end_turn(None)
        else:
            self.release(connection)

    async def _open_in_turn(self, started: float) -> PooledConnection:
        try:
            async with asyncio.timeout(started + self._timeout - time.monotonic()):
                connection = await self._open()
        except BaseException:
            self._end_turn(None)
            raise
        self._lent.add(connection)
        return connection

    async def _open(self) -> PooledConnection:
        while True:
            if self._is_closed:
                raise RuntimeError("the pool is closed")
            server = await self._home.get()
            try:
                return await self._connect(server)
            except (pymysql.err.OperationalError, OSError) as exc:
                if exc.args and exc.args[0] == UNKNOWN_VARIABLE and self._sync_wait:
                    # A server that is built without Galera.
                    self._sync_wait = 0
                elif not await self._home.has_left(server):
                    raise _undone(DatabaseUnavailableError(str(exc))) from exc

    async def _connect(self, server: DatabaseServer) -> PooledConnection:
        # A node of a cluster shows all that was committed on the others before it answers. This costs a
        # message to them, and nothing on a server that is alone.
        sync_wait = f", wsrep_sync_wait = {self._sync_wait}" if self._sync_wait else ""
        # A task of its own: whoever gives up does so at once, whatever the driver does with a cancellation.
        opening = asyncio.create_task(
            connections.connect(
                server,
                autocommit=self._read_only,
                session=self._session + sync_wait,
                seconds=self._timeout,
            )
        )
        self._opening[opening] = server
        try:
            await asyncio.wait({opening}, timeout=CONNECT_SECONDS)
            if not opening.done() or opening.cancelled():
                raise TimeoutError(f"no connection in {CONNECT_SECONDS} s")
            connection = opening.result()
        finally:
            del self._opening[opening]
            if not opening.done():
                ending = asyncio.create_task(_abandon(opening))
                self._endings.add(ending)
                ending.add_done_callback(self._endings.discard)
        if server != self._home.server:
            connection.close()
            raise OSError("the home has changed")
        return connection

    def leave(self, server: DatabaseServer, abruptly: bool) -> None:
        """Close the connections to a server that is no longer home; `abruptly` also those in use."""
        for opening, its_server in self._opening.items():
            if its_server == server:
                opening.cancel()
        for connection in [each for each in self._free if each.server == server]:
            self._free.remove(connection)
            connection.close()
        for connection in self._lent:
            if connection.server == server:
                connection.is_leaving = True
                if abruptly:
                    connection.close()

    def usage(self) -> tuple[int, int]:
        """Return (connections in use, connections open)."""
        return len(self._lent), len(self._lent) + len(self._free)

    async def close(self) -> None:
        """Close every connection, waiting for those in use."""
        self._is_closed = True
        while self._free:
            self._free.pop().close()
        while self._lent:
            self._returned.clear()
            await self._returned.wait()
        while self._endings:
            await asyncio.wait(self._endings)


def _give_up(turn: asyncio.Future[PooledConnection | None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())


async def _abandon(opening: asyncio.Task[PooledConnection]) -> None:
    """End an attempt to connect that nobody waits for any more."""
    await end(opening)
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _undone(error: DatabaseUnavailableError) -> DatabaseUnavailableError:
    error.is_undone = True
    return error
