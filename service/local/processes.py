"""Processes of this machine: start them, and find those that were started from here."""

from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING

import psutil

from service.local.install import find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

POLL_SECONDS = 0.02
LOG_BYTES = 8 * 1024 * 1024


def spawn(
    command: Sequence[str], place: Path, output: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: a terminal's Ctrl-C is ours to pass on, in order."""
    if output.exists() and output.stat().st_size > LOG_BYTES:
        output.replace(output.with_suffix(".log.1"))
    with output.open("ab") as stream:
        return subprocess.Popen(
            command,
            cwd=place,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            umask=0o077,
        )


def leash(name: str) -> list[str]:
    """Return the words before a command that gets this signal when its parent dies."""
    program = find_program("setpriv")
    return [program, "--pdeathsig", name] if program else []


def eventually(condition: Callable[[], object], seconds: float) -> bool:
    """Poll until the condition holds; False when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def read_pid(path: Path) -> int | None:
    """Read the number in a pid file; None when there is none."""
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def works_in(pid: int, place: Path) -> bool:
    """Whether this process is alive and ours: pids are reused, working directories are not."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return bool(process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(place))
    return False


def find_in(place: Path, programs: Sequence[str]) -> int | None:
    """Find the process of one of these programs that works there."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() in programs and works_in(process.pid, place):
                return int(process.pid)
    return None


def tail(path: Path, lines: int = 15) -> str:
    """Return the last lines of a file."""
    with contextlib.suppress(OSError):
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    return "(no log)"
