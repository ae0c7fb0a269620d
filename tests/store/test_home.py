"""One home for all pools: several addresses of ordinary servers, some of which hang, refuse or only read."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pymysql
import pytest

from service.bench.node import free_port
from service.errors import DatabaseUnavailableError
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.settings import DatabaseServer, Settings, database_servers
from service.store.database import Database, Transaction
from service.store.home import Home
from service.store.nodes import NodeState, Probe, Rank
from tests.support.admin import Admin
from tests.support.tcp_proxy import TcpProxy, tcp_proxy


async def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
async def proxies(settings: Settings) -> AsyncIterator[tuple[TcpProxy, TcpProxy]]:
    """Provide two ways to the server of the tests."""
    (server,) = database_servers(settings.db)
    assert server.unix_socket
    async with tcp_proxy(server.unix_socket) as first, tcp_proxy(server.unix_socket) as second:
        yield first, second


@pytest.fixture
async def db(settings: Settings, proxies: tuple[TcpProxy, TcpProxy]) -> AsyncIterator[Database]:
    """Provide a database with the addresses of both."""
    addresses = ",".join(proxy.address for proxy in proxies)
    db = Database(dataclasses.replace(settings, db=f"mysql://drumee_app@{addresses}/"))
    await db.load_routines()
    assert db.home.server.port == proxies[0].port
    yield db
    await db.close()


async def test_with_one_address_nothing_is_probed(settings: Settings) -> None:
    db = Database(settings)
    await db.ping()
    assert not db.home.loops
    assert (db.home.name, db.home.nodes(), db.home.is_degraded) == ("", {}, False)
    assert not await db.home.has_left(db.home.server)
    await db.close()


async def test_without_any_server_the_answer_comes_soon() -> None:
    away = Database(Settings(db="mysql://drumee_app@127.0.0.1:1,127.0.0.1:2/"))
    async with asyncio.timeout(5):
        for _ in range(3):
            with pytest.raises(DatabaseUnavailableError):
                await away.ping()
    assert away.home.is_degraded
    await away.close()


class KnownProbe(Probe):
    """A probe whose server has this state."""

    def __init__(self, server: DatabaseServer, state: NodeState) -> None:
        super().__init__(server)
        self._state = state

    async def look(self) -> NodeState:
        return self._state


async def test_a_donor_is_left_for_the_next_server_also_when_another_one_answers_first() -> None:
    """That one may be the former home, which has just come back and asks for the copy."""
    servers = first, second, third = database_servers("mysql://drumee_app@one,two,three/")
    home = Home(servers)

    async def look(server: DatabaseServer, asked_at: float, rank: Rank = Rank.READY) -> str:
        home._probes[server] = KnownProbe(server, NodeState(rank, server.host, asked_at=asked_at))
        await home._probe_round(server)
        return home.server.host

    assert [await look(server, 1.0) for server in servers] == ["one"] * 3
    assert await look(first, 2.0, Rank.DONOR) == "one"
    assert await look(third, 2.1) == "one"
    assert await look(second, 2.2) == "two"
    assert await look(second, 3.0, Rank.DOWN) == "two"
    assert await look(first, 3.1) == "one", "a home that fails is left for the first one that answers"


@pytest.mark.parametrize("how", ["hangs", "refuses"])
async def test_a_server_that_fails_is_left_by_both_pools_and_stays_a_spare(
    db: Database,
    proxies: tuple[TcpProxy, TcpProxy],
    admin: Admin,
    how: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    first, second = proxies
    uncommitted, failed = asyncio.Event(), asyncio.Event()
    sessions: list[int] = []

    async def unit(tx: Transaction) -> None:
        await tx.call("yp", "authn_store", "home-sid", "home-token", 60)
        sessions.append(1)
        uncommitted.set()
        if len(sessions) == 1:
            await failed.wait()
        await tx.call("yp", "authn_store", "home-sid", "home-token-2", 60)

    writing = asyncio.create_task(db.transaction("test", unit))
    await uncommitted.wait()
    if how == "hangs":
        first.hang()
    else:
        await first.refuse()
    failed.set()
    async with asyncio.timeout(10):
        # A transaction that was open, and has committed nothing, runs again at the new home.
        await asyncio.gather(writing, *(db.call("yp", "shard_list") for _ in range(20)))
    assert len(sessions) == 2
    assert admin.one("SELECT COUNT(*) FROM yp.authn WHERE session_id = SHA2('home-sid', 256)") == 2
    admin.rows("DELETE FROM yp.authn WHERE session_id = SHA2('home-sid', 256)")
    assert db.home.server.port == second.port
    assert [*db.home.nodes().values()] == ["ready"], "one server under two addresses has one name"
    assert db.home.is_degraded
    if how == "hangs":
        first.pass_on()
    else:
        await first.start()
    await eventually(lambda: not db.home.is_degraded)
    await asyncio.sleep(1)
    assert db.home.server.port == second.port
    moves = [r for r in caplog.records if r.getMessage() == "another node of the database is home"]
    assert len(moves) == 1


async def test_a_commit_that_is_not_answered_is_not_repeated(
    db: Database, proxies: tuple[TcpProxy, TcpProxy], admin: Admin
) -> None:
    """It may have taken place."""
    admin.rows("CREATE OR REPLACE TABLE yp.test_slow (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE = InnoDB")
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_slow() MODIFIES SQL DATA BEGIN "
        "DO SLEEP(0.5); INSERT INTO yp.test_slow VALUES (); END"
    )
    try:
        await db.load_routines()
        writing = asyncio.create_task(db.call("yp", "test_slow"))
        await asyncio.sleep(0.2)
        proxies[0].hang()
        with pytest.raises(DatabaseUnavailableError):
            await writing
        await db.call("yp", "test_slow")
        assert admin.one("SELECT COUNT(*) FROM yp.test_slow") == 2
    finally:
        admin.rows("DROP TABLE yp.test_slow")
        admin.rows("DROP PROCEDURE yp.test_slow")


async def test_a_process_that_hangs_itself_stays(db: Database) -> None:
    home = db.home.server
    time.sleep(2.5)  # noqa: ASYNC251  # all probes of this process are late now
    for _ in range(3):
        await db.call("yp", "shard_list")
        await asyncio.sleep(0.5)
    assert db.home.server == home


class WithPort(MariaDB):
    """A server that has a name of its own, as those of different hosts."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.port = free_port()

    def command(self) -> list[str]:
        return [*super().command(), "--skip-networking=0", "--bind-address=127.0.0.1", f"--port={self.port}"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[list[int]]:
    """Provide the ports of two empty servers without replication."""
    with ExitStack() as running:
        stacks = [Stack(tmp_path / name, durable=False, kinds=(WithPort,), leashed=True) for name in "ab"]
        for stack in stacks:
            running.enter_context(stack)
        yield [server.port for stack in stacks for server in stack._servers if isinstance(server, WithPort)]


def run(port: int, *statements: str) -> None:
    connection = pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True, ssl_disabled=True)
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


async def test_a_server_that_only_reads_is_home_only_when_no_other_works(pair: list[int]) -> None:
    primary, replica = pair
    run(replica, "SET GLOBAL read_only = 1")
    # The replica comes first: the order of addresses does not matter here.
    servers = database_servers(f"mysql://root@127.0.0.1:{replica},127.0.0.1:{primary}/")
    homes = [Home(servers), Home(servers[::-1])]
    try:
        assert [(await home.get()).port for home in homes] == [primary, primary]
        assert not any(home.is_degraded for home in homes)
        assert sorted(homes[0].nodes().values()) == ["read_only", "ready"]
        # A switch-over: for a moment nobody can write.
        run(primary, "SET GLOBAL read_only = 1")
        await eventually(lambda: all(home.is_degraded for home in homes))
        run(replica, "SET GLOBAL read_only = 0")
        await eventually(lambda: all(home.server.port == replica for home in homes))
        # The former primary comes back in the mode in which it died, without the agreement of today.
        run(primary, "SET GLOBAL read_only = 0")
        await asyncio.sleep(1.5)
        assert all(home.server.port == replica for home in homes)
    finally:
        for home in homes:
            await home.stop()
