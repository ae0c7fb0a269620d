"""Directories of private servers: the run directory, and the place of their sockets."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from service import WORK_DIR
from service.errors import CommandError

RUN_DIR = (WORK_DIR / (os.environ.get("DRUMEE_RUN_DIR") or ".run")).resolve()
LONGEST_SOCKET_PATH = 103
"""sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL included."""


class StackError(CommandError):
    """The servers cannot be had; the text says why and what to do."""


def socket_directory(run_dir: Path, names: list[str]) -> Path:
    """Return the directory for sockets of these names: the run directory, or one with a shorter path."""
    longest = max(len(os.fsencode(run_dir / name)) for name in names)
    if longest <= LONGEST_SOCKET_PATH:
        return run_dir
    digest = hashlib.sha256(os.fsencode(run_dir)).hexdigest()[:12]
    # Not $TMPDIR: two terminals that differ in it have to agree on the place.
    return Path(f"/tmp/drumee-{os.geteuid()}-{digest}")  # noqa: S108 - owner and mode are checked


def make_private(directory: Path) -> None:
    """Make a directory that only this account can enter; StackError when it belongs to another one."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise StackError(f"{directory} cannot be made: {exc.strerror}.") from exc
    details = directory.lstat()
    if not stat.S_ISDIR(details.st_mode):
        raise StackError(f"{directory} is not a directory: remove it.")
    if details.st_uid != os.geteuid():
        raise StackError(
            f"{directory} belongs to user id {details.st_uid}, this is user id {os.geteuid()}: "
            "the private servers can only be run by one account. Use that one, or remove it."
        )
    directory.chmod(0o700)
