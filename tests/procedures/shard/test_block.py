"""procedures/shard/block, called directly."""

from __future__ import annotations

from tests.support.scene import Scene


def test_contact_block_view_shows_who_is_meant(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    scene["tab_alice"]
    who, contact, sockets = scene.sets("contact_block_view(:alice, :alice_bob, 1)")
    assert [tab for _, tab in sockets] == [f'["{scene["tab_alice"]}"]']
    assert contact
    view = scene.doc("contact_block_view(:alice, :alice_bob, 1)")
    assert view == {
        "contact_id": scene["alice_bob"], "entity": scene["bob"], "peer": scene["bob"], "db": "shard1",
    }  # fmt: skip
    by_address = scene.doc("contact_block_view(:alice, :ada, 1)")
    assert (by_address["peer"], by_address["db"]) == (None, None)
    assert who


def test_contact_block_view_refuses_what_is_not_in_the_book(scene: Scene) -> None:
    scene.refuses({
        "contact_block_view(:alice, :nobody, 1)": "CONACT_NOT_EXIST",
        "contact_block_view(:bob, :ada, 1)": "CONACT_NOT_EXIST",
    })  # fmt: skip


def test_shareroom_contact_get_shows_blocks_of_both_sides(scene: Scene) -> None:
    scene.befriend("alice", "bob")

    def blocks(owner: str, peer: str) -> tuple[int, int]:
        contact = scene.doc(f"shareroom_contact_get(:{owner}, :{peer})")
        return contact["is_blocked"], contact["is_blocked_me"]

    assert (blocks("alice", "bob"), blocks("bob", "alice")) == ((0, 0), (0, 0))
    scene.sets("yp.contact_block_add(:alice, :alice_bob, 'x', :bob)")
    assert (blocks("alice", "bob"), blocks("bob", "alice")) == ((1, 0), (0, 1))
    assert scene.doc("shareroom_contact_get(:alice, :bob)")["contact_id"] == scene["alice_bob"]
    assert scene.doc("shareroom_contact_get(:alice, :carol)")["contact_id"] is None
