"""A meeting through everything that can break: in the end every client sees what the database holds."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from service.demo import WRITE, Registry
from service.settings import Settings
from service.stack import MariaDB, Redis, Stack
from tests.conftest import Admin
from tests.people import People, Person, Tab
from tests.rooms import View, stored
from tests.test_faults import own, part, start, stop, until  # noqa: F401  # own is a fixture
from tests.test_push import serving

ROOM = "feedfacefeedface"


class Site(NamedTuple):
    """A service of two processes, with servers of its own."""

    stack: Stack
    admin: Admin
    registry: Registry
    people: People


@pytest.fixture
async def site(
    own: tuple[Stack, Settings],  # noqa: F811
    password_hash: str,
    tmp_path: Path,
) -> AsyncIterator[Site]:
    stack, settings = own
    registry = Registry(settings)
    folder = tmp_path / "service"
    folder.mkdir()
    async with serving(settings, folder, workers=2) as (url, _):
        people = People(url, registry, password_hash)
        yield Site(stack, Admin(settings), registry, people)
        await people.close()


def worker_of(admin: Admin, view: View) -> int:
    """Pid of the process that holds a client's socket."""
    address: str = admin.one(
        "SELECT n.address FROM yp.socket AS s JOIN yp.node AS n ON n.id = s.node WHERE s.id = %s", view.tab.id
    )
    return int(address.rpartition(":")[2])


async def agree(admin: Admin, views: list[View]) -> None:
    """Wait until every client sees what is stored."""

    async def same() -> bool:
        there = stored(admin, ROOM)
        return all(view.members() == there for view in views)

    try:
        await until(same, 40)
    except AssertionError:
        raise AssertionError((stored(admin, ROOM), [view.members() for view in views])) from None


async def healthy(person: Person) -> bool:
    return (await person.call("yp.hello")).status == 200 and (await _health(person)) == "ok"


async def _health(person: Person) -> str:
    async with person.http.get(person.base / "-/health") as response:
        found: str = (await response.json())["status"]
        return found


async def test_a_meeting_survives_its_servers(site: Site) -> None:
    stack, admin, registry, people = site
    several = [await people(name) for name in ("Alice", "Bob", "Carol")]
    hub = registry.add_hub("Team", several[0].uid, "private")
    for person in several[1:]:
        registry.grant(hub, person.uid, WRITE)
    # with two tabs each
    members = [person for person in several for _ in range(2)]
    views = [View(person, await person.tab(), hub, ROOM) for person in members]
    for view in views:
        await view.read()
    await agree(admin, views)
    before = stored(admin, ROOM)
    assert len(before) == 6

    # Redis restarts: nobody is lost, and what happened meanwhile is heard when it is back
    await stop(part(stack, Redis))
    await members[0].ok("conference.leave", room_id=ROOM, socket_id=views[0].tab.id)
    await start(part(stack, Redis))
    await agree(admin, views[1:])
    await until(lambda: healthy(members[0]))
    await views[0].read()
    await agree(admin, views)
    assert set(stored(admin, ROOM)) == set(before)

    # MariaDB restarts: nobody is lost either
    await stop(part(stack, MariaDB))
    await start(part(stack, MariaDB))
    await until(lambda: healthy(members[0]))
    await asyncio.sleep(4)
    assert stored(admin, ROOM) == before
    await agree(admin, views)

    # a cable is pulled and put in again: the place was kept
    cut = views[1].tab.id
    await views[1].tab.cut()
    await views[1].come_back()
    await agree(admin, views)
    assert cut not in stored(admin, ROOM)
    assert len(stored(admin, ROOM)) == 6

    # a process is killed; of its clients all come back, but one
    victim = worker_of(admin, views[2])
    hit = [view for view in views if worker_of(admin, view) == victim]
    lost = hit[0]
    os.kill(victim, signal.SIGKILL)
    await asyncio.gather(*(view.tab._reader for view in hit))
    rest = [view for view in views if view is not lost]
    for view in hit[1:]:
        await view.come_back()
    gone = lost.tab.id

    async def freed() -> bool:
        return gone not in stored(admin, ROOM)

    await until(freed, 30)
    await agree(admin, rest)
    assert sorted(stored(admin, ROOM).values()) == sorted(view.person.uid for view in rest)


async def told_what_is_stored(who: Person, tab: Tab, other: Person) -> None:
    """Wait until the last thing that somebody was told of another's presence is what the store says."""

    async def same() -> bool:
        (row,) = await who.ok("contact.connection_status")
        told = tab.updates("user.connection_status")
        return bool(told) and told[-1]["model"] == {"user_id": other.uid, "status": row["his_state"]}

    await until(same, 40)


async def test_presence_is_true_through_everything_that_breaks(site: Site) -> None:
    stack, admin, registry, people = site

    async def state() -> int:
        (row,) = await bob.ok("contact.connection_status")
        found: int = row["his_state"]
        return found

    alice, bob = await people("Alice"), await people("Bob")
    registry.befriend(alice.uid, bob.uid)
    b1, b2 = await bob.tab(), await bob.tab()
    a1, a2 = await alice.tab(), await alice.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    view = View(alice, a1, hub, ROOM)
    await view.read()
    for tab in (b1, b2):
        await told_what_is_stored(bob, tab, alice)
    assert await state() == 2

    # a call ends while Redis is away
    await stop(part(stack, Redis))
    await alice.ok("conference.leave", room_id=ROOM, socket_id=a1.id)
    await start(part(stack, Redis))
    for tab in (b1, b2):
        await told_what_is_stored(bob, tab, alice)
    assert await state() == 1

    # one begins after MariaDB was away
    await stop(part(stack, MariaDB))
    await start(part(stack, MariaDB))
    await until(lambda: healthy(bob))
    await view.read()
    for tab in (b1, b2):
        await told_what_is_stored(bob, tab, alice)
    assert await state() == 2

    # her process is killed, and she does not come back
    await a2.close()
    killed = worker_of(admin, view)
    os.kill(killed, signal.SIGKILL)
    await a1._reader
    tabs = [tab if not tab.ws.closed else await bob.tab(was=tab) for tab in (b1, b2)]

    async def gone() -> bool:
        return await state() == 0

    await until(gone, 30)
    for tab in tabs:
        if tab in (b1, b2):
            await told_what_is_stored(bob, tab, alice)
