"""contact.*: groups, look-ups, and single entries of a contact."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import Admin
from tests.modules.test_contact import add, mail, names
from tests.people import People, Person


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [r["id"] for r in rows]


async def group(person: Person, name: str = "Pioneers", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = await person.ok("contact.create_group", name=name, **more)
    return made


async def test_groups_hold_contacts(people: People) -> None:
    alice = await people("Alice")
    ada = await add(alice, "Ada L", "ada@x.example")
    alan = await add(alice, "Alan T", "alan@x.example")
    this, other = await alice.tab(), await alice.tab()
    made = await group(alice, comment="note", contact_id=[ada["id"]], socket_id=this.id)
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
    shown = await alice.ok("contact.show_groups")
    assert [(g["name"], g["member_count"], g["comment"]) for g in shown] == [("Pioneers", 0, "note")]
    assert (await alice.ok("contact.delete_group", name="Pioneers"))["status"] == "deleted"
    assert await names(alice) == ["Ada L"]


async def test_groups_refuse_with_the_documented_code(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada, theirs = await add(alice, "Ada L", "ada@x.example"), await add(bob, "Bo B", "bo@x.example")
    made = await group(alice)
    key = {"group_id": made["group_id"]}
    for person, service, given, status, code in (
        (alice, "create_group", {"name": "Pioneers"}, 409, "GROUP_EXISTS"),
        (alice, "create_group", {"name": "New", "contact_id": [theirs["id"]]}, 404, "CONTACT_NOT_FOUND"),
        (alice, "add_to_group", {**key, "contact_id": [ada["id"], theirs["id"]]}, 404, "CONTACT_NOT_FOUND"),
        (bob, "add_to_group", {**key, "contact_id": [theirs["id"]]}, 404, "GROUP_NOT_FOUND"),
        (bob, "remove_from_group", {**key, "contact_id": []}, 404, "GROUP_NOT_FOUND"),
        (bob, "delete_group", key, 404, "GROUP_NOT_FOUND"),
        (bob, "show_members", key, 404, "GROUP_NOT_FOUND"),
        (bob, "get_group_avatar", key, 404, "GROUP_NOT_FOUND"),
        (bob, "set_group_avatar", key, 404, "GROUP_NOT_FOUND"),
        (alice, "set_group_avatar", {**key, "nid": "0123456789abcdef"}, 404, "NODE_NOT_FOUND"),
        (alice, "delete_group", {}, 400, "MISSING_PARAM"),
    ):
        answer = await person.call(f"contact.{service}", **given)
        assert (answer.status, answer.code) == (status, code), (service, answer.body)
    named = await alice.call("contact.add_to_group", **key, contact_id=[ada["id"], theirs["id"]])
    assert theirs["id"] in named.body["reason"]
    assert (await alice.ok("contact.show_groups"))[0]["member_count"] == 0
    assert len(await alice.ok("contact.show_groups", name="pio")) == 1
    assert await alice.ok("contact.show_groups", name="none") == []


async def test_group_lists_sort_and_filter_by_tag(people: People) -> None:
    alice = await people("Alice")
    top = (await alice.ok("tagcontact.add", name="Top"))["tag_id"]
    low = (await alice.ok("tagcontact.add", name="Low", parent_id=top))["tag_id"]
    ada = await add(alice, "Ada L", "ada@x.example", tag=[low])
    await group(alice, "B", contact_id=[ada["id"]])
    await group(alice, "A")
    assert [g["name"] for g in await alice.ok("contact.show_groups")] == ["A", "B"]
    assert [g["name"] for g in await alice.ok("contact.show_groups", order="desc")] == ["B", "A"]
    assert [g["name"] for g in await alice.ok("contact.show_groups", tag_id=top)] == ["B"]


async def test_group_avatar(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    key = {"group_id": (await group(alice))["group_id"]}
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


@pytest.mark.parametrize("what", ["email", "mobile", "address"])
async def test_single_entries_can_be_taken_away(people: People, what: str) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await alice.ok(
        "contact.add",
        email=mail("ada@x.example", "ada@y.example"),
        mobile=[{"phone": "1"}, {"phone": "2"}],
        address=[{"city": "London"}, {"city": "Paris"}],
    )
    word = {"email": "email", "mobile": "phone", "address": "address"}[what]
    service, field = f"contact.delete_contact_{word}", f"{word}_id"
    entry = ada[what][1][field]
    assert (await bob.call(service, contact_id=ada["id"], **{field: entry})).code == "CONTACT_NOT_FOUND"
    left = await alice.ok(service, contact_id=ada["id"], **{field: entry})
    assert left[what] == ada[what][:1]
    again = await alice.call(service, contact_id=ada["id"], **{field: entry})
    assert (again.status, again.code) == (404, f"{word.upper()}_NOT_FOUND")
    if what == "email":
        kept = await alice.call(service, contact_id=ada["id"], email_id=ada["email"][0]["email_id"])
        assert (kept.status, kept.code) == (409, "DEFAULT_EMAIL")
        assert await alice.ok("contact.search", key="ada@y") == []


async def test_get_and_delete_find_by_any_key(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await alice.ok("contact.add", firstname="Ada", email=mail("ada@x.example", "second@x.example"))
    bobby = await alice.ok("contact.add", invitee_id=bob.uid)
    for key in ({"email": "ADA@x.example"}, {"email": "second@x.example"}, {"id": ada["id"]}):
        assert await alice.ok("contact.get", **key) == ada
    assert (await alice.ok("contact.get", uid=bob.uid))["id"] == bobby["id"]
    for service in ("get", "delete"):
        answer = await alice.call(f"contact.{service}", email="no@x.example")
        assert (answer.status, answer.code) == (404, "CONTACT_NOT_FOUND")
        assert (await alice.call(f"contact.{service}")).code == "MISSING_PARAM"
    assert (await alice.ok("contact.delete", email="second@x.example"))["contact_id"] == ada["id"]
    assert (await alice.ok("contact.delete", uid=bob.uid))["his_id"] == bob.uid
    assert await names(alice) == []


async def test_email_in_use(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await alice.ok("contact.add", firstname="Ada", email=mail("ada@x.example", "two@x.example"))
    bobby = await alice.ok("contact.add", invitee_id=bob.uid)
    assert (await alice.ok("contact.email_in_use", email=" TWO@x.example"))["id"] == ada["id"]
    assert (await alice.ok("contact.email_in_use", email=bob.email))["id"] == bobby["id"]
    assert await alice.ok("contact.email_in_use", email="two@x.example", contact_id=ada["id"]) == {}
    assert await alice.ok("contact.email_in_use", email="free@x.example") == {}


async def test_invite_drumate_invites_registered_people_only(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab = await bob.tab()
    answer = await alice.call("contact.invite_drumate", email="nobody@x.example")
    assert (answer.status, answer.code) == (404, "NOT_A_DRUMATE")
    assert (await alice.ok("contact.invite_drumate", uid=bob.uid, message="hi"))["status"] == "sent"
    assert (await tab.expect("contact.invite"))["model"]["message"] == "hi"


async def test_searches_of_own_contacts_and_of_accounts(people: People, admin: Admin) -> None:
    dave = await people("Dave", domain="more.test")
    erin = await people("Erin", domain="more.test")
    bob = await people("Bob")
    await add(dave, "Eric Own", "eric@x.example")
    await dave.ok("contact.add", invitee_id=bob.uid, firstname="Erwin")
    assert [c["firstname"] for c in await dave.ok("contact.search_my_contacts", name="er")] == [
        "Eric",
        "Erwin",
    ]
    assert sorted(c["entity"] for c in await dave.ok("contact.search_drumee_contacts", name="er")) == sorted(
        [bob.uid, erin.uid]
    )
    for service in ("search_my_contacts", "search_drumee_contacts"):
        assert await dave.ok(f"contact.{service}") == []
    assert [c["firstname"] for c in await dave.ok("contact.show")] == ["Eric", "Erwin"]
    assert await dave.ok("contact.show_gmail_contacts") == []
    admin.rows(
        f"UPDATE {dave.shard}.contact SET metadata = JSON_SET(metadata, '$.from', 'google') "
        "WHERE owner_id = %s AND firstname = 'Eric'",
        dave.uid,
    )
    assert [c["firstname"] for c in await dave.ok("contact.show_gmail_contacts", name="own")] == ["Eric"]


async def test_conversations_are_listed_and_read(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    carol = await people("Carol")
    await alice.ok("contact.invite", email=bob.email, message="Hello Bob")
    await bob.ok("contact.invite_accept", email=alice.uid)
    (room,) = await bob.ok("chat.chat_rooms", flag="contact")
    assert (room["entity_id"], room["drumate_id"], room["flag"]) == (alice.uid, alice.uid, "contact")
    assert (room["display"], room["room_count"], room["status"]) == ("Alice Test", 1, "active")
    assert await bob.ok("chat.chat_room_info", key=alice.uid) == room
    assert await bob.ok("chat.chat_room_info", key=room["contact_id"]) == room
    assert await bob.ok("chat.chat_room_info", key=carol.uid) == {}
    waiting = await bob.ok("drumate.notification_center")
    assert [(w["category"], w["cnt"], w["hub_id"]) for w in waiting] == [("chat", 1, alice.uid)]
    assert [w["category"] for w in await alice.ok("drumate.notification_center")] == ["contact", "chat"]
    said = await bob.ok("chat.messages", key=alice.uid)
    assert sorted(m["author_id"] for m in said) == sorted([alice.uid, bob.uid])
    tab = await bob.tab()
    read = await bob.ok("chat.acknowledge", entity_id=alice.uid)
    assert (read["room"], read["total"]) == (0, 0)
    assert (await tab.expect("chat.acknowledge"))["model"]["entity_id"] == alice.uid
    assert await bob.ok("drumate.notification_center") == []
    # somebody else's conversation is nobody's business
    assert await carol.ok("chat.messages", key=alice.uid) == []
    assert await bob.ok("chat.chat_rooms", flag="share") == []
    assert await bob.ok("chat.chat_rooms", key="nobody") == []
