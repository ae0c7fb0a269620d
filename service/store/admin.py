"""The connection of an administrator, for deploying and for commands."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pymysql

from service.errors import CommandError
from service.settings import DatabaseServer, Settings, SettingsError, database_servers
from service.store.blockers import LONGEST_TEXT, longest_transaction
from service.store.lock_watch import WATCH

DEFINER_NAME = "drumee_definer"
DEFINER = f"'{DEFINER_NAME}'@'localhost'"
"""Owns every routine and view. The account is locked: nobody can sign in as it."""
MAKE_DEFINER = f"CREATE USER IF NOT EXISTS {DEFINER} ACCOUNT LOCK"
DEFINER_RIGHTS = "SELECT, INSERT, UPDATE, DELETE, EXECUTE, TRIGGER"
"""Rights of the definer in each of our databases."""
SQL_MODE = (
    "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"
)
CHARSET = "utf8mb4"
COLLATION = "utf8mb4_unicode_520_ci"
CONNECT_SECONDS = 5
KILL_SECONDS = 5.0
"""How long a killed statement may take to end; the copy of a table is removed first."""
KILL_LOOK_SECONDS = 0.1
ACCESS_DENIED = {1045, 1698}
"""No such account, another password, or one that signs in by a socket only."""
NOT_READY = 1047
"""A node of a cluster that has lost the others, or does not have their data yet."""
REFUSED = ACCESS_DENIED | {1226, 1820, 1862, 2059, 4151}
"""Also: too many connections of it, an expired password, a plugin that we lack, a locked account."""
LOCK_WAIT_SECONDS = 50
"""Seconds that a statement waits for the lock of a table, as long as for that of a row."""
ANSWER_SECONDS = 10
"""Seconds after its limit in which the server must have stopped a statement, and said so."""
LOCKED, STOPPED, SILENT = 1205, 1969, 2013
SESSION = (
    f"SET sql_mode = '{SQL_MODE}', collation_connection = '{COLLATION}', "
    # As in the service: an address book is one JSON text while its records are built.
    "group_concat_max_len = 67108864, "
    # Servers for people at a prompt limit these; migrations need all rows and all checks.
    "sql_safe_updates = 0, sql_select_limit = 18446744073709551615, sql_big_selects = 1, "
    "foreign_key_checks = 1, unique_checks = 1, check_constraint_checks = 1, sql_quote_show_create = 1, "
    "tx_read_only = 0"
)
"""Makes routines work as in the service, independent of the defaults of the server."""


def view_statement(statement: str) -> str:
    """Return the statement of a view with its definer."""
    return statement.replace(
        "CREATE OR REPLACE VIEW", f"CREATE OR REPLACE DEFINER = {DEFINER} SQL SECURITY DEFINER VIEW"
    )


class DeployError(CommandError):
    """A command cannot go on; the message says why, and what to do."""


class NotReadyError(DeployError):
    """The servers answer, but are nodes of a cluster that cannot be used now."""


def admin_servers(settings: Settings) -> list[DatabaseServer]:
    """Return every server, with the account of the administrator."""
    url = settings.db_admin or settings.db
    if not url:
        raise SettingsError("DRUMEE_DB_ADMIN is not set")
    return database_servers(url, "DRUMEE_DB_ADMIN")


class Connection:
    """An administrator's connection with autocommit; routines freeze its sql_mode and character set.

    The server stops a statement after `DRUMEE_DB_COMMAND_TIMEOUT` seconds. The error of one that was stopped,
    or that has waited too long for a lock, names the statement and the connection that it waited for. While
    it waits, a line on the standard error names them (lock_watch.py).
    """

    def __init__(self, settings: Settings, servers: Sequence[DatabaseServer] = ()) -> None:
        """Connect to the first of these servers that works, by default of those of the settings."""
        self.raw, self.server = connect_first(servers or admin_servers(settings))
        self._settings = settings
        self._limit = settings.db_command_timeout
        self._limit_session()

    def beside(self) -> Connection:
        """Return another connection to the same server."""
        return Connection(self._settings, [self.server])

    def _limit_session(self) -> None:
        self.run(f"SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}")
        self._set_limit(self._limit)

    @contextmanager
    def without_limit(self) -> Iterator[None]:
        """Let the statements of the block take any time: they change big tables, or copy the data of users.

        They wait for locks no longer than others.
        """
        self._set_limit(0)
        try:
            yield
        finally:
            if self.raw.open:
                self._set_limit(self._limit)

    def _set_limit(self, seconds: float) -> None:
        self.run(f"SET SESSION max_statement_time = {seconds}")
        # A server that was stopped, or a network that is gone, ends no statement.
        self.raw._read_timeout = seconds + ANSWER_SECONDS if seconds else None

    def _execute(self, cursor: Any, statement: str, args: object = None) -> int:
        try:
            with WATCH.over(self, statement):
                return int(cursor.execute(statement, args))
        except pymysql.err.OperationalError as exc:
            if reason := self._reason(exc):
                text = " ".join(statement.split())[:LONGEST_TEXT]
                raise type(exc)(exc.args[0], f"{text}: {reason}") from exc
            raise

    def _reason(self, exc: pymysql.err.OperationalError) -> str:
        """Return why a statement that hung was ended; "" for any other error."""
        setting = "DRUMEE_DB_COMMAND_TIMEOUT"
        if exc.args[0] == LOCKED:
            return f"{exc.args[1]}; {longest_transaction(self)}"
        if exc.args[0] == STOPPED and self.one("SELECT @@max_statement_time") == self._limit:
            return (
                f"stopped after {self._limit:g} s, the limit for a statement; "
                f"{longest_transaction(self)}; if the server is only slow, set {setting} higher"
            )
        if exc.args[0] == SILENT and "timed out" in str(exc.args[1]):
            return (
                f"no answer for {self._limit + ANSWER_SECONDS:g} s, and the limit for a statement is "
                f"{self._limit:g} s ({setting}): the server hangs, or the network is gone; run the same "
                "command again when it answers"
            )
        return ""

    def run(self, statement: str, *args: object) -> int:
        """Execute a statement; return the number of affected rows."""
        with self.cursor() as cursor:
            return self._execute(cursor, statement, args or None)

    def each(self, statements: Sequence[str]) -> None:
        """Execute statements in order."""
        for statement in statements:
            self.run(statement)

    def rows(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with self.cursor() as cursor:
            self._execute(cursor, statement, args or None)
            return list(cursor.fetchall())

    def results(self, statements: Iterable[str]) -> list[list[tuple[Any, ...]]]:
        """Return the rows of each of these queries, all of them sent as one statement."""
        block = "BEGIN NOT ATOMIC\n" + "".join(f"{each};\n" for each in statements) + "END"
        results = []
        with self.cursor() as cursor:
            self._execute(cursor, block)
            while cursor.description:
                results.append(list(cursor.fetchall()))
                cursor.nextset()
        return results

    def one(self, statement: str, *args: object) -> Any:
        """Return the first column of the first row, or None."""
        rows = self.rows(statement, *args)
        return rows[0][0] if rows else None

    def insert(self, head: str, rows: Sequence[Sequence[object]], tail: str = "") -> None:
        """Insert rows with one statement: `head` ends before VALUES, `tail` follows the rows."""
        if not rows:
            return
        marks = "(" + ", ".join(["%s"] * len(rows[0])) + ")"
        values = ", ".join([marks] * len(rows))
        self.run(f"{head} VALUES {values} {tail}", *[value for row in rows for value in row])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end of the block, roll back when it fails."""
        self.raw.begin()
        try:
            yield
        except BaseException:
            # A statement that was interrupted is rolled back already, or the server is gone.
            if self.raw.open:
                self.raw.rollback()
            raise
        self.raw.commit()

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Yield a cursor. When a signal interrupts its statement, a new connection serves the clean-up."""
        try:
            with self.raw.cursor() as cursor:
                yield cursor
        except KeyboardInterrupt:
            self._renew()
            raise

    def _renew(self) -> None:
        """End the work of the server for this connection, which nobody waits for, and connect again."""
        thread = self.raw.thread_id()
        self.close()
        with suppress(pymysql.err.MySQLError, OSError):
            self.raw = _connect(self.server)
            self._limit_session()
            with suppress(pymysql.err.OperationalError):  # it has ended by itself
                self.run("KILL %s", thread)
            for _ in range(int(KILL_SECONDS / KILL_LOOK_SECONDS)):
                if not self.rows("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s", thread):
                    break
                time.sleep(KILL_LOOK_SECONDS)

    def close(self) -> None:
        """Close the connection, unless it is closed already."""
        if self.raw.open:
            self.raw.close()


def connect(servers: Sequence[DatabaseServer]) -> Any:
    """Return a connection to the first server that works; DeployError when none does."""
    return connect_first(servers)[0]


def connect_first(servers: Sequence[DatabaseServer]) -> tuple[Any, DatabaseServer]:
    """Return a connection to the first server that works, and that server; DeployError when none does."""
    errors: list[str] = []
    numbers: set[int] = set()
    for server in servers:
        try:
            return _connect(server), server
        except pymysql.err.OperationalError as exc:
            place = server.unix_socket or f"{server.host}:{server.port}"
            errors.append(f"{place}: {_reason(server, str(exc.args[-1]))}")
            numbers.add(exc.args[0])
    reasons = "; ".join(errors)
    if numbers <= ACCESS_DENIED:
        raise DeployError(
            f"MariaDB refuses the account: {reasons}. "
            "Do DRUMEE_DB and DRUMEE_DB_ADMIN have its name and password?"
        )
    failure = NotReadyError if numbers == {NOT_READY} else DeployError
    raise failure(
        f"no MariaDB server answers: {reasons}. Is it running, and do DRUMEE_DB and DRUMEE_DB_ADMIN name it?"
    )


def refusal(server: DatabaseServer) -> str:
    """Return why a server refuses an account; "" when it lets it in, or does not answer."""
    try:
        _connect(server).close()
    except pymysql.err.OperationalError as exc:
        return str(exc.args[-1]) if exc.args[0] in REFUSED else ""
    return ""


def _reason(server: DatabaseServer, text: str) -> str:
    """Return why a server was not reached; of TLS, with the option that is about it."""
    if "CERTIFICATE_VERIFY_FAILED" in text and server.tls:
        authority = f"ssl_ca={server.tls.ca}" if server.tls.ca else "the authorities of this system"
        return f"the certificate of the server was not accepted by {authority}: {text}"
    if server.tls and server.tls.cert and ("SSL" in text or "Lost connection" in text):
        return f"the server may not accept ssl_cert={server.tls.cert}: {text}"
    return text


def _connect(server: DatabaseServer) -> Any:
    connection = pymysql.connect(
        **server.connect_args,
        charset=CHARSET,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        # A server that hangs accepts connections and never answers.
        read_timeout=CONNECT_SECONDS,
        # A TLS context takes longer to create than the connection, and a Unix socket needs none.
        ssl_disabled=bool(server.unix_socket),
        init_command=SESSION,
    )
    with connection.cursor() as cursor:
        # SHOW works on a node without its cluster; wsrep_ready is always OFF without a provider.
        cursor.execute("SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_provider_name')")
        status = dict(cursor.fetchall())
        if status.get("wsrep_provider_name") and status.get("wsrep_ready") == "OFF":
            connection.close()
            raise pymysql.err.OperationalError(NOT_READY, "this node of the cluster is not ready")
    # The limit of statements follows.
    connection._read_timeout = None
    return connection
