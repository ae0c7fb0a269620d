"""The one door to MariaDB: CALL a named routine, get all its result sets.

Readers (READS SQL DATA) run on connections that cannot write and need no transaction. Writers run in one,
which is committed before anything is told to anybody; when InnoDB or Galera ask for it, the whole unit runs
again. The service's account may EXECUTE routines and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import aiomysql
import orjson
import pymysql

from service import metrics
from service.errors import (
    MOVING,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    EntityMovingError,
    Refused,
)
from service.settings import Server, Settings, database_servers

log = logging.getLogger(__name__)

T = TypeVar("T")
ResultSet = list[tuple[Any, ...]]
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")

SIGNALLED = 1644
TIMED_OUT = 1969
RETRYABLE = {
    1213: "deadlock: InnoDB, or the certification of Galera, chose us as the victim",
    1205: "lock wait timeout: only a statement was undone, so we undo the rest",
    1020: "record changed since it was read (innodb_snapshot_isolation)",
}
LOST = {
    2002: "server not reachable on its socket",
    2003: "server not reachable",
    2006: "server has gone away",
    2013: "connection lost during a query",
    2055: "connection lost",
    1040: "too many connections",
    1047: "a Galera node that is not ready",
    1290: "a server that only reads",
    1053: "server is shutting down",
    1927: "connection was killed",
    1158: "network error while reading",
}
ATTEMPTS = 8

calls_of_request: ContextVar[list[int]] = ContextVar("calls_of_request")
"""[CALLs, round trips] of the running request; for the log line and the bench."""


@dataclass(frozen=True)
class RoutineInfo:
    """What the server says of an installed routine."""

    params: int
    writes: bool


def session_statement(settings: Settings, *, read_only: bool) -> str:
    """What every connection sets before its first CALL."""
    mode = "READ ONLY" if read_only else "READ WRITE"
    return (
        f"SET SESSION max_statement_time = {settings.db_timeout}, "
        # locks decide conflicts, and whoever waited for one must see what the holder wrote
        "tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON, "
        "group_concat_max_len = 67108864, "
        f"tx_read_only = {int(mode == 'READ ONLY')}"
    )


@dataclass(frozen=True)
class Link:
    """A connection that is lent, and how long one statement on it may take."""

    raw: Any
    patience: float


class Pool:
    """Connections of one kind to the first server that answers."""

    def __init__(self, settings: Settings, *, read_only: bool) -> None:
        self.name = "read" if read_only else "write"
        self._servers = database_servers(settings.db)
        self._read_only = read_only
        self._size = settings.db_pool
        self._session = session_statement(settings, read_only=read_only)
        self._pools: dict[Server, Any] = {}
        self._patience = settings.db_timeout + 2
        """Seconds a silent server is waited for: its own limit should have come first."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Link]:
        """Lend a connection; DatabaseUnavailableError when no server answers."""
        try:
            async with asyncio.timeout(self._patience):
                pool, connection = await self._acquire()
        except TimeoutError:
            raise DatabaseUnavailableError(f"no free connection for {self._patience} s") from None
        try:
            yield Link(connection, self._patience)
        except asyncio.CancelledError:
            # the server may still be working for us: this connection cannot be given to anybody else
            connection.close()
            raise
        finally:
            # without autocommit a connection that is given back open would leak its transaction
            if connection.get_transaction_status():
                connection.close()
            pool.release(connection)

    async def _acquire(self) -> tuple[Any, Any]:
        error: Exception | None = None
        for server in list(self._servers):
            try:
                pool = self._pools.get(server)
                if pool is None:
                    pool = self._pools[server] = await self._create(server)
                return pool, await pool.acquire()
            except (pymysql.err.OperationalError, OSError) as exc:
                error = exc
                self._pass_over(server)
        raise DatabaseUnavailableError(str(error))

    def _pass_over(self, server: Server) -> None:
        """Try it last from now on; of many requests that meet the same failure, the first one moves it."""
        if self._servers[0] == server:
            self._servers.append(self._servers.pop(0))

    async def _create(self, server: Server) -> Any:
        return await aiomysql.create_pool(
            **server.connect_args,
            minsize=0,
            maxsize=self._size,
            autocommit=self._read_only,
            charset="utf8mb4",
            connect_timeout=2,
            init_command=self._session,
        )

    def usage(self) -> tuple[int, int]:
        """(connections in use, connections open)."""
        pools = list(self._pools.values())
        return sum(p.size - p.freesize for p in pools), sum(p.size for p in pools)

    async def close(self) -> None:
        """Close every connection, waiting for those in use."""
        for pool in self._pools.values():
            pool.close()
            await pool.wait_closed()


class Transaction:
    """CALLs on one connection that are committed together."""

    def __init__(self, connection: Link) -> None:
        self._connection = connection
        self.called: list[tuple[str, str, Any]] = []
        """(database, routine, first argument) of each."""
        self.committed = False

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine inside the transaction."""
        self.called.append((db, name, args[0] if args else None))
        return await _call(self._connection, db, name, args)

    async def call_and_commit(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine as the last one, and commit.

        In one packet: otherwise the locks are held until we have read the answer and come to say COMMIT, and
        on a busy process everybody who comes into the same room would wait for that.
        """
        self.called.append((db, name, args[0] if args else None))
        result = await _call(self._connection, db, name, args, then="; COMMIT")
        self.committed = True
        return result


class Database:
    """Named CALLs to the registry and the shards."""

    def __init__(self, settings: Settings) -> None:
        self._read = Pool(settings, read_only=True)
        self._write = Pool(settings, read_only=False)
        self._routines: dict[tuple[str, str], RoutineInfo] = {}
        self._followed: frozenset[str] = frozenset()
        self._tell: Callable[[str], None] = lambda _: None

    def follow(self, routines: frozenset[str], tell: Callable[[str], None]) -> None:
        """Call `tell` with the owner whenever one of these shard routines is committed, whoever called it."""
        self._followed, self._tell = routines, tell

    @property
    def pools(self) -> tuple[Pool, Pool]:
        """The pools, for health and metrics."""
        return self._read, self._write

    async def close(self) -> None:
        """Close both pools."""
        await self._read.close()
        await self._write.close()

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL `db`.`name` and return all its result sets, each a list of row tuples.

        Raises Refused for SQLSTATE 45000, DatabaseUnavailableError, DatabaseTimeoutError.
        """
        if (db, name) not in self._routines:
            await self.load_routines()  # a shard that was made after our start
        if self._routines[db, name].writes:
            return await self.transaction(name, lambda tx: tx.call_and_commit(db, name, *args))
        try:
            return await self._read_call(db, name, args)
        except DatabaseUnavailableError:
            # a connection that idled through a restart of the server; nothing is lost by asking again
            metrics.RETRIES.labels(name, "lost").inc()
            return await self._read_call(db, name, args)

    async def _read_call(self, db: str, name: str, args: Sequence[Any]) -> list[ResultSet]:
        async with self._read.connection() as connection:
            return await _call(connection, db, name, args)

    async def transaction(self, name: str, unit: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `unit` and commit; run it again, as a whole, when the server asks for a retry.

        `unit` must do nothing but CALLs: it may run several times. A connection that breaks is not
        retried: nobody can know whether the commit took place.
        """
        for attempt in range(1, ATTEMPTS + 1):
            async with self._write.connection() as connection:
                tx = Transaction(connection)
                try:
                    result = await unit(tx)
                    if not tx.committed:
                        await _commit(connection)
                except _RetryableError as exc:
                    await _rollback(connection)
                    metrics.RETRIES.labels(name, str(exc.number)).inc()
                    if attempt == ATTEMPTS:
                        raise DatabaseUnavailableError(f"{name}: {RETRYABLE[exc.number]}") from exc
                except Exception:
                    # whatever it was: an error of the server does not say that a transaction is open
                    await _rollback(connection)
                    raise
                else:
                    self._tell_owners(tx)
                    return result
            await asyncio.sleep(random.uniform(0, 0.004 * 2**attempt))  # noqa: S311  # jitter, no secret
        raise AssertionError("unreachable")

    def _tell_owners(self, tx: Transaction) -> None:
        for owner in {first for db, name, first in tx.called if db != "yp" and name in self._followed}:
            if isinstance(owner, str):
                self._tell(owner)

    async def load_routines(self) -> dict[tuple[str, str], RoutineInfo]:
        """Ask the server which routines are installed, in the registry and in every shard."""
        async with self._read.connection() as connection:
            shards = [name for (name,) in (await _call(connection, "yp", "shard_list", ()))[0]]
            self._routines = await _installed(connection, ["yp", *shards])
        return self._routines

    async def shards(self) -> list[str]:
        """Names of all shards."""
        return sorted({db for db, _ in self._routines if db != "yp"})

    async def ping(self) -> None:
        """One cheap round trip; DatabaseUnavailableError when nobody answers."""
        async with self._read.connection() as connection:
            await _query(connection, "DO 0", ())


class Joined(Database):
    """Stands in for the database inside a transaction: everything that is called belongs to it."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = _Part(tx)

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine inside the transaction."""
        return await self._tx.call(db, name, *args)

    async def transaction(self, name: str, unit: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `unit` as a part of the transaction."""
        return await unit(self._tx)


class _Part(Transaction):
    """A transaction inside another one: it is the outer one that commits."""

    def __init__(self, outer: Transaction) -> None:
        self._outer = outer

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        return await self._outer.call(db, name, *args)

    async def call_and_commit(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        return await self._outer.call(db, name, *args)


def documents(result: ResultSet) -> list[Any]:
    """The decoded `data` column of each row."""
    return [orjson.loads(row[0]) for row in result]


def document(result: ResultSet) -> Any:
    """The decoded `data` column of the first row, or None."""
    return orjson.loads(result[0][0]) if result else None


class _RetryableError(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(RETRYABLE[number])
        self.number = number


class _Cursor(aiomysql.Cursor):  # type: ignore[misc]  # aiomysql has no types
    """Does not ask for warnings: in strict mode what matters is an error, and asking is a round trip."""

    async def _show_warnings(self, conn: Any) -> None:
        return


async def _call(link: Link, db: str, name: str, args: Sequence[Any], then: str = "") -> list[ResultSet]:
    if not (IDENTIFIER.fullmatch(db) and IDENTIFIER.fullmatch(name)):
        raise ValueError(f"not a routine: {db}.{name}")
    marks = ", ".join(["%s"] * len(args))
    started = time.perf_counter()
    outcome = "error"
    try:
        result = await _query(link, f"CALL {db}.{name}({marks}){then}", args)
        outcome = "ok"
    except Refused:
        outcome = "refused"
        raise
    finally:
        counter = calls_of_request.get(None)
        if counter is not None:
            counter[0] += 1
        metrics.observe_call(db, name, outcome, time.perf_counter() - started)
    return result


async def _query(link: Link, statement: str, args: Sequence[Any]) -> list[ResultSet]:
    """Send one statement and read everything it answers, so that a late error is still an error."""
    counter = calls_of_request.get(None)
    if counter is not None:
        counter[1] += 1
    results: list[ResultSet] = []
    try:
        async with asyncio.timeout(link.patience), link.raw.cursor(_Cursor) as cursor:
            await cursor.execute(statement, tuple(args) or None)
            while True:
                if cursor.description is not None:
                    results.append(list(await cursor.fetchall()))
                if not await cursor.nextset():
                    return results
    except (pymysql.err.MySQLError, OSError, asyncio.IncompleteReadError) as exc:
        raise _translate(exc) from exc


def _translate(exc: Exception) -> Exception:
    if isinstance(exc, TimeoutError):
        return DatabaseTimeoutError("no answer")
    number = exc.args[0] if exc.args and isinstance(exc.args[0], int) else 0
    if number == SIGNALLED and exc.args[1] == MOVING:
        return EntityMovingError("looked for in the shard it has left")
    if number == SIGNALLED:
        return Refused(str(exc.args[1]))
    if number in RETRYABLE:
        return _RetryableError(number)
    if number == TIMED_OUT:
        return DatabaseTimeoutError(str(exc))
    if number in LOST or isinstance(exc, OSError | asyncio.IncompleteReadError | pymysql.err.InterfaceError):
        return DatabaseUnavailableError(str(exc))
    return exc


async def _commit(link: Link) -> None:
    await _query(link, "COMMIT", ())


async def _rollback(link: Link) -> None:
    try:
        await _query(link, "ROLLBACK", ())
    except (DatabaseUnavailableError, DatabaseTimeoutError):
        link.raw.close()


async def _installed(connection: Link, names: Sequence[str]) -> dict[tuple[str, str], RoutineInfo]:
    (routines,) = await _query(
        connection,
        "SELECT ROUTINE_SCHEMA, ROUTINE_NAME, SQL_DATA_ACCESS FROM information_schema.ROUTINES "
        "WHERE FIND_IN_SET(ROUTINE_SCHEMA, %s)",
        [",".join(names)],
    )
    (params,) = await _query(
        connection,
        "SELECT SPECIFIC_SCHEMA, SPECIFIC_NAME, COUNT(*) FROM information_schema.PARAMETERS "
        "WHERE FIND_IN_SET(SPECIFIC_SCHEMA, %s) AND ORDINAL_POSITION > 0 GROUP BY 1, 2",
        [",".join(names)],
    )
    counts = {(db, name): count for db, name, count in params}
    return {
        (db, name): RoutineInfo(counts.get((db, name), 0), access == "MODIFIES SQL DATA")
        for db, name, access in routines
    }
