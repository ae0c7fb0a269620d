"""hub.*, and team hubs in the list of conversations, as the frontend asks for them."""

from __future__ import annotations

from typing import Any

from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.people import FRONTEND, People, Person, Tab, befriend

MEETING = {"audio": 1, "video": 0, "screen": 0, "muted": 0, "type": "meeting"}


async def fetch(person: Person, service: str, query: str) -> list[dict[str, Any]]:
    """Fetch a list as the frontend does."""
    answer = await person.get(service, f"{query}&page=1&pagelength=45&socket_id=undefined&device_id=ddi_4&")
    assert answer.status == 200, answer.body
    rows: list[dict[str, Any]] = answer.data
    return rows


async def team(people: People, registry: Registry) -> tuple[str, Person, Person]:
    """Return a team hub, its owner, and a member who may read."""
    alice, bob = await people("Alice"), await people("Bob", shard="shard2")
    hub = registry.add_hub("Team & friends", alice.uid, "private")
    registry.grant(hub, bob.uid, 2)
    return hub, alice, bob


async def enter(person: Person, tab: Tab, hub: str, room: str) -> Any:
    """Enter the meeting of a hub as its window does."""
    place = {"socket_id": tab.id, "hub_id": hub, "nid": room, "room_id": room}
    kind = {"type": "meeting", "room_type": "meeting", "metadata": MEETING}
    answer = await person.call("conference.join", FRONTEND, **place, **kind)
    assert answer.status == 200, answer.body
    return answer.data


async def test_members_open_the_meeting_of_their_team_hub(people: People, registry: Registry) -> None:
    hub, alice, bob = await team(people, registry)
    carol = await people("Carol")
    for flag in ("share", "all"):
        for person, privilege in ((alice, 63), (bob, 3)):
            query = f"flag={flag}&tag_id=undefined&option=active&hub_id={person.uid}"
            (room,) = await fetch(person, "chat.chat_rooms", query)
            assert (room["entity_id"], room["hub_id"], room["flag"]) == (hub, hub, "share")
            assert (room["display"], room["privilege"]) == ("Team & friends", privilege)
        assert await fetch(carol, "chat.chat_rooms", f"flag={flag}&hub_id={carol.uid}") == []
    assert await fetch(alice, "chat.chat_rooms", f"flag=contact&hub_id={alice.uid}") == []
    # The window asks for the room of the meeting, and opens it.
    home = (await bob.get("media.home", f"hub_id={hub}&")).data["home_id"]
    tabs = await alice.tab(), await bob.tab()
    assert (await enter(alice, tabs[0], hub, home))["user"]["role"] == "host"
    joined = await enter(bob, tabs[1], hub, home)
    assert (joined["user"]["permission"], len(joined["attendees"])) == (3, 1)
    members = await fetch(bob, "hub.get_members_by_type", f"type=all&hub_id={hub}")
    assert [(m["fullname"], m["uid"] == m["drumate_id"], m["online"]) for m in members] == [
        ("Alice Test", True, 2), ("Bob Test", True, 2),
    ]  # fmt: skip


async def test_members_are_listed_for_members_only(people: People, registry: Registry) -> None:
    hub, alice, bob = await team(people, registry)
    carol = await people("Carol")
    for person in (alice, bob):
        members = await fetch(person, "hub.get_members_by_type", f"type=all&hub_id={hub}")
        assert [(m["id"], m["privilege"], m["status"]) for m in members] == [
            (alice.uid, 63, "mate"), (bob.uid, 3, "mate"),
        ]  # fmt: skip
        assert not {"email", "mobile"} & members[0].keys()
    assert [m["id"] for m in await fetch(bob, "hub.get_members_by_type", f"type=owner&hub_id={hub}")] == [
        alice.uid
    ]
    stranger = await people.stranger()
    for person, args, status in (
        (carol, {"hub_id": hub}, 403), (stranger, {"hub_id": hub}, 401),
        (alice, {"hub_id": "feedfeedfeedfeed"}, 404), (alice, {}, 412),
        (alice, {"hub_id": hub, "type": "robots"}, 412),
    ):  # fmt: skip
        answer = await person.call("hub.get_members_by_type", FRONTEND, **args)
        assert answer.status == status, answer.body
    # Somebody who may enter one room only is no member.
    registry.call("yp", "permission_grant", hub, "feedfeedfeedfeed", carol.uid, 4, 0)
    answer = await carol.call("hub.get_members_by_type", FRONTEND, hub_id=hub, nid="feedfeedfeedfeed")
    assert (answer.status, answer.data) == (200, [])


async def test_a_member_is_invited_into_the_meeting(people: People, registry: Registry) -> None:
    hub, alice, bob = await team(people, registry)
    room = (await alice.ok("media.home", hub_id=hub))["home_id"]
    alice_tab, bob_tab, other_tab = await alice.tab(), await bob.tab(), await bob.tab()
    poke = {"hub_id": hub, "uid": bob.uid, "kind": "window_meeting", "nid": room, "socket_id": alice_tab.id}
    answer = await alice.call("hub.poke", FRONTEND, **poke)
    assert answer.data == {"sender": alice.uid, "recipient": bob.uid}
    model = (await bob_tab.expect("user.poke"))["model"]
    assert (model["name"], model["sender"], model["kind"]) == ("Team & friends", "Alice", "window_meeting")
    # Alice is not in the meeting herself yet, so nobody has joined it.
    await bob_tab.nothing("conference.join", 0.1)
    await enter(alice, alice_tab, hub, room)
    await alice.ok("hub.poke", **poke)
    joined = (await bob_tab.expect("conference.join"))["model"]
    assert (joined["room_id"], joined["hub_id"], joined["room_type"]) == (room, hub, "meeting")
    assert (joined["username"], joined["details"]["filename"]) == ("Alice Test", "Team & friends")
    await other_tab.expect("conference.join")
    # A tab in the room is not disturbed.
    await enter(bob, bob_tab, hub, room)
    pokes = len(bob_tab.updates("user.poke"))
    await alice.ok("hub.poke", **poke)
    await other_tab.expect("user.poke", 3)
    assert len(bob_tab.updates("user.poke")) == pokes


async def test_nobody_is_poked_from_outside_the_hub(people: People, registry: Registry) -> None:
    hub, alice, bob = await team(people, registry)
    carol = await people("Carol")
    tab, room = await carol.tab(), (await alice.ok("media.home", hub_id=hub))["home_id"]
    for person, uid, status, code in (
        (alice, carol.uid, 403, "NOT_A_MEMBER"), (carol, alice.uid, 403, "WEAK_PRIVILEGE"),
    ):  # fmt: skip
        answer = await person.call("hub.poke", FRONTEND, hub_id=hub, uid=uid, nid=room, kind="window_meeting")
        assert (answer.status, answer.code) == (status, code)
    windows = await alice.call("hub.poke", FRONTEND, hub_id=hub, uid=bob.uid, nid=room, kind="window_info")
    assert (windows.status, windows.code) == (412, "INVALID_PARAM")
    assert tab.updates("user.poke") == []


async def rooms_of(person: Person) -> list[dict[str, Any]]:
    return await fetch(person, "chat.chat_rooms", f"flag=share&option=active&hub_id={person.uid}")


async def bell(person: Person) -> list[dict[str, Any]]:
    """Return the rows of the notification center that the frontend counts as team chats."""
    rows = (await person.call("drumate.notification_center", FRONTEND, hub_id=person.uid)).data
    return [row for row in rows if row["category"] == "teamchat"]


async def test_messages_of_a_team_are_unread_after_a_reload_until_somebody_reads_them(
    people: People, registry: Registry
) -> None:
    hub, alice, bob = await team(people, registry)
    quiet = registry.add_hub("Quiet", alice.uid, "private")
    registry.grant(quiet, bob.uid, 2)
    for words in ("One", "Two"):
        newest = await alice.ok("channel.post", hub_id=hub, message=words)
    rooms = {room["hub_id"]: room for room in await rooms_of(bob)}
    assert (rooms[quiet]["room_count"], rooms[quiet]["message"], rooms[quiet]["ctime"]) == (0, "", None)
    summary = [rooms[hub][key] for key in ("room_count", "message", "author_id", "message_id", "ctime")]
    assert summary == [2, "Two", alice.uid, newest["message_id"], newest["ctime"]]
    assert (rooms[hub]["display"], rooms[hub]["is_attachment"]) == ("Team & friends", 0)
    (row,) = await bell(bob)
    assert (row["hub_id"], row["key_id"], row["area"], row["cnt"]) == (hub, hub, "private", 2)
    assert (row["fullname"], row["ctime"]) == ("Team & friends", newest["ctime"])
    # Those who write have read it.
    assert [room["room_count"] for room in await rooms_of(alice) if room["hub_id"] == hub] == [0]
    assert await bell(alice) == []
    # The frontend fetches the page of the conversation.
    assert (await bob.get("channel.messages", f"hub_id={hub}&order=desc&page=1&")).status == 200
    assert await bell(bob) == []
    assert {room["room_count"] for room in await rooms_of(bob)} == {0}


async def test_a_team_leaves_the_bell_when_its_row_is_removed(people: People, registry: Registry) -> None:
    hub, alice, bob = await team(people, registry)
    tab, desk = await bob.tab(), await alice.tab()
    await alice.ok("channel.post", hub_id=hub, message="One")
    other = registry.add_hub("Other", alice.uid, "share")
    registry.grant(other, bob.uid, 4)
    await alice.ok("channel.post", hub_id=other, message="Two")
    assert {row["hub_id"] for row in await bell(bob)} == {hub, other}
    # The row names its hub_id, and the caller as hub of the request.
    await bob.ok("drumate.notification_remove", entity_id=hub, hub_id=bob.uid)
    assert [row["hub_id"] for row in await bell(bob)] == [other]
    assert (await tab.expect("drumate.notification_remove"))["model"]["entity_id"] == hub
    assert (await desk.expect("channel.acknowledge"))["model"]["entity_id"] == bob.uid
    await bob.ok("drumate.notification_remove", entity_id=alice.uid, hub_id=bob.uid)
    assert [row["hub_id"] for row in await bell(bob)] == [other]
    await bob.ok("drumate.notification_remove", hub_id=bob.uid)
    assert await bell(bob) == []


async def test_whoever_leaves_a_team_hears_no_more_of_it(people: People, registry: Registry) -> None:
    hub, alice, bob = await team(people, registry)
    await alice.ok("channel.post", hub_id=hub, message="Secret")
    registry.call("yp", "permission_grant", hub, "*", bob.uid, 2, 1)
    assert (await bell(bob), await rooms_of(bob)) == ([], [])


async def test_reading_a_conversation_leaves_teams_in_the_bell(
    people: People, registry: Registry, admin: Admin
) -> None:
    """The frontend replaces its whole bell by the list that messages.read carries."""
    hub, alice, bob = await team(people, registry)
    await befriend(admin, alice, bob)
    tab = await bob.tab()
    await alice.ok("channel.post", hub_id=hub, message="One")
    await alice.ok("chat.post", entity_id=bob.uid, message="Private")
    await bob.ok("chat.messages", key=alice.uid)
    frame = await tab.expect("messages.read")
    assert [(row["category"], row["hub_id"]) for row in frame["model"]] == [("teamchat", hub)]
