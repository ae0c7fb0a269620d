"""procedures/shard/presence, called directly."""

from __future__ import annotations

import pytest

from tests.procedures.scene import Scene


def test_the_state_is_offline_online_or_in_a_conference(scene: Scene) -> None:
    scene.befriend("alice", "bob")

    def states() -> tuple[int, int]:
        (his,) = scene.docs("drumate_online_state(:alice)")
        assert his["uid"] == scene["bob"]
        return his["his_state"], scene.doc("presence_recipients(:bob)")["status"]

    assert states() == (0, 0)
    scene["tab_bob"]
    assert states() == (1, 1)
    scene.sets("yp.conference_join(:sid_bob, :tab_bob, :bob, NULL, 'meeting', '{}', 16)")
    assert states() == (2, 2)


@pytest.mark.parametrize(("blocker", "blocked"), [("alice", "bob"), ("bob", "alice")])
def test_who_is_blocked_sees_nothing(scene: Scene, blocker: str, blocked: str) -> None:
    scene.befriend("alice", "bob")
    scene["tab_bob"]
    assert scene.sets("presence_recipients(:alice)")[1]
    scene.sets(f"yp.contact_block_add(:{blocker}, :{blocker}_{blocked}, 'x', :{blocked})")
    assert scene.sets("presence_recipients(:alice)")[1] == []
    assert scene.docs("drumate_online_state(:alice)") == []


def test_only_mutual_contacts_are_told(scene: Scene) -> None:
    scene["tab_bob"]
    scene.sets("my_contact_add(:alice, JSON_OBJECT('invitee_id', :bob))")
    assert scene.sets("presence_recipients(:alice)")[1] == []
    assert scene.docs("drumate_online_state(:alice)") == []


def test_whom_he_threw_away_is_told_as_before(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    tab = scene["tab_bob"]
    scene.sets("my_contact_trash(:alice, :alice_bob)")
    ((_, sockets),) = scene.sets("presence_recipients(:alice)")[1]
    assert tab in sockets


def test_who_was_moved_is_looked_for_elsewhere(scene: Scene) -> None:
    ((_, moved_to),) = scene.rows("presence_recipients(:alice)")
    assert moved_to is None
    scene.sets("INSERT INTO moved_out (owner_id, to_db, ctime) VALUES (:alice, 'shard2', 1)")
    ((_, moved_to),) = scene.rows("presence_recipients(:alice)")
    assert moved_to == "shard2"
