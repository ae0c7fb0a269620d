"""procedures/shard/book, called directly."""

from __future__ import annotations

import asyncio

from service.errors import Refused
from tests.procedures.conftest import Direct
from tests.procedures.scene import Scene


def test_refusals(scene: Scene) -> None:
    scene.sets("archive_entity(:alice, :grace, 'archived')")
    change = "my_contact_change(:alice, :ada, JSON_OBJECT('email', {}))"
    scene.refuses({
        "my_contact_change(:alice, :nobody, '{}')": "CONACT_NOT_EXIST",
        "my_contact_change(:bob, :ada, '{}')": "CONACT_NOT_EXIST",
        "my_contact_change(:alice, :grace, '{}')": "CONACT_NOT_EXIST",
        change.format(":mail_alice"): "SELF_CONTACT",
        change.format("'grace@scene.example'"): "ALREADY_IN_CONTACT",
        "my_contact_trash(:alice, :nobody)": "CONACT_NOT_EXIST",
        "my_contact_trash(:bob, :ada)": "CONACT_NOT_EXIST",
    })  # fmt: skip
    scene["mate"] = scene.contact("x@scene.example", owner="erin")
    scene.refuses({"my_contact_change(:erin, :mate, JSON_OBJECT('email', :mail_frank))": "SAME_DOMAIN"})


def test_my_contact_book_is_the_active_list_and_its_groups(scene: Scene) -> None:
    scene["pioneers"]
    scene["grace"]
    people, groups = scene.sets("my_contact_book(:alice)")
    assert people == [
        (scene["ada"], "Ada Lovelace", "ada@scene.example"),
        (scene["grace"], "Grace Hopper", "grace@scene.example"),
    ]
    assert groups == [(scene["ada"], scene["pioneers"], "Pioneers")]
    scene.sets("archive_entity(:alice, :grace, 'archived')")
    assert len(scene.rows("my_contact_book(:alice)")) == 1
    assert scene.sets("my_contact_book(:bob)") == [[], []]


def test_my_contact_change_replaces_the_default_address_and_number(scene: Scene) -> None:
    scene["many"] = scene.contact(
        "one@scene.example",
        "two@scene.example",
        mobile=[{"phone": "1"}, {"phone": "2"}],
    )
    change = "JSON_OBJECT('email', 'new@scene.example', 'areacode', '+49', 'phone', '3', 'name', 'Ada')"
    found = scene.doc(f"my_contact_change(:alice, :many, {change})")
    assert [e["email"] for e in found["email"]] == ["new@scene.example", "two@scene.example"]
    assert [p["phone"] for p in found["mobile"]] == ["3", "2"]
    assert (found["surname"], found["mobile"][0]["areacode"]) == ("Ada", "+49")
    found = scene.doc('my_contact_change(:alice, :many, \'{"name": "L"}\')')
    assert (len(found["email"]), len(found["mobile"]), found["surname"]) == (2, 2, "L")


def test_my_contact_change_of_the_default_to_another_one_of_his_keeps_one(scene: Scene) -> None:
    scene["many"] = scene.contact("one@scene.example", "two@scene.example", "three@scene.example")
    scene.sets("UPDATE contact_email SET category = 'prof' WHERE contact_id = :many AND is_default = 1")
    scene.sets("UPDATE contact_email SET label = 'desk' WHERE contact_id = :many AND email LIKE 'three%'")
    found = scene.doc("my_contact_change(:alice, :many, JSON_OBJECT('email', 'two@scene.example'))")
    assert [(e["email"], e["is_default"], e["category"], e["label"]) for e in found["email"]] == [
        ("two@scene.example", 1, "priv", "personal"),
        ("three@scene.example", 0, "priv", "desk"),
    ]
    found = scene.doc("my_contact_change(:alice, :many, JSON_OBJECT('email', 'three@scene.example'))")
    assert [(e["email"], e["is_default"], e["label"]) for e in found["email"]] == [
        ("three@scene.example", 1, "desk")
    ]


def test_my_contact_trash_keeps_everything_aside_and_frees_the_address(scene: Scene) -> None:
    scene["pioneers"]
    scene.sets("my_tag_add(:alice, :ada, JSON_ARRAY(:work))")
    scene.sets("yp.contact_block_add(:alice, :ada, 'ada@scene.example', NULL)")
    gone = scene.doc("my_contact_trash(:alice, :ada)")
    assert (gone["contact_id"], gone["drumate_id"], gone["blocked"]) == (scene["ada"], None, 1)
    book = scene.json("SELECT book FROM contact_trash WHERE owner_id = :alice AND id = :ada")
    assert (book["contact"]["firstname"], book["contact"]["is_blocked"]) == ("Ada", 1)
    assert [e["email"] for e in book["email"]] == ["ada@scene.example"]
    assert (book["tag"], book["group"]) == ([scene["work"]], [scene["pioneers"]])
    assert scene.rows("my_contact_get(:alice, :ada)") == []
    assert scene.contact("ada@scene.example") != scene["ada"]


async def test_of_two_my_contact_trash_at_once_one_is_told_it_is_gone(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    calls = (direct.sets("shard1", "my_contact_trash", owner.uid, contact) for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "CONACT_NOT_EXIST" for r in results) == 2, results


async def test_two_my_contact_change_at_once_both_count(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, "a@b.example")
    change = ("shard1", "my_contact_change", owner.uid, contact)
    await asyncio.gather(
        direct.sets(*change, '{"phone": "5", "areacode": ""}'),
        direct.sets(*change, '{"email": "c@b.example"}'),
    )
    found = await direct.one("shard1", "my_contact_get", owner.uid, contact)
    assert (found["email"][0]["email"], found["mobile"][0]["phone"]) == ("c@b.example", "5")
