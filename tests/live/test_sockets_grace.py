"""A dropped connection keeps its seat in a room for a grace period, and presence stays true."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from service.admin.demo import WRITE
from service.admin.registry import Registry
from service.errors import DatabaseUnavailableError
from service.live import heartbeat as node_module
from service.live import sockets as sockets_module
from service.store.database import Database, ResultSet
from tests.support.admin import Admin
from tests.support.conferences import dial, wicket_of
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, Tab, befriend
from tests.support.rooms import View
from tests.support.waiting import until

MEETING = {"metadata": {"audio": 1, "type": "meeting"}}


async def meet(registry: Registry, *who: tuple[Person, Tab]) -> tuple[str, str]:
    """Let all meet in a team hub of the first user, who is host; return (hub, room)."""
    host, tab = who[0]
    hub = registry.add_hub("Team", host.uid, "private")
    room = (await host.ok("conference.join", hub_id=hub, socket_id=tab.id, **MEETING))["user"]["room_id"]
    for person, guest_tab in who[1:]:
        registry.grant(hub, person.uid, WRITE)
        await person.ok("conference.join", hub_id=hub, room_id=room, socket_id=guest_tab.id, **MEETING)
    return hub, room


def members(admin: Admin, room: str) -> set[tuple[str, str]]:
    """Return (socket, role) of everybody in a room."""
    return set(admin.rows("SELECT socket_id, role FROM yp.conference WHERE room_id = %s", room))


def state(admin: Admin, tab_id: str) -> str | None:
    """Return the state of a socket in the registry, None without a row."""
    rows = admin.rows("SELECT state FROM yp.socket WHERE id = %s", tab_id)
    return rows[0][0] if rows else None


Pair = tuple[Person, Person, Tab, Tab]


@pytest.fixture
async def pair(make_node: NodeMaker, people: People) -> Pair:
    """Create Alice and Bob on a node with a grace period."""
    base = (await make_node(socket_grace=30)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    return alice, bob, await alice.tab(), await bob.tab()


async def test_a_user_who_returns_in_time_keeps_their_place_and_role(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await alice_tab.cut()
    await until(lambda: state(admin, alice_tab.id) == "lost")
    assert members(admin, room) == {(alice_tab.id, "host"), (bob_tab.id, "attendee")}
    back = await alice.tab(was=alice_tab)
    assert members(admin, room) == {(back.id, "host"), (bob_tab.id, "attendee")}
    update = (await bob_tab.expect("conference.update"))["model"]
    assert (update["was"], update["socket_id"], update["uid"]) == (alice_tab.id, back.id, alice.uid)
    # Under her new socket id Alice takes part as before.
    await alice.ok("conference.update", room_id=room, socket_id=back.id, metadata={"video": 1})
    await bob_tab.expect("conference.update", 2)
    say = {"hub_id": hub, "room_id": room, "event": "HELLO", "payload": {"id": "b"}}
    await bob.ok("conference.broadcast", socket_id=bob_tab.id, **say)
    await back.expect("conference.broadcast")
    await bob_tab.nothing("conference.leave", 0.1)
    # A closed page says so late, with the old socket id.
    await alice.ok("conference.leave", room_id=room, socket_id=alice_tab.id)
    assert (await bob_tab.expect("conference.leave"))["model"]["socket_id"] == back.id


async def test_a_user_who_does_not_return_leaves_at_the_end_of_the_grace_period(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=1)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    await befriend(admin, alice, bob)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await alice_tab.cut()
    update = (await bob_tab.expect("conference.leave"))["model"]
    assert (update["uid"], update["host"]) == (alice.uid, bob_tab.id)
    assert members(admin, room) == {(bob_tab.id, "host")}
    assert state(admin, alice_tab.id) is None
    await until(lambda: bob_tab.updates("user.connection_status")[-1]["model"]["status"] == 0)


async def test_a_socket_outside_of_rooms_is_expected_back_too(pair: Pair, admin: Admin) -> None:
    _, _, alice_tab, bob_tab = pair
    await bob_tab.cut()
    await until(lambda: state(admin, bob_tab.id) == "lost")
    await alice_tab.close()
    # Its page has closed it: nobody is expected back.
    await until(lambda: state(admin, alice_tab.id) is None)


async def test_a_page_whose_script_closes_the_socket_is_expected_back(pair: Pair, admin: Admin) -> None:
    _, _, _, bob_tab = pair
    # a close frame without a code, as `socket.close()` sends it
    bob_tab.transport.write(b"\x88\x80" + bytes(4))
    await until(lambda: state(admin, bob_tab.id) == "lost")


async def test_a_reloaded_page_inherits_nothing(pair: Pair, registry: Registry, admin: Admin) -> None:
    alice, bob, alice_tab, bob_tab = pair
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await bob_tab.cut()
    await until(lambda: state(admin, bob_tab.id) == "lost")
    fresh = await bob.tab()
    assert members(admin, room) == {(alice_tab.id, "host"), (bob_tab.id, "attendee")}
    await fresh.nothing("conference.update", 0.1)


async def test_a_page_that_closes_is_out_of_its_room_though_another_tab_is_open(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=600, socket_close_grace=1)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    alice_tab, bob_tab, other = await alice.tab(), await bob.tab(), await bob.tab()
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await bob_tab.ws.close(code=1001)
    fresh = await bob.tab()
    assert (await alice_tab.expect("conference.leave"))["model"]["socket_id"] == bob_tab.id
    assert members(admin, room) == {(alice_tab.id, "host")}
    for tab in (fresh, other):
        await tab.nothing("conference.update", 0.1)


async def test_who_joins_again_replaces_their_dead_double(
    pair: Pair, registry: Registry, admin: Admin, people: People
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    view = View(bob, bob_tab, hub, room)
    await view.read()
    await alice_tab.cut()
    await until(lambda: state(admin, alice_tab.id) == "lost")
    fresh = await alice.tab()
    here = {"hub_id": hub, "room_id": room}
    joined = await alice.ok("conference.join", socket_id=fresh.id, **here, **MEETING)
    assert joined["user"]["role"] == "host"
    assert [row["socket_id"] for row in joined["attendees"]] == [bob_tab.id]
    assert members(admin, room) == {(fresh.id, "host"), (bob_tab.id, "attendee")}
    assert (await bob_tab.expect("conference.start"))["model"]["was"] == alice_tab.id
    assert view.members() == {fresh.id: alice.uid, bob_tab.id: bob.uid}
    # A second page of the same person, in the same room, is no double: the first one is open.
    phone = Person(alice.base, alice.email, alice.uid, alice.shard)
    await phone.sign_in()
    third = await phone.tab()
    await phone.ok("conference.join", socket_id=third.id, **here, **MEETING)
    assert len(members(admin, room)) == 3
    await phone.leave()


async def test_guests_of_one_link_are_not_each_others_doubles(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=30)).make_url("/")
    owner = await people("Olga", base=base)
    hub = registry.add_hub("Open", owner.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    here = {"hub_id": hub, "room_id": room, "type": "meeting"}
    first, second = await people.stranger(base), await people.stranger(base)
    tabs = []
    for guest in (first, second):
        await guest.ok("dmz.login", token=token)
        tabs.append(await guest.tab())
    await first.ok("conference.join", socket_id=tabs[0].id, guest_name="Zoe", metadata={}, **here)
    await tabs[0].cut()
    await until(lambda: state(admin, tabs[0].id) == "lost")
    await second.ok("conference.join", socket_id=tabs[1].id, guest_name="Zoe", metadata={}, **here)
    assert {socket for socket, _ in members(admin, room)} == {tab.id for tab in tabs}
    fresh = await first.tab()
    await first.ok("conference.join", socket_id=fresh.id, guest_name="Zoe", metadata={}, **here)
    assert {socket for socket, _ in members(admin, room)} == {tabs[1].id, fresh.id}


async def test_the_grace_period_begins_with_the_last_sign_of_life(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=6, socket_keepalive=4)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    # As a laptop that falls asleep: nothing is read, and nothing closes.
    bob_tab.transport.pause_reading()
    await until(lambda: state(admin, bob_tab.id) == "lost")
    spans = "SELECT l.lost_at - l.heard_at, s.free_at - l.heard_at FROM yp.lost_socket AS l "
    ((noticed, ends),) = admin.rows(f"{spans} JOIN yp.socket AS s USING (id) WHERE s.id = %s", bob_tab.id)
    assert noticed >= 1
    # Seconds are rounded once to each side.
    assert 5 <= ends <= 7
    assert (await alice_tab.expect("conference.leave"))["model"]["uid"] == bob.uid
    assert members(admin, room) == {(alice_tab.id, "host")}
    assert not alice_tab.ws.closed, "she answers"


async def test_a_process_that_was_taken_for_dead_keeps_the_seats_of_its_people(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.2)
    base = (await make_node(socket_grace=30)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    (node,) = admin.rows("SELECT node FROM yp.socket WHERE id = %s", bob_tab.id)[0]
    # It was frozen for 25 seconds: others have marked its sockets as lost.
    admin.rows("UPDATE yp.node SET heartbeat = heartbeat - 25 WHERE id = %s", node)
    admin.rows("CALL yp.socket_reset(%s, 30)", node)
    for tab in (alice_tab, bob_tab):
        await asyncio.wait_for(tab._reader, 60)
        assert tab.ws.close_code == 1012
    rest = "SELECT free_at - UNIX_TIMESTAMP() FROM yp.socket WHERE id = %s"
    await until(lambda: admin.one(rest, bob_tab.id) > 20)
    back = [await alice.tab(was=alice_tab), await bob.tab(was=bob_tab)]
    assert members(admin, room) == {(back[0].id, "host"), (back[1].id, "attendee")}
    hello = {"hub_id": hub, "room_id": room, "event": "HELLO", "payload": {"id": "b"}}
    await bob.ok("conference.broadcast", socket_id=back[1].id, **hello)
    await back[0].expect("conference.broadcast")


async def test_a_dead_process_counts_as_a_pulled_cable(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=600)).make_url("/")
    alice = await people("Alice", base=base)
    tab = await alice.tab()
    _, room = await meet(registry, (alice, tab))
    dead = "dead0000dead0001"
    admin.rows("REPLACE INTO yp.node (id, ctime, heartbeat) VALUES (%s, 1, UNIX_TIMESTAMP() - 15)", dead)
    admin.rows("UPDATE yp.socket SET node = %s WHERE id = %s", dead, tab.id)
    admin.rows("CALL yp.socket_reset(%s, 600)", dead)
    assert members(admin, room) == {(tab.id, "host")}
    rest = admin.one("SELECT free_at - UNIX_TIMESTAMP() FROM yp.socket WHERE id = %s", tab.id)
    assert 575 <= rest <= 586


async def test_what_is_pushed_to_a_lost_socket_reaches_its_tab(
    pair: Pair, make_node: NodeMaker, registry: Registry
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    second = (await make_node(socket_grace=30)).make_url("/")
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    say = {"hub_id": hub, "room_id": room, "socket_id": alice_tab.id, "event": "HELLO"}
    await alice.ok("conference.broadcast", payload={"n": -1}, **say)
    await bob_tab.expect("conference.broadcast")
    await bob_tab.cut()
    # Some while the process knows nothing yet, some later.
    for n in range(30):
        await alice.ok("conference.broadcast", payload={"n": n}, **say)
    back = await bob.tab(second, was=bob_tab)
    await alice.ok("conference.broadcast", payload={"n": 30}, **say)

    def numbers() -> list[int]:
        # The one before the break may have arrived, which nobody can know.
        frames = back.updates("conference.broadcast")
        return [frame["model"]["n"] for frame in frames if frame["model"]["n"] >= 0]

    await until(lambda: len(numbers()) >= 31)
    await back.nothing("conference.broadcast", 0.2)
    assert sorted(numbers()) == list(range(31))


async def test_frames_on_a_dead_connection_are_sent_again(
    pair: Pair, make_node: NodeMaker, registry: Registry, admin: Admin
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    second = (await make_node(socket_grace=30)).make_url("/")
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    say = {"hub_id": hub, "room_id": room, "socket_id": alice_tab.id, "event": "HELLO"}
    # The cable is pulled: TCP takes the frames, and nobody has noticed when the page is back.
    bob_tab.transport.pause_reading()
    for n in range(5):
        await alice.ok("conference.broadcast", payload={"n": n}, **say)
    back = await bob.tab(second, was=bob_tab)
    await alice.ok("conference.broadcast", payload={"n": 5}, **say)
    await back.expect("conference.broadcast", 6)
    assert [frame["model"]["n"] for frame in back.updates("conference.broadcast")] == list(range(6))
    bob_tab.transport.abort()
    await asyncio.gather(bob_tab._reader, return_exceptions=True)
    assert members(admin, room) == {(alice_tab.id, "host"), (back.id, "attendee")}


async def test_nobody_reads_the_mailbox_of_a_foreign_socket(pair: Pair) -> None:
    alice, bob, _alice_tab, bob_tab = pair
    await bob_tab.cut()
    await alice.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
    await bob.ok("contact.add", firstname="Ada", email=[{"email": "ada@x.example", "is_default": 1}])
    thief = await alice.tab(was=bob_tab)
    await thief.nothing("contact.add", 0.3)
    owner = await bob.tab(was=bob_tab)
    await owner.expect("contact.add")


async def test_another_session_of_the_same_person_takes_no_place(
    pair: Pair, registry: Registry, admin: Admin, people: People
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    phone = Person(alice.base, alice.email, alice.uid, alice.shard)
    await phone.sign_in()
    await alice_tab.cut()
    await until(lambda: state(admin, alice_tab.id) == "lost")
    await phone.tab()
    assert (alice_tab.id, "host") in members(admin, room)
    await phone.leave()


async def test_two_tabs_that_drop_at_once_both_find_their_rooms(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, _bob, first, _bob_tab = pair
    second = await alice.tab()
    rooms = [(await meet(registry, (alice, tab)))[1] for tab in (first, second)]
    await asyncio.gather(first.cut(), second.cut())
    await until(lambda: state(admin, first.id) == state(admin, second.id) == "lost")
    back = await asyncio.gather(alice.tab(was=first), alice.tab(was=second))
    sockets = {socket for room in rooms for socket, _ in members(admin, room)}
    assert sockets == {tab.id for tab in back}


async def test_two_tabs_that_drop_together_each_find_their_own_room(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, _bob, first, _bob_tab = pair
    second, desk = await alice.tab(), await alice.tab()
    rooms = [(await meet(registry, (alice, tab)))[1] for tab in (first, second)]
    await asyncio.gather(first.cut(), second.cut(), desk.cut())
    await until(lambda: state(admin, first.id) == state(admin, second.id) == "lost")
    # The tab outside of any room takes no seat, whichever tab returns first.
    await alice.tab(was=desk)
    later = await alice.tab(was=second)
    assert members(admin, rooms[0]) == {(first.id, "host")}
    assert members(admin, rooms[1]) == {(later.id, "host")}
    earlier = await alice.tab(was=first)
    assert members(admin, rooms[0]) == {(earlier.id, "host")}
    assert (await earlier.expect("conference.update"))["model"]["room_id"] == rooms[0]


async def test_a_user_who_returns_before_the_old_socket_is_known_to_be_dead_keeps_their_place(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    back = await alice.tab(was=alice_tab)
    assert members(admin, room) == {(back.id, "host"), (bob_tab.id, "attendee")}
    assert (await bob_tab.expect("conference.update"))["model"]["was"] == alice_tab.id
    await alice_tab.close()
    await bob_tab.nothing("conference.leave", 0.2)
    assert members(admin, room) == {(back.id, "host"), (bob_tab.id, "attendee")}


async def test_nobody_takes_the_place_of_a_foreign_socket(
    pair: Pair, registry: Registry, admin: Admin
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await bob.tab(was=alice_tab)
    assert members(admin, room) == {(alice_tab.id, "host"), (bob_tab.id, "attendee")}


async def test_sockets_whose_answers_were_lost_behind_the_commit_give_their_seat_to_their_page(
    pair: Pair, registry: Registry, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, alice_tab, bob_tab = pair
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await alice_tab.cut()
    await until(lambda: state(admin, alice_tab.id) == "lost")
    await say(bob, bob_tab, hub, room, "1")
    call = Database.call
    refused: list[str] = []

    async def break_behind_the_commit(self: Database, db: str, name: str, *args: Any) -> list[ResultSet]:
        result_sets = await call(self, db, name, *args)
        if name == "socket_bind" and len(refused) < 2:
            refused.append(args[0])
            raise DatabaseUnavailableError("broken")
        return result_sets

    monkeypatch.setattr(Database, "call", break_behind_the_commit)
    for text in ("2", "3"):
        token = (await alice.ok("bootstrap.authn", socket_id=alice_tab.id))["token"]
        url = (alice.base / "-/websocket/").with_query(otak=token)
        async with alice.http.ws_connect(url, protocols=("service",)) as ws:
            assert "database" in str((await ws.receive_json())["data"])
        await until(lambda: state(admin, refused[-1]) == "lost")
        await say(bob, bob_tab, hub, room, text)
    back = await alice.tab(was=alice_tab)
    assert members(admin, room) == {(back.id, "host"), (bob_tab.id, "attendee")}
    assert (await bob_tab.expect("conference.update"))["model"]["was"] == alice_tab.id
    # All frames to any of the sockets in between have arrived, in order.
    await back.expect("conference.broadcast", 3)
    assert [frame["model"]["id"] for frame in back.updates("conference.broadcast")] == ["1", "2", "3"]


async def say(person: Person, tab: Tab, hub: str, room: str, text: str) -> None:
    """Send a message into a room."""
    here = {"hub_id": hub, "room_id": room, "socket_id": tab.id}
    await person.ok("conference.broadcast", event="HELLO", payload={"id": text}, **here)


async def test_what_comes_while_a_socket_closes_does_not_overtake_what_came_before(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    # No ping: what has been sent stays unconfirmed.
    base = (await make_node(socket_grace=30, socket_keepalive=600, socket_frames=5)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await say(alice, alice_tab, hub, room, "1")
    await bob_tab.expect("conference.broadcast")
    # The process closes a connection that sends too much, and waits for an answer that does not come.
    bob_tab.transport.pause_reading()
    for _ in range(20):
        await bob_tab.ws.send_json(["unknown.service", {}])
    for text in ("2", "3"):
        await asyncio.sleep(0.3)
        await say(alice, alice_tab, hub, room, text)
    back = await bob.tab(was=bob_tab)
    await back.expect("conference.broadcast", 3)
    assert [frame["model"]["id"] for frame in back.updates("conference.broadcast")] == ["1", "2", "3"]
    bob_tab.transport.abort()


async def test_a_socket_that_nobody_holds_ends(
    make_node: NodeMaker, people: People, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "PURGE_SECONDS", 0.2)
    monkeypatch.setattr(sockets_module, "STRAY_SECONDS", 0)
    alice = await people("Alice", base=(await make_node(socket_grace=0)).make_url("/"))
    tab = await alice.tab()
    columns = "uid, session_id, node, state, ctime"
    admin.rows(
        f"INSERT INTO yp.socket (id, {columns}) SELECT 'stray', {columns} FROM yp.socket WHERE id = %s",
        tab.id,
    )
    await until(lambda: state(admin, "stray") is None)
    assert state(admin, tab.id) == "active"


async def test_signing_out_gives_up_a_reserved_place(pair: Pair, registry: Registry, admin: Admin) -> None:
    alice, bob, alice_tab, bob_tab = pair
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await alice_tab.cut()
    await until(lambda: state(admin, alice_tab.id) == "lost")
    await alice.ok("drumate.logout")
    await bob_tab.expect("conference.leave")
    assert members(admin, room) == {(bob_tab.id, "host")}


async def test_a_caller_who_drops_while_it_rings_gets_the_answer_on_their_new_socket(pair: Pair) -> None:
    alice, bob, alice_tab, bob_tab = pair
    await dial(alice, alice_tab, bob)
    call = (await bob_tab.expect("conference.invite"))["model"]
    await alice_tab.cut()
    await asyncio.sleep(0.1)
    back = await alice.tab(was=alice_tab)
    await bob.ok("conference.decline", caller=call)
    assert (await back.expect("conference.decline"))["model"]["room_id"] == call["room_id"]


async def test_a_node_that_is_stopped_hands_its_people_to_the_others(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    staying, leaving = await make_node(socket_grace=30), await make_node(socket_grace=30)
    base = staying.make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    alice_tab, bob_tab = await alice.tab(), await bob.tab(leaving.make_url("/"))
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await leaving.close()
    assert state(admin, bob_tab.id) == "lost"
    back = await bob.tab(was=bob_tab)
    assert members(admin, room) == {(alice_tab.id, "host"), (back.id, "attendee")}
    await alice_tab.nothing("conference.leave", 0.1)


async def test_news_of_a_restart_do_not_overtake_what_the_stopped_process_had_sent(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    # No ping: what has been sent stays unconfirmed.
    staying, leaving = [await make_node(socket_grace=30, socket_keepalive=600) for _ in range(2)]
    base = staying.make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    alice_tab, bob_tab = await alice.tab(), await bob.tab(leaving.make_url("/"))
    hub, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await say(alice, alice_tab, hub, room, "1")
    await bob_tab.expect("conference.broadcast")
    # The process closes the connection, and waits for an answer that does not come.
    bob_tab.transport.pause_reading()
    stopping = asyncio.create_task(leaving.close())
    await until(lambda: state(admin, bob_tab.id) == "lost")
    await say(alice, alice_tab, hub, room, "2")
    await stopping
    back = await bob.tab(was=bob_tab)
    await back.expect("conference.broadcast", 2)
    assert [frame["model"]["id"] for frame in back.updates("conference.broadcast")] == ["1", "2"]
    bob_tab.transport.abort()


async def test_another_node_frees_the_places_of_a_dead_node(
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
    alice_tab, bob_tab = await alice.tab(), await bob.tab(leaving.make_url("/"))
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    await leaving.close()
    await alice_tab.expect("conference.leave")
    assert members(admin, room) == {(alice_tab.id, "host")}


async def test_a_user_who_reconnects_before_the_dead_node_is_reaped_keeps_their_place(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    base = (await make_node(socket_grace=30)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    _, room = await meet(registry, (alice, alice_tab), (bob, bob_tab))
    # Pretend that Bob's socket was on a process that was killed ten seconds ago.
    dead = "dead0000dead0000"
    admin.rows(
        "INSERT INTO yp.node (id, ctime, heartbeat) VALUES (%s, 1, UNIX_TIMESTAMP() - 10) "
        "ON DUPLICATE KEY UPDATE heartbeat = VALUES(heartbeat)",
        dead,
    )
    admin.rows("UPDATE yp.socket SET node = %s WHERE id = %s", dead, bob_tab.id)
    back = await bob.tab(was=bob_tab)
    admin.rows("CALL yp.socket_reset(%s, 30)", dead)
    assert members(admin, room) == {(alice_tab.id, "host"), (back.id, "attendee")}


async def test_contacts_and_nobody_else_see_every_change_and_the_store_agrees(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice, bob, carol = [await people(n) for n in ("Alice", "Bob", "Carol")]
    await befriend(admin, alice, bob)
    bob_tab, carol_tab = await bob.tab(), await carol.tab()

    async def bob_sees(status: int) -> None:
        await until(
            lambda: (
                bool(bob_tab.updates("user.connection_status"))
                and bob_tab.updates("user.connection_status")[-1]["model"]
                == {"user_id": alice.uid, "status": status}
            )
        )
        assert [c["online"] for c in await bob.ok("contact.show_contact")] == [status]

    first = await alice.tab()
    await bob_sees(1)
    second = await alice.tab()
    _, room = await meet(registry, (alice, second))
    await bob_sees(2)
    await first.close()
    await alice.ok("conference.leave", room_id=room, socket_id=second.id)
    await bob_sees(1)
    wicket = await wicket_of(alice)
    ringing = await dial(alice, second, bob, hub_id=wicket)
    await bob_sees(2)
    await alice.ok("conference.cancel", hub_id=wicket, room_id=ringing["room_id"], socket_id=second.id)
    await bob_sees(1)
    await second.cut()
    await bob_sees(0)
    third = await alice.tab()
    await bob_sees(1)
    await alice.ok("drumate.logout")
    await bob_sees(0)
    await third._wait(lambda: third.ws.closed)
    assert third.ws.closed
    assert carol_tab.updates("user.connection_status") == []


async def test_presence_published_by_two_nodes_at_once_ends_with_the_truth(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    nodes = [(await make_node()).make_url("/") for _ in range(2)]
    alice, bob = await people("Alice", base=nodes[0]), await people("Bob", base=nodes[0])
    await befriend(admin, alice, bob)
    bob_tab = await bob.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    tabs = [await alice.tab(url) for url in nodes]

    async def flicker(tab: Tab, room: str) -> None:
        for _ in range(10):
            here = {"socket_id": tab.id, "room_id": room}
            await alice.ok("conference.join", hub_id=hub, **here, **MEETING)
            await alice.ok("conference.leave", **here)

    await asyncio.gather(*(flicker(tab, f"room{n}") for n, tab in enumerate(tabs)))
    await asyncio.sleep(0.5)
    assert bob_tab.updates("user.connection_status")[-1]["model"]["status"] == 1
    await asyncio.gather(*(tab.cut() for tab in tabs))
    await until(lambda: bob_tab.updates("user.connection_status")[-1]["model"]["status"] == 0)
