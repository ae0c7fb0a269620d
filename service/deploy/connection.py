"""The administrator's connection, and the few statements that every command of this package sends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pymysql

from service.settings import Server, Settings, SettingsError, database_servers

DEFINER_NAME = "drumee_definer"
DEFINER = f"'{DEFINER_NAME}'@'localhost'"
"""Owns every routine and view. The account is locked: nobody can sign in as it."""
SQL_MODE = (
    "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"
)
CHARSET = "utf8mb4"
COLLATION = "utf8mb4_unicode_520_ci"


def view_statement(statement: str) -> str:
    """A statement of a view's file as it is sent: with the owner."""
    return statement.replace(
        "CREATE OR REPLACE VIEW", f"CREATE OR REPLACE DEFINER = {DEFINER} SQL SECURITY DEFINER VIEW"
    )


class DeployError(RuntimeError):
    """The command cannot go on; the message says why and what to do."""


class Connection:
    """An administrator's connection with autocommit; routines freeze its sql_mode and character set."""

    def __init__(self, settings: Settings) -> None:
        url = settings.db_admin or settings.db
        if not url:
            raise SettingsError("DRUMEE_DB_ADMIN is not set")
        self.raw = connect(database_servers(url, "DRUMEE_DB_ADMIN"))

    def run(self, statement: str, *args: object) -> int:
        """Execute a statement; the number of rows it touched."""
        with self.raw.cursor() as cursor:
            return int(cursor.execute(statement, args or None))

    def each(self, statements: Sequence[str]) -> None:
        """Execute statements in order."""
        for statement in statements:
            self.run(statement)

    def rows(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.raw.cursor() as cursor:
            cursor.execute(statement, args or None)
            return list(cursor.fetchall())

    def one(self, statement: str, *args: object) -> Any:
        """The first column of the first row, or None."""
        found = self.rows(statement, *args)
        return found[0][0] if found else None

    def insert(self, head: str, rows: Sequence[Sequence[object]], tail: str = "") -> None:
        """Write many rows in one statement: `head` ends before VALUES, `tail` follows the rows."""
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
            self.raw.rollback()
            raise
        self.raw.commit()

    def close(self) -> None:
        """Close it; a connection that is gone already is closed."""
        if self.raw.open:
            self.raw.close()


def connect(servers: Sequence[Server]) -> Any:
    """A connection to the first server that answers."""
    error: Exception | None = None
    for server in servers:
        try:
            return pymysql.connect(
                **server.connect_args,
                charset=CHARSET,
                autocommit=True,
                connect_timeout=5,
                # making an encryption context takes longer than the whole connection, and a socket needs none
                ssl_disabled=bool(server.unix_socket),
                init_command=f"SET sql_mode = '{SQL_MODE}', collation_connection = '{COLLATION}'",
            )
        except pymysql.err.OperationalError as exc:
            error = exc
    raise DeployError(f"no MariaDB server answers: {error}")
