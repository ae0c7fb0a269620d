"""Back up into one archive: a consistent dump of the registry and all shards, and a manifest of hashes."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pymysql

from service import as_typed
from service.deploy.archive import unpack
from service.deploy.deployer import Deployer, Outcome
from service.deploy.guards import RESTORING, check_writable, is_read_only
from service.deploy.journal import BOOTSTRAP, Lease
from service.deploy.state import escaped, read_state
from service.local.directories import StackError
from service.local.install import find_program
from service.settings import DatabaseServer, Settings, database_servers
from service.store.admin import (
    CHARSET,
    COLLATION,
    DEFINER,
    DEFINER_NAME,
    DEFINER_RIGHTS,
    Connection,
    DeployError,
    admin_servers,
    connect,
)

MANIFEST = "manifest.json"
DUMP = "databases.sql"
FOLDER = ".drumee-backup-"
"""Beginning of the name of a folder with plain data, beside the archive."""
DUMP_OPTIONS = (
    "--no-defaults", "--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob",
    "--order-by-primary", "--default-character-set=utf8mb4", "--skip-dump-date", "--databases",
)  # fmt: skip


def backup(settings: Settings, path: Path, revision: str = "") -> dict[str, Any]:
    """Write the archive; return its manifest. Users go on working: it is a snapshot of its start."""
    connection = Connection(settings)
    is_replica = is_read_only(connection)
    if not is_replica:
        connection.each(BOOTSTRAP)
    # The lease keeps the tables from changing during the dump. A replica cannot take it.
    with _no_deploy(connection) if is_replica else Lease(settings, "backup"), _private_folder(path) as folder:
        state = read_state(connection)
        databases = ["yp", *state.shards]
        dump = folder / DUMP
        account = database_servers(settings.db)[0].user if settings.db else ""
        servers = [connection.server] if is_replica else admin_servers(settings)
        _dump(servers, databases, dump, account)
        manifest = {
            "made": int(time.time()),
            "revision": revision,
            "server": connection.one("SELECT VERSION()"),
            "databases": databases,
            "left_out": _rights_of_others(connection, databases, account),
            "files": {DUMP: _sha256(dump)},
            "routines": {
                f"{r.db}.{r.name}": r.fingerprint
                for r in sorted(state.routines.values(), key=lambda r: (r.db, r.name))
            },
        }
        connection.close()
        _pack(folder, path, manifest)
    return manifest


@contextmanager
def _no_deploy(connection: Connection) -> Iterator[None]:
    """Refuse to begin while a deploy runs on the primary: its statements would come in between."""
    holders = connection.rows("SELECT holder FROM yp.deploy_lease WHERE until > UNIX_TIMESTAMP()")
    if holders:
        raise DeployError(f"{holders[0][0]} changes the schema on the primary; try again when it is done")
    yield


def _rights_of_others(connection: Connection, databases: Sequence[str], account: str) -> list[str]:
    """Return the accounts with rights on our databases that a deploy does not make."""
    rows = connection.rows(
        "SELECT DISTINCT CONCAT(User, '@', Host) FROM mysql.db WHERE Db IN %s AND User NOT IN %s ORDER BY 1",
        [*databases, *map(escaped, databases)],
        (DEFINER_NAME, account),
    )
    return [name for (name,) in rows]


@contextmanager
def _private_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside the archive, and remove it at the end, also after SIGTERM.

    That of a killed process stays, until the next backup or restore into the same place removes it: nobody
    holds its lock any more.
    """
    for place in path.parent.glob(f"{FOLDER}*"):
        with suppress(OSError), _lock(place):
            shutil.rmtree(place, ignore_errors=True)
    with (
        _ending_on_sigterm(),
        tempfile.TemporaryDirectory(prefix=FOLDER, dir=path.parent) as name,
        _lock(Path(name)),
    ):
        yield Path(name)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder. Raise OSError when another process does."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that it is cleaned up."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _dump(servers: Sequence[DatabaseServer], databases: Sequence[str], path: Path, account: str) -> None:
    """Dump from the first server that can, of those in the order of `_spared`."""
    errors: list[str] = []
    for server in _spared(servers, account, errors):
        try:
            with path.open("wb") as stream:
                _run(server, ("mariadb-dump", "mysqldump"), (*DUMP_OPTIONS, *databases), stdout=stream)
        except DeployError as exc:
            errors.append(str(exc))
        else:
            return
    raise DeployError("\n".join(errors))


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


def restore(settings: Settings, path: Path) -> Outcome:
    """Restore an archive on an empty server, and upgrade it to the schema of this version.

    A marker on the server says which databases the restore makes. So an interrupted one starts anew.
    """
    connection = Connection(settings)
    check_writable(connection)
    if not connection.one("SELECT GET_LOCK(%s, 0)", RESTORING):
        raise DeployError("another restore runs on this server; wait for its end")
    with _private_folder(path) as folder:
        manifest = _unpack(path, folder)
        _clear_interrupted(connection)
        taken = {name for (name,) in connection.rows("SHOW DATABASES")}
        there = sorted(taken & set(manifest["databases"]))
        if there:
            raise DeployError(
                f"{', '.join(there)} exist already; a restore needs a server without them: "
                "it overwrites nothing"
            )
        _mark(connection, manifest["databases"])
        _load(connection, folder / DUMP, manifest["databases"])
    connection.run("UPDATE yp.deploy_lease SET until = 0")
    # The tabs of users were connected to processes that this server does not know.
    connection.run("DELETE FROM yp.entity_move")
    connection.run(f"DROP DATABASE {RESTORING}")
    wrong = _differences(connection, manifest["routines"])
    connection.close()
    if wrong:
        raise DeployError(f"restored, but these routines are not what the manifest says: {', '.join(wrong)}")
    return Deployer(settings, lambda _: None).deploy()


def _mark(connection: Connection, databases: Sequence[str]) -> None:
    """Write down which databases this restore makes: none of them exists yet."""
    connection.run(f"CREATE DATABASE {RESTORING} CHARACTER SET {CHARSET} COLLATE {COLLATION}")
    connection.run(
        f"CREATE TABLE {RESTORING}.made (name VARCHAR(64) COLLATE ascii_bin NOT NULL, PRIMARY KEY (name)) "
        "ENGINE = InnoDB COMMENT 'databases that a restore makes'"
    )
    connection.insert(f"INSERT INTO {RESTORING}.made (name)", [[name] for name in databases])


def _clear_interrupted(connection: Connection) -> None:
    """Drop the databases that an interrupted restore has made, then its marker."""
    if not connection.rows("SHOW DATABASES LIKE %s", RESTORING):
        return
    if connection.rows(f"SHOW TABLES FROM {RESTORING}"):
        names = [name for (name,) in connection.rows(f"SELECT name FROM {RESTORING}.made")]
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


def _load(connection: Connection, dump: Path, databases: Sequence[str]) -> None:
    # Views and routines name their definer, which must exist first. A view that selects from another
    # one is checked with the definer's rights while it is created.
    connection.run(BOOTSTRAP[-1])
    for name in databases:
        connection.run(f"GRANT {DEFINER_RIGHTS} ON `{escaped(name)}`.* TO {DEFINER}")
    with dump.open("rb") as stream:
        # Without --comments the client strips the comments of routines.
        options = (
            "--no-defaults",
            "--comments",
            "--skip-reconnect",
            "--default-character-set=utf8mb4",
            "--max-allowed-packet=1G",
        )
        # Restore on the server that was checked, and is checked again.
        _run(connection.server, ("mariadb", "mysql"), options, stdin=stream)


def _differences(connection: Connection, wanted: dict[str, str]) -> list[str]:
    fingerprints = {f"{r.db}.{r.name}": r.fingerprint for r in read_state(connection).routines.values()}
    return sorted(
        name for name in wanted.keys() | fingerprints.keys() if wanted.get(name) != fingerprints.get(name)
    )


def _pack(folder: Path, path: Path, manifest: dict[str, Any]) -> None:
    """Write a complete file or none: under another name, renamed at the end."""
    new = folder / "archive"
    with tarfile.open(new, "w:gz", compresslevel=3) as archive:
        content = orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mtime = len(content), manifest["made"]
        archive.addfile(entry, io.BytesIO(content))
        archive.add(folder / DUMP, DUMP)
    new.chmod(0o600)
    new.replace(path)


def _unpack(path: Path, folder: Path) -> dict[str, Any]:
    try:
        with tarfile.open(path) as archive:
            unpack(archive, folder)
        manifest: dict[str, Any] = orjson.loads((folder / MANIFEST).read_bytes())
        damaged = [name for name, digest in manifest["files"].items() if _sha256(folder / name) != digest]
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError) as exc:
        raise DeployError(f"{path} is no archive that `{as_typed('backup')}` has made: {exc}") from exc
    if damaged:
        raise DeployError(f"{path} is damaged: {', '.join(damaged)} is not what the manifest says")
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _run(
    server: DatabaseServer,
    names: Sequence[str],
    options: Sequence[str],
    stdin: Any = None,
    stdout: Any = None,
) -> None:
    """Run a client program on a server. Raise DeployError with its message when it fails."""
    program = find_program(*names)
    if program is None:
        raise StackError(f"{names[0]} is not installed on this machine")
    place = (
        [f"--socket={server.unix_socket}"]
        if server.unix_socket
        else [f"--host={server.host}", f"--port={server.port}"]
    )
    first, *others = options
    done = subprocess.run(
        [program, first, *place, f"--user={server.user}", *others],
        # Not as an option: every user of the machine can read those.
        env={**os.environ, "MYSQL_PWD": server.password},
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise DeployError(f"{names[0]} failed: {done.stderr.decode(errors='replace').strip()}")
