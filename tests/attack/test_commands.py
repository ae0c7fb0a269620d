"""Commands of hosts from people who are no hosts: strangers, guests, attendees, hosts of another room."""

from __future__ import annotations

from typing import Any

import pytest

from service.admin.demo import WRITE
from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.conferences import join_meeting
from tests.support.guests import enter, guest_of
from tests.support.people import People, Person, Tab

COMMANDS: dict[str, dict[str, Any]] = {
    "kick": {"to": "{victim}", "ban": 1},
    "deny": {"to": "{victim}"},
    "mute": {"to": "{victim}"},
    "set_role": {"to": "{own}", "role": "host"},
    "end": {},
    "lock": {"who": "everybody"},
    "admit": {},
    "room": {"title": "Mine", "people": 1},
    "recording": {"on": 1},
}
ROOM_COLUMNS = "title, locked, people, minutes, recording_since"


def snapshot(admin: Admin, room: str) -> list[Any]:
    """Return everything that a command may change in a room."""
    return [
        admin.rows("SELECT socket_id, role, status, mute_asked FROM yp.conference WHERE room_id = %s", room),
        admin.rows(f"SELECT {ROOM_COLUMNS} FROM yp.conference_room WHERE id = %s", room),
        admin.rows("SELECT who FROM yp.conference_ban WHERE room_id = %s", room),
    ]


@pytest.mark.parametrize("command", COMMANDS)
async def test_nobody_but_a_host_of_the_room_commands_in_it(
    people: People, registry: Registry, admin: Admin, command: str
) -> None:
    alice, bob, mallory = await people("Alice"), await people("Bob"), await people("Mallory")
    hub, own_hub = registry.add_hub("Open", alice.uid, "dmz"), registry.add_hub("Own", mallory.uid, "private")
    token, room = registry.add_link(hub, "Tea", 1)
    registry.grant(hub, bob.uid, WRITE)
    alice_tab, bob_tab, mallory_tab = await alice.tab(), await bob.tab(), await mallory.tab()
    await join_meeting(alice, alice_tab, hub, room)
    await join_meeting(bob, bob_tab, hub, room)
    guest, ticket, guest_tab = await guest_of(people, token)
    await enter(guest, guest_tab, ticket, "Eve")
    # Mallory is host of a room of that name in another hub.
    await join_meeting(mallory, mallory_tab, own_hub, room)
    before = snapshot(admin, room)

    async def attempt(person: Person, tab: Tab, victim: Tab, place: str) -> None:
        names = {"victim": victim.id, "own": tab.id}
        args = {key: str(value).format(**names) for key, value in COMMANDS[command].items()}
        answer = await person.call(
            f"conference.{command}", room_id=room, socket_id=tab.id, hub_id=place, **args
        )
        # Nobody of that kind is in Mallory's own room.
        is_nothing = person is mallory and answer.status == 200 and answer.data == {"removed": []}
        assert answer.status in {403, 404} or is_nothing, (command, answer.body)

    for place in (hub, own_hub):
        await attempt(bob, bob_tab, guest_tab, place)
        await attempt(guest, guest_tab, bob_tab, place)
        for foreign in (alice_tab, bob_tab):
            await attempt(mallory, foreign, guest_tab, place)
            await attempt(guest, foreign, bob_tab, place)
    if "to" in COMMANDS[command] and command != "set_role":
        await attempt(mallory, mallory_tab, bob_tab, hub)
    assert snapshot(admin, room) == before
    for tab in (alice_tab, bob_tab, guest_tab):
        for service in ("kick", "deny", "mute", "room", "recording", "cancel"):
            assert tab.updates(f"conference.{service}") == []


async def test_who_waits_at_the_door_learns_nothing_of_the_room(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Open", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    desk = await alice.tab()
    await join_meeting(alice, desk, hub, room)
    here = {"room_id": room, "socket_id": desk.id}
    endpoint = {"metadata": {"participant_id": "abcd1234", "audio": 1}}
    await alice.ok("conference.lock", who="guests", **here)
    guest, ticket, tab = await guest_of(people, token)
    await enter(guest, tab, ticket, "Eve")
    await alice.ok("conference.update", **here, **endpoint)
    await alice.ok("conference.broadcast", hub_id=hub, event="HELLO", payload={"id": "abcd1234"}, **here)
    own = {"hub_id": hub, "room_id": room, "socket_id": tab.id}
    assert await guest.ok("conference.attendee", participant_id="abcd1234", **own) == {}
    assert (await guest.ok("conference.room", **own))["waiting"] == []
    spoken = {"event": "X", "payload": {"id": "x"}}
    assert (await guest.call("conference.broadcast", **own, **spoken)).status == 403
    assert (await guest.call("conference.broadcast", to=desk.id, **own, **spoken)).status == 403
    await guest.ok("conference.update", metadata={"audio": 0}, **own)
    assert (await guest.ok("conference.leave", **own))["peers"] == []
    await tab.nothing("conference.broadcast", 0.2)
    assert tab.updates("conference.update") == []
    assert desk.updates("conference.update") == []
