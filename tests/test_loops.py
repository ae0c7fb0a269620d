"""Endless loops: the cost of one failure, its traces in log and health, and the recovery."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from yarl import URL

from service import ROOT
from service.admin.registry import Registry
from service.app import LOOPS
from service.deploy.deployer import Deployer
from service.errors import DatabaseUnavailableError
from service.live import heartbeat as node_module
from service.loops import Loop, Loops
from service.settings import Settings
from service.store.database import Database, ResultSet
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker, serving
from tests.support.people import People, Person
from tests.support.rest import Client, make_key
from tests.support.waiting import until

ALL = {
    "heartbeat", "lost sockets", "ring timeouts", "evictions", "catch-up", "session purge", "keepalive",
    "mail", "uploads", "push publisher", "push subscriber", "redis master", "feed subscriber",
    "feed pings", "feed", "feed access", "ended sessions", "room rights", "call log",
    "late pages", "history", "import reports", "webhooks",
}  # fmt: skip
TASKS = {
    "loops.py", "background.py", "push.py", "presence.py", "services_log.py", "client.py", "database.py",
    "import_report.py", "import_store.py", "book_export.py", "book_import.py", "deliverer.py", "pool.py",
}  # fmt: skip
"""Files that may create tasks: loops, and tasks that end."""


class Unforeseen(Exception):
    """An unexpected error."""


async def page(base: URL, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.get(base / path) as response:
        return response.status, await response.json()


async def health(base: URL) -> dict[str, Any]:
    """Return the answer of both health pages, which must be equal."""
    (status, body), (rest_status, rest) = await page(base, "-/health"), await page(base, "api/v1/health")
    assert (status, rest_status) == (200, 200)
    del body["time"], rest["data"]["time"]
    return body if body == rest["data"] else {"status": "changing"}


async def metric(base: URL, name: str) -> float:
    async with aiohttp.ClientSession() as http, http.get(base / "-/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def traces(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.exc_info]


# --- one loop ------------------------------------------------------------------------------------


class Work:
    """Rounds that fail on demand."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.rounds = 0

    async def __call__(self) -> float:
        self.rounds += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return 0.01


@pytest.fixture
async def watched() -> AsyncIterator[Loops]:
    made = Loops()
    yield made
    await made.stop(*list(made._loops))


async def test_the_same_error_is_logged_once_another_one_again_and_the_end(
    watched: Loops, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    same = [Unforeseen(f"row {number} of 3a{number} is wrong") for number in range(5)]
    work = Work(*same, ValueError("other"), same[0], DatabaseUnavailableError("away"), None, None, same[1])
    watched.add(Loop("test", work, every=1, retry=(0.01, 0.01)))
    await until(lambda: work.rounds > 12)
    lines = [(r.levelname, r.getMessage(), vars(r).get("error"), bool(r.exc_info)) for r in caplog.records]
    assert lines == [
        ("ERROR", "a round of a loop failed", "Unforeseen", True),
        ("ERROR", "a round of a loop failed", "ValueError", True),
        # A server that is away needs no traceback.
        ("WARNING", "a round of a loop failed", "DatabaseUnavailableError", False),
        ("INFO", "a loop works again", None, False),
    ]
    assert {vars(record)["loop"] for record in caplog.records} == {"test"}
    assert watched.troubles() == {}


async def test_pauses_after_failures_grow_up_to_a_limit(watched: Loops) -> None:
    loop = watched.add(Loop("test", Work(), every=3))
    pauses = []
    for failures in range(1, 6):
        loop._failures = failures
        pauses.append(loop._retry_pause())
    assert [0.5 * full <= pause <= full for full, pause in zip((0.5, 1, 2, 3, 3), pauses, strict=True)] == [
        True
    ] * 5


async def test_a_loop_that_hangs_is_late_and_one_that_ended_is_dead(watched: Loops) -> None:
    async def hang() -> float:
        await asyncio.sleep(60)
        return 0

    late = watched.add(Loop("slow", hang, every=0.01))
    # A loop that serves one user says nothing of the site, unless it has ended.
    watched.add(Loop("one", hang, every=0.01, uid="a1"))
    dead = watched.add(Loop("ended", hang, every=60))
    assert watched.troubles() == {}
    dead._task.cancel()
    await asyncio.sleep(0.1)
    assert watched.troubles() == {"ended": "dead", "slow": "late"}
    late.finished()
    assert watched.troubles() == {"ended": "dead"}
    await watched.stop(dead)
    assert watched.troubles() == {}


async def test_a_loop_of_another_worker_that_hangs_is_late_as_well(
    watched: Loops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> float:
        return 60

    for name in ("fresh", "behind"):
        watched.add(Loop(name, work, every=10))
    watched.add(Loop("behind", work, every=10, uid="00000000000000a1"))
    other_worker = """
import time
from service import metrics
metrics.LOOP_LAST.labels("fresh").set(time.time() - 5)
metrics.LOOP_LAST.labels("behind").set(time.time() - 50)
metrics.LOOP_LAST.labels("unknown here").set(1)
"""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", other_worker],
        env=environment,
        cwd=ROOT,
        check=True,
        timeout=300,
    )
    assert watched.troubles() == {}
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    assert watched.troubles() == {"behind": "late"}


async def test_a_loop_that_is_woken_does_not_wait(watched: Loops) -> None:
    rounds = 0

    async def work() -> float:
        nonlocal rounds
        rounds += 1
        return 60

    loop = watched.add(Loop("test", work, every=60))
    for expected in (1, 2, 3):
        await until(partial(lambda count: rounds == count, expected))
        loop.wake()


def test_every_task_that_never_ends_is_a_loop() -> None:
    """A task created by hand ends with the first error, unnoticed."""
    makers = set()
    for path in (ROOT / "service").rglob("*.py"):
        if "bench" in path.parts:
            continue
        for called in ast.walk(ast.parse(path.read_text())):
            if isinstance(called, ast.Attribute) and called.attr in {"create_task", "ensure_future"}:
                makers.add(path.name)
    assert makers <= {*TASKS, "invitations.py"}


# --- all loops of a process ----------------------------------------------------------------------


@pytest.fixture
async def quick(make_node: NodeMaker, monkeypatch: pytest.MonkeyPatch) -> TestServer:
    """Start a node that beats five times a second, with every loop except those of guests."""
    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.2)
    return await make_node(smtp="smtp://127.0.0.1:9")


async def test_every_loop_survives_an_error_that_nobody_foresaw(
    quick: TestServer, registry: Registry, password_hash: str, caplog: pytest.LogCaptureFixture
) -> None:
    base = quick.make_url("/")
    people = People(base, registry, password_hash)
    alice = await people("Alice")
    api = Client(alice, make_key(registry, alice))
    live = await api.socket()
    every = list(quick.app[LOOPS]._loops)
    assert {loop.name for loop in every} == ALL

    works, failed = {}, set()
    for loop in every:
        works[loop] = loop._work

        async def fail(loop: Loop = loop) -> float:
            loop._work = works[loop]
            failed.add(loop.name)
            raise Unforeseen(loop.name)

        loop._work = fail
        loop._retry = (0.01, 0.01)
        # Loops that wait start their next round now.
        loop._task.cancel()
        loop._task = asyncio.create_task(loop._run(0))
    await until(lambda: failed == ALL)
    assert sorted(str(r.exc_info[1]) for r in traces(caplog) if r.exc_info) == sorted(ALL)
    before = {loop: loop._rounds._value.get() for loop in every}
    # each has gone on: what it waits for comes soon enough, or is brought about
    await api.add(display_name="Ada")
    await live.expect("contact.created")
    tab = await alice.tab()
    await alice.ok("contact.add", firstname="Bob", email=[{"email": "b@x.example", "is_default": 1}])
    await tab.expect("contact.add")
    beaten = {"heartbeat", "lost sockets", "ring timeouts", "evictions"}
    await until(
        lambda: all(each._rounds._value.get() > before[each] for each in every if each.name in beaten)
    )
    assert [loop.name for loop in every if loop.trouble] == []
    assert await until(lambda: _is_ok(base))
    assert await metric(base, 'drumee_loop_rounds_total{loop="uploads",outcome="failed"}') >= 1
    last = await metric(base, 'drumee_loop_last_round_time{loop="heartbeat"}')
    assert time.time() - last < 60
    await live.close()
    await api.http.close()
    await people.close()


async def _is_ok(base: URL) -> bool:
    return bool((await health(base))["status"] == "ok")


async def test_a_routine_that_is_missing_stops_its_own_loop_only(
    quick: TestServer,
    settings: Settings,
    admin: Admin,
    caplog: pytest.LogCaptureFixture,
) -> None:
    base = quick.make_url("/")
    node = quick.app[LOOPS]
    caplog.set_level(logging.INFO)
    assert (await health(base))["status"] == "ok"
    admin.rows("DROP PROCEDURE yp.conference_evict")
    try:
        await until(lambda: _says(base, "degraded", {"evictions": "late"}))
        assert [loop.name for loop in node._loops if loop.trouble] == ["evictions"]
        # All others go on, the heartbeat above all.
        beats = await metric(base, 'drumee_loop_rounds_total{loop="heartbeat",outcome="ok"}')
        written = admin.one("SELECT MAX(heartbeat) FROM yp.node")
        await until(lambda: _beats_more(base, beats))
        await until(lambda: admin.one("SELECT MAX(heartbeat) FROM yp.node") > written)
        assert await metric(base, 'drumee_loop_rounds_total{loop="evictions",outcome="failed"}') > 1
    finally:
        Deployer(settings, say=lambda _: None, examples=False).deploy()
    await until(lambda: _says(base, "ok", {}))
    (trace,) = traces(caplog)
    assert vars(trace)["loop"] == "evictions"
    assert "conference_evict" in str(trace.exc_info)
    works = [r for r in caplog.records if r.getMessage() == "a loop works again"]
    (again,) = [record for record in works if vars(record)["loop"] == "evictions"]
    assert vars(again)["failures"] > 1


async def _beats_more(base: URL, than: float) -> bool:
    return await metric(base, 'drumee_loop_rounds_total{loop="heartbeat",outcome="ok"}') > than


async def _says(base: URL, status: str, troubles: dict[str, str]) -> bool:
    answer = await health(base)
    return (answer["status"], answer.get("loops")) == (status, troubles)


async def test_who_lost_the_answer_that_it_was_taken_for_dead_learns_it_from_the_next(
    quick: TestServer, registry: Registry, password_hash: str, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = People(quick.make_url("/"), registry, password_hash)
    alice = await people("Alice")
    tab = await alice.tab()
    (node,) = admin.rows("SELECT node FROM yp.socket WHERE id = %s", tab.id)[0]
    call, answers = Database.call, []

    async def lossy(self: Database, db: str, name: str, *args: Any) -> list[ResultSet]:
        result_sets = await call(self, db, name, *args)
        if name == "socket_refresh" and args[0] == node and not result_sets[-1][0][0]:
            answers.append(result_sets)
            raise Unforeseen("the connection broke after the commit")
        return result_sets

    monkeypatch.setattr(Database, "call", lossy)
    # A new second must have begun since its registration.
    await asyncio.sleep(1.1)
    admin.rows("CALL yp.socket_reset(%s, 0)", node)
    await asyncio.wait_for(tab._reader, 60)
    assert (tab.ws.close_code, len(answers)) == (1012, 1)
    await people.close()


async def test_one_lost_socket_that_cannot_be_ended_does_not_keep_the_others(
    quick: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.app import SOCKETS

    sockets = quick.app[SOCKETS]
    bad, good = "bad", {"one", "two", "three"}
    tries = iter(["one", bad, "two", bad, "three"])

    async def expire(limit: int) -> int:
        if limit > 1:
            raise Unforeseen(bad)
        socket_id = next(tries, None)
        if socket_id == bad:
            raise Unforeseen(bad)
        good.discard(str(socket_id))
        return int(socket_id is not None)

    monkeypatch.setattr(sockets, "_expire", expire)
    for _ in range(2):
        with pytest.raises(Unforeseen):
            await sockets._end_lost()
    assert good == {"three"}, "one of them in each round"


# --- spoiled data --------------------------------------------------------------------------------

STALE = "INSERT IGNORE INTO shard1.contact_stale SELECT owner_id, id FROM shard1.contact WHERE owner_id = %s"


async def book(person: Person, size: int) -> None:
    for number in range(size):
        address = f"p{number}@x.example"
        await person.ok("contact.add", firstname=f"P{number}", email=[{"email": address, "is_default": 1}])


def spoil(admin: Admin, uid: str) -> None:
    """Make the next change of this book meet existing revisions (1062)."""
    admin.rows("UPDATE shard1.contact_ledger SET rev = rev - 2 WHERE owner_id = %s", uid)
    admin.rows("UPDATE shard1.contact SET comment = 'spoiled' WHERE owner_id = %s", uid)
    admin.rows(STALE, uid)


async def test_spoiled_data_of_one_owner_cost_only_that_owner(
    settings: Settings, admin: Admin, registry: Registry, password_hash: str, tmp_path: Path
) -> None:
    async with serving(settings, tmp_path, workers=2) as (url, _):
        people = People(url, registry, password_hash)
        alice, bob = [await people(name) for name in ("Alice", "Bob")]
        for person in (alice, bob):
            await book(person, 3)
        # Nodes of earlier tests drop out of the count.
        alive = "SELECT COUNT(*) FROM yp.node WHERE heartbeat >= UNIX_TIMESTAMP() - 6"
        await until(lambda: admin.one(alive) == 2)
        # The owner with the lower id comes first.
        first, second = sorted((alice, bob), key=lambda person: str(person.uid))
        spoil(admin, first.uid)
        for number in range(3):
            admin.rows(STALE, second.uid)
            await until(lambda: not _stale(admin, second.uid))
            if not number:
                await until(lambda: _set_aside(admin, first.uid))
        # All processes try several times, and this owner waits twice as long each time. A slow machine
        # may have counted the second failure before this statement, so a new pause shows that an attempt
        # came after it.
        admin.rows("UPDATE shard1.contact_set_aside SET retry_at = 0 WHERE owner_id = %s", first.uid)
        await until(lambda: _waits_again(admin, first.uid))
        (failures, pause, error), *_ = _set_aside(admin, first.uid)
        assert 10 * 2 ** (failures - 2) < pause <= 10 * 2 ** (failures - 1)
        assert "1062" in error
        assert len(_stale(admin, first.uid)) == 3
        assert admin.one("SELECT UNIX_TIMESTAMP() - CAST(MIN(heartbeat) AS SIGNED) FROM yp.node") <= 6
        for path in ("-/health", "api/v1/health"):
            await until(partial(_counts, url, path, 1))
        assert await metric(url, "drumee_owners_set_aside") == 1
        assert await metric(url, "drumee_owner_failures_total") >= 1
        # A deploy goes on without the owner as well.
        progress: list[str] = []
        admin.rows("UPDATE shard1.contact_set_aside SET retry_at = 0 WHERE owner_id = %s", first.uid)
        admin.rows("DROP PROCEDURE shard1.contact_sweep")
        assert Deployer(settings, say=progress.append, examples=False).deploy().failed == {}
        # After the repair the owner recovers automatically.
        admin.rows("UPDATE shard1.contact_ledger SET rev = rev + 2 WHERE owner_id = %s", first.uid)
        admin.rows("UPDATE shard1.contact_set_aside SET retry_at = UNIX_TIMESTAMP() + 1")
        await until(lambda: not _set_aside(admin, first.uid) and not _stale(admin, first.uid))
        await until(lambda: _counts(url, "-/health", 0))
        await people.close()
    lines = [json.loads(line) for line in (tmp_path / "service.log").read_text().splitlines()]
    # The catch-up may have met the moment in which the deploy has no contact_sweep: that is another line.
    (trace,) = [line for line in lines if "exception" in line and "uid" in line]
    assert (trace["message"], trace["uid"]) == ("records of an owner cannot be made, set aside", first.uid)
    (again,) = [line for line in lines if line["message"] == "records of an owner are made again"]
    assert again["uid"] == first.uid


def _set_aside(admin: Admin, uid: str) -> list[tuple[Any, ...]]:
    return admin.rows(
        "SELECT failures, CAST(retry_at AS SIGNED) - UNIX_TIMESTAMP(), error FROM shard1.contact_set_aside "
        "WHERE owner_id = %s AND failures > 0",
        uid,
    )


def _waits_again(admin: Admin, uid: str) -> bool:
    ((failures, pause, _),) = _set_aside(admin, uid)
    return int(failures) >= 2 and int(pause) > 0


def _stale(admin: Admin, uid: str) -> list[tuple[Any, ...]]:
    return admin.rows("SELECT contact_id FROM shard1.contact_stale WHERE owner_id = %s", uid)


async def _counts(base: URL, path: str, set_aside: int) -> bool:
    status, body = await page(base, path)
    data = body.get("data", body)
    return (status, data["status"], data["set_aside"]) == (200, "ok", set_aside)
