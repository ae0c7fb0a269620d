"""Stop MariaDB, stop Redis, kill a process: everything recovers by itself."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from service.admin.registry import Registry
from service.app import make_app
from service.deploy.deployer import connect
from service.live import push
from service.local.servers import MariaDB, Redis
from service.local.stack import Stack
from service.settings import Settings, database_servers
from tests.support import login_token
from tests.support.admin import Admin
from tests.support.nodes import Node, serving
from tests.support.people import Answer, People, Person
from tests.support.rest import Client, make_key
from tests.support.servers import server_of, start, stop
from tests.support.waiting import until


@pytest.fixture
async def own_people(own: tuple[Stack, Settings], password_hash: str) -> AsyncIterator[People]:
    server = Node(await make_app(own[1]))
    await server.start_server()
    people = People(server.make_url("/"), Registry(own[1]), password_hash)
    yield people
    await people.close()
    await server.close()


MAIL_PAGES = (("GET", "-/mail/"), ("POST", f"-/mail/stop/{'0' * 16}"))
"""Pages that CALL a routine."""
PAGE_UNAVAILABLE = (503, "UNAVAILABLE", "2")


async def health(person: Person) -> dict[str, Any]:
    async with person.http.get(person.base / "-/health") as response:
        return {"http": response.status, **await response.json()}


async def rest_health(person: Person) -> tuple[int, dict[str, Any], str | None]:
    """Return the public answer of /api/v1/health: HTTP status, fields, Retry-After."""
    async with aiohttp.ClientSession() as http, http.get(person.base / "api/v1/health") as response:
        body = await response.json()
        if response.status != 200:
            assert body["error"]["code"] == "SERVICE_UNAVAILABLE"
            return response.status, body["error"]["details"], response.headers.get("Retry-After")
        return response.status, body["data"], None


async def page(person: Person, method: str, path: str) -> tuple[int, str, str | None]:
    """Return HTTP status, error and Retry-After of a page."""
    async with person.http.request(method, person.base / path) as response:
        return response.status, (await response.json())["error"], response.headers.get("Retry-After")


async def contacts(person: Person) -> Answer:
    return await person.call("contact.show_contact")


async def test_mariadb_away_is_a_clear_503_and_comes_back(
    own: tuple[Stack, Settings], own_people: People
) -> None:
    mariadb = server_of(own[0], MariaDB)
    alice = await own_people("Alice")
    tab = await alice.tab()
    await stop(mariadb)
    answer = await contacts(alice)
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "2")
    # For the frontend "offline" would mean that the user is signed out.
    assert answer.body["__status__"] == "online"
    assert "/" not in answer.body["reason"]
    report = await health(alice)
    assert (report["http"], report["status"]) == (503, "down")
    assert report["dependencies"] == {"database": "down", "redis": "ok"}
    for method, path in MAIL_PAGES:
        assert await page(alice, method, path) == PAGE_UNAVAILABLE
    status, same, retry = await rest_health(alice)
    assert (status, same["status"], same["dependencies"], retry) == (503, "down", report["dependencies"], "2")

    await start(mariadb)
    assert (await until(lambda: _ok(contacts(alice)))).status == 200
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    await tab.expect("contact.add")
    assert (await health(alice))["status"] == "ok"


async def test_a_mariadb_that_only_reads_is_a_503_and_degraded(
    own: tuple[Stack, Settings], own_people: People, caplog: pytest.LogCaptureFixture
) -> None:
    admin, alice = Admin(own[1]), await own_people("Alice")
    api = Client(alice, make_key(Registry(own[1]), alice))
    address = [{"email": "a@x.example", "is_default": 1}]
    admin.rows("SET GLOBAL read_only = 1")
    for _ in range(3):
        answer = await alice.call("contact.add", firstname="Ada", email=address)
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "UNAVAILABLE", "2")
    refused = await api.post("/contacts", {"display_name": "Ada"})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
    assert (await contacts(alice)).status == 200
    answer_of_health = await health(alice)
    assert (answer_of_health["http"], answer_of_health["status"]) == (200, "degraded")
    assert answer_of_health["dependencies"]["database"] == "degraded"
    messages = [record.getMessage() for record in caplog.records]
    assert messages.count("the database is in trouble") == 1
    assert messages.count("the database is unavailable") == 0

    admin.rows("SET GLOBAL read_only = 0")
    # the next heartbeat writes
    await until(lambda: _healthy(alice))
    await alice.ok("contact.add", firstname="Ada", email=address)
    await api.http.close()


async def test_locked_tables_are_noticed_by_health(own: tuple[Stack, Settings], own_people: People) -> None:
    """Everything can be read, and nothing can be written."""
    alice = await own_people("Alice")
    connection = connect(database_servers(own[1].db_admin))
    with connection.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        reports = await asyncio.gather(*(health(alice) for _ in range(5)))
        assert {(report["http"], report["status"]) for report in reports} == {(200, "degraded")}
        assert reports[0]["dependencies"]["database"] == "degraded"
        cursor.execute("UNLOCK TABLES")
    connection.close()
    await until(lambda: _healthy(alice))


async def test_a_lock_on_the_contacts_of_one_shard_is_noticed_and_named(
    own: tuple[Stack, Settings], own_people: People, caplog: pytest.LogCaptureFixture
) -> None:
    """The server works, health writes its row, and nobody on the shard sees their contacts."""
    caplog.set_level(logging.INFO)
    alice = await own_people("Alice")
    connection = connect(database_servers(own[1].db_admin))
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {alice.shard}.contact WRITE, {alice.shard}.contact_record WRITE")
        # Not more than `person_calls`: one that waits for the others may be refused instead.
        answers = await asyncio.gather(*(contacts(alice) for _ in range(own[1].person_calls)))
        assert {(answer.status, answer.code) for answer in answers} == {(504, "TIMEOUT")}
        report = await health(alice)
        assert (report["http"], report["status"]) == (200, "degraded")
        assert report["dependencies"] == {"database": "degraded", "redis": "ok"}
        assert report["slow_databases"] == [alice.shard]
        _, same, _ = await rest_health(alice)
        assert same["slow_databases"] == [alice.shard]
        cursor.execute("UNLOCK TABLES")
    connection.close()
    assert (await until(lambda: _ok(contacts(alice)))).status == 200
    await until(lambda: _healthy(alice))
    begin = [r for r in caplog.records if r.getMessage() == "CALLs to a database time out"]
    assert [vars(record)["database"] for record in begin] == [alice.shard]

    async def is_over() -> bool:
        await contacts(alice)
        return "no CALL to a database times out any more" in [r.getMessage() for r in caplog.records]

    await until(is_over)


async def test_an_outage_is_logged_once_and_not_for_each_request(
    own: tuple[Stack, Settings], own_people: People, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mariadb = server_of(own[0], MariaDB)
    alice = await own_people("Alice")
    await stop(mariadb)
    for _ in range(20):
        assert (await contacts(alice)).code == "UNAVAILABLE"
    await start(mariadb)
    await until(lambda: _ok(contacts(alice)))

    def count(message: str) -> int:
        return [record.getMessage() for record in caplog.records].count(message)

    # Heartbeats go on, so that its end is noticed without requests.
    await until(lambda: count("the database is available again"), 60)
    assert count("the database is unavailable") == 1
    assert count("the database is available again") == 1


async def test_a_mariadb_that_hangs_is_answered_for_within_the_deadline_and_comes_back(
    own: tuple[Stack, Settings], password_hash: str
) -> None:
    # Longer than the deadline: a CALL alone would wait for a minute.
    settings = dataclasses.replace(own[1], request_timeout=1.0, db_timeout=58.0)
    server = Node(await make_app(settings))
    await server.start_server()
    people = People(server.make_url("/"), Registry(own[1]), password_hash)
    alice = await people("Alice")
    api, token = Client(alice, make_key(Registry(own[1]), alice)), login_token.Client(alice)
    await token.login()
    pid = server_of(own[0], MariaDB).pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(50):
            answers = await asyncio.gather(
                contacts(alice),
                alice.call("contact.add", firstname="Ada", email=[{"email": "a@x.example"}]),
                alice.call("yp.ping"),
            )
            assert {(a.status, a.code, a.headers["Retry-After"]) for a in answers} == {(504, "TIMEOUT", "5")}
            # For the frontend "offline" would mean that the user is signed out.
            assert {answer.body["__status__"] for answer in answers} == {"online"}
            # An error that came before the gate stays what it is.
            assert (await alice.call("contact.block")).code == "MISSING_PARAM"
            for method, path in MAIL_PAGES:
                assert await page(alice, method, path) == PAGE_UNAVAILABLE
            refused = await api.get("/contacts")
            assert (*refused.error, refused.headers["Retry-After"]) == (503, "SERVICE_UNAVAILABLE", "2")
            assert await token.error("contacts/get") == (
                "ServiceInterruption", 1009, "The service is interrupted, try again soon",
            )  # fmt: skip
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await until(lambda: _ok(contacts(alice)))).status == 200
    await api.http.close()
    await people.close()
    await server.close()


async def _ok(call: Awaitable[Answer]) -> Answer | None:
    answer = await call
    return answer if answer.status == 200 else None


async def test_ws_tells_after_a_restart_of_redis_what_happened_before(
    own: tuple[Stack, Settings], own_people: People
) -> None:
    person = await own_people.registered("Alice")
    api = Client(person, make_key(Registry(own[1]), person))
    live, redis = await api.socket(), server_of(own[0], Redis)
    await api.add(display_name="before")
    await live.expect("contact.created")
    await stop(redis)
    await api.add(display_name="meanwhile")
    await start(redis)
    # A new subscription reads the changes it missed; no write has to trigger it.
    await live.expect("contact.created", 2)
    await api.add(display_name="after")
    await live.expect("contact.created", 3)
    await live.close()
    await api.http.close()


async def test_a_redis_that_restarts_loses_nothing(own: tuple[Stack, Settings], own_people: People) -> None:
    redis = server_of(own[0], Redis)
    alice = await own_people("Alice")
    tab = await alice.tab()
    await stop(redis)
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "a@x.example", "is_default": 1}])
    assert (await alice.sign_in()).data["status"] == "ok"
    report = await health(alice)
    assert (report["http"], report["status"], report["dependencies"]["redis"]) == (
        200,
        "degraded",
        "degraded",
    )
    status, same, _ = await rest_health(alice)
    assert (status, same["status"], same["dependencies"]) == (200, "degraded", report["dependencies"])

    await start(redis)
    await until(lambda: _healthy(alice))
    await alice.ok("contact.add", firstname="Bob", email=[{"email": "b@x.example", "is_default": 1}])
    # Changes during the outage arrive late, but first.
    assert (await tab.expect("contact.add"))["model"]["surname"] == "Ada"
    assert (await tab.expect("contact.add", 2))["model"]["surname"] == "Bob"


async def test_a_redis_that_is_away_for_long_loses_pushes_and_nothing_else(
    own: tuple[Stack, Settings], own_people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "HOLD_SECONDS", 0.2)
    redis = server_of(own[0], Redis)
    alice = await own_people("Alice")
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


async def test_a_redis_that_hangs_slows_nobody_down(own: tuple[Stack, Settings], own_people: People) -> None:
    pid = server_of(own[0], Redis).pid()
    assert pid is not None
    alice = await own_people("Alice")
    tab = await alice.tab()
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.perf_counter()
        for name in ("Ada", "Bea", "Cay", "Dee", "Eva", "Fay", "Gus", "Hal"):
            assert (await alice.sign_in()).data["status"] == "ok"
            await alice.ok(
                "contact.add", firstname=name, email=[{"email": f"{name}@x.example", "is_default": 1}]
            )
        # A sign-in asks Redis twice, and each question times out after two seconds: eight would take 32.
        assert time.perf_counter() - started < 30
        assert (await health(alice))["status"] == "degraded"
        assert (await alice.sign_in("wrong")).data["status"] == "WRONG_CREDENTIALS"
    finally:
        os.kill(pid, signal.SIGCONT)
    await tab.expect("contact.add", 8)
    await until(lambda: _healthy(alice))


async def test_a_killed_process_leaves_no_ghost(
    settings: Settings, people: People, admin: Admin, registry: Registry, tmp_path: Path
) -> None:
    """Other processes free its sockets within 30 s and notify the room."""
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    alice_tab = await alice.tab()
    room = (
        await alice.ok("conference.join", hub_id=hub, socket_id=alice_tab.id, metadata={"type": "meeting"})
    )["user"]["room_id"]
    async with serving(settings, tmp_path, workers=1) as (url, manager):
        bob = await people("Bob", base=url)
        registry.grant(hub, bob.uid, 4)
        bob_tab = await bob.tab()
        await bob.ok(
            "conference.join", hub_id=hub, room_id=room, socket_id=bob_tab.id, metadata={"type": "meeting"}
        )
        (address,) = admin.rows(
            "SELECT n.address FROM yp.socket AS s JOIN yp.node AS n ON n.id = s.node WHERE s.id = %s",
            bob_tab.id,
        )[0]
        worker = int(address.rpartition(":")[2])
        assert worker != manager
        os.kill(worker, signal.SIGKILL)
        await until(lambda: _has_left(alice_tab), 30)
        assert alice_tab.updates("conference.leave")[0]["model"]["uid"] == bob.uid
        assert admin.one("SELECT COUNT(*) FROM yp.socket WHERE id = %s", bob_tab.id) == 0
        # gunicorn has started a replacement.
        assert (await until(lambda: _ok(contacts(bob)))).status == 200


async def _has_left(tab: Any) -> bool:
    return bool(tab.updates("conference.leave"))


async def test_a_node_that_was_buried_alive_asks_its_clients_to_reconnect(
    people: People, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.live import heartbeat as node_module

    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.1)
    alice = await people("Alice")
    tab = await alice.tab()
    (node,) = admin.rows("SELECT node FROM yp.socket WHERE id = %s", tab.id)[0]
    admin.rows("CALL yp.socket_reset(%s, 0)", node)
    await asyncio.wait_for(tab._reader, 60)
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
