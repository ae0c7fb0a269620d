"""The folder of a built frontend: what it must contain, and which script starts it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from service.errors import CommandError

INDEX = "index.json"
USABLE_HASH = re.compile(r"[A-Za-z0-9._-]{1,128}")


class BuildError(CommandError):
    """DRUMEE_FRONTEND_DIR cannot be served; the text says why."""


@dataclass(frozen=True)
class Build:
    """A built frontend."""

    folder: Path
    """The folder of DRUMEE_FRONTEND_DIR."""
    hash: str
    """Names the build; part of the names of its files."""
    entry: str
    """Name of the script in app/ that starts the page."""
    read_at: int
    """Time of change of its index, in nanoseconds."""

    @property
    def scripts(self) -> Path:
        """Return the folder of scripts, styles, fonts and pictures."""
        return self.folder / "app"

    def latest(self) -> Build:
        """Return the build that the folder holds now; this one while another is being written."""
        try:
            if (self.scripts / INDEX).stat().st_mtime_ns == self.read_at:
                return self
            return read_build(str(self.folder))
        except (OSError, BuildError):
            return self


def read_build(folder: str) -> Build:
    """Return the build in a folder; BuildError when there is none that can be served."""
    top = Path(folder).absolute()
    index = top / "app" / INDEX
    if not top.is_dir():
        raise _unusable(folder, "there is no such folder")
    if not index.is_file():
        raise _unusable(folder, f"it has no app/{INDEX}, which the build of the frontend writes")
    read_at = index.stat().st_mtime_ns
    values = _read_index(folder, index)
    build_hash = values.get("hash")
    if not isinstance(build_hash, str) or not USABLE_HASH.fullmatch(build_hash):
        raise _unusable(folder, f'app/{INDEX} has no "hash" that can be part of a file name')
    entry = "main.js" if values.get("no_hash") else f"main-{build_hash}.js"
    script = (index.parent / entry).resolve()
    if not script.is_file() or not script.is_relative_to(index.parent.resolve()):
        raise _unusable(folder, f"app/{entry}, which app/{INDEX} names, is not in it")
    return Build(top, build_hash, entry, read_at)


def _read_index(folder: str, index: Path) -> dict[str, Any]:
    try:
        values = orjson.loads(index.read_bytes())
    except (OSError, ValueError):
        values = None
    if not isinstance(values, dict):
        raise _unusable(folder, f"app/{INDEX} is not a JSON object that can be read")
    return values


def _unusable(folder: str, reason: str) -> BuildError:
    return BuildError(f"DRUMEE_FRONTEND_DIR={folder!r}: {reason} (docs/frontend.md)")
