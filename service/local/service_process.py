"""The service as a program of supervisord, and one that a killed `run` left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, BinaryIO

from service import WORK_DIR
from service.local.directories import RUN_DIR
from service.local.messages import say
from service.local.processes import eventually, leash, read_pid, works_in
from service.local.stack import Stack
from service.local.supervisor import SupervisedProgram, Supervisor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SERVICE = (sys.executable, "-uPm", "service")
"""-P: a folder named `service` in the working directory must not stand in for this package."""
SERVICE_PID = RUN_DIR / "service.pid"
SERVICE_LOG = RUN_DIR / "service.log"
SERVICE_KEY = "service"
STOP_SECONDS = 45.0
"""Longer than the service's own limit for requests in flight."""
LOG_SECONDS = 0.1
"""How often its log is copied."""


class SupervisedService:
    """The service as a program of supervisord; its log is copied to our output."""

    name = "The service"

    def __init__(self, supervisor: Supervisor, environ: Mapping[str, str]) -> None:
        self._supervisor = supervisor
        self._environ = {name: text for name, text in environ.items() if name.startswith("DRUMEE_")}
        self._log = LogFollower(SERVICE_LOG)

    def begin(self) -> None:
        """Start it, or have it started again."""
        command = [*leash("TERM"), *SERVICE, "serve"]
        self._supervisor.start(
            SupervisedProgram(SERVICE_KEY, command, WORK_DIR, SERVICE_LOG, 2, STOP_SECONDS, self._environ)
        )

    def end(self) -> None:
        """Stop it."""
        say("Stopping …")
        self._supervisor.remove(SERVICE_KEY)
        self._log.copy()
        SERVICE_PID.unlink(missing_ok=True)

    def look(self, seconds: float) -> tuple[str, int | None]:
        """Copy the log for so many seconds; then return the state ("" without supervisord) and the pid."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._log.copy()
            time.sleep(LOG_SECONDS)
        self._log.copy()
        state = self._supervisor.state(SERVICE_KEY)
        if state is None:
            return "", None
        pid = state["pid"] or None
        if pid != read_pid(SERVICE_PID) and pid:
            SERVICE_PID.write_text(f"{pid}\n")
        return str(state["statename"]), pid


class LogFollower:
    """Copies what is appended to a file to our output."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None
        # of an earlier run, everything has been seen
        self._start = path.stat().st_size if path.exists() else 0

    def copy(self) -> None:
        """Copy what is new; a file that was set aside by then to its end."""
        while True:
            if self._stream is None:
                if not self._path.exists():
                    return
                self._stream = self._path.open("rb")
                self._stream.seek(self._start)
            with contextlib.suppress(OSError):
                sys.stdout.buffer.write(self._stream.read())
                sys.stdout.flush()
            if (
                os.fstat(self._stream.fileno()).st_nlink
                and self._path.exists()
                and os.path.samestat(os.fstat(self._stream.fileno()), self._path.stat())
            ):
                return
            self._stream.close()
            self._stream, self._start = None, 0


def stop_leftover_service() -> bool:
    """End a service whose `run` was killed; return whether there was one."""
    pid = read_pid(SERVICE_PID)
    if not pid or not works_in(pid, WORK_DIR):
        return False
    say(f"Stopping process {pid}, left over from a run that was killed …")
    if not Stack(RUN_DIR).supervisor.remove(SERVICE_KEY):
        _end_process(pid)
    SERVICE_PID.unlink(missing_ok=True)
    return True


def _end_process(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not eventually(lambda: not works_in(pid, WORK_DIR), STOP_SECONDS):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
