"""Many at once: idle WebSockets, a broadcast in a big hub, a room where people come and go all the time.

Each on a node of its own, with the workers that the issue names. What is compared at the end of the third
is what every client believes, from what it read and was told, with what the database holds.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from service.bench import names
from service.bench.names import CROWD, LISTENERS, PLAZA, key
from service.bench.node import Node
from service.bench.tools import BenchError
from service.bench.town import Town

IDLE_SOCKETS = 5_000
HEARERS = 1_000
BROADCASTS = 10
ROOM_OF = 100
PAIRS_PER_SECOND = 50
PAIRS = 500
SETTLE_SECONDS = 2.0
PATIENCE_SECONDS = 30
AT_ONCE = 32
HUB, ROOM = key(names.HUB, CROWD + PLAZA), key(names.ROOM, CROWD + PLAZA)
HERE = {"hub_id": HUB, "room_id": ROOM}
ARRIVALS = {"conference.join", "conference.start"}


class Client:
    """One WebSocket of one of the listeners; his room as he believes it to be."""

    def __init__(self, base: str, http: aiohttp.ClientSession, number: int) -> None:
        self._base = base
        self._http = http
        self._headers = {"Cookie": f"regsid={key(names.SESSION, CROWD + number % LISTENERS)}"}
        self._told: list[tuple[int, str, str]] = []
        self._serial = 0
        self._known: set[str] = set()
        self.heard: list[float] = []
        self.id = ""

    async def open(self) -> asyncio.Task[None]:
        """Connect; the task that reads."""
        ws = await self._http.ws_connect(
            f"{self._base}/-/websocket/", protocols=("service",), headers=self._headers
        )
        self.id = orjson.loads(await ws.receive_str())["data"]["socket_id"]
        return asyncio.create_task(self._read(ws))

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is not aiohttp.WSMsgType.TEXT or '"live.update"' not in message.data:
                continue
            if '"conference.broadcast"' in message.data:
                self.heard.append(time.perf_counter())
            elif '"conference.' in message.data:
                frame = orjson.loads(message.data)
                model = frame["model"]
                self._told.append((model["serial"], frame["options"]["service"], model["socket_id"]))

    async def call(self, service: str, **args: Any) -> Any:
        """The data of a call; BenchError unless it succeeds."""
        async with self._http.post(
            f"{self._base}/-/svc/{service}",
            json={**HERE, "socket_id": self.id, **args},
            headers=self._headers,
        ) as response:
            answer = orjson.loads(await response.read())
        if response.status != 200:
            raise BenchError(f"{service} was answered {response.status}: {answer}")
        return answer["data"]

    async def join(self) -> None:
        """Enter the room, and read who is there."""
        joined = await self.call("conference.join", metadata={"type": "meeting", "audio": 1})
        self._serial = joined["serial"]
        self._known = {row["socket_id"] for row in (*joined["attendees"], joined["user"])}

    async def leave(self) -> None:
        """Leave the room."""
        await self.call("conference.leave")

    def believes(self) -> set[str]:
        """Sockets in the room, as far as this client knows."""
        known = set(self._known)
        for _, service, socket_id in sorted(told for told in self._told if told[0] > self._serial):
            if service in ARRIVALS:
                known.add(socket_id)
            elif service == "conference.leave":
                known.discard(socket_id)
        return known


Measure = Callable[[Node, list[Client], Town], Awaitable[dict[str, float]]]


async def measure(folder: Path, env: Mapping[str, str], town: Town) -> dict[str, dict[str, float]]:
    """All three, one after the other."""
    return {
        "idle": await _on_node(folder, env, town, 1, IDLE_SOCKETS, _idle),
        "broadcast": await _on_node(folder, env, town, 2, HEARERS, _hear),
        "room": await _on_node(folder, env, town, 2, ROOM_OF, _come_and_go),
    }


async def _on_node(
    folder: Path, env: Mapping[str, str], town: Town, workers: int, sockets: int, work: Measure
) -> dict[str, float]:
    node = Node(folder, env)
    node.env["DRUMEE_WORKERS"] = str(workers)
    async with node, _session() as http:
        clients = [Client(node.base, http, number) for number in range(sockets)]
        started = time.perf_counter()
        readers = await _open(clients)
        seconds = time.perf_counter() - started
        try:
            await asyncio.sleep(SETTLE_SECONDS)
            found = await work(node, clients, town)
        finally:
            for reader in readers:
                reader.cancel()
        return {"sockets": sockets, "workers": workers, "opened_in_seconds": round(seconds, 1), **found}


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0))


async def _open(clients: list[Client]) -> list[asyncio.Task[None]]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(client: Client) -> asyncio.Task[None]:
        async with turn:
            return await client.open()

    return list(await asyncio.gather(*(one(client) for client in clients)))


async def _idle(node: Node, _clients: list[Client], _town: Town) -> dict[str, float]:
    return {"worker_mb": max(worker["rss"] for worker in node.memory())}


async def _hear(node: Node, clients: list[Client], _town: Town) -> dict[str, float]:
    speaker, *hearers = clients
    await speaker.join()
    await asyncio.sleep(SETTLE_SECONDS)
    before = await node.counters()
    waits = []
    for number in range(1, BROADCASTS + 1):
        started = time.perf_counter()
        await speaker.call("conference.broadcast", event="BENCH", payload={"text": "Hello, all of you"})
        await _until(lambda number=number: all(len(h.heard) >= number for h in hearers))  # type: ignore[misc]
        waits.append((max(h.heard[-1] for h in hearers) - started) * 1000)
    after = await node.counters()
    sent = sum(after[n] - before.get(n, 0) for n in after if "drumee_pushes_total" in n and "sent" in n)
    return {
        "hearers": len(hearers),
        "all_have_it_median_ms": round(statistics.median(waits), 1),
        "all_have_it_worst_ms": round(max(waits), 1),
        "redis_messages": round(sent / BROADCASTS, 2),
    }


async def _until(done: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while not done():
        if time.perf_counter() > deadline:
            raise BenchError("not every socket has heard a broadcast")
        await asyncio.sleep(0.002)


async def _come_and_go(node: Node, clients: list[Client], town: Town) -> dict[str, float]:
    for client in clients:
        await client.join()
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in random.sample(clients, len(clients)):
        free.put_nowait(client)
    started = time.perf_counter()
    pairs = []
    for number in range(PAIRS):
        await asyncio.sleep(max(0.0, started + number / PAIRS_PER_SECOND - time.perf_counter()))
        pairs.append(asyncio.create_task(_pair(await free.get(), free)))
    await asyncio.gather(*pairs)
    seconds = time.perf_counter() - started
    await asyncio.sleep(SETTLE_SECONDS)
    stored = dict(town.rows("SELECT socket_id, role FROM yp.conference WHERE room_id = %s", ROOM))
    wrong = [client for client in clients if client.believes() != set(stored)]
    return {
        "pairs_per_second": round(PAIRS / seconds, 1),
        "pairs": PAIRS,
        "hosts": list(stored.values()).count("host"),
        "too_slow_and_disconnected": (await node.counters()).get("drumee_slow_sockets_total", 0.0),
        "wrong_views": len(wrong),
    }


async def _pair(client: Client, free: asyncio.Queue[Client]) -> None:
    await client.leave()
    await client.join()
    free.put_nowait(client)
