"""A server, a database or a checkout that a deploy would harm is refused before anything is touched."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from service.admin.registry import Registry
from service.deploy import deployer
from service.deploy.backup import backup
from service.deploy.deployer import Deployer, DeployError
from service.deploy.move import move
from service.deploy.plan import Files
from service.deploy.revisions import contains
from service.settings import Settings
from tests.support.admin import Admin, everything
from tests.support.edits import edited
from tests.support.sites import Cli, DeployerMaker


@pytest.fixture
def refused(tool: DeployerMaker, dba: Admin) -> Callable[[str], None]:
    """Check that plan, drift and deploy refuse with this message, and touch nothing."""

    def check(message: str) -> None:
        before = everything(dba)
        for command in (tool().plan, tool().drift, tool().deploy):
            with pytest.raises(DeployError, match=message):
                command()
        assert everything(dba) == before

    return check


Refused = Callable[[str], None]


def test_a_shard_without_its_database_is_not_made_again_empty(
    refused: Refused, site: Settings, tool: DeployerMaker, dba: Admin, tmp_path: Path
) -> None:
    tool().add_shard("s_1")
    Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    dba.rows("DROP DATABASE s_1")
    refused("database of the shard s_1 is gone, and 2 users and hubs live in s_1: it was dropped by hand")
    dba.rows("CREATE DATABASE s_1")
    refused("database of the shard s_1 is empty.*SHARD=s_1` brings it back from a backup")
    path = tmp_path / "all.tar.gz"
    path.write_text("the archive of last night")
    with pytest.raises(DeployError, match="database of the shard s_1 is empty"):
        backup(site, path)
    assert path.read_text() == "the archive of last night"


def test_a_restore_that_was_interrupted_after_the_registry_is_refused(
    refused: Refused, tool: DeployerMaker, dba: Admin
) -> None:
    for name in ("s_1", "s_2"):
        tool().add_shard(name)
    dba.rows("DROP DATABASE s_1")
    dba.rows("DROP DATABASE s_2")
    refused("database of the shard s_1 is gone; so are s_2, ")


def test_shards_without_a_registry_are_no_new_server(refused: Refused, dba: Admin) -> None:
    dba.rows("DROP DATABASE yp")
    refused("registry yp is gone, and shard1 have routines of ours")


def test_a_database_of_somebody_else_is_not_taken(tool: DeployerMaker, dba: Admin) -> None:
    dba.rows("CREATE DATABASE wordpress")
    dba.rows("CREATE TABLE wordpress.wp_posts (id INT PRIMARY KEY)")
    before = everything(dba)
    with pytest.raises(DeployError, match="wordpress has 1 tables and routines, and is not in yp"):
        tool().add_shard("wordpress")
    assert everything(dba) == before
    assert dba.rows("SELECT name FROM yp.shard") == [("shard1",)]


def test_a_registry_of_somebody_else_is_not_taken(refused: Refused, dba: Admin) -> None:
    dba.rows("DROP DATABASE shard1")
    dba.rows("DROP DATABASE yp")
    dba.rows("CREATE DATABASE yp")
    dba.rows("CREATE TABLE yp.yellow_pages (id INT PRIMARY KEY)")
    refused("database yp has 1 tables and routines, and no table of deploys")


def test_nobody_writes_what_a_restore_would_drop(refused: Refused, site: Settings, dba: Admin) -> None:
    dba.rows("CREATE DATABASE drumee_restore")
    refused("a restore runs, or was interrupted")
    with pytest.raises(DeployError, match="a restore runs, or was interrupted"):
        Registry(site)
    with pytest.raises(DeployError, match="a restore runs, or was interrupted"):
        move(site, "ann@example.org", "shard1")


def test_an_older_checkout_is_refused(refused: Refused, dba: Admin) -> None:
    dba.rows(
        "INSERT INTO yp.deploy_item (db_name, kind, name, digest, ctime) "
        "VALUES ('shard1', 'migration', '9999_newer', 'x', 1)"
    )
    refused("9999_newer was applied to shard1 and is not in this checkout, which ends with 00")


@contextmanager
def changed(dba: Admin, statements: list[str], undo: list[str]) -> Iterator[None]:
    """Run statements on the server, and take them back at the end."""
    for statement in statements:
        dba.rows(statement)
    try:
        yield
    finally:
        for statement in undo:
            dba.rows(statement)


def test_a_server_that_only_reads_is_refused(refused: Refused, site: Settings, dba: Admin) -> None:
    with changed(dba, ["SET GLOBAL read_only = ON"], ["SET GLOBAL read_only = OFF"]):
        refused(r"only reads \(read_only is ON\).*SET GLOBAL read_only = OFF")
        with pytest.raises(DeployError, match="only reads"):
            move(site, "ann@example.org", "shard1")


@pytest.mark.parametrize("state", [["START SLAVE"], []], ids=["running", "stopped"])
def test_a_replica_is_refused_with_the_name_of_its_primary(
    refused: Refused, dba: Admin, state: list[str]
) -> None:
    # MariaDB logs the account with the host, like an address: no other test may use it as one.
    primary = "MASTER_HOST = '127.0.0.1', MASTER_PORT = 9, MASTER_USER = 'replicates-nothing'"
    begin = [f"CHANGE MASTER TO {primary}", *state]
    with changed(dba, begin, ["STOP SLAVE", "RESET SLAVE ALL"]):
        refused("is a replica of 127.0.0.1:9: a change here would not reach the primary")


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run git in a repository that the deployer takes for its own."""

    def git(*words: str) -> str:
        who = ["-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *who, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    git("commit", "-qm", "first", "--allow-empty")
    git("commit", "-qm", "second", "--allow-empty")
    monkeypatch.setattr(deployer, "contains", partial(contains, root=tmp_path))
    return git


def test_routines_of_a_newer_version_are_not_taken_back(
    tool: DeployerMaker, dba: Admin, history: Callable[..., str]
) -> None:
    def at(revision: str, text: str) -> Files:
        files = edited("shard_list", "ORDER BY name", f"ORDER BY name{text}")
        return dataclasses.replace(files, revision=history("rev-parse", "--short", revision))

    older, newer = at("HEAD~1", ""), at("HEAD", " DESC")
    assert tool(files=newer).deploy().status == 0
    before = everything(dba)
    for command in (tool(files=older).plan, tool(files=older).deploy):
        with pytest.raises(
            DeployError, match=rf"{newer.revision} is installed \(shard_list\) and is not part"
        ):
            command()
    assert everything(dba) == before
    assert tool(files=older, allow=["older"]).deploy().counts["replace"] == 1
    assert tool(files=newer).deploy().counts["replace"] == 1


def test_a_revision_contains_those_before_it(history: Callable[..., str], tmp_path: Path) -> None:
    first, second = history("rev-parse", "HEAD~1"), history("rev-parse", "HEAD")
    history("commit", "-q", "--amend", "-m", "amended", "--allow-empty")
    amended = history("rev-parse", "HEAD")
    history("checkout", "-qb", "branch", first)
    history("commit", "-qm", "branched", "--allow-empty")
    branched = history("rev-parse", "HEAD")
    expected = {
        (amended, first): True,
        (first, amended): False,
        (branched, amended): False,
        (amended, second): True,  # no branch has it any more
        (amended, "0123456789"): False,  # not fetched
        ("no-revision", first): None,
        ("0.2.0", "0.10.1"): False,
        ("0.2.0", "0.2.0"): True,
        ("0.2.0", first): None,
    }
    assert {pair: contains(*pair, root=tmp_path) for pair in expected} == expected


def test_a_server_without_our_databases_is_named(cli: Cli, dba: Admin, tmp_path: Path) -> None:
    dba.rows("DROP DATABASE yp")
    move_words = ("move", "--entity", "ann", "--shard", "shard1")
    done = cli(*move_words)
    assert done.returncode == 2
    assert done.stderr.startswith("the registry yp is gone, and shard1 have routines of ours")
    dba.rows("DROP DATABASE shard1")
    for words in (
        ("drift",), move_words, ("proc", "--file", "procedures/shard/tag/tag_add.sql"),
        ("shard-drop", "--name", "shard1"), ("backup", "--file", str(tmp_path / "all.tar.gz")),
    ):  # fmt: skip
        done = cli(*words)
        sentence = "nothing is deployed to this server; `make deploy` first\n"
        assert (done.returncode, done.stderr) == (2, sentence), words
    assert dba.rows("SHOW DATABASES LIKE 'yp'") == []


@pytest.mark.parametrize(
    "name", ["yp", "mysql", "test", "Shard", "a-b", "", "9a", "drumee_check_1", "drumee_restore"]
)
def test_a_shard_has_no_reserved_or_odd_name(site: Settings, name: str) -> None:
    with pytest.raises(DeployError, match="cannot name a shard"):
        Deployer(site, lambda _: None).add_shard(name)


def test_a_move_between_shards_that_differ_names_the_columns(
    tool: DeployerMaker, site: Settings, dba: Admin
) -> None:
    Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    tool().add_shard("s_1")
    dba.rows("ALTER TABLE s_1.contact ADD COLUMN shoe TINYINT")
    with pytest.raises(DeployError, match=r"shard1 and s_1 differ in contact\.shoe: .*Nothing was moved"):
        move(site, "ann@example.org", "s_1")
    with pytest.raises(
        DeployError, match="SHARD=yp is no shard; there are s_1, shard1, and `make shard NAME=`"
    ):
        move(site, "ann@example.org", "yp")
