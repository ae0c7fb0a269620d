"""A TCP proxy in front of a server, which a test makes hang or refuse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.background import end


class TcpProxy:
    """Passes bytes to a server while it is `open`; else it takes connections and never says a word."""

    def __init__(self, target: int | str) -> None:
        """`target`: a port, or the path of a Unix socket."""
        self._target = target
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def hang(self) -> None:
        self._is_open.clear()

    def pass_on(self) -> None:
        self._is_open.set()

    async def refuse(self) -> None:
        """Close all connections and take no more, until `start`."""
        assert self._server is not None
        self._server.close()
        await end(*self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._is_open.wait()
        up_writer = None
        try:
            up_reader, up_writer = await self._connect()
            await asyncio.gather(self._copy(reader, up_writer), self._copy(up_reader, writer))
        except OSError:
            pass
        finally:
            for each in filter(None, (writer, up_writer)):
                each.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, str):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            while not self._is_open.is_set():
                if reader.at_eof():
                    # This side gave up: the other one has to end its transaction.
                    writer.close()
                    return
                await asyncio.sleep(0.02)
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def tcp_proxy(target: int | str) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.refuse()
