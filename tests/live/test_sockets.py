"""The WebSocket endpoint, frame by frame."""

from __future__ import annotations

import re

import aiohttp
import pytest
from yarl import URL

from service.admin.demo import WRITE
from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, Tab
from tests.support.waiting import until


async def test_hello_comes_first_with_the_user_and_a_url_safe_id(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    hello = await tab.hello()
    assert tab.ws.protocol == "service"
    assert re.fullmatch(r"[A-Za-z0-9_]{8,30}", hello["socket_id"])
    assert (hello["user"]["id"], hello["user"]["signed_in"], hello["user"]["connection"]) == (
        alice.uid,
        1,
        "online",
    )
    assert "hash" not in hello


async def test_a_token_opens_one_socket_and_the_cookie_any_number(people: People) -> None:
    alice = await people("Alice")
    token = (await alice.ok("bootstrap.authn"))["token"]
    nobody = await people.stranger()
    url = nobody.base / "-/websocket/"
    # The frontend writes `?&otak=`.
    first = Tab(
        await nobody.http.ws_connect(URL(f"{url}?&otak={token}", encoded=True), protocols=("service",))
    )
    assert (await first.hello())["user"]["id"] == alice.uid
    second = Tab(await nobody.http.ws_connect(url.with_query(otak=token), protocols=("service",)))
    assert await second.expect_frame("sys.handshake") == {"error": "no session"}
    by_cookie = Tab(await alice.http.ws_connect(url, protocols=("service",)))
    assert (await by_cookie.hello())["user"]["id"] == alice.uid
    for tab in (first, second, by_cookie):
        await tab.close()


async def test_frames_of_the_client_are_answered_as_the_contract_says(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    await tab.ws.send_json(["sys.ping", {"serial": 1, "type": "checkConnection"}])
    assert await tab.expect_frame("sys.ping") == {"ok": 1}
    await tab.ws.send_json({"service": "sys.bind", "data": {}})
    assert (await tab.expect_frame("sys.socket_bound"))["socket_id"] == tab.id
    await tab.ws.send_json(["sys.ping", {"type": "whatever", "x": 1}])
    await tab._wait(lambda: tab.frames[-1]["data"].get("x") == 1)
    assert tab.frames[-1]["data"] == {"type": "whatever", "x": 1, "ok": 1}


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "[1]", "{}", '["sys.ping"]', '["sys.ping", 5]', "not json", "[" * 5000, "x" * 6000,
     '["sys.ping", {"type": "debug", "on": 1}]', '{"service": "sys.ping", "data": {"type": ["a"]}}',
     '["sys.hello", {"a": ' + '[' * 900 + ']' * 900 + '}]', '["unknown.service", {}]', '{"service": 7}'],
)  # fmt: skip
async def test_odd_frames_are_ignored(people: People, text: str) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    await tab.ws.send_str(text)
    await tab.ws.send_bytes(b"\x00\xff")
    await tab.ws.send_json(["sys.ping", {"type": "checkConnection"}])
    assert (await tab.expect_frame("sys.ping")).get("ok") == 1
    assert not tab.ws.closed


async def test_pages_of_other_origins_open_no_socket(people: People, make_node: NodeMaker) -> None:
    alice = await people("Alice")
    url = alice.base / "-/websocket/"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await alice.http.ws_connect(url, origin="https://evil.example")
    assert refused.value.status == 403
    own = await alice.http.ws_connect(url, origin=f"http://{alice.base.host}:{alice.base.port}")
    await own.close()
    node = await make_node(public_url="https://drumee.example.org", allowed_origins="https://more.example")
    for origin in ("https://drumee.example.org", "https://more.example"):
        await (await alice.http.ws_connect(node.make_url("/-/websocket/"), origin=origin)).close()


async def test_the_server_sends_keepalives(make_node: NodeMaker, people: People) -> None:
    node = await make_node(socket_keepalive=4)
    alice = await people("Alice", base=node.make_url("/"))
    tab = await alice.tab()
    assert (await tab.expect_frame("sys.keepalive"))["timestamp"] > 1_700_000_000_000


async def test_a_client_that_does_not_read_is_disconnected(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    node = await make_node(socket_queue=20, socket_keepalive=600)
    alice, bob = [await people(name, base=node.make_url("/")) for name in ("Alice", "Bob")]
    team = registry.add_hub("Team", alice.uid, "private")
    registry.grant(team, bob.uid, WRITE)
    alice_tab, slow_tab, healthy = await alice.tab(), await bob.tab(), await bob.tab()
    room = await alice.ok(
        "conference.join", hub_id=team, socket_id=alice_tab.id, metadata={"type": "meeting"}
    )
    here = {"hub_id": team, "room_id": room["user"]["room_id"], "socket_id": alice_tab.id, "event": "BIG"}
    slow_tab.transport.pause_reading()
    for n in range(400):
        await alice.ok("conference.broadcast", payload={"n": n, "fill": "x" * 60_000}, **here)
        if "drumee_slow_sockets_total 0.0" not in await _metrics(alice):
            break
    else:
        pytest.fail("never disconnected")
    slow_tab.transport.abort()
    # Other sockets miss nothing.
    await healthy.expect("conference.broadcast", n + 1)
    assert [f["model"]["n"] for f in healthy.updates("conference.broadcast")] == list(range(n + 1))


async def _metrics(person: Person) -> str:
    async with person.http.get(person.base / "-/metrics") as response:
        return await response.text()


async def test_a_closed_socket_is_removed_and_its_contacts_are_notified(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    for one, other in ((alice, bob), (bob, alice)):
        contact = await one.ok("contact.add", invitee_id=other.uid)
        admin.rows("UPDATE shard1.contact SET uid = peer_id, status = 'active' WHERE id = %s", contact["id"])
    carol = await people("Carol")
    carol_tab = await carol.tab()
    bob_tab = await bob.tab()
    tab = await alice.tab()
    assert (await bob_tab.expect("user.connection_status"))["model"] == {"user_id": alice.uid, "status": 1}
    await tab.cut()
    assert (await bob_tab.expect("user.connection_status", 2))["model"] == {"user_id": alice.uid, "status": 0}
    assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE uid = %s", alice.uid) == 0
    await carol_tab.nothing("user.connection_status", 0.1)


async def test_offline_and_online_by_ping_change_presence_and_never_the_session(
    people: People, admin: Admin
) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    for kind, state in (("publishOfflineStatus", "idle"), ("publishOnlineStatus", "active")):
        await tab.ws.send_json(["sys.ping", {"serial": 1, "type": kind}])
        now = f"SELECT state = '{state}' FROM yp.socket WHERE id = %s"
        await until(lambda now=now: admin.one(now, tab.id))  # type: ignore[misc]
    assert (await alice.ok("yp.hello"))["signed_in"] == 1


async def test_updates_keep_the_order_of_the_calls(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    adds = [
        alice.call("contact.add", firstname=str(n), email=[{"email": f"n{n}@x.example", "is_default": 1}])
        for n in range(40)
    ]
    for one in adds:
        assert (await one).status == 200
    await tab.expect("contact.add", 40)
    assert [f["model"]["surname"] for f in tab.updates("contact.add")] == [str(n) for n in range(40)]


async def test_a_socket_that_floods_is_closed_and_the_others_are_not(
    make_node: NodeMaker, people: People
) -> None:
    alice = await people("Alice", base=(await make_node(socket_frames=30)).make_url("/"))
    flood, calm = await alice.tab(), await alice.tab()
    for number in range(40):
        if flood.ws.closed:
            break
        await flood.ws.send_json(["sys.ping", {"serial": number, "type": "checkConnection"}])
    await flood._reader
    assert flood.ws.close_code == 1008
    await calm.ws.send_json(["sys.ping", {"serial": 1, "type": "checkConnection"}])
    assert await calm.expect_frame("sys.ping") == {"ok": 1}


async def test_a_session_has_so_many_sockets_and_no_more(make_node: NodeMaker, people: People) -> None:
    base = (await make_node(session_sockets=2)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    first, second = await alice.tab(), await alice.tab()
    token = (await alice.ok("bootstrap.authn"))["token"]
    third = Tab(await alice.http.ws_connect((base / "-/websocket/").with_query(otak=token)))
    await third._reader
    assert third.ws.close_code == 1008
    assert third.frames == [
        {"service": "sys.handshake", "data": {"error": "too many sockets of this session"}}
    ]
    await bob.tab()
    # A slot is free again after its socket closes.
    await second.close()
    assert (await alice.tab()).id != first.id


async def test_a_person_has_so_many_sockets_in_all_sessions(make_node: NodeMaker, people: People) -> None:
    base = (await make_node(person_sockets=2)).make_url("/")
    alice, bob, phone = (
        await people("Alice", base=base),
        await people("Bob", base=base),
        await people.stranger(base),
    )
    phone.email = alice.email
    await phone.sign_in()
    first, _second = await alice.tab(), await phone.tab()
    token = (await phone.ok("bootstrap.authn"))["token"]
    third = Tab(await phone.http.ws_connect((base / "-/websocket/").with_query(otak=token)))
    await third._reader
    assert third.ws.close_code == 1008
    assert third.frames == [
        {"service": "sys.handshake", "data": {"error": "too many sockets of this person"}}
    ]
    await bob.tab()
    await first.close()
    await phone.tab()


async def test_sockets_without_a_session_are_bounded(make_node: NodeMaker, people: People) -> None:
    base = (await make_node(anonymous_sockets=2)).make_url("/")
    nobody, alice = await people.stranger(base), await people("Alice", base=base)
    tabs = [Tab(await nobody.http.ws_connect(base / "-/websocket/")) for _ in range(3)]
    await tabs[2]._reader
    assert tabs[2].ws.close_code == 1013
    assert not any(tab.ws.closed for tab in tabs[:2])
    await alice.tab()
    for tab in tabs:
        await tab.close()
