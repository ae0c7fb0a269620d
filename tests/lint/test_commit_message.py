"""The hook for commit messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.lint.commit_message import SCISSORS, main, problems

GOOD = "Keep old services working while a deploy runs\n\nLists missed rows for up to a minute.\n"


@pytest.mark.parametrize(
    "message",
    [
        GOOD,
        f"{GOOD}\n# Please enter the commit message.\n",
        f"{GOOD}{SCISSORS}\n{'x' * 200}",
    ],
)
def test_a_good_message_passes(message: str) -> None:
    assert problems(message) == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (f"K{'x' * 72}\n\nWhy.", "The subject has 73 characters, 72 are allowed."),
        ("Keep it.\n\nWhy.", "The subject ends with a full stop; leave it out."),
        ("keep it\n\nWhy.", "The subject does not begin with a capital letter."),
        ("Keep it\nwhy\n", "The second line is not blank."),
        ("Keep it\n", "There is no body. Say why the change is needed."),
        (f"Keep it\n\n{'x' * 101}", "A line of the body has more than 100 characters."),
    ],
)
def test_a_bad_message_is_refused(message: str, problem: str) -> None:
    assert problem in problems(message)


def test_the_hook_prints_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    file.write_text("Keep it\n")
    assert main([str(file)]) == 1
    assert capsys.readouterr().err == "There is no body. Say why the change is needed.\n"
    file.write_text(GOOD)
    assert main([str(file)]) == 0


def test_a_message_in_another_encoding_is_read(tmp_path: Path) -> None:
    path = tmp_path / "message"
    path.write_bytes("Name Søren\n\nThe body says why.\n".encode("latin-1"))
    assert main([str(path)]) == 0


def test_pre_commit_runs_the_hook(tmp_path: Path, root: Path) -> None:
    file = tmp_path / "COMMIT_EDITMSG"
    words = ("-m", "pre_commit", "run", "--hook-stage", "commit-msg", "--commit-msg-filename", str(file))
    for message, status in ((GOOD, 0), ("Keep it\n", 1)):
        file.write_text(message)
        run = subprocess.run(
            [sys.executable, *words],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == status, run.stdout + run.stderr
