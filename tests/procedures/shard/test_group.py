"""procedures/shard/group, called directly."""

from __future__ import annotations

import asyncio

from service.errors import Refused
from tests.support.admin import Admin
from tests.support.direct import Direct, json_text, race
from tests.support.scene import Scene


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene["other"] = scene.doc("contact_group_add(:alice, 'Others', NULL, '[]')")["group_id"]
    scene.refuses({
        "contact_group_add(:alice, 'Others', NULL, '[]')": "GROUP_EXISTS",
        "contact_group_add(:alice, 'New', NULL, '[\"0000000000000000\"]')": "CONTACT_NOT_FOUND",
        "contact_group_delete(:alice, 'nothing')": "GROUP_NOT_FOUND",
        "contact_group_delete(:bob, :pioneers)": "GROUP_NOT_FOUND",
        "contact_group_leave(:bob, :pioneers, :ada)": "GROUP_NOT_FOUND",
        "contact_group_leave(:alice, :pioneers, :nobody)": "CONTACT_NOT_FOUND",
        "contact_group_get_avatar(:bob, :pioneers, 0)": "GROUP_NOT_FOUND",
        "contact_group_member_add(:bob, :pioneers, '[]')": "GROUP_NOT_FOUND",
        "contact_group_member_add(:alice, :pioneers, JSON_ARRAY(:grace, :nobody))": "CONTACT_NOT_FOUND",
        "contact_group_member_remove(:bob, :pioneers, '[]')": "GROUP_NOT_FOUND",
        "contact_group_members(:bob, :pioneers, 1, 45)": "GROUP_NOT_FOUND",
        "contact_group_rename(:alice, 'Others', 'x')": "GROUP_NOT_FOUND",
        "contact_group_rename(:alice, :pioneers, 'Others')": "GROUP_EXISTS",
        "contact_group_set_avatar(:bob, :pioneers, NULL, NULL, NULL)": "GROUP_NOT_FOUND",
        "contact_group_set_avatar(:alice, :pioneers, :nobody, NULL, NULL)": "NODE_NOT_FOUND",
    })  # fmt: skip
    assert scene.count("contact_group_member", "owner_id = :alice") == 1


def test_a_group_is_found_by_id_and_by_name(scene: Scene) -> None:
    for key in (":pioneers", "'Pioneers'", "'PIONEERS'"):
        assert scene.one(f"SELECT contact_group_find(:alice, {key})") == scene["pioneers"], key
    assert scene.one("SELECT contact_group_find(:bob, 'Pioneers')") is None


def test_a_group_is_locked_by_its_name(scene: Scene) -> None:
    group = scene["pioneers"]
    scene.sets("contact_group_lock(:alice, 'Pioneers', @group)")
    assert scene.one("SELECT @group") == group
    scene.refuses({"contact_group_lock(:bob, 'Pioneers', @group)": "GROUP_NOT_FOUND"})


def test_members_come_and_go(scene: Scene) -> None:
    add = "contact_group_member_add(:alice, 'Pioneers', JSON_ARRAY(:ada, :grace, :grace))"
    scene["pioneers"]
    assert scene.doc(add) == {"group_id": scene["pioneers"], "added": 1, "member_count": 2}
    assert scene.doc(add)["added"] == 0
    names = [m["firstname"] for m in scene.docs("contact_group_members(:alice, :pioneers, 1, 45)")]
    assert names == ["Ada", "Grace"]
    assert [m["firstname"] for m in scene.docs("contact_group_members(:alice, :pioneers, 2, 1)")] == ["Grace"]
    removed = scene.doc("contact_group_member_remove(:alice, :pioneers, JSON_ARRAY(:ada, :nobody))")
    assert (removed["removed"], removed["member_count"]) == (1, 1)
    answers = [scene.doc("contact_group_leave(:alice, :pioneers, :grace)") for _ in range(2)]
    assert answers == [{"group_id": scene["pioneers"], "removed": n, "member_count": 0} for n in (1, 0)]


def test_every_change_tells_the_owners_sockets(scene: Scene) -> None:
    tab = scene["tab_alice"]
    for change in (
        "contact_group_member_add(:alice, :pioneers, '[]')",
        "contact_group_member_remove(:alice, :pioneers, '[]')",
        "contact_group_leave(:alice, :pioneers, :ada)",
        "contact_group_rename(:alice, :pioneers, 'P')",
        "contact_group_set_avatar(:alice, :pioneers, '', NULL, NULL)",
        "contact_group_delete(:alice, :pioneers)",
    ):
        *_, recipients = scene.sets(change)
        assert [tab in sockets for _, sockets in recipients] == [True], change


def test_groups_are_listed_by_name_and_by_date(scene: Scene) -> None:
    for name in ("Chess", "Bridge"):
        scene.sets(f"contact_group_add(:alice, '{name}', NULL, '[]')")
    scene["pioneers"]
    scene.sets("UPDATE contact_group SET ctime = LENGTH(name) WHERE owner_id = :alice")

    def names(tag: str, name: str, order: str, page: str = "1, 45") -> list[str]:
        return [g["name"] for g in scene.docs(f"contact_group_list(:alice, {tag}, {name}, {order}, {page})")]

    assert names("NULL", "NULL", "'name', 'asc'") == ["Bridge", "Chess", "Pioneers"]
    assert names("NULL", "NULL", "'name', 'desc'") == ["Pioneers", "Chess", "Bridge"]
    assert names("NULL", "NULL", "'date', 'asc'") == ["Chess", "Bridge", "Pioneers"]
    assert names("NULL", "NULL", "'date', 'desc'", "1, 2") == ["Pioneers", "Bridge"]
    assert names("NULL", "'e'", "'name', 'asc'") == ["Bridge", "Chess", "Pioneers"]
    assert names("NULL", "'%'", "'name', 'asc'") == []
    assert names(":work", "NULL", "'name', 'asc'") == []
    scene.sets("my_tag_add(:alice, :ada, JSON_ARRAY(:rome))")
    assert names(":work", "NULL", "'name', 'asc'") == ["Pioneers"], "a tag stands for those below it"


def test_renamed_with_a_picture_and_deleted(scene: Scene) -> None:
    assert scene.doc("contact_group_rename(:alice, :pioneers, 'First')")["name"] == "First"
    scene.sets(
        "INSERT INTO media (owner_id, id, author_id, filename, category, ctime, mtime) "
        "VALUES (:alice, '00000000000000aa', :alice, 'p', 'image', 1, 1)"
    )
    scene.sets("contact_group_set_avatar(:alice, 'First', '00000000000000aa', NULL, NULL)")
    assert scene.doc("contact_group_get_avatar(:alice, 'First', 0)")["avatar"] == "00000000000000aa"
    own = scene.doc("contact_group_set_avatar(:alice, 'First', NULL, TO_BASE64('dots'), 'image/png')")
    (row,), (picture,) = scene.sets("contact_group_get_avatar(:alice, 'First', 1)")
    assert picture == (b"dots",)
    assert f'"avatar": "{own["avatar"]}"' in row[0]
    assert scene.doc("contact_group_set_avatar(:alice, 'First', '', NULL, NULL)")["avatar"] is None
    assert scene.count("contact_group_picture", "owner_id = :alice") == 0
    assert scene.doc("contact_group_delete(:alice, 'First')")["status"] == "deleted"
    assert scene.count("contact_group_member", "owner_id = :alice") == 0
    assert scene.count("contact", "owner_id = :alice") == 1, "its members stay contacts"


async def test_contact_group_add_creates_a_group(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    add = ("shard1", "contact_group_add", owner.uid)
    group = await direct.one(*add, "Pioneers", None, json_text([contact]))
    assert (group["name"], group["member_count"]) == ("Pioneers", 1)
    assert await direct.refusal(*add, "Others", None, json_text(["0" * 16])) == "CONTACT_NOT_FOUND"
    assert admin.one("SELECT COUNT(*) FROM shard1.contact_group WHERE owner_id = %s", owner.uid) == 1
    calls = (direct.sets(*add, "Twins", None, "[]") for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "GROUP_EXISTS" for r in results) == 2, results


async def test_one_of_two_who_rename_groups_to_one_name_wins(direct: Direct) -> None:
    owner = direct.person()
    add = ("shard1", "contact_group_add", owner.uid)
    ids = [(await direct.one(*add, name, None, "[]"))["id"] for name in ("One", "Two")]
    rename = ("shard1", "contact_group_rename", owner.uid)
    results = await asyncio.gather(*(direct.sets(*rename, i, "Same") for i in ids), return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "GROUP_EXISTS" for r in results) == 1, results


async def test_one_contact_added_to_a_group_twice_at_once_is_in_it_once(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    await direct.one("shard1", "contact_group_add", owner.uid, "G", None, "[]")
    add = ("shard1", "contact_group_member_add", owner.uid, "G", json_text([contact]))
    results = await asyncio.gather(*(direct.one(*add) for _ in range(3)))
    assert sorted(r["added"] for r in results) == [0, 0, 1]


async def test_one_of_two_who_delete_a_group_at_once_is_refused(direct: Direct) -> None:
    owner = direct.person()
    await direct.one("shard1", "contact_group_add", owner.uid, "G", None, "[]")
    await race(direct, "GROUP_NOT_FOUND", *[("shard1", "contact_group_delete", owner.uid, "G")] * 3)
