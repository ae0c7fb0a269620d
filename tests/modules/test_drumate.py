"""drumate.*: what the desk asks about the account, as the frontend sends it."""

from __future__ import annotations

from typing import Any

from tests.support.people import FRONTEND, People, Person


async def test_the_introduction_is_shown_until_it_was_seen(people: People) -> None:
    alice = await people("Alice")
    before = (await alice.ok("yp.get_env"))["user"]["profile"]
    assert "intro" not in before
    for _ in range(2):
        answer = await alice.call("drumate.intro_acknowledged", FRONTEND, hub_id=alice.uid)
        assert (answer.status, answer.data) == (200, {"profile": before | {"intro": "no"}})
    # A new session, as after a restart of the browser, reads it from the database.
    await alice.sign_in()
    assert (await alice.ok("yp.get_env"))["user"]["profile"] == before | {"intro": "no"}


async def test_the_desk_finds_no_reminders(people: People) -> None:
    alice = await people("Alice")
    at_boot = {"hub_id": alice.uid, "nid": "undefined"}
    answer = await alice.call("reminder.list", FRONTEND, **at_boot)
    assert (answer.status, answer.data) == (200, [])
    assert (await (await people.stranger()).call("reminder.list", FRONTEND)).status == 401


async def bell(person: Person) -> list[dict[str, Any]]:
    """Return the rows of the notification center."""
    answer = await person.call("drumate.notification_center", FRONTEND, hub_id=person.uid)
    assert answer.status == 200
    rows: list[dict[str, Any]] = answer.data
    return rows


def items(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return the number that the frontend shows for each key under which it keeps a row."""
    counts: dict[str, int] = {}
    for row in rows:
        entity = row.get("entity")
        is_entity_key = not row.get("key_id") and isinstance(entity, dict)
        counts.setdefault(entity["contact_id"] if is_entity_key and entity else row["hub_id"], row["cnt"])
    return counts


async def test_the_bell_shows_each_inviter_and_the_address_book_their_number(people: People) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    for inviter in (bob, carol):
        await inviter.ok("contact.invite", email=alice.email)
    rows = await bell(alice)
    assert {(r["area"], r["category"], r["drumate_id"], r["surname"]) for r in rows} == {
        ("personal", "contact", bob.uid, "Bob Test"),
        ("personal", "contact", carol.uid, "Carol Test"),
    }
    assert {r["firstname"] for r in rows} == {"Bob", "Carol"}
    assert all(isinstance(r["ctime"], int) and r["contact_id"] for r in rows)
    assert len(items(rows)) == 2
    assert items(rows)[alice.uid] == 2, "the badge of the address book"


async def test_the_trash_of_a_row_removes_it_in_every_tab(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await bob.ok("contact.invite", email=alice.email)
    await alice.ok("contact.invite_accept", email=bob.uid, hub_id=alice.uid)
    (row,) = await bell(alice)
    assert (row["category"], row["area"], row["drumate_id"]) == ("chat", "personal", bob.uid)
    tabs = [await alice.tab(), await alice.tab()]
    place = {"hub_id": alice.uid, "socket_id": tabs[0].id, "device_id": "ddi_4"}
    removed = await alice.call("drumate.notification_remove", FRONTEND, entity_id=bob.uid, **place)
    assert (removed.status, removed.data) == (200, {"ok": 1})
    for tab in tabs:
        assert (await tab.expect("drumate.notification_remove"))["model"]["ok"] == 1
        assert (await tab.expect("chat.acknowledge"))["model"]["total"] == 0
    assert await bell(alice) == []
    # Bob's acceptance notice goes, too, though his address book keeps it.
    assert [r["category"] for r in await bell(bob)] == ["contact", "chat"]
    for entity in (alice.uid, "undefined", "feedfeedfeedfeed"):
        await bob.call("drumate.notification_remove", FRONTEND, entity_id=entity, hub_id=bob.uid)
    assert await bell(bob) == []
    assert len(await bob.ok("contact.invite_get")) == 1


async def test_the_count_of_a_deleted_contact_disappears_on_both_sides(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    await bob.ok("contact.invite", email=alice.email)
    await alice.ok("contact.invite_accept", email=bob.uid)
    await bob.ok("contact.accept_informed", email=alice.uid)
    assert [[r["category"] for r in await bell(person)] for person in (alice, bob)] == [["chat"], ["chat"]]
    contact = await alice.ok("contact.get", uid=bob.uid)
    await alice.ok("contact.delete_contact", contact_id=contact["id"], hub_id=alice.uid)
    assert [await bell(person) for person in (alice, bob)] == [[], []]


async def test_somebody_else_can_remove_nothing(people: People) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    await bob.ok("contact.invite", email=alice.email)
    refused = await carol.call("drumate.notification_remove", FRONTEND, hub_id=alice.uid, entity_id=bob.uid)
    assert refused.status in {200, 403}
    assert len(await bell(alice)) == 1
