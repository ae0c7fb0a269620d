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
