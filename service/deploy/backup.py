"""One archive with everything: a consistent dump of the registry and all shards, and a manifest of hashes."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from service.deploy.archive import unpack
from service.deploy.connection import Connection, DeployError
from service.deploy.deployer import Deployer, Outcome
from service.deploy.journal import BOOTSTRAP, Lease
from service.deploy.state import read_state
from service.install import find_program
from service.settings import Settings, database_servers
from service.stack import StackError

MANIFEST = "manifest.json"
DUMP = "databases.sql"
DUMP_OPTIONS = (
    "--no-defaults", "--single-transaction", "--quick", "--routines", "--triggers", "--hex-blob",
    "--order-by-primary", "--default-character-set=utf8mb4", "--skip-dump-date", "--databases",
)  # fmt: skip


def backup(settings: Settings, path: Path, revision: str = "") -> dict[str, Any]:
    """Write the archive; its manifest. Others go on working: it is a snapshot of the moment it began."""
    connection = Connection(settings)
    connection.each(BOOTSTRAP)
    with Lease(settings), tempfile.TemporaryDirectory(prefix=".backup-", dir=path.parent) as folder:
        # the lease: the tables must not change while they are read
        state = read_state(connection)
        databases = ["yp", *state.shards]
        dump = Path(folder) / DUMP
        with dump.open("wb") as stream:
            _run(settings, ("mariadb-dump", "mysqldump"), (*DUMP_OPTIONS, *databases), stdout=stream)
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


def restore(settings: Settings, path: Path) -> Outcome:
    """Bring an empty server to what an archive holds, and on to this version's schema."""
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
        # views and routines name their owner, who has to be there first
        connection.run(BOOTSTRAP[-1])
        with (Path(folder) / DUMP).open("rb") as stream:
            # without --comments the client takes the comments out of the routines
            options = (
                "--no-defaults",
                "--comments",
                "--default-character-set=utf8mb4",
                "--max-allowed-packet=1G",
            )
            _run(settings, ("mariadb", "mysql"), options, stdin=stream)
    connection.run("UPDATE yp.deploy_lease SET until = 0")
    # people's tabs were connected to processes that this server has never seen
    connection.run("DELETE FROM yp.entity_move")
    wrong = _differences(connection, manifest["routines"])
    connection.close()
    if wrong:
        raise DeployError(f"restored, but these routines are not what the manifest says: {', '.join(wrong)}")
    return Deployer(settings, lambda _: None).deploy()


def _differences(connection: Connection, wanted: dict[str, str]) -> list[str]:
    found = {f"{r.db}.{r.name}": r.fingerprint for r in read_state(connection).routines.values()}
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def _pack(folder: Path, path: Path, manifest: dict[str, Any]) -> None:
    """Complete or absent, never half: written under another name, then renamed."""
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
        raise DeployError(f"{path} is no archive that `make backup` has made: {exc}") from exc
    if damaged:
        raise DeployError(f"{path} is damaged: {', '.join(damaged)} is not what the manifest says")
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _run(
    settings: Settings, names: Sequence[str], options: Sequence[str], stdin: Any = None, stdout: Any = None
) -> None:
    """A client program on the administrator's server; DeployError with what it said when it fails."""
    program = find_program(*names)
    if program is None:
        raise StackError(f"{names[0]} is not installed on this machine")
    server = database_servers(settings.db_admin or settings.db, "DRUMEE_DB_ADMIN")[0]
    place = (
        [f"--socket={server.unix_socket}"]
        if server.unix_socket
        else [f"--host={server.host}", f"--port={server.port}"]
    )
    first, *others = options
    done = subprocess.run(
        [program, first, *place, f"--user={server.user}", *others],
        # not as an option: everybody on the machine can read those
        env={**os.environ, "MYSQL_PWD": server.password},
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise DeployError(f"{names[0]} failed: {done.stderr.decode(errors='replace').strip()}")
