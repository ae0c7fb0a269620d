"""procedures/yp/help, called directly."""

from __future__ import annotations

from tests.procedures.scene import Scene


def test_help_answers_the_header_inside_the_client(scene: Scene) -> None:
    ((routine, text),) = scene.rows("yp.help('conference_join')")
    assert routine == "yp.conference_join"
    assert text.startswith("conference_join: a socket enters a room")
    assert "Errors:   WEAK_PRIVILEGE" in text


def test_help_of_a_shard_routine_is_that_of_one_shard(scene: Scene) -> None:
    (first, *others) = scene.rows("yp.help('my_contact_get')")
    assert (first[0], others) == ("shard1.my_contact_get", [])


def test_a_part_of_a_name_lists_first_lines(scene: Scene) -> None:
    found = dict(scene.rows("yp.help('socket_')"))
    assert {"yp.socket_bind", "yp.socket_free"} <= found.keys()
    assert "\n" not in found["yp.socket_free"]
    assert scene.rows("yp.help('no_such_routine')") == []
