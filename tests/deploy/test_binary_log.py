"""Binary logs as they are on real servers: other programs, other settings, kills, files of two servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.admin import demo
from service.admin.demo import ALICE
from service.bench.node import free_port
from service.deploy.backup import backup
from service.deploy.binary_log import Moment
from service.deploy.deployer import Deployer
from service.deploy.logged_statement import changed_databases, has_other_result, verb_of
from service.deploy.point_in_time import Recovery
from service.deploy.restore import restore
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.settings import Settings
from service.store.admin import Connection, DeployError
from tests.support.admin import Admin
from tests.support.binary_logs import add_contact, copy_logs, emails_of_tests, position
from tests.support.sites import empty_server

LATER = "2040-01-01"


@contextmanager
def setting(dba: Admin, name: str, value: str) -> Iterator[None]:
    """Change a setting of the server in the block."""
    before = dba.one(f"SELECT @@GLOBAL.{name}")
    dba.rows(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        dba.rows(
            f"SET GLOBAL {name} = '{before}'" if isinstance(before, str) else f"SET GLOBAL {name} = {before}"
        )


def run_on(site: Settings, *statements: str) -> None:
    """Execute statements in one session, as another program does."""
    with closing(Connection(site)) as connection:
        for statement in statements:
            connection.run(statement)


@pytest.fixture
def rows_logged(dba: Admin) -> Iterator[None]:
    """Let new connections log rows, compressed ones as well."""
    with (
        setting(dba, "binlog_format", "ROW"),
        setting(dba, "log_bin_compress", "1"),
        setting(dba, "log_bin_compress_min_len", "10"),
    ):
        yield


@pytest.fixture
def archive(site: Settings, rows_logged: None, tmp_path: Path) -> Path:
    """Return the archive of a used site."""
    demo.load(site)
    path = tmp_path / "b.tar.gz"
    backup(site, path)
    return path


@pytest.fixture
def refusal(site: Settings, archive: Path) -> Callable[[Path, str], str]:
    """Return why a recovery is refused. The server has its databases: it was not asked for them before."""

    def call(logs: Path, until: str = LATER) -> str:
        with pytest.raises(DeployError) as error:
            restore(site, archive, Recovery(until, str(logs)))
        assert "Nothing was touched" in str(error.value)
        return str(error.value)

    return call


def test_a_position_inside_a_transaction_leaves_it_out(
    site: Settings, dba: Admin, archive: Path, tmp_path: Path, output: list[str]
) -> None:
    add_contact(dba, ALICE, "one@later.test")
    file, place = position(dba)
    dba.rows("DELETE FROM shard1.contact")
    events = dba.rows(f"SHOW BINLOG EVENTS IN '{file}' FROM {place}")
    inside = next(row[1] for row in events if row[2].startswith("Delete_rows"))
    logs = copy_logs(dba, tmp_path / "logs")
    empty_server(site)
    assert restore(site, archive, Recovery(f"{file}:{inside}", str(logs)), output.append).status == 0
    assert emails_of_tests(dba) == {"one@later.test"}
    assert f"left out is {file}:{place}; UNTIL is inside of it" in output[-1]


def test_half_a_transaction_of_a_killed_server_is_left_out(
    site: Settings, dba: Admin, archive: Path, tmp_path: Path, output: list[str]
) -> None:
    add_contact(dba, ALICE, "one@later.test")
    file, place = position(dba)
    add_contact(dba, ALICE, "half@later.test")
    last = position(dba)[1]
    logs = copy_logs(dba, tmp_path / "logs")
    content = (logs / file).read_bytes()
    for path in logs.iterdir():
        if path.name > file:
            path.unlink()
    for end in (last - 1, (place + last) // 2):
        (logs / file).write_bytes(content[:end])
        empty_server(site)
        assert restore(site, archive, Recovery(LATER, str(logs)), output.append).status == 0
        assert emails_of_tests(dba) == {"one@later.test"}
        assert f"half a transaction, which was never committed: {file}:{place}" in output[-1]


def test_a_server_that_was_killed_gives_the_id_of_half_a_transaction_again(
    site: Settings, dba: Admin, archive: Path, tmp_path: Path
) -> None:
    add_contact(dba, ALICE, "one@later.test")
    state = dba.one("SELECT @@GLOBAL.gtid_binlog_state")
    file, place = position(dba)
    add_contact(dba, ALICE, "half@later.test")
    half, end = dba.one("SELECT @@GLOBAL.gtid_binlog_pos"), position(dba)[1]
    logs = copy_logs(dba, tmp_path / "logs")
    (logs / file).write_bytes((logs / file).read_bytes()[: (place + end) // 2])
    dba.rows("DELETE FROM shard1.contact WHERE email = 'half@later.test'")
    dba.rows("RESET MASTER")
    dba.rows(f"SET GLOBAL gtid_binlog_state = '{state}'")
    dba.rows("FLUSH BINARY LOGS")
    add_contact(dba, ALICE, "two@later.test")
    assert dba.one("SELECT @@GLOBAL.gtid_binlog_pos") == half
    add_contact(dba, ALICE, "three@later.test")
    after = copy_logs(dba, tmp_path / "after")
    number = int(file.rpartition(".")[2])
    (logs / f"binlog.{number + 1:06d}").write_bytes((after / "binlog.000002").read_bytes())
    for until, emails in ((half, {"one", "two"}), (LATER, {"one", "two", "three"})):
        empty_server(site)
        assert restore(site, archive, Recovery(until, str(logs))).status == 0
        assert emails_of_tests(dba) == {f"{name}@later.test" for name in emails}


def test_statements_are_ours_by_what_they_change(
    site: Settings, dba: Admin, archive: Path, tmp_path: Path
) -> None:
    run_on(
        site,
        "CREATE DATABASE site",
        "CREATE TABLE site.log (id INT)",
        "USE site",
        "SET STATEMENT lock_wait_timeout = 2 FOR CREATE TABLE shard1.of_dba (id INT PRIMARY KEY)",
        "/* a tool */ CREATE TABLE shard1.of_tool LIKE shard1.of_dba",
        "INSERT INTO shard1.of_dba VALUES (1)",
        "CREATE TABLE copied AS SELECT * FROM shard1.of_dba",
        "CREATE PROCEDURE report() SELECT COUNT(*) FROM shard1.contact",
        "CREATE TRIGGER to_us AFTER INSERT ON log FOR EACH ROW INSERT INTO shard1.of_dba VALUES (NEW.id)",
        "INSERT INTO log VALUES (2)",
        "USE shard1",
        "CREATE TABLE site.later (id INT)",
        "INSERT INTO site.later VALUES (1)",
        "CREATE INDEX of_dba ON of_tool (id)",
        "TRUNCATE TABLE site.later",
        "ANALYZE TABLE site.later",
        "DROP TABLE site.later",
    )
    logs = copy_logs(dba, tmp_path / "logs")
    empty_server(site)
    restore(site, archive, Recovery(LATER, str(logs)))
    assert dba.rows("SELECT id FROM shard1.of_dba ORDER BY id") == [(1,), (2,)]
    assert dba.rows("SHOW INDEX FROM shard1.of_tool WHERE Key_name = 'of_dba'")
    assert dba.rows("SHOW DATABASES LIKE 'site'") == []
    assert [drift for drift in Deployer(site).drift() if "of_" not in str(drift)] == []


def test_a_statement_may_be_longer_than_a_packet_but_no_row(
    site: Settings, dba: Admin, archive: Path, tmp_path: Path
) -> None:
    dba.rows("SET GLOBAL log_bin_compress = 0")
    rows = "SELECT seq, REPEAT(CHAR(65 + seq % 26), 60000) FROM seq_1_to_400"
    run_on(
        site,
        "USE shard1",
        "CREATE TABLE shard1.large (id INT PRIMARY KEY, more LONGTEXT) CHARACTER SET latin1 ENGINE = InnoDB",
        f"INSERT INTO shard1.large {rows}",
        "DELETE FROM shard1.large WHERE id > 3",
    )
    file, place = position(dba)
    run_on(site, "INSERT INTO shard1.large VALUES (0, REPEAT('x', 20000000))")
    logs = copy_logs(dba, tmp_path / "logs")
    empty_server(site)
    with setting(dba, "max_allowed_packet", str(16 << 20)):
        with pytest.raises(DeployError, match="SET GLOBAL max_allowed_packet = 33554432 until"):
            restore(site, archive, Recovery(LATER, str(logs)))
        assert restore(site, archive, Recovery(f"{file}:{place}", str(logs))).status == 0
    assert dba.rows("SELECT id, LENGTH(more) FROM shard1.large") == [(number, 60000) for number in (1, 2, 3)]


def test_statements_that_cannot_be_replayed_end_the_recovery_before_it_begins(
    site: Settings, dba: Admin, refusal: Callable[..., str], tmp_path: Path
) -> None:
    file, place = position(dba)
    run_on(
        site,
        "SET SESSION binlog_format = STATEMENT",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "UPDATE shard1.contact SET comment = UUID()",
    )
    logs = copy_logs(dba, tmp_path / "logs")
    message = refusal(logs)
    assert "a change of rows as a statement: binlog_format was changed" in message
    assert f"UNTIL={file}:" in message
    # A moment before it can be reached: then only the target is in the way.
    with pytest.raises(DeployError, match="exist already"):
        restore(site, tmp_path / "b.tar.gz", Recovery(f"{file}:{place}", str(logs)))


def test_one_statement_on_two_owners_is_refused(
    dba: Admin, refusal: Callable[..., str], tmp_path: Path
) -> None:
    dba.rows("CREATE DATABASE site")
    dba.rows("CREATE TABLE site.theirs (id INT)")
    dba.rows("RENAME TABLE site.theirs TO shard1.ours")
    logs = copy_logs(dba, tmp_path / "logs")
    assert "changes shard1 and site in one statement, and the archive has only shard1" in refusal(logs)


def test_files_of_another_history_are_refused(
    dba: Admin, archive: Path, refusal: Callable[..., str], tmp_path: Path
) -> None:
    add_contact(dba, ALICE, "one@later.test")
    logs = copy_logs(dba, tmp_path / "logs")
    names = sorted(path.name for path in logs.iterdir())
    # The same server id, the same names of files, and fewer transactions.
    dba.rows("RESET MASTER")
    for _ in names:
        dba.rows("FLUSH BINARY LOGS")
    dba.rows("CREATE DATABASE site")
    others = copy_logs(dba, tmp_path / "others")
    last = logs / names[-1]
    content_before = last.read_bytes()
    last.write_bytes((others / last.name).read_bytes())
    assert f"{last.name} does not go on where {names[-2]} ends" in refusal(logs)

    last.rename(logs / "mysql-bin.000001")
    (logs / "mysql-bin.000001").write_bytes(content_before)
    assert f"Rename the copies: mysql-bin.000001 to {last.name}" in refusal(logs)

    (logs / "mysql-bin.000001").rename(last)
    content = bytearray((logs / names[-2]).read_bytes())
    content[-60] ^= 1
    (logs / names[-2]).write_bytes(content)
    assert "is damaged: its checksum is another one" in refusal(logs)


def test_a_clock_that_was_set_back_is_named(
    dba: Admin, site: Settings, refusal: Callable[..., str], tmp_path: Path
) -> None:
    now = time.time()
    for seconds in (3600, 1):
        later = f"{now + seconds:.0f}"
        run_on(site, f"SET SESSION timestamp = {later}", f"CREATE TABLE shard1.at_{seconds} (id INT)")
    logs = copy_logs(dba, tmp_path / "logs")
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 1800))
    assert "the clock of the server was set back" in refusal(logs, until)


@pytest.mark.parametrize(("name", "value"), [("gtid_strict_mode", "1"), ("event_scheduler", "ON")])
def test_a_server_that_cannot_replay_the_logs_is_not_touched(
    name: str, value: str, dba: Admin, refusal: Callable[..., str], tmp_path: Path
) -> None:
    logs = copy_logs(dba, tmp_path / "logs")
    with setting(dba, name, value):
        assert f"SET GLOBAL {name} = OFF until the restore is done" in refusal(logs)


class Encrypted(MariaDB):
    """A server whose logs are encrypted, and whose tables have names without case, over TCP as well."""

    port = free_port()

    def command(self) -> list[str]:
        keys = self.home.with_name("keys")
        keys.write_text(f"1;{'ab' * 32}\n")
        return [
            *(option for option in super().command() if option != "--skip-networking"),
            f"--port={self.port}", "--bind-address=127.0.0.1", "--log-bin=binlog", "--encrypt-binlog=ON",
            "--lower-case-table-names=1",
            "--plugin-load-add=file_key_management", f"--file-key-management-filename={keys}",
        ]  # fmt: skip


def test_encrypted_logs_are_read_from_their_server(tmp_path: Path, site: Settings) -> None:
    with Stack(tmp_path / "run", durable=False, kinds=[Encrypted], leashed=True) as stack:
        settings = Settings(
            db=stack.env()["DRUMEE_DB"], db_admin=stack.env()["DRUMEE_DB_ADMIN"], run_dir=site.run_dir
        )
        assert Deployer(settings, lambda _: None, examples=False).deploy().status == 0
        demo.load(settings)
        path = tmp_path / "b.tar.gz"
        backup(settings, path)
        dba = Admin(settings)
        add_contact(dba, ALICE, "one@later.test")
        dba.rows("FLUSH BINARY LOGS")
        add_contact(dba, ALICE, "two@later.test")
        run_on(settings, "CREATE TABLE SHARD1.Of_DBA (id INT)", "INSERT INTO Shard1.OF_dba VALUES (1)")
        run_on(settings, "USE SHARD1", "ALTER TABLE OF_DBA ADD COLUMN more INT")
        dba.rows("CREATE USER 'reader'@'127.0.0.1' IDENTIFIED BY 'x'")
        dba.rows("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'reader'@'127.0.0.1'")
        file, place = position(dba)
        logs = copy_logs(dba, tmp_path / "logs")
        until = Recovery(f"{file}:{place}", f"mysql://reader:x@127.0.0.1:{Encrypted.port}")
        with pytest.raises(DeployError, match=r"is encrypted\. Nothing was touched\. LOGS=mysql://"):
            restore(settings, path, Recovery(LATER, str(logs)))
        with pytest.raises(DeployError, match="lower_case_table_names is 0 on this server and was 1"):
            restore(site, path, until)
        empty_server(settings)
        assert restore(settings, path, until).status == 0
        assert emails_of_tests(dba) == {"one@later.test", "two@later.test"}
        assert dba.rows("SELECT id, more FROM shard1.of_dba") == [(1, None)]
        dba.rows(f"PURGE BINARY LOGS TO '{position(dba)[0]}'")
        with pytest.raises(DeployError, match=r"does not have binlog\.000001 any more: it was deleted there"):
            restore(settings, path, until)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "2026-10-25 02:30:00",
            r"is twice on the clock .*: UNTIL='2026-10-25 02:30:00\+02:00' or UNTIL='.*\+01:00'",
        ),
        ("2026-03-29 02:30:00", "is not there on the clock"),
        ("2026-10-25 01:30:00.5", "whole seconds only"),
    ],
)
def test_a_time_that_is_not_one_second_is_refused(
    text: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        with pytest.raises(DeployError, match=wanted):
            Moment.of(text)
        assert Moment.of("2026-10-25 02:30:00+01:00").time == 1792891800
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("statement", "databases"),
    [
        (
            "CREATE DEFINER=`table`@`%` TRIGGER shard1.t BEFORE INSERT ON shard1.a FOR EACH ROW SET @a = 1",
            "shard1",
        ),
        ("DROP TABLE IF EXISTS a, `shard1`.`b` /* generated by server */", "other shard1"),
        ("RENAME TABLE site.a TO shard1.b", "shard1 site"),
        ('CREATE TABLE "shard1"."a" (id INT)', "shard1"),
        ("CREATE OR REPLACE /*!50017 DEFINER=`a`@`b`*/ PROCEDURE p() SELECT 1", "other"),
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON shard1.a (id)", "shard1"),
        ("TRUNCATE shard1.a", "shard1"),
        ("DROP DATABASE IF EXISTS shard1", "shard1"),
        ("ALTER DATABASE CHARACTER SET utf8mb4", "other"),
        ("REPLACE LOW_PRIORITY INTO site.sums SELECT COUNT(*) FROM shard1.a", "site"),
        ("LOAD DATA INFILE 'a' INTO TABLE shard1.a", "shard1"),
        ("UPDATE shard1.a SET b = 1, c = 2 WHERE d = 3", "shard1"),
        ("UPDATE sums JOIN shard1.a AS t ON sums.id = t.id SET t.b = 1, t.c = 2 WHERE sums.n = 3", "shard1"),
        ("UPDATE shard1.a, sums SET sums.n = CONCAT(a.b, 'x'), sums.m = a.c", "other"),
        ("UPDATE sums STRAIGHT_JOIN shard1.a SET n = 1", "other shard1"),
        ("UPDATE sums JOIN shard1.a SET shard1.a.b = 1", "shard1"),
        ("DELETE t FROM shard1.a AS t JOIN sums USING (id)", "shard1"),
        ("DELETE QUICK sums.*, shard1.a FROM sums, shard1.a", "other shard1"),
        ("DELETE FROM t USING `shard1`.a t JOIN sums", "shard1"),
        ("DELETE FROM shard1.a WHERE b IN (SELECT n FROM sums JOIN x USING (id))", "shard1"),
        ("DO shard1.f()", "other"),
        ("INSTALL SONAME 'x'", ""),
        ("CREATE USER a@b", ""),
    ],
)
def test_what_a_statement_changes(statement: str, databases: str) -> None:
    assert changed_databases("other", statement.encode()) == set(databases.split() or [""])


def test_statements_with_another_result_are_known() -> None:
    assert verb_of(b"SET STATEMENT max_statement_time = 1 FOR /* x */ DELETE FROM a") == "DELETE"
    assert has_other_result(b"UPDATE a SET b = UUID()")
    assert has_other_result(b"DELETE FROM a LIMIT 1")
    assert not has_other_result(b"UPDATE a SET user = 'UUID()', version = 'a LIMIT 1'")
