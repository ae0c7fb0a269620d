"""An account without the rights of a command gets one message with all GRANT statements."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.admin.registry import Registry
from service.deploy import move as moves
from service.deploy import shards
from service.deploy.backup import backup
from service.deploy.deployer import Deployer
from service.deploy.examples import examine
from service.deploy.move import move
from service.deploy.plan import Files
from service.deploy.restore_entity import restore_entity
from service.deploy.shards import drop_shard
from service.settings import Settings
from service.store.admin import DeployError
from tests.support.admin import Admin, everything
from tests.support.sites import start

ACCOUNT = "'ops'@'localhost'"
STATEMENT = re.compile(r"^  (GRANT .+);$", re.MULTILINE)


@pytest.fixture
def limited(site: Settings, dba: Admin) -> Iterator[Settings]:
    """Return the site with an account of an administrator that may do nothing."""
    dba.rows(f"CREATE OR REPLACE USER {ACCOUNT}")
    dba.rows("CREATE OR REPLACE ROLE staff")
    yield dataclasses.replace(site, db_admin=site.db_admin.replace("//root@", "//ops@"))
    dba.rows(f"DROP USER {ACCOUNT}")
    dba.rows("DROP ROLE staff")


Command = Callable[[Settings], object]


def deployer(settings: Settings) -> Deployer:
    """Return a deployer that runs no examples."""
    return Deployer(settings, lambda _: None, examples=False)


def make_shard(settings: Settings) -> None:
    """Make a shard."""
    outcome = deployer(settings).add_shard("s_2")
    assert outcome.status == 0, outcome.failed


def refusal(command: Command, settings: Settings) -> str:
    """Return the message with which a command refuses."""
    with pytest.raises(DeployError) as refused:
        command(settings)
    return str(refused.value)


def grant(dba: Admin, message: str) -> None:
    """Run the statements of a message."""
    for statement in STATEMENT.findall(message):
        dba.rows(statement)


def test_the_statements_of_the_message_are_enough_for_each_command(
    limited: Settings, site: Settings, dba: Admin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moves, "DRAIN_SECONDS", 0)
    monkeypatch.setattr(shards, "DRAIN_SECONDS", 0)
    Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    commands: list[Command] = [
        lambda s: deployer(s).drift(),
        lambda s: list(examine(s, Files.load())),
        lambda s: backup(s, tmp_path / "a.tar.gz"),
        lambda s: restore_entity(s, tmp_path / "a.tar.gz", "ann@example.org", replace=True),
        lambda s: deployer(s).plan(),
        make_shard,
        lambda s: move(s, "ann@example.org", "s_2"),
        lambda s: move(s, "ann@example.org", "shard1"),
        lambda s: drop_shard(s, "s_2"),
    ]
    before = everything(dba)
    for command in commands:
        dba.rows(f"CREATE OR REPLACE USER {ACCOUNT}")
        message = refusal(command, limited)
        assert "the account ops@localhost lacks rights" in message
        grant(dba, message)
        command(limited)
    dba.rows(f"CREATE OR REPLACE USER {ACCOUNT}")
    assert everything(dba)[-1] == before[-1]


def test_the_administrators_own_rights_are_no_drift(limited: Settings, dba: Admin) -> None:
    grant(dba, refusal(lambda s: deployer(s).drift(), limited))
    assert dba.rows("SHOW GRANTS FOR 'ops'@'localhost'")[1:], "rights on single databases"
    assert deployer(limited).drift() == []
    dba.rows("GRANT SELECT ON yp.* TO 'reader'@'localhost' IDENTIFIED BY 'x'")
    lines = deployer(limited).drift()
    dba.rows("DROP USER reader@localhost")
    assert ["reader@localhost" in line for line in lines] == [True]


def test_nothing_is_touched_without_all_rights(limited: Settings, dba: Admin, tmp_path: Path) -> None:
    dba.rows(f"GRANT SELECT ON *.* TO {ACCOUNT}")
    before = everything(dba)
    assert STATEMENT.findall(refusal(make_shard, limited)) == [
        "GRANT CREATE USER, SET USER, PROCESS, SUPER ON *.* TO `ops`@`localhost`",
        *(
            "GRANT INSERT, UPDATE, DELETE, EXECUTE, TRIGGER, CREATE, DROP, ALTER, INDEX, REFERENCES, "
            f"CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT ON `{place}`.* "
            "TO `ops`@`localhost` WITH GRANT OPTION"
            for place in ("yp", "shard1", "s\\_2", "drumee\\_check\\_%")
        ),
    ]
    assert STATEMENT.findall(refusal(lambda s: backup(s, tmp_path / "a.tar.gz"), limited)) == [
        "GRANT CREATE USER ON *.* TO `ops`@`localhost`",
        "GRANT SHOW VIEW, TRIGGER, EVENT, CREATE, INSERT, UPDATE ON `yp`.* TO `ops`@`localhost`",
        "GRANT SHOW VIEW, TRIGGER, EVENT ON `shard1`.* TO `ops`@`localhost`",
    ]
    assert everything(dba) == before


def test_an_account_that_cannot_see_the_shards_needs_rights_on_all_databases(
    limited: Settings, dba: Admin
) -> None:
    dba.rows(f"GRANT SELECT ON mysql.* TO {ACCOUNT}")
    assert STATEMENT.findall(refusal(lambda s: deployer(s).drift(), limited)) == [
        "GRANT CREATE USER, SET USER, PROCESS, SUPER, SELECT, SHOW VIEW, TRIGGER, EVENT, INSERT, UPDATE, "
        "DELETE, EXECUTE, CREATE, DROP, ALTER, INDEX, REFERENCES, CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE "
        "ON *.* TO `ops`@`localhost` WITH GRANT OPTION"
    ]


def test_an_archive_is_restored_with_the_statements_of_the_message(
    limited: Settings, site: Settings, dba: Admin, tmp_path: Path
) -> None:
    archive = tmp_path / "all.tar.gz"
    backup(site, archive)
    for db in ("yp", "shard1"):
        dba.rows(f"DROP DATABASE {db}")
    words = ("restore", "--file", str(archive))
    grant(dba, start(limited, *words).communicate()[0])
    out, _ = (restoring := start(limited, *words)).communicate()
    assert restoring.returncode == 0, out


def test_rights_of_a_role_and_of_a_pattern_count(limited: Settings, dba: Admin) -> None:
    for statement in (
        "GRANT CREATE USER, SUPER ON *.* TO staff",
        f"GRANT staff TO {ACCOUNT}",
        f"SET DEFAULT ROLE staff FOR {ACCOUNT}",
        f"GRANT SELECT ON mysql.* TO {ACCOUNT}",
        f"GRANT PROCESS ON *.* TO {ACCOUNT}",
        f"GRANT ALL PRIVILEGES ON `%`.* TO {ACCOUNT} WITH GRANT OPTION",
    ):
        dba.rows(statement)
    deployer(limited).plan()
    # the server looks at the most specific pattern only
    dba.rows(f"GRANT SELECT ON `shard_`.* TO {ACCOUNT}")
    (statement,) = STATEMENT.findall(refusal(lambda s: deployer(s).plan(), limited))
    assert re.match(r"GRANT INSERT, .+ ON `shard1`\.\*", statement)
