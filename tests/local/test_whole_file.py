"""A file is complete or not there, whatever happens to its disk."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.admin.units import Machine
from service.admin.units import write as write_units
from service.deploy.backup_archive import new_file
from service.errors import CommandError
from service.local.whole_file import whole_file

ROOM = 4096


@contextmanager
def small_disk() -> Iterator[None]:
    """Let this process write no file of more than ROOM bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("open_file", [whole_file, new_file])
def test_a_disk_without_room_is_named_and_leaves_the_former_file(tmp_path: Path, open_file: object) -> None:
    path = tmp_path / "out"
    for state in ("not written", "as it was before"):
        with (
            pytest.raises(CommandError, match=rf"^{path} cannot be written: File too large. It is {state}$"),
            small_disk(),
            open_file(path) as file,  # type: ignore[operator]
        ):
            file.write(b"x" * 2 * ROOM)
        assert list(tmp_path.iterdir()) == ([path] if state != "not written" else [])
        path.write_text("before")
    with open_file(path) as file:  # type: ignore[operator]
        file.write(b"now")
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (b"now", [path])


def test_a_unit_is_not_half(tmp_path: Path) -> None:
    machine = Machine(Path("/" + "x" * ROOM), "drumee", Path("settings"), Path("admin"), "")
    with pytest.raises(CommandError, match="cannot be written: File too large"), small_disk():
        write_units(machine, tmp_path / "units")
    assert list((tmp_path / "units").iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "out"
    with pytest.raises(CommandError, match=f"^{path} cannot be written: No such file"), whole_file(path):
        pass
