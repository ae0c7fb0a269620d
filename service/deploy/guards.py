"""Refuse a server, its databases or this checkout before anything is touched.

Each refusal says what has happened, and the command that goes on from there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import pymysql

from service import as_typed
from service.deploy.plan import Files, Plan
from service.deploy.state import SCRATCH, State, orphans, registry_tables, scope_of
from service.store.admin import Connection, DeployError

SHARD_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
RESERVED_NAMES = {"yp", "mysql", "sys", "information_schema", "performance_schema", "test"}
OLDER = "older"
"""ALLOW=older deploys a checkout that does not contain what is installed."""
MANY = 5
"""More names than these are counted, not listed."""
UNTOUCHED = "Nothing was touched."
RESTORING = "drumee_restore"
"""Database that exists while a restore is not complete."""
RESERVED_PREFIXES = (SCRATCH, RESTORING)
"""Names of databases that the tools themselves make and drop."""


def check_shard_name(name: str) -> None:
    """Raise DeployError for a name that a shard cannot have."""
    if not SHARD_NAME.fullmatch(name) or name in RESERVED_NAMES or name.startswith(RESERVED_PREFIXES):
        raise DeployError(
            f"{name!r} cannot name a shard: up to 48 of a-z, 0-9, _; a letter first; no database of MariaDB "
            f"or of these tools. `{as_typed('shard NAME=shard2')}` makes one"
        )


def check_writable(connection: Connection) -> None:
    """Raise DeployError on a server that only reads, or that replicates from another one."""
    place = connection.server.unix_socket or f"{connection.server.host}:{connection.server.port}"
    if primary := _primary(connection):
        raise DeployError(
            f"{place} is a replica of {primary}: a change here would not reach the primary. {UNTOUCHED} "
            "Set DRUMEE_DB_ADMIN to the primary; if this server has become it, STOP ALL SLAVES and "
            "RESET SLAVE ALL first"
        )
    if connection.one("SELECT @@GLOBAL.read_only"):
        raise DeployError(
            f"{place} only reads (read_only is ON): it is a replica, or somebody has stopped writers. "
            f"{UNTOUCHED} Set DRUMEE_DB_ADMIN to the primary, or run SET GLOBAL read_only = OFF if this is it"
        )


def is_read_only(connection: Connection) -> bool:
    """Return whether a server only reads, or replicates from another one."""
    return bool(_primary(connection) or connection.one("SELECT @@GLOBAL.read_only"))


def _primary(connection: Connection) -> str:
    """Return host and port of the server's primary; "" without one.

    Without the right to see it, only a replica that runs is known to be one.
    """
    try:
        with connection.raw.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute("SHOW ALL SLAVES STATUS")
            rows = cursor.fetchall()
    except pymysql.err.OperationalError as exc:
        if exc.args[0] != 1227:  # access denied
            raise
        ((_, running),) = connection.rows("SHOW GLOBAL STATUS LIKE 'Slaves_running'")
        return "a server that this account may not see" if int(running) else ""
    # One that has stopped, by an error or by hand, goes on later: its changes and ours would cross.
    return f"{rows[0]['Master_Host']}:{rows[0]['Master_Port']}" if rows else ""


def check_databases(connection: Connection, state: State) -> None:
    """Raise DeployError when a database of ours is lost, or when one that is not ours would be taken."""
    if RESTORING in state.databases:
        raise _restoring()
    _check_orphans(state.orphans)
    if state.objects.get("yp") and "deploy_item" not in state.bookkeeping:
        raise DeployError(
            f"the database yp has {state.objects['yp']} tables and routines, and no table of deploys: it is "
            f"somebody else's. {UNTOUCHED} Deploy to a server without a database of this name"
        )
    if names := [db for db in state.shards if state.is_lost(db)]:
        raise DeployError(_loss(connection, names, state))
    for db in state.shards:
        if db not in state.registered and state.objects.get(db):
            raise DeployError(
                f"the database {db} has {state.objects[db]} tables and routines, and is not in yp.shard: it "
                f"is somebody else's, or was taken out of the registry. {UNTOUCHED} Choose another name"
            )


def _check_orphans(databases: set[str]) -> None:
    if databases:
        raise DeployError(
            f"the registry yp is gone, and {_some(sorted(databases))} have routines of ours: yp was "
            f"dropped, or a restore was interrupted. {UNTOUCHED} Drop these databases, then "
            f"`{as_typed('restore F=backup.tar.gz')}` loads a backup"
        )


def check_applied(state: State) -> None:
    """Raise DeployError when nothing was deployed to the server."""
    if not state.applied:
        raise _not_deployed()


def check_deployed(connection: Connection) -> None:
    """Raise DeployError on a server without a registry, for commands that do not read its whole state."""
    if not registry_tables(connection):
        _check_orphans(orphans(connection))
        raise _not_deployed()


def check_complete(connection: Connection) -> None:
    """Raise DeployError while a restore is not complete: it would drop what somebody writes meanwhile."""
    if connection.rows("SHOW DATABASES LIKE %s", RESTORING):
        raise _restoring()


def _restoring() -> DeployError:
    return DeployError(
        f"a restore runs, or was interrupted. {UNTOUCHED} "
        f"The same `{as_typed('restore F=backup.tar.gz')}`, with its other options, starts it anew"
    )


def _not_deployed() -> DeployError:
    return DeployError(f"nothing is deployed to this server; `{as_typed('deploy')}` first")


def _loss(connection: Connection, names: Sequence[str], state: State) -> str:
    db = names[0]
    what = "is empty" if db in state.databases else "is gone"
    entities = entities_in(connection, db)
    next_command = (
        f"`{as_typed(f'restore F=backup.tar.gz SHARD={db}')}` brings it back from a backup"
        if entities
        else f"`{as_typed(f'shard-drop NAME={db}')}` takes it out of the registry"
    )
    others = f"; so are {_some(names[1:])}" if len(names) > 1 else ""
    return (
        f"the database of the shard {db} {what}{others}, and {entities} users and hubs live in {db}: it was "
        f"dropped by hand, or a restore was interrupted. {UNTOUCHED} {next_command}"
    )


def entities_in(connection: Connection, db: str) -> int:
    """Return the number of users and hubs whose data are in a shard."""
    if not connection.rows("SHOW TABLES FROM yp LIKE 'entity'"):
        return 0
    return int(connection.one("SELECT COUNT(*) FROM yp.entity WHERE db_name = %s", db))


def check_versions(files: Files, state: State) -> None:
    """Raise DeployError when migrations were applied that these files do not have."""
    numbers = {scope: {s.name[:4] for s in scripts} for scope, scripts in files.migrations.items()}
    unknown: dict[str, list[str]] = defaultdict(list)
    for db, kind, name in sorted(state.applied):
        if kind == "migration" and name[:4] not in numbers[scope_of(db)]:
            unknown[name].append(db)
    if unknown:
        name, databases = next(iter(unknown.items()))
        scope = "yp" if "yp" in databases else "shard"
        newest = files.migrations[scope][-1].name
        raise DeployError(
            f"{name} was applied to {_some(databases)} and is not in this checkout, which ends with "
            f"{newest}: a newer version is installed. {UNTOUCHED} Use the newer version"
        )


def check_tables(plan: Plan) -> None:
    """Raise DeployError when tables of a deployed database are missing, with their data."""
    names = [f"{i.db}.{i.name}" for i in plan.decide if i.difference and i.difference.is_loss]
    if names:
        allowed = sorted({name.partition(".")[2] for name in names})
        raise DeployError(
            f"{_some(names)} {'are' if len(names) > 1 else 'is'} missing: dropped by hand, or a restore was "
            f"interrupted. {UNTOUCHED} Bring the data back from a backup; "
            f"`{as_typed(f'deploy ALLOW={allowed[0]}')}` makes a table again, empty"
        )


def check_changes(plan: Plan, limit: int) -> None:
    """Raise DeployError for changes of big tables that would block all who write to them."""
    refused = [
        *(change.refuse(limit) for change in plan.changes if change.is_refused),
        *(change.refuse(limit) for change in plan.row_changes if change.is_refused),
    ]
    if refused:
        raise DeployError("\n".join([*refused, UNTOUCHED]))


Contains = Callable[[str, str], bool | None]
"""Return whether (our revision) contains (another one); None when that cannot be known."""


def check_order(plan: Plan, contains: Contains, allow: Iterable[str]) -> None:
    """Raise DeployError when the plan would take back routines of a newer version, or of another branch."""
    if plan.files.is_rollback or OLDER in allow:
        return
    ours = plan.files.revision.rstrip("+")
    names = {
        revision: sorted(routines)
        for revision, routines in _replaced(plan).items()
        if revision != ours and contains(ours, revision) is False
    }
    if names:
        routines = sorted({name for each in names.values() for name in each})
        raise DeployError(
            f"revision {_some(sorted(names))} is installed ({_some(routines)}) and is not part of this "
            f"checkout ({plan.files.revision}): it is newer, or of another branch, and a deploy from here "
            f"would take it back. {UNTOUCHED} `git pull`, or merge the branch (`git fetch --unshallow` in a "
            f"shallow clone); `{as_typed(f'deploy ALLOW={OLDER}')}` takes it back"
        )


def _replaced(plan: Plan) -> Mapping[str, set[str]]:
    """Return the revisions of the routines that would be replaced by another text, with their names."""
    replaced: dict[str, set[str]] = defaultdict(set)
    for item in (*plan.todo, *plan.decide):
        if item.changes_text and item.installed:
            stamp = item.installed.stamp
            revision = (stamp["revision"] or "").rstrip("+") if stamp else ""
            if revision not in {"", "unknown"}:
                replaced[revision].add(item.name)
    return replaced


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more
