"""Measure deploys: 200 shards with every routine, on a server of their own, and beside other callers.

`python -m service.bench.deploys FILE` is the load: it calls until its input ends, then writes what it saw.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from service import ROOT
from service.admin.registry import Registry
from service.bench.cores import Cores
from service.deploy.create import create_statement
from service.deploy.deployer import Deployer
from service.deploy.plan import Files
from service.deploy.state import OPENING
from service.local.processes import read_pid
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.settings import Settings
from service.store.admin import Connection
from service.store.database import Database

SHARDS = 200
CONNECTIONS = 16
QUIET_SECONDS = 5.0
OWNERS = 8
"""Users, each on a shard of their own, whose address books the load uses."""
LIMITS = {
    "plan with nothing to do, s": (2.0, False),
    "one changed routine to all, s": (5.0, False),
    "full deploy, share of a plain loop's rate": (0.5, True),
    "failed calls during a full deploy": (0.0, False),
    "p99 of calls during a full deploy to p99 without": (5.0, False),
}
"""By figure: (limit, whether it is a minimum)."""

Results = dict[str, float]


def measure(say: Callable[[str], None] = lambda _: None, shards: int = SHARDS) -> Results:
    """Measure everything on a temporary server; return figures by name, those of LIMITS among them."""
    with temporary_server("deploy", CONNECTIONS) as (settings, place):
        return _on_server(settings, place, say, shards)


@contextmanager
def temporary_server(name: str, pool: int) -> Iterator[tuple[Settings, Path]]:
    """Run a MariaDB; yield its settings, and a folder that goes with it."""
    place = Path(tempfile.mkdtemp(prefix=f"drumee-bench-{name}-"))
    stack = Stack(place / "stack", kinds=[MariaDB])
    try:
        stack.start()
        env = stack.env()
        yield Settings(db=env["DRUMEE_DB"], db_admin=env["DRUMEE_DB_ADMIN"], db_pool=pool), place
    finally:
        stack.stop()
        shutil.rmtree(place, ignore_errors=True)


def _on_server(settings: Settings, place: Path, say: Callable[[str], None], shards: int) -> Results:
    say(f"making {shards} shards")
    results: Results = {"shards": shards, f"making {shards} shards, s": _make_shards(settings, shards)}
    say("plan, one routine, all routines")
    results["plan with nothing to do, s"] = min(_timed(lambda: _tool(settings).plan()) for _ in range(3))
    results["drift with nothing changed, s"] = _timed(lambda: _tool(settings).drift())
    one = touched(lambda name: name == "my_contact_get", "one")
    results["one changed routine to all, s"] = _timed(lambda: _deploy(settings, one))
    loop = _plain_loop(settings)
    full = touched(lambda _: True, "all")
    started = time.perf_counter()
    items = _deploy(settings, full)
    seconds = time.perf_counter() - started
    results["plain loop of CREATE OR REPLACE, routines/s"] = loop
    results["full deploy, routines/s"] = items / seconds
    results["full deploy, share of a plain loop's rate"] = items / seconds / loop
    return results | _beside_others(settings, place, say)


def _beside_others(settings: Settings, place: Path, say: Callable[[str], None]) -> Results:
    say(f"a full deploy beside calls at {CONNECTIONS} connections")
    registry = Registry(settings)
    cores = Cores(lambda: _pids(place))
    owners = [registry.add_person(f"p{n}@example.org", "P", str(n), "-", None) for n in range(OWNERS)]
    start = cores.mark()
    with calls_beside(settings, owners, place / "quiet.json") as quiet:
        time.sleep(QUIET_SECONDS)
    others_before = cores.others_since(start)
    start = cores.mark()
    with calls_beside(settings, owners, place / "busy.json") as busy:
        seconds = _timed(lambda: _deploy(settings, touched(lambda _: True, "beside")))
    return _known(
        {
            "share of the cores that other programs used, quiet": others_before,
            "share of the cores that other programs used, during a full deploy": cores.others_since(start),
        }
    ) | {
        "calls/s without a deploy": quiet["calls"] / quiet["seconds"],
        "calls/s during a full deploy": busy["calls"] / busy["seconds"],
        "p99 of calls without a deploy, ms": quiet["p99_ms"],
        "p99 of calls during a full deploy, ms": busy["p99_ms"],
        "p99 of calls during a full deploy to p99 without": busy["p99_ms"] / quiet["p99_ms"],
        "failed calls during a full deploy": busy["failed"] + quiet["failed"],
        "full deploy beside them, s": seconds,
    }


def _known(figures: dict[str, float | None]) -> Results:
    return {name: value for name, value in figures.items() if value is not None}


def _pids(place: Path) -> dict[str, list[int]]:
    """Return the process of the server; the load counts as ours once it has ended."""
    pid = read_pid(place / "stack/mariadb.pid")
    return {"server": [pid] if pid else []}


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _tool(settings: Settings, files: Files | None = None) -> Deployer:
    return Deployer(settings, lambda _: None, files=files)


def _deploy(settings: Settings, files: Files) -> int:
    """Deploy; return the number of replaced routines."""
    outcome = _tool(settings, files).deploy()
    if outcome.status:
        raise RuntimeError(f"the deploy failed: {outcome.failed or outcome.plan.decide}")
    return outcome.counts["replace"]


def _make_shards(settings: Settings, count: int) -> float:
    tool = _tool(settings)
    tool.deploy()
    connection = Connection(settings)
    names = [(f"bench{number:03d}", OPENING, 1) for number in range(1, count)]
    connection.insert("INSERT INTO yp.shard (name, is_open, ctime)", names)
    connection.close()
    return _timed(tool.deploy)


def touched(chosen: Callable[[str], bool], mark: str) -> Files:
    """Return the files with some routines changed."""
    files = Files.load("bench")
    routines = tuple(
        dataclasses.replace(
            r,
            body=r.body.replace("BEGIN", f"BEGIN -- {mark}", 1),
            statement=r.statement.replace(r.body, r.body.replace("BEGIN", f"BEGIN -- {mark}", 1)),
        )
        if chosen(r.name)
        else r
        for r in files.routines
    )
    return dataclasses.replace(files, routines=routines)


def _plain_loop(settings: Settings) -> float:
    """Return the rate of a plain loop of CREATE OR REPLACE: every routine once in every database."""
    connection = Connection(settings)
    shards = [name for (name,) in connection.rows("SELECT name FROM yp.shard")]
    files = touched(lambda _: True, "loop")
    sent = 0
    started = time.perf_counter()
    for db in ["yp", *shards]:
        connection.raw.select_db(db)
        for routine in files.by_scope["yp" if db == "yp" else "shard"].values():
            connection.run(create_statement(routine, "loop"))
            sent += 1
    rate = sent / (time.perf_counter() - started)
    connection.close()
    return rate


@contextmanager
def calls_beside(
    settings: Settings, owners: list[tuple[str, str]], path: Path, pause: float = 0.0
) -> Iterator[Results]:
    """Call routines from another process for the length of the block; fill the dictionary at its end.

    `pause`: seconds that each of the callers waits between two calls.
    """
    results: Results = {}
    path.write_bytes(orjson.dumps({"db": settings.db, "owners": owners, "pause": pause}))
    process = subprocess.Popen(
        [sys.executable, "-m", "service.bench.deploys", str(path)], cwd=ROOT, stdin=subprocess.PIPE
    )
    time.sleep(1.0)  # Warm up connections and caches, which count for neither side.
    try:
        yield results
    finally:
        process.communicate()
    results.update(orjson.loads(path.read_bytes()))


async def _call_until(
    stop: asyncio.Event, settings: Settings, owners: list[tuple[str, str]], pause: float
) -> Results:
    db = Database(settings)
    await db.load_routines()
    took: list[float] = []
    longest = (0.0, 0.0)
    failed = 0

    async def caller(number: int) -> None:
        nonlocal failed, longest
        chance = random.Random(number)
        while not stop.is_set():
            name, args = _pick(chance, *owners[chance.randrange(len(owners))])
            started = time.perf_counter()
            try:
                await db.call(*name, *args)
            except Exception as exc:
                failed += 1
                if failed <= 5:
                    print(f"failed: {name}: {exc!r}", file=sys.stderr)
            took.append(time.perf_counter() - started)
            longest = max(longest, (took[-1], started - begun))
            await asyncio.sleep(pause * chance.uniform(0.5, 1.5))

    begun = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(CONNECTIONS)))
    seconds = time.perf_counter() - begun
    await db.close()
    took.sort()
    return {
        "calls": len(took),
        "seconds": seconds,
        "failed": failed,
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[int(len(took) * 0.99)] * 1000,
        "longest_ms": longest[0] * 1000,
        "longest_at": longest[1],
    }


def _pick(chance: random.Random, uid: str, db: str) -> tuple[tuple[str, str], list[Any]]:
    """Return a call: the gate, a list, a search, or a write."""
    kind = chance.random()
    if kind < 0.5:
        return ("yp", "session_open"), [None, None, None]
    if kind < 0.7:
        return (db, "my_contact_list"), [uid, None, None, "name", "asc", "active", 1, 45, None]
    if kind < 0.9:
        return (db, "my_contact"), [uid, "ada", "", 0, "[]", 1, 45]
    email = f"{secrets.token_hex(8)}@example.com"
    contact = {"firstname": "Ada", "email": [{"email": email, "is_default": 1}]}
    return (db, "my_contact_add"), [uid, orjson.dumps(contact).decode()]


async def _load_until_end_of_input(job: dict[str, Any]) -> Results:
    settings = Settings(db=job["db"], db_pool=CONNECTIONS)
    stop = asyncio.Event()
    work = asyncio.create_task(_call_until(stop, settings, job["owners"], job["pause"]))
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    return await work


def _load_main(path: Path) -> None:
    job = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps(asyncio.run(_load_until_end_of_input(job))))


def text(results: Results) -> str:
    """Render the figures, one a line; those with a limit say whether it is met."""
    lines = ["deploys"]
    for name, value in results.items():
        limit = LIMITS.get(name)
        verdict = "" if limit is None else ("met   " if met(name, value) else "MISSED")
        wanted = "" if limit is None else f"{'>=' if limit[1] else '<='} {limit[0]:g}"
        lines.append(f"{verdict:<7} {value:>10,.2f} {wanted:<7} {name}")
    return "\n".join(lines)


def met(name: str, value: float) -> bool:
    """Return whether a figure meets its limit."""
    limit, is_least = LIMITS[name]
    return value >= limit if is_least else value <= limit


if __name__ == "__main__":
    _load_main(Path(sys.argv[1]))
