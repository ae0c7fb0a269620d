"""A dropped connection keeps its place in a room for a while, and presence says what is true."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from service import node as node_module
from service.demo import WRITE, Registry
from tests.conftest import Admin, NodeMaker
from tests.modules.test_conference_calls import CONNECT, wicket_of
from tests.people import People, Person, Tab, befriend

MEETING = {"metadata": {"audio": 1, "type": "meeting"}}


async def until(check: Callable[[], Any], seconds: float = 15) -> None:
    """Poll until the check answers something true."""
    for _ in range(int(seconds / 0.05)):
        if check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen")


async def meet(registry: Registry, *who: tuple[Person, Tab]) -> tuple[str, str]:
    """They meet in a team hub of the first, who is host: (hub, room)."""
    host, tab = who[0]
    hub = registry.add_hub("Team", host.uid, "private")
    room = (await host.ok("conference.join", hub_id=hub, socket_id=tab.id, **MEETING))["user"]["room_id"]
    for person, his in who[1:]:
        registry.grant(hub, person.uid, WRITE)
        await person.ok("conference.join", hub_id=hub, room_id=room, socket_id=his.id, **MEETING)
    return hub, room


def members(admin: Admin, room: str) -> set[tuple[str, str]]:
    """(socket, role) of everybody in a room."""
    return set(admin.rows("SELECT socket_id, role FROM yp.conference WHERE room_id = %s", room))


def state(admin: Admin, tab_id: str) -> str | None:
    """State of a socket in the registry, None when it is forgotten."""
    found = admin.rows("SELECT state FROM yp.socket WHERE id = %s", tab_id)
    return found[0][0] if found else None


Pair = tuple[Person, Person, Tab, Tab]


@pytest.fixture
async def pair(make_node: NodeMaker, people: People) -> Pair:
    """Alice and Bob, on a node that waits for whoever drops."""
    base = (await make_node(socket_grace=30)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    return alice, bob, await alice.tab(), await bob.tab()


async def test_who_comes_back_in_time_has_his_place_and_role(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, bob, hers, his = pair
    hub, room = await meet(registry, (alice, hers), (bob, his))
    await hers.cut()
    await until(lambda: state(admin, hers.id) == "lost")
    assert members(admin, room) == {(hers.id, "host"), (his.id, "attendee")}
    back = await alice.tab()
    assert members(admin, room) == {(back.id, "host"), (his.id, "attendee")}
    told = (await his.expect("conference.update"))["model"]
    assert (told["was"], told["socket_id"], told["uid"]) == (hers.id, back.id, alice.uid)
    # under her new name she takes part as before
    await alice.ok("conference.update", room_id=room, socket_id=back.id, metadata={"video": 1})
    await his.expect("conference.update", 2)
    say = {"hub_id": hub, "room_id": room, "event": "HELLO", "payload": {"id": "b"}}
    await bob.ok("conference.broadcast", socket_id=his.id, **say)
    await back.expect("conference.broadcast")
    await his.nothing("conference.leave", 0.1)
    # a page that went away says so late, and under the old name
    await alice.ok("conference.leave", room_id=room, socket_id=hers.id)
    assert (await his.expect("conference.leave"))["model"]["socket_id"] == back.id


async def test_who_does_not_come_back_leaves_when_the_grace_is_over(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=1)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    await befriend(admin, alice, bob)
    hers, his = await alice.tab(), await bob.tab()
    _, room = await meet(registry, (alice, hers), (bob, his))
    await hers.cut()
    left = (await his.expect("conference.leave"))["model"]
    assert (left["uid"], left["host"]) == (alice.uid, his.id)
    assert members(admin, room) == {(his.id, "host")}
    assert state(admin, hers.id) is None
    await until(lambda: his.updates("user.connection_status")[-1]["model"]["status"] == 0)


async def test_a_socket_outside_of_rooms_is_forgotten_at_once(pair: Pair, admin: Admin) -> None:
    _, _, hers, _ = pair
    await hers.cut()
    await until(lambda: state(admin, hers.id) is None)


async def test_another_session_of_the_same_person_takes_no_place(
    pair: Pair, registry: Registry, admin: Admin, people: People
) -> None:
    alice, bob, hers, his = pair
    _, room = await meet(registry, (alice, hers), (bob, his))
    phone = Person(alice.base, alice.email, alice.uid, alice.shard)
    await phone.sign_in()
    await hers.cut()
    await until(lambda: state(admin, hers.id) == "lost")
    await phone.tab()
    assert (hers.id, "host") in members(admin, room)
    await phone.leave()


async def test_two_tabs_that_drop_at_once_both_find_their_rooms(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, _bob, first, _his = pair
    second = await alice.tab()
    rooms = [(await meet(registry, (alice, tab)))[1] for tab in (first, second)]
    await asyncio.gather(first.cut(), second.cut())
    await until(lambda: state(admin, first.id) == state(admin, second.id) == "lost")
    back = await asyncio.gather(alice.tab(), alice.tab())
    found = {socket for room in rooms for socket, _ in members(admin, room)}
    assert found == {tab.id for tab in back}


async def test_two_tabs_that_drop_together_each_find_their_own_room(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, _bob, first, _his = pair
    second, desk = await alice.tab(), await alice.tab()
    rooms = [(await meet(registry, (alice, tab)))[1] for tab in (first, second)]
    await asyncio.gather(first.cut(), second.cut(), desk.cut())
    await until(lambda: state(admin, first.id) == state(admin, second.id) == "lost")
    # the tab that was in no room takes nobody's place, whoever is back first
    await alice.tab(was=desk)
    later = await alice.tab(was=second)
    assert members(admin, rooms[0]) == {(first.id, "host")}
    assert members(admin, rooms[1]) == {(later.id, "host")}
    earlier = await alice.tab(was=first)
    assert members(admin, rooms[0]) == {(earlier.id, "host")}
    assert (await earlier.expect("conference.update"))["model"]["room_id"] == rooms[0]


async def test_who_is_back_before_his_old_socket_is_known_to_be_dead_has_his_place(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, bob, hers, his = pair
    _, room = await meet(registry, (alice, hers), (bob, his))
    back = await alice.tab(was=hers)
    assert members(admin, room) == {(back.id, "host"), (his.id, "attendee")}
    assert (await his.expect("conference.update"))["model"]["was"] == hers.id
    await hers.close()
    await his.nothing("conference.leave", 0.2)
    assert members(admin, room) == {(back.id, "host"), (his.id, "attendee")}


async def test_nobody_takes_the_place_of_a_foreign_socket(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, bob, hers, his = pair
    _, room = await meet(registry, (alice, hers), (bob, his))
    await bob.tab(was=hers)
    assert members(admin, room) == {(hers.id, "host"), (his.id, "attendee")}


async def test_signing_out_gives_up_a_lost_place(pair: Pair, registry: Registry, admin: Admin) -> None:
    alice, bob, hers, his = pair
    _, room = await meet(registry, (alice, hers), (bob, his))
    await hers.cut()
    await until(lambda: state(admin, hers.id) == "lost")
    await alice.ok("drumate.logout")
    await his.expect("conference.leave")
    assert members(admin, room) == {(his.id, "host")}


async def test_a_caller_who_drops_while_it_rings_hears_the_answer_on_his_new_socket(pair: Pair) -> None:
    alice, bob, hers, his = pair
    await alice.ok(
        "conference.invite",
        **{"hub_id": await wicket_of(alice), "guest_id": bob.uid, "socket_id": hers.id, "metadata": CONNECT},
    )
    call = (await his.expect("conference.invite"))["model"]
    await hers.cut()
    await asyncio.sleep(0.1)
    back = await alice.tab()
    await bob.ok("conference.decline", caller=call)
    assert (await back.expect("conference.decline"))["model"]["room_id"] == call["room_id"]


async def test_a_node_that_is_stopped_hands_its_people_to_the_others(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    staying, leaving = await make_node(socket_grace=30), await make_node(socket_grace=30)
    base = staying.make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    hers, his = await alice.tab(), await bob.tab(leaving.make_url("/"))
    _, room = await meet(registry, (alice, hers), (bob, his))
    await leaving.close()
    assert state(admin, his.id) == "lost"
    back = await bob.tab()
    assert members(admin, room) == {(hers.id, "host"), (back.id, "attendee")}
    await hers.nothing("conference.leave", 0.1)


async def test_a_place_whose_node_is_gone_for_good_is_freed_by_another(
    make_node: NodeMaker,
    people: People,
    registry: Registry,
    admin: Admin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.2)
    staying, leaving = await make_node(socket_grace=1), await make_node(socket_grace=1)
    base = staying.make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    hers, his = await alice.tab(), await bob.tab(leaving.make_url("/"))
    _, room = await meet(registry, (alice, hers), (bob, his))
    await leaving.close()
    await hers.expect("conference.leave")
    assert members(admin, room) == {(hers.id, "host")}


async def test_who_reconnects_before_his_dead_node_is_buried_keeps_his_place(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=30)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    hers, his, other = await alice.tab(), await bob.tab(), await bob.tab()
    _, room = await meet(registry, (alice, hers), (bob, his))
    # as if his socket had been on a process that was killed ten seconds ago
    dead = "dead0000dead0000"
    admin.rows(
        "INSERT INTO yp.node (id, ctime, heartbeat) VALUES (%s, 1, UNIX_TIMESTAMP() - 10) "
        "ON DUPLICATE KEY UPDATE heartbeat = VALUES(heartbeat)",
        dead,
    )
    admin.rows("UPDATE yp.socket SET ctime = ctime - 60 WHERE id IN (%s, %s)", his.id, other.id)
    admin.rows("UPDATE yp.socket SET node = %s WHERE id = %s", dead, his.id)
    back = await bob.tab()
    assert (his.id, "attendee") in members(admin, room)
    admin.rows("CALL yp.socket_reset(%s, 30)", dead)
    assert members(admin, room) == {(hers.id, "host"), (back.id, "attendee")}


async def test_contacts_and_nobody_else_see_every_change_and_the_store_agrees(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice, bob, carol = [await people(n) for n in ("Alice", "Bob", "Carol")]
    await befriend(admin, alice, bob)
    his, hers = await bob.tab(), await carol.tab()

    async def told(status: int) -> None:
        await until(
            lambda: (
                bool(his.updates("user.connection_status"))
                and his.updates("user.connection_status")[-1]["model"]
                == {"user_id": alice.uid, "status": status}
            )
        )
        assert [c["online"] for c in await bob.ok("contact.show_contact")] == [status]

    first = await alice.tab()
    await told(1)
    second = await alice.tab()
    _, room = await meet(registry, (alice, second))
    await told(2)
    await first.close()
    await alice.ok("conference.leave", room_id=room, socket_id=second.id)
    await told(1)
    call = {"hub_id": await wicket_of(alice), "guest_id": bob.uid, "socket_id": second.id}
    ringing = await alice.ok("conference.invite", metadata=CONNECT, **call)
    await told(2)
    await alice.ok(
        "conference.cancel", hub_id=call["hub_id"], room_id=ringing["room_id"], socket_id=second.id
    )
    await told(1)
    await second.cut()
    await told(0)
    third = await alice.tab()
    await told(1)
    await alice.ok("drumate.logout")
    await told(0)
    assert third.ws.closed or (await third._wait(lambda: third.ws.closed)) is None
    assert hers.updates("user.connection_status") == []


async def test_presence_told_by_two_nodes_at_once_ends_with_the_truth(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    nodes = [(await make_node()).make_url("/") for _ in range(2)]
    alice, bob = await people("Alice", base=nodes[0]), await people("Bob", base=nodes[0])
    await befriend(admin, alice, bob)
    his = await bob.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    tabs = [await alice.tab(url) for url in nodes]

    async def flicker(tab: Tab, room: str) -> None:
        for _ in range(10):
            here = {"socket_id": tab.id, "room_id": room}
            await alice.ok("conference.join", hub_id=hub, **here, **MEETING)
            await alice.ok("conference.leave", **here)

    await asyncio.gather(*(flicker(tab, f"room{n}") for n, tab in enumerate(tabs)))
    await asyncio.sleep(0.5)
    assert his.updates("user.connection_status")[-1]["model"]["status"] == 1
    await asyncio.gather(*(tab.cut() for tab in tabs))
    await until(lambda: his.updates("user.connection_status")[-1]["model"]["status"] == 0)
