"""Restore one shard from an archive, after its database was lost, while the others go on.

Its database is loaded as the archive has it, and a deploy upgrades it. Then each of its users and hubs is
brought in line with the other shards, which have gone on since the backup. Until that is done, their calls
are answered 503, and a row in yp.entity_move says so: killed at any moment, the same command goes on.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from service import as_typed
from service.deploy.backup import views_of
from service.deploy.backup_archive import HEAD, Archive
from service.deploy.clients import load
from service.deploy.deployer import Deployer
from service.deploy.guards import RESTORING, check_deployed, check_writable
from service.deploy.journal import Lease, noted
from service.deploy.move import stored_columns
from service.deploy.privileges import LOGS_STATEMENTS, check_privileges
from service.deploy.relations import mend_relations
from service.deploy.restore import allow_definer, clear_interrupted, differences, enable_events, mark
from service.deploy.restore_entity import Tenant, load_rows, renumber, scratch_copies
from service.deploy.scratch import unlogged
from service.deploy.state import read_state
from service.settings import Settings
from service.store.admin import Connection, DeployError

BLOCK_SECONDS = 86_400
"""Seconds that a killed restore locks the users of the shard out, at most."""
BLOCKED = "SELECT entity_id FROM yp.entity_move WHERE from_db = %s AND to_db = %s"
"""Users and hubs that are not in line with the others yet."""
REGISTRY = {"entity", "deploy_item"}
"""Tables of the registry in the archive that are read."""


@dataclass(frozen=True)
class ShardRestored:
    """The result of a restore of one shard."""

    entities: int
    new: list[str]
    """Users and hubs that have come after the backup."""
    moved: list[str]
    """Those whose data the archive has in another shard, where they lived then."""
    seconds: float


def restore_shard(settings: Settings, path: Path, db: str) -> ShardRestored:
    """Bring a lost shard back as of the archive.

    Raise DeployError when the shard has its data, or the archive has none of it.
    """
    archive = _archive(path, db)
    started = time.monotonic()
    with closing(Connection(settings)) as connection, closing(Connection(settings)) as scratch:
        check_writable(connection)
        check_deployed(connection)
        check_privileges(connection, "restore", [db, RESTORING])
        unlogged(scratch)
        if connection.one(LOGS_STATEMENTS):
            # A replica has no scratch databases: it needs the rows, not the statement that reads them there.
            connection.run("SET SESSION binlog_format = 'ROW'")
        with (
            connection.without_limit(), scratch.without_limit(),
            scratch_copies(scratch) as (registry, copy), ExitStack() as operation,
        ):  # fmt: skip
            load_rows(scratch, archive, "yp", registry, lambda table, _: table in REGISTRY)
            with Lease(settings, "restore"):
                # One operation, with two leases: the deploy between them takes its own.
                operation.enter_context(noted(connection, "restore", f"{db} from {path.absolute()}"))
                if _is_to_load(connection, db):
                    _load(connection, archive, db, registry)
            _upgrade(settings)
            with Lease(settings, "restore"):
                new, moved = _without_data(connection, db, registry)
                entities = _bring_in_line(connection, db, registry, copy, {*new, *moved})
    return ShardRestored(entities, new, moved, time.monotonic() - started)


def _archive(path: Path, db: str) -> Archive:
    archive = Archive(path)
    if not archive.has_sections:
        raise DeployError(f"{path} was made by an earlier version: it restores into an empty server only")
    shards = [name for name in archive.manifest["databases"] if name != "yp"]
    if db not in shards:
        raise DeployError(f"SHARD={db} is no shard of {path}, which has {', '.join(shards)}")
    return archive


def _is_to_load(connection: Connection, db: str) -> bool:
    """Return whether the database is lost, or False when only its users are to be brought in line."""
    if not connection.one("SELECT GET_LOCK(%s, 0)", RESTORING):
        raise DeployError("another restore runs on this server; wait for its end")
    if connection.rows("SHOW DATABASES LIKE %s", RESTORING):
        clear_interrupted(connection, {db})
    state = read_state(connection)
    if db not in state.registered:
        raise DeployError(f"SHARD={db} is no shard of this server; there are {', '.join(state.shards)}")
    if state.is_lost(db):
        return True
    if connection.rows(BLOCKED, db, db):
        return False
    raise DeployError(
        f"the shard {db} has its data: only one whose database is gone or empty is restored. Nothing was "
        f"touched. `{as_typed('restore F= ENTITY=')}` brings one user or hub back"
    )


def _load(connection: Connection, archive: Archive, db: str, registry: str) -> None:
    mark(connection, [db])
    connection.run(
        "REPLACE INTO yp.entity_move (entity_id, from_db, to_db, until, ctime) "
        "SELECT id, db_name, db_name, UNIX_TIMESTAMP() + %s, UNIX_TIMESTAMP() FROM yp.entity "
        "WHERE db_name = %s",
        BLOCK_SECONDS,
        db,
    )
    connection.run(f"DROP DATABASE IF EXISTS `{db}`")  # it is empty
    allow_definer(connection, [db])
    load(connection.server, archive.pieces(HEAD, db, views_of(db)))
    enable_events(connection, archive, [db])
    if wrong := differences(connection, archive.manifest["routines"], db):
        raise DeployError(
            f"these routines are not what the manifest says: {', '.join(wrong)}. The restore is not "
            "complete; the same command starts it anew"
        )
    with connection.transaction():
        connection.run("DELETE FROM yp.deploy_item WHERE db_name = %s", db)
        connection.run(
            "INSERT INTO yp.deploy_item (db_name, kind, name, digest, ctime) "
            f"SELECT db_name, kind, name, digest, ctime FROM `{registry}`.deploy_item WHERE db_name = %s",
            db,
        )
    _delete_strangers(connection, db, registry)
    connection.run(f"DROP DATABASE {RESTORING}")


def _delete_strangers(connection: Connection, db: str, registry: str) -> None:
    """Delete the rows of users and hubs who live elsewhere now, or are gone."""
    connection.run(f"DELETE FROM `{db}`.moved_out")
    for table in stored_columns(connection, db):
        connection.run(
            f"DELETE FROM `{db}`.`{table}` WHERE owner_id IN (SELECT id FROM `{registry}`.entity) "
            "AND owner_id NOT IN (SELECT id FROM yp.entity WHERE db_name = %s)",
            db,
        )


def _upgrade(settings: Settings) -> None:
    outcome = Deployer(settings, lambda _: None).deploy()
    if outcome.failed:
        errors = "; ".join(f"{db}: {error}" for db, error in sorted(outcome.failed.items()))
        raise DeployError(f"the shard is loaded, and the deploy after it has failed: {errors}")


def _bring_in_line(
    connection: Connection, db: str, registry: str, copy: str, without_data: Collection[str]
) -> int:
    """Give the contacts of each user new revisions, and the relations that the other sides have now."""
    connection.run(f"CREATE TEMPORARY TABLE `{copy}`.record_before LIKE `{db}`.contact_record")
    blocked = [uid for (uid,) in connection.rows(BLOCKED, db, db)]
    # Those without data first: the others in the shard still have their relations to them.
    for uid in sorted(blocked, key=lambda uid: (uid not in without_data, uid)):
        with connection.transaction():
            connection.rows("CALL yp.contact_pair_lock(%s, NULL, NULL)", uid)
            renumber(connection, Tenant(uid, registry, copy, db), 0)
            mend_relations(connection, uid, db)
            connection.run("DELETE FROM yp.entity_move WHERE entity_id = %s", uid)
    return len(blocked)


def _without_data(connection: Connection, db: str, registry: str) -> tuple[list[str], list[str]]:
    """Return the users and hubs of the shard who are new since the backup, and who lived elsewhere then."""
    rows = connection.rows(
        f"SELECT e.id, a.id IS NULL FROM yp.entity AS e LEFT JOIN `{registry}`.entity AS a ON a.id = e.id "
        "WHERE e.db_name = %s AND COALESCE(a.db_name, '') <> %s ORDER BY e.id",
        db,
        db,
    )
    return [uid for uid, is_new in rows if is_new], [uid for uid, is_new in rows if not is_new]
