"""The temporary folder of a run is in memory where that has room, and where nobody has chosen another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.support import memory_folder
from tests.support.memory_folder import use_memory


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder with room for any run; the test begins without a chosen one."""
    monkeypatch.setenv("TMPDIR", "")  # so that it is as before in the end
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(tempfile, "tempdir", tempfile.gettempdir())
    monkeypatch.setattr(memory_folder, "MEMORY", tmp_path)
    monkeypatch.setattr(memory_folder, "ROOM", 0)
    return tmp_path


def test_children_and_this_process_use_a_folder_with_room(roomy: Path) -> None:
    use_memory()
    assert (os.environ["TMPDIR"], tempfile.gettempdir()) == (str(roomy), str(roomy))


def test_a_chosen_folder_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/chosen")
    use_memory()
    assert os.environ["TMPDIR"] == "/chosen"


def test_a_folder_that_is_small_or_missing_is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory_folder, "ROOM", 1024**5)
    use_memory()
    assert "TMPDIR" not in os.environ
    monkeypatch.setattr(memory_folder, "ROOM", 0)
    monkeypatch.setattr(memory_folder, "MEMORY", tmp_path / "missing")
    use_memory()
    assert "TMPDIR" not in os.environ
