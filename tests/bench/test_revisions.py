"""Other revisions of the project are checked out beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.bench import revisions
from service.bench.revisions import check_out
from service.bench.tools import BenchError
from service.local.install import LOCK


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits: one without pinned packages, and one with them, tagged v2."""
    monkeypatch.setattr(revisions, "ROOT", tmp_path)
    monkeypatch.setattr(revisions, "FOLDER", tmp_path / "build" / "against")
    git(tmp_path, "init", "--quiet")
    (tmp_path / "side.txt").write_text("first")
    commit(tmp_path, "v1")
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text("aiohttp==1\n")
    (tmp_path / "side.txt").write_text("second")
    commit(tmp_path, "v2")
    (tmp_path / "side.txt").write_text("not committed")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    """Run git as nobody in particular."""
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, tag: str) -> None:
    """Commit everything, and tag it."""
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", tag)
    git(folder, "tag", tag)


def test_a_revision_comes_as_it_was_committed_with_the_same_python(repository: Path) -> None:
    revision = check_out("v2")
    assert (revision.root / "side.txt").read_text() == "second"
    assert revision.root == repository / "build" / "against" / revision.commit
    assert revision.python == sys.executable
    assert check_out("v2") == revision
    assert (repository / "side.txt").read_text() == "not committed"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("v1", f"has no {LOCK}: it is too old"),
        ("v3", "AGAINST=v3 is no revision of this repository"),
        ("--help", "AGAINST=--help is no revision of this repository"),
    ],
)
def test_a_revision_that_cannot_be_measured_is_refused_by_name(
    repository: Path, name: str, reason: str
) -> None:
    with pytest.raises(BenchError, match=reason):
        check_out(name)
