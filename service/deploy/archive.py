"""Unpack a tar archive from an untrusted source."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Write the files of an archive below a folder. Raise TarError for links, devices and outside paths.

    `extractall(filter="data")` does this from Python 3.11.4 on; Debian 12 has 3.11.2.
    """
    home = folder.resolve()
    for member in archive:
        place = (home / member.name).resolve()
        if not place.is_relative_to(home) or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name} is no plain file of this archive")
        if source := archive.extractfile(member):
            place.parent.mkdir(parents=True, exist_ok=True)
            with source, place.open("wb") as target:
                shutil.copyfileobj(source, target)
