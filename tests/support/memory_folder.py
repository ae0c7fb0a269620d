"""Keep the files of a run in memory: its servers create and remove thousands of tables."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
ROOM = 18 * 1024**3
"""Bytes: the files of six workers take up to 7 GB, the servers and the workers 12 beside the files."""


def use_memory() -> None:
    """Make a folder in memory the temporary one of this process and its children, where there is room.

    Somebody who sets TMPDIR has chosen another.
    """
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _has_room() -> bool:
    # a container may have a small one, and a folder in memory may be larger than the memory that is left
    if not os.access(MEMORY, os.W_OK):
        return False
    room: int = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available)
    return room >= ROOM
