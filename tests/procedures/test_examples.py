"""The example in every header runs on the demo data; it may be refused only with a code the header lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from service import demo
from service.database import SIGNALLED
from service.demo import ALICE, BOB, TEAM
from service.deploy.connection import Connection
from service.deploy.files import Routine, load_routines
from service.deploy.header import read_header
from service.settings import Settings

SHARD = "shard1"
SCENE = (
    # whatever the demo people have done in other tests
    f"DELETE FROM {SHARD}.contact WHERE owner_id IN ('{ALICE}', '{BOB}')",
    # alice is signed in as example-sid, with one tab, in a meeting of her team; bob's tab is example-bob
    "INSERT INTO yp.session (id, uid, ttl, expiry, ctime, mtime) "
    f"VALUES (SHA2('example-sid', 256), '{ALICE}', 60, UNIX_TIMESTAMP() + 60, 1, 1), "
    f"(SHA2('example-bob-sid', 256), '{BOB}', 60, UNIX_TIMESTAMP() + 60, 1, 1)",
    "INSERT INTO yp.node (id, ctime, heartbeat) VALUES ('00000000000000e1', 1, UNIX_TIMESTAMP())",
    "INSERT INTO yp.socket (id, uid, session_id, node, ctime) "
    f"VALUES ('example-socket', '{ALICE}', SHA2('example-sid', 256), '00000000000000e1', 1), "
    f"('example-bob', '{BOB}', SHA2('example-bob-sid', 256), '00000000000000e1', 1)",
    "INSERT INTO yp.conference_room (id, hub_id, type, ctime) "
    f"VALUES ('00000000000000f2', '{TEAM}', 'meeting', 1)",
    "INSERT INTO yp.conference (room_id, socket_id, hub_id, uid, type, role, status, level, ctime, mtime) "
    "VALUES "
    f"('00000000000000f2', 'example-socket', '{TEAM}', '{ALICE}', 'meeting', 'host', 'started', 7, 1, 1)",
    f"INSERT INTO {SHARD}.contact (owner_id, id, entity, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000c01', 'ada.l@example.com', 1, 1)",
)
ROUTINES = {f"{r.scope}/{r.name}": r for r in load_routines()}


@pytest.fixture(scope="module")
def connection(settings: Settings) -> Iterator[Connection]:
    """An administrator's connection to a server with the demo data."""
    demo.load(settings)
    made = Connection(settings)
    made.run("SET tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON")
    yield made
    made.close()


def run_example(connection: Connection, routine: Routine, example: str) -> list[tuple[Any, ...]]:
    """The rows of the first result set; nothing of it stays."""
    connection.raw.begin()
    try:
        connection.raw.select_db("yp" if routine.scope == "yp" else SHARD)
        connection.each(SCENE)
        with connection.raw.cursor() as cursor:
            cursor.execute(example)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                pass
        return rows
    finally:
        connection.raw.rollback()


@pytest.mark.parametrize("name", ROUTINES)
def test_the_example_in_the_header_runs(connection: Connection, name: str) -> None:
    routine = ROUTINES[name]
    header = read_header(routine)
    assert header.examples
    for example in header.examples:
        try:
            run_example(connection, routine, example)
        except pymysql.err.OperationalError as exc:
            number, message = exc.args
            if number != SIGNALLED or message.partition(" ")[0] not in header.entries("Errors"):
                raise


def test_help_answers_the_header_inside_the_client(connection: Connection) -> None:
    ((routine, text),) = run_example(connection, ROUTINES["yp/help"], "CALL help('conference_join')")
    assert routine == "yp.conference_join"
    assert text.startswith("conference_join: a socket enters a room")
    assert "Errors:   WEAK_PRIVILEGE" in text
    many = run_example(connection, ROUTINES["yp/help"], "CALL help('socket_')")
    assert {"yp.socket_bind", "yp.socket_free"} <= {name for name, _ in many}
    ((first, _),) = run_example(connection, ROUTINES["yp/help"], "CALL help('my_contact_get')")
    assert first == "shard1.my_contact_get"
    assert not run_example(connection, ROUTINES["yp/help"], "CALL help('no_such_routine')")
