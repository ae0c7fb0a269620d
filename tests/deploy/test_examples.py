"""A deploy runs the examples of the headers in scratch databases first, and `make doctor` at any time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest

from service import cli
from service.deploy import examples
from service.deploy.deployer import Deployer
from service.deploy.examples import ExamplesReport, examine, run_examples
from service.deploy.plan import Files
from service.deploy.scratch import with_registry
from service.settings import Settings, database_servers
from service.store.admin import Connection, DeployError
from tests.support.admin import Admin
from tests.support.changed_files import with_body
from tests.support.sites import DeployerMaker, start

PLAIN_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, EXECUTE, TRIGGER, EVENT, PROCESS, CREATE USER, SET USER"
)
"""What a deploy needs; on a server with a binary log also SUPER, for triggers and functions."""


BROKEN = with_body("shard_list", lambda body: body.replace("ORDER BY name", "ORDER BY no_such_column"))
"""MariaDB looks for the column when the routine is called."""


def left_over(dba: Admin) -> list[object]:
    """Return the scratch databases, accounts and rights on the server."""
    return [
        *dba.rows("SHOW DATABASES LIKE 'drumee\\_check%'"),
        *dba.rows("SELECT User FROM mysql.user WHERE User LIKE 'drumee\\_check%'"),
        *dba.rows("SELECT Db, User FROM mysql.db WHERE Db LIKE 'drumee\\_check%'"),
    ]


def test_a_routine_that_the_server_cannot_run_stops_the_deploy_before_it_begins(
    tool: DeployerMaker, dba: Admin
) -> None:
    runs = dba.one("SELECT COUNT(*) FROM yp.deploy_run")
    with pytest.raises(DeployError) as refused:
        tool(files=BROKEN, examples=True).deploy()
    text = str(refused.value)
    assert "nothing was deployed: MariaDB 10." in text
    assert "yp.shard_list (procedures/yp/registry/shard_list.sql) fails: (1054) Unknown column" in text
    assert "ORDER BY no_such_column" in text
    assert "SKIP_EXAMPLES=1" in text
    assert dba.one("SELECT COUNT(*) FROM yp.deploy_run") == runs
    assert "no_such_column" not in dba.one("SELECT body FROM mysql.proc WHERE name = 'shard_list'").decode()
    assert dba.one("SELECT until FROM yp.deploy_lease") == 0
    assert left_over(dba) == []
    assert tool(files=BROKEN, examples=False).deploy().status == 0


def test_a_routine_that_the_server_does_not_accept_is_named(site: Settings, dba: Admin) -> None:
    files = with_body("tag_remove", lambda body: body.replace("BEGIN", "BEGIN no_statement;", 1))
    report = run_examples(site, files, database_servers(site.db_admin)[0])
    (failure,) = report.failures
    assert str(failure).startswith("shard.tag_remove (procedures/shard/tag/tag_remove.sql) fails: (1064)")
    assert left_over(dba) == []


def test_a_routine_that_the_people_of_the_examples_need_is_named(site: Settings) -> None:
    files = with_body(
        "permission_grant", lambda body: body.replace("INSERT INTO permission", "INSERT INTO gone")
    )
    (failure,) = run_examples(site, files, database_servers(site.db_admin)[0]).failures
    assert str(failure).startswith("yp.permission_grant (procedures/yp/")


def test_an_example_cannot_reach_real_data(site: Settings, dba: Admin) -> None:
    dba.rows("INSERT INTO shard1.tag (owner_id, tag_id, name, ctime) VALUES ('real', 'real', 'real', 1)")
    files = with_body("tag_remove", lambda body: body.replace("END", "DELETE FROM shard1.tag; END").strip())
    report = run_examples(site, files, database_servers(site.db_admin)[0])
    assert report.failures
    assert "(1142)" in str(report.failures[0])
    assert "denied to user 'drumee_check" in str(report.failures[0])
    assert dba.one("SELECT COUNT(*) FROM shard1.tag WHERE owner_id = 'real'") == 1


def test_yp_is_replaced_in_code_and_nowhere_else() -> None:
    text = "SELECT 'yp.tag', x.yp.y FROM yp.tag, `yp`.socket -- yp.tag"
    assert with_registry(text, "s_yp") == "SELECT 'yp.tag', x.yp.y FROM `s_yp`.tag, `s_yp`.socket -- yp.tag"


def test_a_plan_says_that_the_examples_run_when_there_is_news(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    wanted = "in a scratch database"
    for files, options, runs in (
        (BROKEN, {"examples": True}, True),
        (BROKEN, {"examples": False}, False),
        (dataclasses.replace(BROKEN, is_rollback=True), {"examples": True}, False),
    ):
        deployer = tool(files=files, **options)
        deployer.show(deployer.plan())
        assert any(wanted in line for line in output) == runs, output
        assert output[-1] == "1 to do, 245 unchanged".replace("245", str(len(files.routines) - 1))
    # all of it runs in another shard already
    deployer = tool(examples=True)
    deployer.show(deployer.plan(["shard2"]))
    assert not any(wanted in line for line in output)


def test_a_deploy_that_succeeds_says_how_long_the_examples_took(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    dba.rows("DROP PROCEDURE yp.shard_list")
    assert tool(examples=True).deploy().status == 0
    assert any(" examples succeed on MariaDB " in line for line in output)
    assert left_over(dba) == []


@pytest.fixture
def plain(site: Settings, dba: Admin) -> Iterator[Settings]:
    """Return the site with an account that has the rights of a deploy and no more."""
    for statement in (
        "SET GLOBAL log_bin_trust_function_creators = ON",
        f"GRANT {PLAIN_RIGHTS} ON *.* TO plain@localhost WITH GRANT OPTION",
    ):
        dba.rows(statement)
    yield dataclasses.replace(site, db_admin=site.db_admin.replace("//root@", "//plain@"))
    dba.rows("DROP USER plain@localhost")
    dba.rows("SET GLOBAL log_bin_trust_function_creators = OFF")


def test_the_rights_of_a_deploy_are_enough(plain: Settings, dba: Admin) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="BINLOG ADMIN"):
        Connection(plain).run("SET SESSION sql_log_bin = 0")
    report = run_examples(plain, Files.load(), database_servers(plain.db_admin)[0])
    assert report.failures == []
    assert report.count >= len(Files.load().routines)
    assert left_over(dba) == []


def test_nothing_of_it_is_in_the_binary_log(site: Settings, dba: Admin) -> None:
    dba.rows("FLUSH BINARY LOGS")
    ((log, *_),) = dba.rows("SHOW MASTER STATUS")
    run_examples(site, Files.load(), database_servers(site.db_admin)[0])
    events = dba.rows(f"SHOW BINLOG EVENTS IN '{log}'")
    assert not [event for event in events if "drumee_check" in str(event[-1])]


def test_what_a_killed_run_leaves_is_removed_by_the_next_one(site: Settings, dba: Admin) -> None:
    doctor = start(site, "doctor")
    while len(dba.rows("SHOW DATABASES LIKE 'drumee\\_check%'")) < 2:
        assert doctor.poll() is None
        time.sleep(0.005)
    doctor.kill()
    doctor.communicate()
    assert left_over(dba)
    alone = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB LIKE 'drumee\\_check%'"
    while dba.one(alone):
        time.sleep(0.01)
    done = start(site, "doctor")
    output, _ = done.communicate()
    assert (done.returncode, left_over(dba)) == (0, []), output


def test_two_at_once_leave_each_other_alone(site: Settings, dba: Admin) -> None:
    for each in [start(site, "doctor") for _ in range(2)]:
        output, _ = each.communicate()
        assert each.returncode == 0, output
        assert " examples succeed on MariaDB " in output
    assert left_over(dba) == []


def test_every_server_is_examined(site: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (works,) = database_servers(site.db_admin)
    down = dataclasses.replace(works, unix_socket=str(tmp_path / "down.sock"))
    monkeypatch.setattr(examples, "admin_servers", lambda _: [works, down])
    (_, good), (name, bad) = examine(site, Files.load())
    assert good.failures == []
    assert str(bad.failures[0]).startswith(f"{name} fails: no MariaDB server answers")
    monkeypatch.setattr(examples, "admin_servers", lambda _: [down])
    with pytest.raises(DeployError, match="no MariaDB server answers"):
        list(examine(site, Files.load()))


def test_the_exit_status_of_doctor(site: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for failures, status in (([], 0), ([examples.FailedExample("yp.x", "CALL x()", "(1) y")], 1)):
        report = ExamplesReport("10.11", 3, failures, 0.5)
        monkeypatch.setattr(examples, "examine", lambda *_, r=report: iter([("here", r)]))
        for name in ("db", "db_admin"):
            monkeypatch.setenv(f"DRUMEE_{name.upper()}", getattr(site, name))
        assert cli.main(["doctor"]) == status
    nowhere = dataclasses.replace(site, db_admin="mysql://root@localhost/?unix_socket=/nowhere")
    done = start(nowhere, "doctor")
    output, _ = done.communicate()
    assert done.returncode == 2
    assert "no MariaDB server answers" in output


def test_a_full_disk_is_named_and_not_what_follows_from_it(site: Settings, dba: Admin) -> None:
    full = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table ''tag'' is full'; "
    files = with_body("shard_list", lambda body: body.replace("BEGIN\n", f"BEGIN\n    {full}\n", 1))
    with pytest.raises(DeployError) as refused:
        Deployer(site, lambda _: None, files=files).deploy()
    assert str(refused.value) == (
        "the disk of the server is full, as the trial in scratch databases shows: The table 'tag' is full. "
        "Nothing was deployed: make room there, then repeat the command"
    )
    assert left_over(dba) == []
