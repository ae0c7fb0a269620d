"""contact.*: the address book of the caller."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.support.admin import SECOND_SHARD, Admin
from tests.support.contacts import add_contact, email_list, surnames
from tests.support.people import FRONTEND, People, befriend

DETAILS = ("email", "mobile", "address", "tag")


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


async def test_two_saves_of_one_contact_at_once_are_both_rendered(people: People) -> None:
    alice = await people("Alice")

    form = {"firstname": "Ada", "lastname": "Byron", "email": email_list("ada@x.example")}
    made = await alice.ok("contact.add", **form)
    before = await alice.calls("shard.my_contact_update"), await alice.calls("shard.my_contact_replace")
    for number in range(5):
        saves = [
            alice.ok("contact.update", contact_id=made["id"], **form, comment=f"{who} {number}")
            for who in ("first", "second")
        ]
        comments = [contact["comment"] for contact in await asyncio.gather(*saves)]
        assert comments == [f"first {number}", f"second {number}"]
    after = await alice.calls("shard.my_contact_update"), await alice.calls("shard.my_contact_replace")
    assert after[0] == before[0], "none was written by SQL"
    assert after[1] >= before[1] + 10
    stored = await alice.ok("contact.get_contact", contact_id=made["id"])
    assert stored["comment"] in ("first 4", "second 4")


async def test_unknown_contact_is_an_empty_object(people: People) -> None:
    alice = await people("Alice")
    assert await alice.ok("contact.get_contact", contact_id="0123456789abcdef") == {}


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({}, "INVALID_DATA", 400),
        ({"email": []}, "INVALID_DATA", 400),
        ({"email": email_list("a@b.example"), "invitee_id": "0123456789abcdef"}, "INVALID_DATA", 400),
        ({"invitee_id": "0123456789abcdef"}, "INVALID_INVITEE_ID", 404),
        ({"email": [{"email": "a@b.example"}]}, "NO_DEFAULT_MAIL", 400),
        (
            {"email": [{"email": "a@b.example", "is_default": 1}, {"email": "c@b.example", "is_default": 1}]},
            "MANY_DEFAULT_EMAIL",
            400,
        ),
        ({"email": email_list("a@b.example", "A@b.example")}, "INVALID_PARAM", 400),
        ({"email": email_list("a@b.example"), "tag": ["0123456789abcdef"]}, "INVALID_PARAM", 400),
    ],
)
async def test_add_refuses_with_the_documented_code(
    people: People, admin: Admin, fields: dict[str, Any], code: str, status: int
) -> None:
    alice = await people("Alice")
    answer = await alice.call("contact.add", firstname="Ada", **fields)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert admin.one("SELECT COUNT(*) FROM shard1.contact WHERE owner_id = %s", alice.uid) == 0


async def test_oneself_and_colleagues_are_no_contacts(people: People) -> None:
    dave = await people("Dave", domain="acme.test")
    erin = await people("Erin", domain="acme.test")
    alice = await people("Alice")
    for fields, code in (
        ({"email": email_list(dave.email)}, "SELF_CONTACT"),
        ({"email": email_list("x@y.example", dave.email.upper())}, "SELF_CONTACT"),
        ({"invitee_id": dave.uid}, "SELF_CONTACT"),
        ({"email": email_list(erin.email)}, "SAME_DOMAIN"),
        ({"invitee_id": erin.uid}, "SAME_DOMAIN"),
    ):
        answer = await dave.call("contact.add", **fields)
        assert (answer.status, answer.code) == (400, code), fields
    # Users of the free domain are not colleagues.
    bob = await people("Bob")
    assert (await alice.ok("contact.add", invitee_id=bob.uid))["is_drumate"] == 1


async def test_registered_people_are_known_by_uid_however_they_are_added(people: People) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    by_uid = await alice.ok("contact.add", invitee_id=bob.uid)
    assert (by_uid["entity"], by_uid["firstname"], by_uid["uid"]) == (bob.uid, "Bob", None)
    # Without a relation Alice must not see Bob's address and user name.
    assert (by_uid["email"], by_uid["username"]) == ([], None)
    by_email = await add_contact(alice, "Carol C", carol.email)
    assert by_email["entity"] == carol.uid
    for again in ({"invitee_id": carol.uid}, {"email": email_list(bob.email)}):
        answer = await alice.call("contact.add", **again)
        assert (answer.status, answer.code) == (409, "ALREADY_IN_CONTACT")


async def test_one_of_two_adds_of_one_address_wins(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    answers = await asyncio.gather(
        *(
            alice.call("contact.add", firstname=f"Ada {i}", email=email_list("ada@math.example"))
            for i in range(12)
        )
    )
    assert sorted(a.status for a in answers) == [200] + [409] * 11
    assert {a.code for a in answers if a.status == 409} == {"ALREADY_IN_CONTACT"}
    assert admin.one("SELECT COUNT(*) FROM shard1.contact WHERE owner_id = %s", alice.uid) == 1


async def test_update_replaces_what_is_given_and_keeps_the_rest(people: People) -> None:
    alice = await people("Alice")
    ada = await add_contact(alice, "Ada Lovelace", "ada@math.example", surname="Countess", comment="old")
    changed = await alice.ok(
        "contact.update",
        contact_id=ada["id"],
        lastname="King",
        email=email_list("ada@new.example", "ada@math.example"),
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
    ada = await add_contact(alice, "Ada Lovelace", "ada@math.example")
    await add_contact(alice, "Alan Turing", "alan@math.example")
    for fields, code, status in (
        ({"contact_id": "0123456789abcdef", "firstname": "x"}, "CONACT_NOT_EXIST", 404),
        ({"email": email_list("alan@math.example")}, "ALREADY_IN_CONTACT", 409),
        ({"email": email_list(alice.email)}, "SELF_CONTACT", 400),
        ({"email": [{"email": "x@y.example"}]}, "NO_DEFAULT_MAIL", 400),
        ({"email": []}, "NO_DEFAULT_MAIL", 400),
    ):
        answer = await alice.call("contact.update", **{"contact_id": ada["id"], **fields})
        assert (answer.status, answer.code) == (status, code), fields
    # A refused update writes nothing.
    assert (await alice.ok("contact.get_contact", contact_id=ada["id"]))["email"] == ada["email"]
    # Nobody can change the contact of another user.
    stolen = await bob.call("contact.update", contact_id=ada["id"], firstname="Mine")
    assert (stolen.status, stolen.code) == (404, "CONACT_NOT_EXIST")


EMPTY_FORM: dict[str, Any] = {"email": [], "mobile": [], "address": [], "tag": []}
"""The lists of the frontend's form when it fails to build its rows."""


async def test_an_edit_with_the_empty_lists_of_the_frontend_keeps_addresses_and_numbers(
    people: People, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    full = {
        "email": email_list("ada@math.example", "ada@home.example"),
        "mobile": [{"areacode": "+44", "phone": "2079460001"}],
        "address": [{"street": "12 St James's Square", "city": "London", "country": "UK"}],
    }
    ((friend,),) = admin.rows("SELECT id FROM shard1.contact WHERE owner_id = %s", alice.uid)
    await alice.ok("contact.update", contact_id=friend, firstname="Bob", lastname="Test", **full)
    memory = await alice.ok("contact.add", firstname="Grace", email=email_list("grace@navy.example"))
    for contact_id in (friend, memory["id"]):
        before = await alice.ok("contact.get_contact", contact_id=contact_id)
        form = {"firstname": "Bobby", "lastname": "Test", "surname": "", "comment": "met in Rome"}
        answer = await alice.call("contact.update", FRONTEND, contact_id=contact_id, **form, **EMPTY_FORM)
        assert (answer.status, answer.code) == (200, before["status"]), answer.body
        after = await alice.ok("contact.get_contact", contact_id=contact_id)
        assert [after[name] for name in DETAILS] == [before[name] for name in DETAILS]
        assert (after["firstname"], after["comment"]) == ("Bobby", "met in Rome")
        assert after["is_need_email"] == 1


async def test_a_contact_that_needs_an_address_is_never_left_without(people: People, admin: Admin) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    await befriend(admin, alice, bob)
    ((friend,),) = admin.rows("SELECT id FROM shard1.contact WHERE owner_id = %s", alice.uid)
    names = {"contact_id": friend, "firstname": "Bob", "lastname": "Test"}
    # An entry made from a user id has no address to keep.
    assert (await alice.ok("contact.get_contact", contact_id=friend))["is_need_email"] == 0
    assert (await alice.ok("contact.update", **names, email=[]))["is_need_email"] == 0
    related = await alice.ok("contact.update", **names, email=email_list("bob@example.net"))
    assert related["is_need_email"] == 1
    orders: list[dict[str, Any]] = [{"email": []}, {"email": [], "mobile": []}, EMPTY_FORM]
    for lists in orders:
        refused = await alice.call("contact.update", **names, **lists)
        assert (refused.status, refused.code) == (400, "NO_DEFAULT_MAIL"), lists
    # For the frontend, one empty list of three is an order, which it gets refused with 200.
    refused = await alice.call("contact.update", FRONTEND, **names, email=[], mobile=[{"phone": "1"}])
    assert (refused.status, refused.code) == (200, "NO_DEFAULT_MAIL")
    assert (await alice.ok("contact.get_contact", contact_id=friend))["email"] == related["email"]
    listed = {c["id"]: c["is_need_email"] for c in await alice.ok("contact.show_contact")}
    assert listed == {friend: 1}
    assert (await alice.ok("contact.add", invitee_id=carol.uid))["is_need_email"] == 0


async def test_related_people_need_their_names(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    contact = await alice.ok("contact.add", invitee_id=bob.uid)
    admin.rows(
        "UPDATE shard1.contact SET uid = peer_id, status = 'active' WHERE owner_id = %s AND id = %s",
        alice.uid,
        contact["id"],
    )
    for fields, code in (
        ({"firstname": "", "lastname": "B"}, "EMPTY_FIRSTNAME"),
        ({"firstname": "Bob"}, "EMPTY_LASTNAME"),
    ):
        answer = await alice.call("contact.update", contact_id=contact["id"], **fields)
        assert (answer.status, answer.code) == (400, code)
    updated = await alice.ok("contact.update", contact_id=contact["id"], firstname="Bobby", lastname="B")
    assert (updated["firstname"], updated["uid"]) == ("Bobby", bob.uid)


async def test_lists_page_sort_and_filter(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    made = [await add_contact(alice, f"P{i:03d} Test", f"p{i}@x.example") for i in range(50)]
    await add_contact(alice, "Zoë Last", "zoe@x.example")
    admin.rows(
        "UPDATE shard1.contact SET is_archived = 1 WHERE owner_id = %s AND id = %s", alice.uid, made[0]["id"]
    )
    pages = [await surnames(alice, page=page) for page in (1, 2, 3)]
    assert [len(p) for p in pages] == [45, 5, 0]
    assert pages[0] + pages[1] == sorted(pages[0] + pages[1])
    assert await surnames(alice, option="archived") == ["P000 Test"]
    assert len(await surnames(alice, option="all", pagelength=100)) == 51
    assert (await surnames(alice, order="desc"))[0] == "Zoë Last"
    assert await surnames(alice, name="zoe") == ["Zoë Last"]
    assert await surnames(alice, name="00") == [f"P00{i} Test" for i in range(1, 10)]
    assert await surnames(alice, name="%") == []
    # Old clients send a sort key in `name`.
    assert (await surnames(alice, name="date", order="desc", pagelength=1)) != []
    assert len(await surnames(alice, pagelength=7)) == 7


async def test_a_tag_filter_includes_the_tags_below(people: People, registry: Any) -> None:
    alice = await people("Alice")
    parent = registry.call(alice.shard, "tag_add", alice.uid, "Work", None)[0][0]
    child = registry.call(alice.shard, "tag_add", alice.uid, "Team", _tag_id(parent))[0][0]
    await add_contact(alice, "Ada A", "ada@x.example", tag=[_tag_id(child)])
    await add_contact(alice, "Bob B", "bob@x.example", tag=[_tag_id(parent), _tag_id(child)])
    await add_contact(alice, "Cyd C", "cyd@x.example")
    assert await surnames(alice, tag_id=_tag_id(parent)) == ["Ada A", "Bob B"]
    assert await surnames(alice, tag_id=_tag_id(parent), order="desc") == ["Bob B", "Ada A"]
    assert await surnames(alice, tag_id=_tag_id(child), name="bo") == ["Bob B"]
    assert await surnames(alice, tag_id="0123456789abcdef") == []


def _tag_id(document: str) -> str:
    return str(orjson.loads(document)["tag_id"])


async def test_search_finds_words_by_their_start_without_case_and_accents(people: People) -> None:
    alice = await people("Alice")
    elodie = await add_contact(alice, "Élodie Çelik-Durand", "elodie@maison.example", surname="Lolo")
    await add_contact(alice, "Eloi Other", "eloi@x.example")

    async def surnames_of(key: str) -> list[str]:
        return [c["surname"] for c in await alice.ok("contact.search", key=key)]

    assert await surnames_of("elo") == ["Eloi Other", "Lolo"]
    assert await surnames_of("durand elodie") == ["Lolo"]
    assert await surnames_of("elodie@mai") == ["Lolo"]
    assert await surnames_of("lodie") == []
    assert await surnames_of("%") == []
    assert await surnames_of("'; DROP TABLE contact; --") == []
    assert (await alice.ok("contact.search", string="lolo"))[0]["id"] == elodie["id"]
    assert await alice.ok("contact.search") == []


async def test_pickers_unite_contacts_and_colleagues(people: People, admin: Admin) -> None:
    dave = await people("Dave", domain="pick.test")
    erin = await people("Erin", domain="pick.test")
    ada = await add_contact(dave, "Ernest Outside", "ernest@x.example")
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
    # Search includes colleagues, lists of contacts do not.
    assert [p["type"] for p in await dave.ok("contact.search", key="erin")] == ["colleague"]
    assert await surnames(dave, option="all") == ["Ernest Outside"]


async def test_colleagues_are_found_however_their_letters_are_written(people: People) -> None:
    dave = await people("Dave", domain="letters.test")
    people_ids = {
        name: (await people(name, domain="letters.test")).uid for name in ("Þór", "Weiß", "أحمد", "Андрей")
    }
    for key, name in (
        ("thor", "Þór"),
        ("Þó", "Þór"),
        ("weiss", "Weiß"),
        ("احمد", "أحمد"),
        ("андреи", "Андрей"),
    ):
        assert [p["id"] for p in await dave.ok("contact.search", key=key)] == [people_ids[name]], key
        picked = await dave.ok("contact.my_contacts", value=f"{key}%")
        assert [p["id"] for p in picked] == [people_ids[name]], key


async def test_delete_removes_a_contact_with_all_its_data(people: People, admin: Admin) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    ada = await add_contact(alice, "Ada Lovelace", "ada@math.example", mobile=[{"phone": "1"}])
    deleted = await alice.ok("contact.delete_contact", contact_id=ada["id"])
    assert deleted == {"contact_id": ada["id"], "his_id": None, "entity": "ada@math.example"}
    assert (await tab.expect("contact.delete_contact"))["model"]["contact_id"] == ada["id"]
    for table in ("contact_email", "contact_phone", "contact_index"):
        assert admin.one(f"SELECT COUNT(*) FROM shard1.{table} WHERE owner_id = %s", alice.uid) == 0
    again = await alice.call("contact.delete_contact", contact_id=ada["id"])
    assert (again.status, again.code) == (404, "CONACT_NOT_EXIST")
    assert (await add_contact(alice, "Ada Again", "ada@math.example"))["id"] != ada["id"]


async def test_everybody_works_on_their_own_data_on_whatever_shard(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice", shard="shard1"), await people("Bob", shard=SECOND_SHARD)
    for person in (alice, bob):
        await add_contact(person, "Ada Lovelace", "ada@math.example")
        assert admin.one(f"SELECT COUNT(*) FROM {person.shard}.contact WHERE owner_id = %s", person.uid) == 1
    # The hub of another user changes nothing.
    assert len(await bob.ok("contact.show_contact", hub_id=alice.uid)) == 1
    alice_contact = (await alice.ok("contact.show_contact"))[0]["id"]
    assert await bob.ok("contact.get_contact", contact_id=alice_contact, hub_id=alice.uid) == {}
    assert (await bob.call("contact.delete_contact", contact_id=alice_contact)).status == 404


async def test_writes_reach_the_tabs_of_their_owner_only(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tabs, other = [await alice.tab(), await alice.tab()], await bob.tab()
    ada = await add_contact(alice, "Ada Lovelace", bob.email)
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
    await add_contact(alice, "Ada A", "ada@x.example")
    await add_contact(alice, "Bob B", "bob@x.example")
    left_out = [f"somebody{n}@long.example" for n in range(490)] + ["ada@x.example"]
    query = quote(orjson.dumps({"value": "%", "filter": left_out, "hub_id": alice.uid}).decode(), safe="")
    answer = await alice.get("contact.my_contacts", query)
    assert [c["id"] for c in answer.data] == ["bob@x.example"]


async def test_signs_in_a_name_hide_nothing_from_a_search(people: People) -> None:
    alice = await people("Alice")
    await add_contact(alice, "R@y Smith-Jones", "ray@x.example")
    for key in ("smith", "jones r", "ray@x", "y"):
        assert len(await alice.ok("contact.search", key=key)) == 1, key


async def test_addresses_that_look_alike_are_two(people: People) -> None:
    alice = await people("Alice")
    made = await alice.ok("contact.add", firstname="Ana", email=email_list("ana@x.example", "aná@x.example"))
    assert len(made["email"]) == 2


async def test_a_name_may_repeat_itself(people: People) -> None:
    alice = await people("Alice")
    made = await alice.ok(
        "contact.add", firstname="Anna", lastname="ÁNNA", surname="anna", email=email_list("anna@x.example")
    )
    assert [c["id"] for c in await alice.ok("contact.search", key="anná")] == [made["id"]]
