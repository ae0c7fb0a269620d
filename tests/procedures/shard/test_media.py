"""procedures/shard/media, called directly."""

from __future__ import annotations

from tests.support.scene import Scene


def test_mfs_node_attr_shows_a_node_of_its_owner(scene: Scene) -> None:
    scene.sets(
        "INSERT INTO media (owner_id, id, author_id, filename, category, ctime, mtime) "
        "VALUES (:hub, 'node', :alice, 'Weekly', 'schedule', 7, 7)"
    )
    assert scene.doc("mfs_node_attr(:hub, 'node')") == {
        "id": "node",
        "filename": "Weekly",
        "category": "schedule",
        "owner_id": scene["alice"],
        "hub_id": scene["hub"],
        "ctime": 7,
    }
    assert scene.rows("mfs_node_attr(:alice, 'node')") == []


CONTENT = '{"title": "Weekly", "message": "", "date": "Monday"}'


def test_a_meeting_is_booked_listed_and_deleted(scene: Scene) -> None:
    scene["meeting"] = "feedfeedfeedfeed"
    node = scene.doc(f"meeting_book(:hub, :alice, :meeting, '{CONTENT}', 1)")
    assert (node["filename"], node["hub_id"], node["owner_id"]) == ("Weekly", scene["hub"], scene["alice"])
    assert (
        scene.refusal(f"meeting_book(:hub, :alice, 'aaaaaaaaaaaaaaaa', '{CONTENT}', 1)")
        == "TOO_MANY_MEETINGS"
    )
    assert scene.doc("node_get(:hub, :alice, :meeting)") == node
    assert scene.docs("node_list(:hub, :alice, NULL, 'desc', 1, 45)") == [node | {"page": 1}]
    for order in ("asc", "desc"):
        assert scene.docs(f"node_list(:hub, :alice, NULL, '{order}', 2, 45)") == []
    assert scene.docs("node_list(:hub, :alice, 'folder', 'desc', 1, 45)") == []
    # Somebody who may enter the room only sees nothing.
    scene.sets("yp.permission_grant(:hub, :meeting, :bob, 4, 0)")
    assert scene.rows("node_get(:hub, :bob, :meeting)") == []
    assert scene.docs("node_list(:hub, :bob, NULL, 'desc', 1, 45)") == []
    for deleted in (1, 0):
        ended = scene.doc("meeting_delete(:hub, :meeting)")
        assert (ended["deleted"], ended["content"] is None) == (deleted, not deleted)
    assert scene.rows("node_get(:hub, :alice, :meeting)") == []


def test_meetings_are_in_order_of_time(scene: Scene) -> None:
    for number in range(3):
        scene.sets(f"meeting_book(:hub, :alice, '{number:016x}', '{CONTENT}', 9)")
        scene.sets(f"UPDATE media SET ctime = {number} WHERE owner_id = :hub AND id = '{number:016x}'")
    for order, times in (("asc", [0, 1, 2]), ("desc", [2, 1, 0])):
        assert [n["ctime"] for n in scene.docs(f"node_list(:hub, :alice, NULL, '{order}', 1, 45)")] == times


def test_a_meeting_is_updated_in_parts(scene: Scene) -> None:
    scene["meeting"] = "feedfeedfeedfeed"
    scene.refuses({"meeting_update(:hub, :meeting, '{}')": "NODE_NOT_FOUND"})
    scene.sets(f"meeting_book(:hub, :alice, :meeting, '{CONTENT}', 9)")
    content = scene.doc(
        """meeting_update(:hub, :meeting, '{"title": "Other", "attendees": [{"email": "a@b.c"}]}')"""
    )
    assert (content["before"]["title"], content["before"]["attendees"]) == ("Weekly", [])
    assert (content["after"]["title"], content["after"]["date"]) == ("Other", "Monday")
    assert content["after"]["sequence"] == 1
    for change, sequence in (("{}", 1), ('{"attendees": []}', 1), ('{"date": "Tuesday"}', 2)):
        assert scene.doc(f"meeting_update(:hub, :meeting, '{change}')")["after"]["sequence"] == sequence
    assert scene.doc("node_get(:hub, :alice, :meeting)")["filename"] == "Other"
