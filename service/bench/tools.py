"""The two load generators: wrk for the service, mariadb-slap for its limit."""

from __future__ import annotations

import asyncio
import math
import re
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from service.bench.scenarios import Request
from service.errors import CommandError
from service.local.install import EXTRAS, Program, find_program, instructions
from service.settings import Settings, database_servers
from service.store.pool import session_statement

WRK = EXTRAS["bench"][0]
SLAP = Program(("mariadb-slap", "mysqlslap"), "mariadb-client", "mariadb", "mariadb")
SCRIPT = Path(__file__).with_name("requests.lua")
LONGEST_SECONDS = 3600
GRACE_SECONDS = 30
GROWTH = 16
"""Factor by which a trial of the limit may be longer than the last one."""
MEASURED = re.compile(r"^MEASURED (\{.*\})$", re.MULTILINE)


class BenchError(CommandError):
    """The bench cannot continue; the message says why and what to do."""


def check_programs() -> None:
    """Raise BenchError when a program is missing, with the package that provides it."""
    missing = [each for each in (WRK, SLAP) if find_program(*each.names) is None]
    if missing:
        obstacle = "The bench cannot run without; `python3 service/local/install.py --with bench` brings wrk"
        raise BenchError(instructions(missing, obstacle))


@dataclass
class Job:
    """One measurement: connections, seconds, and a folder for its files."""

    connections: int
    seconds: float
    folder: Path


async def play(job: Job, base: str, requests: Sequence[Request]) -> dict[str, Any]:
    """Send the requests in a circle; return the figures of wrk, in the form of requests.lua."""
    plan = job.folder / "requests.tsv"
    await asyncio.to_thread(plan.write_text, "".join("\t".join(each) + "\n" for each in requests))
    process = await asyncio.create_subprocess_exec(
        find_program(*WRK.names) or "",
        # One thread, so that the requests start in the order of the file; it is far faster than the service.
        "--threads=1",
        f"--connections={job.connections}",
        # wrk takes whole seconds only: interrupt it instead.
        f"--duration={LONGEST_SECONDS}s",
        "--timeout=30s",
        "--latency",
        f"--script={SCRIPT}",
        base,
        "--",
        str(plan),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = await _finish(process, after=job.seconds)
    match = MEASURED.search(output)
    if match is None:
        raise BenchError(f"wrk measured nothing:\n{output}")
    measured: dict[str, Any] = orjson.loads(match.group(1))
    return measured


async def limit(job: Job, settings: Settings, statements: Sequence[str], unit: int, writes: bool) -> float:
    """Return the statements a second of native clients, each of which sends a multiple of `unit`.

    mariadb-slap counts statements, not time: trials grow until one is long enough. Its time includes
    connecting, and each connection's first look at the routines: some 40 ms at 64 connections.
    """
    script = job.folder / "statements.sql"
    await asyncio.to_thread(script.write_text, ";\n".join(statements))
    rounds = 1
    while True:
        total = rounds * unit * job.connections
        seconds = await _slap(job, settings, script, total, writes)
        if seconds >= 0.8 * job.seconds:
            return total / seconds
        rounds = math.ceil(rounds * min(GROWTH, 1.1 * job.seconds / max(seconds, 0.001)))


async def _slap(job: Job, settings: Settings, script: Path, total: int, writes: bool) -> float:
    """Return the seconds that the clients need for this many statements in all."""
    server = database_servers(settings.db)[0]
    session = session_statement(settings, read_only=not writes)
    place = f"--socket={server.unix_socket}" if server.unix_socket else f"--host={server.host}"
    process = await asyncio.create_subprocess_exec(
        find_program(*SLAP.names) or "",
        "--no-defaults",
        place,
        f"--user={server.user}",
        "--create-schema=yp",
        "--no-drop",
        # One connection does it all, where the service has one for readers and one for writers: for writers
        # the gate is read inside the transaction. Without autocommit, as on the service's write connections.
        f"--init-command={session}, autocommit = {int(not writes)}",
        f"--query={script}",
        "--delimiter=;",
        f"--concurrency={job.connections}",
        f"--number-of-queries={total}",
        "--csv",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await _finish(process)).strip()
    # It reports a failed statement and ends with exit status 0.
    with suppress(ValueError, IndexError):
        return float(output.split(",")[2])
    raise BenchError(f"mariadb-slap could not measure the limit:\n{output}")


async def _finish(process: asyncio.subprocess.Process, after: float | None = None) -> str:
    """Return the output of a program; interrupt it `after` seconds, and stop it when the bench stops."""
    try:
        reading = asyncio.create_task(process.communicate())
        if after is not None:
            await asyncio.wait([reading], timeout=after)
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            await asyncio.wait([reading], timeout=GRACE_SECONDS)
        output, _ = await reading
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
    return output.decode(errors="replace")
