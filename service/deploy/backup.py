"""Back up into one archive: a consistent dump of the registry and all shards, and a manifest of hashes."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pymysql
from pymysql.cursors import Cursor

from service.deploy.backup_archive import HEAD, ArchiveWriter, new_file
from service.deploy.clients import DUMP, output_of
from service.deploy.guards import check_databases, check_deployed, is_read_only
from service.deploy.journal import Lease, bootstrap, lease_holder
from service.deploy.lag import freshness
from service.deploy.privileges import check_privileges, covers
from service.deploy.state import read_state
from service.settings import DatabaseServer, Settings, database_servers
from service.store.admin import DEFINER_NAME, Connection, DeployError, admin_servers, connect
from service.store.lock_watch import WATCH

DUMP_OPTIONS = (
    "--no-defaults", "--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob",
    "--order-by-primary", "--default-character-set=utf8mb4", "--skip-dump-date", "--max-allowed-packet=1G",
)  # fmt: skip
POSITION_OPTIONS = ("--master-data=2",)
"""Write the position in the binary log, as a comment."""
SECTION = re.compile(rb"\n--\n-- Current Database: `([^`]+)`\n--\n\n(?=CREATE DATABASE|USE )")
POSITION = re.compile(rb"^-- CHANGE MASTER TO MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+);", re.MULTILINE)
RIGHTS = """
    SELECT DISTINCT User, Host, Db
    FROM (SELECT User, Host, Db FROM mysql.db
          UNION ALL SELECT User, Host, Db FROM mysql.tables_priv
          UNION ALL SELECT User, Host, Db FROM mysql.procs_priv) AS r
    WHERE User NOT IN (%s, %s)
"""
"""A role has no host; a right on some columns has a row among those on tables."""
MEMBERS = "SELECT User, Host, Role FROM mysql.roles_mapping WHERE CONCAT(User, '@', Host) <> CURRENT_USER()"
"""The account that makes a role is a member of it, too."""
BOUNDARY_BYTES = 512
"""Longer than any beginning of a section."""


def views_of(db: str) -> str:
    """Return the section with the views of a database; that with its name has everything else."""
    return f"{db}.views"


def backup(
    settings: Settings, path: Path, revision: str = "", *, may_have_stopped: bool = False
) -> dict[str, Any]:
    """Write the archive; return its manifest. Users go on working: it is a snapshot of its start.

    Raise DeployError for a replica that has stopped, unless it may have.
    """
    connection = Connection(settings)
    is_replica = is_read_only(connection)
    check_privileges(connection, "backup of a replica" if is_replica else "backup")
    check_deployed(connection)
    age, follows = "", False
    if is_replica:
        age, follows = freshness(connection, may_have_stopped=may_have_stopped)
    else:
        bootstrap(connection)
    # The lease keeps the tables from changing during the dump. A replica cannot take it.
    with _no_deploy(connection) if is_replica else Lease(settings, "backup", str(path.absolute())):
        state = read_state(connection)
        check_databases(connection, state)  # an archive without lost data would replace the one that has them
        databases = ["yp", *state.shards]
        account = database_servers(settings.db)[0].user if settings.db else ""
        servers = [connection.server] if is_replica else admin_servers(settings)
        manifest = {
            "made": int(time.time()),
            "revision": revision,
            "server": connection.one("SELECT VERSION()"),
            "databases": databases,
            "age": age,
            "is_replica": follows,
            "left_out": _rights_of_others(connection, databases, account),
            "routines": {
                f"{r.db}.{r.name}": r.fingerprint
                for r in sorted(state.routines.values(), key=lambda r: (r.db, r.name))
            },
        }
        has_changes = not follows or bool(connection.one("SELECT @@log_slave_updates"))
        connection.close()
        _dump(settings, servers, path, account, manifest, has_changes=has_changes)
    return manifest


@contextmanager
def _no_deploy(connection: Connection) -> Iterator[None]:
    """Refuse to begin while a deploy runs on the primary: its statements would come in between."""
    if holder := lease_holder(connection):
        raise DeployError(f"{holder} changes the schema on the primary; try again when it is done")
    yield


def _rights_of_others(connection: Connection, databases: Sequence[str], account: str) -> list[str]:
    """Return the accounts and roles with rights on our databases that a deploy does not make."""
    rows = connection.rows(RIGHTS, DEFINER_NAME, account)
    holders = {(user, host) for user, host, place in rows if any(covers(place, db) for db in databases)}
    members = connection.rows(MEMBERS)
    while more := {(user, host) for user, host, role in members if (role, "") in holders} - holders:
        holders |= more
    return sorted(f"{user}@{host}" if host else f"the role {user}" for user, host in holders)


def _dump(
    settings: Settings,
    servers: Sequence[DatabaseServer],
    path: Path,
    account: str,
    manifest: dict[str, Any],
    *,
    has_changes: bool = True,
) -> None:
    """Write the archive from the first server that can, of those in the order of `_spared`.

    `has_changes`: whether its binary log has all of them; that of a replica may lack those of its primary.
    """
    errors: list[str] = []
    for server in _spared(servers, account, errors):
        try:
            with new_file(path) as stream:
                writer = ArchiveWriter(stream, manifest["made"])
                position = _watched_dump(settings, server, manifest["databases"], writer)
                manifest["binary_log"] = position if has_changes else None
                writer.close(manifest)
        except DeployError as exc:
            errors.append(str(exc))
        else:
            return
    raise DeployError("\n".join(errors))


def _watched_dump(
    settings: Settings, server: DatabaseServer, databases: Sequence[str], writer: ArchiveWriter
) -> dict[str, Any] | None:
    """Dump a server. Raise DeployError when somebody holds a lock for too long: the dump has no limit."""
    limit = settings.db_command_timeout
    with WATCH.over_client(DUMP[0], partial(Connection, settings, [server]), limit) as watched:
        try:
            return _dump_from(server, databases, writer, partial(setattr, watched, "process"))
        except DeployError as exc:
            if not watched.ended_for:
                raise
            raise DeployError(
                f"{DUMP[0]} has waited for a lock for {limit:g} s (DRUMEE_DB_COMMAND_TIMEOUT): "
                f"{watched.ended_for}. Nothing was written; then run the same command again"
            ) from exc


def _dump_from(
    server: DatabaseServer,
    databases: Sequence[str],
    writer: ArchiveWriter,
    begin: Callable[[subprocess.Popen[bytes]], None],
) -> dict[str, Any] | None:
    """Dump a server. Return the position of the dump in its binary log; None when it keeps none."""
    with closing(connect([server])) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@log_bin, @@binlog_format, @@lower_case_table_names")
        ((is_logged, log_format, case),) = cursor.fetchall()
        reason = _why_no_position(cursor, databases) if is_logged else ""
    options = (
        *DUMP_OPTIONS,
        *(POSITION_OPTIONS if is_logged and not reason else ()),
        "--databases",
        *databases,
    )
    head = b""
    current = ""
    for section, piece in sections(output_of(server, DUMP, options, begin), databases):
        if section != current:
            writer.begin(section)
            current = section
        if section == HEAD:
            head += piece
        writer.write(piece)
    if not (match := POSITION.search(head)):
        return {"unknown": reason} if reason else None
    place = match[1].decode(), int(match[2])
    with closing(connect([server])) as connection, connection.cursor() as cursor:
        # Says later whether a file of this name is the log of the same server.
        cursor.execute("SELECT BINLOG_GTID_POS(%s, %s)", place)
        ((gtids,),) = cursor.fetchall()
    return {
        "file": place[0],
        "position": place[1],
        "format": log_format,
        "gtids": gtids,
        "lower_case_table_names": case,
    }


def _why_no_position(cursor: Cursor, databases: Sequence[str]) -> str:
    """Return why a dump cannot have its position in the binary log; "" when it can.

    MariaDB reads the whole file for it, and mariadb-dump 10.11 crashes without the answer.
    """
    if unlogged := _unlogged(cursor, databases):
        return (
            f"binlog_do_db or binlog_ignore_db of the server leave {', '.join(unlogged)} out of its binary "
            "log. Remove them from its configuration, restart it"
        )
    cursor.execute("SHOW STATUS LIKE 'binlog_snapshot_%'")
    values = dict(cursor.fetchall())
    cursor.execute(
        "SELECT BINLOG_GTID_POS(%s, %s), @@max_allowed_packet >> 20",
        (values["Binlog_snapshot_file"], int(values["Binlog_snapshot_position"])),
    )
    ((gtids, packet),) = cursor.fetchall()
    if gtids is not None:
        return ""
    return (
        f"MariaDB cannot read {values['Binlog_snapshot_file']}: it has a row of more than max_allowed_packet "
        f"({packet} MB). FLUSH BINARY LOGS there begins another file"
    )


def _unlogged(cursor: Cursor, databases: Sequence[str]) -> list[str]:
    """Return the databases whose changes a server keeps out of its binary log, as far as it shows this."""
    try:
        cursor.execute("SHOW MASTER STATUS")
    except pymysql.err.OperationalError:
        return []  # without BINLOG MONITOR
    (_, _, only, ignored), *_ = cursor.fetchall()
    wanted = set(only.split(",")) if only else set(databases)
    return [db for db in databases if db not in wanted or db in ignored.split(",")]


def sections(pieces: Iterable[bytes], databases: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Cut a dump where a database begins; return pieces with their section.

    The dump has the databases one after the other, then the views of each.
    """
    begun: set[str] = set()
    section, rest = HEAD, b""
    for piece in pieces:
        rest += piece
        while match := SECTION.search(rest):
            if (db := match[1].decode()) in databases:
                yield section, rest[: match.start()]
                section = views_of(db) if db in begun else db
                begun.add(db)
                # A line of its own, so that the same place is not found again.
                yield section, match[0]
            else:
                yield section, rest[: match.end()]
            rest = rest[match.end() :]
        yield section, rest[:-BOUNDARY_BYTES]
        rest = rest[-BOUNDARY_BYTES:]
    yield section, rest


def _spared(servers: Sequence[DatabaseServer], account: str, errors: list[str]) -> list[DatabaseServer]:
    """Return the servers that answer, the home of the services last; append the errors of the others.

    The home is where the account of the services has most connections, whatever the order of the addresses
    says: after a failure another node is home. Of equal ones the last address comes first.
    """
    used: list[tuple[int, DatabaseServer]] = []
    for server in reversed(servers):
        try:
            connection = connect([server])
        except DeployError as exc:
            errors.append(str(exc))
            continue
        with closing(connection), connection.cursor() as cursor:
            # A node may be behind: see at least what the lease has seen.
            cursor.execute("SET SESSION wsrep_sync_wait = 15")
            cursor.execute("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = %s", (account,))
            used.append((cursor.fetchall()[0][0], server))
    return [server for _, server in sorted(used, key=lambda each: each[0])]
