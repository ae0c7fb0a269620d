"""What the driver makes of the bytes of a real server: every type, every size, every kind of end."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pymysql
import pytest

from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, Refused
from service.settings import DatabaseServer, Settings, database_servers
from service.store import connection as connections
from service.store.connection import PooledConnection
from tests.support.admin import Admin
from tests.support.tcp_proxy import tcp_proxy

SESSION = "SET max_statement_time = 20"
BIG = 17 * 1024 * 1024


async def connect(server: DatabaseServer, seconds: float = 20) -> PooledConnection:
    return await connections.connect(server, autocommit=True, session=SESSION, seconds=seconds)


@pytest.fixture
async def connection(settings: Settings) -> AsyncIterator[PooledConnection]:
    (server,) = database_servers(settings.db)
    connection = await connect(server)
    yield connection
    connection.close()


async def test_every_type_is_read(connection: PooledConnection, admin: Admin) -> None:
    admin.rows(
        "CREATE OR REPLACE TABLE yp.test_types (a TINYINT, b BIGINT UNSIGNED, c DOUBLE, d DECIMAL(30, 10), "
        "e DATE, f DATETIME(6), g VARCHAR(90) COLLATE utf8mb4_bin, h VARCHAR(90) COLLATE ascii_bin, "
        "i LONGTEXT COMPRESSED, j LONGBLOB, k ENUM('x', 'y'), l JSON, m CHAR(3) COLLATE latin1_bin, "
        "n VARBINARY(9), o TEXT COLLATE ucs2_bin, p LONGBLOB COMPRESSED, q SET('s', 't'), r TIME, s YEAR, "
        "t FLOAT)"
    )
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_types_get() READS SQL DATA SELECT * FROM test_types ORDER BY a"
    )
    text = "é誠𝒳" * 20_000
    data = bytes(range(256)) * 300
    row = (
        -7, 2**64 - 1, 0.1, decimal.Decimal("12345678901234567890.0123456789"), datetime.date(2026, 2, 28),
        datetime.datetime(2026, 2, 28, 1, 2, 3, 4), "誠\0'", "plain", text, data, "y", '{"a":1}', "äöü",
        b"\0\xff", "誠", data, "s,t", datetime.timedelta(hours=-3), 2026, 1.5,
    )  # fmt: skip
    try:
        for values in (row, (None,) * len(row), row):
            admin.rows(f"INSERT INTO yp.test_types VALUES ({', '.join(['%s'] * len(row))})", *values)
        assert await connection.run("yp", "test_types_get", ()) == [[(None,) * len(row), row, row]]
    finally:
        admin.rows("DROP PROCEDURE yp.test_types_get")
        admin.rows("DROP TABLE yp.test_types")


@pytest.mark.parametrize(
    "size", [0, 1, 250, 251, 65_535, 65_536, 2**24 - 9, 2**24 - 5, 2**24 - 1, 2**24, BIG]
)
async def test_a_value_of_any_size_is_read_and_written(
    connection: PooledConnection, size: int, admin: Admin
) -> None:
    """The length takes 1, 3, 4 or 9 bytes, and more than 16 MB take several packets."""
    ((most,),) = admin.rows("SELECT @@max_allowed_packet")
    if size + 100 < most:
        assert await connection.query("SELECT LENGTH(%s)", ("x" * size,)) == [[(size,)]]
    (long_first, long_last) = await connection.query(
        "SELECT REPEAT('x', %s), 5 UNION ALL SELECT 'next', 6; SELECT 5, REPEAT('y', %s)", (size, size)
    )
    assert [(len(text), number) for text, number in long_first] == [(size, 5), (4, 6)]
    assert [(number, len(text)) for number, text in long_last] == [(5, size)]


async def test_many_rows_and_columns_are_read(connection: PooledConnection) -> None:
    columns = ", ".join(f"i + {n}" for n in range(300))
    (rows,) = await connection.query(
        "WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
        f"SELECT {columns} FROM n"
    )
    assert rows == [tuple(i + n for n in range(300)) for i in range(901)]


async def test_results_without_rows_and_statements_without_results(connection: PooledConnection) -> None:
    many = await connection.query(
        "DO 0; SELECT 1; SELECT 2 FROM DUAL WHERE FALSE; DO 1; SELECT 3, NULL; DO 2"
    )
    assert many == [[(1,)], [], [(3, None)]]


async def test_warnings_are_no_results(connection: PooledConnection) -> None:
    assert await connection.query("SELECT CAST('x' AS INT); SELECT 1 / 0") == [[(0,)], [(None,)]]


async def test_an_error_at_any_place_is_raised_and_stops_the_rest(
    connection: PooledConnection, admin: Admin
) -> None:
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_error() READS SQL DATA BEGIN SELECT 1; SELECT 2; "
        """SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"code":"LATE"}'; SELECT 3; END"""
    )
    admin.rows("CREATE OR REPLACE TABLE yp.test_mark (id INT)")
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_after() MODIFIES SQL DATA INSERT INTO test_mark VALUES (1)"
    )
    try:
        for statement in ("CALL yp.test_error()", "SELECT 0; CALL yp.test_error()"):
            with pytest.raises(Refused, match="LATE"):
                await connection.query(f"{statement}; CALL yp.test_after()")
            assert await connection.query("SELECT 7") == [[(7,)]], "the connection is as good as before"
        assert admin.rows("SELECT * FROM yp.test_mark") == []
    finally:
        admin.rows("DROP PROCEDURE yp.test_error")
        admin.rows("DROP PROCEDURE yp.test_after")
        admin.rows("DROP TABLE yp.test_mark")


async def test_an_error_among_rows_is_raised(connection: PooledConnection, admin: Admin) -> None:
    admin.rows(
        "CREATE OR REPLACE FUNCTION yp.test_breaks(i INT) RETURNS INT DETERMINISTIC BEGIN IF i = 800 THEN "
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{\"code\":\"ROW\"}'; END IF; RETURN i; END"
    )
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_row_error() READS SQL DATA "
        "WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
        "SELECT REPEAT('x', 9000), yp.test_breaks(i) FROM n"
    )
    try:
        with pytest.raises(Refused, match="ROW"):
            await connection.run("yp", "test_row_error", ())
        assert await connection.query("SELECT 7") == [[(7,)]]
    finally:
        admin.rows("DROP PROCEDURE yp.test_row_error")
        admin.rows("DROP FUNCTION yp.test_breaks")


@pytest.mark.parametrize(
    "statement", ["SELECT SLEEP(9)", "SELECT REPEAT('x', 16000000), SLEEP(9)", "SELECT 1; SELECT SLEEP(9)"]
)
async def test_a_cancelled_statement_closes_its_connection(
    connection: PooledConnection, statement: str
) -> None:
    task = asyncio.create_task(connection.query(statement))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not connection.is_open
    with pytest.raises(DatabaseUnavailableError):
        await connection.query("SELECT 1")


def by_tcp(settings: Settings, port: int) -> DatabaseServer:
    (server,) = database_servers(settings.db)
    return DatabaseServer(server.user, server.password, "127.0.0.1", port, None)


async def test_a_server_that_freezes_is_given_up_in_time(settings: Settings) -> None:
    (server,) = database_servers(settings.db)
    assert server.unix_socket
    async with tcp_proxy(server.unix_socket) as proxy:
        connection = await connect(by_tcp(settings, proxy.port), seconds=0.5)
        assert await connection.query("SELECT 1") == [[(1,)]]
        proxy.hang()
        with pytest.raises(DatabaseTimeoutError):
            await connection.query("SELECT 1")
        assert not connection.is_open
        # More than the buffers of the sockets take.
        proxy.pass_on()
        writing = await connect(by_tcp(settings, proxy.port), seconds=0.5)
        proxy.hang()
        with pytest.raises(DatabaseTimeoutError):
            await writing.query("SELECT LENGTH(%s)", (os.urandom(8_000_000).hex(),))
        assert not writing.is_open


@asynccontextmanager
async def cut_after(path: str) -> AsyncIterator[tuple[int, list[int]]]:
    """Provide a port in front of a server; once the list has a number, only so many bytes come through."""
    rest: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_unix_connection(path)

        async def ask() -> None:
            while data := await reader.read(65536):
                up_writer.write(data)

        asking = asyncio.create_task(ask())
        while data := await up_reader.read(65536):
            if rest:
                data = data[: rest[0]]
                rest[0] -= len(data)
            writer.write(data)
            if rest and rest[0] <= 0:
                break
        asking.cancel()
        up_writer.close()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1], rest
    listener.close()


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9, 20, 30, 40, 60, 70, 80, 90, 100, 4096, 70_000, 999_999])
async def test_a_server_that_dies_in_the_middle_of_a_packet(settings: Settings, count: int) -> None:
    (server,) = database_servers(settings.db)
    assert server.unix_socket
    async with cut_after(server.unix_socket) as (port, rest):
        connection = await connect(by_tcp(settings, port))
        rest.append(count)
        with pytest.raises(DatabaseUnavailableError):
            await connection.query("SELECT 1 AS one, 'text' AS two; SELECT REPEAT('x', 1000000)")
        assert not connection.is_open


async def test_a_server_that_dies_while_it_greets(settings: Settings) -> None:
    (server,) = database_servers(settings.db)
    assert server.unix_socket
    for count in (1, 10, 60, 90):
        async with cut_after(server.unix_socket) as (port, rest):
            rest.append(count)
            with pytest.raises(pymysql.err.OperationalError):
                await connect(by_tcp(settings, port))
