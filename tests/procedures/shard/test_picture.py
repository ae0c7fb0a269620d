"""procedures/shard/picture, called directly."""

from __future__ import annotations

import hashlib

from tests.support.scene import Scene

HASH = hashlib.sha256(b"GIF89a").hexdigest()
OTHER_HASH = hashlib.sha256(b"other").hexdigest()
PUT = "picture_put(:alice, :ada, 'image/gif', 'R0lGODlh')"
GET = "picture_get(:alice, :ada, NULL)"


def show(scene: Scene, name: str, digest: str) -> None:
    """Give a contact the path of a picture, as the service does together with the picture."""
    scene.sets(
        f"UPDATE contact SET avatar_path = '/api/v1/contacts/{scene[name]}/avatar/{digest[:16]}'"
        f" WHERE owner_id = :alice AND id = :{name}"
    )


def test_picture_put_and_picture_get(scene: Scene) -> None:
    assert scene.rows(GET) == []
    assert scene.rows(PUT) == [(HASH,)]
    assert scene.rows(GET) == [], "the contact has no picture, as after a revert"
    show(scene, "ada", HASH)
    assert scene.rows(GET) == [("image/gif", HASH, b"GIF89a")]
    assert scene.rows(f"picture_get(:alice, :ada, '{HASH}')") == [("image/gif", HASH, None)]
    assert scene.rows("picture_get(:bob, :ada, NULL)") == []
    scene.sets("picture_put(:alice, :ada, 'image/png', TO_BASE64('other'))")
    assert scene.rows(GET) == [], "the contact shows the picture before"
    show(scene, "ada", OTHER_HASH)
    assert scene.rows(GET)[0][::2] == ("image/png", b"other")
    scene.sets("my_contact_trash(:alice, :ada, NULL)")
    assert scene.rows(GET) == []


def test_picture_move_takes_the_place_of_the_other_one(scene: Scene) -> None:
    assert scene.sets("picture_move(:alice, :ada, :grace)") == []
    scene.sets(PUT)
    scene.sets("picture_put(:alice, :grace, 'image/png', TO_BASE64('other'))")
    show(scene, "ada", HASH)
    show(scene, "grace", HASH)
    assert scene.rows("picture_move(:alice, :ada, :grace)") == [(HASH,)]
    assert scene.rows(GET) == []
    assert scene.rows("picture_get(:alice, :grace, NULL)")[0][1] == HASH


def test_picture_drop_removes_the_picture(scene: Scene) -> None:
    scene.sets(PUT)
    show(scene, "ada", HASH)
    scene.sets("picture_delete(:bob, :ada)")
    assert scene.rows(GET)
    scene.sets("picture_delete(:alice, :ada)")
    assert scene.rows(GET) == []
