"""A site of `make up` on a file system of its own, and everything that a fault needs to reach in it."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from yarl import URL

from service import ROOT
from service.bench.node import free_port
from service.local.install import find_program
from service.local.processes import read_pid
from service.local.stack import Stack
from service.settings import Settings
from tests.support.admin import Admin

DISK_MEGABYTES = 700
"""MariaDB's logs and tables take 300; the rest is what a full disk lacks."""
WORKERS = 2
NAMES = ("mariadb", "redis", "service", "supervisord")


class Site:
    """The service, its servers and supervisord, as `make up` starts them."""

    def __init__(self, folder: Path, has_disk: bool) -> None:
        self.run_dir = folder / "run"
        self.has_disk = has_disk
        """Whether the run directory is a small file system of its own, which can be filled."""
        self.clock = folder / "clock"
        """Offset of MariaDB's clock, as libfaketime reads it; see clock_library."""
        self._programs = folder / "bin"
        port = free_port()
        self.url = URL(f"http://127.0.0.1:{port}/")
        env = Stack(self.run_dir).env()
        self.settings = Settings(
            db=env["DRUMEE_DB"], db_admin=env["DRUMEE_DB_ADMIN"], redis=env["DRUMEE_REDIS"]
        )
        self.admin = Admin(self.settings)
        outside = {name: text for name, text in os.environ.items() if not name.startswith("DRUMEE_")}
        self._environ = outside | {
            "DRUMEE_RUN_DIR": str(self.run_dir),
            "DRUMEE_PORT": str(port),
            "DRUMEE_WORKERS": str(WORKERS),
            "PATH": f"{self._programs}:{os.environ['PATH']}",
        }

    def up(self) -> None:
        """Start all of it, or what is missing of it; return when it serves."""
        if not self._programs.exists():
            self._fake_the_clock()
        outcome = self._command("up")
        if outcome.returncode:
            raise SystemExit(f"The site does not start:\n{outcome.stdout}{outcome.stderr}")

    def down(self) -> None:
        """Stop all of it."""
        self._command("down")

    def pid(self, name: str) -> int:
        """Return the process of this name in NAMES; 0 while there is none."""
        pid = read_pid(self.run_dir / f"{name}.pid") or 0
        return pid if psutil.pid_exists(pid) else 0

    def workers(self) -> list[int]:
        """Return the processes that serve."""
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(self.pid("service")).children()]
        return []

    def footprint(self) -> dict[str, tuple[int, int]]:
        """Return (MB of memory, descriptors) of each kind of process; of the workers the largest."""
        groups = {name: [self.pid(name)] for name in NAMES} | {"worker": self.workers()}
        return {name: max(map(_footprint, pids), default=(0, 0)) for name, pids in groups.items()}

    async def rows(self, statement: str, *args: object) -> list[tuple[object, ...]]:
        """Read the tables as an administrator."""
        return await asyncio.to_thread(self.admin.rows, statement, *args)

    def _command(self, name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "service", name]
        return subprocess.run(
            command, cwd=ROOT, env=self._environ, capture_output=True, text=True, check=False, timeout=300
        )

    def _fake_the_clock(self) -> None:
        """Put a mariadbd in front of the real one that sees the clock which `clock` says."""
        self._programs.mkdir()
        self.clock.write_text("+0")
        settings = {
            "LD_PRELOAD": clock_library(),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_CACHE_DURATION": "1",
            # waits and time-outs go on as ever
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        words = ["env", *(f"{name}={text}" for name, text in settings.items())]
        words.append(find_program("mariadbd", "mysqld") or "mariadbd")
        program = self._programs / "mariadbd"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        program.chmod(0o755)


def clock_library() -> str:
    """Return the path of libfaketime, as the loader of programs reads it."""
    asked = subprocess.run(
        ["faketime", "-m", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    return asked.stdout.strip()


def _footprint(pid: int) -> tuple[int, int]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return round(process.memory_info().rss / 1_000_000), process.num_fds()
    return 0, 0


@contextmanager
def throw_away_site() -> Iterator[Site]:
    """Start a site in a temporary directory; stop and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="drumee-chaos-") as name:
        site = Site(Path(name), _mount(Path(name) / "run"))
        try:
            site.up()
            yield site
        finally:
            site.down()
            if site.has_disk:
                # lazily: what still uses it keeps it until its own end
                subprocess.run(["umount", "--lazy", site.run_dir], check=False)


def _mount(place: Path) -> bool:
    """Mount a small file system; False where that is not allowed."""
    place.mkdir(mode=0o700)
    options = f"size={DISK_MEGABYTES}m,mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "drumee-chaos", str(place)]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False
