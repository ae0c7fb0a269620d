"""The service logs every call in both conversations, whoever is left to say how it ended."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.admin import Admin
from tests.support.conferences import Line, answered_ago, dial, log_of, logged, wicket_of
from tests.support.nodes import NodeMaker
from tests.support.people import QUIET, People, befriend


@pytest.fixture
async def impatient(make_node: NodeMaker, people: People) -> Line:
    """Create two users on a node where a lost socket leaves its rooms at once."""
    base = (await make_node(socket_grace=1)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base, shard="shard2")
    return await Line.between(alice, bob)


async def talk(line: Line, admin: Admin, seconds: int = 70) -> dict[str, str]:
    """Let Alice and Bob have talked for so long; return hub and room."""
    call = await line.ring()
    await line.pick_up(call)
    await answered_ago(admin, call["room_id"], seconds)
    return {"hub_id": call["hub_id"], "room_id": call["room_id"]}


async def logged_alike(line: Line, admin: Admin) -> tuple[str, int]:
    """Return event and duration of the only call of both, which each sees from their side."""
    (caller_entry,) = await logged(admin, line.alice, line.bob)
    (callee_entry,) = await logged(admin, line.bob, line.alice)
    assert caller_entry[:4] == (*callee_entry[:2], "caller", line.alice.uid)
    assert callee_entry[2:4] == ("callee", line.alice.uid)
    assert caller_entry[5] == callee_entry[5]
    return caller_entry[0], caller_entry[1]


@pytest.mark.parametrize("side", ["caller", "callee"])
async def test_a_call_is_logged_whichever_side_hangs_up(line: Line, admin: Admin, side: str) -> None:
    here = await talk(line, admin)
    person, tab = (line.alice, line.a1) if side == "caller" else (line.bob, line.b1)
    await person.ok("conference.leave", room_id=here["room_id"], socket_id=tab.id)
    event, duration = await logged_alike(line, admin)
    assert event == "leave"
    assert 70_000 <= duration < 100_000
    for each in (line.a1, line.b1):
        assert (await each.expect("chat.post"))["model"]["call_duration"] == duration
    # The other side notices, and leaves too.
    for person, tab in ((line.alice, line.a1), (line.bob, line.b1)):
        await person.ok("conference.leave", room_id=here["room_id"], socket_id=tab.id)
    await line.a1.nothing("chat.post")
    assert len(log_of(admin, line.alice, line.bob)) == 1


@pytest.mark.parametrize("crashes", ["caller", "callee", "both"])
async def test_a_call_is_logged_when_browsers_crash(impatient: Line, admin: Admin, crashes: str) -> None:
    line = impatient
    await talk(line, admin)
    for tab in {"caller": [line.a1], "callee": [line.b1], "both": [line.a1, line.b1]}[crashes]:
        await tab.cut()
    event, duration = await logged_alike(line, admin)
    assert event == "leave"
    assert 60_000 <= duration < 100_000


async def test_a_browser_that_crashes_has_talked_until_then(
    make_node: NodeMaker, people: People, admin: Admin
) -> None:
    """No ping comes before the crash, so nothing but the end of the connection tells how long it lasted."""
    base = (await make_node(socket_grace=1, socket_keepalive=600)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    line = await Line.between(alice, bob)
    await line.pick_up(await line.ring())
    await asyncio.sleep(3)
    await line.b1.cut()
    event, duration = await logged_alike(line, admin)
    assert event == "leave"
    # Both ends are rounded to seconds.
    assert duration >= 1_000


async def test_a_call_is_logged_by_another_process_when_its_own_ends(
    make_node: NodeMaker, people: People, admin: Admin
) -> None:
    leaving = await make_node(socket_grace=1)
    base = leaving.make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base, shard="shard2")
    line = await Line.between(alice, bob)
    await talk(line, admin)
    await leaving.close()
    assert (await logged_alike(line, admin))[0] == "leave"


async def test_a_decline_is_logged_when_the_page_of_the_caller_is_gone(line: Line, admin: Admin) -> None:
    call = await line.ring()
    await line.a1.cut()
    await line.bob.ok("conference.decline", caller=call, room_id=call["room_id"])
    assert (await logged_alike(line, admin))[0] in {"reject", "cancel"}


async def test_a_participant_who_is_taken_out_has_talked(line: Line, admin: Admin) -> None:
    here = await talk(line, admin)
    await line.alice.ok("conference.revoke", callee=line.callee(), socket_id=line.a1.id, **here)
    event, duration = await logged_alike(line, admin)
    assert event == "leave"
    assert duration >= 70_000


async def test_a_host_who_ends_the_call_has_talked(line: Line, admin: Admin) -> None:
    here = await talk(line, admin)
    await line.alice.ok("conference.cancel", socket_id=line.a1.id, **here)
    assert (await logged_alike(line, admin))[0] == "leave"


ENDS = ("the time is over", "kicked", "ended by the host", "signed out", "account frozen", "right lost")


@pytest.mark.parametrize("end", ENDS)
async def test_a_call_is_logged_however_the_service_ends_it(line: Line, admin: Admin, end: str) -> None:
    here = await talk(line, admin)
    command = {"room_id": here["room_id"], "socket_id": line.a1.id}
    if end == "kicked":
        await line.alice.ok("conference.kick", to=line.bob.uid, **command)
    elif end == "ended by the host":
        await line.alice.ok("conference.end", **command)
    elif end == "signed out":
        await line.bob.ok("drumate.logout")
    else:
        change = {
            "the time is over": "UPDATE yp.conference_room SET minutes = 1, started_at = 1 WHERE id = %s",
            "account frozen": "UPDATE yp.entity SET status = 'frozen' WHERE id = %s",
            "right lost": "DELETE FROM yp.permission WHERE entity_id = %s AND assign_via = 'no_traversal'",
        }[end]
        whose = here["room_id"] if end == "the time is over" else line.bob.uid
        await asyncio.to_thread(admin.rows, change, whose)
    event, duration = await logged_alike(line, admin)
    assert event == "leave"
    assert 70_000 <= duration < 100_000


async def test_a_call_that_is_logged_too_early_gets_its_real_duration(line: Line, admin: Admin) -> None:
    here = await talk(line, admin)
    log = {"callee": line.callee(), "event": "leave", "room_id": here["room_id"]}
    await line.alice.ok("conference.logCall", duration=1_000, **log)
    assert await logged_alike(line, admin) == ("leave", 1_000)
    # They talk for twenty more seconds.
    admin.rows(
        "UPDATE yp.call_invitation SET answered_at = answered_at - 20000, logged_at = logged_at - 20000 "
        "WHERE room_id = %s",
        here["room_id"],
    )
    await line.alice.ok("conference.leave", room_id=here["room_id"], socket_id=line.a1.id)
    await line.b1.expect("chat.post", 2)
    assert (await logged_alike(line, admin))[1] >= 90_000


async def test_nobody_logs_hours_of_a_call_that_rang(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"]}
    log = {"callee": line.callee(), "event": "leave", "duration": 36_000_000, **here}
    await line.alice.ok("conference.logCall", **log)
    await line.alice.ok("conference.cancel", socket_id=line.a1.id, **here)
    await line.alice.ok("conference.logCall", **log)
    assert await logged_alike(line, admin) == ("cancel", 0)


async def test_a_contact_who_is_away_finds_a_missed_call(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    await befriend(admin, alice, bob)
    tab = await alice.tab()
    assert await dial(alice, tab, bob) == {"offline": 1, "uid": bob.uid}
    entry = (await tab.expect("chat.post"))["model"]
    assert (entry["call_status"], entry["to_id"]) == ("cancel", alice.uid)
    for person, peer in ((alice, bob), (bob, alice)):
        (message,) = await person.ok("chat.messages", entity_id=peer.uid)
        assert (message["call_status"], '"cause": "missed"' in message["metadata"]) == ("cancel", True)


async def test_a_block_keeps_the_missed_call_from_who_blocks_and_itself_from_the_caller(
    people: People, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    await befriend(admin, alice, bob)
    tab, bob_tab = await alice.tab(), await bob.tab()
    contact = admin.one(
        f"SELECT id FROM {bob.shard}.contact WHERE owner_id = %s AND uid = %s", bob.uid, alice.uid
    )
    await bob.ok("contact.block", contact_id=contact)
    assert await dial(alice, tab, bob) == {"offline": 1, "uid": bob.uid}
    await logged(admin, alice, bob)
    await bob_tab.nothing("chat.post")
    assert log_of(admin, bob, alice) == []


async def test_a_callee_who_declines_to_come_back_has_talked(line: Line, admin: Admin) -> None:
    here = await talk(line, admin)
    await line.bob.ok("conference.leave", room_id=here["room_id"], socket_id=line.b1.id)
    assert (await logged_alike(line, admin))[0] == "leave"
    await dial(line.alice, line.a1, line.bob, hub_id=await wicket_of(line.alice), room_id=here["room_id"])
    call = (await line.b1.expect("conference.invite", 2))["model"]
    await line.bob.ok("conference.decline", caller=call, socket_id=line.b1.id, room_id=here["room_id"])
    await asyncio.sleep(QUIET)
    assert (await logged_alike(line, admin))[0] == "leave"
