"""Cables that are pulled: MariaDB away, Redis away, a process killed. Everything comes back by itself."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from yarl import URL

from service import push
from service.app import make_app
from service.demo import Registry
from service.deploy.deployer import Deployer
from service.settings import Settings
from service.stack import MariaDB, Redis, Server, Stack
from tests.conftest import Admin
from tests.dialects.rest import Client, make_key
from tests.people import Answer, People, Person
from tests.test_push import serving


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[tuple[Stack, Settings]]:
    """Servers that this test may stop."""
    with Stack(tmp_path / "stack", durable=False, leashed=True) as stack:
        env = stack.env()
        settings = Settings(
            db=env["DRUMEE_DB"],
            db_admin=env["DRUMEE_DB_ADMIN"],
            redis=env["DRUMEE_REDIS"],
            run_dir=str(tmp_path),
        )
        Deployer(settings, say=lambda _: None).deploy()
        yield stack, settings


@pytest.fixture
async def crowd(own: tuple[Stack, Settings], password_hash: str) -> AsyncIterator[People]:
    server = TestServer(await make_app(own[1]))
    await server.start_server()
    people = People(server.make_url("/"), Registry(own[1]), password_hash)
    yield people
    await people.close()
    await server.close()


def part(stack: Stack, kind: type[Server]) -> Server:
    (found,) = [s for s in stack._servers if isinstance(s, kind)]
    return found


async def stop(server: Server) -> None:
    server.terminate()
    await asyncio.to_thread(server.await_end)


async def start(server: Server) -> None:
    await asyncio.to_thread(lambda: (server.begin(), server.await_ready()))


async def until(check: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Poll until the check answers something true."""
    for _ in range(int(seconds / 0.1)):
        found = await check()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come back")


async def health(person: Person) -> dict[str, Any]:
    async with person.http.get(person.base / "-/health") as response:
        return {"http": response.status, **await response.json()}


async def rest_health(person: Person) -> tuple[int, dict[str, Any], str | None]:
    """What /api/v1/health says to anybody: HTTP status, the same fields, Retry-After."""
    async with aiohttp.ClientSession() as http, http.get(person.base / "api/v1/health") as response:
        body = await response.json()
        if response.status != 200:
            assert body["error"]["code"] == "SERVICE_UNAVAILABLE"
            return response.status, body["error"]["details"], response.headers.get("Retry-After")
        return response.status, body["data"], None


async def contacts(person: Person) -> Answer:
    return await person.call("contact.show_contact")


async def test_mariadb_away_is_a_clear_503_and_comes_back(own: tuple[Stack, Settings], crowd: People) -> None:
    mariadb = part(own[0], MariaDB)
    alice = await crowd("Alice")
    tab = await alice.tab()
    await stop(mariadb)
    answer = await contacts(alice)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "2")
    # "offline" would sign her out in her browser
    assert answer.body["__status__"] == "online"
    assert "/" not in answer.body["reason"]
    found = await health(alice)
    assert (found["http"], found["status"]) == (503, "down")
    assert found["dependencies"] == {"database": "down", "redis": "ok"}
    status, same, retry = await rest_health(alice)
    assert (status, same["status"], same["dependencies"], retry) == (503, "down", found["dependencies"], "2")

    await start(mariadb)
    assert (await until(lambda: _ok(contacts(alice)))).status == 200
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    await tab.expect("contact.add")
    assert (await health(alice))["status"] == "ok"


async def test_a_mariadb_that_hangs_is_answered_for_and_comes_back(
    own: tuple[Stack, Settings], password_hash: str
) -> None:
    server = TestServer(await make_app(dataclasses.replace(own[1], db_timeout=0.5)))
    await server.start_server()
    people = People(server.make_url("/"), Registry(own[1]), password_hash)
    alice = await people("Alice")
    pid = part(own[0], MariaDB).pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = await asyncio.wait_for(contacts(alice), 20)
        assert answer.status in {503, 504}
        assert "Retry-After" in answer.headers
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await until(lambda: _ok(contacts(alice)))).status == 200
    await people.close()
    await server.close()


async def _ok(call: Awaitable[Answer]) -> Answer | None:
    answer = await call
    return answer if answer.status == 200 else None


async def test_ws_tells_after_a_restart_of_redis_what_happened_before(
    own: tuple[Stack, Settings], crowd: People
) -> None:
    person = await crowd.registered("Alice")
    api = Client(person, make_key(Registry(own[1]), person))
    live, redis = await api.socket(), part(own[0], Redis)
    await api.add(display_name="before")
    await live.expect("contact.created")
    await stop(redis)
    await api.add(display_name="meanwhile")
    await start(redis)
    # the subscription that begins anew reads what it may have missed: nobody has to write for it
    await live.expect("contact.created", 2)
    await api.add(display_name="after")
    await live.expect("contact.created", 3)
    await live.close()
    await api.http.close()


async def test_a_redis_that_restarts_loses_nothing(own: tuple[Stack, Settings], crowd: People) -> None:
    redis = part(own[0], Redis)
    alice = await crowd("Alice")
    tab = await alice.tab()
    await stop(redis)
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    assert (await alice.sign_in()).data["status"] == "ok"
    found = await health(alice)
    assert (found["http"], found["status"], found["dependencies"]["redis"]) == (200, "degraded", "degraded")
    status, same, _ = await rest_health(alice)
    assert (status, same["status"], same["dependencies"]) == (200, "degraded", found["dependencies"])

    await start(redis)
    await until(lambda: _healthy(alice))
    await alice.ok("contact.add", firstname="Bob", email=[{"email": "b@x.example", "is_default": 1}])
    # what was said while it was away comes late, but first
    assert (await tab.expect("contact.add"))["model"]["surname"] == "Ada"
    assert (await tab.expect("contact.add", 2))["model"]["surname"] == "Bob"


async def test_a_redis_that_is_away_for_long_loses_pushes_and_nothing_else(
    own: tuple[Stack, Settings], crowd: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "HOLD_SECONDS", 0.2)
    redis = part(own[0], Redis)
    alice = await crowd("Alice")
    tab = await alice.tab()
    await stop(redis)
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    await asyncio.sleep(0.5)
    await start(redis)
    await until(lambda: _healthy(alice))
    await alice.ok("contact.add", firstname="Bob", email=[{"email": "b@x.example", "is_default": 1}])
    assert (await tab.expect("contact.add"))["model"]["surname"] == "Bob"


async def _healthy(person: Person) -> bool:
    return bool((await health(person))["status"] == "ok")


async def test_a_redis_that_hangs_slows_nobody_down(own: tuple[Stack, Settings], crowd: People) -> None:
    pid = part(own[0], Redis).pid()
    assert pid is not None
    alice = await crowd("Alice")
    tab = await alice.tab()
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.perf_counter()
        for name in ("Ada", "Bea", "Cay", "Dee"):
            assert (await alice.sign_in()).data["status"] == "ok"
            await alice.ok(
                "contact.add", firstname=name, email=[{"email": f"{name}@x.example", "is_default": 1}]
            )
        # two questions to Redis a sign-in, two seconds until each is given up: that was sixteen
        assert time.perf_counter() - started < 8
        assert (await health(alice))["status"] == "degraded"
        assert (await alice.sign_in("wrong")).data["status"] == "WRONG_CREDENTIALS"
    finally:
        os.kill(pid, signal.SIGCONT)
    await tab.expect("contact.add", 4)
    await until(lambda: _healthy(alice))


async def test_a_killed_process_leaves_no_ghost(
    settings: Settings, people: People, admin: Admin, registry: Registry, tmp_path: Path
) -> None:
    """Its sockets are freed by the others within 30 s, and the room is told."""
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    hers = await alice.tab()
    room = (await alice.ok("conference.join", hub_id=hub, socket_id=hers.id, metadata={"type": "meeting"}))[
        "user"
    ]["room_id"]
    async with serving(settings, tmp_path, workers=1) as (url, manager):
        bob = await people("Bob", base=url)
        registry.grant(hub, bob.uid, 4)
        his = await bob.tab()
        await bob.ok(
            "conference.join", hub_id=hub, room_id=room, socket_id=his.id, metadata={"type": "meeting"}
        )
        (address,) = admin.rows(
            "SELECT n.address FROM yp.socket AS s JOIN yp.node AS n ON n.id = s.node WHERE s.id = %s", his.id
        )[0]
        worker = int(address.rpartition(":")[2])
        assert worker != manager
        os.kill(worker, signal.SIGKILL)
        await until(lambda: _left(hers), 30)
        assert hers.updates("conference.leave")[0]["model"]["uid"] == bob.uid
        assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE id = %s", his.id) == 0
        # gunicorn has started another one in its place
        assert (await until(lambda: _ok(contacts(bob)))).status == 200


async def _left(tab: Any) -> bool:
    return bool(tab.updates("conference.leave"))


async def test_a_node_that_was_buried_alive_asks_its_clients_to_reconnect(
    people: People, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service import node as node_module

    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.1)
    alice = await people("Alice")
    tab = await alice.tab()
    (node,) = admin.rows("SELECT node FROM yp.socket WHERE id = %s", tab.id)[0]
    admin.rows("CALL yp.socket_reset(%s, 0)", node)
    await asyncio.wait_for(tab._reader, 10)
    assert tab.ws.close_code == 1012
    assert (await (await alice.tab()).hello())["user"]["id"] == alice.uid


async def test_unknown_paths_and_methods_answer_json(node: URL, people: People) -> None:
    nobody = await people.stranger()
    for path, status in (("-/nothing", 404), ("-/svc/", 404), ("-/svc/a/b", 404)):
        async with nobody.http.get(node / path) as response:
            assert response.status == status
            assert (await response.json())["status"] == status
    async with nobody.http.post(node / "-/health") as response:
        assert (response.status, (await response.json())["status"]) == (405, 405)
