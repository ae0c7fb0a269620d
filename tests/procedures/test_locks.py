"""A lock that decides between two calls writes a row: a cluster certifies writes, and knows of no locks."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator

import pymysql
import pytest

from service.settings import Settings
from service.store.admin import Connection
from tests.support.direct import Direct
from tests.support.scene import Scene

CHANGED = 1020
"""The row has changed since the snapshot of the transaction: the error of the first committer's rule."""


@pytest.fixture
def sessions(settings: Settings) -> Iterator[tuple[Connection, Connection]]:
    """Return two connections: a transaction of the first one sees no writes that come after its begin."""
    early, late = Connection(settings), Connection(settings)
    early.run("SET tx_isolation = 'REPEATABLE-READ', innodb_snapshot_isolation = ON")
    yield early, late
    early.close()
    late.close()


def wait_for_waiter(settings: Settings) -> None:
    """Wait until a transaction waits for a lock, for at most ten seconds."""
    watch = Connection(settings)
    blocked = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
    for _ in range(50):
        if watch.one(blocked):
            break
        # The server renews that table only for who has not read it for 0.1 s.
        time.sleep(0.2)
    watch.close()


async def calls(direct: Direct) -> dict[str, tuple[str, str]]:
    """Return pairs of CALLs of which the first to commit must stop the other one."""
    alice, bob, carol = (direct.person(name) for name in ("Alice", "Bob", "Carol"))
    pair = "yp.contact_pair_lock('{}', '{}', {})"
    joins = []
    for _ in range(2):
        sid = await direct.session(alice.uid)
        socket = await direct.socket(sid)
        joins.append(
            f"yp.conference_join('{sid}', '{socket}', '{alice.uid}', NULL, 'meeting', "
            f'\'{{"participant_id": "{socket}"}}\', 16)'
        )
    invite = f"yp.meeting_invite('{alice.uid}', 'x@lock.example', '{{}}', '{{{{}}}}', 50, 10, 7)"
    tags = [
        (await direct.one(alice.shard, "tag_add", alice.uid, name, None))["tag_id"] for name in ("A", "B")
    ]
    assign = f"{alice.shard}.tag_assign('{alice.uid}', '{{}}', '{{}}')"
    contact = await direct.contact(alice)
    return {
        "a pair": (pair.format(alice.uid, bob.uid, "NULL"), pair.format(bob.uid, alice.uid, "NULL")),
        "one of three": (
            pair.format(alice.uid, bob.uid, f"'{carol.uid}'"),
            pair.format(carol.uid, carol.uid, "NULL"),
        ),
        "the newest room of a hub": (joins[0], joins[1]),
        "the budget of mails": (invite.format(secrets.token_hex(8)), invite.format(secrets.token_hex(8))),
        "the tree of tags": (assign.format(*tags), assign.format(*reversed(tags))),
        "a block, and a deletion": (
            f"{alice.shard}.contact_block_view('{alice.uid}', '{contact}', 1)",
            f"{alice.shard}.my_contact_purge('{alice.uid}', '{contact}', NULL)",
        ),
    }


async def test_the_first_of_two_transactions_stops_the_other_one(
    direct: Direct, sessions: tuple[Connection, Connection]
) -> None:
    early, late = sessions
    for kind, (first, second) in (await calls(direct)).items():
        early.run("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        late.run("START TRANSACTION")
        late.rows(f"CALL {first}")
        late.run("COMMIT")
        with pytest.raises(pymysql.err.MySQLError) as stopped:
            early.rows(f"CALL {second}")
        early.run("ROLLBACK")
        assert stopped.value.args[0] == CHANGED, (kind, stopped.value)
    # No template can show it.
    late.run("DELETE FROM yp.mail_outbox WHERE recipient = 'x@lock.example'")
    late.run("COMMIT")


async def test_whoever_waits_for_a_room_enters_it_at_the_first_attempt(
    direct: Direct, settings: Settings
) -> None:
    """Each repetition makes the others wait longer, so that a full room would refuse to be entered."""
    alice = direct.person("Alice")
    sids = [await direct.session(alice.uid) for _ in range(3)]
    sockets = [await direct.socket(sid) for sid in sids]
    calls = [
        f"CALL yp.conference_join('{sid}', '{socket}', '{alice.uid}', 'one', 'meeting', '{{}}', 16)"
        for sid, socket in zip(sids, sockets, strict=True)
    ]
    first, second = Connection(settings), Connection(settings)
    for connection in (first, second):
        connection.run(
            "SET tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON, "
            "innodb_lock_wait_timeout = 30"
        )
        connection.run("START TRANSACTION")
    try:
        first.rows(calls[0])
        first.run("COMMIT")
        first.run("START TRANSACTION")
        first.rows(calls[1])
        waiter = asyncio.create_task(asyncio.to_thread(second.rows, calls[2]))
        await asyncio.to_thread(wait_for_waiter, settings)
        first.run("COMMIT")
        await waiter
        second.run("COMMIT")
        assert first.one(f"SELECT COUNT(*) FROM yp.conference WHERE uid = '{alice.uid}'") == 3
    finally:
        first.close()
        second.close()


def test_a_pair_is_locked_by_one_row_of_each_user(scene: Scene) -> None:
    locks = "SELECT SUM(locked) FROM yp.entity_lock WHERE id IN (:alice, :bob, :nobody)"
    scene.sets("yp.contact_pair_lock(:alice, :bob, NULL)")
    assert scene.one(locks) == 0
    for people in (":bob, :alice, NULL", ":alice, :alice, :bob", ":bob, NULL, :alice"):
        before = scene.one(locks)
        assert scene.sets(f"yp.contact_pair_lock({people})") == []
        assert scene.one(locks) == before + 2
    scene.sets("yp.contact_pair_lock(:nobody, NULL, NULL)")
    assert scene.count("yp.entity_lock", "id = :nobody") == 0


def test_each_of_three_gets_a_row_with_the_first_lock(scene: Scene) -> None:
    for people in (":alice, NULL, :bob", ":alice, :bob, :carol"):
        scene.sets(f"yp.contact_pair_lock({people})")
    assert scene.count("yp.entity_lock", "id IN (:alice, :bob, :carol)") == 3


async def test_a_sign_in_does_not_wait_for_a_change_of_the_address_book(
    direct: Direct, sessions: tuple[Connection, Connection]
) -> None:
    alice = direct.person("Alice")
    _, importing = sessions
    importing.run("SET tx_isolation = 'READ-COMMITTED'")
    importing.run("START TRANSACTION")
    importing.run(f"CALL yp.contact_pair_lock('{alice.uid}', NULL, NULL)")
    async with asyncio.timeout(5):
        assert await direct.session(alice.uid)
    importing.run("ROLLBACK")
