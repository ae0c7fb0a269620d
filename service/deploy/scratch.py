"""Scratch databases: made beside the real ones on the same server, and dropped at the end.

A name says when it was made, on which server, and by which connection. So the next run knows what a killed
one has left behind, and leaves alone what another one is using.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pymysql

from service.deploy.journal import BOOTSTRAP
from service.deploy.last_look import note_own
from service.deploy.plan import Files
from service.deploy.state import SCRATCH, escaped
from service.local.ending import shielded
from service.schema.routines import Script
from service.schema.sqltext import code_only
from service.store.admin import COLLATION, DEFINER, Connection

NAME = re.compile(rf"{SCRATCH}(?P<time>\d+)_(?:(?P<server>[0-9a-f]{{8}})_(?P<connection>\d+))?\w*")
STALE_SECONDS = 3600
"""An older scratch database belongs to a killed run, on whichever server of a cluster it was made."""
SERVER = "LPAD(LOWER(HEX(CRC32(CONCAT(@@hostname, ':', @@port, @@datadir)))), 8, '0')"
REGISTRY = re.compile(r"(?<![\w.`])`?yp`?\s*\.", re.IGNORECASE)


def unlogged(connection: Connection) -> None:
    """Keep what follows on this server, as far as the account may.

    Replicas, and the other nodes of a cluster, need no scratch databases; their creation would hold up the
    whole cluster for each statement. Without the rights (BINLOG ADMIN; SUPER on a cluster) they get them, and
    see them dropped again.
    """
    try:
        connection.run("SET SESSION sql_log_bin = 0")
        if connection.one("SELECT @@GLOBAL.wsrep_on"):
            connection.run("SET SESSION wsrep_on = 0")
    except pymysql.err.OperationalError as exc:
        if exc.args[0] != 1227:  # access denied
            raise


def scratch_name(connection: Connection) -> str:
    """Return the beginning of the names that a run uses."""
    server, number = connection.rows(f"SELECT {SERVER}, CONNECTION_ID()")[0]
    return f"{SCRATCH}{int(time.time())}_{server}_{number}"


def drop_stale(connection: Connection) -> None:
    """Drop what killed runs have left on this server."""
    names = [name for (name,) in connection.rows("SHOW DATABASES")]
    for name in filter(lambda name: _is_stale(connection, name), names):
        drop(connection, name)
    accounts = connection.rows("SELECT User FROM mysql.user WHERE User LIKE %s", f"{SCRATCH}%")
    for (name,) in accounts:
        if _is_stale(connection, name):
            drop_account(connection, name)


def _is_stale(connection: Connection, name: str) -> bool:
    made = NAME.fullmatch(name)
    if made is None:
        return False
    if int(made["time"]) < time.time() - STALE_SECONDS:
        return True
    if made["server"] != connection.one(f"SELECT {SERVER}"):
        return False
    maker = int(made["connection"])
    return not connection.rows("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = %s", maker)


def drop(connection: Connection, name: str) -> None:
    """Drop a scratch database, and the rights that earlier versions gave to the definer there."""
    connection.run("SET SESSION foreign_key_checks = 0")
    connection.run(f"DROP DATABASE IF EXISTS `{name}`")
    connection.run("SET SESSION foreign_key_checks = 1")
    if connection.one("SELECT COUNT(*) FROM mysql.db WHERE Db = %s AND CONCAT(User, '@', Host) = %s",
                      escaped(name), DEFINER.replace("'", "")):  # fmt: skip
        connection.run(f"REVOKE SELECT ON `{escaped(name)}`.* FROM {DEFINER}")
    note_own(connection)


def drop_account(connection: Connection, name: str) -> None:
    """Drop the owner of the routines of a scratch database, with its rights."""
    connection.run("DROP USER IF EXISTS %s@'localhost'", name)


@contextmanager
def scratch_database(
    connection: Connection, name: str, files: Files, scope: str, applied: Iterable[str]
) -> Iterator[str]:
    """Create an empty database, and run the applied migrations and the views in it.

    Views that need migrations of later are left out. The views belong to the account of the connection: the
    definer may be gone, or have no rights.
    """
    applied = frozenset(applied)
    is_complete = applied.issuperset(s.name for s in files.migrations[scope])
    try:
        create(connection, name)
        connection.each(table_statements(files, scope, applied))
        for statement in _statements(files.views[scope]):
            try:
                connection.run(statement)
            except pymysql.err.MySQLError:
                if is_complete:
                    raise
        yield name
    finally:
        with shielded():
            drop(connection, name)


def create(connection: Connection, name: str) -> None:
    """Create a database as a deploy does, and use it."""
    connection.run(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE {COLLATION}")
    connection.raw.select_db(name)


def table_statements(files: Files, scope: str, applied: Iterable[str]) -> list[str]:
    """Return what makes the tables and triggers of a class of databases, as of these migrations."""
    scripts = {s.name: s for s in files.migrations[scope]}
    return [
        *bookkeeping(scope),
        *_statements([scripts[each] for each in sorted(applied)]),
    ]


def bookkeeping(scope: str) -> list[str]:
    """Return what makes the tables of deploys, which no migration makes."""
    return [s.replace("yp.", "") for s in BOOTSTRAP if s.startswith("CREATE TABLE") and scope == "yp"]


def _statements(scripts: Iterable[Script]) -> list[str]:
    return [statement for script in scripts for statement in script.statements]


def with_registry(text: str, name: str) -> str:
    """Return SQL that uses this database where it names `yp`; strings and comments stay as they are."""
    result, end = [], 0
    for match in REGISTRY.finditer(code_only(text)):
        result += [text[end : match.start()], f"`{name}`."]
        end = match.end()
    return "".join([*result, text[end:]])
