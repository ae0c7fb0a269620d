"""Restore to the second before a mistake: every acknowledged change is there, and nothing later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from service.admin import demo
from service.admin.demo import ALICE, BOB
from service.deploy.backup import backup
from service.deploy.binary_log import Moment
from service.deploy.deployer import Deployer
from service.deploy.move import move
from service.deploy.point_in_time import Recovery
from service.deploy.restore import restore
from service.settings import Settings
from service.store.admin import DeployError
from tests.support.admin import Admin
from tests.support.binary_logs import add_contact, copy_logs, emails_of_tests
from tests.support.sites import Cli, empty_server, files_beside_run

Add = Callable[[str, str], None]


@pytest.fixture
def log_format(request: pytest.FixtureRequest, dba: Admin) -> Iterator[str]:
    """Return the format in which new connections write to the binary log."""
    before = dba.one("SELECT @@GLOBAL.binlog_format")
    dba.rows(f"SET GLOBAL binlog_format = {request.param}")
    yield request.param
    dba.rows(f"SET GLOBAL binlog_format = {before}")


@pytest.fixture
def add(dba: Admin) -> Add:
    """Add a contact to an address book, as the service does."""
    return partial(add_contact, dba)


@pytest.fixture
def logs(dba: Admin, tmp_path: Path) -> Callable[[], Path]:
    """Copy the binary logs of the server, as a DBA does who keeps them elsewhere."""
    return lambda: copy_logs(dba, tmp_path / "logs")


@pytest.mark.parametrize("log_format", ["ROW", "MIXED"], indirect=True)
def test_all_until_the_second_before_a_mistake(
    log_format: str, site: Settings, dba: Admin, add: Add, logs: Callable[[], Path], cli: Cli, tmp_path: Path
) -> None:
    demo.load(site)
    path = tmp_path / "b.tar.gz"
    # Another program uses the server as well, and its trigger writes beside our rows.
    dba.rows("CREATE DATABASE site")
    dba.rows("CREATE TABLE site.log (id CHAR(16)) ENGINE = InnoDB")
    dba.rows(
        "CREATE TRIGGER shard1.site_log AFTER INSERT ON shard1.contact "
        "FOR EACH ROW INSERT INTO site.log VALUES (NEW.id)"
    )
    backup(site, path)
    dba.rows("DROP TRIGGER shard1.site_log")
    dba.rows(
        "CREATE TRIGGER shard1.site_log AFTER INSERT ON shard1.contact "
        "FOR EACH ROW INSERT INTO site.log VALUES (NEW.id)"
    )
    add(ALICE, "one@later.test")
    dba.rows("GRANT SELECT ON site.* TO 'reporter'@'%' IDENTIFIED BY 'x'")
    dba.rows("FLUSH BINARY LOGS")
    Deployer(site, lambda _: None).add_shard("shard2")
    assert move(site, BOB, "shard2")
    add(BOB, "two@later.test")
    dba.rows("DROP TABLE site.log")
    dba.rows("DROP TRIGGER shard1.site_log")
    add(ALICE, "three@later.test")
    time.sleep(1.1)
    until = datetime.now().astimezone().replace(microsecond=0)
    dba.rows("DELETE FROM shard1.contact")
    dba.rows("DROP DATABASE shard2")
    folder = logs()
    for statement in ("DROP DATABASE site", "DROP USER 'reporter'@'%'"):
        dba.rows(statement)
    empty_server(site)

    done = cli("restore", "--file", str(path), "--until", f"{until:%Y-%m-%d %H:%M:%S}", "--logs", str(folder))
    assert done.returncode == 0, done
    assert emails_of_tests(dba) == {"one@later.test", "two@later.test", "three@later.test"}
    assert dba.one("SELECT COUNT(*) FROM shard2.contact WHERE owner_id = %s", BOB) > 0
    assert dba.rows("SHOW DATABASES LIKE 'site'") == []
    assert dba.rows("SELECT User FROM mysql.user WHERE User = 'reporter'") == []
    assert Deployer(site).drift() == []


def test_until_a_position_of_a_server_that_runs(site: Settings, dba: Admin, add: Add, tmp_path: Path) -> None:
    demo.load(site)
    path = tmp_path / "b.tar.gz"
    backup(site, path)
    add(ALICE, "one@later.test")
    ((file, position, *_),) = dba.rows("SHOW MASTER STATUS")
    gtid = dba.one("SELECT @@gtid_binlog_pos")
    add(ALICE, "two@later.test")
    for until in (f"{file}:{position}", gtid):
        empty_server(site)
        assert restore(site, path, Recovery(until, site.db_admin)).status == 0
        assert emails_of_tests(dba) == {"one@later.test"}
        assert files_beside_run(tmp_path) == [path]


def test_a_server_of_logs_that_does_not_answer_is_named_with_the_way_out(
    site: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar.gz"
    backup(site, path)
    empty_server(site)
    message = r"server of LOGS cannot be read: .*connect.*Nothing was touched.*LOGS=folder takes copies"
    with pytest.raises(DeployError, match=message):
        restore(site, path, Recovery("2040-01-01", "mysql://nobody@127.0.0.1:1"))
    assert files_beside_run(tmp_path) == [path]


def test_logs_that_end_before_the_moment_are_named(
    site: Settings, dba: Admin, add: Add, logs: Callable[[], Path], tmp_path: Path, output: list[str]
) -> None:
    demo.load(site)
    path = tmp_path / "b.tar.gz"
    backup(site, path)
    add(ALICE, "one@later.test")
    folder = logs()
    empty_server(site)
    with pytest.raises(
        DeployError, match="yp is dropped in the logs before UNTIL=2040-01-01: take an earlier"
    ):
        restore(site, path, Recovery("2040-01-01", site.db_admin), output.append)
    assert restore(site, path, Recovery("2040-01-01", str(folder)), output.append).status == 0
    assert emails_of_tests(dba) == {"one@later.test"}
    assert "before UNTIL: later changes, if there were any, are in newer logs" in output[-1]


def test_logs_that_do_not_reach_the_moment_are_refused(
    site: Settings, dba: Admin, add: Add, logs: Callable[[], Path], tmp_path: Path
) -> None:
    path = tmp_path / "b.tar.gz"
    demo.load(site)
    manifest = backup(site, path)
    first = manifest["binary_log"]["file"]
    dba.rows("FLUSH BINARY LOGS")
    add(ALICE, "one@later.test")
    folder = logs()
    number = int(first.rpartition(".")[2])
    second = f"binlog.{number + 1:06d}"

    def refusal(until: str, place: Path | str = folder) -> str:
        with pytest.raises(DeployError) as error:
            restore(site, path, Recovery(until, str(place)))
        return str(error.value)

    assert "is no moment: a time such as" in refusal("yesterday")
    assert "take an earlier archive" in refusal("2020-01-01 00:00:00")
    assert "has the id 7-7-7" in refusal("7-7-7")
    assert "is not in the logs: they go from" in refusal(f"{first}:4")
    assert "is no folder" in refusal("2040-01-01", tmp_path / "nowhere")
    (folder / second).rename(folder / "away")
    assert f"{second} is missing" in refusal("2040-01-01")
    (folder / "away").rename(folder / second)
    (folder / second).write_bytes(b"\x00" * 100)
    assert "is no binary log, or an encrypted one" in refusal("2040-01-01")
    (folder / first).write_bytes((folder / f"binlog.{number + 2:06d}").read_bytes())
    assert "is the log of another server" in refusal("2040-01-01")
    (folder / first).unlink()
    assert f"{first} is missing" in refusal("2040-01-01")
    assert "exist already" not in refusal("2040-01-01"), "the logs are read before the server is touched"


def test_a_log_that_was_copied_before_it_was_complete_is_refused(
    site: Settings, dba: Admin, add: Add, logs: Callable[[], Path], tmp_path: Path
) -> None:
    demo.load(site)
    path = tmp_path / "b.tar.gz"
    backup(site, path)
    add(ALICE, "one@later.test")
    ((file, position, *_),) = dba.rows("SHOW MASTER STATUS")
    add(ALICE, "two@later.test")
    dba.rows("FLUSH BINARY LOGS")
    add(ALICE, "three@later.test")
    folder = logs()
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[:position])
    empty_server(site)
    with pytest.raises(DeployError, match=f"{file} lacks its end: .* copy it again"):
        restore(site, path, Recovery("2040-01-01", str(folder)))
    (folder / file).write_bytes(whole)
    assert restore(site, path, Recovery("2040-01-01", str(folder))).status == 0
    assert emails_of_tests(dba) == {"one@later.test", "two@later.test", "three@later.test"}


@pytest.mark.parametrize("log_format", ["STATEMENT"], indirect=True)
def test_statements_that_may_have_another_result_are_refused(
    log_format: str, site: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "b.tar.gz"
    assert backup(site, path)["binary_log"]["format"] == log_format
    with pytest.raises(DeployError, match="binlog_format = STATEMENT"):
        restore(site, path, Recovery("2040-01-01", str(tmp_path)))


def test_a_moment_without_logs_is_a_wrong_call(cli: Cli, tmp_path: Path) -> None:
    done = cli("restore", "--file", str(tmp_path / "b.tar.gz"), "--until", "2040-01-01")
    assert (done.returncode, "need each other" in done.stderr) == (2, True), done


@pytest.mark.parametrize(
    ("text", "time_of"),
    [("2026-11-28T10:00:00Z", 1795860000), ("2026-11-28 12:00:00+02:00", 1795860000)],
)
def test_times_may_name_their_zone(text: str, time_of: int) -> None:
    assert Moment.of(text).time == time_of
