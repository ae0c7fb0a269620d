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
