"""The history says who did what, when, and how it ended."""

from __future__ import annotations

import getpass
import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from service.admin.registry import Registry
from service.deploy import move as moves
from service.deploy import shards
from service.deploy.backup import backup
from service.deploy.history import history, moment
from service.deploy.journal import Lease
from service.deploy.move import move
from service.deploy.shards import drop_shard
from service.settings import Settings
from service.store.admin import Connection, DeployError
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker, empty_server


def lines(site: Settings, since: str = "", name: str = "", most: int = 20) -> list[str]:
    with closing(Connection(site)) as connection:
        return list(history(connection, since, name, most))


def words(line: str) -> tuple[str, str]:
    """Return purpose and outcome of a line."""
    _, _, purpose, outcome, *_ = line.split()
    return purpose, outcome


def test_each_operation_is_in_the_history_with_its_end(
    tool: DeployerMaker, site: Settings, dba: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "DRAIN_SECONDS", 0)
    monkeypatch.setattr(shards, "DRAIN_SECONDS", 0)
    Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    first = len(lines(site))
    dba.rows("DROP PROCEDURE shard1.my_contact_book")
    tool().deploy()
    tool().add_shard("s_1")
    move(site, "ann@example.org", "s_1")
    backup(site, tmp_path / "all.tar.gz")
    with pytest.raises(DeployError):
        drop_shard(site, "s_1")
    move(site, "ann@example.org", "shard1")
    for (entity,) in dba.rows("SELECT id FROM yp.entity WHERE db_name = 's_1'"):
        move(site, entity, "shard1")
    drop_shard(site, "s_1")
    made = [line for line in lines(site, most=100)[first:] if "to shard1" not in line]
    assert [words(line) for line in made] == [
        ("deploy", "done"), ("deploy", "done"), ("move", "done"), ("backup", "done"),
        ("shard-drop", "failed"), ("shard-drop", "done"),
    ]  # fmt: skip
    assert made[0].endswith("create my_contact_book")
    assert made[2].endswith("ann@example.org to s_1")
    assert made[3].endswith(f"{tmp_path}/all.tar.gz")
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    assert all(who in line for line in made)
    assert [words(line) for line in lines(site, name="all.tar")] == [("backup", "done")]
    assert made[0] in lines(site, name="my_contact_book")
    assert made[0] not in lines(site, name="s_1")
    assert lines(site, most=1) == made[-1:]


def test_an_operation_that_was_killed_is_told_from_one_that_runs(site: Settings, dba: Admin) -> None:
    dba.rows(
        "INSERT INTO yp.operation (purpose, subject, revision, operator, started) "
        "VALUES ('move', 'ann', '', 'root@far:1', UNIX_TIMESTAMP())"
    )
    assert words(lines(site)[-1]) == ("move", "killed")
    dba.rows("UPDATE yp.deploy_lease SET holder = 'move root@far:1', until = UNIX_TIMESTAMP() + 60")
    try:
        assert words(lines(site)[-1]) == ("move", "running")
    finally:
        dba.rows("UPDATE yp.deploy_lease SET until = 0")


def test_a_server_of_an_earlier_version_begins_its_history_with_the_next_deploy(
    tool: DeployerMaker, site: Settings, dba: Admin, tmp_path: Path
) -> None:
    dba.rows("DROP TABLE yp.operation")
    assert {words(line)[0] for line in lines(site)} == {"deploy"}
    with Lease(site, "move", "ann"):
        pass
    assert not any("ann" in line for line in lines(site))
    plan = tool().plan()
    assert (plan.todo, plan.decide) == ([], [])
    assert tool().drift() == []
    assert tool().deploy().status == 0
    backup(site, tmp_path / "all.tar.gz")
    assert words(lines(site)[-1]) == ("backup", "done")


def test_the_time_of_the_first_entry_can_be_given(cli: Cli, site: Settings, dba: Admin) -> None:
    dba.rows("UPDATE yp.deploy_run SET started = started - 7200")
    assert lines(site, "1h") == []
    assert lines(site, "3 hours ago")
    assert abs(moment("2d") - (time.time() - 172_800)) < 5
    assert moment("1970-01-01T00:01:00+00:00") == 60
    with pytest.raises(DeployError, match="SINCE=3 months is no time"):
        moment("3 months")
    done = cli("history", "--since", "yesterday")
    assert (done.returncode, "SINCE=yesterday is no time" in done.stderr) == (2, True), done
    dba.rows("UPDATE yp.deploy_run SET started = started + 7200")


def test_a_server_without_a_deploy_has_no_history(site: Settings) -> None:
    empty_server(site)
    with pytest.raises(DeployError, match="it has no history"):
        lines(site)
