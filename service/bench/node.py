"""Run the real service as a child process, and read its processes, its log and its metrics."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from service import ROOT
from service.bench.tools import BenchError
from service.local.processes import tail

START_SECONDS = 60
STOP_SECONDS = 40
SETTLE_SECONDS = 2.0
PASSED_ON = ("DRUMEE_WORKERS", "DRUMEE_DB_POOL")
"""Settings that the measured service takes from the shell; all others have their defaults."""
SAMPLE = re.compile(r"^(\w+(?:\{.*\})?) ([0-9.e+-]+)$", re.MULTILINE)
PROC = Path("/proc")


class Node:
    """`python -m service serve`, with its workers."""

    def __init__(self, folder: Path, stack: Mapping[str, str]) -> None:
        self.folder = folder
        self._log = folder / "service.log"
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.env = {
            **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
            # One address makes all requests here.
            "DRUMEE_RATE_LIMIT": "0",
            **stack,
            "DRUMEE_HOST": "127.0.0.1",
            "DRUMEE_PORT": str(port),
            "DRUMEE_RUN_DIR": str(folder),
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Node:
        self._process = self._start()
        try:
            await self._healthy()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_details: object) -> None:
        await self.stop()

    def _start(self) -> subprocess.Popen[bytes]:
        others = {name: text for name, text in os.environ.items() if not name.startswith("DRUMEE_")}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "service", "serve"],
                cwd=self.folder,
                env={**others, **self.env, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # The bench passes Ctrl-C on after the load has ended.
                start_new_session=True,
            )

    async def _healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while await self._health() != 200:
            if self._ended() or time.monotonic() > deadline:
                raise BenchError(f"the service does not start; the end of its log:\n{tail(self._log)}")
            await asyncio.sleep(0.1)
        await asyncio.sleep(SETTLE_SECONDS)

    async def _health(self) -> int:
        with suppress(aiohttp.ClientError):
            return (await _get(f"{self.base}/-/health"))[0]
        return 0

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    async def stop(self) -> None:
        """Stop the service: SIGTERM first, then SIGKILL."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._ended():
                return
            self._process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, STOP_SECONDS)

    async def counters(self) -> dict[str, float]:
        """Return every sample of the metrics page by its name and labels."""
        return await samples(self.base)

    def log_size(self) -> int:
        """Return the current size of the log."""
        return self._log.stat().st_size if self._log.exists() else 0

    def requests_since(self, start: int, services: set[str]) -> list[dict[str, Any]]:
        """Return the log lines of requests to these services, written since the log had this size."""
        with self._log.open("rb") as log:
            log.seek(start)
            lines = [orjson.loads(line) for line in log if line.startswith(b"{") and line.endswith(b"\n")]
        return [line for line in lines if line["message"] == "request" and line["service"] in services]

    def problems(self) -> list[str]:
        """Return the errors of the log, each once."""
        with self._log.open("rb") as log:
            error_lines = [line for line in log if b'"level":"ERROR"' in line or b"Traceback" in line]
        return sorted({line.decode(errors="replace").strip()[:500] for line in error_lines})[:5]

    def memory(self) -> list[dict[str, float]]:
        """Return the megabytes of each worker: rss, its peak, and pss, which divides shared pages."""
        return [
            {
                "rss": _megabytes(each / "status", "VmRSS"),
                "peak": _megabytes(each / "status", "VmHWM"),
                "pss": _megabytes(each / "smaps_rollup", "Pss"),
            }
            for each in self._workers()
        ]

    def helpers(self) -> list[float]:
        """Return the peak megabytes (rss) of each process that a worker has started."""
        workers = self._workers()
        parents = {f"PPid:\t{each.name}\n" for each in workers}
        # a process that is still a copy of its worker has the memory of the worker
        copies = {_read(each / "cmdline") for each in workers}
        children = [each for each in PROC.glob("[0-9]*") if _parent(each / "status") in parents]
        helpers = [each for each in children if _read(each / "cmdline") not in copies]
        return [_megabytes(each / "status", "VmHWM") for each in helpers]

    def pids(self) -> list[int]:
        """Return all processes of the service."""
        first = [self._process.pid] if self._process else []
        return first + [int(each.name) for each in self._workers()]

    def _workers(self) -> list[Path]:
        if self._process is None or not PROC.is_dir():
            return []
        parent = f"PPid:\t{self._process.pid}\n"
        return [each for each in PROC.glob("[0-9]*") if parent in _read(each / "status")]


async def samples(base: str) -> dict[str, float]:
    """Return every sample of a service's metrics page by its name and labels."""
    _, text = await _get(f"{base}/-/metrics")
    return {name: float(value) for name, value in SAMPLE.findall(text)}


async def _get(address: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(address) as response:
        return response.status, await response.text()


def _parent(path: Path) -> str:
    match = re.search(r"^PPid:\t\d+\n", _read(path), re.MULTILINE)
    return match.group() if match else ""


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text()
    return ""


def _megabytes(path: Path, name: str) -> float:
    match = re.search(rf"^{name}:\s+(\d+) kB$", _read(path), re.MULTILINE)
    return round(int(match.group(1)) / 1024, 1) if match else 0.0


def free_port() -> int:
    """Return a port that is free now, and that the system gives to nobody else.

    The ports that it chooses by itself begin at 32768: another process may get such a one at any time.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
