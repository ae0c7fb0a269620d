"""`make plan SQL=1` prints what a deploy runs, without a password."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from service.settings import Settings
from tests.support.admin import Admin
from tests.support.edits import edited
from tests.support.sites import Cli, DeployerMaker


def test_the_statements_do_what_a_deploy_does(tool: DeployerMaker, dba: Admin) -> None:
    files = edited("shard_list", "ORDER BY name", "ORDER BY name DESC")
    deployer = tool(files=files)
    statements = deployer.statements(deployer.plan(["shard2"]))
    assert len(deployer.plan().todo) == 1  # nothing has run
    for statement in statements:
        deployer.connection.run(statement)
    plan = tool(files=files).plan()
    assert (plan.todo, plan.decide) == ([], [])
    assert dba.one("SELECT is_open FROM yp.shard WHERE name = 'shard2'") == 1


@pytest.fixture
def script_for(tool: DeployerMaker, site: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return the statements of a plan for a service that signs in by a URL, as somebody."""

    def script(url: str) -> str:
        deployer = tool()
        monkeypatch.setattr(deployer, "settings", dataclasses.replace(site, db=url))
        monkeypatch.setattr(deployer, "wish", dataclasses.replace(deployer.wish, app_user="somebody"))
        return "\n".join(deployer.statements(deployer.plan()))

    return script


def test_no_statement_has_a_password(script_for: Callable[[str], str]) -> None:
    text = script_for("mysql://somebody:geheim@localhost/?unix_socket=/x")
    assert "CREATE USER IF NOT EXISTS 'somebody'@'localhost' IDENTIFIED BY '…'" in text
    assert "geheim" not in text


def test_the_command_prints_a_script_and_nothing_else(cli: Cli, dba: Admin, tmp_path: Path) -> None:
    dba.rows("DROP PROCEDURE yp.shard_list")
    done = cli("plan", "--sql", "--out", str(tmp_path / "plan.json"))
    assert done.returncode == 1
    assert done.stdout.startswith("DELIMITER $$\nUSE `yp`\n$$\nCREATE OR REPLACE DEFINER")
    assert done.stdout.endswith("END\n$$\n")
    assert "has this plan" in done.stderr


def test_a_plan_shows_the_difference_of_each_routine_it_replaces(
    tool: DeployerMaker, output: list[str]
) -> None:
    deployer = tool(files=edited("shard_list", "ORDER BY name", "ORDER BY name DESC"))
    deployer.show(deployer.plan())
    lines = [line.strip() for line in output]
    assert "+++ procedures/yp/registry/shard_list.sql" in lines
    assert any(line.startswith("-") and line.endswith("ORDER BY name;") for line in lines)
    assert any(line.startswith("+") and line.endswith("ORDER BY name DESC;") for line in lines)


def test_the_account_of_a_service_on_another_machine_comes_from_any_host(
    script_for: Callable[[str], str],
) -> None:
    text = script_for("mysql://somebody:geheim@127.0.0.1:3306/")
    assert "CREATE USER IF NOT EXISTS 'somebody'@'%' IDENTIFIED BY '…'" in text
    assert "TO 'somebody'@'%'" in text
