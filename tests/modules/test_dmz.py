"""dmz.login and meetings with guests: links, names, the lobby, and servers for the media."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest

from service.demo import Registry
from tests.conftest import Admin, NodeMaker
from tests.people import People, Person, Tab


async def guest_of(people: People, token: str) -> tuple[Person, dict[str, Any], Tab]:
    """Somebody without an account who has opened the link: (he, the answer, his tab)."""
    guest = await people.stranger()
    ticket = await guest.ok("dmz.login", token=token)
    return guest, ticket, await guest.tab()


async def enter(guest: Person, tab: Tab, ticket: dict[str, Any], name: str) -> Any:
    """conference.join as the guest page sends it: no type in the metadata."""
    return await guest.ok(
        "conference.join",
        **{"hub_id": ticket["hub_id"], "nid": ticket["nid"], "room_id": ticket["nid"]},
        **{"socket_id": tab.id, "guest_name": name, "firstname": name, "type": "meeting"},
        metadata={"firstname": name, "lastname": "", "guest_name": name},
    )


async def test_guests_wait_until_the_owner_is_there(people: People, registry: Registry, admin: Admin) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    desk = await alice.tab()
    guest, ticket, tab = await guest_of(people, token)
    assert (ticket["validity"], ticket["hub_id"], ticket["nid"]) == ("TICKET_OK", hub, room)
    assert (ticket["is_guest"], ticket["filename"], ticket["sender"]) == (1, "Tea", "Alice Test")
    assert "db" not in ticket
    assert alice.email not in str(ticket)
    hello = (await tab.hello())["user"]
    assert (hello["uid"], hello["signed_in"], hello["is_guest"]) == (ticket["uid"], 0, 1)

    lobby = await enter(guest, tab, ticket, "Zoë")
    assert (lobby["user"]["status"], lobby["user"]["role"], lobby["permission"]) == ("waiting", "attendee", 3)
    assert (lobby["user"]["username"], lobby["user"]["uid"]) == ("Zoë", ticket["uid"])
    first = (await desk.expect("conference.join"))["model"]
    assert (first["room_id"], first["area"], first["username"]) == (room, "dmz", "Zoë")

    hers = await alice.ok(
        "conference.join", hub_id=hub, room_id=room, socket_id=desk.id, metadata={"type": "meeting"}
    )
    assert (hers["user"]["role"], hers["attendees"][0]["username"]) == ("host", "Zoë")
    assert (await tab.expect("conference.start"))["model"]["status"] == "started"
    # the room window joins once more, with the same socket and without a name
    again = await guest.ok(
        "conference.join", hub_id=hub, room_id=room, socket_id=tab.id, type="meeting", metadata={}
    )
    assert (again["user"]["status"], again["user"]["firstname"]) == ("started", "Zoë")
    assert admin.one("SELECT guest_name FROM yp.session WHERE uid = %s", ticket["uid"]) == "Zoë"

    # guests say and hear hello
    say = {"hub_id": hub, "room_id": room, "event": "HELLO"}
    await guest.ok("conference.broadcast", socket_id=tab.id, payload={"id": "g1"}, **say)
    assert (await desk.expect("conference.broadcast"))["model"] == {"id": "g1"}
    await alice.ok("conference.broadcast", socket_id=desk.id, payload={"id": "a1"}, **say)
    assert (await tab.expect("conference.broadcast"))["model"] == {"id": "a1"}
    await tab.nothing("conference.broadcast", 0.1)

    # the guest page leaves without a hub
    await guest.ok("conference.leave", nid=room, room_id=room, socket_id=tab.id)
    assert (await desk.expect("conference.leave"))["model"]["uid"] == ticket["uid"]


async def test_a_guest_keeps_his_session_and_name_when_he_comes_again(
    people: People, registry: Registry
) -> None:
    alice = await people("Alice")
    token, _ = registry.add_link(registry.add_hub("Open", alice.uid, "dmz"), "", 1)
    guest, ticket, tab = await guest_of(people, token)
    await enter(guest, tab, ticket, "Zoë")
    again = await guest.ok("dmz.login", token=token)
    assert (again["uid"], again["profile"]["firstname"], again["filename"]) == (ticket["uid"], "Zoë", "Open")
    other, others_ticket, _tab = await guest_of(people, token)
    assert others_ticket["uid"] != ticket["uid"]
    assert (await other.call("contact.show_contact")).status == 401


async def test_whoever_has_an_account_stays_who_he_is(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Open", alice.uid, "dmz")
    token, room = registry.add_link(hub, "", 1)
    tab = await bob.tab()
    before = await bob.call(
        "conference.join", hub_id=hub, room_id=room, socket_id=tab.id, metadata={"type": "meeting"}
    )
    assert before.status == 403
    ticket = await bob.ok("dmz.login", token=token)
    assert (ticket["uid"], ticket["is_guest"]) == (bob.uid, 0)
    joined = await enter(bob, tab, ticket, "Somebody Else")
    assert (joined["user"]["firstname"], joined["user"]["uid"]) == ("Bob", bob.uid)


async def test_a_link_opens_its_own_room_and_only_while_it_is_good(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Open", alice.uid, "dmz")
    token, room = registry.add_link(hub, "", 1)
    guest, _ticket, tab = await guest_of(people, token)
    elsewhere = await guest.call(
        "conference.join",
        hub_id=hub,
        room_id="0123456789abcdef",
        socket_id=tab.id,
        metadata={},
        type="meeting",
    )
    assert elsewhere.code in {"WEAK_PRIVILEGE", "NOT_SIGNED_IN"}
    admin.rows("UPDATE yp.dmz_link SET expiry = 1 WHERE hub_id = %s", hub)
    admin.rows("UPDATE yp.permission SET expiry = 1 WHERE hub_id = %s AND assign_via = 'link'", hub)
    late = await people.stranger()
    for ticket in (token, "unknown"):
        answer = await late.call("dmz.login", token=ticket)
        assert answer.data == {"validity": "TICKET_INVALID"}
        assert "Set-Cookie" not in answer.headers
    expired = await guest.call(
        "conference.join", hub_id=hub, room_id=room, socket_id=tab.id, metadata={}, type="meeting"
    )
    assert expired.status in {401, 403}


async def test_links_are_for_hubs_that_let_guests_in(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    refused = admin.refusal("CALL yp.dmz_link_create(%s, NULL, 'secret', NULL, 0)", hub)
    assert refused == "HUB_NOT_FOUND"


async def test_a_host_who_leaves_hands_over_to_who_may_write(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Open", alice.uid, "dmz")
    registry.grant(hub, bob.uid, 4)
    token, room = registry.add_link(hub, "", 1)
    guest, ticket, tab = await guest_of(people, token)
    await enter(guest, tab, ticket, "Zoë")
    hers, his = await alice.tab(), await bob.tab()
    here = {"hub_id": hub, "room_id": room, "metadata": {"type": "meeting"}}
    await alice.ok("conference.join", socket_id=hers.id, **here)
    await bob.ok("conference.join", socket_id=his.id, **here)
    await alice.ok("conference.leave", room_id=room, socket_id=hers.id)
    left = (await tab.expect("conference.leave"))["model"]
    assert left["host"] == his.id
    assert admin.rows("SELECT uid FROM yp.conference WHERE room_id = %s AND role = 'host'", room) == [
        (bob.uid,)
    ]
    # she comes back: there is one host already
    assert (await alice.ok("conference.join", socket_id=hers.id, **here))["user"]["role"] == "attendee"


async def test_configs_hold_jitsi_and_turn_credentials_that_coturn_accepts(
    make_node: NodeMaker, people: People
) -> None:
    node = await make_node(
        jitsi_domain="jit.example.org",
        jitsi_user="u@jit.example.org",
        jitsi_password="pw",
        stun_urls="stun:turn.example.org:3478",
        turn_urls="turn:turn.example.org:3478?transport=udp, turns:turn.example.org:5349",
        turn_secret="north",
        turn_ttl=600,
    )
    alice = await people("Alice", base=node.make_url("/"))
    tab = await alice.tab()
    joined = await alice.ok(
        "conference.join", hub_id=alice.uid, socket_id=tab.id, metadata={"type": "meeting"}
    )
    configs = joined["configs"]
    assert (configs["domain"], configs["auth"]) == ("jit.example.org", ["u@jit.example.org", "pw"])
    assert "stunServers" not in configs
    stun, turn = configs["iceServers"]
    assert stun == {"urls": ["stun:turn.example.org:3478"]}
    assert len(turn["urls"]) == 2
    until, _, uid = turn["username"].partition(":")
    assert uid == alice.uid
    assert 0 < int(until) - time.time() <= 601
    digest = hmac.new(b"north", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(digest).decode()


async def test_without_media_servers_configs_are_empty(people: People) -> None:
    alice = await people("Alice")
    tab = await alice.tab()
    joined = await alice.ok(
        "conference.join", hub_id=alice.uid, socket_id=tab.id, metadata={"type": "meeting"}
    )
    assert joined["configs"] == {}


@pytest.mark.parametrize(("area", "level", "starts"), [
    ("private", 4, True), ("private", 2, False), ("share", 4, True), ("share", 2, False),
    ("dmz", 4, True), ("dmz", 2, True), ("public", 2, True),
])  # fmt: skip
async def test_who_may_be_first_depends_on_the_area(
    people: People, registry: Registry, area: str, level: int, starts: bool
) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Hub", alice.uid, area)
    registry.grant(hub, bob.uid, level)
    tab = await bob.tab()
    answer = await bob.call(
        "conference.join", hub_id=hub, socket_id=tab.id, room_id="feed", metadata={"type": "meeting"}
    )
    assert answer.status == (200 if starts else 403)
    if starts:
        waits = area in {"dmz", "public"}
        assert answer.data["user"]["status"] == ("waiting" if waits else "started")
        assert answer.data["user"]["role"] == ("attendee" if waits else "host")


async def test_a_payload_of_64_kilobytes_passes_and_no_more(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, 4)
    hers, his = await alice.tab(), await bob.tab()
    room = (await alice.ok("conference.join", hub_id=hub, socket_id=hers.id, metadata={"type": "meeting"}))[
        "user"
    ]["room_id"]
    here = {"hub_id": hub, "room_id": room, "socket_id": hers.id, "event": "BIG"}
    fits = {"x": "y" * (65_536 - len('{"x":""}'))}
    await alice.ok("conference.broadcast", payload=fits, **here)
    assert (await his.expect("conference.broadcast"))["model"] == fits
    too_big = await alice.call("conference.broadcast", payload={"x": fits["x"] + "y"}, **here)
    assert (too_big.status, too_big.code) == (400, "INVALID_PARAM")
