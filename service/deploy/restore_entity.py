"""Restore one user or hub from an archive into a server that is in use, without touching others.

Their rows are loaded into scratch databases, and copied from there in one transaction, as a move copies them:
one that is killed has not happened.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from service import as_typed
from service.deploy.backup_archive import HEAD, Archive
from service.deploy.clients import load
from service.deploy.guards import check_complete, check_deployed, check_writable
from service.deploy.journal import Lease
from service.deploy.move import DRAIN_SECONDS, block, stored_columns
from service.deploy.privileges import LOGS_STATEMENTS, check_privileges
from service.deploy.relations import mend_relations
from service.deploy.scratch import create, drop, drop_stale, scratch_name, unlogged
from service.local.ending import shielded
from service.settings import Settings
from service.store.admin import Connection, DeployError

REGISTRY = ("entity", "drumate", "hub", "permission", "contact_block")
"""Tables of the registry with rows of a user or hub. Sessions and keys are not restored."""
DERIVED = {
    "contact_ledger", "contact_record", "contact_index", "contact_event", "contact_stale",
    "contact_set_aside", "contact_group_gone", "contact_group_expected", "request_once",
}  # fmt: skip
"""Tables of a shard whose rows are no loss."""
NEW_REVISIONS = 1_001
"""More than the changes that a listener is told one by one; after it, all of them are read again."""
LOST_REVISIONS = 1_000_000
"""As many may have been given to clients after the backup, when nothing tells how many it were."""
END_OF_TABLES = (b"-- Dumping events for database", b"-- Dumping routines for database")
INTO = re.compile(rb"INSERT INTO `([^`]+)` VALUES")


@dataclass(frozen=True)
class Restored:
    """The result of a restore of one user or hub."""

    entity: str
    db: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Tenant:
    """Where the rows of a user or hub are: scratch databases, and the shard in use."""

    uid: str
    registry: str
    copy: str
    db: str


def restore_entity(settings: Settings, path: Path, entity: str, replace: bool = False) -> Restored:
    """Bring back a user (id or email) or a hub (id) as of the archive.

    Raise DeployError when they have data now and `replace` is not set; the message says which would be lost.
    """
    archive = Archive(path)
    if not archive.has_sections:
        raise DeployError(f"{path} was made by an earlier version: it restores into an empty server only")
    started = time.monotonic()
    with closing(Connection(settings)) as connection, closing(Connection(settings)) as scratch:
        check_writable(connection)
        check_privileges(connection, "restore of a user")
        check_deployed(connection)
        check_complete(connection)
        unlogged(scratch)
        connection.run("SET SESSION innodb_lock_wait_timeout = 10")
        if connection.one(LOGS_STATEMENTS):
            # A replica has no scratch databases: it needs the rows, not the statement that reads them there.
            connection.run("SET SESSION binlog_format = 'ROW'")
        with (
            Lease(settings, "restore", f"{entity} from {path.absolute()}"),
            connection.without_limit(),
            scratch.without_limit(),
            scratch_copies(scratch) as (registry, copy),
        ):
            load_rows(scratch, archive, "yp", registry, lambda table, _: table in REGISTRY)
            uid, from_db = _find(scratch, registry, entity, path)
            load_rows(scratch, archive, from_db, copy, lambda _, row: f"'{uid}'".encode() in row)
            tenant = Tenant(uid, registry, copy, _shard(connection, uid, from_db))
            # The scratch registry has no shards, and the user may have moved since the backup.
            scratch.run("SET SESSION foreign_key_checks = 0")
            scratch.run(
                f"UPDATE `{registry}`.entity SET db_name = %s "
                "WHERE id = %s OR db_name NOT IN (SELECT name FROM yp.shard)",
                tenant.db,
                uid,
            )
            if not replace:
                _check_loss(connection, tenant)
            return Restored(uid, tenant.db, _bring_back(connection, tenant), time.monotonic() - started)


@contextmanager
def scratch_copies(connection: Connection) -> Iterator[tuple[str, str]]:
    """Make scratch databases for rows of a registry and of a shard; drop them at the end."""
    drop_stale(connection)
    names = (f"{scratch_name(connection)}_yp", f"{scratch_name(connection)}_shard")
    try:
        for name in names:
            create(connection, name)
        yield names
    finally:
        with shielded():
            for name in names:
                drop(connection, name)


def load_rows(
    connection: Connection, archive: Archive, section: str, name: str, is_wanted: Callable[[str, bytes], bool]
) -> None:
    """Load the tables of a database into a scratch one, with the wanted rows (table, row)."""
    lines = wanted_lines(_lines(archive.pieces(section)), is_wanted)
    unlog = b"SET sql_log_bin = 0;\n" if connection.one("SELECT @@sql_log_bin") == 0 else b""
    use = f"USE `{name}`;\n".encode()
    load(connection.server, [unlog, *archive.pieces(HEAD), b"\n", use, *lines])


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    yield rest


def wanted_lines(lines: Iterable[bytes], is_wanted: Callable[[str, bytes], bool]) -> Iterator[bytes]:
    """Return the lines of a dump that make tables and insert the wanted rows: no triggers, no routines.

    A row is one line, because a dump escapes the ends of lines in texts.
    """
    table, begun, is_skipped = "", False, False
    for line in lines:
        if line.startswith(END_OF_TABLES):
            return
        if line.startswith(b"DELIMITER"):
            is_skipped = line.startswith(b"DELIMITER ;;")
        elif table:
            row, is_last = line[:-1], line.endswith(b";")
            if is_wanted(table, row):
                yield (b",\n" if begun else b"INSERT INTO `" + table.encode() + b"` VALUES\n") + row
                begun = True
            if is_last:
                yield b";\n" if begun else b""
                table = ""
        elif match := INTO.match(line):
            table, begun = match[1].decode(), False
        elif not is_skipped and not line.startswith((b"USE ", b"CREATE DATABASE")):
            yield line + b"\n"


def _find(connection: Connection, registry: str, entity: str, path: Path) -> tuple[str, str]:
    rows = connection.rows(
        f"SELECT e.id, e.db_name FROM `{registry}`.entity AS e "
        f"LEFT JOIN `{registry}`.drumate AS d ON d.id = e.id WHERE e.id = %s OR d.email = %s",
        entity,
        entity,
    )
    if not rows:
        raise DeployError(f"ENTITY={entity} is neither a user nor a hub in {path}")
    uid, db = rows[0]
    return uid, db


def _shard(connection: Connection, uid: str, from_db: str) -> str:
    """Return the shard to restore into: where the user lives now, or did, or an open one."""
    lives = connection.one("SELECT db_name FROM yp.entity WHERE id = %s", uid)
    shards = [n for (n,) in connection.rows("SELECT name FROM yp.shard WHERE is_open = 1 ORDER BY name")]
    if not lives and not shards:
        command = as_typed("shard NAME=")
        raise DeployError(f"{uid} has no shard to return to: none is open; `{command}` adds one")
    return str(lives or (from_db if from_db in shards else shards[0]))


def _check_loss(connection: Connection, tenant: Tenant) -> None:
    lines = []
    for table in sorted(stored_columns(connection, tenant.db).keys() - DERIVED):
        if now := _count(connection, tenant.db, table, tenant.uid):
            old, new = (
                _count(connection, tenant.copy, table, tenant.uid),
                _count_new(connection, tenant, table),
            )
            lines.append(f"{table}: {now} rows now, {old} in the archive; {new} of now are not in it")
    if lines:
        raise DeployError(
            f"{tenant.uid} has data in {tenant.db}, which would become what the archive has:\n"
            + "\n".join(lines)
            + "\nNothing was touched. REPLACE=1 replaces them, and changes in other rows as well"
        )


def _count(connection: Connection, db: str, table: str, uid: str) -> int:
    if not connection.rows(f"SHOW TABLES FROM `{db}` LIKE %s", table):
        return 0
    return int(connection.one(f"SELECT COUNT(*) FROM `{db}`.`{table}` WHERE owner_id = %s", uid))


def _count_new(connection: Connection, tenant: Tenant, table: str) -> int:
    """Return how many rows the archive does not have."""
    if not connection.rows(f"SHOW TABLES FROM `{tenant.copy}` LIKE %s", table):
        return _count(connection, tenant.db, table, tenant.uid)
    keys = [
        row[4]
        for row in connection.rows(f"SHOW KEYS FROM `{tenant.db}`.`{table}` WHERE Key_name = 'PRIMARY'")
    ]
    same = " AND ".join(f"a.`{key}` = n.`{key}`" for key in keys)
    return int(
        connection.one(
            f"SELECT COUNT(*) FROM `{tenant.db}`.`{table}` AS n "
            f"LEFT JOIN `{tenant.copy}`.`{table}` AS a ON {same} "
            "WHERE n.owner_id = %s AND a.owner_id IS NULL",
            tenant.uid,
        )
    )


def _bring_back(connection: Connection, tenant: Tenant) -> int:
    block(connection, tenant.uid, tenant.db, tenant.db)
    try:
        time.sleep(DRAIN_SECONDS)
        with connection.transaction():
            _bring_back_account(connection, tenant)
            connection.rows("CALL yp.contact_pair_lock(%s, NULL, NULL)", tenant.uid)
            before = _ledger(connection, tenant.db, tenant.uid)
            connection.run(
                f"CREATE TEMPORARY TABLE `{tenant.copy}`.record_before AS "
                f"SELECT * FROM `{tenant.db}`.contact_record WHERE owner_id = %s",
                tenant.uid,
            )
            rows = _replace_rows(connection, tenant)
            renumber(connection, tenant, before)
            mend_relations(connection, tenant.uid, tenant.db)
        return rows
    except pymysql.err.IntegrityError as exc:
        raise DeployError(
            f"{tenant.uid} cannot come back, because somebody has their email or name now: {exc.args[1]}. "
            "Nothing was touched"
        ) from exc
    finally:
        if connection.raw.open:
            with shielded():
                connection.run("DELETE FROM yp.entity_move WHERE entity_id = %s", tenant.uid)


def _bring_back_account(connection: Connection, tenant: Tenant) -> None:
    """Insert the rows of the registry of somebody who is gone; blocks become those of the archive."""
    if not connection.rows("SELECT 1 FROM yp.entity WHERE id = %s FOR UPDATE", tenant.uid):
        # A user has a hub from the beginning, and may own others; they went with their owner.
        owned = f"id IN (SELECT id FROM `{tenant.registry}`.hub WHERE owner_id = %s)"
        condition = f"(id = %s OR {owned}) AND id NOT IN (SELECT id FROM yp.entity)"
        _insert(connection, tenant, "entity", condition, tenant.uid, tenant.uid)
        _insert(connection, tenant, "drumate", "id = %s", tenant.uid)
        _insert(connection, tenant, "hub", "(id = %s OR owner_id = %s) AND id NOT IN (SELECT id FROM yp.hub)",
                tenant.uid, tenant.uid)  # fmt: skip
        _insert(
            connection,
            tenant,
            "permission",
            "(entity_id = %s OR hub_id = %s OR hub_id IN (SELECT id FROM yp.hub WHERE owner_id = %s)) "
            "AND hub_id IN (SELECT id FROM yp.entity) AND NOT EXISTS (SELECT 1 FROM yp.permission AS p "
            "WHERE p.hub_id = s.hub_id AND p.resource_id = s.resource_id AND p.entity_id = s.entity_id)",
            *[tenant.uid] * 3,
        )
    connection.run("DELETE FROM yp.contact_block WHERE owner_id = %s", tenant.uid)
    _insert(connection, tenant, "contact_block", "owner_id = %s", tenant.uid)


def _insert(connection: Connection, tenant: Tenant, table: str, condition: str, *args: object) -> None:
    names = _common(_stored(connection, "yp", table), _stored(connection, tenant.registry, table))
    connection.run(
        f"INSERT INTO yp.`{table}` ({names}) "
        f"SELECT {names} FROM `{tenant.registry}`.`{table}` AS s WHERE {condition}",
        *args,
    )


def _stored(connection: Connection, db: str, table: str) -> list[str]:
    rows = connection.rows(
        "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s "
        "AND IS_GENERATED = 'NEVER' ORDER BY ORDINAL_POSITION",
        db,
        table,
    )
    return [name for (name,) in rows]


def _common(names: list[str], others: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names if name in others)


def _replace_rows(connection: Connection, tenant: Tenant) -> int:
    """Replace all rows of the shard by those of the archive; columns of later versions get their default."""
    archived: Mapping[str, list[str]] = stored_columns(connection, tenant.copy)
    tables = stored_columns(connection, tenant.db)
    rows = 0
    # The order of tables would matter to foreign keys; all rows are there at the end.
    connection.run("SET SESSION foreign_key_checks = 0")
    connection.run(f"DELETE FROM `{tenant.db}`.moved_out WHERE owner_id = %s", tenant.uid)
    for table in tables:
        connection.run(f"DELETE FROM `{tenant.db}`.`{table}` WHERE owner_id = %s", tenant.uid)
    for table in tables.keys() & archived.keys():
        names = _common(tables[table], archived[table])
        rows += connection.run(
            f"INSERT INTO `{tenant.db}`.`{table}` ({names}) "
            f"SELECT {names} FROM `{tenant.copy}`.`{table}` WHERE owner_id = %s",
            tenant.uid,
        )
    connection.run("SET SESSION foreign_key_checks = 1")
    if tables != archived:
        # The texts of an older version are made again.
        connection.run(
            f"INSERT IGNORE INTO `{tenant.db}`.contact_stale (owner_id, contact_id) "
            f"SELECT owner_id, id FROM `{tenant.db}`.contact WHERE owner_id = %s",
            tenant.uid,
        )
    return rows


def _ledger(connection: Connection, db: str, uid: str) -> int:
    """Return the revision of an address book; 0 without one."""
    return int(connection.one(f"SELECT rev FROM `{db}`.contact_ledger WHERE owner_id = %s", uid) or 0)


def renumber(connection: Connection, tenant: Tenant, before: int) -> None:
    """Give all contacts new revisions, so that clients see the change and no token goes back.

    Contacts that the archive does not have leave tombstones. Readers of an older revision begin anew.
    """
    archived = _ledger(connection, tenant.db, tenant.uid)
    start = max(before, archived) + (NEW_REVISIONS if before else LOST_REVISIONS)
    records = f"`{tenant.db}`.contact_record"
    connection.run(
        f"UPDATE {records} AS r "
        "JOIN (SELECT contact_id, ROW_NUMBER() OVER (ORDER BY rev, contact_id) AS n "
        f"FROM {records} WHERE owner_id = %s) AS o ON o.contact_id = r.contact_id "
        f"LEFT JOIN `{tenant.copy}`.record_before AS b "
        "ON b.contact_id = r.contact_id AND b.state <> 'purged' "
        "SET r.card_rev = COALESCE(r.card_rev, r.rev), r.rev = %s + o.n, "
        "r.created_rev = IF(b.contact_id IS NULL, %s + o.n, r.created_rev) WHERE r.owner_id = %s",
        tenant.uid,
        start,
        start,
        tenant.uid,
    )
    end = start + int(connection.one(f"SELECT COUNT(*) FROM {records} WHERE owner_id = %s", tenant.uid))
    last = end + connection.run(
        f"INSERT INTO {records} (owner_id, contact_id, rev, created_rev, state, created_at, updated_at, "
        "deleted_at, digest, record) "
        "SELECT b.owner_id, b.contact_id, %s + ROW_NUMBER() OVER (ORDER BY b.contact_id), b.created_rev, "
        "'purged', b.created_at, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UNHEX(MD5('')), "
        "JSON_OBJECT('id', JSON_VALUE(b.record, '$.id'), 'permanent', TRUE) "
        f"FROM `{tenant.copy}`.record_before AS b "
        f"LEFT JOIN {records} AS r ON r.owner_id = b.owner_id AND r.contact_id = b.contact_id "
        "WHERE r.contact_id IS NULL",
        end,
    )
    connection.run(
        f"INSERT INTO `{tenant.db}`.contact_ledger (owner_id, rev, forgotten_rev) VALUES (%s, %s, %s) "
        "ON DUPLICATE KEY UPDATE rev = VALUES(rev), forgotten_rev = VALUES(forgotten_rev), signed_rev = rev",
        tenant.uid,
        last,
        last,
    )
