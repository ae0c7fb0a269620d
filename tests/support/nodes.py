"""Service processes of the tests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer
from yarl import URL

from service import ROOT
from service.bench.node import free_port
from service.settings import Settings
from service.web.server import Runner
from tests.support.secrecy import note_secrets


@asynccontextmanager
async def serving(settings: Settings, run_dir: Path, workers: int) -> AsyncIterator[tuple[URL, int]]:
    """Run the real program with several processes; yield its URL and the pid of its manager."""
    port = free_port()
    env = os.environ | {
        "DRUMEE_DB": settings.db,
        "DRUMEE_REDIS": settings.redis,
        "DRUMEE_PORT": str(port),
        "DRUMEE_WORKERS": str(workers),
        "DRUMEE_RUN_DIR": str(run_dir),
    }
    log = (run_dir / "service.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service", "serve", cwd=ROOT, env=env, stderr=log
    )
    url = URL(f"http://127.0.0.1:{port}/")
    try:
        await _healthy(url)
        yield url, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 120)
        log.close()
    assert code == 0, (run_dir / "service.log").read_text()


async def _healthy(url: URL) -> None:
    async with aiohttp.ClientSession() as http:
        # a machine that does other work as well takes its time to import everything
        for _ in range(2400):
            try:
                async with http.get(url / "-/health") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
    raise AssertionError("the service did not come up")


class Node(TestServer):
    """A node in the process of the test, on the connections that the program has."""

    async def _make_runner(self, **options: Any) -> Runner:
        self.app.middlewares.insert(0, note_secrets)
        # As in the program, a handler goes on when its client goes away.
        return Runner(self.app, **{**options, "handler_cancellation": False})


NodeMaker = Callable[..., Awaitable[TestServer]]
