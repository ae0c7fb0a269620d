"""Access to a room, roles, expiry, and the name of a room."""

from __future__ import annotations

import asyncio

import pytest

from service.admin.demo import READ, WRITE
from service.admin.registry import Registry
from service.live import heartbeat as node_module
from tests.support.admin import Admin
from tests.support.conferences import CONNECT, MEETING, dial, join_meeting
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, Tab, befriend
from tests.support.waiting import until

Room = tuple[Person, Tab, Person, Tab, str, str]


@pytest.fixture
async def room(people: People, registry: Registry) -> Room:
    """Let Alice and Bob meet in Alice's team hub; return people, tabs, hub, room."""
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    room_id = (await join_meeting(alice, alice_tab, hub))["user"]["room_id"]
    await join_meeting(bob, bob_tab, hub, room_id)
    return alice, alice_tab, bob, bob_tab, hub, room_id


async def test_an_endpoint_belongs_to_who_claims_it_first(room: Room) -> None:
    alice, alice_tab, bob, bob_tab, hub, room_id = room
    here = {"hub_id": hub, "room_id": room_id}
    claim = {"metadata": {"participant_id": "abcd1234"}, **here}
    assert (await alice.ok("conference.update", socket_id=alice_tab.id, **claim))[
        "participant_id"
    ] == "abcd1234"
    for _ in range(2):
        refused = await bob.call("conference.update", socket_id=bob_tab.id, **claim)
        assert (refused.status, refused.code) == (409, "PARTICIPANT_TAKEN")
    refused = await bob.call("conference.join", socket_id=bob_tab.id, type="meeting", **claim)
    assert refused.code == "PARTICIPANT_TAKEN"
    seen = await bob.ok("conference.attendee", participant_id="abcd1234", **here)
    assert seen["socket_id"] == alice_tab.id
    # Alice returns on another tab with the same media session.
    again = await alice.tab()
    await join_meeting(alice, again, hub, room_id)
    await alice.ok("conference.update", socket_id=again.id, **claim)
    seen = await bob.ok("conference.attendee", participant_id="abcd1234", **here)
    assert seen["socket_id"] == again.id


async def test_one_of_two_who_claim_an_endpoint_at_once_gets_it(room: Room, admin: Admin) -> None:
    alice, alice_tab, bob, bob_tab, hub, room_id = room
    for turn in range(10):
        claim = {"hub_id": hub, "room_id": room_id, "metadata": {"participant_id": f"endpoint{turn}"}}
        answers = await asyncio.gather(
            alice.call("conference.update", socket_id=alice_tab.id, **claim),
            bob.call("conference.update", socket_id=bob_tab.id, **claim),
        )
        assert sorted(a.status for a in answers) == [200, 409]
        held = admin.one("SELECT COUNT(*) FROM yp.conference WHERE participant_id = %s", f"endpoint{turn}")
        assert held == 1


async def test_an_endpoint_is_looked_up_in_the_room_that_is_asked_about(
    room: Room, registry: Registry
) -> None:
    alice, alice_tab, bob, bob_tab, hub, room_id = room
    endpoint = {"metadata": {"participant_id": "abcd1234"}}
    await alice.ok("conference.update", room_id=room_id, socket_id=alice_tab.id, **endpoint)
    # A user with another room claims the same endpoint there.
    trap = registry.add_hub("Trap", bob.uid, "private")
    registry.grant(trap, alice.uid, READ)
    await join_meeting(bob, bob_tab, trap, "trap")
    await bob.ok("conference.update", room_id="trap", socket_id=bob_tab.id, **endpoint)
    seen = await alice.ok("conference.attendee", participant_id="abcd1234", hub_id=hub, room_id=room_id)
    assert seen["uid"] == alice.uid
    assert await alice.ok("conference.attendee", participant_id="abcd1234", hub_id=hub, room_id="other") == {}


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.2)


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM yp.permission WHERE hub_id = %s AND entity_id = %s",
        "UPDATE yp.permission SET expiry = 1 WHERE hub_id = %s AND entity_id = %s",
        "UPDATE yp.entity SET status = 'frozen' WHERE %s <> '' AND id = %s",
    ],
)
@pytest.mark.usefixtures("quick_beats")
async def test_a_member_who_loses_the_right_leaves_the_room_and_all_are_notified(
    room: Room, admin: Admin, loss: str
) -> None:
    alice, alice_tab, bob, bob_tab, hub, room_id = room
    admin.rows(loss, hub, bob.uid)
    assert (await alice_tab.expect("conference.leave"))["model"]["socket_id"] == bob_tab.id
    update = (await bob_tab.expect("conference.revoke"))["model"]
    assert (update["room_id"], update["hub_id"], update["uid"]) == (room_id, hub, bob.uid)
    assert admin.rows("SELECT uid FROM yp.conference WHERE room_id = %s", room_id) == [(alice.uid,)]
    answer = await bob.call(
        "conference.broadcast", hub_id=hub, socket_id=bob_tab.id, event="HELLO", payload={"id": "x"}
    )
    assert answer.status in {401, 403}


@pytest.mark.usefixtures("quick_beats")
async def test_a_host_who_may_no_longer_write_hands_over(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    registry.grant(hub, carol.uid, WRITE)
    bob_tab, carol_tab, alice_tab = await bob.tab(), await carol.tab(), await alice.tab()
    room = (await join_meeting(bob, bob_tab, hub))["user"]["room_id"]
    await join_meeting(carol, carol_tab, hub, room)
    registry.grant(hub, bob.uid, READ)
    for tab in (bob_tab, carol_tab):
        rows = {
            update["model"]["uid"]: update["model"]
            for update in [await tab.expect("conference.update", n) for n in (1, 2)]
        }
        assert (rows[bob.uid]["role"], rows[bob.uid]["permission"]) == ("attendee", 3)
        assert (rows[carol.uid]["role"], rows[carol.uid]["permission"]) == ("host", 7)
    # Nobody inside may be host any longer; the owner, who comes then, is.
    registry.grant(hub, carol.uid, READ)
    assert (await carol_tab.expect("conference.update", 3))["model"]["role"] == "attendee"
    assert (await join_meeting(alice, alice_tab, hub, room))["user"]["role"] == "host"
    # A right that is given is seen as well.
    registry.grant(hub, bob.uid, WRITE)
    await until(lambda: admin.one("SELECT level FROM yp.conference WHERE uid = %s", bob.uid) == WRITE)
    await alice.ok("conference.leave", room_id=room, socket_id=alice_tab.id)
    assert (await bob_tab.expect("conference.leave"))["model"]["host"] == bob_tab.id


async def test_revoke_takes_a_member_out_and_says_when_nobody_was_there(
    room: Room, people: People, registry: Registry, admin: Admin
) -> None:
    alice, alice_tab, bob, bob_tab, hub, room_id = room
    carol = await people("Carol")
    registry.grant(hub, carol.uid, WRITE)

    async def revoke(person: Person) -> object:
        callee = {"drumate_id": person.uid, "entity_id": person.uid}
        here = {"hub_id": hub, "room_id": room_id, "socket_id": alice_tab.id}
        return await alice.ok("conference.revoke", callee=callee, **here, **MEETING)

    assert await revoke(carol) == {"room_id": None}
    assert await revoke(bob) == {"room_id": room_id}
    assert admin.rows("SELECT uid FROM yp.conference WHERE room_id = %s", room_id) == [(alice.uid,)]
    assert (await bob_tab.expect("conference.revoke"))["model"]["room_id"] == room_id
    # At conference.cancel the frontend closes the window of a meeting.
    assert (await bob_tab.expect("conference.cancel"))["model"]["room_id"] == room_id
    assert (await alice_tab.expect("conference.leave"))["model"]["uid"] == bob.uid
    assert await revoke(bob) == {"room_id": None}
    assert admin.one(f"SELECT COUNT(*) FROM {bob.shard}.message WHERE owner_id = %s", bob.uid) == 0


async def test_a_host_who_cancels_ends_the_meeting_for_all(room: Room, admin: Admin) -> None:
    alice, alice_tab, bob, bob_tab, hub, room_id = room
    await befriend(admin, alice, bob)
    here = {"hub_id": hub, "room_id": room_id}
    await alice.ok("conference.cancel", socket_id=alice_tab.id, **here)
    assert (await bob_tab.expect("conference.cancel"))["model"]["room_id"] == room_id
    assert admin.rows("SELECT uid FROM yp.conference WHERE room_id = %s", room_id) == []
    await alice_tab.settles("user.connection_status", {"user_id": bob.uid, "status": 1})
    refused = await bob.call(
        "conference.broadcast", socket_id=bob_tab.id, event="HELLO", payload={"id": "x"}, **here
    )
    assert refused.status == 403
    assert (await join_meeting(alice, alice_tab, hub, room_id))["user"]["role"] == "host"


async def test_members_hear_once_that_a_meeting_starts(people: People, registry: Registry) -> None:
    alice, bob, carol, stranger = [await people(name) for name in ("Alice", "Bob", "Carol", "Eve")]
    hub = registry.add_hub("Team", alice.uid, "private")
    for member in (bob, carol):
        registry.grant(hub, member.uid, WRITE)
    tabs = [await person.tab() for person in (alice, bob, carol, stranger)]
    alice_tab, bob_tab, carol_tab, stranger_tab = tabs
    room = (await join_meeting(alice, alice_tab, hub))["user"]["room_id"]
    for tab in (bob_tab, carol_tab):
        model = (await tab.expect("conference.start"))["model"]
        assert (model["hub_id"], model["room_id"], model["uid"]) == (hub, room, alice.uid)
    await join_meeting(bob, bob_tab, hub, room)
    await alice_tab.expect("conference.join")
    await alice.ok("conference.leave", room_id=room, socket_id=alice_tab.id)
    await join_meeting(alice, alice_tab, hub, room)
    await stranger_tab.nothing("conference.start", 0.2)
    assert len(carol_tab.updates("conference.start")) == 1
    assert stranger_tab.updates("conference.start") == []


async def test_a_meeting_is_no_call_and_a_call_no_meeting(room: Room) -> None:
    alice, alice_tab, bob, bob_tab, hub, room_id = room
    other = await bob.tab()
    here = {"hub_id": hub, "room_id": room_id, "socket_id": other.id}
    refused = await bob.call("conference.join", isCallee=1, metadata=CONNECT, **here)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    await alice_tab.nothing("conference.accept", 0.1)
    call = await dial(alice, alice_tab, bob)
    ringing = (await bob_tab.expect("conference.invite"))["model"]
    there = {"hub_id": ringing["hub_id"], "room_id": call["room_id"], "socket_id": bob_tab.id}
    assert (await bob.call("conference.join", **there, **MEETING)).code == "WEAK_PRIVILEGE"
    assert (await bob.ok("conference.join", isCallee=1, metadata=CONNECT, **there))["user"][
        "role"
    ] == "attendee"


async def test_nobody_is_led_into_a_room_where_somebody_lies_in_wait(
    people: People, registry: Registry, admin: Admin
) -> None:
    owner, stranger = await people("Owner"), await people("Stranger")
    hub = registry.add_hub("Public", owner.uid, "public")
    home = admin.one("SELECT home_id FROM yp.entity WHERE id = %s", hub)
    stranger_tab, owner_tab = await stranger.tab(), await owner.tab()
    waiting = await join_meeting(stranger, stranger_tab, hub, "squat")
    assert waiting["user"]["status"] == "waiting"
    joined = await join_meeting(owner, owner_tab, hub)
    assert (joined["user"]["room_id"], joined["user"]["role"]) == (home, "host")
    # A join without a room leads to the room that has started.
    late = await people("Late")
    assert (await join_meeting(late, await late.tab(), hub))["user"]["room_id"] == home


async def test_a_socket_is_in_so_many_rooms_and_no_more(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    alice = await people("Alice", base=(await make_node(socket_rooms=2)).make_url("/"))
    tab = await alice.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    for name in ("one", "two"):
        await join_meeting(alice, tab, hub, name)
    here = {"hub_id": hub, "socket_id": tab.id}
    refused = await alice.call("conference.join", room_id="three", **here, **MEETING)
    assert (refused.status, refused.code) == (429, "TOO_MANY_ROOMS")
    await join_meeting(alice, tab, hub, "two")
    await alice.ok("conference.leave", room_id="one", socket_id=tab.id)
    await join_meeting(alice, tab, hub, "three")


async def test_details_are_those_of_the_node_behind_the_room(room: Room, admin: Admin) -> None:
    alice, alice_tab, bob, _bob_tab, hub, home = room
    (shard, created) = admin.rows("SELECT db_name, ctime FROM yp.entity WHERE id = %s", hub)[0]
    admin.rows(
        f"INSERT INTO {shard}.media (owner_id, id, author_id, filename, category, ctime, mtime) "
        "VALUES (%s, '5c4ed01e5c4ed01e', %s, 'Weekly', 'schedule', 1700000000, 1700000000)",
        *(hub, bob.uid),
    )
    scheduled = await join_meeting(alice, alice_tab, hub, "5c4ed01e5c4ed01e")
    assert scheduled["details"] == {
        "id": "5c4ed01e5c4ed01e",
        "filename": "Weekly",
        "category": "schedule",
        "owner_id": bob.uid,
        "hub_id": hub,
        "ctime": 1700000000,
    }
    assert (await join_meeting(bob, await bob.tab(), hub, "5c4ed01e5c4ed01e"))["details"] == scheduled[
        "details"
    ]
    update = (await alice_tab.expect("conference.join", 2))["model"]
    assert update["details"]["filename"] == "Weekly"
    # The home room has the name of its hub; a room without a node has no name.
    named = (await join_meeting(alice, alice_tab, hub, home))["details"]
    assert (named["filename"], named["ctime"]) == ("Team", created)
    assert (await join_meeting(alice, alice_tab, hub, "adhoc"))["details"] == {}
