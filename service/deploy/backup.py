"""Back up into one archive: a consistent dump of the registry and all shards, and a manifest of hashes."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from service import as_typed
from service.deploy.archive import unpack
from service.deploy.deployer import Deployer, Outcome
from service.deploy.journal import BOOTSTRAP, Lease
from service.deploy.state import read_state
from service.local.directories import StackError
from service.local.install import find_program
from service.settings import DatabaseServer, Settings, database_servers
from service.store.admin import DEFINER, DEFINER_RIGHTS, Connection, DeployError, admin_servers, connect

MANIFEST = "manifest.json"
DUMP = "databases.sql"
DUMP_OPTIONS = (
    "--no-defaults", "--single-transaction", "--quick", "--routines", "--triggers", "--hex-blob",
    "--order-by-primary", "--default-character-set=utf8mb4", "--skip-dump-date", "--databases",
)  # fmt: skip


def backup(settings: Settings, path: Path, revision: str = "") -> dict[str, Any]:
    """Write the archive; return its manifest. Users go on working: it is a snapshot of its start."""
    connection = Connection(settings)
    connection.each(BOOTSTRAP)
    with Lease(settings), tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as folder:
        # The lease keeps the tables from changing during the dump.
        state = read_state(connection)
        databases = ["yp", *state.shards]
        dump = Path(folder) / DUMP
        account = database_servers(settings.db)[0].user if settings.db else ""
        _dump(admin_servers(settings), databases, dump, account)
        manifest = {
            "made": int(time.time()),
            "revision": revision,
            "server": connection.one("SELECT VERSION()"),
            "databases": databases,
            "files": {DUMP: _sha256(dump)},
            "routines": {
                f"{r.db}.{r.name}": r.fingerprint
                for r in sorted(state.routines.values(), key=lambda r: (r.db, r.name))
            },
        }
        connection.close()
        _pack(Path(folder), path, manifest)
    return manifest


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
    """Restore an archive on an empty server, and upgrade it to the schema of this version."""
    connection = Connection(settings)
    taken = {name for (name,) in connection.rows("SHOW DATABASES")}
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=path.parent) as folder:
        manifest = _unpack(path, Path(folder))
        there = sorted(taken & set(manifest["databases"]))
        if there:
            raise DeployError(
                f"{', '.join(there)} exist already; a restore needs a server without them: "
                "it overwrites nothing"
            )
        # Views and routines name their definer, which must exist first. A view that selects from another
        # one is checked with the definer's rights while it is created.
        connection.run(BOOTSTRAP[-1])
        for name in manifest["databases"]:
            connection.run(f"GRANT {DEFINER_RIGHTS} ON `{name}`.* TO {DEFINER}")
        with (Path(folder) / DUMP).open("rb") as stream:
            # Without --comments the client strips the comments of routines.
            options = (
                "--no-defaults",
                "--comments",
                "--default-character-set=utf8mb4",
                "--max-allowed-packet=1G",
            )
            # Restore on the server that was checked, and is checked again.
            _run(connection.server, ("mariadb", "mysql"), options, stdin=stream)
    connection.run("UPDATE yp.deploy_lease SET until = 0")
    # The tabs of users were connected to processes that this server does not know.
    connection.run("DELETE FROM yp.entity_move")
    wrong = _differences(connection, manifest["routines"])
    connection.close()
    if wrong:
        raise DeployError(f"restored, but these routines are not what the manifest says: {', '.join(wrong)}")
    return Deployer(settings, lambda _: None).deploy()


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
