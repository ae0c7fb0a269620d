"""conference.kick, mute, set_role, end, lock, admit, deny, room, and broadcast to one: what hosts command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from service.admin.demo import READ, WRITE
from service.admin.registry import Registry
from service.live import heartbeat as node_module
from tests.support.admin import Admin
from tests.support.conferences import MEETING, join_meeting
from tests.support.guests import enter, guest_of
from tests.support.nodes import NodeMaker
from tests.support.people import Answer, People, Person, Tab


@dataclass
class Meeting:
    """Alice, who is host, Bob, who may write, and Carol, a reader who is not inside yet."""

    alice: Person
    bob: Person
    carol: Person
    alice_tab: Tab
    bob_tab: Tab
    carol_tab: Tab
    hub: str
    room: str

    async def command(self, service: str, **args: Any) -> Any:
        """Give a command as Alice."""
        here = {"room_id": self.room, "socket_id": self.alice_tab.id}
        return await self.alice.ok(f"conference.{service}", **here, **args)

    async def refused(self, service: str, **args: Any) -> Answer:
        """Give a command as Alice that is refused."""
        here = {"room_id": self.room, "socket_id": self.alice_tab.id}
        return await self.alice.call(f"conference.{service}", **here, **args)

    async def knock(self) -> dict[str, Any]:
        """Let Carol come to the door."""
        return await join_meeting(self.carol, self.carol_tab, self.hub, self.room)


@pytest.fixture
async def meeting(people: People, registry: Registry) -> Meeting:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    registry.grant(hub, carol.uid, READ)
    tabs = [await person.tab() for person in (alice, bob, carol)]
    room = (await join_meeting(alice, tabs[0], hub))["user"]["room_id"]
    await join_meeting(bob, tabs[1], hub, room)
    return Meeting(alice, bob, carol, tabs[0], tabs[1], tabs[2], hub, room)


async def test_who_is_kicked_hears_it_and_their_window_closes(meeting: Meeting, admin: Admin) -> None:
    m = meeting
    removed = (await m.command("kick", to=m.bob.uid))["removed"]
    assert [(seat["uid"], seat["room_id"]) for seat in removed] == [(m.bob.uid, m.room)]
    model = (await m.bob_tab.expect("conference.kick"))["model"]
    assert (model["room_id"], model["by"], model["banned"]) == (m.room, m.alice.uid, 0)
    # The frontend knows these two: they close the window of a call, and that of a meeting.
    for service in ("conference.revoke", "conference.cancel"):
        assert (await m.bob_tab.expect(service))["model"]["room_id"] == m.room
    assert (await m.alice_tab.expect("conference.leave"))["model"]["uid"] == m.bob.uid
    assert admin.rows("SELECT uid FROM yp.conference WHERE room_id = %s", m.room) == [(m.alice.uid,)]
    assert (await m.command("kick", to=m.bob.uid))["removed"] == [], "nothing has happened"
    assert (await join_meeting(m.bob, m.bob_tab, m.hub, m.room))["user"]["role"] == "attendee"


async def test_who_is_banned_stays_out_with_all_devices_until_the_room_ends(
    meeting: Meeting, people: People
) -> None:
    m = meeting
    phone = await people.device(m.bob)
    phone_tab = await phone.tab()
    await m.command("kick", to=m.bob_tab.id, ban=1)
    for person, tab in ((m.bob, m.bob_tab), (phone, phone_tab)):
        here = {"hub_id": m.hub, "room_id": m.room, "socket_id": tab.id}
        refused = await person.call("conference.join", **here, **MEETING)
        assert (refused.status, refused.code) == (403, "BANNED")
    ring = {"hub_id": m.hub, "guest_id": m.bob.uid, "metadata": {"type": "meeting"}}
    refused = await m.refused("invite", **ring)
    assert (refused.status, refused.code) == (409, "CALLEE_BANNED")
    assert (await m.command("end"))["room_id"] == m.room
    assert (await m.command("end"))["room_id"] is None, "nothing has happened"
    assert (await join_meeting(m.bob, m.bob_tab, m.hub, m.room))["user"]["role"] == "host"


async def test_a_banned_guest_stays_out_and_other_guests_of_the_link_come_in(
    people: People, registry: Registry
) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    desk = await alice.tab()
    await join_meeting(alice, desk, hub, room)
    guest, ticket, tab = await guest_of(people, token)
    other, other_ticket, other_tab = await guest_of(people, token)
    await enter(guest, tab, ticket, "Mallory")
    here = {"room_id": room, "socket_id": desk.id}
    await alice.ok("conference.kick", to=tab.id, ban=1, **here)
    await tab.expect("conference.cancel")
    again = await guest.call(
        "conference.join", hub_id=hub, room_id=room, socket_id=tab.id, type="meeting", metadata={}
    )
    assert (again.status, again.code) == (403, "BANNED")
    assert (await enter(other, other_tab, other_ticket, "Zoë"))["user"]["status"] == "started"


async def test_a_locked_room_has_a_door_where_people_knock(meeting: Meeting) -> None:
    m = meeting
    assert (await m.command("lock", who="everybody"))["locked"] == "everybody"
    assert (await m.bob_tab.expect("conference.room"))["model"]["locked"] == "everybody"
    knocked = await m.knock()
    assert (knocked["user"]["status"], knocked["attendees"], knocked["configs"]) == ("waiting", [], {})
    assert (await m.alice_tab.expect("conference.knock"))["model"]["uid"] == m.carol.uid
    await m.bob_tab.nothing("conference.knock", 0.1)
    assert [row["uid"] for row in (await m.command("room"))["waiting"]] == [m.carol.uid]
    # Somebody who waits says nothing into the room.
    here = {"room_id": m.room, "socket_id": m.carol_tab.id}
    refused = await m.carol.call("conference.broadcast", hub_id=m.hub, event="X", payload={"id": "x"}, **here)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")

    assert [row["uid"] for row in (await m.command("admit", to=m.carol.uid))["admitted"]] == [m.carol.uid]
    started = (await m.carol_tab.expect("conference.start", 2))["model"]
    assert (started["socket_id"], started["status"]) == (m.carol_tab.id, "started")
    for tab in (m.alice_tab, m.bob_tab):
        model = (await tab.expect("conference.join", len(tab.updates("conference.join")) or 1))["model"]
        assert model["uid"] in {m.bob.uid, m.carol.uid}
    assert {row["uid"] for row in (await m.knock())["attendees"]} == {m.alice.uid, m.bob.uid}


async def test_only_hosts_hear_who_goes_away_from_the_door(meeting: Meeting) -> None:
    m = meeting
    await m.command("lock", who="everybody")
    await m.knock()
    await m.carol.ok("conference.leave", room_id=m.room, socket_id=m.carol_tab.id)
    assert (await m.alice_tab.expect("conference.leave"))["model"]["uid"] == m.carol.uid
    await m.bob_tab.nothing("conference.leave", 0.1)


async def test_who_waits_for_a_place_comes_in_when_somebody_has_left(
    monkeypatch: pytest.MonkeyPatch, make_node: NodeMaker, people: People, registry: Registry
) -> None:
    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.2)
    base = (await make_node(room_people=2)).make_url("/")
    alice = await people("Alice", base=base)
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    guests = [await guest_of(people, token, base) for _ in range(2)]
    for guest, ticket, tab in guests:
        await enter(guest, tab, ticket, "Zoë")
    desk = await alice.tab()
    assert len((await join_meeting(alice, desk, hub, room))["attendees"]) == 1
    here = {"room_id": room, "socket_id": desk.id}
    (waiting,) = (await alice.ok("conference.room", **here))["waiting"]
    assert (await alice.call("conference.admit", **here)).code == "ROOM_FULL"
    (last,) = [each for each in guests if each[2].id == waiting["socket_id"]]
    (first,) = [each for each in guests if each is not last]
    await first[0].ok("conference.leave", room_id=room, socket_id=first[2].id)
    assert (await last[2].expect("conference.start"))["model"]["socket_id"] == last[2].id
    # The first one told that somebody waited, before the owner came in.
    entered = (await desk.expect("conference.join", 2))["model"]
    assert (entered["socket_id"], entered["status"]) == (last[2].id, "started")
    assert (await enter(last[0], last[2], last[1], "Zoë"))["user"]["status"] == "started"


async def test_who_is_denied_is_told_and_a_ban_keeps_them_from_knocking(meeting: Meeting) -> None:
    m = meeting
    await m.command("lock", who="everybody")
    await m.knock()
    await m.command("deny", to=m.carol_tab.id)
    assert (await m.carol_tab.expect("conference.deny"))["model"]["by"] == m.alice.uid
    assert (await m.command("room"))["waiting"] == []
    await m.knock()
    await m.command("deny", to=m.carol.uid, ban=1)
    here = {"hub_id": m.hub, "room_id": m.room, "socket_id": m.carol_tab.id}
    assert (await m.carol.call("conference.join", **here, **MEETING)).code == "BANNED"
    assert (await m.refused("deny", to=m.bob.uid)).code == "PARTICIPANT_NOT_FOUND", "Bob is inside"


async def test_guests_wait_in_a_lobby_while_members_come_in(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    registry.grant(hub, bob.uid, WRITE)
    token, room = registry.add_link(hub, "Tea", 1)
    desk = await alice.tab()
    here = {"room_id": room, "socket_id": desk.id}
    await join_meeting(alice, desk, hub, room)
    await alice.ok("conference.lock", who="guests", **here)
    guest, ticket, tab = await guest_of(people, token)
    waiting = await enter(guest, tab, ticket, "Zoë")
    assert (waiting["user"]["status"], waiting["configs"], waiting["attendees"]) == ("waiting", {}, [])
    assert (await join_meeting(bob, await bob.tab(), hub, room))["user"]["status"] == "started"
    assert (await desk.expect("conference.knock"))["model"]["username"] == "Zoë"
    # An open door lets the guest in, whose page then joins again.
    await alice.ok("conference.lock", who="nobody", **here)
    assert (await tab.expect("conference.start"))["model"]["socket_id"] == tab.id
    assert (await enter(guest, tab, ticket, "Zoë"))["user"]["status"] == "started"


async def test_a_request_for_silence_is_seen_until_it_is_obeyed(meeting: Meeting) -> None:
    m = meeting
    assert [row["uid"] for row in (await m.command("mute", to=m.bob_tab.id))["asked"]] == [m.bob.uid]
    model = (await m.bob_tab.expect("conference.mute"))["model"]
    assert (model["by"], model["socket_id"]) == (m.alice.uid, m.bob_tab.id)
    assert (await m.bob_tab.expect("conference.update"))["model"]["mute_asked"] == 1
    here = {"room_id": m.room, "socket_id": m.bob_tab.id}
    state = await m.bob.ok("conference.update", metadata={"audio": 0}, **here)
    assert (state["audio"], state["mute_asked"]) == (0, 0)
    assert (await m.command("mute"))["asked"] == [], "nobody speaks any more"


async def test_a_second_host_commands_too_but_not_the_owner(meeting: Meeting) -> None:
    m = meeting
    await m.knock()
    bob_here = {"room_id": m.room, "socket_id": m.bob_tab.id}
    refused = await m.bob.call("conference.kick", to=m.carol.uid, **bob_here)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    changed = (await m.command("set_role", to=m.bob.uid, role="host"))["changed"]
    assert [(row["uid"], row["role"]) for row in changed] == [(m.bob.uid, "host")]
    assert (await m.bob_tab.expect("conference.update"))["model"]["role"] == "host"
    assert (await m.refused("set_role", to=m.carol.uid, role="host")).code == "CANT_HOST"
    assert (await m.bob.call("conference.kick", to=m.alice.uid, **bob_here)).status == 403
    await m.bob.ok("conference.kick", to=m.carol.uid, **bob_here)
    await m.command("set_role", to=m.alice.uid, role="attendee")
    assert (await m.refused("end")).status == 403
    last = await m.bob.call("conference.set_role", to=m.bob.uid, role="attendee", **bob_here)
    assert last.status == 200, "Alice takes over"
    assert (await m.command("end"))["room_id"] == m.room


async def test_a_message_to_one_reaches_nobody_else(meeting: Meeting) -> None:
    m = meeting
    await m.knock()
    say = {"hub_id": m.hub, "event": "OFFER", "payload": {"sdp": "v=0"}}
    await m.command("broadcast", to=m.bob_tab.id, **say)
    assert (await m.bob_tab.expect("conference.broadcast"))["model"] == {"sdp": "v=0"}
    await m.carol_tab.nothing("conference.broadcast", 0.2)
    assert (await m.refused("broadcast", to="nobody", **say)).code == "PARTICIPANT_NOT_FOUND"


async def test_the_id_of_a_guest_means_that_guest_alone(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    desk = await alice.tab()
    await join_meeting(alice, desk, hub, room)
    uids, tabs = [], []
    for name in ("Zoë", "Yan"):
        guest, ticket, tab = await guest_of(people, token)
        uids.append((await enter(guest, tab, ticket, name))["user"]["uid"])
        tabs.append(tab)
    here = {"room_id": room, "socket_id": desk.id}
    offer = {"hub_id": hub, "event": "OFFER", "payload": {"sdp": "v=0"}}
    await alice.ok("conference.broadcast", to=uids[0], **here, **offer)
    await tabs[0].expect("conference.broadcast")
    await tabs[1].nothing("conference.broadcast", 0.1)
    assert len((await alice.ok("conference.kick", to=uids[0], **here))["removed"]) == 1
    await tabs[1].nothing("conference.kick", 0.1)


async def test_a_room_has_a_title_and_limits(meeting: Meeting) -> None:
    m = meeting
    room = await m.command("room", title="Weekly", people=2, minutes=60)
    assert (room["title"], room["people"], room["minutes"], room["state"]) == ("Weekly", 2, 60, "started")
    assert (await m.bob_tab.expect("conference.room"))["model"]["title"] == "Weekly"
    here = {"hub_id": m.hub, "room_id": m.room, "socket_id": m.carol_tab.id}
    refused = await m.carol.call("conference.join", **here, **MEETING)
    assert (refused.status, refused.code) == (409, "ROOM_FULL")
    await m.command("lock", who="everybody")
    # The door is no way around the limit.
    await m.knock()
    assert (await m.refused("admit", to=m.carol.uid)).code == "ROOM_FULL"


async def test_everybody_knows_that_a_meeting_is_recorded(meeting: Meeting) -> None:
    m = meeting
    started = await m.command("recording", on=1)
    assert (started["recording"], started["changed"], started["room_id"]) == (1, 1, m.room)
    for tab in (m.alice_tab, m.bob_tab):
        model = (await tab.expect("conference.recording"))["model"]
        assert (model["recording"], model["by"], model["by_name"]) == (1, m.alice.uid, "Alice Test")
        assert model["recording_since"] == started["recording_since"]
    assert (await m.command("recording", on=1))["changed"] == 0
    late = await m.knock()
    assert (late["room"]["recording"], late["room"]["recording_since"]) == (1, started["recording_since"])
    here = {"room_id": m.room, "socket_id": m.carol_tab.id}
    assert (await m.carol.ok("conference.room", **here))["recording"] == 1
    refused = await m.carol.call("conference.recording", on=0, **here)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    nowhere = {"room_id": "elsewhere", "socket_id": m.alice_tab.id}
    assert (await m.alice.call("conference.recording", on=1, **nowhere)).status == 403
    ended = await m.command("recording", on=0)
    assert (ended["recording"], ended["recording_since"], ended["changed"]) == (0, None, 1)
    assert (await m.carol_tab.expect("conference.recording"))["model"]["recording"] == 0
    assert len(m.bob_tab.updates("conference.recording")) == 2, "the repetition was silent"
    await m.command("recording", on=1)
    await m.command("end")
    assert (await join_meeting(m.alice, m.alice_tab, m.hub, m.room))["room"]["recording"] == 0


async def test_the_service_limits_every_room(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    base = (await make_node(room_people=1, room_minutes=30)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base)
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    tab, bob_tab = await alice.tab(), await bob.tab()
    user = (await join_meeting(alice, tab, hub, "one"))["user"]
    assert 0 < user["quota"] <= 1800
    here = {"hub_id": hub, "room_id": "one"}
    assert (await bob.call("conference.join", socket_id=bob_tab.id, **here, **MEETING)).code == "ROOM_FULL"
    refused = await alice.call("conference.room", socket_id=tab.id, people=2, **here)
    assert (refused.status, refused.code) == (409, "LIMIT_TOO_HIGH")


async def test_a_hub_limits_its_rooms_from_the_next_meeting_on(meeting: Meeting, registry: Registry) -> None:
    m = meeting
    assert registry.limit_rooms(m.hub, 1, 30) == {"people": 1, "minutes": 30}
    assert (await m.command("room"))["people"] == 0, "this one has begun before"
    refused = await m.refused("room", people=2)
    assert (refused.status, refused.code) == (409, "LIMIT_TOO_HIGH")
    await m.command("end")
    joined = await join_meeting(m.alice, m.alice_tab, m.hub, m.room)
    assert (joined["room"]["people"], joined["room"]["minutes"]) == (1, 30)
    assert 0 < joined["user"]["quota"] <= 1800
    here = {"hub_id": m.hub, "room_id": m.room, "socket_id": m.bob_tab.id}
    refused = await m.bob.call("conference.join", **here, **MEETING)
    assert (refused.status, refused.code) == (409, "ROOM_FULL")


async def test_a_room_ends_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch, make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    monkeypatch.setattr(node_module, "BEAT_SECONDS", 0.2)
    alice = await people("Alice", base=(await make_node()).make_url("/"))
    tab = await alice.tab()
    hub = registry.add_hub("Team", alice.uid, "private")
    await join_meeting(alice, tab, hub, "one")
    await alice.ok("conference.room", room_id="one", socket_id=tab.id, minutes=1)
    admin.rows("UPDATE yp.conference_room SET started_at = started_at - 999 WHERE hub_id = %s", hub)
    model = (await tab.expect("conference.cancel"))["model"]
    assert (model["room_id"], model["uid"]) == ("one", None)
    assert admin.rows("SELECT 1 FROM yp.conference WHERE hub_id = %s", hub) == []
