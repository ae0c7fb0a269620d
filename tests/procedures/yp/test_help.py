"""procedures/yp/help, called directly."""

from __future__ import annotations

from tests.support.scene import Scene


def test_help_answers_the_header_line_by_line(scene: Scene) -> None:
    first, *others = scene.rows("yp.help('conference_join')")
    assert first[0] == "yp.conference_join"
    assert first[1].startswith("conference_join: enter a room with a socket")
    lines = [line for _, line in others]
    assert any(line.startswith("Errors:   WEAK_PRIVILEGE") for line in lines)
    assert {name for name, _ in others} == {""}
    assert lines[-1].startswith("procedures/yp/conference/conference_join.sql, revision ")


def test_help_keeps_quotes_and_backslashes(scene: Scene) -> None:
    text = "\n".join(line for _, line in scene.rows("yp.help('my_contact_add')"))
    assert """'{"email": [{"email": "doc@example.com", "is_default": 1}]}'""" in text


def test_help_of_a_shard_routine_is_that_of_one_shard(scene: Scene) -> None:
    names = [name for name, _ in scene.rows("yp.help('my_contact_get')") if name]
    assert names == ["shard1.my_contact_get"]


def test_a_part_of_a_name_lists_first_lines(scene: Scene) -> None:
    summaries: dict[str, str] = dict(scene.rows("yp.help('socket_')"))
    assert {"yp.socket_bind", "yp.socket_expire"} <= summaries.keys()
    assert "\n" not in summaries["yp.socket_expire"]
    assert scene.rows("yp.help('no_such_routine')") == []
