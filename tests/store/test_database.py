"""Access to MariaDB: rights, transactions, retries, limits."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiomysql
import orjson
import pymysql
import pytest

from service.bench.node import free_port
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError, EntityMovingError, Refusal, Refused
from service.settings import Settings, database_servers
from service.store import database as store
from service.store import pool
from service.store.database import Database, Transaction
from service.store.pool import session_statement
from service.store.server_errors import CONNECTION_LOST, IN_TROUBLE, MISREAD
from tests.support.admin import Admin
from tests.support.rest import ClientMaker


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    await database.load_routines()
    yield database
    await database.close()


async def test_the_service_account_can_execute_and_nothing_else(settings: Settings, admin: Admin) -> None:
    (server,) = database_servers(settings.db)
    connection = await aiomysql.connect(**server.connect_args)
    tables = admin.rows(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('yp', 'shard1', 'shard2')"
    )
    assert len(tables) > 30
    async with connection.cursor() as cursor:
        for schema, table in tables:
            for statement in (f"SELECT 1 FROM {schema}.{table}", f"DELETE FROM {schema}.{table}"):
                with pytest.raises(pymysql.err.OperationalError) as refused:
                    await cursor.execute(statement)
                assert refused.value.args[0] == 1142, statement
        for statement in ("CREATE TABLE yp.x (a INT)", "DROP PROCEDURE yp.session_open", "CREATE DATABASE x"):
            with pytest.raises(pymysql.err.MySQLError):
                await cursor.execute(statement)
        await cursor.execute("CALL yp.session_open(NULL, NULL, NULL)")
    connection.close()


def test_no_index_holds_a_virtual_column(settings: Settings, admin: Admin) -> None:
    # the purge of such an index has crashed several releases of MariaDB
    columns = admin.rows(
        "SELECT s.table_schema, s.table_name, s.column_name FROM information_schema.statistics AS s "
        "JOIN information_schema.columns AS c USING (table_schema, table_name, column_name) "
        "WHERE s.table_schema IN ('yp', 'shard1', 'shard2') AND c.extra LIKE 'VIRTUAL%'"
    )
    assert columns == []


async def test_readers_cannot_write(settings: Settings) -> None:
    (server,) = database_servers(settings.db)
    connection = await aiomysql.connect(
        **server.connect_args, autocommit=True, init_command=session_statement(settings, read_only=True)
    )
    async with connection.cursor() as cursor:
        await connection.begin()
        with pytest.raises(pymysql.err.MySQLError) as refused:
            await cursor.execute("CALL yp.authn_store('s', 't', 60)")
        assert refused.value.args[0] == 1792
    connection.close()


async def test_a_refused_transaction_keeps_nothing(db: Database, admin: Admin) -> None:
    async def unit(tx: Transaction) -> None:
        await tx.call("yp", "authn_store", "kept-sid", "kept-token", 60)
        await tx.call("yp", "conference_join", "no", "no", "no", None, "meeting", "{}", 16)

    with pytest.raises(Refused) as refused:
        await db.transaction("test", unit)
    assert refused.value.code == "WEAK_PRIVILEGE"
    assert admin.one("SELECT COUNT(*) FROM yp.authn WHERE id = SHA2('kept-token', 256)") == 0


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        ("INSERT INTO yp.test_half VALUES (1)", pymysql.err.IntegrityError),
        ("SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'", EntityMovingError),
    ],
)
async def test_a_transaction_that_fails_in_any_way_keeps_nothing(
    settings: Settings, admin: Admin, failing: str, error: type[Exception]
) -> None:
    """An error does not end a transaction: the next user of the connection would commit it."""
    admin.rows("CREATE OR REPLACE TABLE yp.test_half (id INT PRIMARY KEY) ENGINE = InnoDB")
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_fail() MODIFIES SQL DATA BEGIN "
        f"INSERT INTO yp.test_half VALUES (1); {failing}; END"
    )
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_next() MODIFIES SQL DATA INSERT INTO yp.test_half VALUES (2)"
    )
    db = Database(dataclasses.replace(settings, db_pool=1))
    try:
        await db.load_routines()
        with pytest.raises(error):
            await db.call("yp", "test_fail")
        await db.call("yp", "test_next")
        assert admin.rows("SELECT id FROM yp.test_half") == [(2,)]
    finally:
        await db.close()
        admin.rows("DROP TABLE yp.test_half")
        admin.rows("DROP PROCEDURE yp.test_fail")
        admin.rows("DROP PROCEDURE yp.test_next")


async def test_the_routines_of_a_shard_are_read_when_it_is_called(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a thousand shards, a process that starts reads those of the first ones only."""
    monkeypatch.setattr(store, "READ_FIRST", 1)
    db = Database(settings)
    try:
        known = {name for name, _ in await db.load_routines()}
        assert known == {"yp", "shard1"}
        assert await db.shards() == ["shard1", "shard2"]
        for _ in range(2):
            assert await db.call("shard2", "contact_phone_unknown", 0) == [[]]
        with pytest.raises(KeyError):
            await db.call("shard3", "contact_phone_unknown", 0)
    finally:
        await db.close()


async def test_equal_routines_of_two_shards_are_in_memory_once(db: Database) -> None:
    one, two = (await db.shards())[:2]
    for shard in (one, two):
        await db.call(shard, "contact_stale_owner")
    assert db._writes[one] is db._writes[two]
    assert db._writes[one] is not db._writes["yp"]


async def test_deadlocks_are_retried_until_both_are_through(db: Database, admin: Admin) -> None:
    for mark in ("a", "b"):
        await db.call("yp", "authn_store", "sid", f"deadlock-{mark}", 60)
    attempts = 0
    gate = asyncio.Barrier(2)

    async def crossing(first: str, second: str) -> None:
        waited = False

        async def unit(tx: Transaction) -> None:
            nonlocal attempts, waited
            attempts += 1
            await tx.call("yp", "socket_bind", f"s{attempts}", "no-session", f"deadlock-{first}", "n")
            if not waited:
                waited = True
                await gate.wait()
            await tx.call("yp", "socket_bind", f"t{attempts}", "no-session", f"deadlock-{second}", "n")

        await db.transaction("test", unit)

    await asyncio.gather(crossing("a", "b"), crossing("b", "a"))
    assert attempts == 3, "one of the two ran again"
    assert admin.one("SELECT COUNT(*) FROM yp.authn WHERE session_id = SHA2('sid', 256)") == 0


async def test_who_gives_up_on_a_silent_server_leaves_no_socket(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiomysql closes what it opened, also while somebody keeps the error."""
    monkeypatch.setattr(pool, "CONNECT_SECONDS", 0.2)
    departure = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        departure.set()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    silent = Database(dataclasses.replace(settings, db=f"mysql://drumee_app@127.0.0.1:{port}/"))
    with pytest.raises(DatabaseUnavailableError) as error:
        await silent.ping()
    async with asyncio.timeout(10):
        await departure.wait()
    assert error.value.__traceback__ is not None
    await silent.close()
    server.close()


async def test_a_call_that_takes_too_long_is_stopped(settings: Settings, admin: Admin) -> None:
    admin.rows("CREATE OR REPLACE PROCEDURE yp.test_sleep() READS SQL DATA SELECT SLEEP(30)")
    db = Database(dataclasses.replace(settings, db_timeout=3))
    try:
        await db.load_routines()
        with pytest.raises(DatabaseTimeoutError):
            await db.call("yp", "test_sleep")
        assert len(await db.call("yp", "shard_list")) == 1
    finally:
        await db.close()
        admin.rows("DROP PROCEDURE yp.test_sleep")


async def test_an_error_after_a_result_set_is_an_error(db: Database, admin: Admin) -> None:
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_late() READS SQL DATA BEGIN SELECT 1; "
        """SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"code":"TOO_LATE","field":"x","reason":"y"}'; END"""
    )
    try:
        await db.load_routines()
        with pytest.raises(Refused) as refused:
            await db.call("yp", "test_late")
        assert refused.value.refusal == Refusal("TOO_LATE", field="x", reason="y")
    finally:
        admin.rows("DROP PROCEDURE yp.test_late")


async def test_a_cancelled_call_leaves_no_open_transaction(db: Database, admin: Admin) -> None:
    started = asyncio.Event()

    async def unit(tx: Transaction) -> None:
        await tx.call("yp", "authn_store", "cancelled-sid", "cancelled-token", 60)
        started.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(db.transaction("test", unit))
    await started.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    # A lock on the row would block this insert.
    await db.call("yp", "authn_store", "cancelled-sid", "cancelled-token", 60)
    assert admin.one("SELECT COUNT(*) FROM yp.authn WHERE id = SHA2('cancelled-token', 256)") == 1


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """Provide a server that takes connections and never says a word; its address."""

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await asyncio.start_server(listen, "127.0.0.1", free_port())
    host, port = server.sockets[0].getsockname()
    yield f"{host}:{port}"
    server.close()


async def test_callers_who_give_up_do_so_at_once_whatever_the_server_does(
    settings: Settings, silent: str
) -> None:
    db = Database(dataclasses.replace(settings, db=f"mysql://x:x@{silent}", db_pool=4, db_timeout=58))

    async def give_up(seconds: float) -> None:
        with pytest.raises((TimeoutError, DatabaseUnavailableError)):
            async with asyncio.timeout(seconds):
                await db.ping()

    # Their times differ by less than a connection takes: each becomes the one who connects as it gives up.
    async with asyncio.timeout(30):
        for _ in range(5):
            await asyncio.gather(*(give_up(0.2 + number / 20_000) for number in range(40)))
    await db.close()


async def test_names_of_routines_cannot_carry_sql(db: Database) -> None:
    async with db._read.connection() as connection:
        assert await connection.query("DO 0") == []
    with pytest.raises(KeyError):
        await db.call("yp", "x(); DROP TABLE yp.session; --")
    with pytest.raises(ValueError, match="not a routine"):
        await db.transaction("t", lambda tx: tx.call("yp; DROP", "session_open"))


@pytest.fixture
def says(admin: Admin) -> Iterator[None]:
    """A writer that fails with any error number, as the server does."""
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_says(IN in_number INT, IN in_text VARCHAR(255)) "
        "MODIFIES SQL DATA SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = in_number, MESSAGE_TEXT = in_text"
    )
    yield
    admin.rows("DROP PROCEDURE yp.test_says")


@pytest.mark.usefixtures("says")
async def test_server_errors_are_unavailable_and_logged_once(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    db = Database(settings)
    await db.load_routines()
    full = [
        (1, 'Can\'t create file (Errcode: 28 "No space left on device")'),
        (1030, "Got error 28 from Aria"),
    ]
    for number, text in [*IN_TROUBLE.items(), *full]:
        with pytest.raises(DatabaseUnavailableError, match=str(number)):
            await db.call("yp", "test_says", number, text)
        assert str(number) in db.trouble
    for number, text in CONNECTION_LOST.items():
        with pytest.raises(DatabaseUnavailableError):
            await db.call("yp", "test_says", number, text)
    # errors of our own stay what they are
    for number, text in ((1, 'Can\'t create file (Errcode: 13 "Permission denied")'), (1146, "error 128")):
        with pytest.raises(pymysql.err.MySQLError):
            await db.call("yp", "test_says", number, text)
    await db.call("yp", "authn_store", "sid", "token", 60)
    assert db.trouble == ""
    lines = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "service.store.database"]
    assert lines == [("ERROR", "the database is in trouble"), ("INFO", "the database works again")]
    await db.close()


async def test_a_row_that_another_has_written_meanwhile_is_found_by_a_repetition(
    settings: Settings, admin: Admin
) -> None:
    """Between two nodes of Galera a lock holds nobody off: two look, two write, one meets a unique key."""
    admin.rows("CREATE OR REPLACE TABLE yp.test_pair (id INT PRIMARY KEY, who INT) ENGINE = InnoDB")
    admin.rows("CREATE OR REPLACE PROCEDURE yp.test_look() MODIFIES SQL DATA SELECT who FROM yp.test_pair")
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_add() MODIFIES SQL DATA INSERT INTO yp.test_pair VALUES (1, 1)"
    )
    db = Database(settings)
    await db.load_routines()
    looks: list[list[tuple[int]]] = []

    async def unit(tx: Transaction) -> str:
        (rows,) = await tx.call("yp", "test_look")
        looks.append(rows)
        if rows:
            return "present"
        if len(looks) == 1:
            admin.rows("INSERT INTO yp.test_pair VALUES (1, 2)")
        await tx.call("yp", "test_add")
        return "added"

    try:
        assert await db.transaction("test", unit) == "present"
        assert looks == [[], [(2,)]]

        async def always(tx: Transaction) -> None:
            looks.append([])
            await tx.call("yp", "test_add")

        before = len(looks)
        with pytest.raises(pymysql.err.IntegrityError):
            await db.transaction("test", always)
        assert len(looks) == before + 2, "once more, and no more"
    finally:
        await db.close()
        admin.rows("DROP TABLE yp.test_pair")
        admin.rows("DROP PROCEDURE yp.test_look")
        admin.rows("DROP PROCEDURE yp.test_add")


@pytest.mark.parametrize("number", sorted(MISREAD))
async def test_a_routine_that_the_server_misreads_runs_again_on_another_connection(
    settings: Settings, admin: Admin, number: int
) -> None:
    admin.rows("CREATE OR REPLACE TABLE yp.test_connection (id INT PRIMARY KEY) ENGINE = InnoDB")
    admin.rows(
        "CREATE OR REPLACE PROCEDURE yp.test_misread(IN in_id INT) MODIFIES SQL DATA BEGIN "
        f"IF in_id = CONNECTION_ID() THEN SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = {number}; END IF; "
        "INSERT INTO yp.test_connection VALUES (CONNECTION_ID()); SELECT CONNECTION_ID(); END"
    )
    db = Database(dataclasses.replace(settings, db_pool=1))
    try:
        await db.load_routines()
        (((first,),),) = await db.call("yp", "test_misread", 0)
        (((second,),),) = await db.call("yp", "test_misread", first)
        assert second != first
        assert admin.rows("SELECT id FROM yp.test_connection ORDER BY id") == [(first,), (second,)]
    finally:
        await db.close()
        admin.rows("DROP TABLE yp.test_connection")
        admin.rows("DROP PROCEDURE yp.test_misread")


async def test_lists_need_no_file_of_the_server(settings: Settings, client_of: ClientMaker) -> None:
    """A full disk must not stop them: temporary tables and sorts stay in memory."""
    api = await client_of()
    note = "a word or two " * 80
    for start in (0, 100):
        operations = [
            {"action": "create", "data": {"display_name": f"Person {n:03}", "notes": note, "tags": ["T"]}}
            for n in range(start, start + 100)
        ]
        assert (await api.post("/contacts/batch", {"operations": operations})).data["failed"] == 0
    (server,) = database_servers(settings.db)
    connection = await aiomysql.connect(
        **server.connect_args, autocommit=True, init_command=session_statement(settings, read_only=True)
    )
    queries: tuple[dict[str, Any], ...] = (
        {}, {"order": "desc"}, {"search": "person"}, {"search": "person word"}, {"tag": ["T"]},
        {"sort": "updated_at"}, {"deleted": "also"}, {"company": "none"},
    )  # fmt: skip
    async with connection.cursor() as cursor:

        async def files() -> dict[str, int]:
            await cursor.execute(
                "SHOW SESSION STATUS WHERE Variable_name IN ('Created_tmp_disk_tables', 'Sort_merge_passes')"
            )
            return {name: int(value) for name, value in await cursor.fetchall()}

        needed, names = {}, {}
        for query in queries:
            before = await files()
            arguments = (api.person.uid, orjson.dumps(query).decode())
            await cursor.execute(f"CALL {api.person.shard}.my_contact_records(%s, %s, 100, 0)", arguments)
            names[str(query)] = [orjson.loads(data)["display_name"] for data, _ in await cursor.fetchall()]
            while await cursor.nextset():
                pass
            if await files() != before:
                needed[str(query)] = await files()
    connection.close()
    assert not needed
    assert names["{}"] == [f"Person {n:03}" for n in range(100)]
    assert names[str({"order": "desc"})] == [f"Person {n:03}" for n in range(199, 99, -1)]
