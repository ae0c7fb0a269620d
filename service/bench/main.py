"""`python -m service bench`: the whole run, on temporary servers."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service import WORK_DIR
from service.bench import against, cards, deploys, ratios, relations, report, shards
from service.bench.cores import Cores
from service.bench.fixtures import Fixtures
from service.bench.load import LOADS, Load
from service.bench.load import measure as measure_load
from service.bench.measure import Measurer
from service.bench.node import Node
from service.bench.revisions import check_out
from service.bench.scenarios import SCENARIOS, Scenario, World
from service.bench.tools import BenchError, check_programs
from service.deploy.deployer import Deployer
from service.errors import CommandError
from service.local.processes import read_pid
from service.local.servers import KINDS
from service.local.stack import Stack
from service.settings import Settings

DEFAULT_SECONDS = 3.0
CONNECTIONS = (1, 16, 64)
RELATIONS = "contact.load, invite+accept"


@dataclass(frozen=True)
class BenchOptions:
    """The scenarios, the seconds of each, and the sizes of the books."""

    only: str = ""
    seconds: float = DEFAULT_SECONDS
    small: int = 1_000
    large: int = 100_000

    loads: Mapping[str, Load] = field(default_factory=lambda: LOADS)

    def chosen_loads(self) -> dict[str, Load]:
        """Return the loads to measure with many clients at once."""
        return {name: load for name, load in self.loads.items() if self.only in load.title}

    @property
    def relations(self) -> bool:
        """Return whether to measure imports of address books and invitations."""
        return self.only in RELATIONS and not (self.only and self.chosen_loads())

    @property
    def cards(self) -> bool:
        """Return whether to measure CardDAV."""
        return self.only in cards.TITLE


def bench(only: str, seconds: str, revision: str = "", shard_count: int = shards.SHARDS) -> int:
    """Measure, print, write `bench.json`. Return 0, with or without missed targets; 2 when it cannot run."""
    try:
        folder = WORK_DIR / Settings.from_env().run_dir
        if revision:
            return compare(BenchOptions(only=only, seconds=_seconds(seconds)), revision, folder)
        if only == shards.TITLE:
            return _shards(folder, shard_count)
        if only and only in "deploys":
            return _deploys(folder)
        status = run(BenchOptions(only=only, seconds=_seconds(seconds)), folder)
        return status if only else _deploys(folder)
    except CommandError as exc:
        print(exc, file=sys.stderr)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("interrupted; nothing was written", file=sys.stderr)
        return 2


def _deploys(folder: Path) -> int:
    results = deploys.measure(_say)
    path = report.write(results, folder, "bench-deploys.json")
    print(f"\n{deploys.text(results)}\nwritten to {path}")
    return 0


def _shards(folder: Path, count: int) -> int:
    results = shards.measure(_say, count)
    path = report.write(results, folder, "bench-shards.json")
    print(f"\n{shards.text(results)}\nwritten to {path}")
    return 0


def compare(options: BenchOptions, revision: str, folder: Path) -> int:
    """Measure another revision and this checkout in turns, and write the results to `folder`."""
    check_programs()
    world = World("shard1", options.small, options.large)
    chosen = _chosen(options, world)
    load = options.only in against.LOAD
    if not chosen and not load:
        raise _nothing_of_that_name(options, [*_titles(world), against.LOAD])
    comparison = against.compare(
        check_out(revision), chosen, (options.small, options.large), options.seconds, load=load
    )
    results = _run(comparison) | report.circumstances(options.only, options.seconds)
    print(ratios.text(results))
    print(f"written to {report.write(results, folder, 'bench-against.json')}")
    return 0


def run(options: BenchOptions, folder: Path) -> int:
    """Measure what the options name, and write the results to `folder`."""
    check_programs()
    world = World("shard1", options.small, options.large)
    chosen = _chosen(options, world)
    if not chosen and not options.chosen_loads() and not options.relations and not options.cards:
        loads = [each.title for each in options.loads.values()]
        raise _nothing_of_that_name(options, [*_titles(world), *loads, RELATIONS, cards.TITLE])
    results = _run(_measure(options, world, chosen))
    print(report.text(results))
    document = {**results, "targets": report.targets(results)}
    print(f"written to {report.write(document, folder)}")
    return 0


def _chosen(options: BenchOptions, world: World) -> list[Scenario]:
    return [each for each in SCENARIOS if options.only in each.title(world)]


def _titles(world: World) -> list[str]:
    return [each.title(world) for each in SCENARIOS]


def _nothing_of_that_name(options: BenchOptions, titles: Sequence[str]) -> BenchError:
    names = "\n  ".join(titles)
    return BenchError(f"no scenario has {options.only!r} in its name; there are:\n  {names}")


def _run(measuring: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    async def cancelled_by_sigterm() -> dict[str, Any]:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await measuring

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(cancelled_by_sigterm())


def _seconds(text: str) -> float:
    try:
        seconds = float(text or DEFAULT_SECONDS)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 600:
        raise BenchError(f"--seconds {text} is not a duration: a number above 0, up to 600")
    return seconds


def _loop_factory() -> Any:
    """Return the cheapest event loop: the reader of the WebSockets shares the cores with the service."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _measure(options: BenchOptions, world: World, chosen: Sequence[Scenario]) -> dict[str, Any]:
    place = Path(tempfile.mkdtemp(prefix="drumee-bench-"))
    stack = Stack(place / "stack")
    try:
        await asyncio.to_thread(stack.start)
        results = await _on_stack(options, world, chosen, place, stack)
    finally:
        stack.stop()
        shutil.rmtree(place, ignore_errors=True)
    return results | report.circumstances(options.only, options.seconds)


async def _on_stack(
    options: BenchOptions, world: World, chosen: Sequence[Scenario], place: Path, stack: Stack
) -> dict[str, Any]:
    node = Node(place, stack.env())
    settings = Settings.from_env(node.env)
    _say("deploying")
    await asyncio.to_thread(lambda: Deployer(settings, say=lambda _: None, examples=False).deploy())
    needs = {need for each in chosen for need in each.needs} | (
        {"attendees"} if options.chosen_loads() else set()
    )
    fixtures = Fixtures(settings, world)
    _say(f"making people and contacts for {len(chosen)} scenarios")
    await asyncio.to_thread(fixtures.build, needs)
    async with node:
        cores = Cores(lambda: {"service": node.pids(), **_server_pids(stack)})
        measurer = Measurer(settings, world, fixtures, node, cores)
        try:
            results = await measurer.all(chosen, CONNECTIONS, options.seconds)
        finally:
            await measurer.close()
    results["load"] = {}
    try:
        if options.relations:
            with _failures_as_warnings(results, RELATIONS):
                results["relations"] = await relations.measure(place, stack.env(), fixtures)
        if options.cards:
            with _failures_as_warnings(results, cards.TITLE):
                results["cards"] = await cards.measure(place, stack.env(), fixtures)
        for name, load in options.chosen_loads().items():
            with _failures_as_warnings(results, load.title):
                results["load"][name] = await measure_load(
                    load, place, stack.env(), fixtures, lambda: _server_pids(stack)
                )
    finally:
        fixtures.close()
    return results


@contextmanager
def _failures_as_warnings(results: dict[str, Any], title: str) -> Iterator[None]:
    """Add a failure to the warnings of the results, and go on."""
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
