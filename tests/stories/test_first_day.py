"""The first story: two users sign in, keep contacts and meet; a third one watches; a connection drops."""

from __future__ import annotations

from service.admin.demo import READ, WRITE
from service.admin.registry import Registry
from tests.support.people import People


async def test_two_people_sign_in_keep_contacts_and_meet(people: People, registry: Registry) -> None:
    alice, bob, carol, dora = [await people(name) for name in ("Alice", "Bob", "Carol", "Dora")]
    team = registry.add_hub("Team", alice.uid, "private")
    registry.grant(team, bob.uid, WRITE)
    registry.grant(team, carol.uid, READ)
    alice_desk, alice_phone = await alice.tab(), await alice.tab()
    bob_tab, carol_tab, dora_tab = await bob.tab(), await carol.tab(), await dora.tab()

    # Alice adds contacts; both of her tabs are notified, nobody else is.
    ada = await alice.ok(
        "contact.add",
        firstname="Ada",
        lastname="Lovelace",
        email=[{"email": "Ada@Math.example", "is_default": 1, "category": "prof"}],
        mobile=[{"areacode": "+44", "phone": "2079460001"}],
    )
    for tab in (alice_desk, alice_phone):
        pushed = await tab.expect("contact.add")
        assert pushed["model"]["contact_id"] == ada["id"]
    assert (await alice.ok("contact.get_contact", contact_id=ada["id"]))["surname"] == "Ada Lovelace"
    assert [c["id"] for c in await alice.ok("contact.show_contact")] == [ada["id"]]
    assert [c["id"] for c in await alice.ok("contact.search", key="love")] == [ada["id"]]
    assert await bob.ok("contact.show_contact") == []
    await bob_tab.nothing("contact.add", 0.1)

    # Carol may read and cannot start a meeting; Bob may write, starts it and is its host.
    room = {"hub_id": team, "metadata": {"audio": 1, "video": 0, "type": "meeting"}}
    refused = await carol.call("conference.join", socket_id=carol_tab.id, **room)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    bobs = await bob.ok("conference.join", socket_id=bob_tab.id, **room)
    assert (bobs["user"]["role"], bobs["user"]["status"], bobs["permission"]) == (
        "host",
        "started",
        7,
    )
    room_id = bobs["user"]["room_id"]

    # Alice joins as attendee, Bob is notified; now Carol may join too.
    alices = await alice.ok("conference.join", socket_id=alice_desk.id, room_id=room_id, **room)
    assert alices["user"]["role"] == "attendee"
    assert [a["uid"] for a in alices["attendees"]] == [bob.uid]
    assert (await bob_tab.expect("conference.join"))["model"]["uid"] == alice.uid
    carols = await carol.ok("conference.join", socket_id=carol_tab.id, room_id=room_id, **room)
    assert carols["user"]["permission"] == 3
    assert {a["uid"] for a in carols["attendees"]} == {alice.uid, bob.uid}

    # A stranger may not.
    stranger = await dora.call("conference.join", socket_id=dora_tab.id, room_id=room_id, **room)
    assert (stranger.status, stranger.code) == (403, "WEAK_PRIVILEGE")

    # Bob publishes his endpoint and sends hello; Alice and Carol receive it, Bob does not.
    here = {"hub_id": team, "room_id": room_id, "socket_id": bob_tab.id}
    await bob.ok("conference.update", metadata={"participant_id": "abcd1234", "audio": 0}, **here)
    await bob.ok(
        "conference.broadcast",
        event="HELLO",
        payload={"id": "abcd1234", "room_id": room_id},
        **here,
    )
    for tab in (alice_desk, alice_phone, carol_tab):
        heard = await tab.expect("conference.broadcast")
        assert heard["options"]["event"] == "HELLO"
        assert heard["model"] == {"id": "abcd1234", "room_id": room_id}
        assert (await tab.expect("conference.update"))["model"]["audio"] == 0
    await bob_tab.nothing("conference.broadcast")
    attendee = await alice.ok("conference.attendee", participant_id="abcd1234")
    assert (attendee["uid"], attendee["room_id"]) == (bob.uid, room_id)
    assert await dora.ok("conference.attendee", participant_id="abcd1234") == {}

    # Bob's connection drops: Bob leaves the room, and Alice, who may write, becomes host.
    await bob_tab.cut()
    for tab in (alice_desk, carol_tab):
        departure = await tab.expect("conference.leave")
        assert (departure["model"]["uid"], departure["model"]["host"]) == (bob.uid, alice_desk.id)
    again = await alice.ok("conference.join", socket_id=alice_desk.id, room_id=room_id, **room)
    assert (again["user"]["role"], [a["uid"] for a in again["attendees"]]) == ("host", [carol.uid])

    # All users sign out.
    await carol.ok("conference.leave", room_id=room_id, socket_id=carol_tab.id)
    assert (await alice_desk.expect("conference.leave", 2))["model"]["uid"] == carol.uid
    assert await alice.ok("conference.leave", room_id=room_id, socket_id=alice_desk.id) == {"peers": []}
    await alice.ok("drumate.logout", hub_id=alice.uid)
    assert (await alice.call("contact.show_contact")).status == 401
