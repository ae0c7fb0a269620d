"""procedures/yp/dmz, called directly."""

from __future__ import annotations

from service.store.database import document
from tests.support.scene import Scene

ENTER = "yp.session_dmz_login(:link, {}, 'heir', '{}', NULL, 60, 'test', '127.0.0.1')"


def test_links_are_for_open_hubs(scene: Scene) -> None:
    scene.refuses({
        "yp.dmz_link_create(:hub, NULL, 'x', 'Tea', 0)": "HUB_NOT_FOUND",
        "yp.dmz_link_create(:nobody, NULL, 'x', 'Tea', 0)": "HUB_NOT_FOUND",
        "yp.dmz_link_create(:alice, NULL, 'x', 'Tea', 0)": "HUB_NOT_FOUND",
    })  # fmt: skip
    home = scene.one("SELECT home_id FROM yp.entity WHERE id = :dmz")
    assert scene.rows("yp.dmz_link_create(:dmz, NULL, 'x', 'Tea', 0)") == [(scene["dmz"], home)]
    assert scene.rows("yp.dmz_link_create(:dmz, 'room', 'y', 'Tea', 0)") == [(scene["dmz"], "room")]


def test_a_guest_may_enter_the_room_and_nothing_else(scene: Scene) -> None:
    entry = scene.doc(ENTER.format("NULL", "guest-sid"))
    assert (entry["sid"], entry["is_guest"], entry["filename"], entry["sender"]) == (
        "guest-sid", 1, "Tea", "Alice Scene",
    )  # fmt: skip
    scene["room"] = entry["room_id"]
    level = "yp.session_open('guest-sid', :dmz, {})"
    assert scene.doc(level.format(":room"))["level"] > 0
    assert scene.doc(level.format("'other'"))["level"] == 0
    assert scene.doc("yp.session_open('guest-sid', :hub, :room)")["level"] == 0


def test_a_guest_with_a_session_keeps_it(scene: Scene) -> None:
    entry = scene.doc(ENTER.format(":sid_bob", "unused"))
    assert (entry["sid"], entry["uid"], entry["is_guest"]) == (scene["sid_bob"], scene["bob"], 0)
    scene.doc(ENTER.format("NULL", "guest-sid"))
    again = scene.doc(ENTER.format("'guest-sid'", "unused"))
    assert (again["sid"], again["is_guest"]) == ("guest-sid", 1)


def test_the_second_tab_of_a_visitor_gets_the_session_of_the_first(scene: Scene) -> None:
    scene.sets("yp.session_visit(NULL, NULL, 'visitor', 'otak', 60, 60, 'test', '127.0.0.1')")
    scene.sets("yp.socket_bind('tab1', NULL, 'otak', :node)")
    (first_rows, socket_rows) = scene.sets(ENTER.format("'visitor'", "unused"))
    first = document(first_rows)
    assert (first["sid"], socket_rows) == ("heir", [(scene["node"], '["tab1"]')])
    (second_rows, socket_rows) = scene.sets(ENTER.format("'visitor'", "unused"))
    assert (document(second_rows) | {"expiry": 0}, socket_rows) == (first | {"expiry": 0}, [])
    scene.sets("UPDATE yp.session SET ctime = ctime - 11 WHERE id = SHA2('heir', 256)")
    third = scene.doc(ENTER.format("'visitor'", "third"))
    assert third["sid"] == "third"
    assert third["uid"] != first["uid"]


def test_a_link_that_is_unknown_or_over_opens_nothing(scene: Scene) -> None:
    scene["link"]
    assert scene.sets("yp.session_dmz_login('other', NULL, NULL, 'sid', NULL, 60, '', '')") == [[], []]
    scene.sets("UPDATE yp.dmz_link SET expiry = UNIX_TIMESTAMP() WHERE hub_id = :dmz")
    assert scene.rows(ENTER.format("NULL", "sid")) == []
    assert scene.count("yp.session", "id = SHA2('sid', 256)") == 0


def test_a_link_is_renewed_and_withdrawn(scene: Scene) -> None:
    for title, expiry in (("Tea", 0), ("Coffee", 4_000_000_000)):
        scene.sets(f"yp.dmz_link_create(:dmz, 'room', 'secret', '{title}', {expiry})")
        links = scene.rows("SELECT title, expiry FROM yp.dmz_link WHERE hub_id = :dmz AND room_id = 'room'")
        assert links == [(title, expiry)]
    scene.sets("yp.permission_grant(:dmz, 'room', :bob, 2, 0)")
    scene.sets(
        "INSERT INTO yp.permission (hub_id, resource_id, entity_id, level, assign_via, ctime, mtime) "
        "VALUES (:dmz, 'room', :carol, 2, 'link', 1, 1)"
    )
    scene.sets("yp.dmz_room_close(:dmz, 'room')")
    assert scene.count("yp.dmz_link", "hub_id = :dmz AND room_id = 'room'") == 0
    grants = scene.rows("SELECT entity_id FROM yp.permission WHERE hub_id = :dmz AND resource_id = 'room'")
    assert grants == [(scene["bob"],)]
