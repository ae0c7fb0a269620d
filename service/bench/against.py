"""Measure two revisions in turns, each on servers of its own: `make bench AGAINST=<revision>`.

Both meet the same machine in the same minute. So their ratio holds even where others use the cores as well,
which no single figure does.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from service.bench import names
from service.bench.attendees import Attendees
from service.bench.cores import Cores
from service.bench.editors import add_edited_contacts
from service.bench.fixtures import Fixtures, owners
from service.bench.node import samples
from service.bench.relations import Person
from service.bench.revisions import HERE, Revision
from service.bench.scenarios import Scenario, World
from service.bench.tools import BenchError, Job, play
from service.local.processes import tail
from service.settings import Settings

SIDE = Path(__file__).with_name("side.py")
CONNECTIONS = (16, 64)
TURNS = 5
LOAD = "contact.load"
LOADED = 3_000
"""Contacts of an imported file."""
START_SECONDS = 600
STOP_SECONDS = 60
REST_SECONDS = 0.5
"""Seconds without a frame after which all have arrived."""
Turn = Callable[["Side", int], Awaitable[dict[str, float]]]
"""Measure one side; the number of the turn tells its work from that of the other turns."""
BUILT = frozenset({"small", "large", "records", "attendees"})
"""Data that each revision creates by itself; the rest comes by CALLs and requests that all of them have."""


async def compare(
    revision: Revision, scenarios: Sequence[Scenario], sizes: tuple[int, int], seconds: float, *, load: bool
) -> dict[str, Any]:
    """Measure the scenarios, and imports; return all figures of both sides, and their ratios."""
    needs = {need for each in scenarios for need in each.needs}
    with tempfile.TemporaryDirectory(prefix="drumee-bench-") as place:
        folder = Path(place)
        async with AsyncExitStack() as stack:
            starting = [_started(each, sizes, needs, folder) for each in (revision, HERE)]
            sides = await asyncio.gather(*(stack.enter_async_context(each) for each in starting))
            rows = [
                await _row(sides, scenario, Job(connections, seconds, folder))
                for scenario in scenarios
                for connections in CONNECTIONS
            ]
            if load:
                rows.append(await _load_row(sides))
    return {"before": revision.commit, "rows": rows}


class Side:
    """One revision that serves, with its own data."""

    def __init__(self, hello: Mapping[str, Any], sizes: tuple[int, int], needs: set[str]) -> None:
        self.base: str = hello["base"]
        self.world = World("shard1", *sizes, contacts=hello["contacts"])
        self.attendees = Attendees(self.base, self.world)
        self._fixtures = Fixtures(Settings.from_env(hello["env"]), self.world)
        for first, count in [(each, names.OWNERS) for each in owners(needs)] + [(names.LOADERS, TURNS)]:
            self._fixtures.add_people(first, count)
        self._cores = Cores(lambda: hello["pids"])

    async def close(self) -> None:
        """Close the WebSockets and the connection."""
        await self.attendees.close()
        self._fixtures.close()

    async def prepare(self, scenario: Scenario) -> None:
        """Give the scenario the contacts, WebSockets and rooms that it needs."""
        if "editors" in scenario.needs:
            await add_edited_contacts(self.attendees.send, self.world)
        if "attendees" in scenario.needs:
            await self.attendees.open()
        if scenario.room:
            await self.attendees.join(scenario.room)
        await self.rest()

    async def rest(self) -> None:
        """Wait until no frame arrives any more."""
        frames = -1
        while frames != self.attendees.frames:
            frames = self.attendees.frames
            await asyncio.sleep(REST_SECONDS)

    async def spent(self) -> dict[str, float]:
        """Return requests, processor time in µs, and temporary tables, so far."""
        work = self._cores.mark().ours
        counters = await samples(self.base)
        return {
            "requests": sum(n for name, n in counters.items() if name.startswith("drumee_requests_total")),
            "service_us": work["service"] * 1e6,
            "database_us": work["mariadb"] * 1e6,
            "tables": int(self._fixtures.rows("SHOW GLOBAL STATUS LIKE 'Created_tmp_tables'")[0][1]),
        }


@asynccontextmanager
async def _started(
    revision: Revision, sizes: tuple[int, int], needs: set[str], folder: Path
) -> AsyncIterator[Side]:
    log = folder / f"{revision.root.name}.log"
    order = {"needs": sorted(needs & BUILT), "small": sizes[0], "large": sizes[1]}
    environ = {name: text for name, text in os.environ.items() if not name.startswith("DRUMEE_")}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            revision.python,
            "-P",
            str(SIDE),
            orjson.dumps(order).decode(),
            cwd=revision.root,
            env={**environ, "PYTHONPATH": str(revision.root)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            # Ctrl-C ends the comparison, which then closes standard input.
            start_new_session=True,
        )
    side = None
    try:
        side = Side(await _hello(process, revision, log), sizes, needs)
        yield side
    finally:
        if side:
            await side.close()
        await _stop(process)


async def _hello(process: asyncio.subprocess.Process, revision: Revision, log: Path) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = await process.stdout.readline()
    if not line:
        raise BenchError(f"{revision.commit} does not start:\n{tail(log)}")
    hello: dict[str, Any] = orjson.loads(line)
    return hello


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _row(sides: Sequence[Side], scenario: Scenario, job: Job) -> dict[str, Any]:
    async def turn(side: Side, _number: int) -> dict[str, float]:
        await side.prepare(scenario)
        start = await side.spent()
        measured = await play(job, side.base, scenario.requests(side.world))
        await side.rest()
        return {
            "per_second": measured["requests"] / measured["seconds"],
            "p50_ms": measured["p50_ms"],
            "p99_ms": measured["p99_ms"],
            "errors": sum(measured["errors"].values()),
            # wrk ends while its last requests are under way: the service counts those as well
            **_each(start, await side.spent()),
        }

    title = scenario.title(sides[0].world)
    return {"name": title, "connections": job.connections, **await _in_turns(title, sides, turn)}


async def _load_row(sides: Sequence[Side]) -> dict[str, Any]:
    async def turn(side: Side, number: int) -> dict[str, float]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            loader = Person(side.base, http, names.LOADERS + number)
            start, clock = await side.spent(), asyncio.get_running_loop().time()
            answer = await loader.upload(LOADED)
            seconds = asyncio.get_running_loop().time() - clock
        return {
            "per_second": LOADED / seconds,
            "p50_ms": seconds * 1000,
            "p99_ms": seconds * 1000,
            "errors": LOADED - answer["loaded"],
            **_each(start, await side.spent(), LOADED),
        }

    return {"name": f"{LOAD}, a contact", "connections": 1, **await _in_turns(LOAD, sides, turn)}


def _each(start: Mapping[str, float], end: Mapping[str, float], count: int = 0) -> dict[str, float]:
    """Return the costs of one request, or of one of `count` works."""
    spent = {name: end[name] - start[name] for name in start}
    count = count or int(spent["requests"]) or 1
    return {name: spent[name] / count for name in ("service_us", "database_us", "tables")}


async def _in_turns(title: str, sides: Sequence[Side], turn: Turn) -> dict[str, Any]:
    """Let the sides take turns, the other one first each time; return medians, also of the ratios."""
    figures: list[list[dict[str, float]]] = [[], []]
    for number in range(TURNS):
        for index in (0, 1) if number % 2 else (1, 0):
            figures[index].append(await turn(sides[index], number))
    before, now = figures
    ratios = [b["per_second"] / a["per_second"] for a, b in zip(before, now, strict=True) if a["per_second"]]
    row = {
        "before": _medians(before),
        "now": _medians(now),
        "ratio": round(statistics.median(ratios), 2) if ratios else None,
        "ratios": [round(each, 2) for each in ratios],
    }
    print(f"{title}: {row['ratio']} times", file=sys.stderr, flush=True)
    return row


def _medians(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(each[name] for each in figures), 3) for name in figures[0]}
