"""The WebSockets of the attendees, opened as browsers do, and drained."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiohttp
import orjson
from yarl import URL

from service.bench import names
from service.bench.names import ATTENDEES, LISTENERS, ROOMS, SEATS, key
from service.bench.scenarios import JOIN_STEP, SPEAK_STEP, Case, Request, World, attendee, speaker
from service.bench.tools import BenchError

PATIENCE_SECONDS = 60
AT_ONCE = 16
DELIVERIES = 30


class Attendees:
    """Real WebSockets: one for each user, each read by a task that counts frames."""

    def __init__(self, base: str, world: World) -> None:
        self._base = base
        self._world = world
        self._http = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0)
        )
        self._sockets: dict[int, aiohttp.ClientWebSocketResponse] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self._arrivals: list[float] = []
        self.frames = 0
        world.sockets = [""] * (ROOMS * SEATS)

    async def open(self) -> int:
        """Open the closed sockets; return their number."""
        missing = [n for n in range(ROOMS * SEATS) if n not in self._sockets or self._sockets[n].closed]
        await self._each(self._open, missing)
        return len(missing)

    async def _open(self, number: int) -> None:
        socket = await self._http.ws_connect(
            f"{self._base}/-/websocket/",
            protocols=("service",),
            headers={"Cookie": f"regsid={key(names.SESSION, ATTENDEES + number)}"},
        )
        hello = orjson.loads(await socket.receive_str())
        if hello["service"] != "sys.hello":
            raise BenchError(f"no sys.hello on a new WebSocket: {hello}")
        self._world.sockets[number] = hello["data"]["socket_id"]
        self._sockets[number] = socket
        task = asyncio.create_task(self._drain(socket))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _drain(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and '"live.update"' in message.data:
                self.frames += 1
                self._arrivals.append(time.perf_counter())

    async def join(self, where: str) -> None:
        """Join the rooms of the teams, or the broadcast room, by requests."""
        cases = [speaker(self._world, n) for n in range(ROOMS)]
        if where == "team":
            cases = [attendee(self._world, n) for n in range(ROOMS * SEATS)]
        await self._each(self._join, cases)

    async def _join(self, case: Case) -> None:
        await self.send(JOIN_STEP.request(case))

    async def send(self, request: Request) -> Any:
        """Send one request; return its data. Raise BenchError unless it succeeds."""
        headers = {"Cookie": f"regsid={request.session}"}
        if request.session.startswith("clk_"):
            headers = {"Authorization": f"Bearer {request.session}"}
        if request.body:
            headers["Content-Type"] = "application/json"
        async with self._http.request(
            request.method,
            URL(self._base + request.path, encoded=True),
            data=request.body.encode() or None,
            headers=headers,
        ) as response:
            answer = orjson.loads(await response.read())
        data = answer.get("data") or answer.get("lines")
        if response.status not in {200, 201} or not data:
            raise BenchError(f"{request.path} was answered {response.status}: {answer}")
        return data

    def last_arrival(self) -> float:
        """Return the time of the last frame since the last question, 0 without one."""
        last = self._arrivals[-1] if self._arrivals else 0.0
        self._arrivals.clear()
        return last

    async def deliveries(self) -> tuple[list[float], list[float]]:
        """Broadcast one at a time; return (ms to each frame, ms to the last frame of each broadcast)."""
        every: list[float] = []
        last: list[float] = []
        for number in range(DELIVERIES):
            self._arrivals.clear()
            started = time.perf_counter()
            await self.send(SPEAK_STEP.request(speaker(self._world, number % ROOMS)))
            await self._until(LISTENERS)
            latencies = [(arrived - started) * 1000 for arrived in self._arrivals]
            every += latencies
            last.append(max(latencies))
        return every, last

    async def _until(self, count: int) -> None:
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while len(self._arrivals) < count:
            if time.perf_counter() > deadline:
                raise BenchError(f"{len(self._arrivals)} of {count} sockets heard a broadcast")
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Close all sockets."""
        await self._each(lambda socket: socket.close(), list(self._sockets.values()))
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self._http.close()

    @staticmethod
    async def _each(act: Any, items: list[Any]) -> None:
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(item: Any) -> None:
            async with turn:
                await act(item)

        await asyncio.gather(*(one(item) for item in items))
