"""Stop and start the MariaDB and Redis of a test."""

from __future__ import annotations

import asyncio

from service.local.servers import PrivateServer
from service.local.stack import Stack


def server_of(stack: Stack, kind: type[PrivateServer]) -> PrivateServer:
    (server,) = [s for s in stack._servers if isinstance(s, kind)]
    return server


async def stop(server: PrivateServer) -> None:
    server.terminate()
    await asyncio.to_thread(server.await_end)


async def start(server: PrivateServer) -> None:
    await asyncio.to_thread(server.begin)
    await asyncio.to_thread(server.await_ready)
