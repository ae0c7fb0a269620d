"""Move a user to another shard: nothing is lost, others notice nothing, a kill undoes it."""

from __future__ import annotations

import asyncio
import signal
import sys
from types import SimpleNamespace
from typing import cast

import pytest

from service import ROOT
from service.admin.demo import ALICE
from service.admin.registry import Registry
from service.deploy.move import move
from service.live.presence import Presence
from service.live.push import Pusher
from service.settings import Settings
from service.store.admin import DeployError
from service.store.database import Database, ResultSet
from tests.support.admin import SECOND_SHARD, Admin
from tests.support.people import People, Person, befriend
from tests.support.sites import cli_environment

TABLES = ("contact", "contact_email", "contact_phone", "contact_index", "tag", "map_tag", "contact_group")


def rows_of(admin: Admin, person: Person, db: str) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows that a shard holds of a user."""
    # The international form of a number is filled beside the heartbeat, during a move as well.
    columns = dict.fromkeys(TABLES, "*") | {
        "contact_phone": "id, contact_id, areacode, phone, label, position"
    }
    return {
        table: sorted(
            admin.rows(f"SELECT {columns[table]} FROM {db}.{table} WHERE owner_id = %s", person.uid), key=str
        )
        for table in TABLES
    }


async def add(person: Person, name: str) -> tuple[int, str]:
    """Add a contact; return (HTTP status, its email)."""
    email = f"{name}@example.com"
    answer = await person.call(
        "contact.add",
        firstname=name,
        lastname="Test",
        email=[{"email": email, "is_default": 1}],
        mobile=[{"areacode": "+1", "phone": "555"}],
    )
    if answer.status == 503:
        assert answer.headers["Retry-After"]
    return answer.status, email


async def test_all_rows_move_to_a_shard_and_back(people: People, settings: Settings, admin: Admin) -> None:
    alice = await people("Alice")
    for name in ("ada", "grace", "edsger"):
        assert (await add(alice, name))[0] == 200
    before = rows_of(admin, alice, "shard1")
    contacts = await alice.ok("contact.show_contact")

    moved = await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    assert moved is not None
    assert moved.rows >= 9
    assert rows_of(admin, alice, SECOND_SHARD) == before
    assert not any(rows_of(admin, alice, "shard1").values())
    assert await alice.ok("contact.show_contact") == contacts
    assert (await add(alice, "later"))[0] == 200

    assert await asyncio.to_thread(move, settings, alice.email, SECOND_SHARD) is None
    back = await asyncio.to_thread(move, settings, alice.email, "shard1")
    assert back is not None
    assert len(await alice.ok("contact.show_contact")) == 4
    assert admin.one("SELECT COUNT(*) FROM yp.entity_move WHERE entity_id = %s", alice.uid) == 0


async def test_other_users_work_during_a_move_and_nothing_is_lost(
    people: People, settings: Settings, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    done = asyncio.Event()
    accepted: dict[str, list[str]] = {alice.uid: [], bob.uid: []}
    statuses: dict[str, set[int]] = {alice.uid: set(), bob.uid: set()}

    async def work(person: Person, worker: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            status, email = await add(person, f"w{worker}n{number}")
            statuses[person.uid].add(status)
            if status == 200:
                accepted[person.uid].append(email)

    workers = [asyncio.create_task(work(p, n)) for n in range(4) for p in (alice, bob)]
    for shard in (SECOND_SHARD, "shard1", SECOND_SHARD):
        await asyncio.sleep(0.3)
        await asyncio.to_thread(move, settings, alice.uid, shard)
    await asyncio.sleep(0.3)
    done.set()
    await asyncio.gather(*workers)

    assert statuses[bob.uid] == {200}
    assert statuses[alice.uid] == {200, 503}
    for person, shard in ((alice, SECOND_SHARD), (bob, "shard1")):
        rows = admin.rows(f"SELECT entity FROM {shard}.contact WHERE owner_id = %s", person.uid)
        assert sorted(accepted[person.uid]) == sorted(email for (email,) in rows)
    assert admin.one("SELECT COUNT(*) FROM shard1.contact WHERE owner_id = %s", alice.uid) == 0


async def test_a_write_to_the_shard_somebody_has_left_is_refused(
    people: People, settings: Settings, registry: Registry, admin: Admin
) -> None:
    alice = await people("Alice")
    await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    assert admin.refusal("CALL shard1.tag_add(%s, 'late', NULL)", alice.uid) == "MOVING"


@pytest.mark.parametrize("step", ["blocked", "contact", "tag", "copied"])
async def test_a_move_that_is_killed_has_not_happened_and_can_be_repeated(
    people: People, settings: Settings, admin: Admin, step: str
) -> None:
    alice = await people("Alice")
    for name in ("ada", "grace"):
        assert (await add(alice, name))[0] == 200
    before = rows_of(admin, alice, "shard1")
    code = (
        "import sys, time\n"
        "from service.deploy.move import move\n"
        "from service.settings import Settings\n"
        "def pause(step):\n"
        "    if step == sys.argv[2]:\n"
        "        print('here', flush=True); time.sleep(60)\n"
        f"move(Settings.from_env(), sys.argv[1], {SECOND_SHARD!r}, pause)\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, alice.uid, step),
        cwd=ROOT,
        env=cli_environment(settings),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"here\n"
    answer = await alice.call("contact.show_contact")
    assert (answer.status, bool(answer.headers.get("Retry-After"))) == (503, True)
    process.send_signal(signal.SIGKILL)
    await process.wait()

    moved = await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    assert moved is not None
    assert rows_of(admin, alice, SECOND_SHARD) == before
    assert len(await alice.ok("contact.show_contact")) == 2


def test_impossible_moves_are_refused(settings: Settings) -> None:
    with pytest.raises(DeployError, match="neither the id of a person or hub"):
        move(settings, "nobody@example.org", SECOND_SHARD)
    with pytest.raises(DeployError, match=r"SHARD=nowhere is no shard"):
        move(settings, Registry(settings).add_person("m@example.org", "M", "M", "-", None)[0], "nowhere")


async def test_a_hub_moves_with_its_nodes(
    people: People, settings: Settings, registry: Registry, admin: Admin
) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    admin.rows(
        "INSERT INTO shard1.media (owner_id, id, author_id, filename, ctime, mtime) "
        "VALUES (%s, '00000000000000aa', %s, 'plan', 1, 1)",
        hub,
        ALICE,
    )
    moved = await asyncio.to_thread(move, settings, hub, SECOND_SHARD)
    assert moved is not None
    assert admin.one(f"SELECT COUNT(*) FROM {SECOND_SHARD}.media WHERE owner_id = %s", hub) == 1
    assert admin.one("SELECT db_name FROM yp.entity WHERE id = %s", hub) == SECOND_SHARD


async def test_an_open_tab_tells_its_presence_from_the_new_shard(
    people: People, settings: Settings, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    count = len(bob_tab.updates("user.connection_status"))
    await alice_tab.ws.send_str('["sys.ping", {"type": "publishOfflineStatus"}]')
    assert (await bob_tab.expect("user.connection_status", count + 1))["model"]["status"] == 0
    await alice_tab.ws.send_str('["sys.ping", {"type": "publishOnlineStatus"}]')
    assert (await bob_tab.expect("user.connection_status", count + 2))["model"]["status"] == 1
    await alice_tab.cut()
    assert (await bob_tab.expect("user.connection_status", count + 3))["model"]["status"] == 0


async def test_presence_read_before_a_move_is_published_from_the_new_shard(
    people: People, settings: Settings, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    bob_tab = await bob.tab()
    await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    database = Database(settings)
    sent: list[ResultSet] = []
    pusher = cast(Pusher, SimpleNamespace(send=lambda recipients, _: sent.append(recipients)))
    presence = await Presence(database, pusher).publish(database, alice.uid, "shard1")
    assert presence == {"user_id": alice.uid, "status": 0}
    assert [bob_tab.id in sockets for _, sockets in sent[0]] == [True]
    await database.close()
