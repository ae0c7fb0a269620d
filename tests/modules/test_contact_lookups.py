"""contact.*: lookups and searches, and single entries of a contact."""

from __future__ import annotations

import pytest

from tests.support.admin import Admin
from tests.support.contacts import add_contact, email_list, surnames
from tests.support.people import People


@pytest.mark.parametrize("what", ["email", "mobile", "address"])
async def test_single_entries_can_be_taken_away(people: People, what: str) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await alice.ok(
        "contact.add",
        email=email_list("ada@x.example", "ada@y.example"),
        mobile=[{"phone": "1"}, {"phone": "2"}],
        address=[{"city": "London"}, {"city": "Paris"}],
    )
    word = {"email": "email", "mobile": "phone", "address": "address"}[what]
    service, field = f"contact.delete_contact_{word}", f"{word}_id"
    entry = ada[what][1][field]
    assert (await bob.call(service, contact_id=ada["id"], **{field: entry})).code == "CONTACT_NOT_FOUND"
    contact = await alice.ok(service, contact_id=ada["id"], **{field: entry})
    assert contact[what] == ada[what][:1]
    again = await alice.call(service, contact_id=ada["id"], **{field: entry})
    assert (again.status, again.code) == (404, f"{word.upper()}_NOT_FOUND")
    if what == "email":
        refused = await alice.call(service, contact_id=ada["id"], email_id=ada["email"][0]["email_id"])
        assert (refused.status, refused.code) == (409, "DEFAULT_EMAIL")
        assert await alice.ok("contact.search", key="ada@y") == []


async def test_get_and_delete_find_by_any_key(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await alice.ok(
        "contact.add", firstname="Ada", email=email_list("ada@x.example", "second@x.example")
    )
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
    assert await surnames(alice) == []


async def test_email_in_use_names_the_contact_that_has_the_address(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await alice.ok("contact.add", firstname="Ada", email=email_list("ada@x.example", "two@x.example"))
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
    await add_contact(dave, "Eric Own", "eric@x.example")
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
