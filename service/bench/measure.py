"""Each scenario at each number of connections: first the service, then, while it is idle, its limit."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from service.bench.cores import Cores
from service.bench.crowd import Crowd
from service.bench.node import Node
from service.bench.scenarios import Scenario, Step, World
from service.bench.tools import BenchError, Job, limit, play
from service.bench.town import Town
from service.settings import Settings

WARM_UP_SECONDS = 0.5
WARM_UP_CONNECTIONS = 16
QUIET_SECONDS = 0.5
"""How long no request may end, and no frame arrive, before all have."""
PATIENCE_SECONDS = 60
DISTURBED = 0.1
"""Share of the cores, used by others, from which on a measurement is worth nothing and is repeated."""
ATTEMPTS = 3
SPARE_ATTEMPTS = 12
"""How many repetitions a whole run has: on a machine that is always busy it must end as well."""


class Measurer:
    """Measures scenarios of one node."""

    def __init__(self, settings: Settings, world: World, town: Town, node: Node, cores: Cores) -> None:
        self._settings = settings
        self._world = world
        self._town = town
        self._node = node
        self._cores = cores
        self._crowd = Crowd(node.base, world)
        self._warnings: list[str] = []
        self._spare = SPARE_ATTEMPTS

    async def close(self) -> None:
        """Close the WebSockets."""
        await self._crowd.close()

    async def all(
        self, scenarios: Sequence[Scenario], connections: Sequence[int], seconds: float
    ) -> dict[str, Any]:
        """Everything there is to measure."""
        idle = self._node.memory()
        found: list[dict[str, Any]] = []
        for scenario in scenarios:
            await self._prepare(scenario)
            for number in connections:
                found.append(await self._undisturbed(scenario, Job(number, seconds, self._node.folder)))
                _say(found[-1])
        delivery = await self._delivery() if scenarios and scenarios[-1].kind == "fan-out" else None
        self._warnings += [f"in the log of the service: {line}" for line in self._node.problems()]
        return {
            "settings": {"workers": self._settings.workers, "db_pool": self._settings.db_pool},
            "books": {"small": self._world.small, "large": self._world.large},
            "scenarios": found,
            "delivery": delivery,
            "worker_mb": {"idle": idle, "after": self._node.memory()},
            "warnings": self._warnings,
        }

    async def _prepare(self, scenario: Scenario) -> None:
        """Everybody in his place, every CALL checked, connections and caches warm."""
        self._warnings += await self.differences(scenario)
        if scenario.seated:
            await asyncio.to_thread(self._town.seat_directly, scenario.seated)
        warm_up = Job(WARM_UP_CONNECTIONS, WARM_UP_SECONDS, self._node.folder)
        await play(warm_up, self._node.base, scenario.requests(self._world))
        await self._rest()

    async def _gather(self, scenario: Scenario) -> None:
        """The crowd where the scenario wants it; also again, for those who were disconnected as too slow."""
        if "crowd" not in scenario.needs:
            return
        await self._crowd.open()
        if scenario.seated:
            await self._crowd.sit(scenario.seated)
            await self._rest()

    async def _rest(self) -> float:
        """Wait until the service has done all it was asked for; when the last frame came, 0 when none did."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen = (-1, -1)
        while seen != self._progress() and time.monotonic() < deadline:
            seen = self._progress()
            await asyncio.sleep(QUIET_SECONDS)
        return self._crowd.last_arrival()

    def _progress(self) -> tuple[int, int]:
        return self._node.log_size(), self._crowd.frames

    async def differences(self, scenario: Scenario) -> list[str]:
        """Where the CALLs of the service are not those that its limit is measured with."""
        await self._gather(scenario)
        return [text for step in scenario.steps for text in await self._compare(scenario, step)]

    async def _compare(self, scenario: Scenario, step: Step) -> list[str]:
        words = scenario.cases(self._world)[0]
        case = {name: word.replace("UNIQUE__", "0") for name, word in words.items()}
        wanted = step.statements(case)
        await asyncio.to_thread(self._town.listen)
        try:
            await self._crowd.send(step.request(case))
        finally:
            made = await asyncio.to_thread(self._town.heard, [each.partition("(")[0] for each in wanted])
        if made == wanted:
            return []
        return [f"{step.service} makes other CALLs than its limit: {made}, not {wanted}"]

    async def _undisturbed(self, scenario: Scenario, job: Job) -> dict[str, Any]:
        """The first measurement that others did not disturb, else the one that they disturbed least."""
        found = [await self._one(scenario, job)]
        while (found[-1]["others"] or 0) > DISTURBED and len(found) < ATTEMPTS and self._spare > 0:
            self._spare -= 1
            found.append(await self._one(scenario, job))
        return min(found, key=lambda each: each["others"] or 0)

    async def _one(self, scenario: Scenario, job: Job) -> dict[str, Any]:
        await self._gather(scenario)
        start = self._cores.mark()
        served = await self._serve(scenario, job)
        rate = await self._limit(scenario, job)
        return {
            "name": scenario.title(self._world),
            "kind": scenario.kind,
            "connections": job.connections,
            **served,
            "limit_calls": scenario.calls_per_request(),
            "limit_per_second": rate and round(rate, 1),
            "ratio": rate and round(served["requests_per_second"] / rate, 3),
            "others": self._cores.others_since(start),
        }

    async def _limit(self, scenario: Scenario, job: Job) -> float | None:
        """Requests a second that the server could answer; None when it could not even this way."""
        statements = scenario.statements(self._world)
        unit = scenario.unit(statements)
        try:
            rate = await limit(job, self._settings, statements, unit, scenario.writes)
        except BenchError as exc:
            where = f"{scenario.title(self._world)}, {job.connections} connections"
            self._warnings.append(f"{where}: {exc}")
            return None
        return rate / scenario.per_request()

    async def _serve(self, scenario: Scenario, job: Job) -> dict[str, Any]:
        log, frames, tables = self._node.log_size(), self._crowd.frames, self._town.disk_tables()
        before, start = await self._node.counters(), self._cores.mark()
        measured = await play(job, self._node.base, scenario.requests(self._world))
        ended = time.perf_counter()
        backlog = max(0.0, await self._rest() - ended)
        end, after = self._cores.mark(), await self._node.counters()
        lines = await asyncio.to_thread(self._node.requests_since, log, scenario.services)
        # wrk leaves while its last requests are on their way; the service has served those as well
        served = len(lines) or measured["requests"]
        errors = {kind: count for kind, count in measured["errors"].items() if count}
        lost = _grown(before, after, "drumee_pushes_total", "dropped") + _grown(
            before, after, "drumee_pushes_total", "lost"
        )
        return {
            "requests": measured["requests"],
            "requests_per_second": round(measured["requests"] / measured["seconds"], 1),
            "p50_ms": measured["p50_ms"],
            "p99_ms": measured["p99_ms"],
            "max_ms": measured["max_ms"],
            "errors": sum(errors.values()),
            "errors_by_kind": errors,
            "calls": _mean(lines, "calls"),
            "trips": _mean(lines, "trips"),
            "calls_with_background": round(_grown(before, after, "drumee_calls_total") / served, 2),
            "service_cpu_ms": round(end.work_since(start, "service") / served * 1000, 3),
            "mariadb_cpu_ms": round(end.work_since(start, "mariadb") / served * 1000, 3),
            "disk_tables": round((self._town.disk_tables() - tables) / served, 2),
            "retries": _grown(before, after, "drumee_call_retries_total"),
            "frames_per_request": round((self._crowd.frames - frames) / served, 2),
            "frames_after_seconds": round(backlog, 2),
            "pushes_lost": lost,
            "sockets_disconnected": _grown(before, after, "drumee_slow_sockets_total"),
        }

    async def _delivery(self) -> dict[str, float]:
        """How long a broadcast takes to each of its sockets, one broadcast at a time."""
        every, last = await self._crowd.deliveries()
        return {
            "median_ms": round(statistics.median(every), 2),
            "last_socket_median_ms": round(statistics.median(last), 2),
            "broadcasts": len(last),
            "frames": len(every),
        }


def _grown(before: Mapping[str, float], after: Mapping[str, float], name: str, label: str = "") -> int:
    """By how much a counter has grown; the sum of those with this label."""
    names = [each for each in after if each.startswith(name) and label in each]
    return int(sum(after[each] - before.get(each, 0.0) for each in names))


def _mean(lines: Sequence[Mapping[str, Any]], name: str) -> float | None:
    return round(statistics.fmean(line[name] for line in lines), 2) if lines else None


def _say(result: Mapping[str, Any]) -> None:
    limit_per_second = result["limit_per_second"]
    known = f"{limit_per_second:,.0f}/s" if limit_per_second else "an unknown limit"
    print(
        f"{result['name']}, {result['connections']} connections: "
        f"{result['requests_per_second']:,.0f}/s of {known}",
        file=sys.stderr,
        flush=True,
    )
