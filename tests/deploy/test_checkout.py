"""A change made by hand comes into the file as the server has it, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from service import ROOT
from service.deploy.checkout import adopted, routine_of
from service.deploy.plan import Files
from service.store.admin import DeployError
from tests.support.admin import Admin
from tests.support.sites import DeployerMaker

FILE = "procedures/yp/registry/shard_list.sql"


@pytest.mark.parametrize(
    "sent",
    [
        "()\nREADS SQL DATA\nbegin SELECT name, is_open FROM shard ORDER BY 1; end",
        "()\nREADS SQL DATA\nBEGIN\n\tSELECT name, is_open FROM shard\n\tORDER BY 'a;b';\nEND",
        "()\nREADS SQL DATA\nall_rows: BEGIN SELECT name, '$$' FROM shard; LEAVE all_rows; END all_rows",
        "()\nCOMMENT 'x' BEGIN SELECT name, is_open FROM shard -- all; $$\nORDER BY name; END",
        "(IN `a` INT, IN `b` DECIMAL(4, 2))\nREADS SQL DATA\nBEGIN SELECT a, b FROM shard; END",
        "()\nREADS SQL DATA\n`it's all`: BEGIN SELECT name AS `--` FROM shard; LEAVE `it's all`; END",
        "(IN a$1 INT, OUT `b 2` INT)\nREADS SQL DATA\nBEGIN SELECT a$1 INTO `b 2`; END",
    ],
)
def test_each_spelling_of_the_server_ends_the_drift(
    tool: DeployerMaker, dba: Admin, tmp_path: Path, sent: str
) -> None:
    routine = routine_of(FILE)
    dba.rows(f"CREATE OR REPLACE PROCEDURE yp.shard_list{sent}")
    text, places = adopted(tool(), routine, "")
    assert places == "yp"
    path = tmp_path / FILE
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (new,) = Files.load(routines_from=tmp_path).routines
    assert (new.access, new.header) == (routine.access, routine.header)
    assert len(new.params) == (2 if " INT" in sent else 0)
    others = [r for r in Files.load().routines if r.name != "shard_list"]
    files = Files((new, *others), Files.load().migrations, Files.load().views)
    plan = tool(files=files).plan()
    assert (len(plan.todo), plan.decide) == (1, [])
    assert tool(files=files).deploy().status == 0
    assert dba.one("SELECT definer FROM mysql.proc WHERE name = 'shard_list'") == "drumee_definer@localhost"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("()\nREADS SQL DATA\nSELECT 1", "write the body as BEGIN"),
        ("()\nREADS SQL DATA\nBEGIN SELECT 1 AS a$$b; END", "the first $$ ends it"),
        ("()\nDETERMINISTIC READS SQL DATA\nBEGIN SELECT 1; END", "another DETERMINISTIC"),
        ("()\nSQL SECURITY INVOKER READS SQL DATA\nBEGIN SELECT 1; END", "SQL SECURITY DEFINER must stand"),
        ("()\nREADS SQL DATA\nBEGIN\r\n    SELECT 1;\r\nEND", "CRLF"),
    ],
)
def test_a_form_that_no_file_can_have_is_refused_with_the_reason(
    tool: DeployerMaker, dba: Admin, sent: str, reason: str
) -> None:
    before = (ROOT / FILE).read_text()
    dba.rows(f"CREATE OR REPLACE PROCEDURE yp.shard_list{sent}")
    with pytest.raises(DeployError) as refused:
        adopted(tool(), routine_of(FILE), "")
    assert reason in str(refused.value)
    assert "`make deploy ALLOW=shard_list`" in str(refused.value)
    assert (ROOT / FILE).read_text() == before


def test_other_line_ends_are_named(tool: DeployerMaker, output: list[str], dba: Admin) -> None:
    routine = routine_of(FILE)
    windows = routine.body.replace("\n", "\r\n")
    dba.rows(f"CREATE OR REPLACE PROCEDURE yp.shard_list()\nREADS SQL DATA\n{windows}")
    assert "replace   procedure shard_list                 yp                 only the line ends" in "".join(
        tool().drift()
    )
    with pytest.raises(DeployError, match="`make deploy` puts them back"):
        adopted(tool(), routine, "")
    assert tool().deploy().status == 0  # nothing is lost: nobody has to allow it
    assert tool().drift() == []


def test_other_line_ends_of_a_routine_that_keeps_its_mark_need_no_permission(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    dba.rows("UPDATE mysql.proc SET body = REPLACE(body, '\\n', '\\r\\n') WHERE name = 'shard_list'")
    assert "only the line ends were changed by hand (CRLF)" in "\n".join(tool().drift())
    assert tool().deploy().status == 0
    assert tool().drift() == []
    dba.rows(
        "UPDATE mysql.proc SET body = REPLACE(body, '\\n', '\\r\\n'), sql_mode = '' WHERE name = 'shard_list'"
    )
    assert tool().deploy().status == 1
    assert "make deploy ALLOW=shard_list" in "\n".join(output)


def test_adopt_is_not_advised_where_no_file_can_hold_the_change(
    tool: DeployerMaker, output: list[str], dba: Admin
) -> None:
    dba.rows("UPDATE mysql.proc SET sql_mode = '' WHERE name = 'shard_list'")
    assert tool().deploy().status == 1
    assert "sql_mode changed by hand" in "\n".join(output)
    assert "make adopt" not in "\n".join(output)
    assert "make deploy ALLOW=shard_list" in "\n".join(output)
