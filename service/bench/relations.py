"""Measure imports of address books, and invitations: contact.load, contact.invite, contact.invite_accept.

They run on a node with one worker, so that its memory is that of the import. Meanwhile another user
pages through their address book, ten pages a second at most.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from service.bench import names
from service.bench.fixtures import Fixtures
from service.bench.names import STRANGERS, key
from service.bench.node import Node
from service.bench.tools import BenchError

CONTACTS = 100_000
PAIRS = 400
AT_ONCE = 16
LOOK_SECONDS = 0.05
PAGE_SECONDS = 0.1
HEADER = "First Name,Last Name,E-mail Address,Mobile Phone,Home Street,Home City,Categories,Notes"


async def measure(
    folder: Path, env: Mapping[str, str], fixtures: Fixtures, contacts: int = CONTACTS, pairs: int = PAIRS
) -> dict[str, dict[str, float]]:
    """Measure both, one after the other; the file is a CSV as Outlook writes it."""
    await asyncio.to_thread(fixtures.add_people, STRANGERS, 2 * pairs + 2)
    node = Node(folder, env)
    node.env["DRUMEE_WORKERS"] = "1"
    async with node, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        people = [Person(node.base, http, STRANGERS + number) for number in range(2 * pairs + 2)]
        return {
            "pairs": await _get_acquainted(people[2:]),
            "load": await _load(node, people[0], people[1], contacts),
        }


class Person:
    """A user with a session."""

    def __init__(self, base: str, http: aiohttp.ClientSession, number: int) -> None:
        self._base = base
        self._http = http
        self.uid = key(names.PERSON, number)
        self._headers = {"Cookie": f"regsid={key(names.SESSION, number)}"}

    async def call(self, service: str, **args: Any) -> Any:
        """Call a service and return its data; BenchError unless it succeeds."""
        return await self._post(service, orjson.dumps(args), {})

    async def upload(self, contacts: int) -> Any:
        """Upload a file with this many contacts, generated on the fly; return the data of contact.load."""
        upload_args = orjson.dumps({"filename": "book.csv", "socket_id": "bench"}).decode()
        headers = {"x-param-xia-data": quote(upload_args), "Content-Type": "application/octet-stream"}
        return await self._post("contact.load", _file(contacts), headers)

    async def _post(self, service: str, body: Any, headers: Mapping[str, str]) -> Any:
        async with self._http.post(
            f"{self._base}/-/svc/{service}",
            data=body,
            headers={**self._headers, **headers},
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            answer = orjson.loads(await response.read())
        if response.status != 200:
            raise BenchError(f"{service} was answered {response.status}: {answer}")
        return answer["data"]


async def _file(contacts: int) -> AsyncIterator[bytes]:
    yield f"{HEADER}\n".encode()
    for start in range(0, contacts, 1000):
        rows = (
            f"First{i},Last{i},person{i}@load{i % 100}.example,+33 6{i:08d},{i} Main Street,Lyon,"
            f"Group {i % 20},Met in {1950 + i % 70}\n"
            for i in range(start, min(start + 1000, contacts))
        )
        yield "".join(rows).encode()


async def _get_acquainted(people: list[Person]) -> dict[str, float]:
    """Measure pairs a second: one user invites, the other accepts."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def pair(inviter: Person, invited: Person) -> None:
        async with turn:
            await inviter.call("contact.invite", email=invited.uid)
            await invited.call("contact.invite_accept", email=inviter.uid)

    started = time.perf_counter()
    await asyncio.gather(*(pair(*people[n : n + 2]) for n in range(0, len(people), 2)))
    seconds = time.perf_counter() - started
    pairs = len(people) // 2
    return {"pairs": pairs, "pairs_per_second": round(pairs / seconds, 1), "at_once": AT_ONCE}


async def _load(node: Node, loader: Person, reader: Person, contacts: int) -> dict[str, float]:
    waits: list[float] = []
    async with _watch(node) as peak, _turning_pages(reader, waits):
        before = peak["worker_mb"]
        started = time.perf_counter()
        answer = await loader.upload(contacts)
        seconds = time.perf_counter() - started
    if answer["loaded"] != contacts:
        raise BenchError(f"of {contacts} contacts {answer['loaded']} were loaded")
    return {
        "contacts": contacts,
        "contacts_per_second": round(contacts / seconds),
        "grown_mb": round(peak["worker_mb"] - before + peak["reader_mb"], 1),
        **{name: round(value, 1) for name, value in peak.items()},
        "others_p50_ms": round(statistics.median(waits), 1),
        "others_worst_ms": round(max(waits), 1),
    }


@asynccontextmanager
async def _watch(node: Node) -> AsyncIterator[dict[str, float]]:
    """Peaks of the memory of the worker, and of the process that reads the file for it."""
    peak = {"worker_mb": 0.0, "reader_mb": 0.0}

    def look() -> None:
        peak["worker_mb"] = max(peak["worker_mb"], *(worker["rss"] for worker in node.memory()))
        peak["reader_mb"] = max([peak["reader_mb"], *node.helpers()])

    async def watch() -> None:
        while True:
            await asyncio.to_thread(look)
            await asyncio.sleep(LOOK_SECONDS)

    look()
    task = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        task.cancel()


@asynccontextmanager
async def _turning_pages(person: Person, waits: list[float]) -> AsyncIterator[None]:
    async def turn() -> None:
        while True:
            started = time.perf_counter()
            await person.call("contact.show_contact")
            waits.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(PAGE_SECONDS)

    task = asyncio.create_task(turn())
    try:
        yield
    finally:
        task.cancel()
