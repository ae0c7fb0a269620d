"""conference.*: rooms, roles, and the recipients of updates."""

from __future__ import annotations

import asyncio

import pytest

from service.admin.demo import READ, WRITE
from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.conferences import MEETING, join_meeting
from tests.support.people import QUIET, People, Person, Tab, befriend
from tests.support.waiting import until


def roles(admin: Admin, hub: str) -> list[tuple[str, str]]:
    return admin.rows("SELECT uid, role FROM yp.conference WHERE hub_id = %s ORDER BY role, uid", hub)


async def test_joining_again_keeps_role_and_tells_nobody(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    first = await join_meeting(alice, alice_tab, hub)
    room = first["user"]["room_id"]
    await join_meeting(bob, bob_tab, hub, room)
    await alice_tab.expect("conference.join")
    again = await join_meeting(alice, alice_tab, hub, room)
    await join_meeting(bob, bob_tab, hub, room)
    assert (again["user"]["role"], again["user"]["room_id"]) == ("host", room)
    assert roles(admin, hub) == [(alice.uid, "host"), (bob.uid, "attendee")]
    await alice_tab.nothing("conference.join")


async def test_the_room_of_a_hub_is_found_without_naming_it(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, READ)
    first = await join_meeting(alice, await alice.tab(), hub)
    second = await join_meeting(bob, await bob.tab(), hub)
    assert second["user"]["room_id"] == first["user"]["room_id"]
    assert first["details"]["filename"] == "Team"
    assert isinstance(first["details"]["ctime"], int)
    # The frontend's other name for a room.
    assert (await join_meeting(bob, bob.tabs[0], hub, nid=first["user"]["room_id"]))["user"][
        "role"
    ] == "attendee"


async def test_one_of_many_who_join_first_at_once_is_host(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice = await people("Alice")
    for round_ in range(5):
        hub = registry.add_hub(f"Team {round_}", alice.uid, "private")
        guests = [await people(name) for name in ("Bob", "Carol", "Dave", "Erin")]
        for guest in guests:
            registry.grant(hub, guest.uid, WRITE)
        tabs = [(p, await p.tab()) for p in (alice, *guests)]
        room = None if round_ % 2 else "0123456789abcdef"
        joined = await asyncio.gather(*(join_meeting(p, tab, hub, room) for p, tab in tabs))
        assert len({j["user"]["room_id"] for j in joined}) == 1
        assert sorted(j["user"]["role"] for j in joined) == ["attendee"] * 4 + ["host"]
        assert [role for _, role in roles(admin, hub)].count("host") == 1


async def test_a_socket_acts_for_its_own_session_only(people: People, registry: Registry) -> None:
    alice, mallory = await people("Alice"), await people("Mallory")
    hub = registry.add_hub("Team", alice.uid, "private")
    tab = await alice.tab()
    room = (await join_meeting(alice, tab, hub))["user"]["room_id"]
    here = {"socket_id": tab.id, "room_id": room, "hub_id": hub}
    await mallory.tab()
    joined = await mallory.call("conference.join", **here, **MEETING)
    assert (joined.status, joined.code) == (403, "WEAK_PRIVILEGE")
    assert (await mallory.call("conference.update", **here, metadata={"audio": 0})).data == {}
    assert (await mallory.call("conference.leave", **here)).data == {"peers": []}
    broadcast = await mallory.call("conference.broadcast", **here, event="X", payload={})
    assert (broadcast.status, broadcast.code) == (403, "WEAK_PRIVILEGE")
    await tab.nothing("conference.update", 0.1)
    assert (await join_meeting(alice, tab, hub, room))["user"]["audio"] == 1


async def test_a_room_of_one_hub_cannot_be_entered_through_another(
    people: People, registry: Registry
) -> None:
    alice, mallory = await people("Alice"), await people("Mallory")
    hub, own = registry.add_hub("Team", alice.uid, "private"), registry.add_hub("Own", mallory.uid, "private")
    room = (await join_meeting(alice, await alice.tab(), hub))["user"]["room_id"]
    tab = await mallory.tab()
    # Under Mallory's own hub it is a separate, empty room.
    own_room = await join_meeting(mallory, tab, own, room)
    assert (own_room["user"]["role"], own_room["attendees"]) == ("host", [])
    await alice.tabs[0].nothing("conference.join", 0.1)


async def test_expired_grants_open_no_door(people: People, registry: Registry, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    admin.rows("UPDATE yp.permission SET expiry = 1 WHERE hub_id = %s AND entity_id = %s", hub, bob.uid)
    tab = await bob.tab()
    answer = await bob.call("conference.join", hub_id=hub, socket_id=tab.id, **MEETING)
    assert (answer.status, answer.code) == (403, "WEAK_PRIVILEGE")


async def test_in_a_public_area_guests_wait_for_the_owner(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Open house", alice.uid, "public")
    bob_tab, alice_tab = await bob.tab(), await alice.tab()
    waiting = await join_meeting(bob, bob_tab, hub)
    assert (waiting["user"]["status"], waiting["user"]["role"]) == ("waiting", "attendee")
    owner = await join_meeting(alice, alice_tab, hub, waiting["user"]["room_id"])
    assert owner["user"]["role"] == "host"
    assert (await bob_tab.expect("conference.start"))["model"]["status"] == "started"
    assert owner["attendees"][0]["status"] == "started"


async def test_clients_set_switches_and_never_roles(people: People, registry: Registry, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, READ)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    room = (await join_meeting(alice, alice_tab, hub))["user"]["room_id"]
    await join_meeting(bob, bob_tab, hub, room)
    lie = {"role": "host", "permission": 63, "level": 7, "uid": alice.uid, "area": "public", "share": 1}
    row = await bob.ok(
        "conference.update",
        room_id=room,
        socket_id=bob_tab.id,
        event="CAMERA",
        metadata={**lie, "video": "1", "audio": False, "participant_id": "beef0001"},
    )
    assert (row["role"], row["permission"], row["uid"]) == ("attendee", 3, bob.uid)
    assert (row["video"], row["audio"], row["screen"], row["participant_id"]) == (1, 0, 1, "beef0001")
    heard = await alice_tab.expect("conference.update")
    assert heard["options"]["event"] == "CAMERA"
    assert {k: heard["model"][k] for k in ("video", "audio", "screen", "uid")} == {
        "video": 1,
        "audio": 0,
        "screen": 1,
        "uid": bob.uid,
    }
    assert "role" not in heard["model"]
    assert heard["model"]["timestamp"] > 1_700_000_000_000
    await bob_tab.nothing("conference.update", 0.1)


async def test_metadata_may_be_json_text(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    tab = await alice.tab()
    joined = await alice.ok(
        "conference.join", hub_id=hub, socket_id=tab.id, metadata='{"type": "connect", "video": 1}'
    )
    assert (joined["user"]["type"], joined["user"]["video"]) == ("connect", 1)


async def test_only_participants_broadcast(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    bob_tab, alice_tab = await bob.tab(), await alice.tab()
    say = {"hub_id": hub, "socket_id": bob_tab.id, "event": "HELLO", "payload": {"id": "1"}}
    assert (await bob.call("conference.broadcast", **say)).code == "WEAK_PRIVILEGE"
    await join_meeting(bob, bob_tab, hub)
    assert await bob.ok("conference.broadcast", **say) == {"id": "1"}
    frame = await alice_tab.expect("conference.broadcast")
    assert (frame["model"], frame["options"]["event"]) == ({"id": "1"}, "HELLO")
    assert "socket_id" not in frame["options"]["sender"]


async def test_somebody_with_two_grants_hears_a_broadcast_once(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    room = (await join_meeting(alice, alice_tab, hub))["user"]["room_id"]
    registry.grant(hub, bob.uid, WRITE)
    registry.call("yp", "permission_grant", hub, room, bob.uid, WRITE, 0)
    say = {"hub_id": hub, "room_id": room, "socket_id": alice_tab.id, "event": "HELLO"}
    for number in "12":
        await alice.ok("conference.broadcast", **say, payload={"id": number})
    await bob_tab.settles("conference.broadcast", {"id": "2"})
    assert [frame["model"]["id"] for frame in bob_tab.updates("conference.broadcast")] == ["1", "2"]


async def test_leaving_is_harmless_when_repeated_or_unknown(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    room = (await join_meeting(alice, alice_tab, hub))["user"]["room_id"]
    await join_meeting(bob, bob_tab, hub, room)
    # The guest page sends no hub.
    answer = await bob.ok("conference.leave", room_id=room, socket_id=bob_tab.id)
    assert [p["uid"] for p in answer["peers"]] == [alice.uid]
    pushed = await alice_tab.expect("conference.leave")
    assert (pushed["model"]["uid"], pushed["model"]["type"]) == (bob.uid, "conference.leave")
    assert pushed["options"]["sender"]["socket_id"] == bob_tab.id
    for room_id in (room, "0123456789abcdef"):
        assert await bob.ok("conference.leave", room_id=room_id, socket_id=bob_tab.id) == {"peers": []}
    await alice_tab.nothing("conference.leave")


async def test_a_room_is_consistent_after_a_storm_of_joins_and_leaves(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    guests = [await people("Guest") for _ in range(6)]
    for guest in guests:
        registry.grant(hub, guest.uid, WRITE)
    tabs = [(p, await p.tab()) for p in (alice, *guests)]

    async def come_and_go(person: Person, tab: Tab) -> None:
        for _ in range(8):
            room = (await join_meeting(person, tab, hub, "feedfacefeedface"))["user"]["room_id"]
            await person.ok("conference.leave", room_id=room, socket_id=tab.id)
        await join_meeting(person, tab, hub, "feedfacefeedface")

    await asyncio.gather(*(come_and_go(p, tab) for p, tab in tabs))
    assert sorted(role for _, role in roles(admin, hub)) == ["attendee"] * 6 + ["host"]
    await asyncio.gather(*(tab.cut() for _, tab in tabs))
    await until(lambda: not roles(admin, hub))
    assert admin.one("SELECT COUNT(*) FROM yp.conference_room WHERE hub_id = %s", hub) == 0


async def test_being_in_a_conference_shows_to_mutual_contacts(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    tab, bob_tab = await alice.tab(), await bob.tab()
    room = (await join_meeting(alice, tab, alice.uid))["user"]["room_id"]
    await bob_tab.settles("user.connection_status", {"user_id": alice.uid, "status": 2})
    assert (await bob.ok("contact.show_contact"))[0]["online"] == 2
    assert await alice.ok("desk.set_online_status") == {"user_id": alice.uid, "status": 2}
    await alice.ok("conference.leave", room_id=room, socket_id=tab.id)
    await bob_tab.settles("user.connection_status", {"user_id": alice.uid, "status": 1})


async def test_a_presence_is_confirmed_only_where_somebody_hears_of_it(people: People, admin: Admin) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    tab = await alice.tab()

    async def reads() -> tuple[float, float]:
        await asyncio.sleep(2 * QUIET)
        return await alice.calls("shard.presence_recipients"), await alice.calls("shard.presence_state")

    async def come_and_go() -> None:
        room = (await join_meeting(alice, tab, alice.uid))["user"]["room_id"]
        await asyncio.sleep(QUIET)
        await alice.ok("conference.leave", room_id=room, socket_id=tab.id)

    sent, confirmed = await reads()
    await come_and_go()
    assert await reads() == (sent + 2, confirmed)
    await befriend(admin, alice, bob)
    bob_tab = await bob.tab()
    sent, confirmed = await reads()
    await come_and_go()
    await bob_tab.settles("user.connection_status", {"user_id": alice.uid, "status": 1})
    assert await reads() == (sent + 2, confirmed + 2)


async def test_joins_are_logged(people: People, registry: Registry, admin: Admin) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    await join_meeting(alice, await alice.tab(), hub)
    logged = "SELECT name, hub_id FROM yp.services_log WHERE uid = %s"
    assert await until(lambda: admin.rows(logged, alice.uid)) == [("conference.join", hub)]


@pytest.mark.parametrize("kind", ["party", "Meeting", "connect;drop"])
async def test_only_two_kinds_of_conference_exist(people: People, registry: Registry, kind: str) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    tab = await alice.tab()
    answer = await alice.call("conference.join", hub_id=hub, socket_id=tab.id, metadata={"type": kind})
    assert (answer.status, answer.code, answer.data["param"]) == (400, "INVALID_PARAM", "type")


async def test_nobody_stays_behind_when_tabs_close_while_they_enter(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")

    guests = [await people("Guest") for _ in range(16)]
    for guest in guests:
        registry.grant(hub, guest.uid, WRITE)
        await guest.tab()

    async def come_and_vanish(guest: Person, number: int) -> None:
        tab = guest.tabs[0]
        room = {"hub_id": hub, "room_id": "feedfacefeedface", "socket_id": tab.id}
        leave = guest.call("drumate.logout") if number % 2 else tab.cut()
        await asyncio.gather(guest.call("conference.join", **room, **MEETING), leave)

    await asyncio.gather(*(come_and_vanish(guest, n) for n, guest in enumerate(guests)))
    await until(lambda: not roles(admin, hub))


async def test_joining_again_keeps_the_switches(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    tab = await alice.tab()
    first = {"type": "meeting", "audio": 0, "video": 1}
    room = {"hub_id": hub, "socket_id": tab.id}
    await alice.ok("conference.join", **room, metadata=first)
    again = await alice.ok("conference.join", **room, metadata={"type": "meeting"})
    assert (again["user"]["audio"], again["user"]["video"]) == (0, 1)


async def test_news_of_a_room_is_numbered_as_it_happened(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, WRITE)
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    read = await join_meeting(alice, alice_tab, hub)
    room = read["user"]["room_id"]
    joined = await join_meeting(bob, bob_tab, hub, room)
    await bob.ok("conference.leave", room_id=room, socket_id=bob_tab.id)
    join_serial = (await alice_tab.expect("conference.join"))["model"]["serial"]
    leave_serial = (await alice_tab.expect("conference.leave"))["model"]["serial"]
    assert read["serial"] < join_serial == joined["serial"] < leave_serial
    # Joining again is not an arrival.
    assert (await join_meeting(alice, alice_tab, hub, room))["serial"] > leave_serial
    await bob_tab.nothing("conference.join", 0.1)
