"""Folders that are a built frontend, and those that are refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from service import log, server
from service.frontend.build import BuildError, read_build
from service.local.run import run
from service.settings import Settings
from tests.support.builds import HASH, write_build


def test_the_index_of_a_build_names_its_script(tmp_path: Path) -> None:
    build = read_build(str(write_build(tmp_path)))
    assert (build.hash, build.entry, build.folder) == (HASH, f"main-{HASH}.js", tmp_path)


def test_a_build_without_hashes_in_its_names_has_a_plain_script(tmp_path: Path) -> None:
    write_build(tmp_path)
    (tmp_path / "app" / "index.json").write_text(json.dumps({"hash": HASH, "no_hash": 1}))
    (tmp_path / "app" / "main.js").touch()
    assert read_build(str(tmp_path)).entry == "main.js"


def without_script(folder: Path) -> None:
    (folder / "app" / f"main-{HASH}.js").unlink()


def with_script_elsewhere(folder: Path) -> None:
    without_script(folder)
    (folder / "elsewhere.js").touch()
    (folder / "app" / f"main-{HASH}.js").symlink_to(folder / "elsewhere.js")


def with_index(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "app" / "index.json").write_text(text)


def with_folder_for_index(folder: Path) -> None:
    (folder / "app" / "index.json").unlink()
    (folder / "app" / "index.json").mkdir()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "app" / "index.json").unlink(), "it has no app/index.json"),
        (with_folder_for_index, "it has no app/index.json"),
        (with_index("{"), "is not a JSON object"),
        (with_index("[]"), "is not a JSON object"),
        (with_index("{}"), 'has no "hash"'),
        (with_index('{"hash": 7}'), 'has no "hash"'),
        (with_index('{"hash": "../../secret"}'), 'has no "hash"'),
        (with_index('{"hash": "<script>"}'), 'has no "hash"'),
        (without_script, f"app/main-{HASH}.js, which app/index.json names, is not in it"),
        (with_script_elsewhere, f"app/main-{HASH}.js, which app/index.json names, is not in it"),
    ],
)
def test_an_unsuitable_folder_is_refused_with_the_reason(
    tmp_path: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    spoil(write_build(tmp_path))
    with pytest.raises(BuildError, match="DRUMEE_FRONTEND_DIR") as refusal:
        read_build(str(tmp_path))
    assert reason in str(refusal.value)


def test_a_folder_that_is_missing_or_empty_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    reasons = {"missing": "no such folder", "file": "no such folder", "empty": "no app/index.json"}
    for name, reason in reasons.items():
        with pytest.raises(BuildError, match=reason):
            read_build(str(tmp_path / name))


def test_the_service_does_not_start_without_the_build_that_it_is_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "configure", lambda _: None)
    with pytest.raises(BuildError, match="no such folder"):
        server.serve(Settings(frontend_dir=str(tmp_path / "missing")))


def test_a_new_build_is_taken_once_it_is_complete(tmp_path: Path) -> None:
    first = read_build(str(write_build(tmp_path)))
    index = tmp_path / "app" / "index.json"
    assert first.latest() is first
    index.write_text(json.dumps({"hash": "new"}))
    os.utime(index, ns=(1, 1))  # The clock of a file system may be too coarse for two writes.
    assert first.latest() is first
    (tmp_path / "app" / "main-new.js").touch()
    assert first.latest().entry == "main-new.js"
    index.unlink()
    assert first.latest() is first


def test_run_refuses_the_folder_before_it_starts_servers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run({"DRUMEE_FRONTEND_DIR": str(tmp_path / "missing")}) == 2
    printed = capsys.readouterr().out
    assert "there is no such folder" in printed
    assert "Starting" not in printed
