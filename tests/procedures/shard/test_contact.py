"""procedures/shard/contact, called directly."""

from __future__ import annotations

import asyncio
import json

import pytest

from service.errors import Refused
from tests.conftest import Admin
from tests.procedures.conftest import Direct, mail, text


async def add_code(direct: Direct, owner: str, contact: object) -> str:
    return await direct.refusal("shard1", "my_contact_add", owner, text(contact))


# --- my_contact_add, my_contact_entity, my_contact_peer_check ---


async def test_my_contact_add_answers_the_whole_contact(direct: Direct) -> None:
    owner = direct.person()
    contact = {**mail("a@b.example", "c@b.example"), "firstname": "Grace", "mobile": [{"phone": "1"}]}
    found = await direct.one("shard1", "my_contact_add", owner.uid, text(contact))
    assert (found["firstname"], found["entity"], len(found["email"]), len(found["mobile"])) == (
        "Grace", "a@b.example", 2, 1,
    )  # fmt: skip


async def test_my_contact_add_refuses_what_makes_no_contact(direct: Direct) -> None:
    owner, colleague = direct.person(domain="one.test"), direct.person(domain="one.test")
    uid = owner.uid
    assert await add_code(direct, uid, {}) == "INVALID_DATA"
    assert await add_code(direct, uid, {**mail("a@b.example"), "invitee_id": uid}) == "INVALID_DATA"
    assert await add_code(direct, uid, {"invitee_id": "0" * 16}) == "INVALID_INVITEE_ID"
    assert await add_code(direct, uid, {"invitee_id": uid}) == "SELF_CONTACT"
    assert await add_code(direct, uid, mail(owner.email)) == "SELF_CONTACT"
    assert await add_code(direct, uid, {"invitee_id": colleague.uid}) == "SAME_DOMAIN"
    assert await add_code(direct, uid, mail("a@b.example", "c@b.example", default=9)) == "NO_DEFAULT_MAIL"
    two = {"email": [{"email": e, "is_default": 1} for e in ("a@b.example", "c@b.example")]}
    assert await add_code(direct, uid, two) == "MANY_DEFAULT_EMAIL"
    assert await add_code(direct, uid, mail("a@b.example", "a@b.example")) == "INVALID_PARAM"
    assert await add_code(direct, uid, {**mail("a@b.example"), "tag": ["nope"]}) == "INVALID_PARAM"


async def test_of_two_my_contact_add_at_once_one_wins(direct: Direct) -> None:
    owner, peer = direct.person(), direct.person("Bob")
    for contact in (mail("twin@b.example"), {"invitee_id": peer.uid}):
        calls = (direct.sets("shard1", "my_contact_add", owner.uid, text(contact)) for _ in range(4))
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [r.code for r in results if isinstance(r, Refused)]
        assert refused == ["ALREADY_IN_CONTACT"] * 3, results


async def test_my_contact_entity_finds_who_is_meant(direct: Direct, admin: Admin) -> None:
    owner, peer = direct.person(), direct.person("Bob")
    call = "CALL shard1.my_contact_entity(%s, %s, @e, @p)"
    assert admin.refusal(call, owner.uid, text(mail("a@b.example", default=3))) == "NO_DEFAULT_MAIL"
    assert admin.refusal(call, owner.uid, text(mail("x@b.example", owner.email))) == "SELF_CONTACT"
    two = {"email": [{"email": e, "is_default": 1} for e in ("a@b.example", "c@b.example")]}
    assert admin.refusal(call, owner.uid, text(two)) == "MANY_DEFAULT_EMAIL"
    found = await direct.one("shard1", "my_contact_add", owner.uid, text(mail(peer.email)))
    assert found["entity"] == peer.uid


async def test_my_contact_peer_check(direct: Direct) -> None:
    owner, mate, other = direct.person(domain="two.test"), direct.person(domain="two.test"), direct.person()
    check = ("shard1", "my_contact_peer_check", owner.uid)
    assert await direct.refusal(*check, owner.uid) == "SELF_CONTACT"
    assert await direct.refusal(*check, mate.uid) == "SAME_DOMAIN"
    assert await direct.sets(*check, other.uid) == []
    assert await direct.sets(*check, None) == []


# --- my_contact_update, my_contact_details_set, my_contact_delete ---


async def test_my_contact_update_keeps_what_is_not_given(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, "a@b.example", mobile=[{"phone": "1"}])
    found = await direct.one("shard1", "my_contact_update", owner.uid, contact, text({"comment": "met"}))
    assert (found["comment"], found["firstname"], len(found["mobile"])) == ("met", "Grace", 1)
    found = await direct.one("shard1", "my_contact_update", owner.uid, contact, text({"mobile": []}))
    assert found["mobile"] == []


async def test_my_contact_update_refuses(direct: Direct, admin: Admin) -> None:
    owner = direct.person(domain="three.test")
    mate, peer = direct.person(domain="three.test"), direct.person("Bob")
    contact = await direct.contact(owner, "a@b.example")
    await direct.contact(owner, "taken@b.example")

    async def code(given: object, which: str = contact) -> str:
        return await direct.refusal("shard1", "my_contact_update", owner.uid, which, text(given))

    assert await code({}, "0" * 16) == "CONACT_NOT_EXIST"
    assert await code(mail(owner.email)) == "SELF_CONTACT"
    assert await code(mail(mate.email)) == "SAME_DOMAIN"
    assert await code(mail("taken@b.example")) == "ALREADY_IN_CONTACT"
    assert await code(mail("x@b.example", default=1)) == "NO_DEFAULT_MAIL"
    assert await code(mail("x@b.example", "x@b.example")) == "INVALID_PARAM"
    two = {"email": [{"email": e, "is_default": 1} for e in ("x@b.example", "y@b.example")]}
    assert await code(two) == "MANY_DEFAULT_EMAIL"
    related = await direct.one("shard1", "my_contact_add", owner.uid, text({"invitee_id": peer.uid}))
    admin.rows("UPDATE shard1.contact SET uid = peer_id, status = 'active' WHERE id = %s", related["id"])
    assert await code({"firstname": "", "lastname": "B"}, related["id"]) == "EMPTY_FIRSTNAME"
    assert await code({"firstname": "B", "lastname": ""}, related["id"]) == "EMPTY_LASTNAME"


async def test_two_my_contact_update_at_once_both_count(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    await asyncio.gather(
        direct.sets("shard1", "my_contact_update", owner.uid, contact, text({"comment": "met"})),
        direct.sets("shard1", "my_contact_update", owner.uid, contact, text({"surname": "Amazing"})),
    )
    found = await direct.one("shard1", "my_contact_get", owner.uid, contact)
    assert (found["comment"], found["given_surname"]) == ("met", "Amazing")


async def test_my_contact_details_set_replaces_only_what_is_given(direct: Direct) -> None:
    owner = direct.person()
    first = await direct.contact(owner, "a@b.example", mobile=[{"phone": "1"}])
    await direct.contact(owner, "taken@b.example")
    details = ("shard1", "my_contact_details_set", owner.uid, first)
    assert await direct.sets(*details, text({"address": [{"city": "Rome"}]})) == []
    found = await direct.one("shard1", "my_contact_get", owner.uid, first)
    assert (len(found["mobile"]), found["address"][0]["city"]) == (1, "Rome")
    assert await direct.refusal(*details, text(mail("taken@b.example"))) == "ALREADY_IN_CONTACT"
    assert await direct.refusal(*details, text(mail("x@b.example", default=1))) == "NO_DEFAULT_MAIL"
    assert await direct.refusal(*details, text({"tag": ["nope"]})) == "INVALID_PARAM"
    two = {"email": [{"email": e, "is_default": 1} for e in ("x@b.example", "y@b.example")]}
    assert await direct.refusal(*details, text(two)) == "MANY_DEFAULT_EMAIL"


async def test_my_contact_delete_takes_everything_with_it(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, mobile=[{"phone": "1"}])
    assert await direct.refusal("shard1", "my_contact_delete", owner.uid, "0" * 16) == "CONACT_NOT_EXIST"
    deleted = await direct.one("shard1", "my_contact_delete", owner.uid, contact)
    assert deleted["contact_id"] == contact
    for table in ("contact", "contact_email", "contact_phone", "contact_term"):
        assert admin.one(f"SELECT COUNT(*) FROM shard1.{table} WHERE owner_id = %s", owner.uid) == 0
    assert await direct.refusal("shard1", "my_contact_delete", owner.uid, contact) == "CONACT_NOT_EXIST"


async def test_of_two_my_contact_delete_at_once_one_is_told_it_is_gone(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    calls = (direct.sets("shard1", "my_contact_delete", owner.uid, contact) for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "CONACT_NOT_EXIST" for r in results) == 2, results


# --- lists and searches ---


async def test_lists_show_the_owners_own_and_nobody_elses(direct: Direct) -> None:
    owner, other = direct.person(), direct.person()
    contact = await direct.contact(owner, "grace@navy.example")
    mine = {
        "my_contact_show": (None, None, "name", "asc", "active", 1, 45),
        "my_contact": ("grace", "", 0, "[]", 1, 45),
        "contact_search_by_domain": ("grace", 1, 45),
        "contact_find": ("grace", "", 0, "[]", "contact", 1, 45),
    }
    for name, args in mine.items():
        assert len(await direct.all("shard1", name, owner.uid, *args)) == 1, name
        assert await direct.all("shard1", name, other.uid, *args) == [], name
    assert (await direct.one("shard1", "my_contact_get", owner.uid, contact))["contact_id"] == contact
    assert await direct.one("shard1", "my_contact_get", other.uid, contact) is None


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["name", "date"])
async def test_pages_of_my_contact_show_are_whole_and_in_order(direct: Direct, sort: str, order: str) -> None:
    owner = direct.person()
    for name in "CAB":
        await direct.contact(owner, firstname=name, lastname="")
    show = ("shard1", "my_contact_show", owner.uid, None, None, sort, order, "active")
    pages = [await direct.all(*show, page, 2) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 1, 0]
    names = [row["firstname"] for page in pages for row in page]
    if sort == "name":
        assert names == sorted(names, reverse=order == "desc")
    assert sorted(names) == ["A", "B", "C"]


async def test_my_contact_terms_and_contact_matches_find_words(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, "grace@navy.example", firstname="Élodie", lastname="Çelik")
    admin.rows("DELETE FROM shard1.contact_term WHERE owner_id = %s", owner.uid)
    assert await direct.sets("shard1", "my_contact_terms", owner.uid, contact) == []
    for words, expected in ((["elo"], 1), (["elo", "cel"], 1), (["grace@n"], 1), (["elo", "x"], 0)):
        found = admin.one("SELECT shard1.contact_matches(%s, %s, %s)", owner.uid, contact, text(words))
        assert found == expected, words


def test_like_escape_and_search_words(admin: Admin) -> None:
    assert admin.one("SELECT shard1.like_escape('1_0%\\\\')") == r"1\_0\%" + "\\\\"
    assert admin.one("SELECT shard1.like_escape(NULL)") is None
    words = json.loads(admin.one("SELECT shard1.search_words('Ada Lovelace, Countess')"))
    assert [w for w in words if w] == ["Ada", "Lovelace", "Countess"]
