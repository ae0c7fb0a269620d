"""The plan says how each statement changes a table: the server is asked."""

from __future__ import annotations

import pytest

from service.deploy.alters import Way, read_alter
from tests.support.admin import Admin
from tests.support.migrations import MIGRATION, with_migration
from tests.support.sites import DeployerMaker

WAYS = {
    "ALTER TABLE contact_event ADD COLUMN IF NOT EXISTS note TEXT NULL": "INSTANT",
    "ALTER TABLE contact_event COMMENT 'x; y, ALGORITHM=COPY'": "INSTANT",
    "ALTER TABLE contact_event ADD KEY IF NOT EXISTS by_api (owner_id, api)": "INPLACE",
    "CREATE INDEX IF NOT EXISTS by_actor ON contact_event (owner_id, actor) -- for a list": "INPLACE",
    "DROP INDEX IF EXISTS by_actor ON `contact_event`": "INPLACE",
    "ALTER TABLE contact_event FORCE": "INPLACE",
    "ALTER TABLE contact_event MODIFY `at` BIGINT UNSIGNED NOT NULL": "COPY",
    "CREATE FULLTEXT INDEX by_text ON contact_event (before_record)": "COPY",
    "ALTER TABLE contact_event PARTITION BY KEY (owner_id) PARTITIONS 2": "COPY",
}


def test_the_server_says_how_each_statement_changes_the_table(tool: DeployerMaker) -> None:
    plan = tool(files=with_migration(*WAYS)).plan()
    assert {change.statement: change.way for change in plan.changes} == WAYS


def test_a_plan_shows_the_way_and_the_size_of_the_biggest_table(
    tool: DeployerMaker, dba: Admin, output: list[str]
) -> None:
    tool().add_shard("shard2")
    dba.rows(
        "INSERT INTO shard2.contact_event (owner_id, rev, contact_id, event) "
        "SELECT 'a', seq, 'c', 'created' FROM shard2.seq_1_to_30000"
    )
    dba.rows("ANALYZE TABLE shard2.contact_event")
    deployer = tool(files=with_migration("ALTER TABLE contact_event MODIFY at BIGINT UNSIGNED NOT NULL"))
    deployer.show(deployer.plan())
    at = output.index(next(line for line in output if MIGRATION in line))
    assert output[at + 1].strip() == "ALTER TABLE contact_event MODIFY at BIGINT UNSIGNED NOT NULL"
    assert output[at + 2].strip().startswith("COPY: all who write to it wait, for a short time · about ")
    assert output[at + 2].endswith(" MB in shard2")


def test_new_tables_and_other_statements_are_no_changes(tool: DeployerMaker) -> None:
    plan = tool(
        files=with_migration(
            "CREATE TABLE IF NOT EXISTS extra (id INT PRIMARY KEY) ENGINE = InnoDB",
            "ALTER TABLE extra ADD COLUMN IF NOT EXISTS note TEXT NULL",
            "INSERT INTO extra (id) VALUES (1)",
        )
    ).plan()
    assert plan.changes == []


def test_a_statement_that_fails_is_left_to_the_check_of_the_files(tool: DeployerMaker) -> None:
    files = with_migration(*list(WAYS)[:1], "ALTER TABLE contact_event DROP COLUMN nothing")
    assert [change.way for change in tool(files=files).plan().changes] == ["INSTANT"]


def test_planning_leaves_no_trace(tool: DeployerMaker, dba: Admin) -> None:
    databases = dba.rows("SHOW DATABASES")
    tool(files=with_migration(*WAYS)).plan()
    assert dba.rows("SHOW DATABASES") == databases


def test_a_script_of_the_plan_says_how(tool: DeployerMaker) -> None:
    deployer = tool(files=with_migration(*list(WAYS)[:5]))
    text = "\n".join(deployer.statements(deployer.plan()))
    assert "note TEXT NULL\n, ALGORITHM = INSTANT, LOCK = NONE" in text
    assert "-- for a list\nALGORITHM = INPLACE LOCK = NONE" in text
    assert "SET STATEMENT alter_algorithm = 'INPLACE' FOR DROP INDEX" in text


@pytest.mark.parametrize(
    ("statement", "table", "specification"),
    [
        ("alter  table `t` add x int", "t", "add x int"),
        ("/* a */ ALTER /* b */ ONLINE TABLE IF EXISTS t WAIT 5 ADD x INT", "t", "ADD x INT"),
        ("ALTER IGNORE TABLE t NOWAIT\n  ADD x INT", "t", "ADD x INT"),
        ("CREATE UNIQUE INDEX i USING BTREE ON `t` (a)", "t", ""),
        ("CREATE OR REPLACE INDEX i ON t (a)", "t", ""),
        ("DROP INDEX i ON t", "t", ""),
    ],
)
def test_the_table_of_a_statement_is_read(statement: str, table: str, specification: str) -> None:
    alter = read_alter(statement)
    assert alter is not None
    assert (alter.table, alter.specification) == (table, specification)
    assert alter.by(Way.COPY) == statement


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a INT)",
        "INSERT INTO t VALUES ('ALTER TABLE t ADD x INT')",
        "-- ALTER TABLE t ADD x INT\nDO 1",
    ],
)
def test_other_statements_are_not_read(statement: str) -> None:
    assert read_alter(statement) is None
