"""Loading an address book in a process of its own: what it holds in memory, and what a kill -9 leaves."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from service.bench.node import Node
from service.demo import Registry
from service.settings import Settings
from tests.conftest import Admin
from tests.people import People, Person
from tests.test_loading import table, upload

SMALL, BIG = 1_000, 30_000
SAME_MB = 20
"""What two loads of any size may differ by: the allocator rounds up (3 were seen). 30,000 contacts held at
once would take 58."""


@pytest.fixture
async def process(settings: Settings, tmp_path: Path) -> AsyncIterator[Node]:
    env = {"DRUMEE_DB": settings.db, "DRUMEE_REDIS": settings.redis, "DRUMEE_WORKERS": "1"}
    async with Node(tmp_path, env) as node:
        yield node


@pytest.fixture
async def alice(process: Node, registry: Registry, password_hash: str) -> AsyncIterator[Person]:
    people = People(URL(process.base), registry, password_hash)
    yield await people("Alice")
    await people.close()


async def stored(admin: Admin, person: Person) -> int:
    """Contacts of a person, asked beside the loop that the clients live in."""
    statement = f"SELECT COUNT(*) FROM {person.shard}.contact WHERE owner_id = %s"
    return int(await asyncio.to_thread(admin.one, statement, person.uid))


async def peak_of(node: Node, work: Any) -> float:
    """The most megabytes that the worker and the reader it starts have had while something was done."""
    task, peak = asyncio.ensure_future(work), 0.0
    while not task.done():
        peak = max(peak, sum(worker["rss"] for worker in node.memory()) + sum(node.helpers()))
        await asyncio.sleep(0.02)
    await task
    return peak


async def test_memory_does_not_grow_with_the_file(process: Node, alice: Person) -> None:
    tab = await alice.tab()

    async def load(start: int, count: int) -> None:
        answer = await upload(alice, tab, "a.csv", table(count, start))
        assert answer.data["loaded"] == count, answer.body

    # the first load imports modules and opens connections
    await load(0, SMALL)
    small = await peak_of(process, load(SMALL, SMALL))
    big = await peak_of(process, load(2 * SMALL, BIG))
    assert big < small + SAME_MB, (small, big)


async def test_a_load_that_was_killed_is_finished_by_a_second_one(
    process: Node, alice: Person, admin: Admin
) -> None:
    count = 8_000
    tab = await alice.tab()
    loading = asyncio.create_task(upload(alice, tab, "a.csv", table(count)))
    while not (before := await stored(admin, alice)):
        assert not loading.done(), loading
        await asyncio.sleep(0.01)
    killed = process.pids()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(aiohttp.ClientError):
        await loading
    # whole transactions, not all of them
    left = await stored(admin, alice)
    assert 0 < before <= left < count
    assert left % 300 == 0

    await process.stop()
    async with process:
        answer = await upload(alice, await alice.tab(), "a.csv", table(count))
        assert (answer.data["total"], answer.data["rejected"]) == (count, [])
        # the server may still have carried out what the dead process had sent
        assert answer.data["loaded"] + answer.data["alreadyincontact"] == count
        assert answer.data["alreadyincontact"] >= left
        assert await stored(admin, alice) == count
    numbers = admin.rows(
        "SELECT COUNT(*), COUNT(DISTINCT contact_id), COUNT(DISTINCT email) "
        f"FROM {alice.shard}.contact_email WHERE owner_id = %s",
        alice.uid,
    )
    assert numbers == [(count, count, count)]
