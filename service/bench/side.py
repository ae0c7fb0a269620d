"""Serve one revision of the project until standard input ends: its servers, its data, its service.

`against.py` runs this file by its path, with that revision on PYTHONPATH, so that a revision fills its own
tables. It uses only what the bench of every revision since `65b7173` has.

The only argument is JSON: `needs`, `small` and `large` of the data. The first line of standard output is
JSON as well: `base`, `env` (settings of the servers), `pids` (of each group), `contacts` (ids).
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from service.bench.fixtures import Fixtures
from service.bench.node import Node
from service.bench.scenarios import World
from service.deploy.deployer import Deployer
from service.local.processes import read_pid
from service.local.servers import KINDS
from service.local.stack import Stack
from service.settings import Settings


def main(order: dict[str, Any]) -> None:
    """Start everything, print the line, wait, and stop everything."""
    place = Path(tempfile.mkdtemp(prefix="drumee-bench-"))
    stack = Stack(place / "stack", leashed=True)
    try:
        stack.start()
        asyncio.run(_serve(order, place, stack))
    finally:
        stack.stop()
        shutil.rmtree(place, ignore_errors=True)


async def _serve(order: dict[str, Any], place: Path, stack: Stack) -> None:
    node = Node(place, stack.env())
    world = World("shard1", order["small"], order["large"])
    _fill(Settings.from_env(node.env), world, set(order["needs"]))
    async with node:
        servers = {kind.key: [read_pid(stack.run_dir / f"{kind.key}.pid")] for kind in KINDS}
        line = {
            "base": node.base,
            "env": stack.env(),
            "pids": {"service": node.pids(), **servers},
            "contacts": world.contacts,
        }
        print(orjson.dumps(line).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def _fill(settings: Settings, world: World, needs: set[str]) -> None:
    Deployer(settings, say=lambda _: None).deploy()
    fixtures = Fixtures(settings, world)
    fixtures.build(needs)


if __name__ == "__main__":
    main(orjson.loads(sys.argv[1]))
