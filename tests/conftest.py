"""A real MariaDB and a real Redis, started for the run; two shards; nodes and people made on demand."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest
from aiohttp import web_app
from aiohttp.test_utils import TestServer
from yarl import URL

from service.app import RUNNER_OPTIONS, make_app
from service.demo import Registry
from service.deploy.deployer import Deployer, connect
from service.dialects.rest.live import Times
from service.passwords import hash_password
from service.settings import Settings, database_servers
from service.stack import Stack
from tests.people import PASSWORD, People

SECOND_SHARD = "shard2"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Private servers for this run."""
    with Stack(tmp_path_factory.mktemp("stack"), durable=False, leashed=True) as running:
        yield running


@pytest.fixture(scope="session")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a node, with everything deployed to two shards."""
    env = stack.env()
    found = Settings(
        db=env["DRUMEE_DB"],
        db_admin=env["DRUMEE_DB_ADMIN"],
        redis=env["DRUMEE_REDIS"],
        db_pool=8,
        socket_grace=0,
        # everybody here comes from one address
        rate_limit=0,
        login_attempts_address=100_000,
        run_dir=str(tmp_path_factory.mktemp("run")),
    )
    Deployer(found, say=lambda _: None).add_shard(SECOND_SHARD)
    return found


@pytest.fixture(scope="session")
def registry(settings: Settings) -> Registry:
    """Makes people and hubs."""
    return Registry(settings)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """One hash for everybody: hashing is slow on purpose."""
    return hash_password(PASSWORD)


class Admin:
    """Looks into the tables, which the service cannot."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def rows(self, statement: str, *args: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement; a connection each, so that every look is fresh."""
        connection = connect(database_servers(self._settings.db_admin))
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, args or None)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def one(self, statement: str, *args: Any) -> Any:
        """The first column of the first row."""
        return self.rows(statement, *args)[0][0]

    def refusal(self, statement: str, *args: Any) -> str:
        """The message with which a CALL is refused."""
        with pytest.raises(pymysql.err.MySQLError) as caught:
            self.rows(statement, *args)
        return str(caught.value.args[1])


@pytest.fixture(scope="session")
def admin(settings: Settings) -> Admin:
    """An administrator's view of the database."""
    return Admin(settings)


NodeMaker = Callable[..., Awaitable[TestServer]]


@pytest.fixture
async def make_node(settings: Settings) -> AsyncIterator[NodeMaker]:
    """Starts service nodes in this process; each has its own pools, sockets and Redis subscription."""
    servers: list[TestServer] = []

    async def make(times: Times | None = None, **changes: Any) -> TestServer:
        server = TestServer(await make_app(dataclasses.replace(settings, **changes), times))
        await server.start_server(**RUNNER_OPTIONS)
        servers.append(server)
        return server

    yield make
    await asyncio.gather(*(server.close() for server in servers))
    # aiohttp remembers who answered the last 1024 paths; with each of them it keeps a whole node, 3 MB
    web_app._cached_build_middleware.cache_clear()


@pytest.fixture
async def node(make_node: NodeMaker) -> URL:
    """Base URL of one node."""
    server = await make_node()
    return server.make_url("/")


@pytest.fixture
async def people(node: URL, registry: Registry, password_hash: str, admin: Admin) -> AsyncIterator[People]:
    """Makes people who talk to `node`."""
    made = People(node, registry, password_hash)
    yield made
    # what still rings would be missed, and logged, in the middle of another test
    admin.rows("UPDATE yp.call_invitation SET status = 'cancelled' WHERE status = 'ringing'")
    await made.close()


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say clearly which tests have not run, and why; a lone s in a line of dots does not."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted(reasons):
        terminalreporter.write_line(f"NOT TESTED - {reason.removeprefix('Skipped: ')}", yellow=True)
