"""procedures/shard/tag, called directly."""

from __future__ import annotations

import asyncio

from tests.support.direct import Direct, json_text, race
from tests.support.scene import Scene


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene.refuses({
        "tag_add(:alice, 'x', :nobody)": "PARENT_TAG_NOT_FOUND",
        "tag_add(:bob, 'x', :work)": "PARENT_TAG_NOT_FOUND",
        "tag_assign(:bob, :work, NULL)": "TAG_NOT_FOUND",
        "tag_assign(:alice, :rome, :nobody)": "PARENT_TAG_NOT_FOUND",
        "tag_assign(:alice, :work, :rome)": "CANT_ASSIGN",
        "tag_assign(:alice, :work, :work)": "CANT_ASSIGN",
        "tag_remove(:bob, :work)": "TAG_NOT_FOUND",
        "tag_rename(:bob, :work, 'x')": "TAG_NOT_FOUND",
        "tag_reposition(:bob, JSON_ARRAY(:work))": "TAG_NOT_FOUND",
        "tags_check(:bob, JSON_ARRAY(:work))": "TAG_NOT_FOUND",
        "my_tag_add(:alice, :nobody, '[]')": "INVALID_ENTITY",
        "my_tag_add(:bob, :ada, '[]')": "INVALID_ENTITY",
        "my_tag_add(:bob, :hub, '[]')": "INVALID_ENTITY",
        "my_tag_add(:alice, :ada, JSON_ARRAY(:nobody))": "TAG_NOT_FOUND",
    })  # fmt: skip


async def test_tag_add_gives_every_tag_a_name_and_a_place_of_its_own(direct: Direct) -> None:
    owner = direct.person()
    calls = (direct.one("shard1", "tag_add", owner.uid, "Work", None) for _ in range(4))
    tags = await asyncio.gather(*calls)
    assert {t["name"] for t in tags} == {"Work", "Work (2)", "Work (3)", "Work (4)"}
    assert sorted(t["position"] for t in tags) == [1, 2, 3, 4]
    child = await direct.one("shard1", "tag_add", owner.uid, "Rome", tags[0]["tag_id"])
    assert child["parent_tag_id"] == tags[0]["tag_id"]
    assert await direct.refusal("shard1", "tag_add", owner.uid, "x", "0" * 16) == "PARENT_TAG_NOT_FOUND"


async def test_tags_hung_below_each_other_at_once_make_no_circle(direct: Direct) -> None:
    owner = direct.person()
    one, two = [
        (await direct.one("shard1", "tag_add", owner.uid, name, None))["tag_id"] for name in ("One", "Two")
    ]
    assign = ("shard1", "tag_assign", owner.uid)
    results = await asyncio.gather(
        direct.sets(*assign, one, two), direct.sets(*assign, two, one), return_exceptions=True
    )
    assert sorted(getattr(r, "code", "done") for r in results) == ["CANT_ASSIGN", "done"], results


def test_a_name_is_free_or_gets_a_number(scene: Scene) -> None:
    scene["work"]
    for tag, name in (("NULL", "Work (2)"), (":work", "Work")):
        assert scene.one(f"SELECT tag_name_free(:alice, 'Work', {tag})") == name
    scene.sets("tag_add(:alice, 'Work', NULL)")
    assert scene.one("SELECT tag_name_free(:alice, 'Work', NULL)") == "Work (3)"
    assert scene.one("SELECT tag_name_free(:bob, 'Work', NULL)") == "Work"
    long = "x" * 255
    scene.sets(f"tag_add(:alice, '{long}', NULL)")
    assert scene.one(f"SELECT tag_name_free(:alice, '{long}', NULL)") == "x" * 245 + " (2)"


def test_a_name_that_differs_in_case_only_gets_a_number_unless_a_tag_has_it(scene: Scene) -> None:
    scene["ana"] = scene.contact("ana@scene.example")
    scene["body"] = '{"from_api": 1, "tags": ["Año", "ano", "ANO"]}'
    scene.sets("my_contact_patch(:alice, :ana, :body, NULL)")
    scene["low"] = scene.one("SELECT tag_id FROM tag WHERE owner_id = :alice AND name = 'ano'")
    for tag, name, free in (("NULL", "anO", "anO (2)"), (":low", "ano", "ano"), (":low", "Ano", "Ano (2)")):
        assert scene.one(f"SELECT tag_name_free(:alice, '{name}', {tag})") == free
    tags = scene.docs("tag_list(:alice, NULL, 'aÑ', 'asc', 1, 45)")
    assert [t["name"] for t in tags] == ["Año", "ano", "ANO"]


def test_a_tree_is_the_tag_and_all_below_it(scene: Scene) -> None:
    rome = scene["rome"]
    scene["forum"] = scene.doc("tag_add(:alice, 'Forum', :rome)")["tag_id"]
    assert set(scene.json("SELECT tag_tree(:alice, :work)")) == {scene["work"], rome, scene["forum"]}
    assert scene.json("SELECT tag_tree(:alice, :forum)") == [scene["forum"]]
    assert scene.json("SELECT tag_tree(:bob, :work)") == []


def test_tags_are_renamed_and_hung_elsewhere(scene: Scene) -> None:
    assert scene.doc("tag_rename(:alice, :work, 'Job')")["name"] == "Job"
    assert scene.doc("tag_rename(:alice, :rome, 'Job')")["name"] == "Job (2)"
    assert scene.doc("tag_assign(:alice, :rome, '')")["parent_tag_id"] is None
    assert scene.doc("tag_assign(:alice, :work, :rome)")["parent_tag_id"] == scene["rome"]


def test_tag_list_shows_a_level_or_a_name(scene: Scene) -> None:
    scene["rome"]
    scene.sets("tag_add(:alice, 'Aft', NULL)")

    def names(parent: str, search: str = "NULL", order: str = "asc", page: str = "1, 45") -> list[str]:
        return [t["name"] for t in scene.docs(f"tag_list(:alice, {parent}, {search}, '{order}', {page})")]

    assert names("NULL") == ["Work", "Aft"]
    assert names("NULL", order="desc") == ["Aft", "Work"]
    assert names("NULL", page="2, 1") == ["Aft"]
    assert names(":work") == ["Rome"]
    assert names("NULL", "'om'") == ["Rome"]
    work, aft = scene.docs("tag_list(:alice, NULL, NULL, 'asc', 1, 45)")
    assert (work["is_any_child"], aft["is_any_child"], work["room_count"]) == (1, 0, 0)


def test_tag_list_counts_people_who_wrote(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    scene.sets("my_tag_add(:alice, :alice_bob, JSON_ARRAY(:work))")
    scene.sets("call_log(:alice, :bob, '00000000000000d1', :bob, 'missed', 0, 1)")
    (work,) = scene.docs("tag_list(:alice, NULL, NULL, 'asc', 1, 45)")
    assert work["room_count"] == 1


def test_tag_remove_takes_those_below_along_and_leaves_contacts(scene: Scene) -> None:
    scene.sets("my_tag_add(:alice, :ada, JSON_ARRAY(:rome))")
    removed = scene.doc("tag_remove(:alice, :work)")
    assert set(removed["removed"]) == {scene["work"], scene["rome"]}
    assert scene.docs("my_tag_get(:alice, :ada)") == []
    assert scene.count("contact", "owner_id = :alice") == 1


def test_tag_remove_takes_away_a_deep_tree(scene: Scene) -> None:
    scene["below"] = scene["work"]
    for number in range(20):
        scene["below"] = scene.doc(f"tag_add(:alice, 't{number}', :below)")["tag_id"]
    assert len(scene.doc("tag_remove(:alice, :work)")["removed"]) == 21
    assert scene.count("tag", "owner_id = :alice") == 0


def test_tag_reposition_puts_the_named_ones_first(scene: Scene) -> None:
    for name in "abc":
        scene[name] = scene.doc(f"tag_add(:alice, '{name}', NULL)")["tag_id"]
    tags = scene.docs("tag_reposition(:alice, JSON_ARRAY(:c, :a, :c))")
    assert [(t["id"], t["position"]) for t in tags] == [(scene[n], i) for i, n in enumerate("cab", 1)]


async def test_two_tag_reposition_at_once_leave_one_order(direct: Direct) -> None:
    owner = direct.person()
    tags = [(await direct.one("shard1", "tag_add", owner.uid, n, None))["tag_id"] for n in "abcd"]
    orders = (tags, tags[::-1], tags[2:] + tags[:2])
    move = ("shard1", "tag_reposition", owner.uid)
    await asyncio.gather(*(direct.sets(*move, json_text(order)) for order in orders))
    positioned = await direct.all("shard1", "tag_list", owner.uid, None, None, "asc", 1, 45)
    assert sorted(t["position"] for t in positioned) == [1, 2, 3, 4]
    assert [t["tag_id"] for t in positioned] in [list(order) for order in orders]


def test_my_tag_add_gives_exactly_these(scene: Scene) -> None:
    tags = "JSON_ARRAY(:rome, :work, :work)"
    assert [t["name"] for t in scene.docs(f"my_tag_add(:alice, :ada, {tags})")] == ["Work", "Rome"]
    assert [t["name"] for t in scene.docs("my_tag_get(:alice, :ada)")] == ["Work", "Rome"]
    assert [t["name"] for t in scene.docs("my_tag_add(:alice, :ada, JSON_ARRAY(:rome))")] == ["Rome"]
    assert scene.docs("my_tag_add(:alice, :ada, '[]')") == []
    assert [t["name"] for t in scene.docs("my_tag_add(:alice, :hub, JSON_ARRAY(:work))")] == ["Work"]
    assert scene.one("SELECT category FROM map_tag WHERE entity_id = :hub") == "group"


async def test_one_of_two_who_remove_a_tag_at_once_is_refused(direct: Direct) -> None:
    owner = direct.person()
    tag = (await direct.one("shard1", "tag_add", owner.uid, "Work", None))["tag_id"]
    await race(direct, "TAG_NOT_FOUND", *[("shard1", "tag_remove", owner.uid, tag)] * 3)


async def test_tags_renamed_to_one_name_at_once_have_two(direct: Direct) -> None:
    owner = direct.person()
    tags = [(await direct.one("shard1", "tag_add", owner.uid, n, None))["tag_id"] for n in "ab"]
    rename = ("shard1", "tag_rename", owner.uid)
    renamed = await asyncio.gather(*(direct.one(*rename, tag, "Same") for tag in tags))
    assert {t["name"] for t in renamed} == {"Same", "Same (2)"}


async def test_two_my_tag_add_at_once_leave_one_whole_list(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    tags = [(await direct.one("shard1", "tag_add", owner.uid, n, None))["tag_id"] for n in "abcd"]
    give = ("shard1", "my_tag_add", owner.uid, contact)
    await asyncio.gather(*(direct.sets(*give, json_text(part)) for part in (tags[:2], tags[2:])))
    assigned = [t["tag_id"] for t in await direct.all("shard1", "my_tag_get", owner.uid, contact)]
    assert assigned in (tags[:2], tags[2:])
