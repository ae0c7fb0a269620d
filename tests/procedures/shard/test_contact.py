"""procedures/shard/contact, called directly."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest

from service.contacts.first_record import first_record
from service.contacts.search_words import with_words
from service.errors import Refused
from service.store.database import documents, encode
from tests.support.admin import Admin
from tests.support.direct import Direct, json_text, with_emails
from tests.support.scene import Scene


async def add_code(direct: Direct, owner: str, contact: object) -> str:
    return await direct.refusal("shard1", "my_contact_add", owner, json_text(contact))


# --- my_contact_add, contact_lock, contact_write ---


async def test_my_contact_add_answers_the_whole_contact(direct: Direct) -> None:
    owner = direct.person()
    contact = {**with_emails("a@b.example", "c@b.example"), "firstname": "Grace", "mobile": [{"phone": "1"}]}
    added = await direct.one("shard1", "my_contact_add", owner.uid, json_text(contact))
    assert (added["firstname"], added["entity"], len(added["email"]), len(added["mobile"])) == (
        "Grace", "a@b.example", 2, 1,
    )  # fmt: skip


async def test_my_contact_add_refuses_what_makes_no_contact(direct: Direct) -> None:
    owner, colleague = direct.person(domain="one.test"), direct.person(domain="one.test")
    uid = owner.uid
    assert await add_code(direct, uid, {}) == "INVALID_DATA"
    assert await add_code(direct, uid, {**with_emails("a@b.example"), "invitee_id": uid}) == "INVALID_DATA"
    assert await add_code(direct, uid, {"invitee_id": "0" * 16}) == "INVALID_INVITEE_ID"
    assert await add_code(direct, uid, {"invitee_id": uid}) == "SELF_CONTACT"
    assert await add_code(direct, uid, with_emails(owner.email)) == "SELF_CONTACT"
    assert await add_code(direct, uid, {"invitee_id": colleague.uid}) == "SAME_DOMAIN"
    assert (
        await add_code(direct, uid, with_emails("a@b.example", "c@b.example", default=9)) == "NO_DEFAULT_MAIL"
    )
    two = {"email": [{"email": e, "is_default": 1} for e in ("a@b.example", "c@b.example")]}
    assert await add_code(direct, uid, two) == "MANY_DEFAULT_EMAIL"
    assert await add_code(direct, uid, with_emails("a@b.example", "a@b.example")) == "INVALID_PARAM"
    assert await add_code(direct, uid, {**with_emails("a@b.example"), "tag": ["nope"]}) == "INVALID_PARAM"


async def test_my_contact_store_leaves_contacts_that_it_cannot_store_to_my_contact_add(
    direct: Direct,
) -> None:
    owner, peer = direct.person(), direct.person("Bob")
    api = {"from_api": 1, "firstname": "Ada"}

    async def store(contact: dict[str, Any]) -> int:
        record = first_record(with_words(contact))
        assert record is not None
        return len(await direct.sets("shard1", "my_contact_store", owner.uid, *record))

    assert await store(with_emails("a@b.example")) == 2
    assert await store(with_emails("a@b.example")) == 0
    assert await store({**api, **with_emails("a@b.example")}) == 0
    assert await store(with_emails(peer.email)) == 0
    assert await store(with_emails(owner.email)) == 0
    # another address of a contact: only other APIs may give it to a second one
    await direct.one(
        "shard1", "my_contact_add", owner.uid, json_text(with_emails("c@b.example", "d@b.example"))
    )
    assert await store(with_emails("d@b.example")) == 0
    assert await store({**api, **with_emails("d@b.example")}) == 2
    assert await store(api) == 2


async def test_one_of_several_my_contact_store_at_once_stores(direct: Direct) -> None:
    owner = direct.person()
    records = [first_record(with_words(with_emails("twin@b.example"))) for _ in range(4)]
    calls = (direct.sets("shard1", "my_contact_store", owner.uid, *record) for record in records if record)
    assert sorted(map(len, await asyncio.gather(*calls))) == [0, 0, 0, 2]


async def test_one_of_two_my_contact_add_at_once_wins(direct: Direct) -> None:
    owner, peer = direct.person(), direct.person("Bob")
    for contact in (with_emails("twin@b.example"), {"invitee_id": peer.uid}):
        calls = (direct.sets("shard1", "my_contact_add", owner.uid, json_text(contact)) for _ in range(4))
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [r.code for r in results if isinstance(r, Refused)]
        assert refused == ["ALREADY_IN_CONTACT"] * 3, results


def test_contact_lock_finds_the_peer(scene: Scene) -> None:
    scene["by_mail"] = json_text(with_emails("x@scene.example", scene["mail_bob"], default=1))
    scene["by_uid"] = json_text({"invitee_id": scene["bob"]})
    for contact, peer_id in (("by_mail", scene["bob"]), ("by_uid", scene["bob"])):
        scene.sets(f"contact_lock(:alice, NULL, :{contact}, @id, @peer)")
        assert scene.rows("SELECT @id, @peer") == [(None, peer_id)], contact
    scene.sets("contact_lock(:alice, :ada, '{}', @id, @peer)")
    assert scene.rows("SELECT @id, @peer") == [(scene["ada"], None)]
    scene.sets("my_contact_trash(:alice, :ada, NULL)")
    scene.sets("contact_lock(:alice, :ada, '{}', @id, @peer)")
    assert scene.rows("SELECT @id, @peer") == [(None, None)]
    scene.sets(f'contact_lock(:alice, NULL, \'{{"invitee_id": "{"x" * 64}"}}\', @id, @peer)')
    assert scene.rows("SELECT @id, @peer") == [(None, None)], "longer than an id of ours"


async def test_my_contact_add_finds_the_person_behind_an_address(direct: Direct) -> None:
    owner, peer = direct.person(), direct.person("Bob")
    added = await direct.one("shard1", "my_contact_add", owner.uid, json_text(with_emails(peer.email)))
    assert added["entity"] == peer.uid


def write(scene: Scene, contact: object, which: str = ":ada", owner: str = "alice", new: int = 0) -> str:
    """A CALL of contact_write."""
    body = json_text(contact).replace("'", "''")
    return f"contact_write(:{owner}, {which}, '{body}', NULL, {new}, @changed, @former)"


def test_contact_write_refuses(scene: Scene) -> None:
    scene["grace"]
    two = {"email": [{"email": e, "is_default": 1} for e in ("x@b.example", "y@b.example")]}
    scene["mate"] = scene.contact("mate@scene.example", owner="erin")
    scene.refuses({
        write(scene, with_emails("x@b.example", scene["mail_alice"])): "SELF_CONTACT",
        write(scene, with_emails("x@b.example", scene["mail_frank"]), ":mate", "erin"): "SAME_DOMAIN",
        write(scene, with_emails(scene["mail_frank"]), "'0000000000000c99'", "erin", 1): "SAME_DOMAIN",
        write(scene, with_emails("grace@scene.example")): "ALREADY_IN_CONTACT",
        write(scene, with_emails("x@b.example", "grace@scene.example")): "ALREADY_IN_CONTACT",
        write(scene, two): "MANY_DEFAULT_EMAIL",
        write(scene, with_emails("x@b.example", default=3)): "NO_DEFAULT_MAIL",
        write(scene, {"email": []}): "NO_DEFAULT_MAIL",
        write(scene, with_emails("x@b.example", "x@b.example")): "INVALID_PARAM",
        "contact_write(:alice, '0000000000000c99', '{}', :alice, 1, @changed, @former)": "SELF_CONTACT",
        "contact_write(:erin, '0000000000000c99', '{}', :frank, 1, @changed, @former)": "SAME_DOMAIN",
    })  # fmt: skip


def test_contact_write_says_whether_anything_changed(scene: Scene) -> None:
    full = {
        **with_emails("ada@scene.example", "b@scene.example"),
        "firstname": "Ada", "lastname": "L", "comment": "x",
        "mobile": [{"areacode": "+1", "phone": "2"}, {"areacode": "+1", "phone": "2"}],
        "address": [{"city": "Rome"}], "tag": [scene["work"]],
    }  # fmt: skip
    for expected in (True, False):
        scene.sets("UPDATE contact SET mtime = 1 WHERE owner_id = :alice AND id = :ada")
        scene.sets(write(scene, full))
        assert (scene.one("SELECT @changed") > 0) == expected
        assert (scene.one("SELECT mtime FROM contact WHERE owner_id = :alice AND id = :ada") > 1) == expected
    rev = scene.one("SELECT rev FROM contact_ledger WHERE owner_id = :alice")
    ids = scene.rows("SELECT id FROM contact_email WHERE owner_id = :alice UNION "
                     "SELECT id FROM contact_phone WHERE owner_id = :alice ORDER BY id")  # fmt: skip
    scene.sets(
        write(
            scene,
            {**full, **with_emails("b@scene.example", "ada@scene.example"), "mobile": full["mobile"][:1]},
        )
    )
    assert scene.one("SELECT rev FROM contact_ledger WHERE owner_id = :alice") == rev + 1
    remaining = scene.rows("SELECT id FROM contact_email WHERE owner_id = :alice UNION "
                      "SELECT id FROM contact_phone WHERE owner_id = :alice ORDER BY id")  # fmt: skip
    assert len(ids) == len(remaining) + 1
    assert set(remaining) <= set(ids), "entries that stay keep their ids"


# --- my_contact_update, contact_details_set, my_contact_delete, contact_purge ---


async def test_my_contact_update_keeps_what_is_not_given(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, "a@b.example", mobile=[{"phone": "1"}])
    updated = await direct.one(
        "shard1", "my_contact_update", owner.uid, contact, json_text({"comment": "met"})
    )
    assert (updated["comment"], updated["firstname"], len(updated["mobile"])) == ("met", "Grace", 1)
    updated = await direct.one("shard1", "my_contact_update", owner.uid, contact, json_text({"mobile": []}))
    assert updated["mobile"] == []


async def test_my_contact_update_refuses(direct: Direct, admin: Admin) -> None:
    owner = direct.person(domain="three.test")
    mate, peer = direct.person(domain="three.test"), direct.person("Bob")
    contact = await direct.contact(owner, "a@b.example")
    await direct.contact(owner, "taken@b.example")

    async def code(fields: object, which: str = contact) -> str:
        return await direct.refusal("shard1", "my_contact_update", owner.uid, which, json_text(fields))

    assert await code({}, "0" * 16) == "CONACT_NOT_EXIST"
    assert await code(with_emails(owner.email)) == "SELF_CONTACT"
    assert await code(with_emails(mate.email)) == "SAME_DOMAIN"
    assert await code(with_emails("a@b.example", mate.email)) == "SAME_DOMAIN"
    assert await code(with_emails("taken@b.example")) == "ALREADY_IN_CONTACT"
    assert await code(with_emails("x@b.example", default=1)) == "NO_DEFAULT_MAIL"
    assert await code(with_emails("x@b.example", "x@b.example")) == "INVALID_PARAM"
    two = {"email": [{"email": e, "is_default": 1} for e in ("x@b.example", "y@b.example")]}
    assert await code(two) == "MANY_DEFAULT_EMAIL"
    related = await direct.one("shard1", "my_contact_add", owner.uid, json_text({"invitee_id": peer.uid}))
    admin.rows("UPDATE shard1.contact SET uid = peer_id, status = 'active' WHERE id = %s", related["id"])
    assert await code({"firstname": "", "lastname": "B"}, related["id"]) == "EMPTY_FIRSTNAME"
    assert await code({"firstname": "B", "lastname": ""}, related["id"]) == "EMPTY_LASTNAME"


def test_my_contact_form_answers_the_contact_and_its_revision(scene: Scene) -> None:
    scene["ada"]
    rev = scene.one("SELECT rev FROM contact_ledger WHERE owner_id = :alice")
    book_rows, contact_rows, socket_rows = scene.sets("my_contact_form(:alice, :ada)")
    assert book_rows[0][:4] == (rev, 1, 0, scene["mail_alice"])
    stored = """SELECT record, LOWER(HEX(digest)), MD5(rpc_full), LOWER(HEX(names_digest)), private, NULL, rev
                FROM contact_record WHERE contact_id = :ada"""
    assert book_rows[0][4:] == scene.rows(stored)[0]
    assert socket_rows == scene.rows("yp.user_sockets(:alice, NULL)")
    assert documents(contact_rows) == [scene.doc("my_contact_get(:alice, :ada)")]
    scene.sets("UPDATE contact SET is_auto = 1, email = :mail_bob WHERE owner_id = :alice AND id = :ada")
    assert scene.rows("my_contact_form(:alice, :ada)")[0][:4] == (rev, 0, 1, scene["mail_alice"])
    assert scene.sets("my_contact_form(:alice, '0000000000000000')")[:2] == [[], []]


def test_my_contact_replace_leaves_another_contact_alone(scene: Scene) -> None:
    scene["ada"]
    call = """my_contact_replace(:alice, :ada, MD5(''), MD5(''), MD5(''), '{"comment": "x"}', '{}', '',
              '{}', MD5(''), MD5(''), '{}', '{}', '{}')"""
    assert scene.sets(call) == []
    assert scene.one("SELECT comment FROM contact WHERE id = :ada") is None


def test_my_contact_update_takes_lists_as_unchanged_at_their_revision_only(scene: Scene) -> None:
    scene["ada"]
    rev = scene.one("SELECT rev FROM contact_ledger WHERE owner_id = :alice")
    scene["change"] = json_text(
        {"comment": "met", "surname": None, "rev": rev, "unchanged": {"mobile": [{"phone": "1"}]}}
    )
    updated = scene.doc("my_contact_update(:alice, :ada, :change)")
    assert (updated["comment"], updated["mobile"]) == ("met", [])
    updated = scene.doc("my_contact_update(:alice, :ada, :change)")
    assert [row["phone"] for row in updated["mobile"]] == ["1"], "the address book has a later revision"


def test_a_revision_that_is_taken_is_not_an_address_that_is_taken(scene: Scene) -> None:
    scene["ada"]
    scene.sets(
        "INSERT INTO contact_event (owner_id, rev, contact_id, event) "
        "SELECT owner_id, rev + 1, :ada, 'updated' FROM contact_ledger WHERE owner_id = :alice"
    )
    scene["update"] = json_text({"comment": "met in Rome", **with_emails("ada@other.example")})
    scene["add"] = json_text(with_emails("grace@other.example"))
    for call in ("my_contact_update(:alice, :ada, :update)", "my_contact_add(:alice, :add)"):
        refusal = scene.refused(call)
        assert refusal.code.startswith("Duplicate entry"), refusal


def test_a_refusal_names_the_first_address_that_is_taken(scene: Scene) -> None:
    def clash(contact: str, *addresses: str) -> tuple[str, str]:
        scene["body"] = json_text(with_emails(*addresses))
        refusal = scene.refused(f"my_contact_update(:alice, :{contact}, :body)")
        assert refusal.code == "ALREADY_IN_CONTACT"
        return refusal.field, refusal.value

    scene["ada"], scene["grace"]
    taken = ("emails[1].address", "ada@scene.example")
    assert clash("grace", "x@scene.example", "ada@scene.example") == taken
    scene.sets(write(scene, with_emails("ada@scene.example", "x@scene.example")))
    scene.sets("my_contact_add(:alice, JSON_OBJECT('invitee_id', :bob))")
    bob = scene["mail_bob"]
    assert clash("ada", bob) == ("emails[0].address", bob)
    scene.sets(write(scene, with_emails("x@scene.example", bob)))
    long = f"{'l' * 60}@{'d' * 60}.{'e' * 60}.example"
    scene.contact(long)
    assert clash("ada", long) == ("emails[0].address", long[:89] + "…")


async def test_a_contact_who_became_a_colleague_stays_but_is_not_invited(
    direct: Direct, admin: Admin
) -> None:
    owner, mate, other = (direct.person(domain=domain) for domain in ("four.test", None, None))
    made = await direct.one(
        "shard1", "my_contact_add", owner.uid, json_text(with_emails(mate.email, other.email))
    )
    contact = made["id"]
    admin.rows(
        "UPDATE yp.drumate SET domain_id = (SELECT domain_id FROM yp.drumate WHERE id = %s) "
        "WHERE id IN (%s, %s)",
        owner.uid, mate.uid, other.uid,
    )  # fmt: skip
    update = ("shard1", "my_contact_update", owner.uid, contact)
    again = with_emails(mate.email, other.email)
    updated = await direct.one(*update, json_text({**again, "comment": "met"}))
    assert (updated["comment"], len(updated["email"])) == ("met", 2)
    assert await direct.refusal(*update, json_text({**again, "invite": 1})) == "SAME_DOMAIN"
    await direct.one(*update, json_text(with_emails(mate.email)))
    assert await direct.refusal(*update, json_text(again)) == "SAME_DOMAIN"
    written = "CALL shard1.contact_write(%s, %s, %s, NULL, 0, @changed, @former)"
    assert admin.refusal(written, owner.uid, contact, json_text(again)) == "SAME_DOMAIN"


async def test_two_my_contact_update_at_once_both_count(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    await asyncio.gather(
        direct.sets("shard1", "my_contact_update", owner.uid, contact, json_text({"comment": "met"})),
        direct.sets("shard1", "my_contact_update", owner.uid, contact, json_text({"surname": "Amazing"})),
    )
    updated = await direct.one("shard1", "my_contact_get", owner.uid, contact)
    assert (updated["comment"], updated["given_surname"]) == ("met", "Amazing")


def test_contact_details_set_replaces_only_what_is_given(scene: Scene) -> None:
    scene["many"] = scene.contact("a@b.example", mobile=[{"phone": "1"}])
    details = "contact_details_set(:alice, :many, '{}', 0, @changed)"
    scene.sets(details.format(json_text({"address": [{"city": "Rome"}]})))
    assert scene.one("SELECT @changed") == 1
    scene.sets("contact_render(:alice, :many)")
    full = scene.doc("my_contact_get(:alice, :many)")
    assert (len(full["mobile"]), full["address"][0]["city"]) == (1, "Rome")
    scene.sets(details.format(json_text({"address": [{"city": "Rome"}], "mobile": [{"phone": "1"}]})))
    assert scene.one("SELECT @changed") == 0
    scene["long"] = json_text({"mobile": [{"areacode": "+1", "phone": "2" * 81}]})
    scene.refuses({
        "contact_details_set(:alice, :many, '{\"tag\": [\"nope\"]}', 0, @changed)": "INVALID_PARAM",
        "contact_details_set(:alice, :many, :long, 0, @changed)": "INVALID_PARAM",
    })  # fmt: skip


async def test_my_contact_delete_takes_everything_with_it(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, mobile=[{"phone": "1"}])
    assert await direct.refusal("shard1", "my_contact_delete", owner.uid, "0" * 16) == "CONACT_NOT_EXIST"
    deleted = await direct.one("shard1", "my_contact_delete", owner.uid, contact)
    assert deleted["contact_id"] == contact
    for table in ("contact", "contact_email", "contact_phone", "contact_index"):
        assert admin.one(f"SELECT COUNT(*) FROM shard1.{table} WHERE owner_id = %s", owner.uid) == 0
    assert await direct.refusal("shard1", "my_contact_delete", owner.uid, contact) == "CONACT_NOT_EXIST"


def test_contact_purge_removes_a_contact_from_the_book_or_the_trash(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    scene.sets("my_contact_trash(:alice, :alice_bob, NULL)")
    for name, entity, status in (
        ("ada", "ada@scene.example", "memory"),
        ("alice_bob", scene["bob"], "active"),
    ):
        contact, state, _ = scene.sets(f"contact_purge(:alice, :{name})")
        assert json.loads(contact[0][0])["entity"] == entity
        assert json.loads(state[0][0])["status"] == status
    assert scene.count("contact", "owner_id = :alice") == 0


async def test_one_of_two_my_contact_delete_at_once_is_refused(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    calls = (direct.sets("shard1", "my_contact_delete", owner.uid, contact) for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "CONACT_NOT_EXIST" for r in results) == 2, results


# --- lists and searches ---


async def test_lists_show_the_owners_own_and_nobody_elses(direct: Direct) -> None:
    owner, other = direct.person(), direct.person()
    contact = await direct.contact(owner, "grace@navy.example")
    lists = {
        "my_contact_list": (None, None, "name", "asc", "active", 1, 45, None),
        "my_contact": ("grace", "", 0, "[]", 1, 45),
        "contact_search_by_domain": ("grace", 1, 45),
        "contact_search": ("grace", "", 0, "[]", "contact", 1, 45),
    }
    for name, args in lists.items():
        assert len(await direct.all("shard1", name, owner.uid, *args)) == 1, name
        assert await direct.all("shard1", name, other.uid, *args) == [], name
    assert (await direct.one("shard1", "my_contact_get", owner.uid, contact))["contact_id"] == contact
    assert await direct.one("shard1", "my_contact_get", other.uid, contact) is None


def test_stored_cards_are_sent_as_they_would_be_made_now(scene: Scene) -> None:
    details: dict[str, Any] = {
        "mobile": [{"areacode": "+49", "phone": "30 1", "category": "prof"}, {"phone": "2"}],
        "address": [{"street": 'Rue "X" \\ 1', "city": "Österreich"}, {"city": "Rom"}],
        "comment": '{"page": 1} 🎉\n}',
        "company": "O'Brien",
        "custom_fields": {"a": [1, {"b": None}], "tag": []},
    }
    for number, name in enumerate(("Zoë", "adam", "Émile", "...")):
        emails = f"a{number}@b.example", f"c{number}@b.example"
        scene["tagged"] = scene.contact(*emails, firstname=name, **details)
        scene.sets("my_tag_add(:alice, :tagged, JSON_ARRAY(:work, :rome))")
    scene.one("SELECT :ada")
    scene.sets("archive_entity(:alice, :grace, 'archived')")
    for sort, order, box in itertools.product(("name", "date"), ("asc", "desc"), ("active", "archived")):
        page = f"(:alice, NULL, NULL, '{sort}', '{order}', '{box}', 1, 45, NULL)"
        contacts = scene.rows(f"my_contact_list{page}")
        assert contacts == scene.rows(f"contact_list_live{page}")
        assert len(contacts) == (5 if box == "active" else 1)
    for key in ("tagged", "ada", "grace"):
        now = scene.rows(f"SELECT data FROM contact_full WHERE owner_id = :alice AND id = :{key}")
        assert scene.rows(f"my_contact_get(:alice, :{key})") == now


def test_a_stored_card_shows_tags_and_blocks_as_they_are_now(scene: Scene) -> None:
    scene.sets("my_tag_add(:alice, :ada, JSON_ARRAY(:work, :rome))")
    scene.sets("tag_reposition(:alice, JSON_ARRAY(:rome, :work))")
    tags = scene.doc("my_contact_get(:alice, :ada)")["tag"]
    assert [tag["name"] for tag in tags] == ["Rome", "Work"]
    scene.sets("yp.contact_block_add(:alice, :ada, 'ada@scene.example', NULL)")
    (card,) = scene.docs("my_contact_list(:alice, NULL, NULL, 'name', 'asc', 'active', 1, 45, NULL)")
    assert (card["is_blocked"], scene.doc("my_contact_get(:alice, :ada)")["is_blocked"]) == (1, 1)


def test_an_entry_that_gives_up_its_person_is_shown_without(scene: Scene) -> None:
    scene["other"] = scene.contact("bob@other.example")
    scene.sets("my_contact_add(:alice, JSON_OBJECT('invitee_id', :bob))")
    scene["person"] = scene.one("SELECT my_contact_of(:alice, :bob)")
    scene.sets("my_contact_trash(:alice, :person, NULL)")
    scene["again"] = scene.contact(scene.one("SELECT :mail_bob"))
    scene.sets("my_contact_restore(:alice, :person, NULL)")
    for key in ("again", "person", "other"):
        now = scene.rows(f"SELECT data FROM contact_full WHERE owner_id = :alice AND id = :{key}")
        assert scene.rows(f"my_contact_get(:alice, :{key})") == now
    page = "(:alice, NULL, NULL, 'name', 'asc', 'active', 1, 45, NULL)"
    assert scene.rows(f"my_contact_list{page}") == scene.rows(f"contact_list_live{page}")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["name", "date"])
async def test_pages_of_my_contact_list_are_whole_and_in_order(direct: Direct, sort: str, order: str) -> None:
    owner = direct.person()
    for name in "CAB":
        await direct.contact(owner, firstname=name, lastname="")
    show = ("shard1", "my_contact_list", owner.uid, None, None, sort, order, "active")
    pages = [await direct.all(*show, page, 2, None) for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [2, 1, 0]
    names = [row["firstname"] for page in pages for row in page]
    if sort == "name":
        assert names == sorted(names, reverse=order == "desc")
    assert sorted(names) == ["A", "B", "C"]


async def test_my_contact_list_starts_where_a_page_ended_until_something_changes(
    direct: Direct,
) -> None:
    owner = direct.person()
    a, b, c, d = [await direct.contact(owner, firstname=name, lastname="") for name in "ABCD"]

    async def second_page(after: dict[str, Any]) -> tuple[list[str], int]:
        args = (owner.uid, None, None, "name", "asc", "active", 2, 2, encode(after))
        contact_rows, ((rev,),) = await direct.sets("shard1", "my_contact_list", *args)
        return [contact["id"] for contact in documents(contact_rows)], rev

    listed, rev = await second_page({})
    assert listed == [c, d]
    assert await second_page({"rev": rev, "offset": 2, "contact": b}) == ([c, d], rev)
    # A position that is not true shows that the page starts there.
    assert await second_page({"rev": rev, "offset": 2, "contact": a}) == ([b, c], rev)
    for wrong in ({"rev": rev - 1, "offset": 2, "contact": a}, {"rev": rev, "offset": 3, "contact": a}):
        assert await second_page(wrong) == ([c, d], rev)
    assert await second_page({"rev": rev, "offset": 2, "contact": "0" * 16}) == ([c, d], rev)


async def test_words_of_the_index_and_contact_meets_find_words(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, "grace@navy.example", firstname="Élodie", lastname="Çelik")
    admin.rows("DELETE FROM shard1.contact_index WHERE owner_id = %s", owner.uid)
    admin.rows("UPDATE shard1.contact_record SET names_digest = NULL WHERE owner_id = %s", owner.uid)
    assert await direct.sets("shard1", "contact_render", owner.uid, contact) == []
    for text, expected in (("elo", 1), ("elo cel", 1), ("grace@n", 1), ("elo x", 0), ("", 1)):
        matches = admin.one(
            "SELECT shard1.contact_meets(%s, %s, shard1.record_conditions(JSON_OBJECT('search', %s)))",
            owner.uid,
            contact,
            text,
        )
        assert matches == expected, text


async def test_a_nickname_is_found_as_soon_as_it_is_given(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, firstname="Grace")
    for nickname in ("Amazing", "Other"):
        await direct.sets("shard1", "my_contact_update", owner.uid, contact, json_text({"surname": nickname}))
        query = json_text({"search": nickname})
        rows, _ = await direct.sets("shard1", "my_contact_records", owner.uid, query, 9, 0)
        assert len(rows) == 1, nickname
    rows, _ = await direct.sets(
        "shard1", "my_contact_records", owner.uid, json_text({"search": "amaz"}), 9, 0
    )
    assert rows == []


# --- archive, parts of a contact, keys ---


def test_each_refusal_has_its_code(scene: Scene) -> None:
    scene["ada_mail"] = scene.one(
        "SELECT id FROM contact_email WHERE owner_id = :alice AND contact_id = :ada"
    )
    scene.refuses({
        "archive_entity(:alice, :ada, 'gone')": "INVALID_STATUS0",
        "archive_entity(:alice, :nobody, 'archived')": "CONACT_NOT_EXIST",
        "archive_entity(:bob, :ada, 'archived')": "CONACT_NOT_EXIST",
        "my_contact_detail_delete(:bob, :ada, 'address', :nobody)": "CONTACT_NOT_FOUND",
        "my_contact_detail_delete(:bob, :ada, 'email', :ada_mail)": "CONTACT_NOT_FOUND",
        "my_contact_detail_delete(:bob, :ada, 'phone', :nobody)": "CONTACT_NOT_FOUND",
        "my_contact_trash(:alice, :nobody, NULL)": "CONTACT_NOT_FOUND",
        "my_contact_trash(:bob, :ada, NULL)": "CONTACT_NOT_FOUND",
        "my_contact_trash(:alice, :ada, 999999)": "PRECONDITION_FAILED",
        "my_contact_find(:alice, 'x@scene.example')": "CONTACT_NOT_FOUND",
        "my_contact_find(:bob, 'ada@scene.example')": "CONTACT_NOT_FOUND",
        "contact_summary(:alice, :bob, '0')": "PERMISSION_DENIED",
        "contact_summary(:alice, :alice, 'x')": "FOLDER_NOT_FOUND",
    })  # fmt: skip


def test_archive_entity_moves_between_two_boxes(scene: Scene) -> None:
    show = "my_contact_list(:alice, NULL, NULL, 'name', 'asc', '{}', 1, 45, NULL)"
    scene["ada"]
    for status, active, archived in (("archived", 0, 1), ("archived", 0, 1), ("active", 1, 0)):
        changed = scene.doc(f"archive_entity(:alice, :ada, '{status}')")
        assert changed["is_archived"] == archived
        assert len(scene.docs(show.format("active"))) == active
        assert len(scene.docs(show.format("archived"))) == archived


def test_parts_of_a_contact_are_deleted(scene: Scene) -> None:
    scene["many"] = scene.contact(
        *("one@scene.example", "two@scene.example"),
        mobile=[{"phone": "1"}, {"phone": "2"}],
        address=[{"city": "Rome"}],
    )
    delete = "my_contact_detail_delete(:alice, :many, '{}', :part)"
    for kind, remaining in (("email", 1), ("phone", 1), ("address", 0)):
        scene["part"] = scene.one(
            f"SELECT id FROM contact_{kind} WHERE owner_id = :alice AND contact_id = :many "
            "ORDER BY position DESC LIMIT 1"
        )
        outcome, full, _ = scene.sets(delete.format(kind))
        assert outcome == [("deleted",)]
        assert len(json.loads(full[0][0])["mobile" if kind == "phone" else kind]) == remaining, kind
        assert scene.sets(delete.format(kind))[:2] == [[("missing",)], []]
    assert scene.docs("contact_search(:alice, 'two@', '', 0, '[]', 'contact', 1, 45)") == []
    scene["part"] = scene.one("SELECT id FROM contact_email WHERE contact_id = :many")
    assert scene.sets(delete.format("email"))[:2] == [[("default",)], []]
    scene["other"] = scene.contact("other@scene.example")
    assert scene.sets("my_contact_detail_delete(:alice, :other, 'email', :part)")[0] == [("missing",)]


def test_a_contact_is_found_by_id_uid_and_address(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    scene["ada"]
    keys = {":ada": "ada", "' ADA@scene.example '": "ada", ":bob": "alice_bob", ":alice_bob": "alice_bob"}
    for key, name in keys.items():
        assert scene.doc(f"my_contact_find(:alice, {key})") == {"contact_id": scene[name]}, key
        first, full = scene.sets(f"my_contact_find(:alice, {key})")
        assert scene[name] in first[0][0]
        assert scene[name] in full[0][0], key
    for peer, contact in (("bob", "alice_bob"), ("carol", None)):
        assert scene.one(f"SELECT my_contact_of(:alice, :{peer})") == (scene[contact] if contact else None)
    scene["by_mail"] = scene.contact(scene["mail_carol"].replace("carol", "x"), scene["mail_carol"])
    scene.sets("UPDATE contact SET peer_id = NULL WHERE owner_id = :alice AND id = :by_mail")
    assert scene.one("SELECT my_contact_of(:alice, :carol)") == scene["by_mail"]


def test_a_key_that_means_two_contacts_is_refused(scene: Scene) -> None:
    scene.sets("UPDATE contact SET entity = 'two@scene.example' WHERE owner_id = :alice AND id = :ada")
    scene.sets(
        "UPDATE contact_email SET email = 'two@scene.example' WHERE owner_id = :alice AND contact_id = :grace"
    )
    scene.refuses({"my_contact_find(:alice, 'two@scene.example')": "AMBIGUOUS"})


def test_my_contact_email_in_use_by_entity_address_and_person(scene: Scene) -> None:
    scene.befriend("alice", "bob")
    scene["ada"]
    use = "my_contact_email_in_use(:alice, {}, {})"
    assert scene.doc(use.format("'ada@scene.example'", "NULL"))["id"] == scene["ada"]
    assert scene.doc(use.format(":mail_bob", "NULL"))["id"] == scene["alice_bob"]
    assert scene.rows(use.format("'ada@scene.example'", ":ada")) == [], "but the one that is edited"
    assert scene.rows(use.format("'free@scene.example'", "NULL")) == []


def test_contact_summary_counts_relations(scene: Scene) -> None:
    assert scene.doc("contact_summary(:alice, :alice, '0')") == {"contact_count": 0, "last_updated": None}
    scene.befriend("alice", "bob")
    scene["ada"]
    summary = scene.doc("contact_summary(:alice, :hub, '0')")
    assert (summary["contact_count"], summary["last_updated"] > 0) == (1, True)


# --- import and export ---


IMPORT = """my_contact_import(:alice, '[
    {"id": "00000000000000b1", "firstname": "Ada", "lastname": "L", "tag": ["Work"], "group": ["Pioneers"],
     "default": "ada@in.example",
     "email": [{"email": "ada@in.example", "category": "priv", "is_default": 1}],
     "mobile": [{"areacode": "", "phone": "1", "category": "priv", "is_default": 1}],
     "address": [{"street": "S", "city": "C", "country": "", "category": "priv", "is_default": 1}]},
    {"id": "00000000000000b2", "firstname": "Grace", "default": "grace@in.example",
     "email": [{"email": "grace@in.example", "category": "priv", "is_default": 1}]}
]', ORIGIN)"""


def test_my_contact_import_loads_once(scene: Scene) -> None:
    load = IMPORT.replace("ORIGIN", "NULL")
    assert scene.doc(load) == {"loaded": 2, "alreadyincontact": 0, "nobody": []}
    again = load.replace("00000000000000b", "00000000000000c")
    assert scene.doc(again) == {"loaded": 0, "alreadyincontact": 2, "nobody": []}
    contact = scene.doc("my_contact_get(:alice, '00000000000000b1')")
    assert (len(contact["email"]), len(contact["mobile"]), len(contact["address"])) == (1, 1, 1)
    assert [t["name"] for t in contact["tag"]] == ["Work"]
    assert [m["id"] for m in scene.docs("contact_group_members(:alice, 'Pioneers', 1, 45)")] == [
        contact["id"]
    ]
    assert len(scene.docs("contact_search(:alice, 'ada@in', '', 0, '[]', 'contact', 1, 45)")) == 1


def test_my_contact_import_words_renders_the_contacts_that_were_imported(scene: Scene) -> None:
    load = IMPORT.replace("ORIGIN", "'csv'").replace('"lastname": "L"', '"lastname": "L", "has_words": 1')
    assert scene.doc(load)["loaded"] == 2
    rendered = "SELECT contact_id FROM contact_record WHERE owner_id = :alice"
    assert scene.rows(rendered) == [("00000000000000b2",)]
    scene["words"] = json.dumps([
        ["00000000000000b1", [["text", ["Ada", "countess"]], ["name", [None]], ["phone", ["1", ""]]]],
        ["00000000000000b9", [["text", ["nobody"]]]],
    ])  # fmt: skip
    scene.sets("my_contact_import_words(:alice, :words)")
    assert len(scene.rows(rendered)) == 2
    record = scene.one("SELECT record FROM contact_record WHERE contact_id = '00000000000000b1'")
    assert json.loads(record)["source"] == "csv"
    assert len(scene.docs("contact_search(:alice, 'COUNT', '', 0, '[]', 'contact', 1, 45)")) == 1
    rows = "SELECT kind, word FROM contact_index WHERE contact_id = '00000000000000b1'"
    assert {("name", "Ada L"), ("phone", "1"), ("company_desc", "")} <= set(scene.rows(rows))
    events = "SELECT contact_id, rev FROM contact_event WHERE owner_id = :alice AND event = 'created'"
    assert [contact[-2:] for contact, _ in sorted(scene.rows(events))] == ["b1", "b2"]
    ledger = "SELECT rev, active FROM contact_ledger WHERE owner_id = :alice"
    assert scene.rows(ledger) == [(max(rev for _, rev in scene.rows(events)), 2)]


def test_my_contact_import_stores_the_international_form_of_a_number(scene: Scene) -> None:
    load = """my_contact_import(:alice, '[
        {"id": "00000000000000b1", "default": "ada@in.example",
         "email": [{"email": "ada@in.example", "category": "priv", "is_default": 1}],
         "mobile": [{"areacode": "", "phone": "0171 2345678", "category": "priv", "is_default": 1,
                     "international": "491712345678"},
                    {"areacode": "", "phone": "112", "category": "priv", "is_default": 0,
                     "international": ""},
                    {"areacode": "", "phone": "0171 99", "category": "priv", "is_default": 0}]}
    ]', NULL)"""
    assert scene.doc(load)["loaded"] == 1
    forms = "SELECT international FROM contact_phone WHERE contact_id = '00000000000000b1' ORDER BY position"
    assert [form for (form,) in scene.rows(forms)] == ["491712345678", "", None]
    words = "SELECT word FROM contact_index WHERE contact_id = '00000000000000b1' AND kind = 'phone'"
    assert {word for (word,) in scene.rows(words)} == {"491712345678", "017199"}


def test_my_contact_import_fills_the_record_at_once(scene: Scene) -> None:
    load = """my_contact_import(:alice, '[
        {"id": "00000000000000b1", "line": 1, "display_name": "Countess", "company": "Acme",
         "job_title": "Analyst", "custom_fields": "{\\\\"a\\\\": [1, null]}", "source": "csv",
         "source_id": "7", "synced_at": "2026-01-02 03:04:05.678",
         "avatar_path": "a/b.png", "default": "ada@in.example",
         "email": [{"email": "ada@in.example", "category": "priv", "is_default": 1, "label": "home"}],
         "mobile": [{"areacode": "", "phone": "1", "category": "priv", "is_default": 1, "label": "Ski hut"}],
         "address": [{"street": "", "city": "C", "state": "S", "postal_code": "1", "country": "",
                      "category": "prof", "is_default": 0, "label": ""}]}
    ]', NULL)"""
    assert scene.doc(load)["loaded"] == 1
    document = scene.one(
        "SELECT record FROM contact_record WHERE owner_id = :alice AND contact_id = '00000000000000b1'"
    )
    record = json.loads(document)
    assert record["emails"] == [{"address": "ada@in.example", "label": "home", "primary": True}]
    assert record["phones"] == [{"number": "1", "label": "Ski hut", "primary": True}]
    assert record["addresses"] == [
        {"street": None, "city": "C", "state": "S", "postal_code": "1", "country": None, "label": "work"}
    ]
    fields = {name: record[name] for name in ("display_name", "company", "job_title", "custom_fields")}
    assert fields == {
        "display_name": "Countess",
        "company": "Acme",
        "job_title": "Analyst",
        "custom_fields": {"a": [1, None]},
    }
    came = (record["source"], record["source_id"], record["synced_at"], record["avatar_path"])
    assert came == ("csv", "7", "2026-01-02T03:04:05.678Z", "a/b.png")
    assert len(scene.docs("contact_search(:alice, 'countess', '', 0, '[]', 'contact', 1, 45)")) == 1


def imported(scene: Scene, *names: str) -> None:
    """Import contacts of Alice, whose ids are 00000000000000b1 and so on, with their cards."""
    ids = [f"00000000000000b{number}" for number in range(1, len(names) + 1)]
    people = [
        {"id": id_, "line": 1, "firstname": name, "default": f"{name}@in.example",
         "extra": '{"bday": [{"value": "1980"}]}',
         "email": [{"email": f"{name}@in.example", "category": "priv", "is_default": 1}]}
        for id_, name in zip(ids, names, strict=True)
    ]  # fmt: skip
    cards = [
        {"id": id_, "uid": f"uid-{name[0]}", "card": f"BEGIN:VCARD\nFN:{name}\nEND:VCARD\n"}
        for id_, name in zip(ids, names, strict=True)
    ]
    scene["people"], scene["cards"] = json.dumps(people), json.dumps(cards)
    scene.doc("my_contact_import(:alice, :people, 'vcf')")
    scene.sets("my_contact_import_cards(:alice, :cards)")


VCARDS = "SELECT contact_id, name, uid, card, rev FROM contact_vcard WHERE owner_id = :alice ORDER BY name"


def test_my_contact_import_cards_keeps_cards_and_pictures(scene: Scene) -> None:
    imported(scene, "ada", "anna", "bob")
    rows = [(id_[-2:], name[-6:], uid, card) for id_, name, uid, card, _ in scene.rows(VCARDS)]
    # a UID belongs to one card
    assert rows == [
        ("b1", "b1.vcf", "uid-a", "BEGIN:VCARD\nFN:ada\nEND:VCARD\n"),
        ("b2", "b2.vcf", None, "BEGIN:VCARD\nFN:anna\nEND:VCARD\n"),
        ("b3", "b3.vcf", "uid-b", "BEGIN:VCARD\nFN:bob\nEND:VCARD\n"),
    ]
    (exported,) = [
        c for c in scene.docs("contact_export(:alice, 'active', NULL, '', 500)") if c["firstname"] == "ada"
    ]
    assert exported["extra"] == {"bday": [{"value": "1980"}]}
    assert exported["vcard"] == {
        "uid": "uid-a", "card": "BEGIN:VCARD\nFN:ada\nEND:VCARD\n", "is_current": 1,
    }  # fmt: skip
    picture = """JSON_ARRAY(
        JSON_OBJECT('id', '00000000000000b1', 'type', 'image/gif', 'picture', 'R0lGODlh'),
        JSON_OBJECT('id', '00000000000000ff', 'type', 'image/gif', 'picture', 'R0lGODlh', 'card', 'x'))"""
    scene.sets(f"my_contact_import_cards(:alice, {picture})")
    # the path came with the contact
    scene.sets(
        "UPDATE contact SET avatar_path = CONCAT('/api/v1/contacts/x/avatar/', LEFT(SHA2('GIF89a', 256), 16))"
        " WHERE id = '00000000000000b1'"
    )
    assert scene.rows("picture_get(:alice, '00000000000000b1', NULL)")[0][::2] == ("image/gif", b"GIF89a")
    assert scene.one("SELECT COUNT(*) FROM contact_picture WHERE owner_id = :alice") == 1
    # a contact in the trash gives up its UID, and takes its card along
    scene.sets("my_contact_trash(:alice, '00000000000000b1', NULL)")
    again = """JSON_ARRAY(JSON_OBJECT('id', :ada, 'uid', 'uid-a', 'card', 'again'))"""
    scene.sets(f"my_contact_import_cards(:alice, {again})")
    assert [(uid, card) for _, _, uid, card, _ in scene.rows(VCARDS)][:1] == [
        (None, "BEGIN:VCARD\nFN:ada\nEND:VCARD\n")
    ]
    assert ("uid-a", "again") in [(uid, card) for _, _, uid, card, _ in scene.rows(VCARDS)]


def test_my_contact_import_card_keeps_the_uid_of_each_card(scene: Scene) -> None:
    imported(scene, "ada", "bob")
    # the UID of another contact stays there
    scene.sets('my_contact_import_card(:alice, :ada, \'{"uid": "uid-a", "card": "one"}\', 1)')
    scene.sets('my_contact_import_card(:alice, :grace, \'{"uid": "new", "card": "two"}\', 1)')
    # a card keeps its own one, and its entity tag changes although the record does not
    etag = "SELECT etag FROM contact_member WHERE contact_id = '00000000000000b1'"
    before = scene.one(etag)
    card = '{"uid": "other", "card": "three"}'
    assert scene.one(f"my_contact_import_card(:alice, '00000000000000b1', '{card}', 0)") != before
    cards = {id_: (uid, text) for id_, _, uid, text, _ in scene.rows(VCARDS)}
    assert cards[scene["ada"]] == (None, "one")
    assert cards[scene["grace"]] == ("new", "two")
    assert cards["00000000000000b1"] == ("uid-a", "three")
    assert cards["00000000000000b2"] == ("uid-b", "BEGIN:VCARD\nFN:bob\nEND:VCARD\n")


def test_a_purged_contact_leaves_the_name_of_its_card(scene: Scene) -> None:
    imported(scene, "ada", "bob")
    scene.sets("contact_purge(:alice, '00000000000000b1')")
    scene.sets("DELETE FROM contact WHERE owner_id = :alice AND id = '00000000000000b2'")
    scene.sets("contacts_render(:alice, '[\"00000000000000b2\"]')")
    rows = scene.rows("SELECT contact_id, rev FROM contact_record WHERE owner_id = :alice")
    records: dict[str, int] = dict(rows)
    for id_, _, uid, card, rev in scene.rows(VCARDS):
        assert (uid, card, rev) == (None, None, records[id_])
    scene.sets(
        "UPDATE contact_record SET deleted_at = '2020-01-01' WHERE owner_id = :alice AND state = 'purged'"
    )
    scene.sets("my_tombstone_expire(:alice, 90)")
    assert scene.rows(VCARDS) == []


def test_my_contact_import_group_finds_members_by_uid_and_address(scene: Scene) -> None:
    imported(scene, "ada", "bob", "carl")
    for _ in range(2):
        group = """JSON_OBJECT('name', 'Family', 'comment', 'We', 'uid', JSON_ARRAY('uid-a', 'unknown'),
                               'email', JSON_ARRAY('carl@in.example', 'ada@in.example'))"""
        scene.sets(f"my_contact_import_group(:alice, {group})")
    members = [m["id"][-2:] for m in scene.docs("contact_group_members(:alice, 'Family', 1, 45)")]
    assert sorted(members) == ["b1", "b3"]
    assert scene.one("SELECT comment FROM contact_group WHERE owner_id = :alice AND name = 'Family'") == "We"
    record = scene.rows("my_contact_record(:alice, '00000000000000b1', 0)")[0][0]
    assert json.loads(record)["groups"] == ["Family"]
    scene.sets('my_contact_import_group(:alice, \'{"name": "Empty", "uid": [], "email": []}\')')
    assert scene.docs("contact_group_members(:alice, 'Empty', 1, 45)") == []


def test_my_contact_import_notes_where_they_come_from(scene: Scene) -> None:
    sources = {"a": None, "b": "", "c": "outlook", "d": "local", "e": "Local"}
    entries = [
        {"id": f"00000000000000b{key}", "line": 1, "default": f"{key}@in.example", "source": source,
         "email": [{"email": f"{key}@in.example", "category": "priv", "is_default": 1}]}
        for key, source in sources.items()
    ]  # fmt: skip
    scene["entries"] = json.dumps(entries)
    assert scene.doc("my_contact_import(:alice, :entries, 'vcf')")["loaded"] == 5
    contacts = [scene.doc(f"my_contact_get(:alice, '{each['id']}')") for each in entries]
    assert [each["origin"] for each in contacts] == ["vcf", "vcf", "outlook", "local", "Local"]
    assert {each["category"] for each in contacts} == {"independant"}
    assert scene.one("SELECT COUNT(*) FROM contact WHERE owner_id = :alice AND BINARY origin = 'local'") == 0


def test_my_contact_import_takes_who_has_no_address_once(scene: Scene) -> None:
    load = """my_contact_import(:alice, JSON_ARRAY(
        JSON_OBJECT('id', '00000000000000b1', 'line', 1, 'firstname', 'Ada', 'entity', '00000000000000ff'),
        JSON_OBJECT('id', '00000000000000b2', 'line', 2, 'firstname', 'Forged', 'entity', :bob),
        JSON_OBJECT('id', '00000000000000b3', 'line', 3, 'firstname', 'Again', 'entity', '00000000000000ff')
    ), NULL)"""
    assert scene.doc(load) == {"loaded": 1, "alreadyincontact": 1, "nobody": [2]}
    assert scene.doc(load.replace("00000000000000b", "00000000000000c"))["loaded"] == 0
    (row,) = [
        r for r in scene.docs("contact_export(:alice, 'active', NULL, '', 500)") if r["firstname"] == "Ada"
    ]
    assert (row["entity"], row["email"], row["uid"]) == ("00000000000000ff", [], None)


def test_my_contact_import_skips_the_owner_and_their_colleagues(scene: Scene) -> None:
    scene["frank"]
    for address in (":mail_erin", ":mail_frank"):
        contacts = (
            f"JSON_ARRAY(JSON_OBJECT('id', '00000000000000b3', 'default', {address}, 'email', "
            f"JSON_ARRAY(JSON_OBJECT('email', {address}, 'is_default', 1))))"
        )
        assert scene.doc(f"my_contact_import(:erin, {contacts}, NULL)")["alreadyincontact"] == 1, address


def test_my_contact_import_knows_registered_people_by_uid(scene: Scene) -> None:
    load = """my_contact_import(:alice, JSON_ARRAY(
        JSON_OBJECT('id', '00000000000000b1', 'line', 1, 'uid', :bob),
        JSON_OBJECT('id', '00000000000000b2', 'line', 2, 'uid', :nobody),
        JSON_OBJECT('id', '00000000000000b3', 'line', 3, 'uid', :alice),
        JSON_OBJECT('id', '00000000000000b4', 'line', 4, 'default', :mail_bob,
                    'email', JSON_ARRAY(JSON_OBJECT('email', :mail_bob, 'is_default', 1)))
    ), NULL)"""
    assert scene.doc(load) == {"loaded": 1, "alreadyincontact": 2, "nobody": [2]}
    contact = scene.doc("my_contact_get(:alice, '00000000000000b1')")
    assert (contact["entity"], contact["email"]) == (scene["bob"], [])


def test_my_contact_import_known_names_the_contact(scene: Scene) -> None:
    """A contact that was loaded is not known; of two with the same address, the name decides."""
    scene["ada"], scene["mail_bob"]
    entry = "JSON_OBJECT('id', {}, 'name', 'Ada', 'email', JSON_ARRAY(JSON_OBJECT('email', {})))"
    keys = [("'00000000000000e1'", ":ada_mail"), ("'00000000000000e2'", ":alice_mail")]
    keys += [("'00000000000000e3'", "'new@x.example'"), (":ada", ":ada_mail")]
    people = f"JSON_ARRAY({', '.join(entry.format(*key) for key in keys)})"
    scene["ada_mail"] = scene.one("SELECT email FROM contact WHERE owner_id = :alice AND id = :ada")
    scene["alice_mail"] = scene.one("SELECT email FROM yp.drumate WHERE id = :alice")
    rows = {row[0]: row[1:] for row in scene.rows(f"my_contact_import_known(:alice, {people})")}
    assert set(rows) == {f"00000000000000e{n}" for n in (1, 2, 3)}
    assert rows["00000000000000e1"][:2] == (scene["ada"], "")
    assert '"group": []' in rows["00000000000000e1"][2]
    assert rows["00000000000000e2"] == (None, "yourself", None)


def test_my_contact_import_known_takes_the_contact_whose_name_agrees(scene: Scene) -> None:
    """The contact for which my_contact_import leaves a person out, and not an older one with another name."""
    people = {"b": ("Bob", ["fam"]), "a": ("Ann", ["ann"]), "f": ("Ann M.", ["ann", "fam"])}
    entries = {
        key: {"id": f"{key}{1:015x}", "line": 1, "firstname": first, "lastname": "Smith",
              "default": f"{names[0]}@x.example", "name": f"{first} Smith",
              "email": [{"email": f"{name}@x.example", "category": "priv", "is_default": int(not place)}
                        for place, name in enumerate(names)]}
        for key, (first, names) in people.items()
    }  # fmt: skip
    for key, loaded in (("b", 1), ("a", 1), ("f", 0)):
        scene["entries"] = json.dumps([entries[key]])
        assert scene.doc("my_contact_import(:alice, :entries, NULL)")["loaded"] == loaded
    scene.sets("UPDATE contact SET ctime = 1 WHERE owner_id = :alice AND id = 'b000000000000001'")
    ((_, contact_id, reason, _),) = scene.rows("my_contact_import_known(:alice, :entries)")
    assert (contact_id, reason) == ("a000000000000001", "")
    # `names` has the nickname as well, `name` has not
    nicknamed = {**entries["f"], "name": "Annie", "names": "Annie Ann Smith"}
    scene["entries"] = json.dumps([nicknamed])
    ((_, contact_id, _, _),) = scene.rows("my_contact_import_known(:alice, :entries)")
    assert contact_id == "a000000000000001"


def test_my_contact_import_tags_takes_names_as_the_list_of_tags_does(scene: Scene) -> None:
    contacts = "JSON_ARRAY(JSON_OBJECT('id', :ada, 'tag', JSON_ARRAY('New', 'NEW', 'Other')))"
    scene["work"]
    for _ in range(2):
        # The second import finds them.
        scene.sets(f"my_contact_import_tags(:alice, {contacts})")
        scene.sets("contact_render(:alice, :ada)")
        names = [t["name"] for t in scene.doc("my_contact_get(:alice, :ada)")["tag"]]
        assert sorted(names) == ["NEW", "New", "Other"]
        scene.sets("DELETE FROM map_tag WHERE owner_id = :alice")
    assert (
        scene.rows("SELECT name, position FROM tag WHERE owner_id = :alice ORDER BY position")[-1][0]
        == "Other"
    )


def test_my_contact_import_groups_takes_the_one_that_exists(scene: Scene) -> None:
    scene["pioneers"]
    contacts = "JSON_ARRAY(JSON_OBJECT('id', :grace, 'group', JSON_ARRAY('pioneers', 'New')))"
    scene.sets(f"my_contact_import_groups(:alice, {contacts})")
    counts = {g["name"]: g["member_count"] for g in scene.docs(GROUPS)}
    assert counts == {"New": 1, "Pioneers": 2}


GROUPS = "contact_group_list(:alice, NULL, NULL, 'name', 'asc', 1, 45)"


def test_my_contact_import_book_leaves_what_is_there(scene: Scene) -> None:
    scene["rome"]
    scene["pioneers"]
    book = """'{
        "tag": [{"name": "Top", "position": 2}, {"name": "Low", "position": 1, "parent": "Top"},
                {"name": "Rome", "position": 3}, {"name": "ROME", "position": 3},
                {"name": "Paris", "position": 4, "parent": "Work"}],
        "group": [{"name": "Pioneers", "comment": "other words"}, {"name": "Empty", "comment": "so far"}]
    }'"""
    for _ in range(2):
        scene.sets(f"my_contact_import_book(:alice, {book})")
    exported = scene.doc("contact_export_book(:alice)")
    assert [(t["name"], t["parent"] or "") for t in exported["tag"]] == [
        ("Work", ""),
        ("Rome", "Work"),
        ("Low", "Top"),
        ("Top", ""),
        ("ROME", ""),
        ("Paris", "Work"),
    ]
    assert {g["name"]: g["comment"] for g in exported["group"]} == {"Empty": "so far", "Pioneers": None}


def test_gmail_contacts_are_those_that_came_from_there(scene: Scene) -> None:
    scene["ada"]
    scene.sets(IMPORT.replace("ORIGIN", "'google'"))
    listed = scene.docs("gmail_contacts(:alice, NULL, 1, 45)")
    assert [c["firstname"] for c in listed] == ["Ada", "Grace"]
    assert len(scene.docs("gmail_contacts(:alice, 'gra', 1, 45)")) == 1
    assert len(scene.docs("gmail_contacts(:alice, NULL, 2, 1)")) == 1
    assert scene.docs("gmail_contacts(:bob, NULL, 1, 45)") == []


def test_contact_export_goes_page_by_page_through_both_boxes(scene: Scene) -> None:
    scene.sets(IMPORT.replace("ORIGIN", "NULL"))
    (first,) = scene.docs("contact_export(:alice, 'active', NULL, '', 1)")
    assert (first["firstname"], first["tag"], len(first["mobile"])) == ("Ada", ["Work"], 1)
    scene["display"], scene["key"] = first["display"], first["key"]
    (second,) = scene.docs("contact_export(:alice, 'active', :display, :key, 1)")
    assert second["firstname"] == "Grace"
    scene.sets("archive_entity(:alice, '00000000000000b2', 'archived')")
    assert [c["archived"] for c in scene.docs("contact_export(:alice, 'archived', NULL, '', 9)")] == [1]
    assert scene.doc("contact_export_book(:alice)") == {
        "email": 1,
        "mobile": 1,
        "address": 1,
        "tag": [{"name": "Work", "position": 1, "parent": None}],
        "group": [{"name": "Pioneers", "comment": None}],
    }
    nothing = {"email": 0, "mobile": 0, "address": 0, "tag": [], "group": []}
    assert scene.doc("contact_export_book(:bob)") == nothing


def test_contact_export_breaks_off_when_its_owner_was_moved_away(scene: Scene) -> None:
    scene.sets(IMPORT.replace("ORIGIN", "NULL"))
    scene.sets("INSERT INTO moved_out (owner_id, to_db, ctime) VALUES (:alice, 'shard2', 1)")
    scene.refuses({"contact_export(:alice, 'active', NULL, '', 9)": "MOVING"})


async def test_the_same_file_imported_twice_at_once_is_loaded_once(direct: Direct) -> None:
    owner = direct.person()
    contacts = [
        {
            "id": f"{n:016x}",
            "firstname": "X",
            "default": f"x{n}@in.example",
            "email": [{"email": f"x{n}@in.example", "category": "priv", "is_default": 1}],
        }
        for n in range(1, 20)
    ]
    again = [{**c, "id": f"{n:016x}"} for n, c in enumerate(contacts, 100)]
    results = await asyncio.gather(
        *(direct.one("shard1", "my_contact_import", owner.uid, json_text(c), None) for c in (contacts, again))
    )
    assert sum(r["loaded"] for r in results) == len(contacts)


async def test_a_part_of_a_contact_is_taken_away_once(direct: Direct, admin: Admin) -> None:
    owner = direct.person()
    contact = await direct.contact(owner, mobile=[{"phone": "1"}], address=[{"city": "Rome"}])
    for kind in ("phone", "address"):
        part = admin.one(f"SELECT id FROM shard1.contact_{kind} WHERE owner_id = %s", owner.uid)
        calls = [
            direct.sets("shard1", "my_contact_detail_delete", owner.uid, contact, kind, part)
            for _ in range(3)
        ]
        outcomes = sorted(outcome for ((outcome,),), *_ in await asyncio.gather(*calls))
        assert outcomes == ["deleted", "missing", "missing"]


def test_my_contact_trash_keeps_everything_and_frees_the_address(scene: Scene) -> None:
    scene["pioneers"]
    scene.sets("my_tag_add(:alice, :ada, JSON_ARRAY(:work))")
    scene.sets("yp.contact_block_add(:alice, :ada, 'ada@scene.example', NULL)")
    trashed = scene.doc("my_contact_trash(:alice, :ada, NULL)")
    assert (trashed["contact_id"], trashed["drumate_id"], trashed["blocked"]) == (scene["ada"], None, 1)
    assert trashed["entity"] == "ada@scene.example"
    scene.refuses({"my_contact_trash(:alice, :ada, NULL)": "ALREADY_DELETED"})
    own_rows = "owner_id = :alice AND"
    assert scene.rows(f"SELECT firstname, box, entity = id FROM contact WHERE {own_rows} id = :ada") == [
        ("Ada", "trash", 1)
    ]
    assert scene.rows(
        f"SELECT entity, is_blocked FROM contact_relation_aside WHERE {own_rows} id = :ada"
    ) == [("ada@scene.example", 1)]
    assert (
        scene.one(f"SELECT email FROM contact_email WHERE {own_rows} contact_id = :ada")
        == "ada@scene.example"
    )
    assert scene.one(f"SELECT tag_id FROM map_tag WHERE {own_rows} entity_id = :ada") == scene["work"]
    assert (
        scene.one(f"SELECT group_id FROM contact_group_member WHERE {own_rows} contact_id = :ada")
        == (scene["pioneers"])
    )
    assert scene.contact("ada@scene.example") != scene["ada"]


BLIND = {
    "my_contact_get(:alice, :ada)": "rows", "my_contact_record(:alice, :ada, 0)": "rows",
    "my_contact_list(:alice, NULL, NULL, 'name', 'asc', 'all', 1, 45, NULL)": "rows",
    "my_contact_list(:alice, NULL, NULL, 'date', 'desc', 'sent', 1, 45, NULL)": "rows",
    "my_contact_list(:alice, :work, NULL, 'name', 'asc', 'all', 1, 45, NULL)": "rows",
    "contact_search(:alice, 'ada', '', 0, '[]', 'contact', 1, 45)": "rows",
    "contact_search(:alice, '', '', 0, '[]', 'contact', 1, 45)": "rows",
    "contact_group_members(:alice, :pioneers, 1, 45)": "rows", "my_contact_book(:alice)": "rows",
    "contact_group_list(:alice, :work, NULL, 'name', 'asc', 1, 45)": "rows",
    "my_contact_email_in_use(:alice, 'ada@scene.example', NULL)": "rows",
    "gmail_contacts(:alice, NULL, 1, 45)": "rows", "contact_export(:alice, 'active', NULL, '', 9)": "rows",
    "chat_room_info(:alice, :ada)": "rows", "drumate_online_state(:alice)": "rows",
    "my_contact_find(:alice, 'ada@scene.example')": "CONTACT_NOT_FOUND",
    "my_contact_find(:alice, :ada)": "CONTACT_NOT_FOUND",
    "my_contact_update(:alice, :ada, '{}')": "CONACT_NOT_EXIST",
    "my_contact_delete(:alice, :ada)": "CONACT_NOT_EXIST",
    "archive_entity(:alice, :ada, 'archived')": "CONACT_NOT_EXIST",
    "contact_block_view(:alice, :ada, 1)": "CONACT_NOT_EXIST",
    "my_tag_add(:alice, :ada, '[]')": "INVALID_ENTITY",
    "my_contact_detail_delete(:alice, :ada, 'phone', :nobody)": "CONTACT_NOT_FOUND",
    "contact_group_leave(:alice, :pioneers, :ada)": "CONTACT_NOT_FOUND",
    "contact_group_member_add(:alice, :pioneers, JSON_ARRAY(:ada))": "CONTACT_NOT_FOUND",
    "contact_group_add(:alice, 'More', NULL, JSON_ARRAY(:ada))": "CONTACT_NOT_FOUND",
}  # fmt: skip


def test_nothing_but_the_trash_sees_what_lies_there(scene: Scene) -> None:
    scene["pioneers"]
    scene.sets("my_tag_add(:alice, :ada, JSON_ARRAY(:work))")
    scene.sets(
        "UPDATE contact SET metadata = JSON_SET(metadata, '$.from', 'google'), mtime = 9 WHERE id = :ada"
    )
    scene.sets("my_contact_trash(:alice, :ada, NULL)")
    for statement, sight in BLIND.items():
        if sight == "rows":
            assert scene.rows(statement) == [], statement
        else:
            scene.refuses({statement: sight})
    assert scene.doc("contact_summary(:alice, :alice, '0')") == {"contact_count": 0, "last_updated": None}
    (group,) = scene.docs("contact_group_list(:alice, NULL, NULL, 'name', 'asc', 1, 45)")
    assert group["member_count"] == 0
    assert scene.doc("contact_group_member_remove(:alice, :pioneers, JSON_ARRAY(:ada))")["removed"] == 0
    assert scene.doc("contact_export_book(:alice)")["email"] == 0
    scene.sets("my_contact_restore(:alice, :ada, NULL)")
    assert scene.doc("contact_group_members(:alice, :pioneers, 1, 45)")["id"] == scene["ada"]


async def test_of_two_my_contact_trash_at_once_one_is_told_it_lies_there(direct: Direct) -> None:
    owner = direct.person()
    contact = await direct.contact(owner)
    calls = (direct.sets("shard1", "my_contact_trash", owner.uid, contact, None) for _ in range(3))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(r, Refused) and r.code == "ALREADY_DELETED" for r in results) == 2, results


# --- contact_sweep ---


def test_contact_sweep_finds_what_routines_without_stored_cards_wrote(scene: Scene) -> None:
    added, tagged = scene.contact("added@scene.example"), scene.contact("tagged@scene.example")
    tag = scene.doc("tag_add(:alice, 'friends', NULL)")["tag_id"]
    # Routines of before leave a new contact without a card, and do not write the card of an old one.
    scene.sets(f"UPDATE contact_record SET rpc_card = NULL, rpc_full = NULL WHERE contact_id = '{added}'")
    scene.sets(
        "INSERT INTO map_tag (owner_id, tag_id, entity_id, category) "
        f"VALUES (:alice, '{tag}', '{tagged}', 'contact')"
    )
    scene.sets("contact_sweep()")
    while scene.one("contact_catch_up(1000)"):
        pass
    listed = scene.rows("my_contact_list(:alice, NULL, NULL, 'name', 'asc', 'active', 1, 45, NULL)")
    assert all(data for (data,) in listed), listed
    assert [one["tag_id"] for one in scene.doc(f"my_contact_get(:alice, '{tagged}')")["tag"]] == [tag]


def test_a_list_makes_the_cards_that_are_not_stored(scene: Scene) -> None:
    """A user, a contact without a stored card, as an upgrade finds it, and one without a record."""
    scene.befriend("alice", "bob")
    stored, old, new = (scene.contact(f"{name}@scene.example") for name in ("stored", "old", "new"))
    scene.sets(f"UPDATE contact_record SET rpc_card = NULL, rpc_full = NULL WHERE contact_id = '{old}'")
    scene.sets(f"DELETE FROM contact_record WHERE contact_id = '{new}'")
    for order in ("'name', 'asc'", "'name', 'desc'", "'date', 'asc'", "'date', 'desc'"):
        listed = scene.rows(f"my_contact_list(:alice, NULL, NULL, {order}, 'active', 1, 45, NULL)")
        assert listed == scene.rows(f"contact_list_live(:alice, NULL, NULL, {order}, 'active', 1, 45, NULL)")
        ids = [card["id"] for card in documents(listed)]
        assert {stored, old, new, scene["alice_bob"]} <= set(ids)
        rev = scene.one("SELECT rev FROM contact_ledger WHERE owner_id = :alice")
        for after in ({}, {"rev": rev, "offset": 1, "contact": ids[0]},
                      {"rev": rev, "offset": 2, "contact": ids[1]},
                      {"rev": rev, "offset": 2, "contact": "none"},
                      {"rev": rev - 1, "offset": 2, "contact": ids[0]}):  # fmt: skip
            scene["after"] = json_text(after)
            page = f"(:alice, NULL, NULL, {order}, 'active', 2, 2, :after)"
            assert scene.sets(f"my_contact_list{page}") == scene.sets(f"contact_list_live{page}")
            assert [card["id"] for card in documents(scene.rows(f"my_contact_list{page}"))] == ids[2:4]


@pytest.mark.parametrize("nickname", ["NULL", "IF(seq % 100, NULL, CONCAT('x ', seq))"])
def test_contact_search_pages_are_the_same_on_every_way(scene: Scene, nickname: str) -> None:
    """One plain word of an owner without users and nicknames; all others are for contact_search_live."""
    scene.sets(
        "INSERT INTO contact (owner_id, id, entity, email, firstname, surname, is_archived, ctime, mtime) "
        "SELECT :carol, LPAD(HEX(seq), 16, '0'), CONCAT(seq, '@b.example'), CONCAT(seq, '@b.example'), "
        "CONCAT(LPAD(seq * 7 % 1201, 4, '0'), IF(seq % 4 < 2, ' odd', ' odder')), "
        f"{nickname}, seq % 50 = 3, 1, 1 FROM seq_1_to_1200"
    )
    scene.sets("contact_sweep()")
    while scene.one("contact_catch_up(1000)"):
        pass

    def page(routine: str, word: str, status: str, number: int, form: str = "contact") -> list[str]:
        call = f"{routine}(:carol, '{word}', '{status}', 0, '[]', '{form}', {number}, 45)"
        return [data for (data,) in scene.rows(call)]

    for status, box in (("", "active"), ("own", "active"), ("archived", "archived")):
        for word, pattern in (("odd", "% odd%"), ("ODDER", "% odder"), ("odds", "% odds%")):
            expected = [contact for (contact,) in scene.rows(
                f"SELECT id FROM contact WHERE owner_id = :carol AND box = '{box}' "
                f"AND firstname LIKE '{pattern}' ORDER BY display, id"
            )]  # fmt: skip
            for number in (1, 2, 13):
                cards = page("contact_search", word, status, number)
                ids = [json.loads(card)["id"] for card in cards]
                assert ids == expected[45 * number - 45 : 45 * number], (status, word, number)
                assert cards == page("contact_search_live", word, status, number)
                people = page("contact_search", word, status, number, "entity")
                assert people == page("contact_search_live", word, status, number, "entity")


@pytest.mark.parametrize("form", ["contact", "entity"])
def test_a_search_sends_the_cards_that_are_stored_as_those_that_are_made(scene: Scene, form: str) -> None:
    """All stored, then none, and contacts that wait; a user among them, and one that is blocked."""

    def listed(word: str, page: int = 1, size: int = 45) -> list[str]:
        answer = scene.rows(f"contact_search(:alice, '{word}', 'own', 0, '[]', '{form}', {page}, {size})")
        return [data for (data,) in answer]

    ids = [scene.contact(f"{name}@search.example") for name in ("ann", "anna", "anne")]
    stored = listed("search")
    scene.sets("UPDATE contact_record SET rpc_card = NULL WHERE owner_id = :alice")
    scene.sets("INSERT INTO contact_stale (owner_id, contact_id) VALUES (:alice, :nobody)")
    assert listed("search") == stored
    assert [json.loads(card)["id"] for card in stored] == (
        ids if form == "contact" else [f"{name}@search.example" for name in ("ann", "anna", "anne")]
    )
    assert listed("search", 2, 2) == [card.replace('"page": 1', '"page": 2') for card in stored[2:]]

    scene.befriend("alice", "bob")
    bob = scene.one("SELECT email FROM yp.drumate WHERE id = :bob")
    word = bob.partition("@")[0]
    (card,) = documents([(data,) for data in listed(word)])
    assert (card["id"], card["uid"]) == (
        scene["alice_bob"] if form == "contact" else scene["bob"],
        scene["bob"],
    )
    scene.sets(
        "INSERT INTO yp.contact_block (owner_id, contact_id, entity, ctime) "
        f"VALUES (:alice, '{ids[0]}', 'ann@search.example', 0)"
    )
    assert [json.loads(card)["is_blocked"] for card in listed("search")] == [1, 0, 0]
