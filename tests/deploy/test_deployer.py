"""Deploying: idempotent, repairing, refusing what would lose data."""

from __future__ import annotations

import dataclasses

import pytest

from service.deploy import deployer
from service.deploy.deployer import Deployer, DeployError
from service.deploy.files import load_migrations, load_routines
from service.settings import Settings
from tests.conftest import Admin


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def deploy(settings: Settings, said: list[str]) -> Deployer:
    return Deployer(settings, say=said.append)


def test_a_second_deploy_changes_nothing(deploy: Deployer, said: list[str], admin: Admin) -> None:
    counts = deploy.deploy()
    routines = load_routines()
    shards = admin.one("SELECT COUNT(*) FROM yp.shard")
    of_yp = sum(r.scope == "yp" for r in routines)
    assert counts == {"unchanged": of_yp + shards * (len(routines) - of_yp)}
    assert said == []


def test_a_routine_changed_by_hand_is_put_back(deploy: Deployer, said: list[str], admin: Admin) -> None:
    admin.rows("CREATE OR REPLACE PROCEDURE yp.shard_list() READS SQL DATA SELECT 'changed by hand'")
    assert deploy.deploy()["routine"] == 1
    assert said == ["yp: procedure shard_list"]
    assert ("shard1",) in admin.rows("CALL yp.shard_list()")


def test_an_edited_migration_is_refused(
    deploy: Deployer, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *_) = load_migrations("yp")
    edited = dataclasses.replace(first, statements=(*first.statements, "SELECT 1"))
    monkeypatch.setattr(deployer, "load_migrations", lambda _scope: [edited])
    with pytest.raises(DeployError, match=r"0001_tables\.sql was changed after it was applied"):
        deploy.deploy()


def test_two_deploys_do_not_run_together(deploy: Deployer, admin: Admin) -> None:
    admin.rows("UPDATE yp.deploy_lease SET holder = 'other:1', until = UNIX_TIMESTAMP() + 60")
    try:
        with pytest.raises(DeployError, match="other:1 is deploying"):
            deploy.deploy()
    finally:
        admin.rows("UPDATE yp.deploy_lease SET until = 0")


@pytest.mark.parametrize("name", ["yp", "mysql", "Shard", "a-b", "x; DROP DATABASE yp", "", "9a", "a" * 60])
def test_a_shard_needs_a_name_of_its_own(deploy: Deployer, name: str) -> None:
    with pytest.raises(DeployError, match="cannot name a shard"):
        deploy.add_shard(name)


def test_every_table_is_innodb_with_a_primary_key_and_shard_tables_lead_with_the_owner(admin: Admin) -> None:
    tables = admin.rows(
        "SELECT t.table_schema, t.table_name, t.engine, t.table_collation, k.column_name "
        "FROM information_schema.tables AS t "
        "LEFT JOIN information_schema.key_column_usage AS k ON k.table_schema = t.table_schema "
        "AND k.table_name = t.table_name AND k.constraint_name = 'PRIMARY' AND k.ordinal_position = 1 "
        "WHERE t.table_schema IN ('yp', 'shard1') AND t.table_type = 'BASE TABLE'"
    )
    for schema, table, engine, collation, key in tables:
        assert (engine, collation) == ("InnoDB", "utf8mb4_unicode_520_ci"), table
        assert key is not None, table
        assert schema == "yp" or key == "owner_id", table


def test_routines_belong_to_an_account_nobody_can_use(admin: Admin) -> None:
    owners = admin.rows(
        "SELECT DISTINCT definer, security_type FROM information_schema.routines "
        "WHERE routine_schema IN ('yp', 'shard1', 'shard2')"
    )
    assert owners == [("drumee_definer@localhost", "DEFINER")]
    locked = admin.one(
        "SELECT JSON_VALUE(priv, '$.account_locked') FROM mysql.global_priv WHERE user = 'drumee_definer'"
    )
    assert locked in {"1", "true"}
