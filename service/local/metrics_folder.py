"""The folder in which the processes of a service share their numbers, and those that killed services left.

Our own: the metrics library wants a folder and never removes it. Each folder has a file that is locked as
long as any process of its service lives, whatever ends it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "drumee-metrics-"
LOCK = "lock"
MEMORY = Path("/dev/shm")  # noqa: S108  # a folder in it is private


def share_metrics(link: Path) -> None:
    """Make a fresh folder for this process and its children; `link` is a symbolic link to it.

    In memory where the system has a folder there: a process that writes to a file mapped from a full disk is
    killed (SIGBUS). The metrics library looks at the environment when it is imported, so this comes before.
    Folders of services that were killed are removed.
    """
    link.parent.mkdir(parents=True, exist_ok=True)
    place = MEMORY if MEMORY.is_dir() else link.parent
    for folder in place.glob(f"{PREFIX}*"):
        _remove_unless_locked(folder)
    # of this service before it was killed, whatever its version
    shutil.rmtree(link.resolve(), ignore_errors=True)
    link.unlink(missing_ok=True)
    shared = _locked_folder(place)
    link.symlink_to(shared)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(shared)


def _locked_folder(place: Path) -> Path:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        # stays open until the last process ends: children have it from fork()
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # another start may have removed it before it was locked
        if (folder / LOCK).exists():
            return folder
        os.close(descriptor)


def _remove_unless_locked(folder: Path) -> None:
    # OSError: it is locked, another account's, or of a version that had no such file, and may be in use
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / LOCK, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)
