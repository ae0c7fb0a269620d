"""A routine that fails with real data only is found on the canary, and taken back by itself."""

from __future__ import annotations

import dataclasses

import pytest

from service.deploy.commands import report
from service.deploy.plan import Files
from service.schema.sqltext import first_statement
from tests.support.admin import Admin
from tests.support.edits import edited
from tests.support.migrations import with_migration
from tests.support.sites import DeployerMaker

ANN = "00000000000000aa"
ROUTINES = (
    "SELECT name, type, param_list, returns, body, comment, definer, sql_mode, sql_data_access, "
    "security_type, is_deterministic, character_set_client, collation_connection, db_collation "
    "FROM mysql.proc WHERE db = %s ORDER BY name"
)


@pytest.fixture
def shards(tool: DeployerMaker, dba: Admin) -> None:
    """Add a canary on which Ann lives, with one contact whose first name is Zed."""
    assert tool().add_shard("canary").status == 0
    dba.rows(
        f"CALL yp.drumate_create('{ANN}', 'ann@o''hara.example', 'ann', '-', 'Ann', 'Lee', NULL, 'canary')"
    )
    dba.rows(
        "INSERT INTO canary.contact (owner_id, id, entity, firstname, ctime, mtime) "
        f"VALUES ('{ANN}', '00000000000000cc', 'zed@example.org', 'Zed', 1, 1)"
    )


def failing(name: str, statement: str, scope: str = "shard") -> Files:
    """Return the files with one more statement at the beginning of a routine."""
    body = Files.load("test").by_scope[scope][name].body
    start = first_statement(body)
    return edited(name, body, f"{body[:start]}{statement}\n    {body[start:]}")


ZED = "IF EXISTS (SELECT * FROM contact AS c WHERE c.owner_id = in_owner AND c.firstname = 'Zed') THEN "
BROKEN = f"{ZED} SELECT * FROM no_such_table; END IF;"
BROKEN_BY_DATA = "SELECT c.ctime - 2 FROM contact AS c WHERE c.owner_id = in_owner AND c.firstname = 'Zed';"
"""Every name is right, and the contact was made a second after 1970."""


def test_a_routine_that_fails_with_real_data_is_taken_back(
    shards: None, tool: DeployerMaker, dba: Admin
) -> None:
    before = {db: dba.rows(ROUTINES, db) for db in ("yp", "canary", "shard1")}
    files = failing("my_contact_list", BROKEN_BY_DATA)
    outcome = tool(files=files, canary="canary", examples=True).deploy()
    assert (outcome.status, list(outcome.failed), outcome.taken_back) == (2, ["canary"], "canary")
    message = outcome.failed["canary"]
    assert "shard.my_contact_list (procedures/shard/contact/my_contact_list.sql) fails" in message
    assert "(1690) BIGINT UNSIGNED value is out of range" in message
    assert f"CALL my_contact_list('{ANN}'" in message
    assert "at procedures/shard/contact/my_contact_list.sql:" in message
    assert "Mend the file, then `make deploy CANARY=canary`" in message
    assert {db: dba.rows(ROUTINES, db) for db in before} == before
    assert tool().drift() == []
    assert tool(canary="canary").plan().todo == []
    assert dba.rows(
        "SELECT db_name, action, state FROM yp.deploy_journal WHERE name = 'my_contact_list' "
        "AND run_id = (SELECT MAX(id) FROM yp.deploy_run) ORDER BY number"
    ) == [("canary", "replace", "done"), ("canary", "restore", "done")]
    good = failing("my_contact_list", "SET @good = 1;")
    assert tool(files=good, canary="canary").deploy().counts["replace"] == 2


def test_a_routine_that_others_call_is_tried_through_them(
    shards: None, tool: DeployerMaker, dba: Admin
) -> None:
    before = dba.rows(ROUTINES, "canary")
    outcome = tool(files=failing("contact_list_live", BROKEN), canary="canary").deploy()
    assert outcome.taken_back == "canary"
    assert "contact_list_live.sql:" in outcome.failed["canary"]
    assert dba.rows(ROUTINES, "canary") == before


def test_a_new_routine_is_gone_again_and_new_to_the_next_deploy(
    shards: None, tool: DeployerMaker, dba: Admin
) -> None:
    files = failing("my_contact_list", BROKEN)
    copied = files.by_scope["shard"]["my_contact_list"]
    new = dataclasses.replace(
        copied,
        name="my_contact_list_new",
        path=copied.path.with_name("my_contact_list_new.sql"),
        statement=copied.statement.replace("my_contact_list(", "my_contact_list_new("),
        header=copied.header.replace("my_contact_list(", "my_contact_list_new("),
    )
    files = dataclasses.replace(Files.load("test"), routines=(*Files.load("test").routines, new))
    outcome = tool(files=files, canary="canary").deploy()
    assert outcome.taken_back == "canary"
    assert dba.rows("SELECT db FROM mysql.proc WHERE name = 'my_contact_list_new'") == []
    assert [(i.db, i.why) for i in tool(files=files).plan().todo] == [("canary", "new"), ("shard1", "new")]


def test_the_registry_is_tried_and_taken_back_before_the_canary(
    shards: None, tool: DeployerMaker, dba: Admin
) -> None:
    before = dba.rows(ROUTINES, "yp")
    statement = f"IF in_uid = '{ANN}' THEN SELECT * FROM no_such_table; END IF;"
    outcome = tool(files=failing("get_user", statement, "yp"), canary="canary").deploy()
    assert (list(outcome.failed), outcome.tried) == (["yp"], {"yp"})
    assert dba.rows(ROUTINES, "yp") == before


def test_a_read_that_failed_before_stops_nothing(shards: None, tool: DeployerMaker, dba: Admin) -> None:
    assert tool(files=failing("my_contact_list", BROKEN)).deploy().status == 0
    worse = failing("my_contact_list", BROKEN.replace("no_such_table", "no_table_either"))
    assert tool(files=worse, canary="canary").deploy().status == 0


def test_the_report_names_the_next_command_once(
    shards: None, tool: DeployerMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = tool(files=failing("my_contact_list", BROKEN), canary="canary").deploy()
    assert report(outcome) == 2
    output = capsys.readouterr()
    assert "failed: canary: shard.my_contact_list" in output.err
    assert "continues with what is missing" not in output.err


def test_without_a_name_the_shard_with_few_users_comes_first(
    shards: None, tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    before = {db: dba.rows(ROUTINES, db) for db in ("yp", "canary", "shard1")}
    files = failing("my_contact_list", BROKEN)
    outcome = tool(files=files, chooses_canary=True).deploy()
    assert (outcome.taken_back, outcome.tried) == ("canary", {"canary"})
    assert any("of real people, first of all in canary (CANARY= names another)" in line for line in output)
    assert "`make deploy SKIP_EXAMPLES=1` deploys without such a trial" in outcome.failed["canary"]
    assert {db: dba.rows(ROUTINES, db) for db in before} == before
    assert tool(files=files).deploy().counts["replace"] == 2


def test_a_shard_that_nobody_has_named_does_not_hold_up_the_others(
    shards: None, tool: DeployerMaker, dba: Admin
) -> None:
    dba.rows("CREATE TABLE canary.a_table (id INT PRIMARY KEY)")
    files = with_migration("CREATE TABLE a_table (id INT)")
    outcome = tool(files=files, chooses_canary=True).deploy()
    assert (list(outcome.failed), outcome.taken_back) == (["canary"], "")
    assert "already exists" in outcome.failed["canary"]
    assert "shard1" in outcome.tried


def test_what_was_taken_back_does_not_count_as_deployed(
    shards: None, tool: DeployerMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    report(tool(files=failing("my_contact_list", BROKEN), canary="canary").deploy())
    assert capsys.readouterr().out.startswith("deployed: nothing, ")
