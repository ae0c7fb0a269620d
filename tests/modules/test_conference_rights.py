"""Who may be in a room, as whom, and for how long; and what a room is called."""

from __future__ import annotations

import asyncio

import pytest

from service import node as node_module
from service.demo import READ, WRITE, Registry
from tests.conftest import Admin, NodeMaker
from tests.modules.test_conference import MEETING, enter
from tests.modules.test_conference_calls import CONNECT, wicket_of
from tests.people import People, Person, Tab

Room = tuple[Person, Tab, Person, Tab, str, str]


@pytest.fixture
async def room(people: People, registry: Registry) -> Room:
    """Alice and Bob in a meeting of Alice's team: people, tabs, hub, room."""
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    hers, his = await alice.tab(), await bob.tab()
    found = (await enter(alice, hers, hub))["user"]["room_id"]
    await enter(bob, his, hub, found)
    return alice, hers, bob, his, hub, found


async def test_an_endpoint_belongs_to_who_claims_it_first(room: Room) -> None:
    alice, hers, bob, his, hub, found = room
    here = {"hub_id": hub, "room_id": found}
    claim = {"metadata": {"participant_id": "abcd1234"}, **here}
    assert (await alice.ok("conference.update", socket_id=hers.id, **claim))["participant_id"] == "abcd1234"
    for _ in range(2):
        refused = await bob.call("conference.update", socket_id=his.id, **claim)
        assert (refused.status, refused.code) == (409, "PARTICIPANT_TAKEN")
    refused = await bob.call("conference.join", socket_id=his.id, type="meeting", **claim)
    assert refused.code == "PARTICIPANT_TAKEN"
    seen = await bob.ok("conference.attendee", participant_id="abcd1234", **here)
    assert seen["socket_id"] == hers.id
    # she comes back on another tab with the same media session
    again = await alice.tab()
    await enter(alice, again, hub, found)
    await alice.ok("conference.update", socket_id=again.id, **claim)
    seen = await bob.ok("conference.attendee", participant_id="abcd1234", **here)
    assert seen["socket_id"] == again.id


async def test_of_two_who_claim_an_endpoint_at_once_one_has_it(room: Room, admin: Admin) -> None:
    alice, hers, bob, his, hub, found = room
    for turn in range(10):
        claim = {"hub_id": hub, "room_id": found, "metadata": {"participant_id": f"endpoint{turn}"}}
        answers = await asyncio.gather(
            alice.call("conference.update", socket_id=hers.id, **claim),
            bob.call("conference.update", socket_id=his.id, **claim),
        )
        assert sorted(a.status for a in answers) == [200, 409]
        held = admin.one("SELECT COUNT(*) FROM yp.conference WHERE participant_id = %s", f"endpoint{turn}")
        assert held == 1


async def test_an_endpoint_is_looked_up_in_the_room_that_is_asked_about(
    room: Room, registry: Registry
) -> None:
    alice, hers, bob, his, hub, found = room
    endpoint = {"metadata": {"participant_id": "abcd1234"}}
    await alice.ok("conference.update", room_id=found, socket_id=hers.id, **endpoint)
    # somebody with a room of his own calls himself the same there
    trap = registry.add_hub("Trap", bob.uid, "private")
    registry.grant(trap, alice.uid, READ)
    await enter(bob, his, trap, "trap")
    await bob.ok("conference.update", room_id="trap", socket_id=his.id, **endpoint)
    seen = await alice.ok("conference.attendee", participant_id="abcd1234", hub_id=hub, room_id=found)
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
async def test_who_loses_his_right_leaves_the_room_and_all_are_told(
    room: Room, admin: Admin, loss: str
) -> None:
    alice, hers, bob, his, hub, found = room
    admin.rows(loss, hub, bob.uid)
    assert (await hers.expect("conference.leave"))["model"]["socket_id"] == his.id
    told = (await his.expect("conference.revoke"))["model"]
    assert (told["room_id"], told["hub_id"], told["uid"]) == (found, hub, bob.uid)
    assert admin.rows("SELECT uid FROM yp.conference WHERE room_id = %s", found) == [(alice.uid,)]
    answer = await bob.call(
        "conference.broadcast", hub_id=hub, socket_id=his.id, event="HELLO", payload={"id": "x"}
    )
    assert answer.status in {401, 403}


async def test_a_meeting_is_no_call_and_a_call_no_meeting(room: Room) -> None:
    alice, hers, bob, his, hub, found = room
    other = await bob.tab()
    here = {"hub_id": hub, "room_id": found, "socket_id": other.id}
    refused = await bob.call("conference.join", isCallee=1, metadata=CONNECT, **here)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    await hers.nothing("conference.accept", 0.1)
    call = await alice.ok(
        "conference.invite",
        **{"hub_id": await wicket_of(alice), "guest_id": bob.uid, "socket_id": hers.id, "metadata": CONNECT},
    )
    ringing = (await his.expect("conference.invite"))["model"]
    there = {"hub_id": ringing["hub_id"], "room_id": call["room_id"], "socket_id": his.id}
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
    his, hers = await stranger.tab(), await owner.tab()
    waiting = await enter(stranger, his, hub, "squat")
    assert waiting["user"]["status"] == "waiting"
    mine = await enter(owner, hers, hub)
    assert (mine["user"]["room_id"], mine["user"]["role"]) == (home, "host")
    # who names no room now is led to the one that has started
    late = await people("Late")
    assert (await enter(late, await late.tab(), hub))["user"]["room_id"] == home


async def test_a_socket_is_in_so_many_rooms_and_no_more(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    alice = await people("Alice", base=(await make_node(socket_rooms=2)).make_url("/"))
    tab = await alice.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    for name in ("one", "two"):
        await enter(alice, tab, hub, name)
    here = {"hub_id": hub, "socket_id": tab.id}
    refused = await alice.call("conference.join", room_id="three", **here, **MEETING)
    assert (refused.status, refused.code) == (429, "TOO_MANY_ROOMS")
    await enter(alice, tab, hub, "two")
    await alice.ok("conference.leave", room_id="one", socket_id=tab.id)
    await enter(alice, tab, hub, "three")


async def test_details_are_those_of_the_node_behind_the_room(room: Room, admin: Admin) -> None:
    alice, hers, bob, _his, hub, home = room
    (shard, created) = admin.rows("SELECT db_name, ctime FROM yp.entity WHERE id = %s", hub)[0]
    admin.rows(
        f"INSERT INTO {shard}.media (owner_id, id, author_id, filename, category, ctime, mtime) "
        "VALUES (%s, '5c4ed01e5c4ed01e', %s, 'Weekly', 'schedule', 1700000000, 1700000000)",
        *(hub, bob.uid),
    )
    scheduled = await enter(alice, hers, hub, "5c4ed01e5c4ed01e")
    assert scheduled["details"] == {
        "id": "5c4ed01e5c4ed01e",
        "filename": "Weekly",
        "category": "schedule",
        "owner_id": bob.uid,
        "hub_id": hub,
        "ctime": 1700000000,
    }
    assert (await enter(bob, await bob.tab(), hub, "5c4ed01e5c4ed01e"))["details"] == scheduled["details"]
    told = (await hers.expect("conference.join", 2))["model"]
    assert told["details"]["filename"] == "Weekly"
    # the home of a hub is called as the hub; a room without a node has no name
    named = (await enter(alice, hers, hub, home))["details"]
    assert (named["filename"], named["ctime"]) == ("Team", created)
    assert (await enter(alice, hers, hub, "adhoc"))["details"] == {}
