"""Moving somebody to another shard: nothing is lost, others notice nothing, a kill undoes it."""

from __future__ import annotations

import asyncio
import signal
import sys
from types import SimpleNamespace
from typing import cast

import pytest

from service import ROOT
from service.database import Database, ResultSet
from service.demo import ALICE, Registry
from service.deploy.connection import DeployError
from service.deploy.move import move
from service.presence import Presence
from service.push import Pusher
from service.settings import Settings
from tests.conftest import SECOND_SHARD, Admin
from tests.deploy.conftest import cli_environment
from tests.people import People, Person, befriend

TABLES = ("contact", "contact_email", "contact_phone", "contact_term", "tag", "map_tag", "contact_group")


def rows_of(admin: Admin, person: Person, db: str) -> dict[str, list[tuple[object, ...]]]:
    """What a shard holds of somebody."""
    return {
        table: sorted(admin.rows(f"SELECT * FROM {db}.{table} WHERE owner_id = %s", person.uid), key=str)
        for table in TABLES
    }


async def add(person: Person, name: str) -> tuple[int, str]:
    """Add a contact; (HTTP status, its email)."""
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


async def test_everything_moves_and_back(people: People, settings: Settings, admin: Admin) -> None:
    alice = await people("Alice")
    for name in ("ada", "grace", "edsger"):
        assert (await add(alice, name))[0] == 200
    before = rows_of(admin, alice, "shard1")
    shown = await alice.ok("contact.show_contact")

    moved = await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    assert moved is not None
    assert moved.rows >= 9
    assert rows_of(admin, alice, SECOND_SHARD) == before
    assert not any(rows_of(admin, alice, "shard1").values())
    assert await alice.ok("contact.show_contact") == shown
    assert (await add(alice, "later"))[0] == 200

    assert await asyncio.to_thread(move, settings, alice.email, SECOND_SHARD) is None
    back = await asyncio.to_thread(move, settings, alice.email, "shard1")
    assert back is not None
    assert len(await alice.ok("contact.show_contact")) == 4
    assert admin.one("SELECT COUNT(*) FROM yp.entity_move") == 0


async def test_while_one_is_moved_the_others_work_and_nothing_is_lost(
    people: People, settings: Settings, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    done = asyncio.Event()
    kept: dict[str, list[str]] = {alice.uid: [], bob.uid: []}
    statuses: dict[str, set[int]] = {alice.uid: set(), bob.uid: set()}

    async def work(person: Person, worker: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            status, email = await add(person, f"w{worker}n{number}")
            statuses[person.uid].add(status)
            if status == 200:
                kept[person.uid].append(email)

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
        found = admin.rows(f"SELECT entity FROM {shard}.contact WHERE owner_id = %s", person.uid)
        assert sorted(kept[person.uid]) == sorted(email for (email,) in found)
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


def test_what_cannot_be_moved_is_refused(settings: Settings) -> None:
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
    hers, his = await alice.tab(), await bob.tab()
    await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    told = len(his.updates("user.connection_status"))
    await hers.ws.send_str('["sys.ping", {"type": "publishOfflineStatus"}]')
    assert (await his.expect("user.connection_status", told + 1))["model"]["status"] == 0
    await hers.ws.send_str('["sys.ping", {"type": "publishOnlineStatus"}]')
    assert (await his.expect("user.connection_status", told + 2))["model"]["status"] == 1
    await hers.cut()
    assert (await his.expect("user.connection_status", told + 3))["model"]["status"] == 0


async def test_presence_looked_up_before_a_move_is_told_from_the_new_shard(
    people: People, settings: Settings, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    his = await bob.tab()
    await asyncio.to_thread(move, settings, alice.uid, SECOND_SHARD)
    database = Database(settings)
    sent: list[ResultSet] = []
    pusher = cast(Pusher, SimpleNamespace(send=lambda recipients, _: sent.append(recipients)))
    told = await Presence(database, pusher).publish(alice.uid, "shard1")
    assert told == {"user_id": alice.uid, "status": 0}
    assert [his.id in sockets for _, sockets in sent[0]] == [True]
    await database.close()
