"""Restore an archive into an empty server: same data, and the service starts on it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import signal
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pymysql
import pytest

from service.admin import demo
from service.deploy import backup as backup_module
from service.deploy import clients
from service.deploy.backup import backup, sections
from service.deploy.backup_archive import Archive, ArchiveWriter, new_file
from service.deploy.deployer import Deployer, DeployError
from service.deploy.point_in_time import Recovery
from service.deploy.restore import restore
from service.deploy.restore_shard import restore_shard
from service.local.processes import eventually
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.server import check
from service.settings import DatabaseServer, Settings, database_servers
from service.store import admin, lock_watch
from tests.support.admin import Admin
from tests.support.replication import replication
from tests.support.sites import Cli, empty_server, files_beside_run, start

VOLATILE = {"deploy_lease", "deploy_run", "deploy_journal", "operation"}


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
    assert dba.rows("SELECT purpose, subject, outcome FROM yp.operation ORDER BY id") == [
        ("backup", str(path), "done"),
        ("restore", str(path), "done"),
    ]
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

    def dump(server: DatabaseServer, _: object, writer: ArchiveWriter, *__: object) -> None:
        dumped.append(server.password)
        writer.begin(f"of_{server.password}")
        writer.write(b"a dump")
        if len(dumped) < len(servers):
            raise DeployError("mariadb-dump failed: lost connection")

    monkeypatch.setattr(backup_module, "_dump_from", dump)
    path = tmp_path / "backup.tar.gz"
    manifest = {"made": 1, "databases": ["yp"]}
    backup_module._dump(Settings(), servers, path, "drumee_app", manifest)
    assert dumped == order
    assert list(Archive(path).manifest["files"]) == [f"000000-of_{order[-1]}.sql"]
    assert files_beside_run(tmp_path) == [path]
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
        contents = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    contents["000001-yp.sql"] += b"DROP DATABASE yp;\n"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    with pytest.raises(DeployError, match=r"000001-yp\.sql is not what the manifest says"):
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


def test_events_are_in_the_archive_and_rights_of_others_are_named(
    cli: Cli, site: Settings, dba: Admin, tmp_path: Path
) -> None:
    dba.rows("CREATE EVENT shard1.nightly ON SCHEDULE EVERY 1 DAY DO SET @a = 1")
    dba.rows("GRANT SELECT ON shard1.* TO 'reporter'@'%' IDENTIFIED BY 'x'")
    done = cli("backup", "--file", str(tmp_path / "b.tar.gz"))
    dba.rows("DROP USER 'reporter'@'%'")
    assert (done.returncode, "left out: the rights of reporter@%" in done.stdout) == (0, True), done
    empty_server(site)
    assert restore(site, tmp_path / "b.tar.gz").status == 0
    assert dba.rows("SELECT EVENT_NAME FROM information_schema.EVENTS") == [("nightly",)]


def test_rights_on_one_table_or_routine_and_by_a_role_are_named(
    site: Settings, dba: Admin, tmp_path: Path
) -> None:
    names = ["ann", "bo", "cy", "di"]
    for name in names:
        dba.rows(f"CREATE USER '{name}'@'%'")
    dba.rows("CREATE ROLE reading")
    dba.rows("GRANT SELECT ON shard1.contact TO reading")
    dba.rows("GRANT reading TO 'ann'@'%'")
    dba.rows("GRANT SELECT (email) ON shard1.contact TO 'bo'@'%'")
    dba.rows("GRANT EXECUTE ON PROCEDURE shard1.my_contact_add TO 'cy'@'%'")
    dba.rows("GRANT SELECT ON `shard%`.* TO 'di'@'%'")
    dba.rows("GRANT SELECT ON `site`.* TO 'di'@'%'")
    try:
        manifest = backup(site, tmp_path / "b.tar.gz")
        assert manifest["left_out"] == ["ann@%", "bo@%", "cy@%", "di@%", "the role reading"]
    finally:
        dba.rows("DROP ROLE reading")
        dba.rows("DROP USER " + ", ".join(f"'{name}'@'%'" for name in names))


def test_sequences_and_packages_are_in_the_archive(site: Settings, dba: Admin, tmp_path: Path) -> None:
    dba.rows("CREATE SEQUENCE shard1.ticket START WITH 5")
    assert dba.one("SELECT NEXTVAL(shard1.ticket)") == 5
    connection = admin.Connection(site)
    for statement in (
        "SET SESSION sql_mode = 'ORACLE'",
        "CREATE PACKAGE shard1.tools AS FUNCTION one RETURN INT; END",
        "CREATE PACKAGE BODY shard1.tools AS FUNCTION one RETURN INT AS BEGIN RETURN 7; END; END",
    ):
        connection.run(statement)
    connection.close()
    backup(site, tmp_path / "b.tar.gz")
    empty_server(site)
    assert restore(site, tmp_path / "b.tar.gz").status == 0
    assert dba.one("SELECT shard1.tools.one()") == 7
    assert dba.one("SELECT NEXTVAL(shard1.ticket)") > 5


def test_a_replica_is_backed_up_by_an_account_that_only_reads(
    site: Settings, dba: Admin, tmp_path: Path
) -> None:
    dba.rows("CREATE USER 'reader'@'localhost'")
    dba.rows("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO 'reader'@'localhost'")
    dba.rows("SET GLOBAL read_only = ON")
    reader = dataclasses.replace(site, db_admin=site.db_admin.replace("root@", "reader@"))
    try:
        before = dba.rows("SELECT * FROM yp.deploy_lease")
        assert backup(reader, tmp_path / "b.tar.gz")["databases"] == ["yp", "shard1"]
        assert dba.rows("SELECT * FROM yp.deploy_lease") == before
        with pytest.raises(DeployError, match="only reads"):
            restore(site, tmp_path / "b.tar.gz")
    finally:
        dba.rows("SET GLOBAL read_only = OFF")
        dba.rows("DROP USER 'reader'@'localhost'")
    dba.rows("UPDATE yp.deploy_lease SET holder = 'other:1', until = UNIX_TIMESTAMP() + 60")
    connection = admin.Connection(site)
    with (
        pytest.raises(DeployError, match="other:1 changes the schema on the primary"),
        backup_module._no_deploy(connection),
    ):
        pass
    connection.close()


def test_the_events_of_a_replica_run_on_the_restored_server(tmp_path: Path, output: list[str]) -> None:
    with replication(tmp_path) as (primary, replica):
        assert Deployer(primary, lambda _: None, examples=False).deploy().status == 0
        Deployer(primary, lambda _: None).add_shard("shard2")
        on_primary, on_replica = Admin(primary), Admin(replica)
        on_primary.rows("CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'x'")
        on_primary.rows("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON *.* TO 'reader'@'127.0.0.1'")
        for db in ("shard1", "shard2"):
            event = f"EVENT {db}.`night``ly` ON SCHEDULE EVERY 1 DAY DO SET @a = 1"
            on_primary.rows(f"CREATE DEFINER = 'reader'@'127.0.0.1' {event}")
        states = "SELECT EVENT_SCHEMA, DEFINER, STATUS FROM information_schema.EVENTS ORDER BY 1"
        assert eventually(lambda: len(on_replica.rows(states)) == 2, 60)
        assert {status for *_, status in on_replica.rows(states)} == {"SLAVESIDE_DISABLED"}
        reader = dataclasses.replace(replica, db_admin=replica.db_admin.replace("dba:secret@", "reader:x@"))
        path = tmp_path / "b.tar.gz"
        assert backup(reader, path)["is_replica"]

        wanted = [(db, "reader@127.0.0.1", "ENABLED") for db in ("shard1", "shard2")]
        on_primary.rows("DROP DATABASE shard2")
        restore_shard(primary, path, "shard2")
        assert list(on_primary.rows(states)) == wanted
        empty_server(primary)
        assert restore(primary, path, say=output.append).status == 0
        assert list(on_primary.rows(states)) == wanted
        assert output[-1].startswith("events that run now: shard1.night`ly, shard2.night`ly.")


class Forgetful(MariaDB):
    """A server that leaves a shard out of its binary log."""

    def command(self) -> list[str]:
        return [*super().command(), "--log-bin=binlog", "--binlog-ignore-db=shard1"]


def test_databases_that_are_not_in_the_binary_log_are_named(tmp_path: Path) -> None:
    with Stack(tmp_path / "run", durable=False, kinds=[Forgetful], leashed=True) as stack:
        settings = Settings(db=stack.env()["DRUMEE_DB"], db_admin=stack.env()["DRUMEE_DB_ADMIN"])
        assert Deployer(settings, lambda _: None, examples=False).deploy().status == 0
        manifest = backup(settings, tmp_path / "b.tar.gz")
        assert "leave shard1 out of its binary log" in manifest["binary_log"]["unknown"]


def test_a_row_that_hides_the_position_is_named(site: Settings, dba: Admin, cli: Cli, tmp_path: Path) -> None:
    """Where MariaDB cannot say the position, mariadb-dump crashed, and there was no backup at all."""
    dba.rows("FLUSH BINARY LOGS")
    dba.rows(
        "CREATE TABLE shard1.large (id INT PRIMARY KEY, more LONGTEXT) CHARACTER SET latin1 ENGINE = InnoDB"
    )
    dba.rows("SET GLOBAL binlog_format = 'ROW'")
    packet = dba.one("SELECT @@GLOBAL.max_allowed_packet")
    try:
        dba.rows("INSERT INTO shard1.large VALUES (0, REPEAT('x', 20000000))")
        dba.rows(f"SET GLOBAL max_allowed_packet = {16 << 20}")
        dba.rows("DELETE FROM shard1.large")
        done = cli("backup", "--file", str(tmp_path / "b.tar.gz"))
        assert (done.returncode, "no position for a restore with UNTIL" in done.stdout) == (0, True), done
        with pytest.raises(DeployError, match="FLUSH BINARY LOGS there begins another file, then"):
            restore(site, tmp_path / "b.tar.gz", Recovery("2040-01-01", str(tmp_path)))
        dba.rows("FLUSH BINARY LOGS")
        assert backup(site, tmp_path / "b.tar.gz")["binary_log"]["position"]
    finally:
        dba.rows("SET GLOBAL binlog_format = DEFAULT")
        dba.rows(f"SET GLOBAL max_allowed_packet = {packet}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_a_killed_backup_stays(
    site: Settings, dba: Admin, tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "b.tar.gz"
    connection = admin.Connection(site)
    connection.run("LOCK TABLES shard1.tag WRITE")
    process = start(site, "backup", "--file", str(path))
    dumps = (
        "SELECT ID FROM information_schema.PROCESSLIST "
        "WHERE INFO LIKE '%SQL_NO_CACHE%`tag`%' AND ID <> CONNECTION_ID()"
    )
    waiting = f"{dumps} AND STATE LIKE 'Waiting for table metadata lock%'"
    assert eventually(lambda: dba.rows(waiting), 30)
    process.send_signal(number)
    process.communicate(timeout=60)
    connection.close()
    assert files_beside_run(tmp_path) == []
    assert eventually(lambda: not dba.rows(dumps), 30)
    backup(site, path)
    assert files_beside_run(tmp_path) == [path]


def test_a_backup_waits_for_a_lock_as_long_as_other_commands(
    site: Settings, dba: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_watch, "WAIT_SECONDS", 0.1)
    path = tmp_path / "b.tar.gz"
    impatient = dataclasses.replace(site, db_command_timeout=2)
    connection = admin.Connection(site)
    connection.run("LOCK TABLES shard1.tag WRITE")
    with pytest.raises(DeployError, match=r"has waited for a lock for 2 s \(DRUMEE_DB_COMMAND_TIMEOUT\): .*"):
        backup(impatient, path)
    dumps = (
        "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '%40001 SQL_NO_CACHE%' AND STATE <> ''"
    )
    assert eventually(lambda: dba.rows(f"{dumps} AND ID <> CONNECTION_ID()") == [], 30)
    connection.close()
    assert files_beside_run(tmp_path) == []
    backup(impatient, path)


def test_an_archive_replaces_the_last_one_where_files_without_names_cannot_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "b.tar.gz"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), new_file(path) as stream:
        stream.write(b"half" * (1 // 0))
    assert path.read_text() == "old"
    with new_file(path) as stream:
        stream.write(b"new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert files_beside_run(tmp_path) == [path]


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_a_dump_is_cut_where_databases_begin(size: int) -> None:
    mark = "\n--\n-- Current Database: `{}`\n--\n\n{} x;\n"
    dump = "head" + "".join(
        mark.format(db, verb) + f"of {db}" + mark.format("other", "USE")
        for db, verb in (("yp", "CREATE DATABASE"), ("shard1", "CREATE DATABASE"), ("shard1", "USE"))
    )
    pieces = [dump[n : n + size].encode() for n in range(0, len(dump), size)]
    content: dict[str, bytes] = {}
    for section, piece in sections(pieces, ["yp", "shard1"]):
        content[section] = content.get(section, b"") + piece
    assert list(content) == ["head", "yp", "shard1", "shard1.views"]
    assert b"".join(content.values()) == dump.encode()
    assert content["head"] == b"head"
    assert content["shard1"].startswith(b"\n--\n-- Current Database: `shard1`")


def test_an_archive_of_one_dump_is_read_too(site: Settings, dba: Admin, tmp_path: Path) -> None:
    """Earlier versions wrote the manifest first, then all databases in one file."""
    demo.load(site)
    before = contents(dba)
    new, old = tmp_path / "new.tar.gz", tmp_path / "old.tar.gz"
    manifest = backup(site, new)
    dump = b"".join(Archive(new).pieces())
    manifest["files"] = {"databases.sql": hashlib.sha256(dump).hexdigest()}
    with tarfile.open(old, "w:gz") as archive:
        for name, content in (("manifest.json", orjson.dumps(manifest)), ("databases.sql", dump)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    empty_server(site)
    assert restore(site, old).status == 0
    assert contents(dba) == before


def test_a_restore_that_is_interrupted_after_the_archive_is_completed_by_a_deploy(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(site, tmp_path / "all.tar.gz")
    empty_server(site)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Deployer, "deploy", interrupt)
        with pytest.raises(DeployError, match="everything of the archive is restored, and `make deploy` co"):
            restore(site, tmp_path / "all.tar.gz")
    with pytest.raises(DeployError, match="after its last row, `make deploy` completes it"):
        restore(site, tmp_path / "all.tar.gz")
    assert Deployer(site, lambda _: None, examples=False).deploy().status == 0


def test_an_interrupted_restore_starts_anew(
    site: Settings, dba: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar.gz"
    backup(site, path)
    before = contents(dba)
    empty_server(site)
    load = clients.load

    def load_half(server: DatabaseServer, pieces: Iterator[bytes]) -> None:
        load(server, [b"".join(pieces).partition(b"USE `shard1`;")[0]])
        raise KeyboardInterrupt

    monkeypatch.setattr("service.deploy.restore.load", load_half)
    with pytest.raises(KeyboardInterrupt):
        restore(site, path)
    monkeypatch.undo()
    for command in (Deployer(site).plan, Deployer(site).deploy, Deployer(site).drift):
        with pytest.raises(DeployError, match=r"a restore runs, or was interrupted.*make restore F="):
            command()
    assert dba.rows("SHOW TABLES FROM shard1") == []
    assert restore(site, path).status == 0
    assert contents(dba) == before
    assert dba.rows("SHOW DATABASES LIKE 'drumee_restore'") == []


def test_a_server_that_ends_in_a_restore_is_named_without_anybodys_data(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar.gz"
    backup(site, path)
    empty_server(site)
    broken = b"INSERT INTO yp.entity VALUES ('a secret');\n"
    monkeypatch.setattr(Archive, "pieces", lambda _: iter([broken]))
    with pytest.raises(
        DeployError, match=r"mariadb failed: ERROR .* the same command starts it anew"
    ) as error:
        restore(site, path)
    assert "secret" not in str(error.value)
