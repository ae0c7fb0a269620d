"""Write files that are complete or not there: a full disk or a signal leaves the former one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.errors import CommandError


@contextmanager
def whole_file(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Yield a file beside `path`, which gets this name at the end of the block, and goes when that fails.

    Raise CommandError when it cannot be written.
    """
    with cannot_write(path):
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            part.chmod(mode)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def cannot_write(path: Path) -> Iterator[None]:
    """Say which file it is that cannot be written: the errors of a full disk name none."""
    try:
        yield
    except (BrokenPipeError, ConnectionError):
        raise
    except OSError as exc:
        state = "as it was before" if path.exists() else "not written"
        raise CommandError(f"{path} cannot be written: {exc.strerror or exc}. It is {state}") from exc


def is_full(folder: Path) -> bool:
    """Return whether the disk of a folder has no room for anything."""
    numbers = os.statvfs(folder)
    return numbers.f_bavail * numbers.f_frsize < 1 << 20
