"""Measure each scenario at each number of connections: the service, then, while it is idle, its limit."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from service.bench.attendees import Attendees
from service.bench.cores import Cores
from service.bench.editors import add_edited_contacts
from service.bench.fixtures import Fixtures
from service.bench.node import Node
from service.bench.scenarios import Scenario, Step, World
from service.bench.tools import BenchError, Job, limit, play
from service.settings import Settings

WARM_UP_SECONDS = 0.5
WARM_UP_CONNECTIONS = 16
QUIET_SECONDS = 0.5
"""Seconds without an answer or a frame after which all count as received."""
PATIENCE_SECONDS = 60
DISTURBED = 0.1
"""Share of the cores used by others above which a measurement is invalid and repeated."""
ATTEMPTS = 3
SPARE_ATTEMPTS = 12
"""Repetitions of a whole run, so that it ends on a machine that is always busy."""


class Measurer:
    """Measures the scenarios on one node."""

    def __init__(
        self, settings: Settings, world: World, fixtures: Fixtures, node: Node, cores: Cores
    ) -> None:
        self._settings = settings
        self._world = world
        self._fixtures = fixtures
        self._node = node
        self._cores = cores
        self._attendees = Attendees(node.base, world)
        self._warnings: list[str] = []
        self._spare = SPARE_ATTEMPTS

    async def close(self) -> None:
        """Close the WebSockets."""
        await self._attendees.close()

    async def all(
        self, scenarios: Sequence[Scenario], connections: Sequence[int], seconds: float
    ) -> dict[str, Any]:
        """Measure all scenarios."""
        idle = self._node.memory()
        results: list[dict[str, Any]] = []
        for scenario in scenarios:
            await self._prepare(scenario)
            for number in connections:
                results.append(await self._undisturbed(scenario, Job(number, seconds, self._node.folder)))
                _say(results[-1])
        delivery = await self._delivery() if scenarios and scenarios[-1].kind == "fan-out" else None
        self._warnings += [f"in the log of the service: {line}" for line in self._node.problems()]
        return {
            "settings": {"workers": self._settings.workers, "db_pool": self._settings.db_pool},
            "books": {"small": self._world.small, "large": self._world.large},
            "scenarios": results,
            "delivery": delivery,
            "worker_mb": {"idle": idle, "after": self._node.memory()},
            "warnings": self._warnings,
        }

    async def _prepare(self, scenario: Scenario) -> None:
        """Let all attendees join, check every CALL, warm up connections and caches."""
        self._warnings += await self.differences(scenario)
        if scenario.room:
            await asyncio.to_thread(self._fixtures.join_directly, scenario.room)
        warm_up = Job(WARM_UP_CONNECTIONS, WARM_UP_SECONDS, self._node.folder)
        await play(warm_up, self._node.base, scenario.requests(self._world))
        await self._rest()

    async def _gather(self, scenario: Scenario) -> None:
        """Let the attendees join if the scenario needs it, again when slow sockets were disconnected."""
        if "editors" in scenario.needs:
            await add_edited_contacts(self._attendees.send, self._world)
        if "attendees" not in scenario.needs:
            return
        await self._attendees.open()
        if scenario.room:
            await self._attendees.join(scenario.room)
            await self._rest()

    async def _rest(self) -> float:
        """Wait until the service has finished its work; return the time of the last frame, 0 without one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        seen = (-1, -1)
        while seen != self._progress() and time.monotonic() < deadline:
            seen = self._progress()
            await asyncio.sleep(QUIET_SECONDS)
        return self._attendees.last_arrival()

    def _progress(self) -> tuple[int, int]:
        return self._node.log_size(), self._attendees.frames

    async def differences(self, scenario: Scenario) -> list[str]:
        """Return the differences between the CALLs of the service and those of its limit."""
        await self._gather(scenario)
        return [text for step in scenario.steps for text in await self._compare(scenario, step)]

    async def _compare(self, scenario: Scenario, step: Step) -> list[str]:
        words = scenario.cases(self._world)[0]
        case = {name: word.replace("UNIQUE__", "0") for name, word in words.items()}
        wanted = step.statements(case)
        await asyncio.to_thread(self._fixtures.listen)
        try:
            await self._attendees.send(step.request(case))
        finally:
            made = await asyncio.to_thread(self._fixtures.heard, [each.partition("(")[0] for each in wanted])
        if step.stored:
            made, wanted = ([step.stored.sub("…", each) for each in calls] for calls in (made, wanted))
        if made == wanted:
            return []
        return [f"{step.service} makes other CALLs than its limit: {made}, not {wanted}"]

    async def _undisturbed(self, scenario: Scenario, job: Job) -> dict[str, Any]:
        """Return the first measurement that others did not disturb, else the least disturbed one."""
        attempts = [await self._one(scenario, job)]
        while (attempts[-1]["others"] or 0) > DISTURBED and len(attempts) < ATTEMPTS and self._spare > 0:
            self._spare -= 1
            attempts.append(await self._one(scenario, job))
        return min(attempts, key=lambda each: each["others"] or 0)

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
        """Return the requests a second that the server could answer; None when the statements failed."""
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
        log, frames, tables = self._node.log_size(), self._attendees.frames, self._fixtures.disk_tables()
        before, start = await self._node.counters(), self._cores.mark()
        measured = await play(job, self._node.base, scenario.requests(self._world))
        ended = time.perf_counter()
        backlog = max(0.0, await self._rest() - ended)
        end, after = self._cores.mark(), await self._node.counters()
        lines = await asyncio.to_thread(self._node.requests_since, log, scenario.services)
        # wrk ends while its last requests are under way; the service has served those as well.
        served = len(lines) or measured["requests"]
        errors = {kind: count for kind, count in measured["errors"].items() if count}
        lost_pushes = _grown(before, after, "drumee_pushes_total", "dropped") + _grown(
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
            "disk_tables": round((self._fixtures.disk_tables() - tables) / served, 2),
            "retries": _grown(before, after, "drumee_call_retries_total"),
            "frames_per_request": round((self._attendees.frames - frames) / served, 2),
            "frames_after_seconds": round(backlog, 2),
            "pushes_lost": lost_pushes,
            "sockets_disconnected": _grown(before, after, "drumee_slow_sockets_total"),
        }

    async def _delivery(self) -> dict[str, float]:
        """Measure the latency of a broadcast to each of its sockets, one broadcast at a time."""
        every, last = await self._attendees.deliveries()
        return {
            "median_ms": round(statistics.median(every), 2),
            "last_socket_median_ms": round(statistics.median(last), 2),
            "broadcasts": len(last),
            "frames": len(every),
        }


def _grown(before: Mapping[str, float], after: Mapping[str, float], name: str, label: str = "") -> int:
    """Return the growth of a counter, summed over the series with this label."""
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
