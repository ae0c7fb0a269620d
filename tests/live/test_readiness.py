"""Leaving the balancer: `/-/ready`, the wait for a successor, and frames that are passed on."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import WSCloseCode
from aiohttp.test_utils import TestServer
from yarl import URL

from service.app import READINESS
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import People
from tests.support.waiting import until

ADDRESS = [{"email": "ada@x.example", "is_default": 1}]
OTHER_ADDRESS = [{"email": "bob@x.example", "is_default": 1}]


async def ready(base: URL) -> int:
    """Return the status of /-/ready."""
    async with aiohttp.ClientSession() as http, http.get(base / "-/ready") as answer:
        assert (await answer.json())["ready"] == (answer.status == 200)
        return answer.status


async def leave(server: TestServer) -> None:
    """Do what the process does at SIGTERM before it closes anything."""
    assert server.app is not None
    await server.app[READINESS].leave()


async def test_a_process_without_a_balancer_stops_at_once(make_node: NodeMaker) -> None:
    server = await make_node(drain_seconds=60, successor_seconds=60)
    async with asyncio.timeout(30):
        await leave(server)
    assert await ready(server.make_url("/")) == 200, "nobody has asked before: nobody has to notice"


async def test_the_balancer_notices_before_anything_closes(make_node: NodeMaker, people: People) -> None:
    server = await make_node(drain_seconds=0.5)
    base = server.make_url("/")
    assert await ready(base) == 200
    alice = await people("Alice", base=base)
    tab = await alice.tab()
    leaving = asyncio.create_task(leave(server))
    await until(lambda: _is_unready(base))
    # calls that are under way, and some that the balancer still sends, are answered
    await alice.ok("contact.add", firstname="Ada", email=ADDRESS)
    await tab.expect("contact.add")
    assert not tab.ws.closed
    await leaving
    assert not tab.ws.closed, "closing is what comes after leaving"


async def _is_unready(base: URL) -> bool:
    return await ready(base) == 503


async def test_the_only_process_stays_ready_until_another_one_comes(
    make_node: NodeMaker, admin: Admin
) -> None:
    server = await make_node(drain_seconds=0, successor_seconds=60)
    base = server.make_url("/")
    await ready(base)
    admin.rows("UPDATE yp.node SET leaving = 1")
    leaving = asyncio.create_task(leave(server))
    await asyncio.sleep(0.5)
    assert not leaving.done()
    assert await ready(base) == 200
    await make_node()
    async with asyncio.timeout(30):
        await leaving
    assert await ready(base) == 503


async def test_frames_for_a_tab_that_reconnects_are_passed_on(make_node: NodeMaker, people: People) -> None:
    old, new = await make_node(drain_seconds=0, socket_grace=30), await make_node(socket_grace=30)
    await ready(old.make_url("/"))
    alice = await people("Alice", base=new.make_url("/"))
    tab = await alice.tab(old.make_url("/"))
    await leave(old)
    stopping = asyncio.create_task(old.close())
    await until(lambda: tab.ws.closed)
    assert tab.ws.close_code == WSCloseCode.GOING_AWAY
    between = await alice.ok("contact.add", firstname="Between", email=ADDRESS)
    back = await alice.tab(was=tab)
    after = await alice.ok("contact.add", firstname="After", email=OTHER_ADDRESS)
    await back.expect("contact.add", 2)
    ids = [frame["model"]["contact_id"] for frame in back.updates("contact.add")]
    assert sorted(ids) == sorted([between["id"], after["id"]]), "each once"
    await stopping
