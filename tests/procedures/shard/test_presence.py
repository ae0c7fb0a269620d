"""procedures/shard/presence, called directly."""

from __future__ import annotations

import pytest

from tests.support.scene import Scene


def test_the_state_is_offline_online_or_in_a_conference(scene: Scene) -> None:
    scene.befriend("alice", "bob")

    def states() -> tuple[int, int]:
        (bob_state,) = scene.docs("drumate_online_state(:alice)")
        assert bob_state["uid"] == scene["bob"]
        bob = scene.doc("presence_state(:bob)")
        assert scene.doc("presence_recipients(:bob)") == bob
        return bob_state["his_state"], bob["status"]

    assert states() == (0, 0)
    scene["tab_bob"]
    assert states() == (1, 1)
    scene.sets("yp.conference_join(:sid_bob, :tab_bob, :bob, NULL, 'meeting', '{}', 16)")
    assert states() == (2, 2)


@pytest.mark.parametrize(("blocker", "blocked"), [("alice", "bob"), ("bob", "alice")])
def test_a_blocked_user_sees_no_presence(scene: Scene, blocker: str, blocked: str) -> None:
    scene.befriend("alice", "bob")
    scene["tab_bob"]
    assert scene.sets("presence_recipients(:alice)")[1]
    scene.sets(f"yp.contact_block_add(:{blocker}, :{blocker}_{blocked}, 'x', :{blocked})")
    assert scene.sets("presence_recipients(:alice)")[1] == []
    assert scene.docs("drumate_online_state(:alice)") == []


def test_only_mutual_contacts_are_notified(scene: Scene) -> None:
    scene["tab_bob"]
    scene.sets("my_contact_add(:alice, JSON_OBJECT('invitee_id', :bob))")
    assert scene.sets("presence_recipients(:alice)")[1] == []
    assert scene.docs("drumate_online_state(:alice)") == []


def test_a_contact_in_the_trash_is_notified_as_before(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    tab = scene["tab_bob"]
    scene.sets("my_contact_trash(:alice, :alice_bob, NULL)")
    ((_, sockets),) = scene.sets("presence_recipients(:alice)")[1]
    assert tab in sockets


def test_a_user_in_the_book_and_in_the_trash_is_notified_once(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    tab = scene["tab_bob"]
    scene.sets(
        "INSERT INTO contact_relation_aside (owner_id, id, entity, peer_id, uid, status) "
        "SELECT owner_id, id, uid, peer_id, uid, status FROM contact WHERE owner_id = :alice AND uid = :bob"
    )
    ((_, sockets),) = scene.sets("presence_recipients(:alice)")[1]
    assert sockets == f'["{tab}"]'


def test_a_moved_user_is_looked_up_in_the_other_shard(scene: Scene) -> None:
    ((_, moved_to),) = scene.rows("presence_recipients(:alice)")
    assert moved_to is None
    scene.sets("INSERT INTO moved_out (owner_id, to_db, ctime) VALUES (:alice, 'shard2', 1)")
    ((_, moved_to),) = scene.rows("presence_recipients(:alice)")
    assert moved_to == "shard2"
