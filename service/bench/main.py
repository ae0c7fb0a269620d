"""`python -m service bench`: the whole run, on servers of its own, which it throws away."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from service.bench import deploys, relations, report
from service.bench.cores import Cores
from service.bench.load import LOADS, Load
from service.bench.load import measure as measure_load
from service.bench.measure import Measurer
from service.bench.node import Node
from service.bench.scenarios import SCENARIOS, Scenario, World
from service.bench.tools import BenchError, check_programs
from service.bench.town import Town
from service.deploy.deployer import Deployer, DeployError
from service.settings import Settings
from service.stack import KINDS, ROOT, Stack, StackError, read_pid

DEFAULT_SECONDS = 3.0
CONNECTIONS = (1, 16, 64)
RELATIONS = "contact.load, invite+accept"


@dataclass(frozen=True)
class Plan:
    """What to measure, how long each time, and in books of which size."""

    only: str = ""
    seconds: float = DEFAULT_SECONDS
    small: int = 1_000
    large: int = 100_000

    loads: Mapping[str, Load] = field(default_factory=lambda: LOADS)

    def chosen_loads(self) -> dict[str, Load]:
        """What is measured with many people at once."""
        return {name: load for name, load in self.loads.items() if self.only in load.title}

    @property
    def relations(self) -> bool:
        """Whether address books are loaded and people invited."""
        return self.only in RELATIONS and not (self.only and self.chosen_loads())


def bench(only: str, seconds: str) -> int:
    """Measure, print, write `bench.json`: 0 whether or not the targets are met, 2 when it could not run."""
    try:
        folder = ROOT / Settings.from_env().run_dir
        if only and only in "deploys":
            return _deploys(folder)
        status = run(Plan(only=only, seconds=_seconds(seconds)), folder)
        return status if only else _deploys(folder)
    except (BenchError, StackError, DeployError) as exc:
        print(exc, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted; nothing was written", file=sys.stderr)
        return 2


def _deploys(folder: Path) -> int:
    found = deploys.measure(_say)
    path = folder / "bench-deploys.json"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    print(f"\n{deploys.text(found)}\nwritten to {path}")
    return 0


def run(plan: Plan, folder: Path) -> int:
    """Carry out a plan; its results go to `folder`."""
    check_programs()
    world = World("shard1", plan.small, plan.large)
    chosen = [each for each in SCENARIOS if plan.only in each.title(world)]
    if not chosen and not plan.chosen_loads() and not plan.relations:
        titles = [each.title(world) for each in SCENARIOS]
        names = "\n  ".join([*titles, *(each.title for each in plan.loads.values()), RELATIONS])
        raise BenchError(f"no scenario has {plan.only!r} in its name; there are:\n  {names}")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        results = runner.run(_measure(plan, world, chosen))
    print(report.text(results))
    print(f"written to {report.write(results, folder)}")
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text or DEFAULT_SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise BenchError(f"--seconds {text} is not a duration: a number above 0, up to 600")
    return seconds


def _loop_factory() -> Any:
    """The loop that costs least: whoever reads the WebSockets shares the cores with the service."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _measure(plan: Plan, world: World, chosen: Sequence[Scenario]) -> dict[str, Any]:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    place = Path(tempfile.mkdtemp(prefix="drumee-bench-"))
    stack = Stack(place / "stack")
    try:
        await asyncio.to_thread(stack.start)
        results = await _on_stack(plan, world, chosen, place, stack)
    finally:
        stack.stop()
        shutil.rmtree(place, ignore_errors=True)
    return results | report.circumstances(plan.only, plan.seconds)


async def _on_stack(
    plan: Plan, world: World, chosen: Sequence[Scenario], place: Path, stack: Stack
) -> dict[str, Any]:
    node = Node(place, stack.env())
    settings = Settings.from_env(node.env)
    _say("deploying")
    await asyncio.to_thread(lambda: Deployer(settings, say=lambda _: None).deploy())
    needs = {need for each in chosen for need in each.needs} | ({"crowd"} if plan.chosen_loads() else set())
    town = Town(settings, world)
    _say(f"making people and contacts for {len(chosen)} scenarios")
    await asyncio.to_thread(town.build, needs)
    async with node:
        cores = Cores(lambda: {"service": node.pids(), **_server_pids(stack)})
        measurer = Measurer(settings, world, town, node, cores)
        try:
            results = await measurer.all(chosen, CONNECTIONS, plan.seconds)
        finally:
            await measurer.close()
    results["load"] = {}
    try:
        if plan.relations:
            with _told(results, RELATIONS):
                results["relations"] = await relations.measure(place, stack.env(), town)
        for name, load in plan.chosen_loads().items():
            with _told(results, load.title):
                results["load"][name] = await measure_load(load, place, stack.env(), town)
    finally:
        town.close()
    return results


@contextmanager
def _told(results: dict[str, Any], title: str) -> Iterator[None]:
    """What fails is told beside what was measured, and the rest goes on."""
    _say(title)
    try:
        yield
    except BenchError as exc:
        results["warnings"].append(f"{title}: {exc}")


def _server_pids(stack: Stack) -> dict[str, list[int]]:
    pids = {kind.key: read_pid(stack.run_dir / f"{kind.key}.pid") for kind in KINDS}
    return {key: [pid] for key, pid in pids.items() if pid}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
