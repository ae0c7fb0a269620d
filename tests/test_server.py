"""The start of the workers of the service."""

from __future__ import annotations

import dataclasses
import gc
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from service import app as app_module
from service import log, server
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, DeclarationError
from service.settings import Settings
from service.store import health
from service.store.database import Database
from service.store.pool import Pool
from tests.support.nodes import serving


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WAIT_SECONDS", 0)


@pytest.mark.parametrize("error", [DatabaseUnavailableError("away"), DatabaseTimeoutError("slow")])
async def test_a_worker_waits_for_the_database(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    app = web.Application()
    outcomes: list[Exception | web.Application] = [error, app, DeclarationError("contact.add has no handler")]

    async def make_app() -> web.Application:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert await health.when_database_answers(make_app) is app
    assert [record.message for record in caplog.records] == ["a worker waits for MariaDB to start"]
    with pytest.raises(DeclarationError):
        await health.when_database_answers(make_app)


async def test_the_runner_of_a_worker_waits_for_the_database(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [DatabaseUnavailableError("away"), DatabaseTimeoutError("slow")]
    call = Database.call

    async def failing_call(self: Database, db: str, name: str, *args: object) -> object:
        if failures and name in {"schema_state", "socket_refresh"}:
            raise failures.pop(0)
        if name == "schema_state":
            failures.append(DatabaseUnavailableError("away again, before the first heartbeat"))
        return await call(self, db, name, *args)

    monkeypatch.setattr(Database, "call", failing_call)
    runner = await server.Application(settings).load()()
    await runner.setup()
    await runner.cleanup()
    assert failures == []
    waits = [record for record in caplog.records if record.message == "a worker waits for MariaDB to start"]
    assert len(waits) == 3


@pytest.mark.parametrize("error", [DatabaseUnavailableError("away"), DeclarationError("no handler")])
async def test_a_start_that_fails_closes_its_connections(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    pools: list[Pool] = []

    async def load_services(db: Database) -> None:
        await db.ping()
        pools.extend(db.pools)
        assert sum(size for _, size in (pool.usage() for pool in db.pools)) >= 1
        raise error

    for module in (app_module, server):
        monkeypatch.setattr(module, "load_services", load_services)
    for start in (app_module.make_app, server.check):
        with pytest.raises(type(error)):
            await start(settings)
    assert len(pools) == 4
    assert [pool.usage() for pool in pools] == [(0, 0)] * 4


async def test_the_check_before_the_workers_leaves_no_loop_behind(settings: Settings, tmp_path: Path) -> None:
    """Its probes would look late to the workers, whose health would be degraded for ever."""
    head, _, path = settings.db.partition("?")
    both = f"{head.rstrip('/')},other/{'?' + path if path else ''}"
    async with serving(dataclasses.replace(settings, db=both), tmp_path, workers=1) as (url, manager):
        async with aiohttp.ClientSession() as http, http.get(url / "-/health") as response:
            assert (await response.json())["nodes"], "it probes"
        shared = (tmp_path / "metrics").resolve()
        assert list(shared.glob("gauge_live*.db"))
        assert not list(shared.glob(f"gauge_live*_{manager}.db"))


def test_the_workers_share_what_is_loaded_before_they_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    monkeypatch.setattr(log, "configure", lambda _: None)
    monkeypatch.setattr(server.Application, "run", lambda _: searched.append(len(gc.get_objects())))
    before = len(gc.get_objects())
    assert server.serve(settings) == 0
    assert searched[0] < before / 10


def test_a_server_that_does_not_answer_in_time_ends_the_start_with_a_message(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def check(_: Settings) -> None:
        raise DatabaseTimeoutError("CALL yp.schema_state took longer than 10 s")

    monkeypatch.setattr(server, "check", check)
    monkeypatch.setattr(log, "configure", lambda _: None)
    assert server.serve(dataclasses.replace(settings)) == 2
    assert "the service does not start:\nCALL yp.schema_state took" in capsys.readouterr().err
