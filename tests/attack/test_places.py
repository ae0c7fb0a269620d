"""Using up what strangers share: places for sockets without a session, and the sessions of a guest link."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from yarl import URL

from service.admin.registry import Registry
from service.app import SOCKETS
from service.auth.guests import GuestLimits
from service.live.lookups import SessionLookups
from service.settings import Settings
from service.store.redis import RedisServers
from service.web.address import AddressKey
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import People, Tab


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


async def test_one_address_cannot_take_all_sockets_without_a_session(
    make_node: NodeMaker, http: aiohttp.ClientSession
) -> None:
    node = await make_node(anonymous_sockets=6, anonymous_sockets_address=5, trust_proxy=True)

    async def connect(address: str) -> Tab:
        url, headers = node.make_url("/-/websocket/"), {"X-Forwarded-For": address}
        return Tab(await http.ws_connect(url, headers=headers))

    greedy = [await connect(f"2001:db8::{number:x}") for number in range(8)]
    for refused in greedy[5:]:
        await refused._reader
        assert refused.ws.close_code == 1013
    others = [await connect(f"2001:db8:{number:x}::1") for number in (1, 2, 3)]
    for number, tab in enumerate(others):
        assert await tab.expect_frame("sys.handshake") == {"error": "no session"}, number
    for displaced in greedy[:2]:
        await displaced._reader
        assert displaced.ws.close_code == 1013
    assert not any(tab.ws.closed for tab in [*greedy[2:5], *others])
    for tab in [*greedy, *others]:
        await tab.close()


async def test_sessions_that_do_not_exist_cost_a_bounded_number_of_calls(
    make_node: NodeMaker, http: aiohttp.ClientSession, people: People
) -> None:
    node = await make_node(socket_lookups=4, anonymous_sockets_address=200, trust_proxy=True)
    alice = await people("Alice", base=node.make_url("/"))
    url, sockets = node.make_url("/-/websocket/"), []
    waits: list[str | None] = []
    known = alice.http.cookie_jar.filter_cookies(alice.base)["regsid"].value
    # A clock that stands still: however slow the machine is, no lookup is refilled meanwhile.
    assert node.app is not None
    node.app[SOCKETS]._lookups = SessionLookups(4, clock=lambda: 0.0)

    async def connect(number: int, network: str = "2001:db8:1", **names: str) -> int:
        headers = {"X-Forwarded-For": f"{network}::{number:x}", **names}
        try:
            socket = await http.ws_connect(url, headers=headers)
            sockets.append(socket)
            await socket.receive(20)  # Its session has been looked up.
        except aiohttp.WSServerHandshakeError as refused:
            waits.append(refused.headers["Retry-After"] if refused.headers else None)
            return refused.status
        return 101

    def random_sid(number: int) -> dict[str, str]:
        return {"Cookie": f"regsid={number:040x}"}

    assert [await connect(1, Cookie=f"regsid={known}") for _ in range(6)] == [101] * 6, (
        "what exists is not counted"
    )
    first = await asyncio.gather(*(connect(number, **random_sid(number)) for number in range(60)))
    assert sorted(first) == [101] * 4 + [429] * 56
    assert set(waits) == {"1"}
    assert await connect(99, Cookie=f"regsid={known}") == 101, "a session that is known here"
    assert await connect(99) == 101, "no session, no lookup"
    assert await connect(1, "2001:db8:2", **random_sid(1)) == 101, "another network"
    await asyncio.gather(*(socket.close() for socket in sockets))


async def test_a_guest_link_opens_a_bounded_number_of_sessions(
    make_node: NodeMaker, http: aiohttp.ClientSession, people: People, registry: Registry, admin: Admin
) -> None:
    limits = {"guest_sessions": 6, "guest_sessions_address": 4, "trust_proxy": True}
    nodes = [(await make_node(**limits)).make_url("/") for _ in range(2)]
    alice = await people("Alice")
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, _ = registry.add_link(hub, "Tea", 1)

    async def open_link(base: URL, address: str, sid: str = "") -> tuple[int, dict[str, object], str]:
        headers = {"X-Forwarded-For": address, **({"x-param-regsid": sid} if sid else {})}
        async with http.post(base / "-/svc/dmz.login", json={"token": token}, headers=headers) as response:
            cookie = response.cookies.get("regsid")
            return response.status, orjson.loads(await response.read()), cookie.value if cookie else ""

    one_site = (open_link(nodes[n % 2], f"2001:db8::{n:x}") for n in range(20))
    answers = await asyncio.gather(*one_site)
    assert sorted(status for status, _, _ in answers) == [200] * 4 + [429] * 16
    refused = next(body for status, body, _ in answers if status == 429)
    assert refused["error"] == "TOO_MANY_GUESTS"
    assert "too many sessions" in str(refused["reason"])
    statuses = [(await open_link(nodes[0], f"2001:db8:{n:x}::1"))[0] for n in range(1, 5)]
    assert statuses == [200, 200, 429, 429], "as many of the link from all addresses"
    # A user with a session is admitted again.
    known = next(sid for status, _, sid in answers if status == 200)
    assert [(await open_link(nodes[0], "2001:db8::1", known))[0] for _ in range(5)] == [200] * 5
    assert (await alice.call("dmz.login", token=token)).data["validity"] == "TICKET_OK"
    assert admin.one("SELECT COUNT(*) FROM yp.permission WHERE hub_id = %s AND assign_via = 'link'", hub) == 7


async def test_the_sessions_of_a_link_are_counted_without_redis(settings: Settings) -> None:
    changed = dataclasses.replace(
        settings, guest_sessions=3, guest_sessions_address=2, redis="redis://127.0.0.1:1/0"
    )
    servers = RedisServers(changed)
    guests = GuestLimits(changed, servers)
    here, there = AddressKey("192.0.2.1"), AddressKey("192.0.2.2")
    waits = [await guests.admit("link", address) for address in (here, here, here, there, there)]
    await servers.close()
    assert (waits[:2], waits[3]) == ([0, 0], 0)
    assert 0 < waits[2] <= 3600 < waits[4] <= 86_400
