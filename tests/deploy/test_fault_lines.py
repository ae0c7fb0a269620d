"""A plan makes what is new in scratch databases, and says the file and line of each fault."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from service import ROOT, cli
from service.deploy.plan import Files
from service.schema.routines import read_script
from service.settings import Settings
from service.store.admin import DeployError
from tests.support.admin import Admin
from tests.support.edits import edited
from tests.support.sites import DeployerMaker

TAG_ADD = "procedures/shard/tag/tag_add.sql"
Refusal = Callable[[Files], str]


@pytest.fixture
def refusal(tool: DeployerMaker, dba: Admin) -> Refusal:
    """Plan files with a fault, and return the message; nothing may be left on the server."""

    def plan(files: Files) -> str:
        deployer = tool(files=files, examples=True)
        with pytest.raises(DeployError) as refused:
            deployer.check(deployer.plan())
        assert not dba.rows("SHOW DATABASES LIKE 'drumee\\_check%'")
        return str(refused.value)

    return plan


@pytest.fixture
def cli_here(site: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a command in this process, on the site."""
    monkeypatch.setenv("DRUMEE_DB", site.db)
    monkeypatch.setenv("DRUMEE_DB_ADMIN", site.db_admin)
    monkeypatch.setenv("DRUMEE_REDIS", "redis://127.0.0.1:1/0")
    return lambda *words: cli.main(list(words))


def line_of(text: str, path: str = TAG_ADD) -> int:
    """Return the number of the first line of a file that has this text."""
    lines = (ROOT / path).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("SET v_name = tag", "SET SET v_name = tag", "(1064)"),
        ("DECLARE v_position INT", "DECLARE v_position INTT", "(4161)"),
        ("MAX(position)", "MAX(no_such_column)", "(1054) Unknown column 'no_such_column'"),
        ("INSERT INTO tag (", "INSERT INTO no_such_table (", "(1146) Table 'shard.no_such_table'"),
        ("v_name = tag_name_free(", "v_name = no_such_function(", "(1305)"),
        ("contact_pair_lock(in_owner, NULL, NULL)", "contact_pair_lock(in_owner, NULL)", "(1318)"),
    ],
)
def test_a_fault_of_a_routine_comes_with_file_and_line(
    refusal: Refusal, old: str, new: str, message: str
) -> None:
    text = refusal(edited("tag_add", old, new))
    assert message in text
    assert f"\n    at {TAG_ADD}:{line_of(old)}\n" in text


def test_the_command_ends_with_2_and_shows_the_plan_first(
    cli_here: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = edited("tag_add", "MAX(position)", "MAX(no_such_column)")
    whole = edited("tag_add", "MAX(position)", "MAX(position + 0)")
    monkeypatch.setattr(Files, "load", lambda *_: broken)
    assert cli_here("plan") == 2
    printed = capsys.readouterr()
    assert "replace   procedure tag_add" in printed.out
    assert "Unknown column 'no_such_column'" in printed.err
    monkeypatch.setattr(Files, "load", lambda *_: whole)
    assert cli_here("plan") == 1
    assert " examples succeed on MariaDB " in capsys.readouterr().out


def test_a_fault_is_found_by_the_example_of_a_caller(refusal: Refusal) -> None:
    path = "procedures/shard/tag/tag_name_free.sql"
    text = refusal(edited("tag_name_free", "SELECT name FROM tag", "SELECT nameless FROM tag"))
    assert "Unknown column 'nameless'" in text
    assert f"at {path}:{line_of('SELECT name FROM tag', path)}" in text


def test_a_routine_that_a_deploy_cannot_send_is_named(refusal: Refusal) -> None:
    files = Files.load("test")
    long = [dataclasses.replace(r, header=r.header + "x" * 17_000) if r.name == "tag_add" else r
            for r in files.routines]  # fmt: skip
    text = refusal(dataclasses.replace(files, routines=tuple(long)))
    assert f"{TAG_ADD}: the header is longer than" in text


@pytest.mark.parametrize(
    ("statement", "message", "line"),
    [
        ("ALTER TABLE tag\n    -- why\n-- a comment\n    ADD COLUMN color INTT", "(4161)", 6),
        ("SELECT 1;\nALTER TABLE tag\n    ADDD COLUMN color INT", "(1064)", 5),
        ("SELECT 1;\n\nALTER TABLE no_such_table ADD COLUMN color INT", "(1146)", 5),
    ],
)
def test_a_fault_of_a_migration_comes_with_file_and_line(
    refusal: Refusal, tmp_path: Path, statement: str, message: str, line: int
) -> None:
    path = tmp_path / "9999_color.sql"
    path.write_text(f"-- tags have colors\n-- undo: none\n{statement};\n")
    files = Files.load("test")
    migrations = {**files.migrations, "shard": [*files.migrations["shard"], read_script(path, "shard")]}
    text = refusal(dataclasses.replace(files, migrations=migrations))
    assert message in text
    assert f"\n    at {path}:{line}\n" in text
