"""Run the example of every header on the demo data, and compare its columns with the header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from service.admin import demo
from service.admin.demo import ALICE, BOB, TEAM
from service.schema.header import read_header
from service.schema.routines import Routine, load_routines
from service.settings import Settings
from service.store.admin import Connection

ERIN = "00000000000000e1"
ROOM = "00000000000000f2"
SCENE = (
    # Alice is signed in as example-sid, with one tab, in a meeting of her team; Bob rings her.
    "INSERT INTO yp.session (id, uid, ttl, expiry, ctime, mtime) "
    f"VALUES (SHA2('example-sid', 256), '{ALICE}', 60, UNIX_TIMESTAMP() + 60, 1, 1), "
    f"(SHA2('example-bob-sid', 256), '{BOB}', 60, UNIX_TIMESTAMP() + 60, 1, 1)",
    "INSERT INTO yp.node (id, ctime, heartbeat) VALUES ('00000000000000e1', 1, UNIX_TIMESTAMP())",
    "INSERT INTO yp.socket (id, uid, session_id, node, ctime) "
    f"VALUES ('example-socket', '{ALICE}', SHA2('example-sid', 256), '00000000000000e1', 1), "
    f"('example-bob', '{BOB}', SHA2('example-bob-sid', 256), '00000000000000e1', 1)",
    f"INSERT INTO yp.conference_room (id, hub_id, type, ctime) VALUES ('{ROOM}', '{TEAM}', 'meeting', 1)",
    "INSERT INTO yp.conference (room_id, socket_id, hub_id, uid, type, role, status, level, ctime, mtime) "
    f"VALUES ('{ROOM}', 'example-socket', '{TEAM}', '{ALICE}', 'meeting', 'host', 'started', 7, 1, 1)",
    "INSERT INTO yp.call_invitation (room_id, callee_id, hub_id, caller_id, caller_socket, status, expiry, "
    f"ctime, mtime) VALUES ('{ROOM}', '{ALICE}', '{TEAM}', '{BOB}', 'example-bob', 'ringing', "
    "UNIX_TIMESTAMP() + 60, 1, 1)",
    # Alice was sent to another site; Bob sent a link and accepted an invitation; Erin invited Alice.
    f"CALL yp.set_redirect_state('example', '{ALICE}', 'verifier')",
    "INSERT INTO yp.token (id, method, email, inviter_id, expiry, ctime) VALUES "
    f"(SHA2('example', 256), 'signup', 'alice@example.org', '{BOB}', UNIX_TIMESTAMP() + 60, 1), "
    f"(SHA2('example-signup-secret', 256), 'signup', 'new@example.org', '{BOB}', UNIX_TIMESTAMP() + 60, 1), "
    "(SHA2('example-password-secret', 256), 'forgot_password', 'alice@example.org', "
    f"'{ALICE}', UNIX_TIMESTAMP() + 60, 1)",
    f"UPDATE contact SET status = 'informed' WHERE owner_id = '{ALICE}' AND peer_id = '{BOB}'",
    "INSERT INTO contact (owner_id, id, entity, peer_id, status, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000c02', '{ERIN}', '{ERIN}', 'received', 1, 1)",
    # Alice's contact with every field, a tag, a group, and a hub that is open to guests.
    "INSERT INTO contact (owner_id, id, entity, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000c01', 'ada.l@example.com', 1, 1)",
    "INSERT INTO contact_email (owner_id, id, contact_id, email, position) "
    f"VALUES ('{ALICE}', '0000000000000e01', '0000000000000c01', 'countess@example.com', 1)",
    "INSERT INTO contact_phone (owner_id, id, contact_id, phone, position) "
    f"VALUES ('{ALICE}', '0000000000000e01', '0000000000000c01', '1', 1)",
    "INSERT INTO contact_address (owner_id, id, contact_id, city, position) "
    f"VALUES ('{ALICE}', '0000000000000e01', '0000000000000c01', 'London', 1)",
    f"INSERT INTO tag (owner_id, tag_id, name, ctime) VALUES ('{ALICE}', '0000000000000d01', 'Maths', 1)",
    # Another entry about the same person, and one in the trash.
    "INSERT INTO contact (owner_id, id, entity, firstname, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000c03', '0000000000000c03', 'Ada', 1, 1), "
    f"('{ALICE}', '0000000000000c04', '0000000000000c04', 'Charles', 1, 1)",
    f"CALL my_contact_trash('{ALICE}', '0000000000000c04', NULL)",
    "INSERT INTO contact_group (owner_id, id, name, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000b01', 'Engines', 1, 1)",
    "INSERT INTO attachment (owner_id, id, filename, mimetype, filesize, ctime) "
    f"VALUES ('{ALICE}', '000000000000000000000000000000d7', 'plan.pdf', 'application/pdf', 7, 1)",
    f"CALL yp.hub_create('00000000000000f3', 'Open', '{ALICE}', 'dmz')",
    f"CALL meeting_book('00000000000000f3', '{ALICE}', '00000000000000fa', '{{\"title\": \"Tea\"}}', 9)",
)
ROUTINES = {f"{r.scope}/{r.name}": r for r in load_routines()}


@pytest.fixture(scope="module")
def connection(settings: Settings) -> Iterator[Connection]:
    """Return an administrator's connection to a server with the demo data."""
    demo.load(settings)
    made = Connection(settings)
    made.run("SET tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON")
    yield made
    made.close()


Set = tuple[list[str], list[tuple[Any, ...]]]


def run_example(connection: Connection, routine: Routine, example: str) -> list[Set]:
    """Return (column names, rows) of each result set, and roll back."""
    connection.raw.begin()
    try:
        shard = connection.one("SELECT db_name FROM yp.entity WHERE id = %s", ALICE)
        connection.raw.select_db(shard)
        connection.each(SCENE)
        connection.raw.select_db("yp" if routine.scope == "yp" else shard)
        result_sets: list[Set] = []
        with connection.raw.cursor() as cursor:
            cursor.execute(example)
            while True:
                if cursor.description is not None:
                    result_sets.append(([each[0] for each in cursor.description], list(cursor.fetchall())))
                if not cursor.nextset():
                    return result_sets
    finally:
        connection.raw.rollback()


def promised(routine: Routine) -> str:
    """Return the documented results of a routine, with those of the routines that it calls."""
    text = read_header(routine).text("Returns")
    others = [r for r in ROUTINES.values() if r.name != routine.name and re.search(rf"\b{r.name}\b", text)]
    return "\n".join([text, *(promised(other) for other in others)])


@pytest.mark.parametrize("name", ROUTINES)
def test_the_example_in_the_header_succeeds_and_answers_what_it_says(
    connection: Connection, name: str
) -> None:
    routine = ROUTINES[name]
    header = read_header(routine)
    assert header.examples
    for example in header.examples:
        columns = {column for names, _ in run_example(connection, routine, example) for column in names}
        if routine.kind == "PROCEDURE":
            documented = set(re.findall(r"\w+", promised(routine)))
            assert columns <= documented, f"`Returns:` does not name {columns - documented}"
