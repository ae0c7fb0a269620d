"""How a statement changes a table, asked of the server: at once, in place beside writers, or by a copy.

The server answers in a scratch database: it refuses a statement with an ALGORITHM and a LOCK that it cannot
keep, and changes nothing then. So the plan says what a deploy does, and the deploy asks again with the same
clauses: a server that would block writers in spite of the plan refuses the statement.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import Enum

import pymysql

from service.deploy import online
from service.deploy.change import Change
from service.deploy.plan import Files
from service.deploy.row_changes import (
    LONGEST_SECONDS,
    ROWS_A_SECOND,
    RowChange,
    Write,
    estimate,
    read_write,
)
from service.deploy.scratch import scratch_database, scratch_name, unlogged
from service.deploy.state import State, scope_of
from service.schema.routines import Script
from service.schema.sqltext import code_only
from service.settings import DatabaseServer, Settings
from service.store.admin import Connection

ALTER_TABLE = re.compile(
    r"\s*ALTER\s+(?:ONLINE\s+)?(?:IGNORE\s+)?TABLE\s+(?:IF\s+EXISTS\s+)?`?(?P<table>\w+)`?"
    r"(?:\s+(?:WAIT\s+\d+|NOWAIT))?\s",
    re.IGNORECASE,
)
CREATE_INDEX = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:ONLINE|OFFLINE|UNIQUE|FULLTEXT|SPATIAL)\s+)*INDEX\b"
    r".*?\bON\s+`?(?P<table>\w+)`?",
    re.IGNORECASE | re.DOTALL,
)
DROP_INDEX = re.compile(
    r"\s*DROP\s+(?:ONLINE\s+|OFFLINE\s+)?INDEX\b.*?\bON\s+`?(?P<table>\w+)`?", re.IGNORECASE | re.DOTALL
)
CANNOT = {1845, 1846}
"""Errors of the server: this ALGORITHM or LOCK is not possible."""
CANNOT_SAY = 1064
"""The statement takes no clause behind it, as one that ends with PARTITION BY."""
LOG_FULL = 1799
"""More was written meanwhile than innodb_online_alter_log_max_size holds."""
GO_ON = CANNOT | {CANNOT_SAY, LOG_FULL}
"""Errors after which the next way is tried: nothing has changed."""


class Way(Enum):
    """A way to change a table; the ones that disturb callers least come first."""

    INSTANT = "INSTANT"
    INPLACE = "INPLACE"
    COPY = "COPY"


@dataclass(frozen=True)
class Alter:
    """A statement that changes an existing table."""

    statement: str
    table: str
    specification: str = ""
    """What follows the name of the table in ALTER TABLE; "" for the other statements."""

    def by(self, way: Way) -> str:
        """Return the statement that the server runs in this way, or refuses."""
        if way is Way.COPY:
            return self.statement
        if self.specification:
            return f"{self.statement}\n, ALGORITHM = {way.value}, LOCK = NONE"
        if DROP_INDEX.match(code_only(self.statement)):  # its grammar has no clause
            return f"SET STATEMENT alter_algorithm = '{way.value}' FOR {self.statement}"
        return f"{self.statement}\nALGORITHM = {way.value} LOCK = NONE"


def read_alter(statement: str) -> Alter | None:
    """Read the table of a statement that changes one, and its parts; None for any other statement."""
    code = code_only(statement)
    if match := ALTER_TABLE.match(code):
        return Alter(statement.strip(), match["table"], statement[match.end() :].strip())
    match = CREATE_INDEX.match(code) or DROP_INDEX.match(code)
    return Alter(statement.strip(), match["table"]) if match else None


def perform(run: Callable[[str], object], alter: Alter, ways: Iterable[Way]) -> tuple[Way | None, str]:
    """Run a statement in the first of these ways that the server can.

    Return that way, or None, and the reason of the server against the last way that it refused.
    """
    reason = ""
    for way in ways:
        try:
            run(alter.by(way))
        except pymysql.err.MySQLError as exc:
            if exc.args[0] not in GO_ON:
                raise
            if exc.args[0] != CANNOT_SAY:
                reason = str(exc.args[1])
        else:
            return way, reason
    return None, reason


def ways_without_lock(connection: Connection, is_big: bool) -> tuple[Way, ...]:
    """Return the ways in which others go on writing.

    A cluster runs a change on all nodes at one place in the order of writes: the writes of all wait for it.
    """
    if is_big and connection.one("SELECT @@GLOBAL.wsrep_on"):
        return (Way.INSTANT,)
    return Way.INSTANT, Way.INPLACE


def changes(
    settings: Settings, server: DatabaseServer, files: Files, state: State, allowed: frozenset[str]
) -> Iterator[Change | RowChange]:
    """Yield what pending migrations change in existing tables and their rows; leave no trace."""
    groups: dict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
    for db in state.deployed:
        groups[scope_of(db), state.migrations(db)].append(db)
    for (scope, applied), databases in groups.items():
        scripts = [s for s in files.migrations[scope] if s.name not in applied]
        texts = [text for s in scripts for text in s.statements]
        tables = {alter.table for text in texts if (alter := read_alter(text))}
        tables |= {
            name for text in texts if (write := read_write(text)) for name in (write.table, write.source)
        }
        if not tables:
            continue
        with closing(Connection(settings, [server])) as connection:
            sizes = table_sizes(connection, databases, tables)
            unlogged(connection)
            name = f"{scratch_name(connection)}_{scope}"
            with scratch_database(connection, name, files, scope, applied) as scratch:
                asked = _Asked(connection, scratch, sizes, settings.big_table_mb, allowed)
                yield from asked.about(scope, scripts)


Sizes = Mapping[str, Mapping[str, tuple[int, float]]]
"""(rows, MB) by table and database."""


def table_sizes(connection: Connection, databases: Iterable[str], tables: Iterable[str]) -> Sizes:
    """Return rows and MB of these tables, as the server estimates them."""
    sizes: dict[str, dict[str, tuple[int, float]]] = defaultdict(dict)
    for db, table, rows, size in connection.rows(
        "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS, DATA_LENGTH + INDEX_LENGTH "
        "FROM information_schema.TABLES WHERE TABLE_SCHEMA IN %s AND TABLE_NAME IN %s "
        "AND TABLE_TYPE = 'BASE TABLE'",
        tuple(databases),
        tuple(tables),
    ):
        sizes[table][db] = int(rows or 0), int(size or 0) / 1e6
    return sizes


class _Asked:
    """Runs pending migrations in a scratch database, and notes what the server says."""

    def __init__(
        self,
        connection: Connection,
        scratch: str,
        sizes: Sizes,
        big_mb: int,
        allowed: frozenset[str],
    ) -> None:
        self._connection = connection
        self._scratch = scratch
        self._sizes = sizes
        self._big_mb = big_mb
        self._allowed = allowed

    def about(self, scope: str, scripts: Iterable[Script]) -> Iterator[Change | RowChange]:
        """Yield the changes of these scripts, up to a statement that fails: `Deployer.check` names it."""
        for script in scripts:
            for statement in script.statements:
                alter = read_alter(statement)
                try:
                    if alter and alter.table in self._sizes:
                        yield self._change(scope, script, alter)
                    else:
                        self._connection.run(statement)
                    write = read_write(statement)
                    if write and write.source in self._sizes:
                        yield self._row_change(scope, script, write)
                except pymysql.err.MySQLError:
                    return

    def _change(self, scope: str, script: Script, alter: Alter) -> Change:
        sizes = self._sizes[alter.table]
        big = {db for db, (_, size) in sizes.items() if size >= self._big_mb}
        ways = ways_without_lock(self._connection, bool(big))
        way, reason = perform(self._connection.run, alter, ways)
        refusal = ""
        if way is None:
            before = self._columns(alter.table)
            if big:
                refusal = online.obstacle(self._connection, self._scratch, alter.table, alter.specification)
            self._connection.run(alter.statement)
            refusal = refusal or (_renames(before, self._columns(alter.table)) if big else "")
        return Change(
            scope, script.name, alter.statement, alter.table, (way or Way.COPY).value, reason, sizes,
            frozenset(big), refusal,
            not self._allowed.isdisjoint({alter.table, script.name}),
        )  # fmt: skip

    def _row_change(self, scope: str, script: Script, write: Write) -> RowChange:
        sizes = self._sizes[write.source]
        rows = {
            db: estimate(self._connection, db, write, number)
            if number / ROWS_A_SECOND >= LONGEST_SECONDS
            else number
            for db, (number, _) in sizes.items()
        }
        self._connection.raw.select_db(self._scratch)
        return RowChange(
            scope, script.name, write.statement, write, rows, sizes,
            frozenset(db for db, (_, size) in sizes.items() if size >= self._big_mb),
            not self._allowed.isdisjoint({write.table, script.name}),
        )  # fmt: skip

    def _columns(self, table: str) -> set[str]:
        rows = self._connection.rows(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            self._scratch,
            table,
        )
        return {name for (name,) in rows}


def _renames(before: set[str], after: set[str]) -> str:
    """Return why columns that get other names cannot be copied by their names; "" without such."""
    if before - after and after - before:
        return (
            f"{', '.join(sorted(before - after))} may become {', '.join(sorted(after - before))}, and it "
            "copies by the names of columns: rename in a statement of its own, which is INSTANT"
        )
    return ""
