"""procedures/shard/filemail, called directly."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.direct import Direct
from tests.support.scene import Scene


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


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene.sets("archive_entity(:alice, :grace, 'archived')")
    change = "my_contact_set_defaults(:alice, :ada, JSON_OBJECT('email', {}))"
    scene.refuses({
        "my_contact_set_defaults(:alice, :nobody, '{}')": "CONTACT_NOT_FOUND",
        "my_contact_set_defaults(:bob, :ada, '{}')": "CONTACT_NOT_FOUND",
        "my_contact_set_defaults(:alice, :grace, '{}')": "CONTACT_NOT_FOUND",
        change.format(":mail_alice"): "SELF_CONTACT",
        change.format("'grace@scene.example'"): "ALREADY_IN_CONTACT",
    })  # fmt: skip
    scene["mate"] = scene.contact("x@scene.example", owner="erin")
    scene.refuses({"my_contact_set_defaults(:erin, :mate, JSON_OBJECT('email', :mail_frank))": "SAME_DOMAIN"})


def changed(scene: Scene, change: str) -> Any:
    """Change a contact that is called many; the contact in full."""
    scene.sets(f"my_contact_set_defaults(:alice, :many, {change})")
    return scene.doc("my_contact_get(:alice, :many)")


def test_my_contact_change_replaces_the_default_address_and_number(scene: Scene) -> None:
    scene["many"] = scene.contact(
        "one@scene.example",
        "two@scene.example",
        mobile=[{"phone": "1"}, {"phone": "2"}],
    )
    change = "JSON_OBJECT('email', 'new@scene.example', 'areacode', '+49', 'phone', '3', 'name', 'Ada')"
    full = changed(scene, change)
    assert [e["email"] for e in full["email"]] == ["new@scene.example", "two@scene.example"]
    assert [p["phone"] for p in full["mobile"]] == ["3", "2"]
    assert (full["surname"], full["mobile"][0]["areacode"]) == ("Ada", "+49")
    full = changed(scene, '\'{"name": "L"}\'')
    assert (len(full["email"]), len(full["mobile"]), full["surname"]) == (2, 2, "L")


def test_my_contact_change_of_the_default_to_another_own_address_keeps_one(scene: Scene) -> None:
    scene["many"] = scene.contact("one@scene.example", "two@scene.example", "three@scene.example")
    scene.sets("UPDATE contact_email SET category = 'prof' WHERE contact_id = :many AND is_default = 1")
    scene.sets("UPDATE contact_email SET label = 'desk' WHERE contact_id = :many AND email LIKE 'three%'")
    full = changed(scene, "JSON_OBJECT('email', 'two@scene.example')")
    assert [(e["email"], e["is_default"], e["category"], e["label"]) for e in full["email"]] == [
        ("two@scene.example", 1, "priv", "personal"),
        ("three@scene.example", 0, "priv", "desk"),
    ]
    full = changed(scene, "JSON_OBJECT('email', 'three@scene.example')")
    assert [(e["email"], e["is_default"], e["label"]) for e in full["email"]] == [
        ("three@scene.example", 1, "desk")
    ]


async def test_two_my_contact_change_at_once_both_count(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, "a@b.example")
    change = ("shard1", "my_contact_set_defaults", owner.uid, contact)
    await asyncio.gather(
        direct.sets(*change, '{"phone": "5", "areacode": ""}'),
        direct.sets(*change, '{"email": "c@b.example"}'),
    )
    full = await direct.one("shard1", "my_contact_get", owner.uid, contact)
    assert (full["email"][0]["email"], full["mobile"][0]["phone"]) == ("c@b.example", "5")
