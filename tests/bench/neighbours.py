"""Measure how long one person waits while another reads far back in a big book.

Run it with `python -m tests.bench.neighbours`. The first line is the quiet service, the second one without a
share for each person, the third one with it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

from aiohttp.test_utils import TestServer
from yarl import URL

from service.admin.registry import Registry
from service.app import make_app
from service.auth.passwords import hash_password
from service.deploy.deployer import Deployer
from service.local.stack import Stack
from service.settings import Settings
from tests.support.people import PASSWORD, People, Person

CONTACTS = 20_000
CONNECTIONS = 32
SECONDS = 12.0
UNLIMITED = 1000


async def main() -> None:
    """Print median and worst of the neighbour's first page, and the answers of both."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder) / "stack", leashed=True) as stack:
        env = stack.env()
        settings = Settings(
            db=env["DRUMEE_DB"],
            db_admin=env["DRUMEE_DB_ADMIN"],
            redis=env["DRUMEE_REDIS"],
            run_dir=folder,
            rate_limit=0,
        )
        Deployer(settings, say=lambda _: None).deploy()
        people = People(URL(), Registry(settings), hash_password(PASSWORD))
        pair = await people.registered("Alice"), await people.registered("Bob")
        await _measure(settings, pair, 0)
        await _measure(dataclasses.replace(settings, person_calls=UNLIMITED), pair, CONNECTIONS)
        await _measure(settings, pair, CONNECTIONS)
        await people.close()


async def _measure(settings: Settings, pair: tuple[Person, Person], connections: int) -> None:
    """Measure a node of its own, with so many connections of the first of the pair."""
    server = TestServer(await make_app(settings))
    await server.start_server()
    alice, bob = pair
    for person, contacts in ((alice, CONTACTS), (bob, 200)):
        person.base = server.make_url("/")
        await person.sign_in()
        if not connections:
            await _fill(person, contacts)
    end = time.monotonic() + SECONDS
    statuses: Counter[int] = Counter()
    readers = [asyncio.create_task(_read_far_back(alice, end, statuses)) for _ in range(connections)]
    pages = []
    await asyncio.sleep(1)
    while time.monotonic() < end:
        started = time.perf_counter()
        await bob.ok("contact.show_contact")
        pages.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.05)
    await asyncio.gather(*readers)
    print(
        f"{connections} connections, {settings.person_calls} at once: "
        f"median {statistics.median(pages):.0f} ms, worst {max(pages):.0f} ms, "
        f"answers to the reader {dict(statuses)}",
        flush=True,
    )
    await server.close()


async def _fill(person: Person, contacts: int) -> None:
    for start in range(0, contacts, 1000):
        entries = [
            {"firstname": f"Anna{n}", "lastname": f"Ames{n % 97}", "email": [{"email": f"a{n}@x.example"}]}
            for n in range(start, min(start + 1000, contacts))
        ]
        await person.ok("contact.import", list=entries)


async def _read_far_back(person: Person, end: float, statuses: Counter[int]) -> None:
    while time.monotonic() < end:
        statuses[(await person.call("contact.show_contact", name="a", page=150)).status] += 1


if __name__ == "__main__":
    asyncio.run(main())
