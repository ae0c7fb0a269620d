"""procedures/shard/idempotency, called directly."""

from __future__ import annotations

import asyncio

import pytest

from service.errors import Refused
from service.store.database import Transaction
from tests.support.direct import Direct
from tests.support.scene import Scene

BEGIN = "request_begin(:alice, REPEAT('k', 64), REPEAT('{}', 64), 60)"


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene.sets(BEGIN.format("b"))
    scene.refuses({"request_begin(:alice, REPEAT('k', 64), REPEAT('c', 64), 60)": "KEY_REUSED"})


def test_request_begin_returns_the_answer_of_request_end(scene: Scene) -> None:
    assert scene.sets(BEGIN.format("b")) == []
    scene.sets("request_end(:alice, REPEAT('k', 64), 'done')")
    assert scene.rows(BEGIN.format("b")) == [("done",)]
    assert scene.sets("request_begin(:bob, REPEAT('k', 64), REPEAT('b', 64), 60)") == []
    scene.sets("UPDATE shard1.request_once SET expiry = UNIX_TIMESTAMP() WHERE owner_id = :alice")
    assert scene.sets(BEGIN.format("c")) == [], "what has expired is forgotten"


async def test_request_begin_does_not_wait_for_the_first(direct: Direct) -> None:
    who = direct.person()
    key, body = "a" * 64, "b" * 64
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(tx: Transaction) -> None:
        await tx.call(who.shard, "request_begin", who.uid, key, body, 60)
        begun.set()
        await go_on.wait()
        await tx.call(who.shard, "request_end", who.uid, key, "done")

    first = asyncio.create_task(direct.db.transaction("first", slow))
    await begun.wait()
    with pytest.raises(Refused, match="KEY_IN_USE"):
        await asyncio.wait_for(direct.sets(who.shard, "request_begin", who.uid, key, body, 60), 30)
    go_on.set()
    await first
    assert await direct.sets(who.shard, "request_begin", who.uid, key, body, 60) == [[("done",)]]
