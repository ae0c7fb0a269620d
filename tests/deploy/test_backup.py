"""Restore an archive into an empty server: same data, and the service starts on it."""

from __future__ import annotations

import dataclasses
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest

from service.admin import demo
from service.deploy import backup as backup_module
from service.deploy.archive import unpack
from service.deploy.backup import backup, restore
from service.deploy.deployer import Deployer, DeployError
from service.server import check
from service.settings import DatabaseServer, Settings, database_servers
from service.store import admin
from tests.support.admin import Admin
from tests.support.sites import Cli, empty_server

VOLATILE = {"deploy_lease", "deploy_run", "deploy_journal"}


def contents(dba: Admin) -> dict[tuple[str, str], int]:
    """Return a checksum of the data of every table."""
    tables = dba.rows(
        "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES "
        "WHERE TABLE_TYPE = 'BASE TABLE' AND (TABLE_SCHEMA = 'yp' OR TABLE_SCHEMA LIKE 'shard%')"
    )
    return {
        (db, table): dba.rows(f"CHECKSUM TABLE `{db}`.`{table}`")[0][1]
        for db, table in tables
        if table not in VOLATILE
    }


async def test_an_empty_server_gets_the_same_data_and_serves(
    site: Settings, dba: Admin, tmp_path: Path
) -> None:
    Deployer(site, lambda _: None).add_shard("shard2")
    demo.load(site)
    dba.rows("UPDATE shard1.contact SET comment = '日本語 🎈 ''quoted'' \\\\ \\n' LIMIT 1")
    sent = f"'{'a' * 16}', '{'b' * 32}'"
    dba.rows(
        "INSERT INTO shard2.attachment (owner_id, id, message_id, filename, mimetype, filesize, ctime) "
        f"VALUES ({sent}, '{'c' * 16}', 'a.bin', 'application/octet-stream', 4, 1)"
    )
    dba.rows(
        f"INSERT INTO shard2.attachment_part (owner_id, id, position, content) VALUES ({sent}, 0, 0x00ff0a27)"
    )
    before = contents(dba)
    path = tmp_path / "backup.tar.gz"
    manifest = backup(site, path, "rev")
    assert manifest["databases"] == ["yp", "shard1", "shard2"]
    assert path.stat().st_mode & 0o777 == 0o600

    with pytest.raises(DeployError, match="exist already"):
        restore(site, path)
    empty_server(site)
    outcome = restore(site, path)
    assert outcome.status == 0
    assert outcome.counts["create"] + outcome.counts["replace"] == 0, "routines came with the archive"
    assert contents(dba) == before
    assert not Deployer(site, lambda _: None).plan().decide
    await check(site)


@pytest.fixture
def cluster(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[DatabaseServer]]:
    """Addresses of a cluster: a node that is down, one that hangs, the site, and another one that is down."""
    hangs = socket.socket(socket.AF_UNIX)
    hangs.bind(str(tmp_path / "hangs.sock"))
    hangs.listen()
    (works,) = database_servers(site.db_admin)
    sockets = [str(tmp_path / "down.sock"), str(tmp_path / "hangs.sock"), works.unix_socket]
    servers = [dataclasses.replace(works, unix_socket=path) for path in (*sockets, sockets[0])]
    monkeypatch.setattr(admin, "database_servers", lambda *_: servers)
    monkeypatch.setattr(admin, "CONNECT_SECONDS", 0.3)
    yield servers
    hangs.close()


def test_every_address_is_tried(site: Settings, tmp_path: Path, cluster: list[DatabaseServer]) -> None:
    path = tmp_path / "backup.tar.gz"
    assert backup(site, path)["databases"] == ["yp", "shard1"]
    connection = admin.Connection(site)
    assert connection.server == cluster[2]
    # a command may take longer than the greeting
    connection.run("DO SLEEP(0.5)")
    connection.close()
    empty_server(site)
    assert restore(site, path).status == 0

    del cluster[2]
    with pytest.raises(DeployError, match="no MariaDB server answers") as error:
        backup(site, path)
    assert str(error.value).count("down.sock") == 2
    assert "timed out" in str(error.value)


@pytest.mark.parametrize(
    ("connections", "order"),
    [((0, 0, 0), ["c", "b", "a"]), ((9, 0, 0), ["c", "b", "a"]), ((0, 1, 9), ["a", "b", "c"])],
)
def test_a_backup_spares_the_node_that_the_services_use(
    site: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    connections: tuple[int, ...],
    order: list[str],
) -> None:
    """Of three nodes, the home comes last, and the next one is tried when a dump fails."""
    (works,) = database_servers(site.db_admin)
    servers = [dataclasses.replace(works, password=name) for name in "abc"]
    counts = dict(zip(servers, connections, strict=True))
    asked: list[str] = []
    dumped: list[str] = []

    class Cursor:
        """Answers how many connections the service has on a node."""

        def __init__(self, server: DatabaseServer) -> None:
            self.server = server

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def execute(self, statement: str, args: Any = None) -> None:
            asked.append(statement % args if args else statement)

        def fetchall(self) -> list[tuple[int]]:
            return [(counts[self.server],)]

    monkeypatch.setattr(
        backup_module,
        "connect",
        lambda servers: SimpleNamespace(close=lambda: None, cursor=lambda: Cursor(servers[0])),
    )

    def run(server: DatabaseServer, *_: object, stdout: Any) -> None:
        dumped.append(server.password)
        stdout.write(b"a dump of " + server.password.encode())
        if len(dumped) < len(servers):
            raise DeployError("mariadb-dump failed: lost connection")

    monkeypatch.setattr(backup_module, "_run", run)
    backup_module._dump(servers, ["yp"], tmp_path / "dump.sql", "drumee_app")
    assert dumped == order
    assert (tmp_path / "dump.sql").read_text() == f"a dump of {order[-1]}"
    assert "WHERE USER = drumee_app" in asked[1]


def test_the_connections_of_the_service_are_counted(site: Settings) -> None:
    servers = database_servers(site.db_admin)
    errors: list[str] = []
    busy = admin.connect(database_servers(site.db))
    assert backup_module._spared(servers, "drumee_app", errors) == servers
    busy.close()
    assert errors == []


def test_a_node_that_is_not_ready_is_passed_over(site: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = database_servers(site.db_admin)
    execute = pymysql.cursors.Cursor.execute

    def galera(self: Any, statement: str, args: Any = None) -> Any:
        if "wsrep_ready" in statement:
            statement = "SELECT 'wsrep_ready', 'OFF' UNION ALL SELECT 'wsrep_provider_name', 'Galera'"
        return execute(self, statement, args)

    monkeypatch.setattr(pymysql.cursors.Cursor, "execute", galera)
    with pytest.raises(DeployError, match="not ready"):
        admin.connect(servers)


def test_a_damaged_archive_is_refused(site: Settings, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar.gz"
    backup(site, path)
    empty_server(site)
    with tarfile.open(path) as archive:
        unpack(archive, tmp_path / "open")
    with (tmp_path / "open/databases.sql").open("ab") as dump:
        dump.write(b"DROP DATABASE yp;\n")
    with tarfile.open(path, "w:gz") as archive:
        for name in ("manifest.json", "databases.sql"):
            archive.add(tmp_path / "open" / name, name)
    with pytest.raises(DeployError, match=r"databases\.sql is not what the manifest says"):
        restore(site, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DeployError, match="no archive that `make backup` has made"):
        restore(site, path)


def test_the_commands_say_what_they_did(cli: Cli, site: Settings, tmp_path: Path) -> None:
    path = str(tmp_path / "b.tar.gz")
    done = cli("backup", "--file", path)
    assert (done.returncode, "2 databases" in done.stdout) == (0, True), done
    assert cli("restore", "--file", path).returncode == 2
    empty_server(site)
    assert cli("restore", "--file", path).returncode == 0
    assert cli("plan").returncode == 0
