"""procedures/shard/value, called directly."""

from __future__ import annotations

from tests.support.scene import Scene


def test_parse_id_takes_only_what_can_be_one(scene: Scene) -> None:
    for text_, expected in (("'abc'", "abc"), ("'näm€'", None), ("NULL", None)):
        assert scene.one(f"SELECT parse_id({text_})") == expected


def test_shallow_merge_drops_keys_that_are_null(scene: Scene) -> None:
    assert scene.json("SELECT shallow_merge('{}', '{\"a\": null}')") == {}
    assert scene.json("SELECT shallow_merge('{\"a\": 1, \"b\": 2}', '{\"b\": {\"c\": 3}}')") == {
        "a": 1, "b": {"c": 3},
    }  # fmt: skip


def test_extra_merge_loses_nothing_and_repeats_nothing(scene: Scene) -> None:
    ours = '{"url": [{"value": "a"}], "x-a/b": [{"value": "1"}]}'
    others = '{"url": [{"value": "b"}, {"value": "a"}], "bday": [{"value": "1980"}], "x-a/b": []}'
    assert scene.json(f"SELECT extra_merge('{ours}', '{others}')") == {
        "url": [{"value": "a"}, {"value": "b"}],
        "x-a/b": [{"value": "1"}],
        "bday": [{"value": "1980"}],
    }
    assert scene.json(f"SELECT extra_merge(NULL, '{others}')")["bday"] == [{"value": "1980"}]
    assert scene.json(f"SELECT extra_merge('{ours}', NULL)")["url"] == [{"value": "a"}]
    assert scene.one("SELECT extra_merge(NULL, NULL)") is None


def test_json_conflicts_are_values_that_differ(scene: Scene) -> None:
    stored = '{"a": 1, "b": {"x": 1}, "c": null, "q\\\\"": "s", "same": [1, 2]}'
    other = '{"a": 2, "b": {"x": 2}, "c": 3, "q\\\\"": "t", "same": [1,2], "d": 4}'
    assert scene.json(f"SELECT json_conflicts('{stored}', '{other}')") == {"a": 2, "b": {"x": 2}, 'q"': "t"}
    for stored, other in (
        ("NULL", "'{\"a\": 1}'"),
        ("'{\"a\": 1}'", "NULL"),
        ("'{\"a\": 1}'", "'{\"a\": null}'"),
    ):
        assert scene.json(f"SELECT json_conflicts({stored}, {other})") == {}
