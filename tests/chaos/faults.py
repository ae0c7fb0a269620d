"""The faults: each breaks something and, unless it heals by itself, repairs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import psutil
import pymysql

from service.settings import Settings, database_servers
from service.store.admin import Connection, DeployError, connect
from tests.chaos.site import NAMES, Site

HOLD_SECONDS = 5.0
"""How long a fault that ends by itself lasts: longer than a beat, shorter than what makes a process dead."""
CLOCK_STEPS = ("+120", "+7200", "+0", "-7200", "+0")
CLOCK_SECONDS = 2.5
ONE_BLOCK = 1 << 20

Injection = Callable[[Site, random.Random], Awaitable[None]]


class Fault(NamedTuple):
    """A fault by name."""

    name: str
    inject: Injection
    is_outage: bool
    """Whether nobody can write, until the service is back: no database, or no process that serves."""


async def kill_worker(site: Site, chance: random.Random) -> None:
    """Kill one of the processes that serve."""
    _signal(signal.SIGKILL, chance.choice(site.workers() or [0]))


async def kill_workers(site: Site, _: random.Random) -> None:
    """Kill all of them, and leave the master."""
    _signal(signal.SIGKILL, *site.workers())


def kill(*names: str) -> Injection:
    """Return the fault that kills these processes at the same time."""

    async def inject(site: Site, _: random.Random) -> None:
        pids = [site.pid(name) for name in names]
        workers = site.workers() if len(names) > 1 else []
        _signal(signal.SIGKILL, *pids, *workers)

    return inject


def freeze(name: str) -> Injection:
    """Return the fault that stops a process for a while, `worker`: one of those that serve."""

    async def inject(site: Site, chance: random.Random) -> None:
        pid = chance.choice(site.workers() or [0]) if name == "worker" else site.pid(name)
        _signal(signal.SIGSTOP, pid)
        try:
            await asyncio.sleep(HOLD_SECONDS)
        finally:
            _signal(signal.SIGCONT, pid)

    return inject


async def fill_disk(site: Site, _: random.Random) -> None:
    """Leave no byte on the file system of data, logs and temporary files."""
    path = site.run_dir / "filler"
    try:
        await asyncio.to_thread(_fill, path)
        for _second in range(round(HOLD_SECONDS)):
            await asyncio.sleep(1)
            await asyncio.to_thread(_fill, path)  # what was freed meanwhile
    finally:
        path.unlink(missing_ok=True)


def _fill(path: os.PathLike[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    size = ONE_BLOCK
    try:
        while size:
            try:
                os.write(descriptor, bytes(size))
            except OSError:
                size //= 2
    finally:
        os.close(descriptor)


async def take_connections(site: Site, _: random.Random) -> None:
    """Take every connection of the server, those of the service included."""
    administrator = Connection(site.settings)
    taken: list[pymysql.Connection] = []
    ((limit,),) = administrator.rows("SELECT @@max_connections")
    administrator.run("SET GLOBAL max_connections = 10")
    try:
        for _tenth in range(round(HOLD_SECONDS * 10)):
            await asyncio.to_thread(_take_connections, administrator, site.settings, taken)
            await asyncio.sleep(0.1)
    finally:
        for connection in taken:
            connection.close()
        administrator.run(f"SET GLOBAL max_connections = {limit}")
        administrator.close()


def _take_connections(administrator: Connection, settings: Settings, taken: list[pymysql.Connection]) -> None:
    own = [connection.thread_id() for connection in taken]
    users = administrator.rows("SELECT id FROM information_schema.processlist WHERE user = 'drumee_app'")
    for (number,) in users:
        if number not in own:
            with contextlib.suppress(pymysql.Error):  # it has ended meanwhile
                administrator.run(f"KILL {number}")
    with contextlib.suppress(DeployError):  # nothing remains to be taken
        while len(taken) < 20:
            taken.append(connect(database_servers(settings.db)))


async def only_read(site: Site, _: random.Random) -> None:
    """Let the server refuse writes."""
    await site.rows("SET GLOBAL read_only = 1")
    try:
        await asyncio.sleep(HOLD_SECONDS)
    finally:
        await site.rows("SET GLOBAL read_only = 0")


async def step_clock(site: Site, _: random.Random) -> None:
    """Step the clock of MariaDB forwards and backwards."""
    try:
        for offset in CLOCK_STEPS:
            site.clock.write_text(offset)
            await asyncio.sleep(CLOCK_SECONDS)
    finally:
        site.clock.write_text("+0")


def _signal(number: signal.Signals, *pids: int) -> None:
    for pid in pids:
        if pid:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).send_signal(number)


FAULTS = (
    Fault("kill a worker", kill_worker, False),
    Fault("kill all workers", kill_workers, True),
    Fault("kill the service", kill("service"), True),
    Fault("kill MariaDB", kill("mariadb"), True),
    Fault("kill Redis", kill("redis"), False),
    Fault("kill supervisord", kill("supervisord"), True),
    Fault("kill everything", kill(*NAMES), True),
    Fault("freeze a worker", freeze("worker"), False),
    Fault("freeze the master", freeze("service"), False),
    Fault("freeze MariaDB", freeze("mariadb"), True),
    Fault("freeze Redis", freeze("redis"), False),
    Fault("freeze supervisord", freeze("supervisord"), False),
    Fault("fill the disk", fill_disk, True),
    Fault("take all connections", take_connections, True),
    Fault("only read", only_read, True),
    Fault("step the clock", step_clock, False),
)
