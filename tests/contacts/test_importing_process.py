"""Import in a process of its own: its memory, and the rows that a kill -9 leaves behind."""

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

from service.admin.registry import Registry
from service.bench.node import Node
from service.contacts.import_batch import BATCH
from service.settings import Settings
from tests.support.address_files import table, upload
from tests.support.admin import Admin
from tests.support.people import People, Person

FIRST, SMALL, BIG = 400, 1_000, 7_000
SAME_MB = 8
"""Allowed difference between imports of any size: the allocator rounds up (3 seen). To hold 7,000 contacts
at once takes 12 more."""


@pytest.fixture
async def process(settings: Settings, tmp_path: Path) -> AsyncIterator[Node]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = {
        "DRUMEE_DB": settings.db,
        "DRUMEE_REDIS": settings.redis,
        "DRUMEE_WORKERS": "1",
        "TMPDIR": str(scratch),
    }
    async with Node(tmp_path, env) as node:
        yield node


@pytest.fixture
async def alice(process: Node, registry: Registry, password_hash: str) -> AsyncIterator[Person]:
    people = People(URL(process.base), registry, password_hash)
    yield await people("Alice")
    await people.close()


async def stored(admin: Admin, person: Person) -> int:
    """Count the contacts of a user, outside the event loop of the clients."""
    statement = f"SELECT COUNT(*) FROM {person.shard}.contact WHERE owner_id = %s"
    return int(await asyncio.to_thread(admin.one, statement, person.uid))


async def settled(admin: Admin, person: Person) -> int:
    """Count the contacts once the server has executed what the dead process had sent."""
    count = await stored(admin, person)
    while True:
        await asyncio.sleep(0.5)
        before, count = count, await stored(admin, person)
        if before == count:
            return count


async def peak_of(node: Node, work: Any) -> float:
    """Return the peak memory, in MB, of the worker since its start, and of its reader during some work."""
    task, reader = asyncio.ensure_future(work), 0.0
    while not task.done():
        # the system keeps the peaks, so that few looks are enough
        reader = max([reader, *node.helpers()])
        await asyncio.sleep(0.1)
    await task
    return sum(worker["peak"] for worker in node.memory()) + reader


async def test_memory_does_not_grow_with_the_file(process: Node, alice: Person) -> None:
    tab = await alice.tab()

    async def load(start: int, count: int) -> None:
        answer = await upload(alice, tab, "a.csv", table(count, start))
        assert answer.data["loaded"] == count, answer.body

    # The first import loads modules and opens connections.
    await load(0, FIRST)
    small = await peak_of(process, load(FIRST, SMALL))
    big = await peak_of(process, load(FIRST + SMALL, BIG))
    assert big < small + SAME_MB, (small, big)


async def test_a_load_that_was_killed_is_finished_by_a_second_one(
    process: Node, alice: Person, admin: Admin, tmp_path: Path
) -> None:
    count = 2_000
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
    assert list((tmp_path / "scratch").iterdir()) == [], "nobody's contacts stay in a file"
    # Whole transactions, but not all of them.
    loaded = await settled(admin, alice)
    assert 0 < before <= loaded < count
    assert loaded % BATCH == 0

    await process.stop()
    async with process:
        # The report says what was committed; a minute later, that nobody goes on.
        (report,) = await alice.ok("contact.load_reports")
        assert (report["state"], report["loaded"], report["total"]) == ("running", loaded, loaded)
        import_id = report["import_id"]
        await asyncio.to_thread(
            admin.rows,
            f"UPDATE {alice.shard}.import_report SET beat = beat - 61 WHERE owner_id = %s",
            alice.uid,
        )
        report = await alice.ok("contact.load_report", import_id=import_id)
        assert (report["state"], report["reason"], report["loaded"]) == ("failed", "interrupted", loaded)
        answer = await upload(alice, await alice.tab(), "a.csv", table(count))
        assert (answer.data["total"], answer.data["rejected"]) == (count, [])
        # The server may have executed statements that the dead process had sent.
        assert answer.data["loaded"] + answer.data["alreadyincontact"] == count
        assert answer.data["alreadyincontact"] >= loaded
        assert await stored(admin, alice) == count
    numbers = admin.rows(
        "SELECT COUNT(*), COUNT(DISTINCT contact_id), COUNT(DISTINCT email) "
        f"FROM {alice.shard}.contact_email WHERE owner_id = %s",
        alice.uid,
    )
    assert numbers == [(count, count, count)]
