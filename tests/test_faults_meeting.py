"""A meeting through everything that can break: in the end every client sees what the database holds."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from service.demo import WRITE, Registry
from service.settings import Settings
from service.stack import MariaDB, Redis, Stack
from tests.conftest import Admin
from tests.people import People, Person
from tests.rooms import View, stored
from tests.test_faults import own, part, start, stop, until  # noqa: F401  # own is a fixture
from tests.test_push import serving

ROOM = "feedfacefeedface"


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


async def test_a_meeting_survives_its_servers(
    own: tuple[Stack, Settings],  # noqa: F811
    password_hash: str,
    tmp_path: Path,
) -> None:
    stack, settings = own
    admin, registry = Admin(settings), Registry(settings)
    folder = tmp_path / "service"
    folder.mkdir()
    async with serving(settings, folder, workers=2) as (url, _):
        people = People(url, registry, password_hash)
        members = [await people(name) for name in ("Alice", "Bob", "Carol", "Dave", "Erin", "Frank")]
        hub = registry.add_hub("Team", members[0].uid, "private")
        for person in members[1:]:
            registry.grant(hub, person.uid, WRITE)
        views = [View(person, await person.tab(), hub, ROOM) for person in members]
        for view in views:
            await view.read()
        await agree(admin, views)
        before = stored(admin, ROOM)
        assert len(before) == 6

        # Redis restarts: nobody is lost; who misses a push reads again
        await stop(part(stack, Redis))
        await members[0].ok("conference.leave", room_id=ROOM, socket_id=views[0].tab.id)
        await start(part(stack, Redis))
        await until(lambda: healthy(members[0]))
        for view in views:
            await view.read()
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
        await people.close()
