"""procedures/yp/team, called directly."""

from __future__ import annotations

from tests.support.scene import Scene


def test_hub_level_is_that_of_the_whole_hub(scene: Scene) -> None:
    assert scene.one("SELECT yp.hub_level(:hub, :alice)") == 7
    assert scene.one("SELECT yp.hub_level(:hub, :bob)") == 0
    scene.sets("yp.permission_grant(:hub, 'feedfeedfeedfeed', :bob, 4, 0)")
    assert scene.one("SELECT yp.hub_level(:hub, :bob)") == 0
    scene.sets("yp.permission_grant(:hub, '*', :bob, 2, 1)")
    assert scene.one("SELECT yp.hub_level(:hub, :bob)") == 0
    scene.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")
    assert scene.one("SELECT yp.hub_level(:hub, :bob)") == 2
    assert scene.one("SELECT yp.hub_level(:nobody, :alice)") == 0


def test_hub_members_are_listed_for_members(scene: Scene) -> None:
    scene.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")
    scene.sets("yp.permission_grant(:hub, 'feedfeedfeedfeed', :carol, 4, 0)")
    members = scene.docs("yp.hub_members(:bob, :hub, 'all', 1, 45)")
    assert [(m["firstname"], m["privilege"]) for m in members] == [("Alice", 63), ("Bob", 3)]
    assert {m["uid"] for m in members} == {scene["alice"], scene["bob"]}
    for kind, names in (("owner", ["Alice"]), ("admin", ["Alice"]), ("other", ["Bob"])):
        listed = scene.docs(f"yp.hub_members(:alice, :hub, '{kind}', 1, 45)")
        assert [m["firstname"] for m in listed] == names, kind
    assert len(scene.docs("yp.hub_members(:alice, :hub, 'all', 2, 1)")) == 1
    for outsider in ("carol", "erin"):
        assert scene.docs(f"yp.hub_members(:{outsider}, :hub, 'all', 1, 45)") == []


def test_hub_members_see_presence_unless_somebody_blocks(scene: Scene) -> None:
    scene["tab_bob"]
    scene.sets("yp.permission_grant(:hub, '*', :bob, 2, 0)")

    def presence() -> list[int]:
        return [m["online"] for m in scene.docs("yp.hub_members(:alice, :hub, 'other', 1, 45)")]

    assert presence() == [1]
    scene.sets("yp.contact_block_add(:bob, :nobody, :alice, :alice)")
    assert presence() == [0]


def test_hub_poke_reaches_members_outside_the_room(scene: Scene) -> None:
    tab, room = scene["tab_bob"], "'feedfeedfeedfeed'"
    scene.refuses({
        f"yp.hub_poke(:alice, :hub, :bob, {room})": "NOT_A_MEMBER",
        f"yp.hub_poke(:bob, :hub, :alice, {room})": "NOT_A_MEMBER",
        f"yp.hub_poke(:alice, :nobody, :alice, {room})": "NOT_A_MEMBER",
    })  # fmt: skip
    scene.sets("yp.permission_grant(:hub, '*', :bob, 4, 0)")
    hub_rows, recipients = scene.sets(f"yp.hub_poke(:alice, :hub, :bob, {room})")
    assert [tab in sockets for _, sockets in recipients] == [True]
    hub = scene.doc(f"yp.hub_poke(:alice, :hub, :bob, {room})")
    assert (hub["name"], hub["area"], hub["inside"]) == ("Team", "private", 0)
    assert len(hub_rows) == 1
    scene.sets(f"yp.conference_join(:sid_bob, '{tab}', :hub, {room}, 'meeting', '{{}}', 16)")
    assert scene.doc(f"yp.hub_poke(:bob, :hub, :alice, {room})")["inside"] == 1
    assert scene.sets(f"yp.hub_poke(:alice, :hub, :bob, {room})")[1] == []
    scene.sets("yp.contact_block_add(:bob, :nobody, :alice, :alice)")
    assert scene.sets("yp.hub_poke(:alice, :hub, :bob, 'aaaaaaaaaaaaaaaa')")[1] == []


def test_the_sockets_of_members_are_those_of_nobody_else(scene: Scene) -> None:
    scene.sets("yp.permission_grant(:hub, 'room', :bob, 2, 0)")
    scene["tab_alice"], scene["tab_bob"]
    ((_, sockets),) = scene.rows("yp.hub_member_sockets(:hub)")
    assert (scene["tab_alice"] in sockets, scene["tab_bob"] in sockets) == (True, False)
