"""Move one person or hub to another shard of the server, while everybody else works.

For the length of the move the gate answers 503 for that entity. Everything is copied, switched over and
removed in one transaction, so a move that is killed has not happened. Calls that were under way and still
write to the old shard are refused there (sql/shard/0006_moved_out.sql).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pymysql

from service.deploy.connection import Connection, DeployError
from service.deploy.journal import BOOTSTRAP, Lease
from service.deploy.state import OPENING
from service.settings import Settings

BLOCK_SECONDS = 120
"""How long a move that was killed keeps its entity out, at most; running it again ends that at once."""
DRAIN_SECONDS = 1.0
"""Calls that passed the gate before it closed end in this time; the old shard refuses those that do not."""
ATTEMPTS = 5


@dataclass(frozen=True)
class Moved:
    """What a move did."""

    entity: str
    from_db: str
    to_db: str
    rows: int
    seconds: float


def move(
    settings: Settings, entity: str, to_db: str, pause: Callable[[str], None] = lambda _: None
) -> Moved | None:
    """Move an entity (id, or email of a person); None when it is there already.

    `pause` is called at each step with its name, for tests that interrupt there.
    """
    connection = Connection(settings)
    connection.each(BOOTSTRAP)
    if not connection.rows("SHOW TABLES FROM yp LIKE 'entity_move'"):
        raise DeployError("the schema of this server is too old for moves; `make deploy` first")
    with Lease(settings):  # the schema must not change between the two shards
        try:
            uid, from_db = _check(connection, entity, to_db)
            if from_db == to_db:
                connection.run("DELETE FROM yp.entity_move WHERE entity_id = %s", uid)
                return None
            started = time.monotonic()
            _block(connection, uid, from_db, to_db)
            try:
                pause("blocked")
                time.sleep(DRAIN_SECONDS)
                rows = _copy(connection, uid, from_db, to_db, pause)
            except BaseException:
                # whatever went wrong, nothing has moved: let them in again
                if connection.raw.open:
                    connection.run("DELETE FROM yp.entity_move WHERE entity_id = %s", uid)
                raise
            return Moved(uid, from_db, to_db, rows, time.monotonic() - started)
        finally:
            connection.close()


def _check(connection: Connection, entity: str, to_db: str) -> tuple[str, str]:
    found = connection.rows(
        "SELECT e.id, e.db_name FROM yp.entity AS e LEFT JOIN yp.drumate AS d ON d.id = e.id "
        "WHERE e.id = %s OR d.email = %s",
        entity,
        entity,
    )
    if not found:
        raise DeployError(f"ENTITY={entity} is neither the id of a person or hub nor somebody's email")
    shard = connection.rows("SELECT is_open FROM yp.shard WHERE name = %s", to_db)
    if not shard:
        raise DeployError(f"SHARD={to_db} is no shard; `make shard NAME={to_db}` makes one")
    if shard[0][0] == OPENING:
        raise DeployError(f"SHARD={to_db} is not complete yet; `make deploy` completes it")
    uid, from_db = found[0]
    if _columns(connection, from_db) != _columns(connection, to_db):
        raise DeployError(f"{from_db} and {to_db} have not the same tables; `make deploy` first")
    return uid, from_db


def _columns(connection: Connection, db: str) -> dict[str, list[str]]:
    """Stored columns of every table that has an owner."""
    found: dict[str, list[str]] = {}
    for table, column in connection.rows(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME FROM information_schema.COLUMNS AS c "
        "JOIN information_schema.TABLES AS t USING (TABLE_SCHEMA, TABLE_NAME) "
        "WHERE c.TABLE_SCHEMA = %s AND t.TABLE_TYPE = 'BASE TABLE' AND c.IS_GENERATED = 'NEVER' "
        "AND c.TABLE_NAME <> 'moved_out' ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION",
        db,
    ):
        found.setdefault(table, []).append(column)
    return {table: columns for table, columns in found.items() if "owner_id" in columns}


def _block(connection: Connection, uid: str, from_db: str, to_db: str) -> None:
    connection.run(
        "REPLACE INTO yp.entity_move (entity_id, from_db, to_db, until, ctime) "
        "VALUES (%s, %s, %s, UNIX_TIMESTAMP() + %s, UNIX_TIMESTAMP())",
        uid,
        from_db,
        to_db,
        BLOCK_SECONDS,
    )


def _copy(connection: Connection, uid: str, from_db: str, to_db: str, pause: Callable[[str], None]) -> int:
    tables = _columns(connection, from_db)
    # the order of tables would matter to foreign keys; both sides are whole when the transaction ends
    connection.run("SET SESSION foreign_key_checks = 0, innodb_lock_wait_timeout = 10")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with connection.transaction():
                return _copy_once(connection, uid, (from_db, to_db), tables, pause)
        except pymysql.err.OperationalError as exc:
            if exc.args[0] not in {1205, 1213} or attempt == ATTEMPTS:
                raise
            _block(connection, uid, from_db, to_db)
    raise AssertionError("unreachable")


def _copy_once(
    connection: Connection,
    uid: str,
    places: tuple[str, str],
    tables: dict[str, list[str]],
    pause: Callable[[str], None],
) -> int:
    from_db, to_db = places
    # whoever changes two people's data holds these rows
    connection.rows("SELECT id FROM yp.drumate WHERE id = %s FOR UPDATE", uid)
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
