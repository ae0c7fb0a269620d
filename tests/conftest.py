"""Start a real MariaDB and a real Redis for the run; provide two shards, nodes and people."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web_app
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from yarl import URL

from service.admin.registry import Registry
from service.app import make_app
from service.deploy.deployer import Deployer
from service.local.servers import Redis
from service.local.stack import Stack
from service.rest.websocket import Times
from service.runtime import exchange
from service.settings import Settings
from tests.support.admin import SECOND_SHARD, Admin
from tests.support.memory_folder import use_memory
from tests.support.nodes import Node, NodeMaker
from tests.support.order import LONGEST
from tests.support.people import PASSWORD, People
from tests.support.unlike_ours import UnlikeOurs

pytest_plugins = [
    "tests.fixtures.attackers",
    "tests.fixtures.calls",
    "tests.fixtures.dav",
    "tests.fixtures.mail",
    "tests.fixtures.rest",
    "tests.fixtures.secrecy",
    "tests.fixtures.secrecy_status",
    "tests.fixtures.world",
]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start private servers for this run."""
    kinds = (UnlikeOurs, Redis)
    with Stack(tmp_path_factory.mktemp("stack"), durable=False, kinds=kinds, leashed=True) as running:
        yield running


@pytest.fixture(scope="session")
def settings(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return the settings of a node, with everything deployed to two shards."""
    env = stack.env()
    config = Settings(
        db=env["DRUMEE_DB"],
        db_admin=env["DRUMEE_DB_ADMIN"],
        redis=env["DRUMEE_REDIS"],
        db_pool=8,
        socket_grace=0,
        socket_close_grace=0,
        # A slow machine must not end requests of tests that send hundreds at once.
        request_timeout=30.0,
        # All requests come from one address.
        rate_limit=0,
        login_attempts_address=100_000,
        account_mails_address=1000,
        password_choices_address=1000,
        invite_mails=100_000,
        invite_mails_new=100_000,
        run_dir=str(tmp_path_factory.mktemp("run")),
    )
    Deployer(config, say=lambda _: None, examples=False).add_shard(SECOND_SHARD)
    return config


@pytest.fixture(scope="session")
def registry(settings: Settings) -> Registry:
    """Return the registry, which creates people and hubs."""
    return Registry(settings)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Return one hash for all people, quick to verify: those of the service are slow on purpose."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture(scope="session")
def admin(settings: Settings) -> Admin:
    """Return an administrator's view of the database."""
    return Admin(settings)


@pytest.fixture(autouse=True)
def metrics_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `/-/metrics` show the numbers of this process, also after a test that shares them with workers."""
    # undone afterwards: delenv alone forgets a variable that was absent
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR")


@pytest.fixture(autouse=True)
def requests_cost_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no request cost more than one of its rate limit because the machine is slow."""
    monkeypatch.setattr(exchange, "SECONDS_OF_ONE", 60)


@pytest.fixture
async def make_node(settings: Settings) -> AsyncIterator[NodeMaker]:
    """Start service nodes in this process; each has its own pools, sockets and Redis subscription."""
    servers: list[TestServer] = []

    async def make(times: Times | None = None, **changes: Any) -> TestServer:
        server = Node(await make_app(dataclasses.replace(settings, **changes), times))
        await server.start_server()
        servers.append(server)
        return server

    yield make
    await asyncio.gather(*(server.close() for server in servers))
    # aiohttp caches the handlers of the last 1024 paths, and with each of them a whole node of 3 MB.
    web_app._cached_build_middleware.cache_clear()


@pytest.fixture(scope="module")
async def node(settings: Settings) -> AsyncIterator[URL]:
    """Return the base URL of a node that the tests of a file share: most take less than its start."""
    server = Node(await make_app(settings))
    await server.start_server()
    yield server.make_url("/")
    await server.close()
    web_app._cached_build_middleware.cache_clear()


@pytest.fixture
async def people(node: URL, registry: Registry, password_hash: str, admin: Admin) -> AsyncIterator[People]:
    """Create people who talk to `node`."""
    made = People(node, registry, password_hash)
    yield made
    # A call that still rings would expire, and be logged, during another test.
    # In a thread: an entry that is being written now needs the event loop.
    for change in ("logged_at = 1 WHERE logged_at IS NULL", "status = 'cancelled' WHERE status = 'ringing'"):
        await asyncio.to_thread(admin.rows, f"UPDATE yp.call_invitation SET {change}")
    await made.close()


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    """Choose the folder of all temporary files, before the first is made."""
    use_memory()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files, so that all workers end at the same time."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


def pytest_collection() -> None:
    """Search for no garbage while modules and tests are made: they stay, in millions of objects."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave them out of all later searches as well."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests that did not run, with the reason: a lone s in a line of dots is easy to miss."""
    reasons = {report.longrepr[2] for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted(reasons):
        terminalreporter.write_line(f"NOT TESTED - {reason.removeprefix('Skipped: ')}", yellow=True)
