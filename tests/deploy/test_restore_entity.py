"""Restore one user from an archive into a running service: the others and their data stay as they are."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from service.admin.registry import Registry
from service.deploy.backup import backup
from service.deploy.move import move
from service.deploy.relations import fitting
from service.deploy.restore_entity import Restored, restore_entity, wanted_lines
from service.settings import Settings
from service.store.admin import DeployError
from tests.support.admin import SECOND_SHARD, Admin
from tests.support.people import People, Person, befriend

TABLES = ("contact", "contact_email", "tag", "map_tag", "contact_group", "message")


def rows_of(admin: Admin, person: Person) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of a user."""
    return {
        table: sorted(
            admin.rows(f"SELECT * FROM {person.shard}.{table} WHERE owner_id = %s", person.uid), key=str
        )
        for table in TABLES
    }


async def add(person: Person, name: str) -> str:
    """Add a contact; return its id."""
    email = [{"email": f"{name}@example.com", "is_default": 1}]
    return str((await person.ok("contact.add", firstname=name, lastname="Test", email=email))["id"])


async def names(person: Person) -> set[str]:
    """Return the contacts that the user sees."""
    return {row["surname"] for row in await person.ok("contact.show_contact")}


async def restored(settings: Settings, path: Path, person: Person, replace: bool = False) -> Restored:
    """Restore in a thread, as another process does."""
    return await asyncio.to_thread(restore_entity, settings, path, person.email, replace)


async def archive(settings: Settings, folder: Path) -> Path:
    """Make a backup; return its path."""
    path = folder / "b.tar.gz"
    await asyncio.to_thread(backup, settings, path)
    return path


def revision(admin: Admin, person: Person) -> int:
    """Return the revision of an address book, which clients keep as their token."""
    return int(admin.one(f"SELECT rev FROM {person.shard}.contact_ledger WHERE owner_id = %s", person.uid))


async def test_an_address_book_that_was_lost_comes_back(
    people: People, settings: Settings, admin: Admin, tmp_path: Path
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    for name in ("ada", "grace"):
        await add(alice, name)
    await add(bob, "edsger")
    tab = await alice.tab()
    before, visible = rows_of(admin, alice), await names(alice)
    path = await archive(settings, tmp_path)
    tables = (
        "contact",
        "contact_email",
        "contact_record",
        "contact_index",
        "contact_event",
        "contact_ledger",
    )
    for table in tables:
        admin.rows(f"DELETE FROM {alice.shard}.{table} WHERE owner_id = %s", alice.uid)
    await add(bob, "later")
    of_bob = rows_of(admin, bob)
    assert await names(alice) == set()

    assert (await restored(settings, path, alice)).entity == alice.uid
    assert rows_of(admin, alice) == before
    assert await names(alice) == visible
    assert [row["surname"] for row in await alice.ok("contact.search", key="grace")] == ["grace Test"]
    assert rows_of(admin, bob) == of_bob
    await add(alice, "new")
    # the session and its socket are as they were
    assert (await tab.expect("contact.add"))["model"]["surname"] == "new Test"
    assert admin.rows("SHOW DATABASES LIKE 'drumee_check%'") == []
    assert admin.one("SELECT COUNT(*) FROM yp.entity_move") == 0


async def test_data_of_now_are_replaced_by_name_only_and_clients_see_it(
    people: People, settings: Settings, admin: Admin, tmp_path: Path
) -> None:
    alice = await people("Alice")
    old, deleted = await add(alice, "kept"), await add(alice, "lost")
    path = await archive(settings, tmp_path)
    await alice.ok("contact.delete_contact", contact_id=deleted)
    later = await add(alice, "later")
    now, token = rows_of(admin, alice), revision(admin, alice)

    with pytest.raises(DeployError, match=r"contact: \d rows now, 2 in the archive; 1 of now are not in it"):
        await restored(settings, path, alice)
    assert rows_of(admin, alice) == now

    await restored(settings, path, alice, replace=True)
    assert await names(alice) == {"kept Test", "lost Test"}
    assert revision(admin, alice) > token
    call = f"CALL {alice.shard}.my_contact_changes(%s, %s, 100)"
    assert admin.refusal(call, alice.uid, token) == "TOO_OLD"
    events = admin.rows(f"CALL {alice.shard}.my_contact_events(%s, %s, 100)", alice.uid, token)
    assert sorted(event for _, event, _ in events) == ["created", "purged", "updated"]
    states = f"SELECT contact_id, state FROM {alice.shard}.contact_record WHERE owner_id = %s"
    assert dict(admin.rows(states, alice.uid)) == {old: "active", deleted: "active", later: "purged"}
    assert len(await alice.ok("contact.show_contact")) == 2
    await add(alice, "more")


async def test_a_user_who_has_moved_since_comes_back_where_they_live_now(
    people: People, settings: Settings, admin: Admin, tmp_path: Path
) -> None:
    alice = await people("Alice")
    await add(alice, "ada")
    path = await archive(settings, tmp_path)
    target = SECOND_SHARD if alice.shard != SECOND_SHARD else "shard1"
    await asyncio.to_thread(move, settings, alice.email, target)
    await add(alice, "later")
    assert (await restored(settings, path, alice, replace=True)).db == target
    assert await names(alice) == {"ada Test"}


async def test_relations_stay_as_the_other_side_has_them(
    people: People, settings: Settings, admin: Admin, tmp_path: Path
) -> None:
    alice, ended, later, asked = [await people(name) for name in ("Alice", "Ended", "Later", "Asked")]
    await befriend(admin, alice, ended)
    path = await archive(settings, tmp_path)
    ((contact,),) = admin.rows(
        f"SELECT id FROM {ended.shard}.contact WHERE owner_id = %s AND peer_id = %s", ended.uid, alice.uid
    )
    await ended.ok("contact.delete_contact", contact_id=contact)
    await befriend(admin, alice, later)
    await asked.ok("contact.add", invitee_id=alice.uid, invite=1)
    others = [rows_of(admin, person) for person in (ended, later, asked)]

    await restored(settings, path, alice, replace=True)
    assert [rows_of(admin, person) for person in (ended, later, asked)] == others
    statuses = dict(
        admin.rows(f"SELECT peer_id, status FROM {alice.shard}.contact WHERE owner_id = %s", alice.uid)
    )
    assert statuses == {ended.uid: "memory", later.uid: "active", asked.uid: "received"}
    assert await later.ok("contact.show_contact")


async def test_a_user_who_was_deleted_can_sign_in_again(
    people: People, settings: Settings, admin: Admin, tmp_path: Path
) -> None:
    alice = await people("Alice")
    await add(alice, "ada")
    path = await archive(settings, tmp_path)
    for table in ("contact", "contact_record", "contact_index", "contact_ledger"):
        admin.rows(f"DELETE FROM {alice.shard}.{table} WHERE owner_id = %s", alice.uid)
    hubs = [hub for (hub,) in admin.rows("SELECT id FROM yp.hub WHERE owner_id = %s", alice.uid)]
    admin.rows("DELETE FROM yp.hub WHERE owner_id = %s", alice.uid)
    admin.rows("DELETE FROM yp.drumate WHERE id = %s", alice.uid)
    admin.rows("DELETE FROM yp.entity WHERE id IN %s", [alice.uid, *hubs])
    assert (await alice.call("contact.show_contact")).status != 200
    await restored(settings, path, alice)
    await alice.sign_in()
    assert await names(alice) == {"ada Test"}


async def test_a_hub_comes_back_with_its_nodes(
    people: People, settings: Settings, registry: Registry, admin: Admin, tmp_path: Path
) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    admin.rows(
        f"INSERT INTO {alice.shard}.media (owner_id, id, author_id, filename, ctime, mtime) "
        "VALUES (%s, '00000000000000aa', %s, 'plan', 1, 1)",
        hub,
        alice.uid,
    )
    path = await archive(settings, tmp_path)
    admin.rows(f"DELETE FROM {alice.shard}.media WHERE owner_id = %s", hub)
    await asyncio.to_thread(restore_entity, settings, path, hub)
    assert admin.rows(f"SELECT filename FROM {alice.shard}.media WHERE owner_id = %s", hub) == [("plan",)]


async def test_somebody_who_is_not_in_the_archive_is_refused(
    people: People, settings: Settings, admin: Admin, tmp_path: Path
) -> None:
    path = await archive(settings, tmp_path)
    alice = await people("Alice")
    with pytest.raises(DeployError, match="neither a user nor a hub in"):
        await restored(settings, path, alice)
    assert admin.rows("SHOW DATABASES LIKE 'drumee_check%'") == []


@pytest.mark.parametrize(
    ("status", "other", "wanted"),
    [
        ("active", "informed", "active"),
        ("memory", "active", "active"),
        ("active", "none", "memory"),
        ("received", "none", "gone"),
        ("received", "sent", "received"),
        ("active", "sent", "invitation"),
        ("memory", "received", "sent"),
    ],
)
def test_a_status_fits_that_of_the_other_side(status: str, other: str, wanted: str) -> None:
    assert fitting(status, other) == wanted


def test_only_wanted_rows_of_a_dump_are_loaded() -> None:
    dump = b"""USE `shard1`;
CREATE TABLE `tag` (
  `owner_id` char(16)
);
INSERT INTO `tag` VALUES
('a','INSERT INTO `x` VALUES'),
('b','one\\n'),
('a',NULL);
DELIMITER ;;
CREATE TRIGGER x
;;
DELIMITER ;
INSERT INTO `message` VALUES
('b',1);
-- Dumping routines for database 'shard1'
CREATE PROCEDURE p()"""
    text = b"".join(wanted_lines(dump.split(b"\n"), lambda _, row: row.startswith(b"('a'")))
    assert text == (
        b"CREATE TABLE `tag` (\n  `owner_id` char(16)\n);\n"
        b"INSERT INTO `tag` VALUES\n('a','INSERT INTO `x` VALUES'),\n('a',NULL);\n"
    )
