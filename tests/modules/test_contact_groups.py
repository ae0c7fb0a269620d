"""contact.*: groups of contacts."""

from __future__ import annotations

import asyncio

from tests.support.admin import Admin
from tests.support.contacts import add_contact, add_group, ids, surnames
from tests.support.people import People


async def test_groups_hold_contacts(people: People) -> None:
    alice = await people("Alice")
    ada = await add_contact(alice, "Ada L", "ada@x.example")
    alan = await add_contact(alice, "Alan T", "alan@x.example")
    this, other = await alice.tab(), await alice.tab()
    made = await add_group(alice, comment="note", contact_id=[ada["id"]], socket_id=this.id)
    assert (made["member_count"], made["category"], made["avatar"]) == (1, "origin", None)
    assert (await other.expect("contact.create_group"))["model"]["group_id"] == made["group_id"]
    key = {"group_id": made["group_id"]}
    assert await alice.ok("contact.add_to_group", **key, contact_id=[ada["id"], alan["id"]]) == {
        **key,
        "added": 1,
        "member_count": 2,
    }
    assert ids(await alice.ok("contact.show_members", name="Pioneers")) == [ada["id"], alan["id"]]
    assert ids(await alice.ok("contact.show_members", **key, page=2, pagelength=1)) == [alan["id"]]
    assert await alice.ok("contact.remove_from_group", **key, contact_id=[ada["id"], "nobody"]) == {
        **key,
        "removed": 1,
        "member_count": 1,
    }
    await alice.ok("contact.delete_contact", contact_id=alan["id"])
    groups = await alice.ok("contact.show_groups")
    assert [(g["name"], g["member_count"], g["comment"]) for g in groups] == [("Pioneers", 0, "note")]
    assert (await alice.ok("contact.delete_group", name="Pioneers"))["status"] == "deleted"
    assert await surnames(alice) == ["Ada L"]


async def test_groups_refuse_with_the_documented_code(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada, bob_contact = (
        await add_contact(alice, "Ada L", "ada@x.example"),
        await add_contact(bob, "Bo B", "bo@x.example"),
    )
    made = await add_group(alice)
    key = {"group_id": made["group_id"]}
    for person, service, args, status, code in (
        (alice, "create_group", {"name": "Pioneers"}, 409, "GROUP_EXISTS"),
        (alice, "create_group", {"name": "New", "contact_id": [bob_contact["id"]]}, 404, "CONTACT_NOT_FOUND"),
        (
            alice,
            "add_to_group",
            {**key, "contact_id": [ada["id"], bob_contact["id"]]},
            404,
            "CONTACT_NOT_FOUND",
        ),
        (bob, "add_to_group", {**key, "contact_id": [bob_contact["id"]]}, 404, "GROUP_NOT_FOUND"),
        (bob, "remove_from_group", {**key, "contact_id": []}, 404, "GROUP_NOT_FOUND"),
        (bob, "delete_group", key, 404, "GROUP_NOT_FOUND"),
        (bob, "show_members", key, 404, "GROUP_NOT_FOUND"),
        (bob, "get_group_avatar", key, 404, "GROUP_NOT_FOUND"),
        (bob, "set_group_avatar", key, 404, "GROUP_NOT_FOUND"),
        (alice, "set_group_avatar", {**key, "nid": "0123456789abcdef"}, 404, "NODE_NOT_FOUND"),
        (alice, "delete_group", {}, 400, "MISSING_PARAM"),
    ):
        answer = await person.call(f"contact.{service}", **args)
        assert (answer.status, answer.code) == (status, code), (service, answer.body)
    named = await alice.call("contact.add_to_group", **key, contact_id=[ada["id"], bob_contact["id"]])
    assert bob_contact["id"] in named.body["reason"]
    assert (await alice.ok("contact.show_groups"))[0]["member_count"] == 0
    assert len(await alice.ok("contact.show_groups", name="pio")) == 1
    assert await alice.ok("contact.show_groups", name="none") == []


async def test_group_lists_sort_and_filter_by_tag(people: People) -> None:
    alice = await people("Alice")
    top = (await alice.ok("tagcontact.add", name="Top"))["tag_id"]
    low = (await alice.ok("tagcontact.add", name="Low", parent_id=top))["tag_id"]
    ada = await add_contact(alice, "Ada L", "ada@x.example", tag=[low])
    await add_group(alice, "B", contact_id=[ada["id"]])
    await add_group(alice, "A")
    assert [g["name"] for g in await alice.ok("contact.show_groups")] == ["A", "B"]
    assert [g["name"] for g in await alice.ok("contact.show_groups", order="desc")] == ["B", "A"]
    assert [g["name"] for g in await alice.ok("contact.show_groups", tag_id=top)] == ["B"]


async def test_a_group_has_an_avatar(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    key = {"group_id": (await add_group(alice))["group_id"]}
    admin.rows(
        f"INSERT INTO {alice.shard}.media (owner_id, id, author_id, filename, category, ctime, mtime) "
        "VALUES (%s, 'aaaaaaaaaaaaaaaa', %s, 'a.png', 'image', 1, 1)",
        alice.uid,
        alice.uid,
    )
    assert (await alice.ok("contact.set_group_avatar", **key, nid="a" * 16))["avatar"] == "a" * 16
    assert await alice.ok("contact.get_group_avatar", **key) == {
        **key,
        "avatar": "a" * 16,
        "mimetype": None,
        "url": None,
    }
    assert (await alice.ok("contact.set_group_avatar", **key, nid=""))["avatar"] is None


async def test_two_groups_of_one_name_at_once(people: People) -> None:
    alice = await people("Alice")
    answers = await asyncio.gather(*(alice.call("contact.create_group", name="G") for _ in range(4)))
    assert sorted(a.status for a in answers) == [200, 409, 409, 409]
