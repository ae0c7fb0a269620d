"""Events of contacts, invitations, calls and meetings: who gets them, and their payloads as declared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from jsonschema_rs import validator_for

from service.admin.registry import Registry
from service.deploy.move import move
from service.ids import to_wire
from service.rest.openapi import document
from service.rest.operations import OPERATIONS
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.conferences import Line, join_meeting
from tests.support.people import People, Person
from tests.support.receiver import Receiver, ReceiverMaker, subscribe
from tests.support.rest import Client, make_key
from tests.support.waiting import until

SPEC = document(OPERATIONS)


def checked(receiver: Receiver) -> list[Any]:
    """Return the payloads, each of which has the form that the OpenAPI document gives it."""
    bodies = [each.body for each in receiver.received]
    for body in bodies:
        request = SPEC["webhooks"][body["type"]]["post"]["requestBody"]
        schema = request["content"]["application/json"]["schema"]
        validator_for({**schema, "components": SPEC["components"]}).validate(body)
        data = SPEC["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]["data"]
        assert set(body["data"]) <= set(data["properties"])
    return bodies


@pytest.fixture
async def subscriber(people: People, registry: Registry, make_receiver: ReceiverMaker) -> AsyncIterator[Any]:
    """Return a function that subscribes a person to all events."""
    clients: list[Client] = []

    async def make(person: Person, *events: str) -> Receiver:
        api = Client(person, make_key(registry, person))
        clients.append(api)
        receiver = await make_receiver()
        await subscribe(api, receiver.url, *events)
        return receiver

    yield make
    for client in clients:
        await client.http.close()


async def arrived(receiver: Receiver, *types: str) -> list[Any]:
    """Wait for these events, in this order and no carols; return their payloads."""
    await until(lambda: len(receiver.received) >= len(types))
    assert receiver.types == list(types)
    return checked(receiver)


async def test_every_change_of_a_contact_is_an_event(
    people: People, registry: Registry, subscriber: Any
) -> None:
    ada = await people("Ada")
    receiver = await subscriber(ada, "contact.*")
    api = Client(ada, make_key(registry, ada))
    one, two, three = [await api.add(display_name=name) for name in ("One", "Two", "Three")]
    await api.patch(f"/contacts/{one['id']}", {"company": "Acme"})
    await api.delete(f"/contacts/{one['id']}")
    await api.post(f"/contacts/{one['id']}/restore")
    await api.delete(f"/contacts/{one['id']}?permanent=true")
    await api.post("/contacts/merge", {"into": two["id"], "ids": [three["id"]]})
    await api.http.close()
    made = ["contact.created"] * 3
    changed = ["contact.updated", "contact.deleted", "contact.restored", "contact.purged"]
    await until(lambda: "contact.merged" in receiver.types)
    payloads = checked(receiver)
    assert receiver.types[:8] == [*made, *changed, "contact.merged"]
    assert payloads[3]["data"]["contact"]["company"] == "Acme"
    assert payloads[4]["data"]["contact"]["deleted_at"]
    assert payloads[6]["data"]["contact"] == {"id": one["id"], "permanent": True}
    assert payloads[7]["data"]["contact"]["id"] == three["id"]
    assert payloads[7]["data"]["merged_into"] == two["id"]


async def test_a_load_of_many_contacts_sends_each_once(
    people: People, registry: Registry, subscriber: Any
) -> None:
    ada = await people("Ada")
    receiver = await subscriber(ada, "contact.created")
    api = Client(ada, make_key(registry, ada))
    lines = "".join(f"P{number:03},p{number}@x.example\n" for number in range(150))
    answer = await api.send(
        "POST", "/imports", headers={"Content-Type": "text/csv"}, data=f"Name,Email\n{lines}".encode()
    )
    assert answer.data["loaded"] == 150
    await api.http.close()
    await until(lambda: len(receiver.received) == 150)
    names = [each["data"]["contact"]["display_name"] for each in checked(receiver)]
    assert sorted(names) == [f"P{number:03}" for number in range(150)]


async def test_a_move_to_another_shard_repeats_nothing_and_loses_nothing(
    people: People, registry: Registry, subscriber: Any, settings: Settings
) -> None:
    ada = await people("Ada", shard="shard1")
    receiver = await subscriber(ada, "*")
    api = Client(ada, make_key(registry, ada))
    await api.add(display_name="Before")
    move(settings, ada.uid, "shard2")
    await api.add(display_name="After")
    await api.http.close()
    payloads = await arrived(receiver, "contact.created", "contact.created")
    assert [each["data"]["contact"]["display_name"] for each in payloads] == ["Before", "After"]


async def test_both_sides_hear_of_an_invitation(people: People, subscriber: Any) -> None:
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    alices, bobs = await subscriber(alice, "invitation.*"), await subscriber(bob, "invitation.*")
    await alice.ok("contact.invite", email=bob.email, message="Tea?")
    await bob.ok("contact.invite_refuse", email=alice.email)
    ids = {"inviter_id": to_wire(alice.uid), "invitee_id": to_wire(bob.uid)}
    received, refused = await arrived(bobs, "invitation.received", "invitation.refused")
    assert received["data"] == {**ids, "message": "Tea?"}
    assert (
        (await arrived(alices, "invitation.refused"))[0]["data"]
        == refused["data"]
        == {**ids, "message": None}
    )


async def test_an_acceptance_and_a_withdrawal_are_events_of_both(people: People, subscriber: Any) -> None:
    alice, bob, carol = await people("Alice"), await people("Bob"), await people("Carol", shard="shard2")
    alices = await subscriber(alice, "invitation.accepted", "invitation.withdrawn")
    bobs, carols = await subscriber(bob, "invitation.*"), await subscriber(carol, "invitation.*")
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=alice.email)
    invited = await alice.ok("contact.invite", email=carol.email)
    await alice.ok("contact.delete_contact", contact_id=invited["id"])
    await arrived(bobs, "invitation.received", "invitation.accepted")
    await arrived(carols, "invitation.received", "invitation.withdrawn")
    accepted, withdrawn = await arrived(alices, "invitation.accepted", "invitation.withdrawn")
    assert accepted["data"]["invitee_id"] == to_wire(bob.uid)
    assert withdrawn["data"]["invitee_id"] == to_wire(carol.uid)


async def test_a_call_is_followed_from_its_ring_to_its_end(line: Line, subscriber: Any) -> None:
    alices, bobs = await subscriber(line.alice, "call.*"), await subscriber(line.bob, "call.*")
    call = await line.ring()
    await line.pick_up(call)
    for person, tab in ((line.alice, line.a1), (line.bob, line.b1)):
        await person.ok("conference.leave", room_id=call["room_id"], socket_id=tab.id)
    for receiver in (alices, bobs):
        started, answered, ended = await arrived(receiver, "call.started", "call.answered", "call.ended")
        assert started["data"]["caller_id"] == to_wire(line.alice.uid)
        assert (started["data"]["outcome"], answered["data"]["outcome"]) == (None, None)
        assert (ended["data"]["outcome"], ended["data"]["room_id"]) == ("answered", call["room_id"])
        assert ended["data"]["seconds"] >= 0
        assert answered["data"]["answered_at"] == ended["data"]["answered_at"]


async def test_calls_that_nobody_answers_are_missed_or_declined(
    line: Line, subscriber: Any, admin: Admin
) -> None:
    bobs = await subscriber(line.bob, "call.*")
    await line.ring()
    admin.rows("UPDATE yp.call_invitation SET expiry = 1 WHERE callee_id = %s", line.bob.uid)
    await until(lambda: "call.missed" in bobs.types)
    call = await line.ring()
    await line.bob.ok("conference.decline", caller=call, hub_id=call["hub_id"], room_id=call["room_id"])
    await until(lambda: "call.ended" in bobs.types)
    payloads = await arrived(bobs, "call.started", "call.missed", "call.started", "call.ended")
    assert [each["data"]["outcome"] for each in payloads] == [None, "missed", None, "declined"]


async def test_the_owner_of_a_hub_hears_of_its_meetings_and_others_of_their_own_seat(
    people: People, registry: Registry, subscriber: Any
) -> None:
    alice, bob, carol = [await people(name) for name in ("Alice", "Bob", "Carol")]
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.call("yp", "permission_grant", hub, "*", bob.uid, 4, 0)
    registry.call("yp", "permission_grant", hub, "*", carol.uid, 4, 0)
    owner, member = await subscriber(alice, "meeting.*"), await subscriber(bob, "meeting.*")
    outsider = await subscriber(carol, "*")
    tab = await bob.tab()
    joined = await join_meeting(bob, tab, hub)
    room = joined["user"]["room_id"]
    await bob.ok("conference.leave", room_id=room, socket_id=tab.id)
    assert [each["data"]["user_id"] for each in await arrived(member, "meeting.joined", "meeting.left")] == [
        to_wire(bob.uid)
    ] * 2
    payloads = await arrived(owner, "meeting.joined", "meeting.started", "meeting.left", "meeting.ended")
    assert {each["data"]["room_id"] for each in payloads} == {room}
    assert payloads[1]["data"]["hub_id"] == to_wire(hub)
    assert outsider.received == []


async def test_who_waits_at_the_door_joins_when_a_host_lets_them_in(
    people: People, registry: Registry, subscriber: Any
) -> None:
    alice, bob = [await people(name) for name in ("Alice", "Bob")]
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.call("yp", "permission_grant", hub, "*", bob.uid, 4, 0)
    receiver = await subscriber(bob, "meeting.*")
    host, guest = await alice.tab(), await bob.tab()
    room = (await join_meeting(alice, host, hub))["user"]["room_id"]
    await alice.ok("conference.lock", room_id=room, socket_id=host.id, who="everybody")
    await join_meeting(bob, guest, hub, room)
    await alice.ok("conference.admit", room_id=room, socket_id=host.id)
    await bob.ok("conference.leave", room_id=room, socket_id=guest.id)
    entry, exit_event = await arrived(receiver, "meeting.joined", "meeting.left")
    assert entry["data"] == exit_event["data"]
    assert entry["timestamp"] <= exit_event["timestamp"]
