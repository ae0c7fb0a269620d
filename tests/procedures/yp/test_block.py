"""procedures/yp/block, called directly."""

from __future__ import annotations

import asyncio

from tests.support.admin import Admin
from tests.support.direct import Direct
from tests.support.scene import Scene


def test_a_block_holds_until_it_is_lifted(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    blocked = "SELECT yp.is_blocked(:{}, :{})"
    assert scene.one(blocked.format("alice", "bob")) == 0
    for _ in range(2):  # A second call is harmless.
        scene.sets("yp.contact_block_add(:alice, :alice_bob, 'x', :bob)")
    assert scene.count("yp.contact_block", "owner_id = :alice") == 1
    assert scene.one(blocked.format("alice", "bob")) == 1
    assert scene.one(blocked.format("bob", "alice")) == 0
    scene.sets("yp.contact_block_delete(:bob, :alice_bob)")
    assert scene.one(blocked.format("alice", "bob")) == 1, "only the owner lifts it"
    scene.sets("yp.contact_block_delete(:alice, :alice_bob)")
    assert scene.one(blocked.format("alice", "bob")) == 0


def test_an_address_that_was_blocked_is_blocked_when_it_registers(scene: Scene) -> None:
    scene.sets("yp.contact_block_add(:alice, :ada, :mail_carol, NULL)")
    assert scene.one("SELECT yp.is_blocked(:alice, :carol)") == 1


async def test_blocking_twice_at_once_is_one_block(direct: Direct, admin: Admin) -> None:
    owner, other = direct.person(), direct.person("Bob")
    block = ("yp", "contact_block_add", owner.uid, "00000000000000c1", other.email, other.uid)
    await asyncio.gather(*(direct.sets(*block) for _ in range(4)))
    assert admin.one("SELECT COUNT(*) FROM yp.contact_block WHERE owner_id = %s", owner.uid) == 1
