"""Unpack archives from untrusted sources."""

import io
import tarfile
from pathlib import Path

import pytest

from service.deploy.archive import unpack


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> tarfile.TarFile:
    """Return an archive with these members, open for reading."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for member, data in members:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    content.seek(0)
    return tarfile.open(fileobj=content)


def test_files_and_folders_are_written(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("a")
    folder.type = tarfile.DIRTYPE
    unpack(archive_of((folder, b""), (tarfile.TarInfo("a/b/c.sql"), b"SELECT 1")), tmp_path)
    assert (tmp_path / "a/b/c.sql").read_bytes() == b"SELECT 1"


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x"])
def test_members_outside_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(tarfile.TarError, match="no plain file"):
        unpack(archive_of((tarfile.TarInfo(name), b"")), tmp_path / "home")
    assert not (tmp_path / "x").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(tarfile.TarError, match="no plain file"):
        unpack(archive_of((link, b"")), tmp_path)
