"""Move one person or hub to another shard of the server, while everybody else works.

For the length of the move the gate answers 503 for that entity. Everything is copied, switched over and
removed in one transaction, so a move that is killed has not happened. Calls that were under way and still
write to the old shard are refused there (sql/shard/0001_baseline.sql).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pymysql

from service import as_typed
from service.deploy.guards import check_complete, check_deployed, check_writable
from service.deploy.journal import Lease
from service.deploy.privileges import check_privileges
from service.deploy.state import OPENING
from service.local.ending import shielded
from service.retry import attempts
from service.settings import Settings
from service.store.admin import Connection, DeployError
from service.store.server_errors import RETRYABLE

BLOCK_SECONDS = 120
"""Seconds that a killed move locks its entity out, at most; running it again ends that at once."""
DRAIN_SECONDS = 1.0
"""Seconds for calls that passed the gate before it closed; the old shard refuses later ones."""
ATTEMPTS = 5
PAUSES = (0.1, 1.0)


@dataclass(frozen=True)
class Moved:
    """The result of a move."""

    entity: str
    from_db: str
    to_db: str
    rows: int
    seconds: float


def move(
    settings: Settings, entity: str, to_db: str, pause: Callable[[str], None] = lambda _: None
) -> Moved | None:
    """Move an entity (id, or email of a person). Return None when it is in that shard already.

    `pause` is called at each step with its name, for tests that interrupt there.
    """
    connection = Connection(settings)
    check_writable(connection)
    check_privileges(connection, "move")
    check_deployed(connection)
    check_complete(connection)
    if not connection.rows("SHOW TABLES FROM yp LIKE 'entity_move'"):
        raise DeployError(f"the schema of this server is too old for moves; `{as_typed('deploy')}` first")
    with Lease(
        settings, "move", f"{entity} to {to_db}"
    ):  # The schema must not change between the two shards.
        try:
            uid, from_db = _check(connection, entity, to_db)
            if from_db == to_db:
                connection.run("DELETE FROM yp.entity_move WHERE entity_id = %s", uid)
                return None
            started = time.monotonic()
            block(connection, uid, from_db, to_db)
            try:
                pause("blocked")
                time.sleep(DRAIN_SECONDS)
                with connection.without_limit():
                    rows = _copy(connection, uid, from_db, to_db, pause)
            except BaseException:
                # Nothing has moved, whatever the failure: open the gate again.
                if connection.raw.open:
                    with shielded():
                        connection.run("DELETE FROM yp.entity_move WHERE entity_id = %s", uid)
                raise
            return Moved(uid, from_db, to_db, rows, time.monotonic() - started)
        finally:
            connection.close()


def _check(connection: Connection, entity: str, to_db: str) -> tuple[str, str]:
    rows = connection.rows(
        "SELECT e.id, e.db_name FROM yp.entity AS e LEFT JOIN yp.drumate AS d ON d.id = e.id "
        "WHERE e.id = %s OR d.email = %s",
        entity,
        entity,
    )
    if not rows:
        raise DeployError(f"ENTITY={entity} is neither the id of a person or hub nor somebody's email")
    shard = connection.rows("SELECT is_open FROM yp.shard WHERE name = %s", to_db)
    if not shard:
        shards = ", ".join(name for (name,) in connection.rows("SELECT name FROM yp.shard ORDER BY name"))
        raise DeployError(
            f"SHARD={to_db} is no shard; there are {shards}, "
            f"and `{as_typed('shard NAME=')}` makes another one"
        )
    if shard[0][0] == OPENING:
        raise DeployError(f"SHARD={to_db} is not complete yet; `{as_typed('deploy')}` completes it")
    uid, from_db = rows[0]
    if differing := _differing(stored_columns(connection, from_db), stored_columns(connection, to_db)):
        raise DeployError(
            f"{from_db} and {to_db} differ in {', '.join(differing)}: a deploy is not complete, or somebody "
            f"changed a table by hand. Nothing was moved. `{as_typed('drift')}` shows which"
        )
    return uid, from_db


def stored_columns(connection: Connection, db: str) -> dict[str, list[str]]:
    """Return the stored columns of every table with an owner, by its name."""
    columns_by_table: dict[str, list[str]] = {}
    # Not a join: for that, the server would open the tables of all databases.
    for table, column in connection.rows(
        "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS "
        "WHERE TABLE_SCHEMA = %s AND TABLE_NAME IN (SELECT TABLE_NAME FROM information_schema.TABLES "
        "WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE') AND IS_GENERATED = 'NEVER' "
        "AND TABLE_NAME <> 'moved_out' ORDER BY TABLE_NAME, ORDINAL_POSITION",
        db,
        db,
    ):
        columns_by_table.setdefault(table, []).append(column)
    return {table: columns for table, columns in columns_by_table.items() if "owner_id" in columns}


def _differing(source: dict[str, list[str]], target: dict[str, list[str]]) -> list[str]:
    """Return the tables and columns that only one side has, or another order of columns."""
    names = []
    for table in sorted(source.keys() | target.keys()):
        one, other = source.get(table), target.get(table)
        if one is None or other is None:
            names.append(table)
        elif one != other:
            columns = sorted(set(one) ^ set(other)) or ["the order of columns"]
            names += [f"{table}.{column}" for column in columns]
    return names


def block(connection: Connection, uid: str, from_db: str, to_db: str) -> None:
    """Let the gate answer 503 for an entity, until its row in yp.entity_move is deleted or too old."""
    connection.run(
        "REPLACE INTO yp.entity_move (entity_id, from_db, to_db, until, ctime) "
        "VALUES (%s, %s, %s, UNIX_TIMESTAMP() + %s, UNIX_TIMESTAMP())",
        uid,
        from_db,
        to_db,
        BLOCK_SECONDS,
    )


def _copy(connection: Connection, uid: str, from_db: str, to_db: str, pause: Callable[[str], None]) -> int:
    tables = stored_columns(connection, from_db)
    # The order of tables would matter to foreign keys; both sides are complete at the end of the transaction.
    connection.run("SET SESSION foreign_key_checks = 0, innodb_lock_wait_timeout = 10")
    for attempt in attempts(ATTEMPTS, *PAUSES):
        try:
            with connection.transaction():
                return _copy_once(connection, uid, (from_db, to_db), tables, pause)
        except pymysql.err.OperationalError as exc:
            if exc.args[0] not in RETRYABLE or attempt.is_last:
                raise
            time.sleep(attempt.pause)
            block(connection, uid, from_db, to_db)
    raise AssertionError("unreachable")


def _copy_once(
    connection: Connection,
    uid: str,
    places: tuple[str, str],
    tables: dict[str, list[str]],
    pause: Callable[[str], None],
) -> int:
    from_db, to_db = places
    # Services that change the data of two users hold this lock, or the row.
    connection.run("CALL yp.contact_pair_lock(%s, NULL, NULL)", uid)
    connection.rows("SELECT id FROM yp.entity WHERE id = %s FOR UPDATE", uid)
    connection.run(f"DELETE FROM `{to_db}`.moved_out WHERE owner_id = %s", uid)
    rows = 0
    for table, columns in tables.items():
        names = ", ".join(f"`{column}`" for column in columns)
        connection.run(f"DELETE FROM `{to_db}`.`{table}` WHERE owner_id = %s", uid)
        copied = connection.run(
            f"INSERT INTO `{to_db}`.`{table}` ({names}) "
            f"SELECT {names} FROM `{from_db}`.`{table}` WHERE owner_id = %s FOR UPDATE",
            uid,
        )
        removed = connection.run(f"DELETE FROM `{from_db}`.`{table}` WHERE owner_id = %s", uid)
        if copied != removed:
            raise DeployError(f"{table}: {copied} rows copied, {removed} removed; nothing was moved")
        rows += copied
        pause(table)
    connection.run(
        f"REPLACE INTO `{from_db}`.moved_out (owner_id, to_db, ctime) VALUES (%s, %s, UNIX_TIMESTAMP())",
        uid,
        to_db,
    )
    connection.run("UPDATE yp.entity SET db_name = %s, mtime = UNIX_TIMESTAMP() WHERE id = %s", to_db, uid)
    connection.run("DELETE FROM yp.entity_move WHERE entity_id = %s", uid)
    pause("copied")
    return rows
