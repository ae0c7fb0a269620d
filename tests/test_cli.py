"""The console command: help, what is refused, exit statuses, and that it starts without the service."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from service import as_typed
from service.cli import PANELS, main

HEAVY = {"aiohttp", "environs", "marshmallow", "pymysql", "rich", "service.app", "service.settings"}
"""Modules that a command imports only when it runs."""


def output(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Return the exit status and all that a command prints."""
    status = main(list(words))
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def command_names(text: str) -> list[str]:
    """Return the names that the list of commands has."""
    return re.findall(r"^  ([a-z][a-z-]*)  ", text, re.MULTILINE)


def test_help_is_found_in_every_way(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = output(capsys, "--help")
    assert status == 0
    assert [line.rstrip(":") for line in text.splitlines() if line.rstrip(":") in PANELS] == list(PANELS)
    assert output(capsys, "-h") == output(capsys, "help") == (0, text)


def test_every_command_explains_itself_and_its_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    _, text = output(capsys, "--help")
    names = command_names(text)
    assert {"run", "serve", "deploy", "lint", "backup", "user", "help"} <= set(names)
    for name in names:
        status, explained = output(capsys, "help", name)
        assert (status, f"Usage: drumee-contacts {name}" in explained) == (0, True), name
        assert "1 differences" in explained, name
        assert output(capsys, name, "--help") == output(capsys, name, "-h") == (0, explained), name


@pytest.mark.parametrize("words", [["deplyo"], ["help", "deplyo"], ["plna"], ["setings"]])
def test_an_unknown_command_is_refused_with_the_nearest_one(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    nearest = {"deplyo": "deploy", "plna": "plan", "setings": "settings"}[words[-1]]
    status, text = output(capsys, *words)
    assert status == 2
    assert f"No such command '{words[-1]}'. Did you mean '{nearest}'" in text


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "Missing command"),
        (["proc"], "Missing option '--file'"),
        (["plan", "--canry", "shard1"], "--canary"),
        (["deploy", "--rate", "fast"], "'fast' is not a valid float"),
        (["deploy", "--rate", "-1"], "-1.0 is not in the range"),
        (["link", "--hub", "1", "--days", "soon"], "'soon' is not a valid int"),
        (["user", "--name", "Ann", "--email", "ann", "--password", "x"], "'ann' is not an email address"),
        (["user", "--name", " ", "--email", "ann@example.org", "--password", "x"], "the name is empty"),
        (["limits", "--hub", "1", "--people", "-2"], "-2 is not in the range -1<=x<=999999999"),
        (["hub", "--name", "", "--owner", "ann@example.org"], "the name is empty"),
        (["import", "--file", "a.vcf"], "Missing option '--user'"),
        (["export", "--file", "a.csv", "--user", "ann", "--separator", "|"], "SEPARATOR=| is none of"),
        (["apikey", "--user", "ann", "--scope", "root"], "SCOPE=root is none of agent"),
    ],
)
def test_a_wrong_call_ends_with_2_and_the_reason(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = output(capsys, *words)
    assert status == 2
    assert reason in text


def test_a_wrong_setting_ends_a_command_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRUMEE_PROT", "81")
    assert output(capsys, "serve") == (
        2,
        "unknown setting DRUMEE_PROT; the nearest known one is DRUMEE_PORT\n",
    )


def test_a_folder_that_cannot_be_used_ends_a_command_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DRUMEE_DB", "mysql://app@127.0.0.1/")
    monkeypatch.setenv("DRUMEE_REDIS", "redis://127.0.0.1/")
    monkeypatch.setenv("DRUMEE_RUN_DIR", str(tmp_path / "file" / "run"))
    status, text = output(capsys, "serve")
    assert (status, text.count("\n")) == (2, 1)
    assert f"'{tmp_path / 'file' / 'run'}" in text


@pytest.mark.parametrize(
    ("words", "in_checkout", "installed"),
    [
        ("deploy", "make deploy", "drumee-contacts deploy"),
        ("deploy ALLOW=tag_add", "make deploy ALLOW=tag_add", "drumee-contacts deploy --allow tag_add"),
        ("shard NAME=shard2", "make shard NAME=shard2", "drumee-contacts shard --name shard2"),
    ],
)
def test_messages_name_the_command_as_it_is_typed_here(words: str, in_checkout: str, installed: str) -> None:
    assert as_typed(words, is_checkout=True) == in_checkout
    assert as_typed(words, is_checkout=False) == installed


def test_the_console_command_and_the_module_are_the_same() -> None:
    console = Path(sys.executable).with_name("drumee-contacts")
    texts = [
        subprocess.run([*words, "help", "plan"], capture_output=True, text=True, check=True).stdout
        for words in ([console], [sys.executable, "-m", "service"])
    ]
    assert texts[0] == texts[1]


def test_no_garbage_is_searched_for_when_a_command_ends() -> None:
    # The function that is registered first runs last.
    code = (
        "import atexit, gc, sys; from service.cli import main; "
        "atexit.register(lambda: print(gc.get_freeze_count(), len(gc.get_objects()))); "
        "sys.argv = ['service', 'help', 'plan']; main()"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    frozen, searched = map(int, printed.splitlines()[-1].split())
    assert frozen > 10_000
    assert searched < 1_000


@pytest.mark.parametrize("words", ["--help", "help deploy", "deploy --help", "settings --help"])
def test_help_imports_no_more_than_it_needs(words: str) -> None:
    code = (
        "import sys; from service.cli import main; "
        f"status = main({words.split()!r}); print(status, *sorted(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    status, *modules = printed.splitlines()[-1].split()
    assert status == "0"
    assert HEAVY & set(modules) == set()
