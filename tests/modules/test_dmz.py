"""dmz.login and meetings with guests: links, names, the lobby, and media servers."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from typing import Any

import pytest
from yarl import URL

from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.guests import enter, guest_of
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, PASSWORD, People, Person, Tab


def session_cookie(person: Person) -> str:
    """Return the session id that the browser holds."""
    return person.http.cookie_jar.filter_cookies(person.base)["regsid"].value


async def open_house(people: People, registry: Registry) -> tuple[Person, Tab, str, dict[str, Any]]:
    """Let Alice start a meeting for guests; return (Alice, her tab, link, arguments of conference.join)."""
    alice = await people("Alice")
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    desk = await alice.tab()
    here = {"hub_id": hub, "room_id": room, "metadata": {"type": "meeting"}}
    await alice.ok("conference.join", socket_id=desk.id, **here)
    return alice, desk, token, here


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

    joined = await alice.ok(
        "conference.join", hub_id=hub, room_id=room, socket_id=desk.id, metadata={"type": "meeting"}
    )
    assert (joined["user"]["role"], joined["attendees"][0]["username"]) == ("host", "Zoë")
    assert (await tab.expect("conference.start"))["model"]["status"] == "started"
    # The room window joins once more, with the same socket and without a name.
    again = await guest.ok(
        "conference.join", hub_id=hub, room_id=room, socket_id=tab.id, type="meeting", metadata={}
    )
    assert (again["user"]["status"], again["user"]["firstname"]) == ("started", "Zoë")
    assert admin.one("SELECT guest_name FROM yp.session WHERE uid = %s", ticket["uid"]) == "Zoë"

    # Guests send and receive hello.
    say = {"hub_id": hub, "room_id": room, "event": "HELLO"}
    await guest.ok("conference.broadcast", socket_id=tab.id, payload={"id": "g1"}, **say)
    assert (await desk.expect("conference.broadcast"))["model"] == {"id": "g1"}
    await alice.ok("conference.broadcast", socket_id=desk.id, payload={"id": "a1"}, **say)
    assert (await tab.expect("conference.broadcast"))["model"] == {"id": "a1"}
    await tab.nothing("conference.broadcast", 0.1)

    # The guest page leaves without a hub.
    await guest.ok("conference.leave", nid=room, room_id=room, socket_id=tab.id)
    assert (await desk.expect("conference.leave"))["model"]["uid"] == ticket["uid"]


async def test_a_visitor_has_a_socket_before_the_link_makes_it_that_of_the_guest(
    people: People, registry: Registry, admin: Admin
) -> None:
    """The guest page waits for sys.hello, calls dmz.login, and never reconnects."""
    alice, other = await people("Alice"), await people.stranger()
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    desk, guest = await alice.tab(), await people.stranger()
    tab, bystander = await guest.tab(), await other.tab()
    hello = await tab.hello()
    visitor = {name: hello["user"][name] for name in ("id", "signed_in", "connection")}
    assert visitor == {"id": "f" * 16, "signed_in": 0, "connection": "offline"}
    assert (await guest.ok("yp.hello"))["signed_in"] == 0

    answer = await guest.call("dmz.login", FRONTEND, token=token, socket_id=tab.id)
    ticket = answer.data
    assert (ticket["validity"], ticket["is_guest"]) == ("TICKET_OK", 1)
    assert "regsid=" in answer.headers["Set-Cookie"], "the id of the session changes with its owner"
    lobby = await enter(guest, tab, ticket, "Zoë")
    assert (lobby["user"]["status"], lobby["user"]["uid"]) == ("waiting", ticket["uid"])
    await desk.expect("conference.join")
    here = {"hub_id": hub, "room_id": room, "metadata": {"type": "meeting"}}
    await alice.ok("conference.join", socket_id=desk.id, **here)
    assert (await tab.expect("conference.start"))["model"]["status"] == "started"
    await alice.ok(
        "conference.broadcast", hub_id=hub, room_id=room, socket_id=desk.id, event="HELLO", payload={}
    )
    await tab.expect("conference.broadcast")
    assert not bystander.updates("conference.broadcast")
    sockets = admin.rows("SELECT uid FROM yp.socket WHERE id IN (%s, %s)", tab.id, bystander.id)
    assert set(sockets) == {(ticket["uid"],), ("f" * 16,)}
    # The socket asks again who it is, and so does a page that lost its connection.
    await tab.ws.send_json(["sys.bind", {}])
    bound = await tab.expect_frame("sys.socket_bound")
    assert (bound["uid"], bound["firstname"], bound["is_guest"]) == (ticket["uid"], "Zoë", 1)
    await tab.ws.send_json(["sys.hello", {}])
    again = (await tab.expect_frame("sys.hello", 2))["user"]
    assert (again["id"], again["fullname"], again["signed_in"]) == (ticket["uid"], "Zoë", 0)
    await tab.cut()
    assert (await (await guest.tab(was=tab)).hello())["user"]["uid"] == ticket["uid"]


async def test_two_tabs_that_open_a_link_at_once_are_one_guest(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    """Both send the cookie of the visitor, and the answer to one of them replaces it."""
    bases = [
        (await make_node(guest_sessions_address=1000, visitor_sessions_address=1000)).make_url("/")
        for _ in range(2)
    ]
    alice, desk, token, here = await open_house(people, registry)
    for number in range(50):
        guest = await people.stranger(bases[0])
        tabs = [await guest.tab(base) for base in bases]

        async def open_link(base: URL, tab: Tab, guest: Person = guest) -> str:
            url = base / "-/svc/dmz.login"
            async with guest.http.post(url, json={"token": token, "socket_id": tab.id}) as response:
                uid: str = (await response.json())["data"]["uid"]
                return uid

        uids = await asyncio.gather(*(open_link(*pair) for pair in zip(bases, tabs, strict=True)))
        assert len(set(uids)) == 1, f"round {number}"
        for tab in tabs:
            joined = await guest.ok("conference.join", socket_id=tab.id, **here)
            assert joined["user"]["uid"] == uids[0]
        say = {"event": "HELLO", "payload": {"round": number}}
        await alice.ok("conference.broadcast", socket_id=desk.id, **here, **say)
        for tab in tabs:
            assert (await tab.expect("conference.broadcast"))["model"] == {"round": number}
        assert admin.one("SELECT COUNT(DISTINCT session_id) FROM yp.socket WHERE uid = %s", uids[0]) == 1
        assert admin.one("SELECT COUNT(*) FROM yp.session WHERE uid = %s", uids[0]) == 1
        await guest.leave()


async def test_the_first_two_tabs_of_a_browser_are_one_guest(people: People, registry: Registry) -> None:
    """Without a cookie, each of them gets a session as a visitor, and the cookie holds the later one."""
    alice, guest = await people("Alice"), await people.stranger()
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    first = await guest.tab()
    guest.http.cookie_jar.clear()
    tabs = [first, await guest.tab()]
    tickets = [await guest.ok("dmz.login", token=token, socket_id=tab.id) for tab in tabs]
    assert tickets[0]["uid"] == tickets[1]["uid"]
    for tab in tabs:
        assert (await enter(guest, tab, tickets[0], "Zoë"))["user"]["uid"] == tickets[0]["uid"]
        # The answer to its question comes after the socket is the guest's.
        await tab.ws.send_json(["sys.bind", {}])
        assert (await tab.expect_frame("sys.socket_bound"))["uid"] == tickets[0]["uid"]
    assert room == tickets[0]["nid"]


async def test_a_token_for_the_visitor_is_one_of_the_guest_at_the_same_moment(
    people: People, registry: Registry, admin: Admin
) -> None:
    """A second tab asks for its socket with the cookie that the first tab's link has just replaced."""
    alice, guest = await people("Alice"), await people.stranger()
    token, _room = registry.add_link(registry.add_hub("Open house", alice.uid, "dmz"), "Tea", 1)
    await guest.tab()
    former = session_cookie(guest)
    ticket = await guest.ok("dmz.login", token=token)
    current = session_cookie(guest)
    admin.rows("UPDATE yp.session SET ctime = ctime + 1000 WHERE uid = %s", ticket["uid"])
    guest.http.cookie_jar.update_cookies({"regsid": former}, guest.base)
    late = await guest.tab()
    assert (await late.hello())["user"]["uid"] == ticket["uid"]
    assert session_cookie(guest) == current


async def test_the_former_session_of_a_visitor_opens_nothing_later_or_elsewhere(
    make_node: NodeMaker, people: People, registry: Registry, admin: Admin
) -> None:
    """Somebody may have known it before: it was not worth anything."""
    base = (await make_node(trust_proxy=True)).make_url("/")
    alice, guest = await people("Alice"), await people.stranger(base)
    token, room = registry.add_link(registry.add_hub("Open house", alice.uid, "dmz"), "Tea", 1)
    tab = await guest.tab()
    former = {"x-param-regsid": session_cookie(guest)}
    ticket = await guest.ok("dmz.login", token=token, socket_id=tab.id)
    current = session_cookie(guest)

    async def opens(headers: dict[str, str]) -> str:
        thief = await people.stranger(base)
        answer = await thief.call("dmz.login", former | headers, token=token)
        assert "regsid=" in answer.headers["Set-Cookie"]
        assert (session_cookie(thief) == current) is (answer.data["uid"] == ticket["uid"])
        return str(answer.data["uid"])

    admin.rows("UPDATE yp.session SET ctime = ctime + 1000 WHERE uid = %s", ticket["uid"])
    assert await opens({}) == ticket["uid"]
    assert await opens({"User-Agent": "another browser"}) != ticket["uid"]
    assert await opens({"X-Forwarded-For": "192.0.2.7"}) != ticket["uid"]
    admin.rows("UPDATE yp.session SET ctime = ctime - 1011 WHERE uid = %s", ticket["uid"])
    assert await opens({}) != ticket["uid"]
    # In no case does it open anything but the link, nor the socket of the guest.
    thief = await people.stranger(base)
    assert (await thief.call("yp.hello", former)).data["id"] == "f" * 16
    here = {"hub_id": ticket["hub_id"], "room_id": room, "metadata": {"type": "meeting"}}
    refused = await thief.call("conference.join", former, socket_id=tab.id, **here)
    assert refused.code == "WEAK_PRIVILEGE"
    assert (await thief.call("bootstrap.authn", former)).data["token"]
    assert session_cookie(thief) != current


async def test_a_link_takes_no_socket_of_somebody_else(people: People, registry: Registry) -> None:
    alice, bob, guest = await people("Alice"), await people("Bob"), await people.stranger()
    visitor = await people.stranger()
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    bob_tab, visitor_tab = await bob.tab(), await visitor.tab()
    await guest.ok("dmz.login", token=token, socket_id=bob_tab.id)
    here = {"hub_id": hub, "room_id": room, "metadata": {"type": "meeting"}}
    assert (await guest.call("conference.join", socket_id=bob_tab.id, **here)).code == "WEAK_PRIVILEGE"
    # An account keeps its own sockets: a page that it opened by mistake would listen to its updates.
    await bob.ok("dmz.login", token=token, socket_id=visitor_tab.id)
    assert (await bob.call("conference.join", socket_id=visitor_tab.id, **here)).code == "WEAK_PRIVILEGE"
    for odd in ("", "undefined", "x" * 500, "'; --"):
        assert (await guest.ok("dmz.login", token=token, socket_id=odd))["validity"] == "TICKET_OK"


async def test_visitors_enter_no_room_and_hear_nothing(people: People, registry: Registry) -> None:
    alice, visitor = await people("Alice"), await people.stranger()
    hub = registry.add_hub("Square", alice.uid, "public")
    registry.grant(hub, "f" * 16, 2)
    desk, tab = await alice.tab(), await visitor.tab()
    here = {"hub_id": hub, "room_id": "feed", "metadata": {"type": "meeting"}}
    refused = await visitor.call("conference.join", socket_id=tab.id, **here)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    await alice.ok("conference.join", socket_id=desk.id, **here)
    await alice.ok(
        "conference.broadcast", socket_id=desk.id, event="HELLO", payload={}, hub_id=hub, room_id="feed"
    )
    # One visitor who signs out says nothing to the others.
    await (await people.stranger()).ok("bootstrap.authn")
    leaver = await people.stranger()
    await leaver.tab()
    await leaver.ok("yp.reset_session")
    await tab.nothing("conference.broadcast")
    assert [f["service"] for f in tab.frames] == ["sys.hello"]


async def test_a_visitor_who_signs_in_keeps_the_socket(people: People) -> None:
    alice, bob = await people.registered("Alice"), await people("Bob")
    tab = await alice.tab()
    assert (await tab.hello())["user"]["signed_in"] == 0
    credentials = {"ident": alice.email, "password": PASSWORD}
    assert (await alice.ok("yp.login", vars=credentials, socket_id=tab.id))["status"] == "ok"
    await bob.ok("contact.invite", email=alice.email)
    await tab.expect("contact.invite")
    await tab.ws.send_json(["sys.bind", {}])
    bound = await tab.expect_frame("sys.socket_bound")
    assert (bound["uid"], bound["firstname"], bound["signed_in"]) == (alice.uid, "Alice", 1)


async def test_whoever_knew_the_session_of_a_visitor_hears_nothing_of_the_user(people: People) -> None:
    """Somebody has left a page open elsewhere, with a session that the user finds in a shared browser."""
    alice, bob, thief = await people.registered("Alice"), await people("Bob"), await people.stranger()
    tab = await alice.tab()
    thief.http.cookie_jar.update_cookies({"regsid": session_cookie(alice)}, thief.base)
    listener = await thief.tab()
    token = (await thief.ok("bootstrap.authn"))["token"]
    credentials = {"ident": alice.email, "password": PASSWORD}
    assert (await alice.ok("yp.login", vars=credentials, socket_id=tab.id))["status"] == "ok"
    await listener._reader
    assert listener.ws.close_code == 1008
    late = Tab(await thief.http.ws_connect((thief.base / "-/websocket/").with_query(otak=token)))
    await bob.ok("contact.invite", email=alice.email)
    await tab.expect("contact.invite")
    assert not listener.updates("contact.invite")
    assert [frame["service"] for frame in late.frames] == ["sys.handshake"]
    await late.close()


async def test_a_guest_gives_back_the_place_of_a_visitor(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    """Otherwise visitors who come later would push guests out of their meeting."""
    base = (await make_node(anonymous_sockets_address=1)).make_url("/")
    alice = await people("Alice")
    token, _room = registry.add_link(registry.add_hub("Open house", alice.uid, "dmz"), "Tea", 1)
    for _ in range(3):
        guest = await people.stranger(base)
        tab = await guest.tab()
        await guest.ok("dmz.login", token=token)
        # Its answer comes after the socket is the guest's.
        await tab.ws.send_json(["sys.bind", {}])
        assert (await tab.expect_frame("sys.socket_bound"))["is_guest"] == 1


async def test_an_address_opens_so_many_sessions_of_visitors_and_no_more(
    make_node: NodeMaker, people: People, admin: Admin
) -> None:
    base = (await make_node(visitor_sessions_address=2, trust_proxy=True)).make_url("/")
    here = {"X-Forwarded-For": "192.0.2.7"}
    visitors = [await people.stranger(base) for _ in range(4)]
    tokens = [(await visitor.call("bootstrap.authn", here)).data["token"] for visitor in visitors]
    assert [bool(token) for token in tokens] == [True, True, False, False]
    # People with such a session go on, and other addresses do not notice.
    assert (await visitors[0].call("bootstrap.authn", here)).data["token"]
    assert (await visitors[2].call("bootstrap.authn", {"X-Forwarded-For": "192.0.2.8"})).data["token"]


async def test_sockets_of_visitors_count_as_those_without_a_session(
    make_node: NodeMaker, people: People
) -> None:
    base = (await make_node(anonymous_sockets=2, person_sockets=1)).make_url("/")
    for _ in range(2):
        await (await people.stranger(base)).tab()
    late = await people.stranger(base)
    token = (await late.ok("bootstrap.authn"))["token"]
    refused = Tab(await late.http.ws_connect((base / "-/websocket/").with_query(otak=token)))
    await refused._reader
    assert refused.ws.close_code == 1013
    await (await people("Alice", base=base)).tab()


async def test_a_guest_who_signs_out_leaves_the_meeting_in_all_tabs(
    people: People, registry: Registry, admin: Admin
) -> None:
    _alice, desk, token, here = await open_house(people, registry)
    guest, ticket, tab = await guest_of(people, token)
    other, bystander = await guest.tab(), (await guest_of(people, token))[2]
    await enter(guest, tab, ticket, "Zoë")
    former = {"x-param-regsid": session_cookie(guest)}
    answer = await guest.call("drumate.logout", FRONTEND, hub_id=ticket["uid"], socket_id=tab.id)
    assert answer.data == {"id": "f" * 16, "signed_in": 0, "connection": "offline"}
    for closed in (tab, other):
        await closed._reader
        assert len(closed.updates("drumate.logout")) == 1
        assert closed.ws.close_code == 1008
    assert (await desk.expect("conference.leave"))["model"]["uid"] == ticket["uid"]
    assert not bystander.updates("drumate.logout")
    assert admin.one("SELECT COUNT(*) FROM yp.session WHERE uid = %s", ticket["uid"]) == 0
    thief = await people.stranger()
    assert (await thief.call("conference.join", former, socket_id=tab.id, **here)).code == "WEAK_PRIVILEGE"
    # Their link opens the meeting again, for somebody new.
    assert (await guest.ok("dmz.login", token=token))["uid"] != ticket["uid"]


async def test_a_returning_guest_keeps_their_session_and_name(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    token, _ = registry.add_link(registry.add_hub("Open", alice.uid, "dmz"), "", 1)
    guest, ticket, tab = await guest_of(people, token)
    await enter(guest, tab, ticket, "Zoë")
    again = await guest.ok("dmz.login", token=token)
    assert (again["uid"], again["profile"]["firstname"], again["filename"]) == (ticket["uid"], "Zoë", "Open")
    other, others_ticket, _tab = await guest_of(people, token)
    assert others_ticket["uid"] != ticket["uid"]
    assert (await other.call("contact.show_contact")).status == 401


async def test_a_name_that_a_guest_page_repeats_is_shown_once(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    token, _ = registry.add_link(registry.add_hub("Open", alice.uid, "dmz"), "", 1)
    guest, ticket, tab = await guest_of(people, token)
    for first, last, name, expected in (
        ("Gwen", "Gwen", "Gwen", ("Gwen", "", "Gwen")),
        ("Gwen", "Doe", "Gwen Doe", ("Gwen", "Doe", "Gwen Doe")),
        ("Gwen Doe", "Gwen Doe", "Gwen Doe", ("Gwen Doe", "", "Gwen Doe")),
        ("Gwen", "Gwen", None, ("Gwen", "", "Gwen")),
    ):
        names = {"firstname": first, "lastname": last, "guest_name": name}
        joined = await guest.ok(
            "conference.join",
            **{"hub_id": ticket["hub_id"], "room_id": ticket["nid"], "socket_id": tab.id, "type": "meeting"},
            metadata=names,
        )
        assert tuple(joined["user"][key] for key in ("firstname", "lastname", "username")) == expected
        again = await guest.ok("dmz.login", token=token)
        assert again["profile"]["firstname"] == (name or first)


async def test_a_user_with_an_account_keeps_their_identity(people: People, registry: Registry) -> None:
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
    for ticket in (token, "no-such-guest-link"):
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
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    here = {"hub_id": hub, "room_id": room, "metadata": {"type": "meeting"}}
    await alice.ok("conference.join", socket_id=alice_tab.id, **here)
    await bob.ok("conference.join", socket_id=bob_tab.id, **here)
    await alice.ok("conference.leave", room_id=room, socket_id=alice_tab.id)
    update = (await tab.expect("conference.leave"))["model"]
    assert update["host"] == bob_tab.id
    assert admin.rows("SELECT uid FROM yp.conference WHERE room_id = %s AND role = 'host'", room) == [
        (bob.uid,)
    ]
    # Alice returns: the room already has a host.
    assert (await alice.ok("conference.join", socket_id=alice_tab.id, **here))["user"]["role"] == "attendee"


@pytest.mark.parametrize(
    ("name", "visible"), [("\u200b \u3164", "Guest"), ("\u202eZoë\u200b ", "Zoë"), ("x" * 500, "x" * 128)]
)
async def test_the_name_of_a_guest_is_visible_and_cut(
    people: People, registry: Registry, name: str, visible: str
) -> None:
    alice = await people("Alice")
    token, _ = registry.add_link(registry.add_hub("Open", alice.uid, "dmz"), "", 1)
    guest, ticket, tab = await guest_of(people, token)
    user = (await enter(guest, tab, ticket, name))["user"]
    assert (user["firstname"][:128], user["lastname"]) == (visible, "")


async def test_turn_passwords_expire_by_the_clock_of_the_database(
    make_node: NodeMaker, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = {"turn_urls": "turn:turn.example.org:3478", "turn_secret": "north", "turn_ttl": 600}
    alice = await people("Alice", base=(await make_node(**turn)).make_url("/"))
    tab, now = await alice.tab(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    joined = await alice.ok(
        "conference.join", hub_id=alice.uid, socket_id=tab.id, metadata={"type": "meeting"}
    )
    (server,) = joined["configs"]["iceServers"]
    assert 500 < int(server["username"].partition(":")[0]) - now < 700


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
    assert (configs["domain"], configs["auth"]) == ("jit.example.org", ["u", "pw"])
    assert "stunServers" not in configs
    stun, turn = configs["iceServers"]
    assert stun == {"urls": ["stun:turn.example.org:3478"]}
    assert len(turn["urls"]) == 2
    until, _, uid = turn["username"].partition(":")
    assert uid == alice.uid
    assert 0 < int(until) - time.time() <= 601
    digest = hmac.new(b"north", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(digest).decode()


async def test_a_guest_who_waits_gets_no_credentials_of_media_servers(
    make_node: NodeMaker, people: People, registry: Registry
) -> None:
    servers = {"stun_urls": "stun:turn.example.org:3478", "turn_urls": "turn:turn.example.org:3478"}
    jitsi = {"jitsi_domain": "jit.example.org", "jitsi_user": "drumee", "jitsi_password": "pw"}
    base = (await make_node(**servers, **jitsi, turn_secret="north")).make_url("/")
    alice = await people("Alice", base=base)
    hub = registry.add_hub("Open house", alice.uid, "dmz")
    token, room = registry.add_link(hub, "Tea", 1)
    guest, ticket, tab = await guest_of(people, token, base)
    lobby = await enter(guest, tab, ticket, "Zoë")
    assert (lobby["user"]["status"], lobby["configs"]) == ("waiting", {})
    desk = await alice.tab()
    here = {"hub_id": hub, "room_id": room, "metadata": {"type": "meeting"}}
    host = await alice.ok("conference.join", socket_id=desk.id, **here)
    assert set(host["configs"]) == {"domain", "auth", "iceServers"}
    await tab.expect("conference.start")
    inside = await guest.ok(
        "conference.join", hub_id=hub, room_id=room, socket_id=tab.id, type="meeting", metadata={}
    )
    assert (inside["user"]["status"], set(inside["configs"])) == ("started", set(host["configs"]))
    late, late_ticket, late_tab = await guest_of(people, token, base)
    assert (await enter(late, late_tab, late_ticket, "Max"))["configs"]["auth"] == ["drumee", "pw"]


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
async def test_the_area_decides_who_may_join_first(
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
    alice_tab, bob_tab = await alice.tab(), await bob.tab()
    room = (
        await alice.ok("conference.join", hub_id=hub, socket_id=alice_tab.id, metadata={"type": "meeting"})
    )["user"]["room_id"]
    here = {"hub_id": hub, "room_id": room, "socket_id": alice_tab.id, "event": "BIG"}
    fits = {"x": "y" * (65_536 - len('{"x":""}'))}
    await alice.ok("conference.broadcast", payload=fits, **here)
    assert (await bob_tab.expect("conference.broadcast"))["model"] == fits
    too_big = await alice.call("conference.broadcast", payload={"x": fits["x"] + "y"}, **here)
    assert (too_big.status, too_big.code) == (400, "INVALID_PARAM")
