"""tagcontact.*: a tree of labels."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.support.contacts import add_contact, surnames
from tests.support.people import FRONTEND, People, Person


async def tag(person: Person, name: str, **more: Any) -> str:
    return str((await person.ok("tagcontact.add", name=name, **more))["tag_id"])


async def test_tags_are_a_tree_that_lists_show_level_by_level(people: People) -> None:
    alice = await people("Alice")
    work = await tag(alice, "Work")
    team = await tag(alice, "Team", parent_id=work)
    family = await tag(alice, "Family")
    top = await alice.ok("tagcontact.show_tag_by", order="position")
    assert [(t["name"], t["is_any_child"], t["position"]) for t in top] == [("Work", 1, 1), ("Family", 0, 3)]
    assert [t["tag_id"] for t in await alice.ok("tagcontact.show_tag_by", tag_id=work)] == [team]
    assert [t["tag_id"] for t in await alice.ok("tagcontact.show_tag_by", search="am")] == [team, family]
    assert [t["tag_id"] for t in await alice.ok("tagcontact.show_tag_by", order="desc")] == [family, work]
    assert await alice.ok("tagcontact.show_tag_by", page=2) == []


async def test_names_are_unique(people: People) -> None:
    alice = await people("Alice")
    made = await asyncio.gather(*(alice.ok("tagcontact.add", name="Work") for _ in range(4)))
    assert sorted(t["name"] for t in made) == ["Work", "Work (2)", "Work (3)", "Work (4)"]
    assert sorted(t["position"] for t in made) == [1, 2, 3, 4]
    other = await tag(alice, "Other")
    assert (await alice.ok("tagcontact.rename", tag_id=other, name="Work"))["name"] == "Work (5)"
    assert (await alice.ok("tagcontact.rename", tag_id=other, name="Work (5)"))["name"] == "Work (5)"


async def test_cycles_are_refused(people: People) -> None:
    alice = await people("Alice")
    a = await tag(alice, "A")
    b = await tag(alice, "B", parent_id=a)
    c = await tag(alice, "C", parent_id=b)
    for parent in (a, c):
        answer = await alice.call("tagcontact.tag_assign", tag_id=a, parent_id=parent)
        assert (answer.status, answer.code) == (409, "CANT_ASSIGN")
    assert (await alice.ok("tagcontact.tag_assign", tag_id=c, parent_id=""))["parent_tag_id"] is None
    assert (await alice.ok("tagcontact.tag_assign", tag_id=a, parent_id=c))["parent_tag_id"] == c


async def test_two_moves_at_once_make_no_cycle(people: People) -> None:
    alice = await people("Alice")
    a, b = await tag(alice, "A"), await tag(alice, "B")
    answers = await asyncio.gather(
        alice.call("tagcontact.tag_assign", tag_id=a, parent_id=b),
        alice.call("tagcontact.tag_assign", tag_id=b, parent_id=a),
    )
    assert sorted(x.status for x in answers) == [200, 409]


async def test_removing_a_tag_removes_those_below_however_deep(people: People) -> None:
    alice = await people("Alice")
    chain = [await tag(alice, "T0")]
    for level in range(1, 20):
        chain.append(await tag(alice, f"T{level}", parent_id=chain[-1]))
    ada = await add_contact(alice, "Ada A", "ada@x.example", tag=[chain[-1]])
    assert await surnames(alice, tag_id=chain[0]) == ["Ada A"]
    answer = await alice.ok("tagcontact.remove", tag_id=chain[0])
    assert sorted(answer["removed"]) == sorted(chain)
    assert await alice.ok("tagcontact.show_tag_by") == []
    assert (await alice.ok("contact.get_contact", contact_id=ada["id"]))["tag"] == []


async def test_new_order_is_all_or_nothing(people: People) -> None:
    alice = await people("Alice")
    a, b, c = [await tag(alice, name) for name in "ABC"]
    moved = await alice.ok("tagcontact.reposition", content=[c, a])
    assert [t["tag_id"] for t in moved] == [c, a, b]
    answer = await alice.call("tagcontact.reposition", content=[b, "0123456789abcdef"])
    assert (answer.status, answer.code) == (404, "TAG_NOT_FOUND")
    assert [t["tag_id"] for t in await alice.ok("tagcontact.show_tag_by")] == [c, a, b]


async def test_tags_of_a_contact_are_replaced_as_a_whole(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    ada = await add_contact(alice, "Ada A", "ada@x.example")
    a, b = await tag(alice, "A"), await tag(alice, "B")
    foreign = await tag(bob, "Foreign")
    assigned = await alice.ok("tagcontact.entity_assign", entity_id=ada["id"], tag=[b, a])
    assert [t["tag_id"] for t in assigned] == [a, b]
    for entity, tags, code in (
        (ada["id"], [a, foreign], "TAG_NOT_FOUND"),
        ("0123456789abcdef", [a], "INVALID_ENTITY"),
    ):
        answer = await alice.call("tagcontact.entity_assign", entity_id=entity, tag=tags)
        assert (answer.status, answer.code) == (404, code)
    assert await alice.ok("tagcontact.entity_assign_get", entity_id=ada["id"]) == assigned
    assert await alice.ok("tagcontact.entity_assign", entity_id=ada["id"], tag=[]) == []
    assert await alice.ok("tagcontact.entity_assign_get") == []
    # Every user with access to a hub can tag it.
    wicket = (await alice.ok("desk.get_env"))["wicket_id"]
    assert len(await alice.ok("tagcontact.entity_assign", entity_id=wicket, tag=[a])) == 1
    stolen = await bob.call("tagcontact.entity_assign", entity_id=wicket, tag=[])
    assert stolen.code == "INVALID_ENTITY"


async def test_unknown_tags_are_refused(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    bob_tag = await tag(bob, "Theirs")
    alice_tag = await tag(alice, "Mine")
    for service, args, code in (
        ("rename", {"tag_id": bob_tag, "name": "x"}, "TAG_NOT_FOUND"),
        ("remove", {"tag_id": bob_tag}, "TAG_NOT_FOUND"),
        ("tag_assign", {"tag_id": bob_tag}, "TAG_NOT_FOUND"),
        ("tag_assign", {"tag_id": alice_tag, "parent_id": bob_tag}, "PARENT_TAG_NOT_FOUND"),
        ("add", {"name": "x", "parent_id": bob_tag}, "PARENT_TAG_NOT_FOUND"),
    ):
        answer = await alice.call(f"tagcontact.{service}", **args)
        assert (answer.status, answer.code) == (404, code), service
        # The frontend removes a tag from its screen, or draws it anew, on any 200.
        assert (await alice.call(f"tagcontact.{service}", FRONTEND, **args)).status == 404, service


async def test_the_frontend_gets_a_list_when_tags_cannot_be_assigned(people: People) -> None:
    alice = await people("Alice")
    unknown = {"hub_id": alice.uid, "entity_id": "feedfeedfeedfeed", "tag": [await tag(alice, "Work")]}
    refused = await alice.call("tagcontact.entity_assign", FRONTEND, **unknown)
    assert (refused.status, refused.data, refused.body["code"]) == (200, [], "INVALID_ENTITY")
    assert (refused.body["error_code"], "error" in refused.body) == (404, False)
    refused = await alice.call("tagcontact.reposition", FRONTEND, content=["feedfeedfeedfeed"])
    assert (refused.data, refused.body["code"]) == ([], "TAG_NOT_FOUND")
