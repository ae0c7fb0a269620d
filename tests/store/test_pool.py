"""Connections: lent in the order of asking, never lost, never shared."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.settings import Settings, database_servers
from service.store.connection import PooledConnection
from service.store.home import Home
from service.store.outages import Outages
from service.store.pool import Pool
from tests.support.admin import Admin


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Pool]:
    """Provide a pool of two writing connections."""
    small = dataclasses.replace(settings, db_pool=2)
    pool = Pool(small, Outages(), Home(database_servers(settings.db)), read_only=False)
    yield pool
    await pool.close()


async def number(connection: PooledConnection) -> int:
    (((number,),),) = await connection.query("SELECT CONNECTION_ID()")
    return int(number)


async def test_connections_are_lent_in_the_order_of_asking(pool: Pool) -> None:
    order = []

    async def use(name: int) -> None:
        async with pool.connection():
            order.append(name)
            # The first ones come back last: only the order of asking decides who is next.
            await asyncio.sleep(0.01 if name % 2 else 0)

    async with pool.connection(), pool.connection():
        assert pool.usage() == (2, 2)
    async with asyncio.TaskGroup() as group:
        for name in range(40):
            group.create_task(use(name))
    assert order == list(range(40))
    assert pool.usage() == (0, 2)


async def test_who_asks_later_does_not_overtake_those_who_wait(pool: Pool) -> None:
    first, second = await pool.acquire(), await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    pool.release(first)
    late = asyncio.create_task(pool.acquire())
    assert await waiting is first
    assert not late.done()
    pool.release(second)
    assert await late is second
    pool.release(first)
    pool.release(second)


async def test_a_turn_that_comes_with_a_cancellation_goes_to_the_next(pool: Pool) -> None:
    first, second = await pool.acquire(), await pool.acquire()
    given_up, next_one = asyncio.create_task(pool.acquire()), asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    pool.release(first)
    given_up.cancel()
    assert await next_one is first
    with pytest.raises(asyncio.CancelledError):
        await given_up
    for connection in (first, second):
        pool.release(connection)
    assert pool.usage() == (0, 2)


async def test_a_cancelled_statement_costs_the_connection_and_no_turn(pool: Pool) -> None:
    keeper = await pool.acquire()

    async def sleep() -> None:
        async with pool.connection() as connection:
            await connection.query("SELECT SLEEP(30)")

    for _ in range(3):
        sleeper = asyncio.create_task(sleep())
        await asyncio.sleep(0.05)
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper
        async with pool.connection() as connection:
            assert await connection.query("SELECT 1") == [[(1,)]]
    pool.release(keeper)


async def test_an_open_transaction_is_not_lent_on(pool: Pool, admin: Admin) -> None:
    admin.rows("CREATE OR REPLACE PROCEDURE yp.test_open() MODIFIES SQL DATA UPDATE node SET id = id")
    try:
        async with pool.connection() as connection:
            await connection.run("yp", "test_open", ())
            own = await number(connection)
        async with pool.connection() as connection:
            other = await number(connection)
            assert other != own
            await connection.run("yp", "test_open", (), ("; COMMIT", ()))
        async with pool.connection() as connection:
            assert await number(connection) == other, "a transaction that is committed costs no connection"
            await connection.query("ROLLBACK")
    finally:
        admin.rows("DROP PROCEDURE yp.test_open")


async def test_a_connection_that_the_server_has_closed_is_not_lent(pool: Pool, admin: Admin) -> None:
    async with pool.connection() as connection:
        own = await number(connection)
    admin.rows(f"KILL {own}")
    async with asyncio.timeout(10):
        while connection.is_open:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    async with pool.connection() as other:
        assert await number(other) != own


async def test_a_statement_that_is_killed_leaves_a_connection_that_works(pool: Pool, admin: Admin) -> None:
    async with pool.connection() as connection:
        own = await number(connection)
        asleep = asyncio.create_task(connection.query("SELECT SLEEP(30)"))
        await asyncio.sleep(0.1)
        admin.rows(f"KILL QUERY {own}")
        with pytest.raises(DatabaseUnavailableError):
            await asleep
        assert await connection.query("SELECT 2") == [[(2,)]]


async def test_a_statement_without_an_answer_ends_in_time(settings: Settings) -> None:
    """The server's own limit comes first, unless the server hangs."""
    small = dataclasses.replace(settings, db_timeout=-1, db_pool=1)
    pool = Pool(small, Outages(), Home(database_servers(settings.db)), read_only=True)
    pool._session = "SET max_statement_time = 0"
    async with pool.connection() as connection:
        with pytest.raises(DatabaseTimeoutError):
            await connection.query("SELECT SLEEP(30)")
        assert not connection.is_open
    async with pool.connection() as connection:
        assert await connection.query("SELECT 1") == [[(1,)]]
    await pool.close()


async def test_who_finds_no_free_connection_in_time_is_told(settings: Settings) -> None:
    small = dataclasses.replace(settings, db_timeout=-1, db_pool=1)
    pool = Pool(small, Outages(), Home(database_servers(settings.db)), read_only=True)
    async with pool.connection():
        with pytest.raises(DatabaseUnavailableError, match="no free connection") as error:
            await pool.acquire()
    assert error.value.is_undone
    async with pool.connection() as connection:
        assert await connection.query("SELECT 1") == [[(1,)]]
    await pool.close()
