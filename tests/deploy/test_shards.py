"""A shard is dropped when nobody lives there, and nothing of it stays."""

from __future__ import annotations

import pytest

from service.admin.registry import Registry
from service.deploy import shards
from service.deploy.deployer import DeployError
from service.deploy.move import move
from service.deploy.shards import drop_shard
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker


def test_a_shard_is_dropped_once_it_is_empty(
    tool: DeployerMaker, cli: Cli, site: Settings, dba: Admin
) -> None:
    tool().add_shard("s_1")
    Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    done = cli("shard-drop", "--name", "s_1")
    assert (done.returncode, "2 users and hubs live in s_1. Nothing was dropped" in done.stderr) == (
        2,
        True,
    ), done
    assert dba.rows("CALL yp.shard_list()") == [("s_1",), ("shard1",)]
    assert dba.one("SELECT is_open FROM yp.shard WHERE name = 's_1'") == 1
    for (entity,) in dba.rows("SELECT id FROM yp.entity WHERE db_name = 's_1'"):
        move(site, entity, "shard1")
    assert cli("shard-drop", "--name", "s_1").returncode == 0
    assert dba.rows("SHOW DATABASES LIKE 's_1'") == []
    assert dba.rows("SELECT name FROM yp.shard") == [("shard1",)]
    assert dba.rows("SELECT * FROM mysql.db WHERE Db LIKE 's%1' AND Db <> 'shard1'") == []
    assert tool().drift() == []
    assert tool().add_shard("s_1").status == 0


def test_a_shard_that_was_dropped_by_hand_leaves_the_registry(
    tool: DeployerMaker, site: Settings, dba: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "DRAIN_SECONDS", 0)
    tool().add_shard("s_1")
    dba.rows("DROP DATABASE s_1")
    with pytest.raises(DeployError, match="`make shard-drop NAME=s_1` takes it out of the registry"):
        tool().plan()
    drop_shard(site, "s_1")
    assert not tool().plan().todo


@pytest.mark.parametrize(
    ("name", "message"), [("shard1", "shard1 is the only open shard"), ("mysql", "NAME=mysql is no shard")]
)
def test_other_databases_are_not_dropped(site: Settings, dba: Admin, name: str, message: str) -> None:
    with pytest.raises(DeployError, match=message):
        drop_shard(site, name)
    assert dba.rows(f"SHOW DATABASES LIKE '{name}'") == [(name,)]
