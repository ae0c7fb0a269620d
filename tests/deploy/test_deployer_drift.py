"""Find and print each change made by hand in tables, views and triggers, and nothing else."""

from __future__ import annotations

from service.admin.registry import Registry
from service.deploy import expected
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker


def test_the_result_of_a_deploy_is_no_drift(tool: DeployerMaker, dba: Admin) -> None:
    tool().add_shard("shard2")
    dba.rows("INSERT INTO yp.deploy_run (revision, operator, started) VALUES ('x', 'x', 1)")
    assert tool().drift() == []
    assert dba.rows("SHOW DATABASES LIKE 'drumee_check%'") == []


BY_HAND = {
    "ALTER TABLE shard1.contact ADD COLUMN shoe TINYINT": [
        "changed   table     contact", "last altered", "+  `shoe` tinyint(4) DEFAULT NULL,"
    ],
    "ALTER TABLE shard1.tag ADD KEY by_hand (name)": ["changed   table     tag", "+  KEY `by_hand`"],
    "ALTER TABLE yp.session DROP KEY by_expiry": ["changed   table     session", "-  KEY `by_expiry`"],
    "ALTER TABLE shard1.media MODIFY filename VARCHAR(99)": ["-  `filename`", "+  `filename` varchar(99)"],
    "DROP TRIGGER shard1.tag_moved": [
        "repair    trigger   tag_moved", "DEFINER = 'drumee_definer'@'localhost' TRIGGER `tag_moved`"
    ],
    "DROP TABLE shard1.moved_out": ["missing   table     moved_out", "bring it back from a backup"],
    "DROP VIEW shard1.tag_card": ["repair    view      tag_card", "VIEW tag_card AS"],
    "CREATE OR REPLACE VIEW shard1.group_card AS SELECT 1 AS one": [
        "changed   view      group_card", "make deploy ALLOW=group_card"
    ],
    "CREATE TABLE shard1.copy_of_dba (id INT PRIMARY KEY)": ["unknown   table     copy_of_dba"],
}  # fmt: skip


def test_every_change_by_hand_is_shown_and_nothing_else(tool: DeployerMaker, dba: Admin) -> None:
    for statement in BY_HAND:
        dba.rows(statement)
    lines = tool().drift()
    text = "\n".join(lines)
    for statement, parts in BY_HAND.items():
        assert [part for part in parts if part not in text] == [], (statement, text)
    assert sum(line.startswith("  ") and line[2] != " " for line in lines) == len(BY_HAND), text


def test_the_same_drift_in_many_shards_is_reported_once(tool: DeployerMaker, dba: Admin) -> None:
    for number in range(2, 5):
        tool().add_shard(f"shard{number}")
        dba.rows(f"ALTER TABLE shard{number}.tag ADD KEY by_hand (name)")
    lines = tool().drift()
    assert sum("changed   table     tag" in line for line in lines) == 1
    assert "shard2, shard3, shard4" in lines[0]


def test_a_view_changed_by_hand_is_made_again(tool: DeployerMaker, dba: Admin) -> None:
    dba.rows("CREATE OR REPLACE VIEW shard1.tag_card AS SELECT 1 AS one")
    outcome = tool(allow=["tag_card"]).deploy()
    assert (outcome.status, outcome.counts["repair"]) == (0, 1)
    assert tool().drift() == []


def test_leftovers_of_a_killed_run_are_removed(tool: DeployerMaker, dba: Admin) -> None:
    dba.rows("CREATE DATABASE drumee_check_1600000000_abcd")
    tool().drift()
    assert dba.rows("SHOW DATABASES LIKE 'drumee_check%'") == []


def test_the_command_ends_with_1_when_something_was_changed(cli: Cli, site: Settings, dba: Admin) -> None:
    done = cli("drift")
    assert (done.returncode, done.stdout) == (
        0, "no drift: databases, routines, accounts and rights are as deploys have left them\n",
    )  # fmt: skip
    dba.rows("ALTER TABLE shard1.tag ADD KEY by_hand (name)")
    done = cli("drift")
    assert (done.returncode, "by_hand" in done.stdout) == (1, True), done


def test_the_limits_of_a_server_for_people_at_a_prompt_do_not_matter(
    tool: DeployerMaker, site: Settings, dba: Admin
) -> None:
    limits = {
        "sql_safe_updates": 1, "sql_select_limit": 3, "foreign_key_checks": 0, "sql_quote_show_create": 0,
        "tx_read_only": 1,
    }  # fmt: skip
    before = {name: dba.one(f"SELECT @@GLOBAL.{name}") for name in limits}
    for name, value in limits.items():
        dba.rows(f"SET GLOBAL {name} = {value}")
    try:
        tool().add_shard("s_1")
        expected._definitions.clear()  # as in a new process
        assert tool().drift() == []
        Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
        assert tool().plan().todo == []
    finally:
        for name, value in before.items():
            dba.rows(f"SET GLOBAL {name} = {value}")


def test_drift_names_a_shard_that_an_interrupted_deploy_has_not_completed(
    tool: DeployerMaker, dba: Admin
) -> None:
    dba.rows("INSERT INTO yp.shard (name, is_open, ctime) VALUES ('half', 2, 1)")
    dba.rows("UPDATE yp.deploy_lease SET until = UNIX_TIMESTAMP() + 60, holder = 'deploy root@far:1'")
    assert not any("half" in line for line in tool().drift()), "a deploy is making it"
    dba.rows("UPDATE yp.deploy_lease SET until = 0")
    (line,) = (line for line in tool().drift() if "half" in line)
    assert line.split()[:3] == ["remains", "shard", "half"]
    assert line.endswith("its first deploy was interrupted; `make deploy` completes it")
    assert tool().deploy().status == 0
    assert tool().drift() == []
