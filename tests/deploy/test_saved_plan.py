"""A deploy of a plan in a file does what it says; it is refused when server or checkout have changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.deploy.deployer import Deployer, Outcome
from service.deploy.plan import Files
from service.deploy.saved_plan import Options, SavedPlan, write_plan
from service.settings import Settings
from service.store.admin import DeployError
from tests.support.admin import Admin
from tests.support.edits import edited
from tests.support.sites import Cli, DeployerMaker, empty_server

SHARD_LIST = ("shard_list", "ORDER BY name", "ORDER BY name DESC")
BY_HAND = "CREATE OR REPLACE PROCEDURE yp.shard_list() READS SQL DATA SELECT 'changed by hand'"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the place of the file."""
    return tmp_path / "plan.json"


def save(path: Path, deployer: Deployer) -> dict[str, Any]:
    """Write the plan of a deployer, and return what the file has."""
    write_plan(path, deployer, deployer.plan(), Options())
    content: dict[str, Any] = orjson.loads(path.read_bytes())
    return content


def deploy(path: Path, deployer: Deployer) -> Outcome:
    """Deploy a file as the command does."""
    saved = SavedPlan(str(path))
    return deployer.deploy(check=lambda plan: saved.check(deployer, plan))


def test_the_file_says_what_is_done_where_and_a_deploy_does_it_once(
    tool: DeployerMaker, dba: Admin, path: Path
) -> None:
    outcome = tool().add_shard("shard2")
    assert (outcome.status, outcome.failed) == (0, {})
    files = edited("tag_add", "BEGIN", "BEGIN -- changed")
    content = save(path, tool(files=files))
    assert [each["name"] for each in content["actions"]] == ["tag_add"], content["actions"]
    (action,) = content["actions"]
    assert (action["action"], action["kind"]) == ("replace", "procedure")
    assert action["in"] == ["shard1", "shard2"]
    assert (len(action["before"]), len(action["after"]), content["revision"]) == (64, 64, "test")
    assert set(content["databases"]) == {"yp", "shard1", "shard2"}
    outcome = deploy(path, tool(files=files))
    assert (outcome.status, outcome.counts["replace"]) == (0, 2)
    with pytest.raises(DeployError, match="nothing of it is left to do: it was deployed already"):
        deploy(path, tool(files=files))


def test_the_plan_of_an_empty_server_is_deployed(tool: DeployerMaker, site: Settings, path: Path) -> None:
    empty_server(site)
    save(path, tool())
    assert deploy(path, tool()).status == 0


def by_hand(dba: Admin, tool: DeployerMaker) -> None:
    """Change a routine that the plan does not concern."""
    dba.rows(BY_HAND.replace("shard_list", "home_get"))


def same_routine(dba: Admin, tool: DeployerMaker) -> None:
    """Change the routine that the plan replaces."""
    dba.rows(BY_HAND)


def comment(dba: Admin, tool: DeployerMaker) -> None:
    """Change the comment of a routine, and nothing else."""
    dba.rows("ALTER PROCEDURE shard1.tag_add COMMENT 'mine'")


def new_shard(dba: Admin, tool: DeployerMaker) -> None:
    """Add a shard."""
    assert tool(files=Files.load("test")).add_shard("shard2").status == 0


def column(dba: Admin, tool: DeployerMaker) -> None:
    """Add a column."""
    dba.rows("ALTER TABLE shard1.tag ADD COLUMN by_hand INT")


def table(dba: Admin, tool: DeployerMaker) -> None:
    """Add a table of somebody else."""
    dba.rows("CREATE TABLE shard1.by_hand (id INT PRIMARY KEY)")


def rights(dba: Admin, tool: DeployerMaker) -> None:
    """Take back the rights of the service."""
    dba.rows("REVOKE EXECUTE ON shard1.* FROM drumee_app@localhost")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (by_hand, "yp has changed on the server: routines"),
        (same_routine, "no longer to do: replace procedure shard_list in yp"),
        (comment, "shard1 has changed on the server: routines"),
        (new_shard, "shard2 is a new database"),
        (column, "not in the plan, and now to leave: drifted table tag in shard1"),
        (table, "objects of somebody else came or went: shard1.by_hand: table"),
        (rights, "not in the plan, and now to do: grant grant drumee_app in shard1"),
    ],
)
def test_a_server_that_has_changed_is_refused(
    tool: DeployerMaker, dba: Admin, path: Path, change: Callable[[Admin, DeployerMaker], None], reason: str
) -> None:
    tool(files=Files.load("test")).deploy()
    files = edited(*SHARD_LIST)
    save(path, tool(files=files))
    change(dba, tool)
    before = dba.rows("SELECT db, name, body, comment FROM mysql.proc ORDER BY db, name")
    with pytest.raises(DeployError) as refusal:
        deploy(path, tool(files=files))
    assert reason in str(refusal.value)
    assert f"`make plan OUT={path}` writes a new one" in str(refusal.value)
    assert dba.rows("SELECT db, name, body, comment FROM mysql.proc ORDER BY db, name") == before


def test_a_checkout_that_has_changed_is_refused(tool: DeployerMaker, dba: Admin, path: Path) -> None:
    save(path, tool(files=edited(*SHARD_LIST)))
    with pytest.raises(DeployError, match="replace procedure shard_list in yp: the new text changed"):
        deploy(path, tool(files=edited("shard_list", "ORDER BY name", "ORDER BY  name")))
    other = dataclasses.replace(edited(*SHARD_LIST), revision="abc1234")
    with pytest.raises(DeployError, match="the checkout is at abc1234, the plan was made at test"):
        deploy(path, tool(files=other))
    assert "DESC" not in dba.one("SELECT body FROM mysql.proc WHERE name = 'shard_list'").decode()


def test_a_file_that_is_no_plan_or_was_changed_is_refused(tool: DeployerMaker, path: Path) -> None:
    with pytest.raises(DeployError, match="cannot be read: No such file"):
        SavedPlan(str(path))
    for text in (b"", b"[]", b"{}", b"\xff", b"null", b"[" * 5000, b'{"format": ["drumee-contacts plan 1"]}'):
        path.write_bytes(text)
        with pytest.raises(DeployError, match=r"is no plan; `make plan OUT=\S+` writes one"):
            SavedPlan(str(path))
    save(path, tool(files=edited(*SHARD_LIST)))
    text = path.read_bytes()
    for old, new in ((b'"yp"', b'"shard1"'), (b'"replace"', b'"drop"'), (b'"rate": 0', b'"rate": 1')):
        assert old in text
        path.write_bytes(text.replace(old, new, 1))
        with pytest.raises(DeployError, match="was changed after it was written"):
            SavedPlan(str(path))
    path.write_bytes(text)
    assert SavedPlan(str(path)).options == Options()


def test_the_commands_write_and_deploy_a_plan(cli: Cli, dba: Admin, path: Path) -> None:
    dba.rows("DROP PROCEDURE yp.home_get")
    done = cli("plan", "--out", str(path), "--skip-examples")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{path} has this plan; `make deploy PLAN={path}` does it, and nothing else" in done.stdout
    done = cli("deploy", "--plan", str(path), "--rate", "5")
    assert (done.returncode, "has its own CANARY" in done.stderr) == (2, True)
    done = cli("deploy", "--plan", str(path))
    assert (done.returncode, "1 create" in done.stdout) == (0, True), done
    done = cli("deploy", "--plan", str(path))
    assert (done.returncode, "it was deployed already" in done.stderr) == (2, True), done
    done = cli("plan", "--out", f"{path}/none")
    assert (done.returncode, "cannot be written: " in done.stderr) == (2, True), done
