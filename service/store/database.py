"""The only access of the service to MariaDB: CALL a named routine, get all its result sets.

Reading routines (READS SQL DATA) run on read-only connections without a transaction. Writing ones run in a
transaction, which is committed before any push is sent; when InnoDB or Galera ask for it, the whole unit runs
again. The account of the service may EXECUTE routines and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import orjson
import pymysql

from service import metrics
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, Refused
from service.log import calls_of_request, kind_of
from service.retry import attempts
from service.settings import Settings, database_servers
from service.store.changes import signature
from service.store.connection import Call, PooledConnection
from service.store.connection import ResultSet as ResultSet
from service.store.home import Home
from service.store.outages import LONG_SECONDS, Outages
from service.store.pool import Pool
from service.store.server_errors import (
    MISREAD,
    RETRIED_ONCE,
    RETRYABLE,
    DiskFullError,
    RetryableError,
    ServerTroubleError,
    number_of,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
Watch = Callable[[list[ResultSet]], None]
"""Gets the result sets of a CALL once it is committed."""

QUIET_SECONDS = 60.0
"""Time without another log line when trouble recurs."""
DISK_FULL_SECONDS = 10.0
"""Health reports a full disk for so long after the last time."""
CHECK_SECONDS = 1.0
"""Shortest time between two writes of health checks."""
ATTEMPTS = 8
PAUSES = (0.008, 1.0)
"""Seconds between the attempts at a transaction: the first pause, and the longest."""


READ_FIRST = 20
"""Shards whose routines a process compares with its own code when it starts; each takes 40 ms."""
WRITE_EVENTS = (
    "CALL yp.webhook_wanted(%s, @wanted)",
    "CALL {db}.contact_event_collect(%s, @wanted, @changes)",
    "CALL yp.webhook_contacts(%s, @changes)",
)
"""Write the changes of an owner for webhooks: a routine of a shard must not write the registry."""


@dataclass(frozen=True)
class RoutineInfo:
    """An installed routine: its number of parameters, and whether it modifies data."""

    params: int
    writes: bool


class Transaction:
    """CALLs on one connection that are committed together."""

    def __init__(
        self,
        connection: PooledConnection,
        outages: Outages,
        rendering: frozenset[str],
        watched: Mapping[str, Watch],
        check: Call | None = None,
    ) -> None:
        self._connection = connection
        self._outages = outages
        self._rendering = rendering
        self._watched = watched
        self._checks = [] if check is None else [check]
        """The CALL that runs in front of the first one, in its packet; empty once it has run."""
        self._is_part = False
        self.is_committing = False
        """Whether the COMMIT was sent, so that a broken connection leaves its result open."""
        self.called: list[tuple[str, str, Any]] = []
        """(database, routine, first argument) of each."""
        self.watched_results: list[tuple[Watch, list[ResultSet]]] = []
        """For those who are notified after the commit."""
        self.committed = False

    def part(self) -> Transaction:
        """Return a transaction inside this one, which this one commits."""
        part = Transaction(self._connection, self._outages, self._rendering, self._watched)
        part._is_part, part.called, part.watched_results = True, self.called, self.watched_results
        part._checks = self._checks
        return part

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine inside the transaction."""
        self.called.append((db, name, args[0] if args else None))
        result = await self._call((db, name, args))
        if name in self._watched:
            self.watched_results.append((self._watched[name], result))
        return result

    async def call_and_commit(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL the last routine of the transaction and commit, in one packet.

        With a COMMIT of its own, the locks would last until this process has read the answer; on a busy
        process, everybody who enters the same room would wait for that.
        """
        if self._is_part:
            return await self.call(db, name, *args)
        self.called.append((db, name, args[0] if args else None))
        self.is_committing = True
        result = await self._call((db, name, args), self._end())
        self.committed = True
        return result

    async def _call(self, call: Call, then: tuple[str, tuple[Any, ...]] | None = None) -> list[ResultSet]:
        check = self._checks.pop() if self._checks else None
        return await _call(self._connection, self._outages, call, then, check)

    async def commit(self) -> None:
        """Commit, unless the last CALL has done that."""
        if self._checks:  # the transaction made no CALL
            await self._call(self._checks.pop())
        if not self.committed:
            self.is_committing = True
            statements, args = self._end()
            counter = calls_of_request.get(None)
            if counter is not None:
                counter.trips += 1
            await self._connection.query(statements.removeprefix("; "), args)

    def _end(self) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL that ends the transaction, and its arguments.

        It signs the events of each owner whose records were rendered (docs/decisions/history.md), and writes
        them for the webhooks that want them (docs/decisions/webhooks.md).
        """
        signed = sorted(self.rendered())
        by = signature.get()
        calls = "; ".join([*WRITE_EVENTS, "CALL {db}.contact_event_sign(%s, %s, %s, %s)", ""])
        args = tuple(
            arg
            for _, owner in signed
            for arg in (*[owner] * len(WRITE_EVENTS), owner, by.actor, by.api, by.change_set)
        )
        return "; " + "".join(calls.format(db=db) for db, _ in signed) + "COMMIT", args

    def rendered(self) -> set[tuple[str, str]]:
        """Return (shard, owner) of the address books whose records may have changed."""
        return {
            (db, owner)
            for db, name, owner in self.called
            if db != "yp" and name in self._rendering and isinstance(owner, str)
        }


class RoutineCaller(Protocol):
    """Calls routines: each in a transaction of its own, or several in one."""

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL `db`.`name` and return all its result sets, each a list of row tuples."""

    async def transaction(self, name: str, unit: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `unit`, whose CALLs are committed together, or none of them."""


class Database:
    """Named CALLs to the registry and the shards."""

    def __init__(self, settings: Settings) -> None:
        self.outages = Outages()
        self.home = Home(database_servers(settings.db))
        self._read = Pool(settings, self.outages, self.home, read_only=True)
        self._write = Pool(settings, self.outages, self.home, read_only=False)
        for pool in self.pools:
            self.home.on_leave(pool.leave)
        self._writes: dict[str, Mapping[str, bool]] = {}
        """Whether a routine modifies data, by name, of the databases that were read so far."""
        self._shards: list[str] = []
        self._rendering: frozenset[str] = frozenset()
        self._watched: dict[str, Watch] = {}
        self._notify: Callable[[str], None] = lambda _: None
        self._quiet_until = 0.0
        self._is_announced = False
        self.trouble = ""
        """Error of the server when it last could not write, "" once it can; heartbeats try every 3 s."""
        self._disk_full_until = 0.0
        self._check: asyncio.Task[Any] | None = None
        self._next_check = 0.0

    def on_commit(self, rendering: frozenset[str], notify: Callable[[str], None]) -> None:
        """Sign the changes of these shard routines; call `notify` with the owner after each commit."""
        self._rendering, self._notify = rendering, notify

    def watch(self, routine: str, notify: Watch) -> None:
        """Call `notify` with the result sets of each CALL of this routine, once its transaction is committed.

        For a routine that others call as a part of something else, and whose outcome concerns third persons.
        It must not be the only one of a transaction.
        """
        self._watched[routine] = notify

    @property
    def pools(self) -> tuple[Pool, Pool]:
        """The pools, for health and metrics."""
        return self._read, self._write

    async def close(self) -> None:
        """Stop to probe, and close both pools."""
        await self.home.stop()
        await self._read.close()
        await self._write.close()

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL `db`.`name` and return all its result sets, each a list of row tuples.

        Raises Refused for SQLSTATE 45000, DatabaseUnavailableError, DatabaseTimeoutError.
        """
        if await self._is_writing(db, name):
            return await self.transaction(name, lambda tx: tx.call_and_commit(db, name, *args))
        return await self._read_twice(None, db, name, args)

    async def call_behind(self, check: Call, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine behind `check`, in one packet: it does not run when `check` is refused.

        Return the result sets of the routine; `check`, a reading one, has none. Raises what `call` raises.
        """
        if await self._is_writing(*check[:2]):
            raise ValueError(f"{check[1]} is no reading routine")
        if await self._is_writing(db, name):
            return await self.transaction(name, lambda tx: tx.call_and_commit(db, name, *args), check)
        return await self._read_twice(check, db, name, args)

    async def _read_twice(
        self, check: Call | None, db: str, name: str, args: tuple[Any, ...]
    ) -> list[ResultSet]:
        home = self.home.server
        try:
            return await self._read_call(check, db, name, args)
        except DatabaseUnavailableError:
            # The connection may have idled through a restart of the server, and reads can be repeated.
            metrics.RETRIES.labels(name, "lost").inc()
            await self.home.has_left(home)
            return await self._read_call(check, db, name, args, is_last=True)

    async def _read_call(
        self, check: Call | None, db: str, name: str, args: tuple[Any, ...], *, is_last: bool = False
    ) -> list[ResultSet]:
        connection = await self._read.acquire()
        try:
            return await _call(connection, self.outages, (db, name, args), check=check)
        except RetryableError as exc:
            # The node waits for the writes of others, and does not get them (wsrep_sync_wait).
            raise DatabaseUnavailableError(str(exc)) from exc
        except DatabaseUnavailableError as exc:
            if is_last or isinstance(exc, ServerTroubleError):
                self._record_failure(exc)
            raise
        finally:
            self._read.release(connection)

    async def transaction(
        self, name: str, unit: Callable[[Transaction], Awaitable[T]], check: Call | None = None
    ) -> T:
        """Run `unit` and commit; run it again, as a whole, when the server asks for a retry.

        With `check`, its first CALL runs behind that one, as in `call_behind`.
        `unit` must do nothing but CALLs: it may run several times. A broken connection is not retried,
        because the commit may have taken place, unless no COMMIT was sent and another node is home now. A row
        that a unique key refuses is retried once: the unit looked for it before another transaction wrote it,
        and sees it in the second run. A routine that the server misreads is retried once too, on another
        connection.
        """
        retried: set[int] = set()
        for attempt in attempts(ATTEMPTS, *PAUSES):
            home = self.home.server
            try:
                return await self._attempt(unit, check)
            except DatabaseUnavailableError as exc:
                if not exc.is_undone or attempt.is_last or not await self.home.has_left(home):
                    raise
                metrics.RETRIES.labels(name, "home").inc()
                continue
            except RetryableError as exc:
                number = exc.number
                if attempt.is_last:
                    self.outages.unavailable(kind_of(exc))
                    raise DatabaseUnavailableError(f"{name}: {RETRYABLE[number]}") from exc
            except pymysql.err.MySQLError as exc:
                number = number_of(exc)
                if number not in RETRIED_ONCE - retried or attempt.is_last:
                    raise
                retried.add(number)
            metrics.RETRIES.labels(name, str(number)).inc()
            await asyncio.sleep(attempt.pause)
        raise AssertionError("unreachable")

    async def _attempt(self, unit: Callable[[Transaction], Awaitable[T]], check: Call | None) -> T:
        connection = await self._write.acquire()
        tx = Transaction(connection, self.outages, self._rendering, self._watched, check)
        try:
            result = await unit(tx)
            await tx.commit()
        except Exception as exc:
            # After any error: an error of the server does not tell whether a transaction is open.
            await _rollback(connection)
            if number_of(exc) in MISREAD:
                connection.close()
            if isinstance(exc, DatabaseUnavailableError):
                exc.is_undone = exc.is_undone or not tx.is_committing
                self._record_failure(exc)
            raise
        except BaseException:
            # The server may still be running our statement: nobody else can use this connection.
            connection.close()
            raise
        finally:
            self._write.release(connection)
        self._clear_trouble()
        self._notify_owners(tx)
        for notify, result_sets in tx.watched_results:
            notify(result_sets)
        return result

    def _record_failure(self, exc: DatabaseUnavailableError) -> None:
        if isinstance(exc, ServerTroubleError):
            self._record_trouble(exc)
        else:
            self.outages.unavailable(kind_of(exc))

    def _record_trouble(self, exc: ServerTroubleError) -> None:
        now = time.monotonic()
        # Between failures some writes may succeed: do not log the same trouble again.
        if not self.trouble and now >= self._quiet_until:
            log.error("the database is in trouble", extra={"error": kind_of(exc)})
            self._is_announced = True
        self.trouble, self._quiet_until = kind_of(exc), now + QUIET_SECONDS
        if isinstance(exc, DiskFullError):
            self._disk_full_until = now + DISK_FULL_SECONDS

    def _clear_trouble(self) -> None:
        if self._is_announced:
            log.info("the database works again", extra={"error": self.trouble})
        self.trouble, self._is_announced = "", False

    def _notify_owners(self, tx: Transaction) -> None:
        for _, owner in tx.rendered():
            self._notify(owner)

    async def load_routines(self) -> dict[tuple[str, str], RoutineInfo]:
        """Read which routines the registry and the first shards have; return them by (database, name).

        Those of the other shards are read when they are first called: of a thousand shards, the server takes
        longer to list them than a statement may take.
        """
        async with self._read.connection() as connection:
            await self._read_shards(connection)
            routines: dict[tuple[str, str], RoutineInfo] = {}
            writes: dict[str, dict[str, bool]] = {}
            for db in ["yp", *self._shards[:READ_FIRST]]:
                writes[db] = await _installed_routines(connection, db)
                counts = await _numbers_of_parameters(connection, db)
                routines |= {(db, n): RoutineInfo(counts.get(n, 0), w) for n, w in writes[db].items()}
        self._writes = {}
        for db, each in writes.items():
            self._keep(db, each)
        return routines

    async def _is_writing(self, db: str, name: str) -> bool:
        """Return whether a routine modifies data. Raise KeyError when it is not installed."""
        if name not in self._writes.get(db, ()):
            await self._read_routines(db)
        return self._writes[db][name]

    async def _read_routines(self, db: str) -> None:
        """Read the routines of a database, which may be newer than this process, as the database may be."""
        async with self._read.connection() as connection:
            if db not in self._shards:
                await self._read_shards(connection)
            self._keep(db, await _installed_routines(connection, db))

    def _keep(self, db: str, writes: Mapping[str, bool]) -> None:
        """Keep the routines of a database, in memory once for all that have the same ones."""
        self._writes[db] = next((known for known in self._writes.values() if known == writes), writes)

    async def _read_shards(self, connection: PooledConnection) -> None:
        (shard_rows,) = await connection.run("yp", "shard_list", ())
        self._shards = sorted(name for (name,) in shard_rows)

    async def shards(self) -> list[str]:
        """Return the names of all shards, sorted."""
        return list(self._shards)

    @property
    def is_in_trouble(self) -> bool:
        """Whether the server could not write lately. On a full disk, small writes succeed now and then."""
        return bool(self.trouble) or time.monotonic() < self._disk_full_until

    async def check_writes(self, node: str) -> None:
        """Write one row, once a second for all who ask while that succeeds; raise what a CALL raises.

        The write goes on when the caller stops waiting, so that a database that hangs costs one connection.
        """
        if self._check is None or (self._check.done() and time.monotonic() >= self._next_check):
            self._check = asyncio.create_task(self._write_row(node))
            # Nobody may be waiting any more when it fails.
            self._check.add_done_callback(lambda check: check.cancelled() or check.exception())
        await asyncio.shield(self._check)

    async def _write_row(self, node: str) -> None:
        await self.call("yp", "node_write", node)
        self._next_check = time.monotonic() + CHECK_SECONDS

    async def ping(self) -> None:
        """Make one cheap round trip; DatabaseUnavailableError when no server answers."""
        async with self._read.connection() as connection:
            await connection.query("DO 0")


class TransactionCaller:
    """Calls routines inside a transaction, to be committed or rolled back with it."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def call(self, db: str, name: str, *args: Any) -> list[ResultSet]:
        """CALL a routine inside the transaction."""
        return await self._tx.call(db, name, *args)

    async def transaction(self, name: str, unit: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `unit` as a part of the transaction; its name is not used."""
        return await unit(self._tx.part())


def documents(result: ResultSet) -> list[Any]:
    """Return the decoded `data` column of each row."""
    return [orjson.loads(row[0]) for row in result]


def document(result: ResultSet) -> Any:
    """Return the decoded `data` column of the first row, or None."""
    return orjson.loads(result[0][0]) if result else None


def encode(value: Any) -> str:
    """Return a value as the JSON text that a routine takes."""
    return orjson.dumps(value).decode()


async def _call(
    connection: PooledConnection,
    outages: Outages,
    call: Call,
    then: tuple[str, tuple[Any, ...]] | None = None,
    check: Call | None = None,
) -> list[ResultSet]:
    """CALL a routine as `PooledConnection.run` does; count and time it."""
    db, name, args = call
    started = time.perf_counter()
    outcome = "error"
    try:
        result = await connection.run(db, name, args, then, check)
        outcome = "ok"
        outages.worked(db, name)
    except Refused:
        outcome = "refused"
        outages.worked(db, name)
        raise
    except DatabaseTimeoutError as exc:
        outages.timed_out(db, name, kind_of(exc))
        raise
    except asyncio.CancelledError:
        if time.perf_counter() - started >= LONG_SECONDS:
            outages.timed_out(db, name, "the deadline of the request")
        raise
    finally:
        seconds = time.perf_counter() - started
        counter = calls_of_request.get(None)
        if counter is not None:
            counter.calls += 1 if check is None else 2
            counter.trips += 1
            counter.seconds += seconds
        metrics.observe_call(db, name, outcome, seconds)
    return result


async def _rollback(connection: PooledConnection) -> None:
    """Roll back, or close the connection when that fails."""
    if not connection.is_open:
        return
    try:
        await connection.query("ROLLBACK")
    except (DatabaseUnavailableError, DatabaseTimeoutError):
        connection.close()


async def _installed_routines(connection: PooledConnection, db: str) -> dict[str, bool]:
    """Return the routines of a database by name, each with whether it modifies data."""
    # With one database, the server need not look at the routines of all others.
    (routine_rows,) = await connection.query(
        "SELECT ROUTINE_NAME, SQL_DATA_ACCESS FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = %s",
        (db,),
    )
    return {str(name): access == "MODIFIES SQL DATA" for name, access in routine_rows}


async def _numbers_of_parameters(connection: PooledConnection, db: str) -> dict[str, int]:
    """Return the number of parameters of each routine that has some; the server parses every routine."""
    (param_rows,) = await connection.query(
        "SELECT SPECIFIC_NAME, COUNT(*) FROM information_schema.PARAMETERS "
        "WHERE SPECIFIC_SCHEMA = %s AND ORDINAL_POSITION > 0 GROUP BY 1",
        (db,),
    )
    return dict(param_rows)
