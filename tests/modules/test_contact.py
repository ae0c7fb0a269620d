"""contact.*: the address book of the caller."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.conftest import SECOND_SHARD, Admin
from tests.people import People, Person


def mail(*addresses: str) -> list[dict[str, Any]]:
    """A list of addresses, the first of them the default one."""
    return [{"email": a, "is_default": int(i == 0)} for i, a in enumerate(addresses)]


async def add(person: Person, name: str, address: str, **more: Any) -> dict[str, Any]:
    first, _, last = name.partition(" ")
    return await person.ok("contact.add", firstname=first, lastname=last, email=mail(address), **more)


async def names(person: Person, **args: Any) -> list[str]:
    return [c["surname"] for c in await person.ok("contact.show_contact", **args)]


async def test_a_contact_comes_back_as_it_was_given(people: People) -> None:
    alice = await people("Alice")
    made = await alice.ok(
        "contact.add",
        firstname="Ada",
        lastname="Lovelace",
        surname="Countess",
        comment="two\nlines",
        email=[
            {"email": " Ada@Math.Example ", "is_default": "1", "category": "prof", "kind": "ui key"},
            {"email": "ada@home.example", "is_default": 0},
        ],
        mobile=[{"areacode": "+44", "phone": "207 946 0001", "category": "prof"}],
        address=[{"street": "12 St James's Square", "city": "London", "country": "UK"}],
    )
    assert made == await alice.ok("contact.get_contact", contact_id=made["id"])
    assert (made["surname"], made["given_surname"], made["status"]) == ("Countess", "Countess", "memory")
    assert [(e["email"], e["is_default"], e["category"]) for e in made["email"]] == [
        ("ada@math.example", 1, "prof"),
        ("ada@home.example", 0, "priv"),
    ]
    assert made["mobile"][0]["areacode"] == "+44"
    assert made["address"][0]["street"] == "12 St James's Square"
    assert made["entity"] == "ada@math.example"
    flags = ("is_blocked", "is_blocked_me", "is_archived", "is_same_domain", "is_drumate", "is_need_email")
    assert [type(made[f]) for f in flags] == [int] * 6
    assert made["is_mycontact"] == 1
    assert made["comment"] == "two\nlines"


async def test_unknown_contact_is_an_empty_object(people: People) -> None:
    alice = await people("Alice")
    assert await alice.ok("contact.get_contact", contact_id="0123456789abcdef") == {}


@pytest.mark.parametrize(
    ("given", "code", "status"),
    [
        ({}, "INVALID_DATA", 400),
        ({"email": []}, "INVALID_DATA", 400),
        ({"email": mail("a@b.example"), "invitee_id": "0123456789abcdef"}, "INVALID_DATA", 400),
        ({"invitee_id": "0123456789abcdef"}, "INVALID_INVITEE_ID", 404),
        ({"email": [{"email": "a@b.example"}]}, "NO_DEFAULT_MAIL", 400),
        (
            {"email": [{"email": "a@b.example", "is_default": 1}, {"email": "c@b.example", "is_default": 1}]},
            "MANY_DEFAULT_EMAIL",
            400,
        ),
        ({"email": mail("a@b.example", "A@b.example")}, "INVALID_PARAM", 400),
        ({"email": mail("a@b.example"), "tag": ["0123456789abcdef"]}, "INVALID_PARAM", 400),
    ],
)
async def test_add_refuses_with_the_documented_code(
    people: People, admin: Admin, given: dict[str, Any], code: str, status: int
) -> None:
    alice = await people("Alice")
    answer = await alice.call("contact.add", firstname="Ada", **given)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert admin.one("SELECT COUNT(*) FROM shard1.contact WHERE owner_id = %s", alice.uid) == 0


async def test_oneself_and_colleagues_are_no_contacts(people: People) -> None:
    dave = await people("Dave", domain="acme.test")
    erin = await people("Erin", domain="acme.test")
    alice = await people("Alice")
    for given, code in (
        ({"email": mail(dave.email)}, "SELF_CONTACT"),
        ({"email": mail("x@y.example", dave.email.upper())}, "SELF_CONTACT"),
        ({"invitee_id": dave.uid}, "SELF_CONTACT"),
        ({"email": mail(erin.email)}, "SAME_DOMAIN"),
        ({"invitee_id": erin.uid}, "SAME_DOMAIN"),
    ):
        answer = await dave.call("contact.add", **given)
        assert (answer.status, answer.code) == (400, code), given
    # people of the free domain are no colleagues
    bob = await people("Bob")
    assert (await alice.ok("contact.add", invitee_id=bob.uid))["is_drumate"] == 1


async def test_registered_people_are_known_by_uid_however_they_are_added(people: People) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    by_uid = await alice.ok("contact.add", invitee_id=bob.uid)
    assert (by_uid["entity"], by_uid["firstname"], by_uid["uid"]) == (bob.uid, "Bob", None)
    # no relation yet: his address and user name are not hers to see
    assert (by_uid["email"], by_uid["username"]) == ([], None)
    by_email = await add(alice, "Carol C", carol.email)
    assert by_email["entity"] == carol.uid
    for again in ({"invitee_id": carol.uid}, {"email": mail(bob.email)}):
        answer = await alice.call("contact.add", **again)
        assert (answer.status, answer.code) == (409, "ALREADY_IN_CONTACT")


async def test_of_two_adds_of_one_address_one_wins(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    answers = await asyncio.gather(
        *(alice.call("contact.add", firstname=f"Ada {i}", email=mail("ada@math.example")) for i in range(12))
    )
    assert sorted(a.status for a in answers) == [200] + [409] * 11
    assert {a.code for a in answers if a.status == 409} == {"ALREADY_IN_CONTACT"}
    assert admin.one("SELECT COUNT(*) FROM shard1.contact WHERE owner_id = %s", alice.uid) == 1


async def test_update_replaces_what_is_given_and_keeps_the_rest(people: People) -> None:
    alice = await people("Alice")
    ada = await add(alice, "Ada Lovelace", "ada@math.example", surname="Countess", comment="old")
    changed = await alice.ok(
        "contact.update",
        contact_id=ada["id"],
        lastname="King",
        email=mail("ada@new.example", "ada@math.example"),
        mobile=[{"phone": "1"}],
    )
    assert (changed["firstname"], changed["lastname"], changed["given_surname"]) == (
        "Ada",
        "King",
        "Countess",
    )
    assert [e["email"] for e in changed["email"]] == ["ada@new.example", "ada@math.example"]
    assert (changed["entity"], changed["comment"]) == ("ada@new.example", "old")
    cleared = await alice.ok("contact.update", contact_id=ada["id"], surname="", comment="", mobile=[])
    assert (cleared["given_surname"], cleared["surname"], cleared["comment"], cleared["mobile"]) == (
        None,
        "Ada King",
        "",
        [],
    )


async def test_update_refuses_with_the_documented_code(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await add(alice, "Ada Lovelace", "ada@math.example")
    await add(alice, "Alan Turing", "alan@math.example")
    for given, code, status in (
        ({"contact_id": "0123456789abcdef", "firstname": "x"}, "CONACT_NOT_EXIST", 404),
        ({"email": mail("alan@math.example")}, "ALREADY_IN_CONTACT", 409),
        ({"email": mail(alice.email)}, "SELF_CONTACT", 400),
        ({"email": [{"email": "x@y.example"}]}, "NO_DEFAULT_MAIL", 400),
        ({"email": []}, "NO_DEFAULT_MAIL", 400),
    ):
        answer = await alice.call("contact.update", **{"contact_id": ada["id"], **given})
        assert (answer.status, answer.code) == (status, code), given
    # nothing of a refused update is kept
    assert (await alice.ok("contact.get_contact", contact_id=ada["id"]))["email"] == ada["email"]
    # and nobody changes somebody else's
    stolen = await bob.call("contact.update", contact_id=ada["id"], firstname="Mine")
    assert (stolen.status, stolen.code) == (404, "CONACT_NOT_EXIST")


async def test_related_people_need_their_names(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    contact = await alice.ok("contact.add", invitee_id=bob.uid)
    admin.rows(
        "UPDATE shard1.contact SET uid = peer_id, status = 'active' WHERE owner_id = %s AND id = %s",
        alice.uid,
        contact["id"],
    )
    for given, code in (
        ({"firstname": "", "lastname": "B"}, "EMPTY_FIRSTNAME"),
        ({"firstname": "Bob"}, "EMPTY_LASTNAME"),
    ):
        answer = await alice.call("contact.update", contact_id=contact["id"], **given)
        assert (answer.status, answer.code) == (400, code)
    kept = await alice.ok("contact.update", contact_id=contact["id"], firstname="Bobby", lastname="B")
    assert (kept["firstname"], kept["uid"]) == ("Bobby", bob.uid)


async def test_lists_page_sort_and_filter(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    made = [await add(alice, f"P{i:03d} Test", f"p{i}@x.example") for i in range(50)]
    await add(alice, "Zoë Last", "zoe@x.example")
    admin.rows(
        "UPDATE shard1.contact SET is_archived = 1 WHERE owner_id = %s AND id = %s", alice.uid, made[0]["id"]
    )
    pages = [await names(alice, page=page) for page in (1, 2, 3)]
    assert [len(p) for p in pages] == [45, 5, 0]
    assert pages[0] + pages[1] == sorted(pages[0] + pages[1])
    assert await names(alice, option="archived") == ["P000 Test"]
    assert len(await names(alice, option="all", pagelength=100)) == 51
    assert (await names(alice, order="desc"))[0] == "Zoë Last"
    assert await names(alice, name="zoe") == ["Zoë Last"]
    assert await names(alice, name="00") == [f"P00{i} Test" for i in range(1, 10)]
    assert await names(alice, name="%") == []
    # old clients send a sort key in `name`
    assert (await names(alice, name="date", order="desc", pagelength=1)) != []
    assert len(await names(alice, pagelength=7)) == 7


async def test_a_tag_filter_includes_the_tags_below(people: People, registry: Any) -> None:
    alice = await people("Alice")
    parent = registry.call(alice.shard, "tag_add", alice.uid, "Work", None)[0][0]
    child = registry.call(alice.shard, "tag_add", alice.uid, "Team", _tag_id(parent))[0][0]
    await add(alice, "Ada A", "ada@x.example", tag=[_tag_id(child)])
    await add(alice, "Bob B", "bob@x.example", tag=[_tag_id(parent), _tag_id(child)])
    await add(alice, "Cyd C", "cyd@x.example")
    assert await names(alice, tag_id=_tag_id(parent)) == ["Ada A", "Bob B"]
    assert await names(alice, tag_id=_tag_id(parent), order="desc") == ["Bob B", "Ada A"]
    assert await names(alice, tag_id=_tag_id(child), name="bo") == ["Bob B"]
    assert await names(alice, tag_id="0123456789abcdef") == []


def _tag_id(document: str) -> str:
    return str(orjson.loads(document)["tag_id"])


async def test_search_finds_words_by_their_start_without_case_and_accents(people: People) -> None:
    alice = await people("Alice")
    elodie = await add(alice, "Élodie Çelik-Durand", "elodie@maison.example", surname="Lolo")
    await add(alice, "Eloi Other", "eloi@x.example")

    async def found(key: str) -> list[str]:
        return [c["surname"] for c in await alice.ok("contact.search", key=key)]

    assert await found("elo") == ["Eloi Other", "Lolo"]
    assert await found("durand elodie") == ["Lolo"]
    assert await found("elodie@mai") == ["Lolo"]
    assert await found("lodie") == []
    assert await found("%") == []
    assert await found("'; DROP TABLE contact; --") == []
    assert (await alice.ok("contact.search", string="lolo"))[0]["id"] == elodie["id"]
    assert await alice.ok("contact.search") == []


async def test_pickers_unite_contacts_and_colleagues(people: People, admin: Admin) -> None:
    dave = await people("Dave", domain="pick.test")
    erin = await people("Erin", domain="pick.test")
    ada = await add(dave, "Ernest Outside", "ernest@x.example")
    picked = await dave.ok("contact.my_contacts", value="er%")
    assert [(p["id"], p["status"]) for p in picked] == [(erin.uid, "mate"), ("ernest@x.example", "memory")]
    assert [p["id"] for p in await dave.ok("contact.my_contacts", value="%")] == [
        erin.uid,
        "ernest@x.example",
    ]
    assert await dave.ok("contact.my_contacts", value="er%", filter=[erin.email, "ernest@x.example"]) == []
    assert [p["id"] for p in await dave.ok("contact.my_contacts", value="er", only_drumate=1)] == [erin.uid]
    assert await dave.ok("contact.my_contacts", value="er", status="active") == []
    assert await dave.ok("contact.my_contacts") == []
    admin.rows("UPDATE shard1.contact SET is_archived = 1 WHERE id = %s", ada["id"])
    assert [p["id"] for p in await dave.ok("contact.my_contacts", value="er", status="archived")] == [
        "ernest@x.example"
    ]
    # search shows colleagues too, lists of contacts do not
    assert [p["type"] for p in await dave.ok("contact.search", key="erin")] == ["colleague"]
    assert await names(dave, option="all") == ["Ernest Outside"]


async def test_a_deleted_contact_is_gone_with_everything_of_it(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    ada = await add(alice, "Ada Lovelace", "ada@math.example", mobile=[{"phone": "1"}])
    gone = await alice.ok("contact.delete_contact", contact_id=ada["id"])
    assert gone == {"contact_id": ada["id"], "his_id": None, "entity": "ada@math.example"}
    assert (await tab.expect("contact.delete_contact"))["model"]["contact_id"] == ada["id"]
    for table in ("contact_email", "contact_phone", "contact_term"):
        assert admin.one(f"SELECT COUNT(*) FROM shard1.{table} WHERE owner_id = %s", alice.uid) == 0
    again = await alice.call("contact.delete_contact", contact_id=ada["id"])
    assert (again.status, again.code) == (404, "CONACT_NOT_EXIST")
    assert (await add(alice, "Ada Again", "ada@math.example"))["id"] != ada["id"]


async def test_everybody_works_on_his_own_data_on_whatever_shard(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice", shard="shard1"), await people("Bob", shard=SECOND_SHARD)
    for person in (alice, bob):
        await add(person, "Ada Lovelace", "ada@math.example")
        assert admin.one(f"SELECT COUNT(*) FROM {person.shard}.contact WHERE owner_id = %s", person.uid) == 1
    # naming somebody else's hub changes nothing
    assert len(await bob.ok("contact.show_contact", hub_id=alice.uid)) == 1
    theirs = (await alice.ok("contact.show_contact"))[0]["id"]
    assert await bob.ok("contact.get_contact", contact_id=theirs, hub_id=alice.uid) == {}
    assert (await bob.call("contact.delete_contact", contact_id=theirs)).status == 404


async def test_writes_reach_the_tabs_of_their_owner_only(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tabs, other = [await alice.tab(), await alice.tab()], await bob.tab()
    ada = await add(alice, "Ada Lovelace", bob.email)
    await alice.ok("contact.update", contact_id=ada["id"], comment="x")
    for tab in tabs:
        pushed = await tab.expect("contact.update")
        assert pushed["service"] == "live.update"
        assert set(pushed) == {"service", "model", "options"}
        assert pushed["model"] == {
            "contact_id": ada["id"],
            "drumate_id": bob.uid,
            "entity": bob.uid,
            "surname": "Ada Lovelace",
        }
        assert pushed["options"]["sender"]["uid"] == alice.uid
        assert "socket_id" not in pushed["options"]["sender"]
    await other.nothing("contact.add", 0.1)


async def test_a_long_list_to_leave_out_fits_a_query(people: People) -> None:
    alice = await people("Alice")
    await add(alice, "Ada A", "ada@x.example")
    await add(alice, "Bob B", "bob@x.example")
    left_out = [f"somebody{n}@long.example" for n in range(490)] + ["ada@x.example"]
    query = quote(orjson.dumps({"value": "%", "filter": left_out, "hub_id": alice.uid}).decode(), safe="")
    answer = await alice.get("contact.my_contacts", query)
    assert [c["id"] for c in answer.data] == ["bob@x.example"]


async def test_signs_in_a_name_hide_nothing_from_a_search(people: People) -> None:
    alice = await people("Alice")
    await add(alice, "R@y Smith-Jones", "ray@x.example")
    for key in ("smith", "jones r", "ray@x", "y"):
        assert len(await alice.ok("contact.search", key=key)) == 1, key


async def test_addresses_that_look_alike_are_two(people: People) -> None:
    alice = await people("Alice")
    made = await alice.ok("contact.add", firstname="Ana", email=mail("ana@x.example", "aná@x.example"))
    assert len(made["email"]) == 2


async def test_a_name_may_repeat_itself(people: People) -> None:
    alice = await people("Alice")
    made = await alice.ok(
        "contact.add", firstname="Anna", lastname="ÁNNA", surname="anna", email=mail("anna@x.example")
    )
    assert [c["id"] for c in await alice.ok("contact.search", key="anná")] == [made["id"]]
