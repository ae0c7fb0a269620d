"""Loads of many clients: idle WebSockets, a broadcast in a big hub, a room with constant joins and leaves.

Each runs on a node of its own, with the workers that the issue names. At its end the third compares
the view of every client, from its joins and updates, with the database.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import orjson

from service.bench import names
from service.bench.cores import Cores, Groups
from service.bench.fixtures import Fixtures
from service.bench.names import ATTENDEES, BROADCAST_ROOM, LISTENERS, key
from service.bench.node import Node
from service.bench.tools import BenchError
from service.bench.view import RoomView

BROADCASTS = 30
OFFERED_PAIRS = 66
"""Join/leave pairs started each second: more than the required 60, which could not be reached otherwise."""
DEFLATE = 15
"""Bits of the window of permessage-deflate that clients offer, as browsers do."""
SETTLE_SECONDS = 2.0
PATIENCE_SECONDS = 30
AT_ONCE = 32
HUB, ROOM = key(names.HUB, ATTENDEES + BROADCAST_ROOM), key(names.ROOM, ATTENDEES + BROADCAST_ROOM)
HERE = {"hub_id": HUB, "room_id": ROOM}


class LoadClient:
    """One WebSocket of a listener, and its view of the room."""

    def __init__(self, base: str, http: aiohttp.ClientSession, number: int) -> None:
        self._base = base
        self._http = http
        self._headers = {"Cookie": f"regsid={key(names.SESSION, ATTENDEES + number % LISTENERS)}"}
        self._view = RoomView(ROOM)
        self.ended = ""
        self.heard: list[float] = []
        self.id = ""
        self.deflates = False
        """The service has taken up the offer of compression."""

    async def open(self) -> asyncio.Task[None]:
        """Connect; return the reader task."""
        ws = await self._http.ws_connect(
            f"{self._base}/-/websocket/", protocols=("service",), headers=self._headers, compress=DEFLATE
        )
        self.deflates = bool(ws.compress)
        self.id = orjson.loads(await ws.receive_str())["data"]["socket_id"]
        return asyncio.create_task(self._read(ws))

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT and '"live.update"' in message.data:
                    self._hear(message.data)
            self.ended = f"closed with code {ws.close_code}"
        except Exception as exc:
            # A reader that ends in silence would look like a service that does not deliver.
            self.ended = f"the reader failed: {exc!r}"

    def _hear(self, text: str) -> None:
        if '"conference.broadcast"' in text:
            self.heard.append(time.perf_counter())
        elif '"conference.' in text:
            self._view.hear(orjson.loads(text))

    async def call(self, service: str, **args: Any) -> Any:
        """Call a service; return its data. Raise BenchError unless it succeeds."""
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
        """Join the room, and read its members."""
        self._view.read(await self.call("conference.join", metadata={"type": "meeting", "audio": 1}))

    async def leave(self) -> None:
        """Leave the room."""
        await self.call("conference.leave")

    def believes(self) -> dict[str, str]:
        """Return the uid by socket of the room, as this client knows it."""
        return self._view.members()


class Run(NamedTuple):
    """What the work of a load needs: clients with open sockets on a running node."""

    node: Node
    clients: list[LoadClient]
    fixtures: Fixtures
    cores: Cores


Figures = dict[str, Any]
Measure = Callable[[Run, "Load"], Awaitable[Figures]]


@dataclass(frozen=True)
class Load:
    """One load: its sockets, its workers, and the work to do with them."""

    title: str
    workers: int
    sockets: int
    work: Measure
    pairs: int = 0


async def measure(
    load: Load, folder: Path, env: Mapping[str, str], fixtures: Fixtures, servers: Groups
) -> Figures:
    """Run one load. Raise BenchError when sockets ended or received nothing.

    `servers` returns the processes of the servers that the service uses, by name.
    """
    # Those of the load before are lost, and would get every update into their mailboxes.
    fixtures.forget_sockets()
    node = Node(folder, env)
    node.env["DRUMEE_WORKERS"] = str(load.workers)
    async with node, _session() as http:
        clients = [LoadClient(node.base, http, number) for number in range(load.sockets)]
        started = time.perf_counter()
        readers = await _open(clients)
        seconds = time.perf_counter() - started
        try:
            await asyncio.sleep(SETTLE_SECONDS)
            cores = Cores(lambda: {"service": node.pids(), **servers()})
            figures = await load.work(Run(node, clients, fixtures, cores), load)
            _check(clients)
        finally:
            for reader in readers:
                reader.cancel()
        return {
            "sockets": load.sockets,
            "workers": load.workers,
            "opened_in_seconds": round(seconds, 1),
            **figures,
        }


def _check(clients: list[LoadClient]) -> None:
    """Check that every socket is still open."""
    ended = [client.ended for client in clients if client.ended]
    if ended:
        raise BenchError(f"{len(ended)} of {len(clients)} sockets ended; the first: {ended[0]}")


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(limit=0))


async def _open(clients: list[LoadClient]) -> list[asyncio.Task[None]]:
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(client: LoadClient) -> asyncio.Task[None]:
        async with turn:
            return await client.open()

    return list(await asyncio.gather(*(one(client) for client in clients)))


async def _idle(run: Run, _load: Load) -> Figures:
    return {
        "worker_mb": max(worker["rss"] for worker in run.node.memory()),
        "deflate": sum(client.deflates for client in run.clients),
    }


async def _hear(run: Run, _load: Load) -> Figures:
    speaker, *hearers = run.clients
    await speaker.join()
    await asyncio.sleep(SETTLE_SECONDS)
    before, start = await run.node.counters(), run.cores.mark()
    waits = []
    for number in range(1, BROADCASTS + 1):
        started = time.perf_counter()
        await speaker.call("conference.broadcast", event="BENCH", payload={"text": "Hello, all of you"})
        await _all_heard(hearers, number)
        waits.append((max(h.heard[-1] for h in hearers) - started) * 1000)
    after = await run.node.counters()
    sent = sum(after[n] - before.get(n, 0) for n in after if "drumee_pushes_total" in n and "sent" in n)
    return {
        "hearers": len(hearers),
        "all_have_it_median_ms": round(statistics.median(waits), 1),
        "all_have_it_worst_ms": round(max(waits), 1),
        "redis_messages": round(sent / BROADCASTS, 2),
        **run.cores.costs_since(start, BROADCASTS),
    }


async def _all_heard(hearers: list[LoadClient], count: int) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while silent := sum(len(h.heard) < count for h in hearers):
        _check(hearers)
        if time.perf_counter() > deadline:
            raise BenchError(f"{silent} of {len(hearers)} sockets are open and have not heard a broadcast")
        await asyncio.sleep(0.002)


async def _come_and_go(run: Run, load: Load) -> Figures:
    clients = run.clients
    for client in clients:
        await client.join()
    free: asyncio.Queue[LoadClient] = asyncio.Queue()
    for client in random.sample(clients, len(clients)):
        free.put_nowait(client)
    start, started = run.cores.mark(), time.perf_counter()
    pairs = []
    for number in range(load.pairs):
        await asyncio.sleep(max(0.0, started + number / OFFERED_PAIRS - time.perf_counter()))
        pairs.append(asyncio.create_task(_pair(await free.get(), free)))
    waits = await asyncio.gather(*pairs)
    seconds = time.perf_counter() - started
    costs = run.cores.costs_since(start, load.pairs)
    await asyncio.sleep(SETTLE_SECONDS)
    rows = run.fixtures.rows("SELECT socket_id, uid, role FROM yp.conference WHERE room_id = %s", ROOM)
    stored = {socket: uid for socket, uid, _ in rows}
    return {
        "pairs_per_second": round(load.pairs / seconds, 1),
        "pairs": load.pairs,
        "pair_median_ms": round(statistics.median(waits) * 1000, 1),
        "hosts": [role for _, _, role in rows].count("host"),
        "too_slow_and_disconnected": (await run.node.counters()).get("drumee_slow_sockets_total", 0.0),
        "wrong_views": sum(client.believes() != stored for client in clients),
        **costs,
    }


async def _pair(client: LoadClient, free: asyncio.Queue[LoadClient]) -> float:
    started = time.perf_counter()
    await client.leave()
    await client.join()
    free.put_nowait(client)
    return time.perf_counter() - started


LOADS = {
    "idle": Load("load: idle sockets", 1, 10_000, _idle),
    "broadcast": Load("load: a broadcast to many", 2, 1_000, _hear),
    "room": Load("load: coming and going", 2, 100, _come_and_go, pairs=600),
}
