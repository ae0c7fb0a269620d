"""Hold a meeting while servers fail: in the end every client agrees with the database."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from service.admin.demo import WRITE
from service.admin.registry import Registry
from service.local.servers import MariaDB, Redis
from service.local.stack import Stack
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.conferences import Line, logged
from tests.support.nodes import serving
from tests.support.people import People, Person, Tab
from tests.support.rooms import View, stored
from tests.support.servers import server_of, start, stop
from tests.support.waiting import until

ROOM = "feedfacefeedface"


class Site(NamedTuple):
    """A service of two processes, with servers of its own."""

    stack: Stack
    admin: Admin
    registry: Registry
    people: People


@pytest.fixture
async def site(
    own: tuple[Stack, Settings],
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


def worker_of(admin: Admin, tab: Tab) -> int:
    """Return the pid of the process that holds a socket."""
    address: str = admin.one(
        "SELECT n.address FROM yp.socket AS s JOIN yp.node AS n ON n.id = s.node WHERE s.id = %s", tab.id
    )
    return int(address.rpartition(":")[2])


async def agree(admin: Admin, views: list[View]) -> None:
    """Wait until every client agrees with the database."""

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
        status: str = (await response.json())["status"]
        return status


async def test_a_meeting_survives_its_servers(site: Site) -> None:
    stack, admin, registry, people = site
    several = [await people(name) for name in ("Alice", "Bob", "Carol")]
    hub = registry.add_hub("Team", several[0].uid, "private")
    for person in several[1:]:
        registry.grant(hub, person.uid, WRITE)
    # Two tabs each.
    members = [person for person in several for _ in range(2)]
    views = [View(person, await person.tab(), hub, ROOM) for person in members]
    for view in views:
        await view.read()
    await agree(admin, views)
    before = stored(admin, ROOM)
    assert len(before) == 6

    # Redis restarts: nobody leaves, and changes during the outage arrive afterwards.
    await stop(server_of(stack, Redis))
    await members[0].ok("conference.leave", room_id=ROOM, socket_id=views[0].tab.id)
    await start(server_of(stack, Redis))
    await agree(admin, views[1:])
    await until(lambda: healthy(members[0]))
    await views[0].read()
    await agree(admin, views)
    assert set(stored(admin, ROOM)) == set(before)

    # MariaDB restarts: nobody leaves either, not even a tab that breaks meanwhile.
    await stop(server_of(stack, MariaDB))
    await views[5].tab.cut()
    await start(server_of(stack, MariaDB))
    await until(lambda: healthy(members[0]))
    await asyncio.sleep(4)
    assert stored(admin, ROOM) == before
    await views[5].come_back()
    await agree(admin, views)
    assert len(stored(admin, ROOM)) == 6
    before = stored(admin, ROOM)

    # A connection drops and returns: its seat was kept.
    cut = views[1].tab.id
    await views[1].tab.cut()
    await views[1].come_back()
    await agree(admin, views)
    assert cut not in stored(admin, ROOM)
    assert len(stored(admin, ROOM)) == 6

    # A process is killed; all of its clients but one return.
    victim = worker_of(admin, views[2].tab)
    hit = [view for view in views if worker_of(admin, view.tab) == victim]
    dropped = hit[0]
    os.kill(victim, signal.SIGKILL)
    await asyncio.gather(*(view.tab._reader for view in hit))
    rest = [view for view in views if view is not dropped]
    for view in hit[1:]:
        await view.come_back()
    old_socket = dropped.tab.id

    async def freed() -> bool:
        return old_socket not in stored(admin, ROOM)

    await until(freed, 30)
    await agree(admin, rest)
    assert sorted(stored(admin, ROOM).values()) == sorted(view.person.uid for view in rest)


async def test_a_call_survives_the_end_of_its_process_and_ends_when_nobody_is_back(site: Site) -> None:
    _, admin, registry, people = site
    alice, bob = await people("Alice"), await people("Bob")
    registry.befriend(alice.uid, bob.uid)
    line = await Line.between(alice, bob)
    call = await line.ring()
    await line.pick_up(call)
    room = call["room_id"]
    tabs = {alice.uid: line.a1, bob.uid: line.b1}

    async def kill_processes() -> None:
        """Kill -9 every process that holds one of the two."""
        for pid in {worker_of(admin, tab) for tab in tabs.values()}:
            os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*(tab._reader for tab in tabs.values()))

    await kill_processes()
    for person in (alice, bob):
        tabs[person.uid] = await _back(person, tabs[person.uid])
    assert stored(admin, room) == {tab.id: uid for uid, tab in tabs.items()}
    now = "SELECT status, ended_at, logged_at FROM yp.call_invitation WHERE room_id = %s"
    assert admin.rows(now, room) == [("accepted", None, None)]
    here = {"hub_id": call["hub_id"], "room_id": room, "socket_id": tabs[bob.uid].id}
    await bob.ok("conference.broadcast", event="HELLO", payload={"id": "b"}, **here)
    assert (await tabs[alice.uid].expect("conference.broadcast"))["model"] == {"id": "b"}

    await kill_processes()
    number_lost = "SELECT COUNT(*) FROM yp.socket WHERE state = 'lost' AND id IN (%s, %s)"
    ids = [tab.id for tab in tabs.values()]
    await until(lambda: admin.one(number_lost, *ids) == 2)
    # Their grace period is over.
    admin.rows("UPDATE yp.socket SET free_at = 1 WHERE id IN (%s, %s)", *ids)
    await until(lambda: stored(admin, room) == {})
    for owner, peer in ((alice, bob), (bob, alice)):
        ((event, *_),) = await logged(admin, owner, peer)
        assert event == "leave"


async def _back(person: Person, former: Tab) -> Tab:
    """Connect again, as the page does, until a process answers."""
    for _ in range(100):
        try:
            return await person.tab(was=former)
        except (aiohttp.ClientError, AssertionError, TimeoutError):
            await asyncio.sleep(0.2)
    raise AssertionError("no process serves the page")


async def shows_what_is_stored(who: Person, tab: Tab, other: Person) -> None:
    """Wait until the last presence update about a user matches the store."""

    async def same() -> bool:
        (row,) = await who.ok("contact.connection_status")
        updates = tab.updates("user.connection_status")
        return bool(updates) and updates[-1]["model"] == {"user_id": other.uid, "status": row["his_state"]}

    await until(same, 40)


async def test_presence_is_true_through_everything_that_breaks(site: Site) -> None:
    stack, admin, registry, people = site

    async def state() -> int:
        (row,) = await bob.ok("contact.connection_status")
        presence: int = row["his_state"]
        return presence

    alice, bob = await people("Alice"), await people("Bob")
    registry.befriend(alice.uid, bob.uid)
    b1, b2 = await bob.tab(), await bob.tab()
    a1, a2 = await alice.tab(), await alice.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    view = View(alice, a1, hub, ROOM)
    await view.read()
    for tab in (b1, b2):
        await shows_what_is_stored(bob, tab, alice)
    assert await state() == 2

    # A call ends while Redis is away.
    await stop(server_of(stack, Redis))
    await alice.ok("conference.leave", room_id=ROOM, socket_id=a1.id)
    await start(server_of(stack, Redis))
    for tab in (b1, b2):
        await shows_what_is_stored(bob, tab, alice)
    assert await state() == 1

    # A call begins after MariaDB was away.
    await stop(server_of(stack, MariaDB))
    await start(server_of(stack, MariaDB))
    await until(lambda: healthy(bob))
    await view.read()
    for tab in (b1, b2):
        await shows_what_is_stored(bob, tab, alice)
    assert await state() == 2

    # Her process is killed, and Alice does not come back.
    await a2.close()
    killed = worker_of(admin, a1)
    os.kill(killed, signal.SIGKILL)
    await a1._reader
    tabs = [tab if not tab.ws.closed else await bob.tab(was=tab) for tab in (b1, b2)]

    async def is_offline() -> bool:
        return await state() == 0

    await until(is_offline, 30)
    for tab in tabs:
        if tab in (b1, b2):
            await shows_what_is_stored(bob, tab, alice)
