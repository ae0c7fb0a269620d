"""Sessions: their list, their ends, their number, and the WebSockets that end with them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from yarl import URL

from service.filemail.errors import INVALID_TOKEN
from service.live.heartbeat import BEAT_SECONDS
from service.rest.websocket import Times
from tests.support.admin import Admin
from tests.support.login_token import Client as LoginTokenClient
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person
from tests.support.rest import ClientMaker
from tests.support.waiting import until

Browser = Callable[..., Awaitable[Person]]
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def browser(people: People) -> Browser:
    """Sign a person in with one more browser."""

    async def sign_in(person: Person, base: URL | None = None) -> Person:
        other = await people.stranger(base or person.base)
        other.email, other.uid, other.shard = person.email, person.uid, person.shard
        assert (await other.sign_in()).data["status"] == "ok"
        return other

    return sign_in


async def is_signed_in(person: Person) -> bool:
    return bool((await person.ok("yp.hello"))["signed_in"])


async def test_a_person_sees_their_sign_ins_of_all_kinds_and_no_others(
    people: People, browser: Browser, client_of: ClientMaker
) -> None:
    alice, _bob = await people("Alice"), await people("Bob")
    await browser(alice)
    await (await client_of(person=alice, scope="")).login()
    token = LoginTokenClient(alice)
    await token.login()
    sessions = await alice.ok("drumate.sessions")
    assert sorted(s["kind"] for s in sessions) == ["browser", "browser", "rest", "token"]
    assert [s["current"] for s in sessions].count(1) == 1
    assert {s["address"] for s in sessions} == {"127.0.0.1"}
    assert all("aiohttp" in s["ua"] and s["ctime"] <= s["mtime"] < s["expiry"] for s in sessions)
    cookie = alice.http.cookie_jar.filter_cookies(alice.base)["regsid"].value
    assert not {s["id"] for s in sessions} & {cookie[:16], token.token[:16]}, "ids tell no secret"


async def test_ending_a_session_closes_its_tabs_and_no_others(
    people: People, browser: Browser, client_of: ClientMaker
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    phone = await browser(alice)
    here, there = await alice.tab(), await phone.tab()
    (listed,) = [s for s in await phone.ok("drumate.sessions") if s["current"]]
    assert (await bob.call("drumate.logout_session", id=listed["id"])).code == "SESSION_NOT_FOUND"
    assert await alice.ok("drumate.logout_session", id=listed["id"]) == {"ended": 1}
    await there._reader
    assert there.ws.close_code == 1008
    assert there.updates("drumate.logout")
    assert not await is_signed_in(phone)
    assert await is_signed_in(alice)
    assert not here.ws.closed
    assert (await alice.call("drumate.logout_session", id=listed["id"])).status == 404
    api = await client_of(person=alice, scope="")
    await api.login()
    (grant,) = [s for s in await alice.ok("drumate.sessions") if s["kind"] == "rest"]
    await alice.ok("drumate.logout_session", id=grant["id"])
    assert (await api.get("/auth/me")).status == 401


async def test_ending_the_present_session_signs_out(people: People) -> None:
    alice = await people("Alice")
    (own,) = await alice.ok("drumate.sessions")
    answer = await alice.call("drumate.logout_session", id=own["id"])
    assert (answer.data, answer.body["__status__"]) == ({"ended": 1}, "offline")
    assert 'regsid=""' in answer.headers["Set-Cookie"]
    assert not await is_signed_in(alice)


@pytest.mark.parametrize("keep_current", [0, 1])
async def test_signing_out_everywhere_ends_all_kinds(
    people: People, browser: Browser, client_of: ClientMaker, keep_current: int
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    phone = await browser(alice)
    api = await client_of(person=alice, scope="")
    refresh = (await api.login())["refresh_token"]
    with_key = await client_of(person=alice)
    live = await api.socket()
    filemail = LoginTokenClient(alice)
    await filemail.login()
    tab, own = await phone.tab(), await alice.tab()
    assert await alice.ok("drumate.logout_everywhere", keep_current=keep_current) == {
        "ended": 4 - keep_current
    }
    await tab._reader
    assert tab.ws.close_code == 1008
    assert await live.closed() == 4401
    assert not await is_signed_in(phone)
    assert await is_signed_in(alice) is bool(keep_current)
    if keep_current:
        assert not own.ws.closed
    else:
        await own._reader
    assert (await api.get("/auth/me")).status == 401
    assert (await api.post("/auth/refresh", {"refresh_token": refresh})).status == 401
    assert (await filemail.error("contacts/get"))[1] == INVALID_TOKEN[1]
    assert (await with_key.get("/auth/me")).status == 200, "keys are no sessions"
    assert await is_signed_in(bob)


async def test_api_clients_list_and_end_the_sign_ins_of_their_user(
    people: People, browser: Browser, client_of: ClientMaker
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    phone = await browser(alice)
    tab = await phone.tab()
    api, other = await client_of(person=alice, scope=""), await client_of(person=alice, scope="")
    of_bob = await client_of(person=bob, scope="")
    own = (await api.login())["refresh_token_id"]
    refresh = (await other.login())["refresh_token"]
    await of_bob.login()
    filemail = LoginTokenClient(alice)
    await filemail.login()
    live = await other.socket()

    listed = await api.get("/auth/sessions")
    assert listed.headers["Cache-Control"] == "no-store"
    assert sorted(s["kind"] for s in listed.data) == ["browser", "browser", "rest", "rest", "token"]
    assert [s["id"] for s in listed.data if s["current"]] == [own]
    assert {s["address"] for s in listed.data} == {"127.0.0.1"}
    assert all(s["created_at"] <= s["last_used_at"] < s["expires_at"] for s in listed.data)
    assert {s["id"] for s in listed.data} == {s["id"] for s in await alice.ok("drumate.sessions")}
    assert [s["kind"] for s in (await of_bob.get("/auth/sessions")).data].count("rest") == 1

    (there,) = [s["id"] for s in await phone.ok("drumate.sessions") if s["current"]]
    assert (await of_bob.delete(f"/auth/sessions/{there}")).error == (404, "NOT_FOUND")
    assert await is_signed_in(phone)
    assert (await api.delete(f"/auth/sessions/{there}")).data == {"id": there, "deleted": True}
    await tab._reader
    assert tab.ws.close_code == 1008
    assert not await is_signed_in(phone)
    assert (await api.delete(f"/auth/sessions/{there}")).error == (404, "NOT_FOUND")

    assert (await api.delete("/auth/sessions?keep_current=true")).data == {"ended": 3}
    assert await live.closed() == 4401
    assert not await is_signed_in(alice)
    assert (await other.get("/auth/me")).status == 401
    assert (await other.post("/auth/refresh", {"refresh_token": refresh})).status == 401
    assert (await filemail.error("contacts/get"))[1] == INVALID_TOKEN[1]
    assert [s["id"] for s in (await api.get("/auth/sessions")).data] == [own]

    assert (await api.delete("/auth/sessions")).data == {"ended": 1}
    assert (await api.get("/auth/sessions")).error == (401, "UNAUTHORIZED")
    assert await is_signed_in(bob)
    assert (await of_bob.get("/auth/me")).status == 200


@pytest.mark.parametrize("scope", ["agent", "sync", "system"])
async def test_keys_neither_see_nor_end_sign_ins(people: People, client_of: ClientMaker, scope: str) -> None:
    alice = await people("Alice")
    api = await client_of(person=alice, scope=scope)
    (own,) = await alice.ok("drumate.sessions")
    for method, path in (("GET", ""), ("DELETE", ""), ("DELETE", f"/{own['id']}")):
        answer = await api.send(method, f"/auth/sessions{path}", headers={"X-Claw-User-Id": alice.uid})
        assert answer.error == (403, "INSUFFICIENT_SCOPE"), (method, path)
    assert await is_signed_in(alice)
    api.token = ""
    assert (await api.get("/auth/sessions")).error == (401, "UNAUTHORIZED")
    assert (await api.delete("/auth/sessions")).error == (401, "UNAUTHORIZED")
    assert (await api.post("/auth/sessions", {})).error == (405, "METHOD_NOT_ALLOWED")
    await api.login()
    assert (await api.delete("/auth/sessions?keep_current=perhaps")).error == (400, "INVALID_QUERY")
    assert await is_signed_in(alice)


async def test_a_session_ends_even_when_it_is_used(
    people: People, make_node: NodeMaker, client_of: ClientMaker, admin: Admin
) -> None:
    base = (await make_node(session_lifetime=3600)).make_url("/")
    alice = await people("Alice", base=base)
    api = await client_of(person=alice, scope="", base=base)
    tokens = await api.login()
    filemail = LoginTokenClient(alice)
    await filemail.login()
    for table in ("session", "api_grant", "api_token"):
        expiry = f"SELECT expiry - ctime FROM yp.{table} WHERE uid = %s"
        assert admin.one(expiry, alice.uid) == 3600, table
        admin.rows(
            f"UPDATE yp.{table} SET ctime = ctime - 3000, mtime = mtime - 3000, expiry = expiry - 3000 "
            "WHERE uid = %s", alice.uid,
        )  # fmt: skip
    assert await is_signed_in(alice)
    assert (await api.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})).status == 200
    await filemail.ok("contacts/get")
    for table in ("session", "api_token", "api_grant"):
        used = f"SELECT mtime > ctime, expiry - ctime FROM yp.{table} WHERE uid = %s"
        await until(lambda used=used: admin.rows(used, alice.uid) == [(1, 3600)])  # type: ignore[misc]


async def test_a_person_has_so_many_sessions_and_the_one_unused_for_longest_goes(
    people: People, make_node: NodeMaker, browser: Browser, client_of: ClientMaker, admin: Admin
) -> None:
    base = (await make_node(sessions=3)).make_url("/")
    alice = await people("Alice", base=base)
    bob = await people("Bob", base=base)
    tab = await alice.tab()
    second = await browser(alice)
    admin.rows("UPDATE yp.session SET mtime = mtime - 100 WHERE uid = %s", alice.uid)
    third = await browser(alice)
    await second.sign_in()
    fourth = await browser(alice)
    await tab._reader
    assert tab.ws.close_code == 1008
    assert [await is_signed_in(p) for p in (alice, second, third, fourth, bob)] == [
        False, True, True, True, True,
    ]  # fmt: skip
    api = await client_of(person=alice, scope="", base=base)
    tokens = [(await api.login())["access_token"] for _ in range(5)]
    statuses = []
    for api.token in tokens:
        statuses.append((await api.get("/auth/me")).status)
    assert statuses.count(200) == 3
    assert statuses[-1] == 200
    filemail = LoginTokenClient(alice)
    for _ in range(5):
        await filemail.login()
    assert admin.one("SELECT COUNT(*) FROM yp.api_token WHERE uid = %s", alice.uid) == 3
    await filemail.ok("contacts/get")


async def test_sign_ins_at_the_same_moment_count_each_other(
    people: People, make_node: NodeMaker, browser: Browser, admin: Admin
) -> None:
    nodes = [(await make_node(sessions=3)).make_url("/") for _ in range(2)]
    alice = await people.registered("Alice", base=nodes[0])
    await asyncio.gather(*(browser(alice, nodes[n % 2]) for n in range(9)))
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE uid = %s", alice.uid) == 3


@pytest.mark.parametrize("redis", ["", AWAY], ids=["with Redis", "Redis away"])
@pytest.mark.parametrize("state", ["frozen", "archived", "locked"])
async def test_an_account_that_is_closed_loses_its_sockets(
    people: People, make_node: NodeMaker, client_of: ClientMaker, admin: Admin, state: str, redis: str
) -> None:
    assert max(BEAT_SECONDS, Times().access) <= 3, "within five seconds"
    base = (await make_node(**({"redis": redis} if redis else {}))).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    tab, other = await alice.tab(), await bob.tab()
    by_key = await (await client_of(person=alice, base=base)).socket()
    signed_in = await client_of(person=alice, scope="", base=base)
    await signed_in.login()
    by_token = await signed_in.socket()
    admin.rows("UPDATE yp.entity SET status = %s WHERE id = %s", state, alice.uid)
    codes = [await socket.closed() for socket in (by_key, by_token)]
    await asyncio.wait_for(tab._reader, 60)
    assert [tab.ws.close_code, *codes] == [1008, 4401, 4401]
    assert tab.updates("drumate.logout")
    assert not other.ws.closed


async def test_an_ended_session_loses_its_sockets(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    admin.rows("UPDATE yp.session SET expiry = UNIX_TIMESTAMP() - 1 WHERE uid = %s", alice.uid)
    await asyncio.wait_for(tab._reader, 60)
    assert tab.ws.close_code == 1008
    assert tab.updates("drumate.logout")
