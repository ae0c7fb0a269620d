"""A plan uses the last comparison of tables while nothing can have changed them; else it compares again."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker

LOOKS = (
    "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS "
    "WHERE VARIABLE_NAME = 'COM_SHOW_CREATE_TABLE'"
)


def looked(dba: Admin, cli: Cli, *words: str) -> bool:
    """Return whether a command reads the definitions of tables."""
    before = dba.one(LOOKS)
    done = cli(*words)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return bool(dba.one(LOOKS) > before)


def differing(tool: DeployerMaker) -> list[object]:
    """Return everything that a plan names."""
    plan = tool().plan()
    return [*plan.todo, *plan.decide, *plan.unknown_objects]


def test_a_second_plan_reads_no_table_again(dba: Admin, cli: Cli) -> None:
    dba.rows("CREATE OR REPLACE DATABASE of_somebody_else")
    dba.rows("DROP DATABASE of_somebody_else")
    assert looked(dba, cli, "plan")
    assert not looked(dba, cli, "plan")


def test_a_deploy_of_routines_leaves_the_comparison_as_it_is(dba: Admin, cli: Cli) -> None:
    cli("plan")
    dba.rows("DROP PROCEDURE shard1.my_contact_get")
    assert not looked(dba, cli, "deploy")
    assert not looked(dba, cli, "plan")


def test_drift_reads_every_table_each_time(dba: Admin, cli: Cli) -> None:
    assert looked(dba, cli, "drift")
    assert looked(dba, cli, "drift")
    assert not looked(dba, cli, "plan")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE shard1.tag ADD COLUMN by_hand INT, ALGORITHM = INSTANT",
        "ALTER TABLE shard1.tag COMMENT 'by hand'",
        "EXECUTE IMMEDIATE 'ALTER TABLE shard1.tag ALTER COLUMN name SET DEFAULT ''x'''",
        "BEGIN NOT ATOMIC ALTER TABLE shard1.tag ADD CONSTRAINT by_hand CHECK (position >= 0); END",
        "CREATE INDEX by_hand ON shard1.tag (ctime)",
        "RENAME TABLE shard1.{view} TO shard1.by_hand",
        "DROP TRIGGER shard1.{trigger}",
        "CREATE TRIGGER shard1.by_hand BEFORE INSERT ON shard1.tag FOR EACH ROW SET NEW.ctime = 1",
        "DROP VIEW shard1.{view}",
        "CREATE OR REPLACE VIEW shard1.{view} AS SELECT 1 AS tag_id",
        "CREATE TABLE shard1.by_hand (id INT)",
        "CREATE EVENT shard1.by_hand ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1",
        "CREATE SEQUENCE shard1.by_hand",
    ],
)
def test_a_plan_sees_each_kind_of_change_after_a_comparison(
    dba: Admin, tool: DeployerMaker, statement: str
) -> None:
    assert not differing(tool)
    trigger = dba.one("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shard1'")
    view = dba.one("SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'shard1'")
    dba.rows(statement.replace("{trigger}", str(trigger)).replace("{view}", str(view)))
    for _ in range(2):
        assert differing(tool)


def test_another_migration_or_a_damaged_file_makes_a_plan_look_again(
    site: Settings, dba: Admin, cli: Cli, tool: DeployerMaker
) -> None:
    cli("plan")
    dba.rows("DELETE FROM yp.deploy_item WHERE db_name = 'shard1' AND kind = 'view' LIMIT 1")
    assert looked(dba, cli, "plan")
    cli("deploy")
    cli("plan")
    (file,) = Path(site.run_dir).glob("comparison-*.json")
    file.write_text("{}")
    assert looked(dba, cli, "plan")


def test_two_equal_changes_in_one_of_several_shards_do_not_cancel_each_other(
    dba: Admin, tool: DeployerMaker
) -> None:
    tool().add_shard("shard2")
    names = ["my_contact_get", "my_contact_list"]
    for name in names:
        dba.rows(f"ALTER PROCEDURE shard2.{name} SQL SECURITY INVOKER")
    drifted = {(item.db, item.name) for item in tool().plan().decide}
    assert drifted == {("shard2", name) for name in names}
