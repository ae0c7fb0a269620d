"""Plan, drift and deploy see the same differences of a whole server, and a deploy puts back what is safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.deploy import expected
from service.deploy.deployer import DeployError
from service.settings import Settings
from service.store.admin import Connection
from tests.support.admin import Admin
from tests.support.sites import Cli, DeployerMaker

DEFINER, APP = "'drumee_definer'@'localhost'", "'drumee_app'@'localhost'"
PUT_BACK = {
    "DROP PROCEDURE yp.shard_list": (
        "create    procedure shard_list                 yp                 removed by hand"
    ),
    f"REVOKE EXECUTE ON shard1.* FROM {APP}": "grant     rights to drumee_app                 shard1",
    f"REVOKE TRIGGER ON yp.* FROM {DEFINER}": "grant     rights to drumee_definer             yp",
    f"DROP USER {DEFINER}": "grant     rights to drumee_definer             yp, shard1",
    f"ALTER USER {DEFINER} IDENTIFIED BY 'x' ACCOUNT UNLOCK": (
        "repair    account   drumee_definer             yp                 not locked, has a password: "
    ),
    "ALTER DATABASE shard1 CHARACTER SET latin1": "repair    database  shard1",
    "DROP TRIGGER shard1.tag_moved": "repair    trigger   tag_moved",
    "DROP VIEW shard1.tag_card": "repair    view      tag_card",
}
"""Changes by hand that a deploy puts back, and how all commands name them."""
DECIDED = {
    f"ALTER USER {APP} ACCOUNT LOCK": ("drumee_app", "locked: the service cannot connect"),
    f"GRANT SELECT ON yp.* TO {APP}": ("drumee_app", "may SELECT on `yp`.*"),
    f"GRANT SELECT ON *.* TO {APP}": ("drumee_app", "may SELECT on *.*"),
    f"GRANT SELECT ON shard1.tag TO {APP}": ("drumee_app", "may SELECT on `shard1`.`tag`"),
    f"GRANT EXECUTE ON foreign_one.* TO {DEFINER}": ("drumee_definer", "may EXECUTE on `foreign_one`.*"),
    f"GRANT EXECUTE ON shard1.* TO {APP} WITH GRANT OPTION": ("drumee_app", "may GRANT OPTION on `shard1`.*"),
    f"GRANT SELECT (name) ON shard1.tag TO {APP}": ("drumee_app", "may SELECT (`name`) on `shard1`.`tag`"),
    f"GRANT ALTER ROUTINE ON PROCEDURE yp.shard_list TO {APP} WITH GRANT OPTION": (
        "drumee_app",
        "may ALTER ROUTINE, GRANT OPTION on PROCEDURE `yp`.`shard_list`",
    ),
    f"GRANT PROXY ON 'root'@'localhost' TO {APP}": ("drumee_app", "may PROXY on 'root'@'localhost'"),
    f"GRANT drumee_readers TO {APP}": ("drumee_app", "has the role drumee_readers"),
    "CREATE OR REPLACE TRIGGER shard1.tag_moved BEFORE INSERT ON shard1.tag FOR EACH ROW SET @a = 1": (
        "tag_moved",
        "changed   trigger   tag_moved",
    ),
}
"""Changes that a deploy puts back only by name."""
UNKNOWN = {
    "CREATE USER 'drumee_definer'@'10.0.0.1' IDENTIFIED BY 'x'": (
        "unknown   account   drumee_definer@10.0.0.1    yp                 no routine belongs to it"
    ),
    f"ALTER USER {APP} WITH MAX_QUERIES_PER_HOUR 90000 MAX_USER_CONNECTIONS 40": (
        "unknown   account   drumee_app                 yp                 "
        "MAX_QUERIES_PER_HOUR 90000 MAX_USER_CONNECTIONS 40: the server refuses calls beyond"
    ),
    "CREATE EVENT shard1.nightly ON SCHEDULE EVERY 1 DAY DO SET @a = 1": "unknown   event     nightly",
    "CREATE TABLE shard1.copy_of_dba (id INT PRIMARY KEY)": "unknown   table     copy_of_dba",
    "CREATE PROCEDURE shard1.of_the_dba() SELECT 1": "unknown   procedure of_the_dba",
    "GRANT SELECT ON shard1.* TO 'reporter'@'%' IDENTIFIED BY 'x'": "unknown   grant     reporter@%",
}


@pytest.fixture(autouse=True)
def _without_reporter(dba: Admin) -> None:
    dba.rows("DROP USER IF EXISTS 'reporter'@'%', 'drumee_definer'@'10.0.0.1'")
    dba.rows(f"ALTER USER IF EXISTS {APP} WITH MAX_QUERIES_PER_HOUR 0 MAX_USER_CONNECTIONS 0")
    dba.rows("DROP ROLE IF EXISTS drumee_readers")
    dba.rows("CREATE ROLE drumee_readers")


@pytest.mark.parametrize("statement", PUT_BACK)
def test_what_is_safe_is_named_by_all_and_put_back(
    tool: DeployerMaker, output: list[str], dba: Admin, statement: str
) -> None:
    dba.rows(statement)
    expected._definitions.clear()  # as in a new process
    deployer = tool()
    deployer.show(deployer.plan())
    assert PUT_BACK[statement] in "\n".join(output)
    assert PUT_BACK[statement] in "\n".join(tool().drift())
    assert tool().deploy().status == 0
    assert PUT_BACK[statement] in "\n".join(output)
    assert tool().drift() == []


def test_rights_that_a_replica_gives_to_the_owner_of_routines_are_no_drift(
    tool: DeployerMaker, dba: Admin
) -> None:
    dba.rows(f"GRANT EXECUTE, ALTER ROUTINE ON PROCEDURE yp.shard_list TO {DEFINER}")
    assert tool().drift() == []
    dba.rows(f"GRANT GRANT OPTION ON PROCEDURE yp.shard_list TO {DEFINER}")
    assert "GRANT OPTION" in "\n".join(tool().drift())


def test_what_depends_on_the_definer_comes_back_with_it_in_one_deploy(
    tool: DeployerMaker, dba: Admin
) -> None:
    for statement in (
        f"DROP USER {DEFINER}",
        "DROP TRIGGER shard1.tag_moved",
        "DROP VIEW shard1.contact_full",
    ):
        dba.rows(statement)
    expected._definitions.clear()  # as in a new process
    plan = tool().plan()
    assert {(item.kind, item.name) for item in plan.todo} == {
        ("grant", "drumee_definer"), ("trigger", "tag_moved"), ("view", "contact_full"),
    }  # fmt: skip
    assert dba.one("SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'drumee_definer'") == 0
    assert tool().deploy().status == 0
    assert tool().drift() == []


@pytest.mark.parametrize("statement", DECIDED)
def test_the_rest_waits_for_its_name(
    tool: DeployerMaker, output: list[str], dba: Admin, statement: str
) -> None:
    name, expected = DECIDED[statement]
    dba.rows(statement)
    assert expected in "\n".join(tool().drift())
    assert tool().deploy().status == 1
    assert expected in "\n".join(output)
    assert f"make deploy ALLOW={name}" in "\n".join(output)
    assert tool(allow=[name]).deploy().status == 0
    assert tool().drift() == []


def test_a_password_other_than_that_of_the_service_is_named_and_not_printed(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    dba.rows(f"ALTER USER {APP} IDENTIFIED BY 'secret-word'")
    text = "\n".join(tool().drift())
    assert "another password than that in DRUMEE_DB" in text
    assert "secret-word" not in text
    dba.rows(f"ALTER USER {APP} IDENTIFIED BY ''")
    assert tool().drift() == []


@pytest.mark.parametrize("change", ["REQUIRE X509", "PASSWORD EXPIRE"])
def test_an_account_that_lets_nobody_in_is_named(tool: DeployerMaker, dba: Admin, change: str) -> None:
    dba.rows(f"ALTER USER {APP} {change}")
    lines = tool().drift()
    assert any(" account   drumee_app " in line and "the service cannot connect" in line for line in lines)
    dba.rows(f"ALTER USER {APP} IDENTIFIED BY '' REQUIRE NONE")
    assert tool().drift() == []


def test_attributes_of_a_trigger_count(tool: DeployerMaker, output: list[str], site: Settings) -> None:
    by_hand = Connection(site)
    by_hand.raw.select_db("shard1")
    text = by_hand.rows("SHOW CREATE TRIGGER tag_moved")[0][2]
    for session in ("sql_mode = ''", "NAMES latin1"):
        by_hand.run(f"SET {session}")
        by_hand.run("DROP TRIGGER tag_moved")
        by_hand.run(text)
        assert tool().deploy().status == 1
        assert "changed   trigger   tag_moved" in "\n".join(output)
        assert tool(allow=["tag_moved"]).deploy().status == 0
        assert tool().drift() == []
    by_hand.close()


def test_objects_of_the_site_are_named_left_alone_and_can_be_listed(
    tool: DeployerMaker,
    output: list[str],
    cli: Cli,
    dba: Admin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for statement in UNKNOWN:
        dba.rows(statement)
    done = cli("drift")
    assert (done.returncode, [text for text in UNKNOWN.values() if text not in done.stdout]) == (1, [])
    assert (cli("plan").returncode, tool().deploy().status) == (0, 0)
    assert [
        text for text in UNKNOWN.values() if text not in "\n".join(output)
    ] == []  # a deploy names them, too

    listed = tmp_path / "ignore"
    listed.write_text(
        "account yp.drumee_*\nevent *.nightly\n"
        "table shard*.copy_*  # of Ann\nprocedure shard1.*\ngrant shard1.reporter@%\n"
    )
    monkeypatch.setenv("DRUMEE_SCHEMA_IGNORE", str(listed))
    assert cli("drift").returncode == 0
    listed.write_text("copy_*\n")
    wrong = cli("drift")
    assert (wrong.returncode, "line 1 of" in wrong.stderr) == (2, True)
    listed.unlink()
    assert "cannot be read" in cli("drift").stderr


def test_a_missing_table_stops_a_deploy_until_it_is_named(tool: DeployerMaker, dba: Admin) -> None:
    dba.rows("DROP TABLE shard1.moved_out")
    for command in (tool().plan, tool().deploy):
        with pytest.raises(DeployError, match=r"shard1\.moved_out is missing: .*make deploy ALLOW=moved_out"):
            command()
    assert "missing   table     moved_out" in "\n".join(tool().drift())
    assert tool(allow=["moved_out"]).deploy().counts["repair"] == 1
    assert tool().drift() == []


def test_a_deploy_that_was_stopped_is_no_drift(tool: DeployerMaker, dba: Admin) -> None:
    """Views of later migrations do not fail, and what these make is not somebody else's."""
    dba.rows("DELETE FROM yp.deploy_item WHERE db_name = 'shard1' AND name > '0001_baseline'")
    assert tool().drift() == []
    assert tool().deploy().status == 0


def test_rights_that_reach_other_databases_are_replaced(
    tool: DeployerMaker, output: list[str], site: Settings, dba: Admin
) -> None:
    """_ in a GRANT stands for any letter: rights on s_1 reached sx1."""
    tool().add_shard("s_1")
    rights = "SELECT Db, User FROM mysql.db WHERE Db LIKE 's%1' AND Db <> 'shard1' ORDER BY User"
    proper = [("s\\_1", "drumee_app"), ("s\\_1", "drumee_definer")]
    assert dba.rows(rights) == proper
    dba.rows(f"GRANT EXECUTE ON `s_1`.* TO {APP}")
    dba.rows(f"REVOKE EXECUTE ON `s\\_1`.* FROM {APP}")
    assert "its rights reach other databases: _ in s_1 stands for any letter" in "\n".join(tool().drift())
    assert tool().deploy().status == 0
    assert dba.rows(rights) == proper
    assert tool().drift() == []


def test_doctor_says_the_same(cli: Cli, dba: Admin) -> None:
    assert cli("doctor").returncode == 0
    dba.rows("DROP TRIGGER shard1.tag_moved")
    done = cli("doctor")
    assert (done.returncode, "repair    trigger   tag_moved" in done.stdout) == (1, True), done


def test_a_server_that_only_reads_is_refused_by_all_before_any_example(cli: Cli, dba: Admin) -> None:
    dba.rows("SET GLOBAL read_only = ON")
    try:
        for command in ("plan", "drift", "deploy", "doctor"):
            done = cli(command)
            assert (done.returncode, done.stdout) == (2, "")
            assert "only reads (read_only is ON)" in done.stderr
    finally:
        dba.rows("SET GLOBAL read_only = OFF")
