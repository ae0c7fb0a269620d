"""Each scenario at each number of connections: first the service, then, while it is idle, its limit."""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.bench.crowd import Crowd
from service.bench.node import Node
from service.bench.scenarios import Scenario, Step, World
from service.bench.tools import BenchError, Job, limit, play
from service.bench.town import Town
from service.settings import Settings

WARM_UP_SECONDS = 0.5
WARM_UP_CONNECTIONS = 16
PAUSE_SECONDS = 0.3
"""After a load, for what no request waits for."""
BACKGROUND = ("socket_refresh", "presence_recipients", "analytics_log", "session_touch", "session_purge")
"""Routines that the service calls on its own account."""


class Measurer:
    """Measures scenarios of one node."""

    def __init__(
        self, settings: Settings, world: World, town: Town, node: Node, folder: Path
    ) -> None:
        self._settings = settings
        self._world = world
        self._town = town
        self._node = node
        self._folder = folder
        self._crowd = Crowd(node.base, world)
        self._warnings: list[str] = []

    async def all(
        self, scenarios: Sequence[Scenario], connections: Sequence[int], seconds: float
    ) -> dict[str, Any]:
        """Everything that is measured on the service."""
        idle = self._node.memory()
        found: list[dict[str, Any]] = []
        for scenario in scenarios:
            await self._prepare(scenario)
            for number in connections:
                job = Job(number, seconds, self._folder)
                found.append(await self._one(scenario, job))
                _say(found[-1])
        delivery = await self._delivery() if any(s.seated == "plaza" for s in scenarios) else None
        self._warnings += [f"in the log of the service: {line}" for line in self._node.problems()]
        return {
            "settings": {"workers": self._settings.workers, "db_pool": self._settings.db_pool},
            "books": {"small": self._world.small, "large": self._world.large},
            "scenarios": found,
            "delivery": delivery,
            "worker_mb": {"idle": idle, "after": self._node.memory()},
            "warnings": self._warnings,
        }

    async def close(self) -> None:
        """Close the WebSockets."""
        await self._crowd.close()

    # --- one scenario ----------------------------------------------------------------------------

    async def _prepare(self, scenario: Scenario) -> None:
        """Everybody in his place, every CALL checked, every connection and cache warm."""
        await self._gather(scenario)
        if scenario.seated:
            await asyncio.to_thread(self._town.seat_directly, scenario.seated)
        for step in scenario.steps:
            await self._check(scenario, step)
        warm_up = Job(WARM_UP_CONNECTIONS, WARM_UP_SECONDS, self._folder)
        await play(warm_up, self._node.base, scenario.requests(self._world))
        await self._rest()

    async def _gather(self, scenario: Scenario) -> None:
        if "crowd" not in scenario.needs:
            return
        if await self._crowd.open() and scenario.seated:
            await self._crowd.sit(scenario.seated)

    async def _check(self, scenario: Scenario, step: Step) -> None:
        """One request must succeed, and make exactly the CALLs that its limit is measured with."""
        case = {
            name: value.replace("UNIQUE__", "0") for name, value in scenario.cases(self._world)[0].items()
        }
        self._town.start_listening()
        try:
            await self._crowd.send(step.request(case))
        finally:
            heard = self._town.heard()
        made = [each for each in heard if not any(f".{name}(" in each for name in BACKGROUND)]
        wanted = step.statements(case)
        if made != wanted:
            self._warnings.append(
                f"{step.service} does not make the CALLs of its limit: {made} instead of {wanted}"
            )

    async def _one(self, scenario: Scenario, job: Job) -> dict[str, Any]:
        await self._gather(scenario)
        served = await self._serve(scenario, job)
        statements = scenario.statements(self._world)
        rate = await limit(job, self._settings, statements, scenario.writes) / scenario.per_request()
        return {
            "name": scenario.title(self._world),
            "kind": scenario.kind,
            "connections": job.connections,
            **served,
            "limit_per_second": round(rate, 1),
            "ratio": round(served["requests_per_second"] / rate, 3),
        }

    async def _serve(self, scenario: Scenario, job: Job) -> dict[str, Any]:
        log, counters, frames = self._node.log_size(), await self._node.counters(), self._crowd.frames
        measured = await play(job, self._node.base, scenario.requests(self._world))
        backlog = await self._rest()
        after = await self._node.counters()
        lines = await asyncio.to_thread(
            self._node.requests_since, log, {step.service for step in scenario.steps}
        )
        grown = {name: value - counters.get(name, 0) for name, value in after.items()}
        if not lines or not measured["requests"]:
            raise BenchError(f"{scenario.title(self._world)}: no request was answered")
        requests = len(lines)
        failed = sum(measured["errors"].values()) + sum(line["status"] != 200 for line in lines)
        lost = _total(grown, "drumee_pushes_total", 'outcome="lost"', 'outcome="dropped"')
        ...
        return {}
