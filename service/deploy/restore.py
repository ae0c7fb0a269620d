"""Restore an archive on an empty server, and upgrade it to the schema of this version."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import closing, nullcontext, suppress
from pathlib import Path

import pymysql

from service import as_typed
from service.deploy.backup_archive import Archive
from service.deploy.binary_log import BinaryLogs, Moment
from service.deploy.clients import load, replay
from service.deploy.deployer import Deployer, Outcome
from service.deploy.guards import RESTORING, check_writable
from service.deploy.journal import begin_operation, end_operation
from service.deploy.point_in_time import Recovery, binary_logs, check_target
from service.deploy.privileges import check_privileges
from service.deploy.state import escaped, read_state
from service.settings import Settings
from service.store.admin import (
    CHARSET,
    COLLATION,
    DEFINER,
    DEFINER_RIGHTS,
    MAKE_DEFINER,
    Connection,
    DeployError,
)


def restore(
    settings: Settings,
    path: Path,
    recovery: Recovery | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Restore an archive on an empty server, and upgrade it to the schema of this version.

    With a recovery, the changes after the backup follow, up to a moment. A marker on the server says which
    databases the restore makes. So an interrupted one starts anew.
    """
    archive = Archive(path)
    with closing(Connection(settings)) as connection:
        check_writable(connection)
        if not connection.one("SELECT GET_LOCK(%s, 0)", RESTORING):
            raise DeployError("another restore runs on this server; wait for its end")
        with binary_logs(recovery, archive) if recovery else nullcontext() as changes:
            _restore(connection, archive, changes, say)
        connection.run("UPDATE yp.deploy_lease SET until = 0")
        # The tabs of users were connected to processes that this server does not know.
        connection.run("DELETE FROM yp.entity_move")
        connection.run(f"DROP DATABASE {RESTORING}")
    try:
        outcome = Deployer(settings, lambda _: None).deploy()
    except KeyboardInterrupt:
        raise DeployError(
            f"interrupted; everything of the archive is restored, and `{as_typed('deploy')}` completes it"
        ) from None
    with closing(Connection(settings)) as connection:
        # The archive has its own backup as one that runs.
        connection.run("UPDATE yp.operation SET outcome = 'done' WHERE outcome = 'running'")
        end_operation(connection, begin_operation(connection, "restore", str(path.absolute())), None)
    return outcome


def _restore(
    connection: Connection,
    archive: Archive,
    changes: tuple[BinaryLogs, Moment] | None,
    say: Callable[[str], None],
) -> None:
    """Load the archive, then replay the changes after it."""
    if changes:
        check_target(connection, archive, changes[0])
    databases = sorted({*archive.manifest["databases"], *(changes[0].databases if changes else ())})
    check_privileges(connection, "restore", [*databases, RESTORING])
    _prepare(connection, databases)
    try:
        # Restore on the server that was checked, and is checked again.
        load(connection.server, archive.pieces())
        if wrong := differences(connection, archive.manifest["routines"]):
            raise DeployError(f"these routines are not what the manifest says: {', '.join(wrong)}")
        if changes:
            logs, until = changes
            say(f"the archive is restored; replaying {len(logs.files)} binary logs until {until.text}")
            replay(connection.server, logs.chosen())
            say(f"replayed; {logs.remarks(until)}")
            if not connection.rows("SHOW DATABASES LIKE 'yp'"):
                raise DeployError(
                    f"yp is dropped in the logs before UNTIL={until.text}: take an earlier moment"
                )
        if events := enable_events(connection, archive, databases):
            say(
                f"events that run now: {', '.join(events)}. The archive of a replica does not say whether "
                "the primary had disabled them"
            )
    except DeployError as exc:
        raise DeployError(f"{exc}. The restore is not complete; the same command starts it anew") from exc


def _prepare(connection: Connection, databases: Sequence[str]) -> None:
    """Clear what an interrupted restore has left, and mark what this one makes."""
    with connection.without_limit():
        clear_interrupted(connection)
    taken = {name for (name,) in connection.rows("SHOW DATABASES")}
    if there := sorted(taken & set(databases)):
        raise DeployError(
            f"{', '.join(there)} exist already; a restore needs a server without them: it overwrites "
            f"nothing. When a restore was interrupted after its last row, `{as_typed('deploy')}` completes it"
        )
    mark(connection, databases)
    allow_definer(connection, databases)


def mark(connection: Connection, databases: Sequence[str]) -> None:
    """Write down which databases this restore makes: none of them has data yet."""
    connection.run(f"CREATE DATABASE {RESTORING} CHARACTER SET {CHARSET} COLLATE {COLLATION}")
    connection.run(
        f"CREATE TABLE {RESTORING}.made (name VARCHAR(64) COLLATE ascii_bin NOT NULL, PRIMARY KEY (name)) "
        "ENGINE = InnoDB COMMENT 'databases that a restore makes'"
    )
    connection.insert(f"INSERT INTO {RESTORING}.made (name)", [[name] for name in databases])


def clear_interrupted(connection: Connection, ours: Collection[str] = ()) -> None:
    """Drop the databases that an interrupted restore has made, then its marker.

    With `ours`, raise DeployError when it was a restore of others.
    """
    if not connection.rows("SHOW DATABASES LIKE %s", RESTORING):
        return
    if connection.rows(f"SHOW TABLES FROM {RESTORING}"):
        names = [name for (name,) in connection.rows(f"SELECT name FROM {RESTORING}.made")]
        if ours and not set(ours).issuperset(names):
            raise DeployError(
                f"a restore of {', '.join(names)} was interrupted: the same command as then starts it anew"
            )
        # The client of a killed restore goes on by itself.
        for (number,) in connection.rows(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE DB IN %s AND ID <> CONNECTION_ID()",
            names or [""],
        ):
            with suppress(pymysql.err.OperationalError):
                connection.run("KILL %s", number)
        connection.run("SET SESSION foreign_key_checks = 0")
        for name in names:
            connection.run(f"DROP DATABASE IF EXISTS `{name}`")
        connection.run("SET SESSION foreign_key_checks = 1")
    connection.run(f"DROP DATABASE {RESTORING}")


def allow_definer(connection: Connection, databases: Sequence[str]) -> None:
    """Give the definer its rights on databases that will be loaded."""
    # Views and routines name their definer, which must exist first. A view that selects from another
    # one is checked with the definer's rights while it is created.
    connection.run(MAKE_DEFINER)
    for name in databases:
        connection.run(f"GRANT {DEFINER_RIGHTS} ON `{escaped(name)}`.* TO {DEFINER}")


def enable_events(connection: Connection, archive: Archive, databases: Sequence[str]) -> list[str]:
    """Let the events run that a replica leaves to its primary; return their names."""
    if not archive.manifest.get("is_replica", archive.manifest.get("age")):
        return []
    rows = connection.rows(
        "SELECT EVENT_SCHEMA, EVENT_NAME, DEFINER FROM information_schema.EVENTS "
        "WHERE STATUS = 'SLAVESIDE_DISABLED' AND EVENT_SCHEMA IN %s ORDER BY 1, 2",
        databases,
    )
    for db, name, definer in rows:
        user, _, host = definer.rpartition("@")
        # Without it, the account of the restore becomes the definer.
        account = f"{connection.raw.escape(user)}@{connection.raw.escape(host)}"
        connection.run(f"ALTER DEFINER = {account} EVENT `{db}`.{_quoted(name)} ENABLE")
    return [f"{db}.{name}" for db, name, _ in rows]


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def differences(connection: Connection, manifest: dict[str, str], db: str = "") -> list[str]:
    """Return the routines, of one database or of all, that are not as the manifest of an archive says."""
    installed = {f"{r.db}.{r.name}": r.fingerprint for r in read_state(connection).routines.values()}
    prefix = f"{db}." if db else ""
    return sorted(
        name
        for name in manifest.keys() | installed.keys()
        if name.startswith(prefix) and manifest.get(name) != installed.get(name)
    )
