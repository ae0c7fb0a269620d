"""A node in an event loop of its own, for synchronous tests."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from aiohttp.test_utils import TestServer

from service.admin.registry import Registry
from service.app import make_app
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.nodes import Node
from tests.support.people import People


class World:
    """A node and its people in an event loop of their own, for a state machine that is synchronous."""

    def __init__(self, config: Settings, registry: Registry, password_hash: str, admin: Admin) -> None:
        self.admin = admin
        self._registry, self._hash = registry, password_hash
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.server: TestServer = self.do(self._serve(config))

    async def _serve(self, config: Settings) -> TestServer:
        server = Node(await make_app(config))
        await server.start_server()
        return server

    def do(self, work: Any) -> Any:
        """Run a coroutine in the loop; return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(300)

    def people(self) -> People:
        """Return a factory of people of this node."""
        return People(self.server.make_url("/"), self._registry, self._hash)

    def close(self) -> None:
        """Stop everything."""
        self.do(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
