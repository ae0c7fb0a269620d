"""Commands of the shell, as an administrator types them beside a service that runs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from service import ROOT
from service.settings import Settings


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


async def start(settings: Settings, *words: str | Path, **more: str) -> asyncio.subprocess.Process:
    """Start a command against the servers of the tests; `more`: settings."""
    env = os.environ | {
        "DRUMEE_DB": settings.db,
        "DRUMEE_DB_ADMIN": settings.db_admin,
        "DRUMEE_REDIS": settings.redis,
        "DRUMEE_RUN_DIR": settings.run_dir,
        **more,
    }
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *words),
        cwd=ROOT,
        env=env,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
    )


def press_ctrl_c(process: asyncio.subprocess.Process) -> None:
    """Interrupt a command and all that it has started, as a terminal does."""
    os.killpg(process.pid, signal.SIGINT)


async def end_of(process: asyncio.subprocess.Process) -> Ended:
    """Wait for the end of a command."""
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def run(settings: Settings, *words: str | Path, **more: str) -> Ended:
    """Run a command to its end."""
    return await end_of(await start(settings, *words, **more))
