"""conference.invite and the services after it: calls between two users with two tabs each."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from service.admin.registry import Registry
from service.ids import to_wire
from service.live import call_log
from tests.support.admin import Admin
from tests.support.conferences import (
    CONNECT,
    Line,
    answered_ago,
    dial,
    invitation_status,
    log_of,
    logged,
    wicket_of,
)
from tests.support.contacts import email_list
from tests.support.nodes import NodeMaker
from tests.support.people import QUIET, WAIT, People, Person, befriend
from tests.support.rest import Answer, Client, ClientMaker
from tests.support.waiting import until


async def test_a_call_rings_every_tab_of_the_callee_and_tells_no_address(line: Line, admin: Admin) -> None:
    answer = await line.dial()
    assert answer == {"room_id": answer["room_id"], "nid": answer["room_id"]}
    for tab in (line.b1, line.b2):
        frame = await tab.expect("conference.invite")
        model, sender = frame["model"], frame["options"]["sender"]
        assert model == {
            "room_id": answer["room_id"],
            "nid": answer["room_id"],
            "hub_id": line.wicket,
            "caller_id": line.a1.id,
            "uid": line.alice.uid,
            "drumate_id": line.alice.uid,
            "entity_id": line.alice.uid,
            "username": model["username"],
            "firstname": "Alice",
            "lastname": "Test",
            "fullname": "Alice Test",
            "display": "Alice Test",
            "name": "Alice Test",
            "room_type": "connect",
            "type": "conference.invite",
        }
        assert sender["socket_id"] == line.a1.id
        assert line.alice.email not in str(frame)
    assert invitation_status(admin, answer["room_id"]) == "ringing"
    assert admin.rows("SELECT role, socket_id FROM yp.conference WHERE room_id = %s", answer["room_id"]) == [
        ("host", line.a1.id)
    ]
    await line.a2.nothing("conference.invite", 0.1)


async def test_dialling_again_while_it_rings_finds_the_same_room(line: Line) -> None:
    assert await line.dial() == await line.dial()


async def test_a_callee_who_is_away_unknown_or_blocked_is_offline_without_a_trace(
    people: People, admin: Admin
) -> None:
    alice, away, bob = [await people(n) for n in ("Alice", "Away", "Bob")]
    tab, bob_tab = await alice.tab(), await bob.tab()
    wicket = await wicket_of(alice)
    here = {"hub_id": wicket, "socket_id": tab.id, "metadata": CONNECT}
    admin.rows(
        "INSERT INTO yp.contact_block (owner_id, contact_id, entity, uid, ctime) VALUES (%s, %s, %s, %s, 1)",
        *(bob.uid, "00000000000000aa", alice.uid, alice.uid),
    )
    for guest in (away.uid, "0123456789abcdef", bob.uid):
        answer = await alice.ok("conference.invite", guest_id=guest, **here)
        assert answer == {"offline": 1, "uid": guest}
    # The user who blocks does not get through either.
    back = await dial(bob, bob_tab, alice)
    assert back["offline"] == 1
    await bob_tab.nothing("conference.invite", 0.1)
    assert admin.one("SELECT COUNT(*) FROM yp.conference WHERE uid = %s", alice.uid) == 0
    assert admin.one("SELECT COUNT(*) FROM yp.call_invitation WHERE caller_id = %s", alice.uid) == 0
    assert log_of(admin, away, alice) == log_of(admin, bob, alice) == [], "they are strangers"


async def test_only_the_owner_of_the_hub_calls_from_it_with_their_own_socket(line: Line) -> None:
    here = {"metadata": CONNECT, "guest_id": line.alice.uid}
    foreign_hub = await line.bob.call("conference.invite", hub_id=line.wicket, socket_id=line.b1.id, **here)
    assert (foreign_hub.status, foreign_hub.code) == (403, "WEAK_PRIVILEGE")
    own = await wicket_of(line.bob)
    foreign_socket = await line.bob.call("conference.invite", hub_id=own, socket_id=line.a1.id, **here)
    assert (foreign_socket.status, foreign_socket.code) == (403, "WEAK_PRIVILEGE")
    himself = await line.bob.call(
        "conference.invite",
        **{"hub_id": own, "socket_id": line.b1.id, "metadata": CONNECT, "guest_id": line.bob.uid},
    )
    assert (himself.status, himself.code) == (400, "INVALID_PARAM")


async def test_picking_up_tells_the_caller_and_the_other_tabs(line: Line, admin: Admin) -> None:
    call = await line.ring()
    joined = await line.pick_up(call)
    assert (joined["permission"], joined["user"]["role"], joined["details"]) == (3, "attendee", {})
    accepted = (await line.a1.expect("conference.accept"))["model"]
    assert (accepted["active_id"], accepted["uid"]) == (line.b1.id, line.bob.uid)
    elsewhere = (await line.b2.expect("conference.accept"))["model"]
    assert (elsewhere["uid"], elsewhere["active_id"]) == (line.bob.uid, line.b1.id)
    assert (elsewhere["room_type"], elsewhere["room_id"]) == ("connect", call["room_id"])
    await line.b1.nothing("conference.accept", 0.1)
    await line.a2.nothing("conference.accept", 0)
    for tab in (line.a1, line.b2):
        assert len(tab.updates("conference.accept")) == 1
    assert invitation_status(admin, call["room_id"]) == "accepted"


async def test_a_client_that_accepts_before_it_joins_tells_the_caller_once(line: Line) -> None:
    call = await line.ring()
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id}
    for _ in range(2):
        await line.bob.ok("conference.accept", caller=call, **here)
    await line.bob.ok("conference.join", metadata=CONNECT, isCallee=1, **here)
    assert (await line.a1.expect("conference.join"))["model"]["uid"] == line.bob.uid
    assert len(line.a1.updates("conference.accept")) == 1


async def test_accept_reaches_only_who_really_called(line: Line, people: People) -> None:
    call = await line.ring()
    mallory = await people("Mallory")
    mallory_tab = await mallory.tab()
    refused = await mallory.call("conference.accept", caller=call, socket_id=mallory_tab.id)
    assert (refused.status, refused.code) == (403, "WEAK_PRIVILEGE")
    # A wrong socket in the caller object does not notify a wrong user.
    await line.bob.ok("conference.accept", caller=call | {"caller_id": mallory_tab.id}, socket_id=line.b1.id)
    await line.a1.expect("conference.accept")
    await mallory_tab.nothing("conference.accept", 0.1)
    stolen = await mallory.call("conference.accept", caller=call, socket_id=line.b1.id)
    assert stolen.status == 403
    assert (await line.bob.call("conference.accept", socket_id=line.b1.id)).code == "MISSING_PARAM"


async def test_declining_tells_the_caller_once_and_silences_the_other_tab(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"caller": call, "hub_id": call["hub_id"], "room_id": call["room_id"]}
    assert await line.bob.ok("conference.decline", socket_id=line.b1.id, **here) == call
    declined = (await line.a1.expect("conference.decline"))["model"]
    assert (declined["uid"], declined["room_id"]) == (line.bob.uid, call["room_id"])
    assert (await line.b2.expect("conference.revoke"))["model"]["room_id"] == call["room_id"]
    # The second window closes and sends a decline as well.
    await line.bob.ok("conference.decline", socket_id=line.b2.id, **here)
    await line.a1.nothing("conference.decline", 0.2)
    assert len(line.a1.updates("conference.decline")) == 1
    assert invitation_status(admin, call["room_id"]) == "declined"
    late = await line.bob.call("conference.join", metadata=CONNECT, isCallee=1, socket_id=line.b1.id, **here)
    assert late.status == 403


@pytest.mark.parametrize("caller", [{}, {"room_id": "no-such-room"}, {"caller_id": "x"}, {"room_id": 5}])
async def test_declining_what_never_rang_is_harmless(line: Line, caller: dict[str, Any]) -> None:
    assert await line.bob.ok("conference.decline", caller=caller or {"x": 1}) == (caller or {"x": 1})


async def test_cancelling_silences_the_callee_and_a_spurious_decline_reaches_nobody(
    line: Line, admin: Admin
) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": line.a1.id}
    assert await line.alice.ok("conference.cancel", **here) == {}
    for tab in (line.b1, line.b2):
        model = (await tab.expect("conference.cancel"))["model"]
        assert (model["uid"], model["socket_id"], model["room_id"]) == (
            line.alice.uid,
            line.a1.id,
            call["room_id"],
        )
    await line.bob.ok("conference.decline", caller=call, room_id=call["room_id"])
    assert await line.alice.ok("conference.cancel", **here) == {}
    await line.a1.nothing("conference.decline", 0.2)
    assert len(line.b1.updates("conference.cancel")) == 1
    assert invitation_status(admin, call["room_id"]) == "cancelled"
    assert admin.one("SELECT COUNT(*) FROM yp.permission WHERE resource_id = %s", call["room_id"]) == 0
    assert admin.one("SELECT COUNT(*) FROM yp.conference_room WHERE id = %s", call["room_id"]) == 0


async def test_a_caller_who_cancels_on_another_device_ends_the_call(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": line.a2.id}
    await line.alice.ok("conference.cancel", **here)
    for tab in (line.a1, line.b1, line.b2):
        model = (await tab.expect("conference.cancel"))["model"]
        assert (model["room_id"], model["uid"], model["socket_id"]) == (
            call["room_id"],
            line.alice.uid,
            line.a2.id,
        )
    assert invitation_status(admin, call["room_id"]) == "cancelled"
    assert admin.rows("SELECT 1 FROM yp.conference WHERE room_id = %s", call["room_id"]) == []
    assert [entry[0] for entry in await logged(admin, line.alice, line.bob)] == ["cancel"]


async def test_a_caller_who_revokes_on_another_device_closes_the_window_that_rang(line: Line) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "socket_id": line.a2.id, "callee": line.callee()}
    assert await line.alice.ok("conference.revoke", **here) == {"room_id": call["room_id"]}
    for tab in (line.a1, line.b1, line.b2):
        model = (await tab.expect("conference.revoke"))["model"]
        assert (model["room_id"], model["caller_id"]) == (call["room_id"], line.a2.id)


@pytest.mark.parametrize("service", ["conference.cancel", "conference.revoke"])
async def test_another_device_that_ends_a_ring_ends_no_call_that_goes_on(
    line: Line, people: People, admin: Admin, service: str
) -> None:
    carol = await people("Carol")
    carol_tab = await carol.tab()
    call = await line.ring()
    await line.pick_up(call)
    await dial(line.alice, line.a1, carol, hub_id=line.wicket, room_id=call["room_id"])
    await carol_tab.expect("conference.invite")
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": line.a2.id}
    await line.alice.ok(service, callee={"entity_id": carol.uid}, **here)
    await carol_tab.expect(service)
    await line.a1.nothing(service, 0.2)
    inside = admin.rows("SELECT socket_id FROM yp.conference WHERE room_id = %s", call["room_id"])
    assert {socket for (socket,) in inside} == {line.a1.id, line.b1.id}


async def test_cancel_touches_only_its_own_room(line: Line, people: People) -> None:
    carol = await people("Carol")
    carol_tab, wicket = await carol.tab(), await wicket_of(carol)
    call = await line.ring()
    await line.pick_up(call)
    await dial(carol, carol_tab, line.bob, hub_id=wicket)
    await line.b1.expect("conference.invite", 2)
    stranger = {"hub_id": wicket, "room_id": call["room_id"], "socket_id": carol_tab.id}
    await carol.ok("conference.cancel", **stranger)
    await line.b1.nothing("conference.cancel", 0.2)
    assert line.a1.updates("conference.cancel") == []


async def test_revoking_tells_the_callee_and_logs_a_cancelled_call(line: Line, admin: Admin) -> None:
    call = await line.ring()
    # Without room_id: the newest invitation.
    here = {"hub_id": line.wicket, "socket_id": line.a1.id, "callee": line.callee()}
    assert await line.alice.ok("conference.revoke", **here) == {"room_id": call["room_id"]}
    for tab in (line.b1, line.b2):
        model = (await tab.expect("conference.revoke"))["model"]
        assert (model["room_id"], model["hub_id"], model["uid"], model["caller_id"]) == (
            call["room_id"],
            line.wicket,
            line.alice.uid,
            line.a1.id,
        )
    assert (await line.b2.expect("chat.post"))["model"]["call_status"] == "cancel"
    assert await line.alice.ok("conference.revoke", **here) == {"room_id": None}
    await line.bob.ok("conference.decline", caller=call)
    await line.a1.nothing("conference.decline", 0.2)
    assert len(line.b1.updates("conference.revoke")) == 1
    assert [e[0] for e in log_of(admin, line.bob, line.alice)] == ["cancel"]
    assert invitation_status(admin, call["room_id"]) == "revoked"


async def test_revoking_takes_a_participant_out_of_the_room(line: Line, admin: Admin) -> None:
    call = await line.ring()
    await line.pick_up(call)
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": line.a1.id}
    await line.alice.ok("conference.revoke", callee=line.callee(), **here)
    assert (await line.a1.expect("conference.leave"))["model"]["uid"] == line.bob.uid
    assert admin.one("SELECT COUNT(*) FROM yp.conference WHERE uid = %s", line.bob.uid) == 0
    again = await line.bob.call(
        "conference.join", metadata=CONNECT, hub_id=line.wicket, room_id=call["room_id"], socket_id=line.b1.id
    )
    assert again.status == 403


async def test_picking_up_by_join_alone_stops_the_other_devices(line: Line, people: People) -> None:
    """Without a microphone the frontend never sends conference.accept."""
    phone = await people.device(line.bob)
    tab = await phone.tab()
    call = await line.ring()
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"]}
    await phone.ok("conference.join", metadata=CONNECT, isCallee=1, socket_id=tab.id, **here)
    for other in (line.b1, line.b2):
        model = (await other.expect("conference.accept"))["model"]
        assert (model["uid"], model["active_id"], model["room_id"]) == (
            line.bob.uid,
            tab.id,
            call["room_id"],
        )
    late = {"metadata": CONNECT, "isCallee": 1, "socket_id": line.b1.id, **here}
    refused = await line.bob.call("conference.join", **late)
    assert (refused.status, refused.code) == (409, "ANSWERED_ELSEWHERE")
    refused = await line.bob.call("conference.accept", caller=call, socket_id=line.b1.id)
    assert (refused.status, refused.code) == (409, "ANSWERED_ELSEWHERE")
    assert len(line.a1.updates("conference.accept")) == 1
    # The phone hangs up; the call is over for all of Bob's devices.
    await phone.ok("conference.leave", socket_id=tab.id, **here)
    assert (await line.bob.call("conference.join", **late)).status in {403, 409}


async def test_an_answer_here_stops_no_call_elsewhere(line: Line, people: People) -> None:
    """The frontend closes any call that it has open when it hears that one was answered."""
    carol = await people("Carol")
    carol_tab = await carol.tab()
    await line.pick_up(await line.ring())
    await dial(carol, carol_tab, line.bob)
    call = (await line.b2.expect("conference.invite", 2))["model"]
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b2.id}
    await line.bob.ok("conference.join", metadata=CONNECT, isCallee=1, **here)
    await carol_tab.expect("conference.accept")
    await line.b1.nothing("conference.accept", 0.2)


@pytest.mark.parametrize("ending", ["cancel", "revoke", "decline", "expire"])
async def test_the_end_of_a_ring_ends_no_call_elsewhere(
    line: Line, people: People, admin: Admin, ending: str
) -> None:
    """The frontend closes any call that it has open when it hears that one is over."""
    carol = await people("Carol")
    carol_tab = await carol.tab()
    await line.pick_up(await line.ring())
    await dial(carol, carol_tab, line.bob)
    call = (await line.b2.expect("conference.invite", 2))["model"]
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"]}
    heard = "conference.cancel" if ending == "cancel" else "conference.revoke"
    if ending == "cancel":
        await carol.ok("conference.cancel", socket_id=carol_tab.id, **here)
    elif ending == "revoke":
        await carol.ok("conference.revoke", socket_id=carol_tab.id, callee=line.callee(), **here)
    elif ending == "decline":
        await line.bob.ok("conference.decline", caller=call, **here)
    else:
        admin.rows("UPDATE yp.call_invitation SET expiry = 1 WHERE room_id = %s", call["room_id"])
    assert (await line.b2.expect(heard))["model"]["room_id"] == call["room_id"]
    await line.b1.nothing(heard, 0.2)


@pytest.mark.parametrize("blocker", ["alice", "bob"])
async def test_a_block_ends_the_ring_on_both_sides(line: Line, admin: Admin, blocker: str) -> None:
    await befriend(admin, line.alice, line.bob)
    call = await line.ring()
    person, other = (line.alice, line.bob) if blocker == "alice" else (line.bob, line.alice)
    contact = admin.one(
        f"SELECT id FROM {person.shard}.contact WHERE owner_id = %s AND uid = %s", person.uid, other.uid
    )
    await person.ok("contact.block", contact_id=contact)
    refusal = (await line.a1.expect("conference.decline"))["model"]
    assert (refusal["room_id"], refusal["uid"]) == (call["room_id"], line.bob.uid)
    for tab in (line.b1, line.b2):
        model = (await tab.expect("conference.revoke"))["model"]
        assert (model["room_id"], model["status"]) == (call["room_id"], "declined")
    assert invitation_status(admin, call["room_id"]) == "declined"
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id}
    assert (await line.bob.call("conference.join", metadata=CONNECT, isCallee=1, **here)).status == 403


async def test_a_block_ends_the_call_and_says_nothing_of_itself(line: Line, admin: Admin) -> None:
    await befriend(admin, line.alice, line.bob)
    call = await line.ring()
    await line.pick_up(call)
    book = f"SELECT id FROM {line.bob.shard}.contact WHERE owner_id = %s AND uid = %s"
    await line.bob.ok("contact.block", contact_id=admin.one(book, line.bob.uid, line.alice.uid))
    for tab in (line.a1, line.b1):
        model = (await tab.expect("conference.cancel"))["model"]
        assert (model["room_id"], model["uid"], model["room_type"]) == (call["room_id"], None, "connect")
    assert admin.rows("SELECT 1 FROM yp.conference WHERE room_id = %s", call["room_id"]) == []
    ((event, *_),) = await logged(admin, line.alice, line.bob)
    assert event == "leave"
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id}
    assert (await line.bob.call("conference.join", metadata=CONNECT, **here)).status == 403


async def block_by_the_way(way: str, api: Client, bob: Person) -> Callable[[], Awaitable[Answer]]:
    """Prepare a change of Alice's book that blocks Bob, who is not blocked yet; return it."""
    alice = api.person
    entry = (await alice.ok("contact.add", invitee_id=bob.uid))["id"]
    path = f"/contacts/{to_wire(entry)}"
    if way == "a restore":
        await alice.ok("contact.block", contact_id=entry)
        await api.delete(path)
        return lambda: api.post(f"{path}/restore", {})
    stranger = (await alice.ok("contact.add", email=email_list(f"{secrets.token_hex(6)}@else.example")))["id"]
    await alice.ok("contact.block", contact_id=stranger)
    if way == "a merge":
        return lambda: api.post("/contacts/merge", {"into": to_wire(entry), "ids": [to_wire(stranger)]})
    await api.delete(path)
    emails = {"emails": [{"address": bob.email, "primary": True}]}
    return lambda: api.patch(f"/contacts/{to_wire(stranger)}", emails)


@pytest.mark.parametrize("is_answered", [False, True], ids=["rings", "goes on"])
@pytest.mark.parametrize("way", ["a restore", "a merge", "a new address"])
async def test_a_block_by_the_way_ends_the_call(
    line: Line, admin: Admin, client_of: ClientMaker, way: str, is_answered: bool
) -> None:
    block = await block_by_the_way(way, await client_of(person=line.alice), line.bob)
    call = await line.ring()
    if is_answered:
        await line.pick_up(call)
    blocked = await block()
    assert blocked.status == 200, blocked.raw
    blocks = "SELECT 1 FROM yp.contact_block WHERE owner_id = %s AND uid = %s"
    assert admin.rows(blocks, line.alice.uid, line.bob.uid) == [(1,)]
    heard = ("conference.cancel",) * 2 if is_answered else ("conference.decline", "conference.revoke")
    for tab, service in zip((line.a1, line.b1), heard, strict=True):
        assert (await tab.expect(service))["model"]["room_id"] == call["room_id"]
    ((event, *_),) = await logged(admin, line.alice, line.bob)
    assert event == ("leave" if is_answered else "reject")
    here = {"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id}
    assert (await line.bob.call("conference.join", metadata=CONNECT, isCallee=1, **here)).status == 403


async def test_get_caller_finds_a_ringing_call_and_nothing_else(line: Line) -> None:
    nothing = await line.bob.ok("conference.get_caller", guest_id=line.alice.uid, hub_id=line.bob.uid)
    assert nothing == {}
    call = await line.ring()
    ringing = await line.bob.ok("conference.get_caller", guest_id=line.alice.uid, hub_id=line.bob.uid)
    assert ringing == {k: v for k, v in call.items() if k not in {"room_type", "type"}}
    await line.pick_up(call)
    assert await line.bob.ok("conference.get_caller", guest_id=line.alice.uid) == {}


async def test_calling_back_while_it_rings_returns_the_call_to_answer(line: Line, admin: Admin) -> None:
    call = await line.ring()
    answer = await dial(line.bob, line.b1, line.alice)
    assert (answer["cross_call"], answer["room_id"], answer["hub_id"]) == (1, call["room_id"], line.wicket)
    assert answer["caller"]["caller_id"] == answer["caller_id"] == line.a1.id
    await line.a1.nothing("conference.invite", 0.1)
    await line.pick_up(answer["caller"])
    await line.b2.expect("conference.accept")
    assert len(line.a1.updates("conference.accept")) == 1


async def test_somebody_else_who_rings_makes_no_cross_call(line: Line, people: People) -> None:
    carol = await people("Carol")
    carol_tab = await carol.tab()
    await line.ring()
    answer = await dial(line.bob, line.b1, carol)
    assert "cross_call" not in answer
    await carol_tab.expect("conference.invite")


async def test_exactly_one_rings_in_five_hundred_pairs_who_dial_each_other_at_once(
    people: People, make_node: NodeMaker, admin: Admin
) -> None:
    other_node = (await make_node()).make_url("/")
    callers = [await people("Left") for _ in range(10)]
    callees = [await people("Right", base=other_node, shard="shard2") for _ in range(10)]
    tabs = {p.uid: await p.tab() for p in (*callers, *callees)}
    wickets = {p.uid: await wicket_of(p) for p in (*callers, *callees)}

    for turn in range(50):
        pairs = list(zip(callers, callees[turn % 10 :] + callees[: turn % 10], strict=True))
        dialled = await asyncio.gather(
            *(
                dial(caller, tabs[caller.uid], callee, hub_id=wickets[caller.uid])
                for one, two in pairs
                for caller, callee in ((one, two), (two, one))
            )
        )
        for first, second in zip(dialled[::2], dialled[1::2], strict=True):
            ringing, crossed = sorted((first, second), key=lambda a: "cross_call" in a)
            assert "cross_call" not in ringing
            assert crossed["cross_call"] == 1
            assert crossed["room_id"] == ringing["room_id"] == crossed["caller"]["room_id"]
            assert crossed["caller_id"] in {t.id for t in tabs.values()}
        await asyncio.to_thread(
            admin.rows,
            "UPDATE yp.call_invitation SET status = 'cancelled', logged_at = 1 WHERE status = 'ringing'",
        )

    def rung() -> int:
        return sum(len(t.updates("conference.invite")) for t in tabs.values())

    for _ in range(int(WAIT / QUIET)):
        if rung() >= 500:
            break
        await asyncio.sleep(QUIET)
    assert rung() == 500


async def test_a_call_is_logged_once_on_both_sides_and_leave_beats_the_rest(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "callee": line.callee()}
    for event in ("reject", "cancel", "decline", "leave", "nonsense"):
        assert await line.alice.ok("conference.logCall", event=event, **here) == line.callee()
    assert log_of(admin, line.alice, line.bob) == [], "it rings, and is not over"
    await line.pick_up(call)
    await answered_ago(admin, call["room_id"], 70)
    for event, duration in (("cancel", 0), ("leave", 61_500), ("leave", 99_999), ("cancel", 0)):
        await line.alice.ok("conference.logCall", event=event, duration=duration, **here)
    await line.alice.ok("conference.leave", room_id=call["room_id"], socket_id=line.a1.id)
    (caller_entry,), (callee_entry,) = (
        log_of(admin, line.alice, line.bob),
        log_of(admin, line.bob, line.alice),
    )
    assert caller_entry[:5] == ("leave", 61_500, "caller", line.alice.uid, 1)
    assert callee_entry[:5] == ("leave", 61_500, "callee", line.alice.uid, 0)
    assert caller_entry[5] == callee_entry[5]
    for tab, person, peer, role in (
        (line.a2, line.alice, line.bob, "caller"),
        (line.b1, line.bob, line.alice, "callee"),
    ):
        await tab.expect("chat.post")
        await tab.nothing("chat.post", 0.1)
        model = tab.updates("chat.post")[-1]["model"]
        assert (model["to_id"], model["entity_id"], model["author_id"]) == (
            person.uid,
            peer.uid,
            line.alice.uid,
        )
        assert (model["message_type"], model["call_status"], model["call_duration"]) == (
            "call",
            "leave",
            61_500,
        )
        assert f'"role": "{role}"' in model["metadata"]
        assert (model["room"], model["total"]) == ((0, 0) if role == "caller" else (1, 1))


async def test_two_logs_of_one_call_at_once_leave_one_entry(line: Line, admin: Admin) -> None:
    call = await line.ring()
    here = {"hub_id": line.wicket, "room_id": call["room_id"], "callee": line.callee()}
    events = ["cancel", "reject", "leave", "cancel"] * 5
    await line.pick_up(call)
    await line.alice.ok("conference.leave", room_id=call["room_id"], socket_id=line.a1.id)
    await asyncio.gather(*(line.alice.ok("conference.logCall", event=e, **here) for e in events))
    assert [e[0] for e in await logged(admin, line.alice, line.bob)] == ["leave"]
    assert [e[0] for e in await logged(admin, line.bob, line.alice)] == ["leave"]


async def test_nobody_logs_into_the_conversations_of_strangers_or_hubs(
    line: Line, people: People, registry: Registry, admin: Admin
) -> None:
    mallory = await people("Mallory")
    hub = registry.add_hub("Team", line.alice.uid, "private")
    for target in (line.alice.uid, hub, mallory.uid, "0123456789abcdef"):
        callee = {"entity_id": target}
        assert await mallory.ok("conference.logCall", event="leave", duration=5, callee=callee) == callee
    assert admin.one("SELECT COUNT(*) FROM shard1.message WHERE author_id = %s", mallory.uid) == 0
    # The caller writes the log, the callee does not.
    call = await line.ring()
    await line.bob.ok(
        "conference.logCall", event="leave", room_id=call["room_id"], callee={"entity_id": line.alice.uid}
    )
    assert log_of(admin, line.alice, line.bob) == []


async def test_people_in_contact_may_log_without_an_invitation(line: Line, admin: Admin) -> None:
    contact = await line.alice.ok("contact.add", invitee_id=line.bob.uid)
    admin.rows("UPDATE shard1.contact SET uid = peer_id WHERE id = %s", contact["id"])
    callee = {"entity_id": line.bob.uid, "contact_id": contact["id"]}
    for _ in range(2):
        await line.alice.ok(
            "conference.logCall", event="cancel", room_id="feed", callee=callee, duration=None
        )
    assert [e[0] for e in log_of(admin, line.bob, line.alice)] == ["cancel"]
    assert (await line.a1.expect("chat.post"))["model"]["entity"]["id"] == contact["id"]


async def test_a_call_nobody_answers_is_missed_on_both_sides_and_in_the_log(
    make_node: NodeMaker, people: People, admin: Admin
) -> None:
    base = (await make_node(ring_seconds=1)).make_url("/")
    alice, bob = await people("Alice", base=base), await people("Bob", base=base, shard="shard2")
    line = await Line.between(alice, bob)
    call = await line.ring()
    update = (await line.a1.expect("conference.decline"))["model"]
    assert (update["status"], update["uid"], update["room_id"]) == ("missed", bob.uid, call["room_id"])
    for tab in (line.b1, line.b2):
        model = (await tab.expect("conference.revoke"))["model"]
        assert (model["status"], model["room_id"]) == ("missed", call["room_id"])
        assert "callee_db" not in model
    # Both clients react as to a decline.
    await bob.ok("conference.decline", caller=call)
    for event in ("reject", "cancel"):
        await alice.ok("conference.logCall", event=event, callee=line.callee(), room_id=call["room_id"])
    await logged(admin, bob, alice)
    for person, peer, tab, role in ((alice, bob, line.a1, "caller"), (bob, alice, line.b1, "callee")):
        entry = (await tab.expect("chat.post"))["model"]
        (message,) = await person.ok("chat.messages", entity_id=peer.uid, hub_id=person.uid, order="desc")
        for each in (entry, message):
            assert (each["call_status"], each["call_duration"]) == ("cancel", 0)
            metadata = orjson.loads(each["metadata"])
            assert (metadata["role"], metadata["cause"]) == (role, "missed")
        assert [e[0] for e in log_of(admin, person, peer)] == ["cancel"]
    assert len(line.a1.updates("conference.decline")) == 1
    assert invitation_status(admin, call["room_id"]) == "missed"


async def test_calls_end_that_cannot_be_logged(
    make_node: NodeMaker, people: People, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = (await make_node(ring_seconds=1)).make_url("/")
    lines = []
    for _ in range(2):
        alice, bob = await people("Alice", base=base), await people("Bob", base=base, shard="shard2")
        lines.append(await Line.between(alice, bob))
    write_log = call_log.write_log

    async def spoiled(tx: Any, call: Any) -> Any:
        if call["uid"] == lines[0].alice.uid:
            raise LookupError("the conversation is spoiled")
        return await write_log(tx, call)

    monkeypatch.setattr(call_log, "write_log", spoiled)
    rooms = [(await line.ring())["room_id"] for line in lines]
    for line, room in zip(lines, rooms, strict=True):
        assert (await line.a1.expect("conference.decline"))["model"]["status"] == "missed"
        assert (await line.b1.expect("conference.revoke"))["model"]["room_id"] == room
        assert invitation_status(admin, room) == "missed"
    await logged(admin, lines[1].alice, lines[1].bob)
    assert log_of(admin, lines[0].alice, lines[0].bob) == []


async def test_a_caller_who_vanishes_leaves_a_missed_call_and_no_grant(
    line: Line, admin: Admin, make_node: NodeMaker
) -> None:
    call = await line.ring()
    await line.a1.cut()
    # Bob would enter, and the call go on, before the break is recorded.
    await until(lambda: not admin.rows("SELECT 1 FROM yp.conference WHERE room_id = %s", call["room_id"]))
    late = await line.bob.call(
        "conference.join",
        **{"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id},
        metadata=CONNECT,
        isCallee=1,
    )
    assert late.status == 403
    assert admin.one("SELECT expiry FROM yp.call_invitation WHERE room_id = %s", call["room_id"]) == 0
    assert admin.one("SELECT COUNT(*) FROM yp.permission WHERE resource_id = %s", call["room_id"]) == 0


async def test_a_third_person_is_rung_into_the_running_call(line: Line, people: People, admin: Admin) -> None:
    carol = await people("Carol")
    carol_tab = await carol.tab()
    call = await line.ring()
    await line.pick_up(call)
    answer = await dial(line.alice, line.a1, carol, hub_id=line.wicket, room_id=call["room_id"])
    assert answer["room_id"] == call["room_id"]
    invitation = (await carol_tab.expect("conference.invite"))["model"]
    joined = await carol.ok(
        "conference.join",
        **{"hub_id": line.wicket, "room_id": call["room_id"], "socket_id": carol_tab.id},
        metadata=CONNECT,
        isCallee=1,
    )
    assert {a["uid"] for a in joined["attendees"]} == {line.alice.uid, line.bob.uid}
    assert invitation["room_id"] == call["room_id"]
    # Alice's window logs the call once, with the callee who came last; the service logs the other one.
    await answered_ago(admin, call["room_id"], 61)
    await line.alice.ok(
        "conference.logCall",
        **{"event": "leave", "duration": 61_000, "room_id": call["room_id"], "hub_id": line.wicket},
        callee={"entity_id": carol.uid, "drumate_id": carol.uid},
    )
    await line.alice.ok("conference.leave", room_id=call["room_id"], socket_id=line.a1.id)
    for callee, tab in ((line.bob, line.b1), (carol, carol_tab)):
        assert [e[0] for e in await logged(admin, line.alice, callee)] == ["leave"]
        assert [e[0] for e in await logged(admin, callee, line.alice)] == ["leave"]
        assert (await tab.expect("chat.post"))["model"]["call_status"] == "leave"
    (message,) = await carol.ok("chat.messages", entity_id=line.alice.uid)
    entry = (await carol_tab.expect("chat.post"))["model"]
    assert (message["call_duration"], entry["call_duration"]) == (61_000, 61_000)
    # Bob leaves: his grant ends, Carol's stays.
    await line.bob.ok("conference.leave", room_id=call["room_id"], socket_id=line.b1.id)
    grants = admin.rows("SELECT entity_id FROM yp.permission WHERE resource_id = %s", call["room_id"])
    assert grants == [(carol.uid,)]


async def test_an_invitation_that_has_expired_lets_nobody_in(line: Line, admin: Admin) -> None:
    call = await line.ring()
    admin.rows("UPDATE yp.permission SET expiry = 1 WHERE resource_id = %s", call["room_id"])
    refused = await line.bob.call(
        "conference.join",
        **{"hub_id": call["hub_id"], "room_id": call["room_id"], "socket_id": line.b1.id},
        metadata=CONNECT,
    )
    assert refused.status == 403
